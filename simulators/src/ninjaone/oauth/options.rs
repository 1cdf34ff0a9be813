//! How a simulated instance behaves, and the apps and people it starts with.

use std::str::FromStr;

use super::apps::{App, Technician};

/// What happens to a refresh token that was used. The vendor's behaviour is not known, so all three exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The answer carries a new one and the old one is dead at once.
    Invalidate,
    /// The answer carries a new one; the old one works for this many seconds more.
    Grace(u32),
    /// The answer carries the same one, which goes on working.
    Static,
}

/// Why a text names no [`Rotation`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rotation is called `{0}`; known: rotate, grace (60 seconds), grace=SECONDS, static")]
pub struct UnknownRotation(String);

impl FromStr for Rotation {
    type Err = UnknownRotation;

    /// `rotate`, `grace`, `grace=SECONDS` or `static`.
    fn from_str(text: &str) -> Result<Self, UnknownRotation> {
        let unknown = || UnknownRotation(text.to_owned());
        match text {
            "rotate" => Ok(Self::Invalidate),
            "grace" => Ok(Self::Grace(60)),
            "static" => Ok(Self::Static),
            other => {
                let seconds = other.strip_prefix("grace=").ok_or_else(unknown)?;
                seconds.parse().map(Self::Grace).map_err(|_| unknown())
            }
        }
    }
}

/// The `error` of the answer to a dead refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadRefresh {
    /// `invalid_token`, as seen from the vendor.
    InvalidToken,
    /// `invalid_grant`, as RFC 6749 §5.2 has it.
    InvalidGrant,
}

/// Everything that can be chosen about the OAuth half of the simulator.
#[derive(Clone, Debug)]
pub struct OauthOptions {
    /// The client apps.
    pub apps: Vec<App>,
    /// The people who can sign in.
    pub technicians: Vec<Technician>,
    /// Seed of every token, code and id, so that runs repeat.
    pub seed: u64,
    /// Life of an access token in seconds (`expires_in`).
    pub access_token_seconds: u32,
    /// Life of an authorization code in seconds.
    pub code_seconds: u32,
    /// Life of a refresh token in days since it was issued; `None` for ever. The vendor's is unknown, clients report a month.
    pub refresh_token_days: Option<u32>,
    /// What a refresh does to the refresh token that was used.
    pub rotation: Rotation,
    /// Whether the answer to a refresh carries a refresh token. When it does not, the one that was used goes on
    /// working whatever `rotation` says: the client has no other.
    pub refresh_answer_has_token: bool,
    /// The error for a dead refresh token.
    pub dead_refresh: DeadRefresh,
    /// Whether using a code twice also revokes the grant made from it (RFC 6749 §4.1.2 recommends it).
    pub reused_code_revokes_grant: bool,
    /// Whether the older `/oauth/*` paths work; if not they answer nginx's 404 page, as in summer 2024.
    pub older_paths: bool,
    /// The address shown in the metadata, without a closing slash; `None` takes it from the request's `Host`.
    pub public_url: Option<String>,
}

impl Default for OauthOptions {
    fn default() -> Self {
        let all = ["monitoring", "management", "control"];
        Self {
            apps: vec![
                App::web("demo-web", "demo-web-secret", "Demo web app", &all),
                App::machine("demo-machine", "demo-machine-secret", "Demo machine app", &all),
                App::web(
                    "demo-monitoring",
                    "demo-monitoring-secret",
                    "Demo read-only app",
                    &["monitoring"],
                ),
                App::native("demo-native", "Demo native app", &all),
            ],
            technicians: vec![Technician {
                email: "tech@example.test".to_owned(),
                password: "demo-password".to_owned(),
            }],
            seed: 1,
            access_token_seconds: 3600,
            code_seconds: 60,
            refresh_token_days: Some(30),
            rotation: Rotation::Invalidate,
            refresh_answer_has_token: true,
            dead_refresh: DeadRefresh::InvalidToken,
            reused_code_revokes_grant: false,
            older_paths: true,
            public_url: None,
        }
    }
}

impl OauthOptions {
    /// Registers one more redirect URI with the app `client_id`; nothing happens if there is no such app.
    #[must_use]
    pub fn with_redirect_uri(mut self, client_id: &str, uri: &str) -> Self {
        for app in self.apps.iter_mut().filter(|app| app.client_id == client_id) {
            app.redirect_uris.push(uri.to_owned());
        }
        self
    }

    /// Lets one more technician sign in.
    #[must_use]
    pub fn with_technician(mut self, email: &str, password: &str) -> Self {
        self.technicians.push(Technician {
            email: email.to_owned(),
            password: password.to_owned(),
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_have_names() {
        let named = |text: &str| text.parse::<Rotation>();
        assert_eq!(named("rotate"), Ok(Rotation::Invalidate));
        assert_eq!(named("grace"), Ok(Rotation::Grace(60)));
        assert_eq!(named("grace=5"), Ok(Rotation::Grace(5)));
        assert_eq!(named("static"), Ok(Rotation::Static));
        for wrong in ["sometimes", "grace=soon", "grace=-1", ""] {
            let told = named(wrong).unwrap_err().to_string();
            assert!(
                told.contains(&format!("`{wrong}`")) && told.contains("rotate, grace"),
                "{told}"
            );
        }
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        let shown = format!("{:?}", OauthOptions::default());
        assert!(shown.contains("demo-web"));
        assert!(
            !shown.contains("demo-web-secret") && !shown.contains("demo-password"),
            "{shown}"
        );
    }
}
