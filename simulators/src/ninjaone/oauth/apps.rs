//! What an administrator sets up before any token exists: client apps and technicians.

use std::collections::BTreeSet;
use std::fmt;

use super::scopes::scope_set;

/// Where the product under test listens for its callback by default.
const CALLBACK_PATHS: [&str; 2] = ["/ninja/oauth/resp", "/dashboard/integrations/ninjaone-callback"];
const CALLBACK_ORIGINS: [&str; 2] = ["http://127.0.0.1:8411", "http://localhost:8411"];

/// The application platform chosen under Administration → Apps → API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// A server that keeps a secret.
    Web,
    /// A page in a browser: no secret, PKCE.
    SinglePage,
    /// A program on the user's machine: no secret, PKCE, any loopback port.
    Native,
    /// Machine to machine ("API Services"): a secret, no browser, no redirect.
    ApiServices,
}

/// The "allowed grant types" tick boxes of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    /// `authorization_code`
    AuthorizationCode,
    /// `refresh_token`
    RefreshToken,
    /// `client_credentials`
    ClientCredentials,
}

/// A client app as an administrator entered it.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// The client id.
    pub client_id: String,
    /// The name the consent page shows.
    pub name: String,
    /// The application platform.
    pub platform: Platform,
    /// The client secret; `None` for single page and native apps.
    pub secret: Option<String>,
    /// The ticked scopes, of `monitoring`, `management`, `control`.
    pub scopes: BTreeSet<String>,
    /// The ticked grant types.
    pub grant_types: BTreeSet<GrantType>,
    /// The registered redirect URIs, matched byte for byte.
    pub redirect_uris: Vec<String>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("client_id", &self.client_id)
            .field("name", &self.name)
            .field("platform", &self.platform)
            .field("secret", &self.secret.as_ref().map(|_| "(hidden)"))
            .field("scopes", &self.scopes)
            .field("grant_types", &self.grant_types)
            .field("redirect_uris", &self.redirect_uris)
            .finish()
    }
}

impl App {
    /// A Web app with the grant types Authorization Code and Refresh Token and the default callback URIs.
    pub fn web(client_id: &str, secret: &str, name: &str, scopes: &[&str]) -> Self {
        let redirect_uris = CALLBACK_ORIGINS
            .iter()
            .flat_map(|origin| CALLBACK_PATHS.iter().map(move |path| format!("{origin}{path}")));
        Self {
            client_id: client_id.to_owned(),
            name: name.to_owned(),
            platform: Platform::Web,
            secret: Some(secret.to_owned()),
            scopes: scope_set(scopes),
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            redirect_uris: redirect_uris.collect(),
        }
    }

    /// A native app: no secret, PKCE, `http://127.0.0.1` and `http://localhost` on any port, without a path.
    pub fn native(client_id: &str, name: &str, scopes: &[&str]) -> Self {
        Self {
            platform: Platform::Native,
            secret: None,
            redirect_uris: Vec::new(),
            ..Self::web(client_id, "", name, scopes)
        }
    }

    /// A machine-to-machine app: client credentials only.
    pub fn machine(client_id: &str, secret: &str, name: &str, scopes: &[&str]) -> Self {
        Self {
            platform: Platform::ApiServices,
            grant_types: BTreeSet::from([GrantType::ClientCredentials]),
            redirect_uris: Vec::new(),
            ..Self::web(client_id, secret, name, scopes)
        }
    }

    /// Whether this app may not keep a secret and therefore must use PKCE.
    pub fn is_public(&self) -> bool {
        matches!(self.platform, Platform::SinglePage | Platform::Native)
    }

    /// Whether `uri` may receive this app's codes: byte for byte one of the registered ones, or, for a native app,
    /// a loopback address on any port without a path.
    pub fn accepts_redirect(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered == uri)
            || (self.platform == Platform::Native && is_bare_loopback(uri))
    }
}

/// `http://127.0.0.1` or `http://localhost`, with or without a port and a closing slash.
fn is_bare_loopback(uri: &str) -> bool {
    ["http://127.0.0.1", "http://localhost"].iter().any(|origin| {
        let Some(rest) = uri.strip_prefix(origin) else {
            return false;
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        match rest.strip_prefix(':') {
            Some(port) => port.parse::<u16>().is_ok_and(|number| number.to_string() == port),
            None => rest.is_empty(),
        }
    })
}

/// Someone who can sign in and consent.
#[derive(Clone, PartialEq, Eq)]
pub struct Technician {
    /// The e-mail address used to sign in; compared without case.
    pub email: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Technician {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Technician")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_redirects_match_byte_for_byte() {
        let app = App::web("a", "s", "A", &["monitoring"]);
        assert!(app.accepts_redirect("http://127.0.0.1:8411/ninja/oauth/resp"));
        assert!(app.accepts_redirect("http://localhost:8411/dashboard/integrations/ninjaone-callback"));
        for wrong in [
            "http://127.0.0.1:8411/ninja/oauth/resp/",
            "http://127.0.0.1:8412/ninja/oauth/resp",
            "http://127.0.0.1:8411/ninja/oauth/resp?x=1",
            "http://127.0.0.1:8411/NINJA/oauth/resp",
            "http://127.0.0.1:8411",
            "",
        ] {
            assert!(!app.accepts_redirect(wrong), "{wrong}");
        }
    }

    #[test]
    fn native_redirects_take_any_loopback_port_and_no_path() {
        let app = App::native("a", "A", &["monitoring"]);
        for right in [
            "http://127.0.0.1",
            "http://localhost:49152",
            "http://127.0.0.1:1/",
            "http://localhost/",
        ] {
            assert!(app.accepts_redirect(right), "{right}");
        }
        for wrong in [
            "http://127.0.0.1:49152/callback",
            "http://127.0.0.1.example.test",
            "http://localhost:99999",
            "http://localhost:+80",
            "https://localhost:1",
            "http://127.0.0.1:1@example.test",
            "http://localhost:",
        ] {
            assert!(!app.accepts_redirect(wrong), "{wrong}");
        }
    }
}
