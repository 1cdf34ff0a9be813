//! Sign-in through an identity provider: OpenID Connect Core 1.0 with Discovery 1.0, by authorization code with PKCE,
//! state and nonce.
//!
//! The library checks the ID token; what it is told to insist on stands here: a signature by a key the provider publishes
//! (never one made with the client secret, never none), our issuer, our client ID and no other audience, our nonce, and
//! times by our clock. Configuration and keys are read anew for each sign-in, so that a provider may change its keys at
//! any moment.

mod check;
mod failure;
mod provider;

use crate::connector::Outbound;
use crate::error::{Error, Kind};
use crate::http::{Http, HttpOptions};
use crate::oauth::{read_query, unguessable};
use jiff::Timestamp;
use model::{Clock, Random};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm as Algorithm, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, CsrfToken, EmptyAdditionalClaims, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, Scope, TokenResponse as _,
};
use provider::{Discovered, Sender};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use url::Url;

/// Longest time for one answer of a provider: a person waits for it.
const DEADLINE: Duration = Duration::from_secs(10);
/// Largest answer of a provider, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// How far the provider's clock may be from ours, in seconds.
const SKEW: i64 = 60;
/// What an ID token may be signed with: keys of the provider alone.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

const FINISHING: &str = "signing in through the provider";

/// This hub as it is registered with a provider.
#[derive(Clone, Debug)]
pub struct OidcApp {
    /// The provider's issuer, exactly as it states it.
    pub issuer: String,
    /// The app's client ID.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// What is asked for; `openid` always is.
    pub scopes: Vec<String>,
}

/// A sign-in under way: kept until the browser comes back.
#[derive(Clone, Debug)]
pub struct OidcPending {
    /// Must come back unchanged.
    pub state: SecretString,
    /// Must stand in the ID token.
    pub nonce: SecretString,
    /// PKCE verifier (RFC 7636).
    pub verifier: SecretString,
    /// The redirect URI exactly as sent.
    pub redirect: String,
}

/// Who signed in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// What the provider calls them, for ever.
    pub subject: String,
    /// Their e-mail address; it proves nothing unless `email_verified`.
    pub email: Option<String>,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
}

/// Signs people in through one provider.
pub struct Oidc {
    app: OidcApp,
    http: Http,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Oidc {
    /// Prepares requests to the provider of `app`.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when the issuer is no address, or requests cannot leave.
    pub fn new(
        app: OidcApp,
        outbound: Outbound,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        let base = Url::parse(&app.issuer).map_err(|error| {
            let what = format!("the issuer {:?} is no address: {error}", app.issuer);
            Error::new(Kind::Configuration, FINISHING, what).advise("Correct the issuer")
        })?;
        let mut options = HttpOptions::new(base, outbound);
        (options.deadline, options.max_body, options.retries) = (DEADLINE, MAX_ANSWER, 0);
        Ok(Self {
            app,
            http: Http::new(options, clock.clone())?,
            clock,
            random,
        })
    }

    /// Begins a sign-in that comes back to `redirect`; where to send the browser.
    ///
    /// # Errors
    /// When the provider cannot be reached or is not the issuer it should be.
    pub async fn begin(&self, redirect: &str) -> Result<(Url, OidcPending), Error> {
        const DOING: &str = "reading the provider's configuration";
        let provider = Discovered::read(&self.app, &self.http, DOING).await?;
        let pending = OidcPending {
            state: unguessable(self.random.as_ref()),
            nonce: unguessable(self.random.as_ref()),
            verifier: unguessable(self.random.as_ref()),
            redirect: redirect.to_owned(),
        };
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(
            pending.verifier.expose_secret().to_owned(),
        ));
        let state = CsrfToken::new(pending.state.expose_secret().to_owned());
        let nonce = Nonce::new(pending.nonce.expose_secret().to_owned());
        let client = provider.client(&self.app, redirect, DOING)?;
        let (url, _, _) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .add_scopes(self.further_scopes())
            .set_pkce_challenge(challenge)
            .url();
        Ok((url, pending))
    }

