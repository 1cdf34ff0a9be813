//! Authorization code with PKCE S256 and state (RFC 6749 §4.1, RFC 7636).

use super::failure::{OauthFailure, OauthStep};
use super::{OauthApp, token};
use crate::connector::{Authorization, Mode, Pending};
use crate::error::{Error, Kind};
use crate::grant::NewGrant;
use crate::http::{Answer, Http, host_of};
use ::http::header::LOCATION;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Clock, Random};
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use url::Url;

/// Longest callback query that is looked at, in bytes.
const LONGEST_QUERY: usize = 8 << 10;

/// A grant by a person's consent.
pub struct CodeFlow {
    app: OauthApp,
    http: Http,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// What a callback's query holds.
pub(crate) struct Returned {
    pub(crate) state: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) description: Option<String>,
    /// Who answers (RFC 9207).
    pub(crate) issuer: Option<String>,
}

/// 256 random bits as text: 43 characters, as RFC 7636 §4.1 advises for a verifier.
pub(crate) fn unguessable(random: &dyn Random) -> SecretString {
    let mut bytes = [0_u8; 32];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).into()
}

impl CodeFlow {
    /// The flow for `app`.
    pub fn new(app: OauthApp, http: Http, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            app,
            http,
            clock,
            random,
        }
    }

    fn host(&self) -> String {
        host_of(&self.app.endpoints.authorize)
    }

    /// The error the authorization endpoint tells without a person: as a status, or by sending the browser back.
    fn told(&self, pending: &Pending, answer: &Answer) -> Option<OauthFailure> {
        let secrets = [pending.state.expose_secret()];
        if (400..500).contains(&answer.status) {
            let failure = OauthFailure::of_answer(OauthStep::Preflight, answer, &secrets);
            // Others than these may mean no more than that we are not a browser.
            let certain = matches!(
                failure.error.as_deref(),
                Some("invalid_client" | "unauthorized_client" | "invalid_scope" | "invalid_request")
            );
            return (answer.status == 404 || certain).then_some(failure);
        }
        let location = answer.headers.get(LOCATION)?.to_str().ok()?;
        let query = location
            .strip_prefix(&pending.redirect)?
            .strip_prefix(['?', '&'])?;
        let back = read_query(query).ok()?;
        let description = back.description.as_deref();
        Some(OauthFailure::of_browser(
            OauthStep::Preflight,
            back.error.as_deref()?,
            description,
            &secrets,
        ))
    }
}

#[async_trait]
impl Authorization for CodeFlow {
    fn mode(&self) -> Mode {
        Mode::Consent
    }

    fn begin(&self, redirect: &str) -> Result<Pending, Error> {
        const DOING: &str = "starting the consent";
        let wrong = |what: String| Error::new(Kind::Configuration, DOING, what);
        if self.app.client_id.trim().is_empty() {
            return Err(wrong("the client ID is missing".to_owned()).advise("Enter the client ID of the app"));
        }
        let parsed = Url::parse(redirect)
            .ok()
            .filter(|url| url.has_host() && url.fragment().is_none());
        if parsed.is_none() {
            return Err(wrong(format!("{redirect:?} cannot be a redirect URI"))
                .advise("It must be a full URL without a fragment, exactly as registered on the app"));
        }
        let redirect_uri = RedirectUrl::new(redirect.to_owned()).map_err(|error| wrong(error.to_string()))?;
        let (state, verifier) = (
            unguessable(self.random.as_ref()),
            unguessable(self.random.as_ref()),
        );
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(
            verifier.expose_secret().to_owned(),
        ));
        let client = BasicClient::new(ClientId::new(self.app.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(self.app.endpoints.authorize.clone()))
            .set_redirect_uri(redirect_uri);
        let (url, _) = client
            .authorize_url(|| CsrfToken::new(state.expose_secret().to_owned()))
            .add_scopes(self.app.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Pending {
            url,
            state,
            verifier,
            redirect: redirect.to_owned(),
        })
    }

    async fn preflight(&self, pending: &Pending) -> Result<(), Error> {
        const DOING: &str = "asking whether the app is known";
        let answer = self.http.get_page(DOING, &pending.url).await?;
        if answer.status >= 500 || answer.status == 429 {
            let failure = OauthFailure::of_answer(OauthStep::Preflight, &answer, &[]);
            return Err(failure.into_error(&self.app, &self.host(), DOING));
        }
        match self.told(pending, &answer) {
            Some(failure) => {
                let mut error = failure.into_error(&self.app, &self.host(), DOING);
                error.kind = Kind::Configuration;
                Err(error)
            }
            None => Ok(()),
        }
    }

    async fn finish(&self, pending: &Pending, query: &str) -> Result<NewGrant, Error> {
        const DOING: &str = "finishing the consent";
        let stranger = |what: &str| {
            Error::new(Kind::Auth, DOING, what)
                .advise("Nothing was stored. Start again, and finish in the browser window that opens")
        };
        let back = read_query(query.trim_start_matches('?')).map_err(stranger)?;
        let ours = back.state.as_deref().is_some_and(|state| {
            bool::from(state.as_bytes().ct_eq(pending.state.expose_secret().as_bytes()))
        });
        if !ours {
            return Err(stranger(
                "the browser came back with a state that is not the one it was sent with",
            ));
        }
        if let Some(error) = back.error {
            let secrets = [pending.state.expose_secret()];
            let failure =
                OauthFailure::of_browser(OauthStep::Consent, &error, back.description.as_deref(), &secrets);
            return Err(failure.into_error(&self.app, &self.host(), DOING));
        }
        let Some(code) = back.code else {
            return Err(stranger("the browser came back with neither a code nor an error"));
        };
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", pending.redirect.as_str()),
            ("code_verifier", pending.verifier.expose_secret()),
        ];
        const EXCHANGE: &str = "exchanging the code for a grant";
        let pair = token::ask(
            &self.app,
            &self.http,
            self.clock.as_ref(),
            OauthStep::Exchange,
            EXCHANGE,
            &form,
        )
        .await
        .map_err(|no| no.error)?;
        token::complete(&self.app, pair, EXCHANGE, true)
    }

    async fn machine_grant(&self) -> Result<NewGrant, Error> {
        Err(Error::new(
            Kind::Configuration,
            "getting a grant",
            "this connection needs a person's consent",
        )
        .advise("Start the consent in a browser"))
    }
}

/// Whether a callback's query can be read.
pub(crate) fn is_callback_query(query: &str) -> bool {
    read_query(query).is_ok()
}

/// The parts of a callback's query that matter; others are let pass. A part that comes twice makes the whole query void
/// (RFC 6749 §3.1).
pub(crate) fn read_query(query: &str) -> Result<Returned, &'static str> {
    if query.len() > LONGEST_QUERY {
        return Err("the browser came back with more than a consent page sends");
    }
    let mut back = Returned {
        state: None,
        code: None,
        error: None,
        description: None,
        issuer: None,
    };
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let slot = match name.as_ref() {
            "state" => &mut back.state,
            "code" => &mut back.code,
            "error" => &mut back.error,
            "error_description" => &mut back.description,
            "iss" => &mut back.issuer,
            _ => continue,
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err("the browser came back with a part that stands there twice");
        }
    }
    back.code = back.code.filter(|code| !code.is_empty());
    back.error = back.error.filter(|error| !error.is_empty());
    Ok(back)
}