    /// The scopes beside `openid`, which the library adds itself.
    fn further_scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        let further = self.app.scopes.iter().filter(|scope| *scope != "openid");
        further.cloned().map(Scope::new)
    }

    /// Finishes a sign-in with the query the browser came back with, undecoded.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] when the person declined, [`Kind::Auth`] when what came back does not hold,
    /// [`Kind::Configuration`] when the app is not registered as it should be, otherwise whatever asking met.
    pub async fn finish(&self, pending: &OidcPending, query: &str) -> Result<Identity, Error> {
        let stranger = |what: &str| Error::new(Kind::Auth, FINISHING, what).advise(failure::AGAIN);
        let back = read_query(query).map_err(stranger)?;
        let ours = back.state.as_deref().is_some_and(|state| {
            bool::from(state.as_bytes().ct_eq(pending.state.expose_secret().as_bytes()))
        });
        if !ours {
            return Err(stranger("the browser came back to another sign-in"));
        }
        if back.issuer.is_some_and(|issuer| issuer != self.app.issuer) {
            return Err(stranger("the answer is another provider's"));
        }
        if let Some(error) = back.error {
            return Err(failure::of_browser(&error, back.description.as_deref()));
        }
        let Some(code) = back.code else {
            return Err(stranger("the browser came back with neither a code nor an error"));
        };
        let provider = Discovered::read(&self.app, &self.http, FINISHING).await?;
        let client = provider.client(&self.app, &pending.redirect, FINISHING)?;
        let sender = Sender::new(&self.http, FINISHING);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| failure::no_token_endpoint())?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.expose_secret().to_owned()));
        let answer = exchange
            .request_async(&sender)
            .await
            .map_err(failure::of_exchange)?;
        let token = answer.id_token().ok_or_else(failure::no_id_token)?;
        let now = self.clock.now();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(|| shifted(now, -SKEW))
            .set_issue_time_verifier_fn(|issued| match issued > shifted(now, SKEW) {
                true => Err(format!(
                    "issued at {issued}, which is still to come (it is {now:.0} here)"
                )),
                false => Ok(()),
            });
        let nonce = Nonce::new(pending.nonce.expose_secret().to_owned());
        let claims = token.claims(&verifier, &nonce).map_err(failure::of_token)?;
        self.must_be_ours(&answer, token, claims, &verifier)?;
        // Core 1.0 §2: at most 255 ASCII characters. It is what a person is known by.
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.len() > 255 || subject.chars().any(char::is_control) {
            return Err(failure::no_subject());
        }
        let mut identity = Identity {
            issuer: self.app.issuer.clone(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified().unwrap_or(false),
        };
        // Core 1.0 §5.4 lets a provider keep the address for its UserInfo endpoint.
        if identity.email.is_none()
            && let Ok(request) =
                client.user_info(answer.access_token().clone(), Some(claims.subject().clone()))
        {
            let asked = request.request_async::<EmptyAdditionalClaims, _, CoreGenderClaim>(&sender);
            let told: Result<CoreUserInfoClaims, _> = asked.await;
            match told {
                Ok(told) => {
                    identity.email = told.email().map(|email| email.to_string());
                    identity.email_verified = told.email_verified().unwrap_or(false);
                }
                // Whoever is known here by their subject needs no address.
                Err(_) => tracing::warn!(
                    provider = self.http.host(),
                    "The provider gave no e-mail address at its UserInfo endpoint."
                ),
            }
        }
        Ok(identity)
    }

    /// What the library leaves to its caller: whom the token was issued to, and that the access token belongs to it.
    fn must_be_ours(
        &self,
        answer: &CoreTokenResponse,
        token: &CoreIdToken,
        claims: &CoreIdTokenClaims,
        verifier: &CoreIdTokenVerifier<'_>,
    ) -> Result<(), Error> {
        if let Some(party) = claims.authorized_party()
            && party.as_str() != self.app.client_id
        {
            return Err(failure::other_audience());
        }
        if let Some(expected) = claims.access_token_hash() {
            let made = token
                .signing_alg()
                .and_then(|algorithm| Ok((algorithm, token.signing_key(verifier)?)))
                .ok()
                .and_then(|(algorithm, key)| {
                    AccessTokenHash::from_token(answer.access_token(), algorithm, key).ok()
                });
            if made.as_ref() != Some(expected) {
                return Err(failure::other_access_token());
            }
        }
        Ok(())
    }
}

/// A moment so many seconds from `now`, as the library counts time.
fn shifted(now: Timestamp, seconds: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(now.as_second().saturating_add(seconds), 0).unwrap_or_default()
}
