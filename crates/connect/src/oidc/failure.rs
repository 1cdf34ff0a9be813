//! What the library's refusals mean for people. Nothing of a token, a code or the secret is repeated.

use crate::error::{Error, Kind};
use crate::http::{redact, shorten};
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    ClaimsVerificationError as Claims, DiscoveryError, RequestTokenError, SignatureVerificationError,
    StandardErrorResponse,
};

pub(super) const AGAIN: &str = "Nobody was signed in. Sign in again";
pub(super) const LATER: &str = "Try again later; signing in by password works meanwhile";

const EXCHANGING: &str = "redeeming the provider's code";
const CHECKING: &str = "checking what the provider says of you";

/// Words of the other side, fit to be shown.
fn said(text: &str) -> String {
    shorten(&redact(text), 200)
}

fn auth(doing: &str, what: impl Into<String>) -> Error {
    Error::new(Kind::Auth, doing, what).advise(AGAIN)
}

/// The configuration could not be had.
pub(super) fn of_discovery(doing: &str, host: &str, error: DiscoveryError<Error>) -> Error {
    let wrong = |what: String| {
        Error::new(Kind::Configuration, doing, what).advise(
            "Check the issuer: its address with /.well-known/openid-configuration behind it has to show the provider's \
             configuration",
        )
    };
    match error {
        DiscoveryError::Request(error) => error,
        DiscoveryError::Response(status, ..) if !status.is_success() => wrong(format!(
            "{host} answered {} where the configuration or the keys of an OpenID provider should be",
            status.as_u16()
        )),
        DiscoveryError::Response(..) => wrong(format!("{host} answered with something that is no JSON")),
        DiscoveryError::Parse(error) => wrong(format!(
            "what {host} answers is no configuration of an OpenID provider: {} at {}",
            said(&error.inner().to_string()),
            error.path()
        )),
        DiscoveryError::Validation(what) => Error::new(
            Kind::Configuration,
            doing,
            format!("the provider calls itself otherwise: {}", said(&what)),
        )
        .advise("Enter the issuer exactly as the provider states it, with or without the slash at its end"),
        other => wrong(said(&other.to_string())),
    }
}

/// The browser came back with an error (Core 1.0 §3.1.2.6).
pub(super) fn of_browser(error: &str, description: Option<&str>) -> Error {
    const DOING: &str = "signing in at the provider";
    match error {
        "access_denied" => Error::new(
            Kind::Forbidden,
            DOING,
            "you, or the provider on your behalf, declined",
        )
        .advise(AGAIN),
        "temporarily_unavailable" | "server_error" => {
            let what = format!("the provider could not sign you in just now ({})", said(error));
            Error::new(Kind::Unavailable, DOING, what).advise(LATER)
        }
        _ => {
            let more = description.map_or_else(String::new, |text| format!(": {}", said(text)));
            let what = format!("the provider answered {}{more}", said(error));
            Error::new(Kind::Configuration, DOING, what)
                .advise("An Owner checks the client ID, the scopes and the redirect URI at the provider")
        }
    }
}

/// The token endpoint gave no token.
pub(super) fn of_exchange(
    error: RequestTokenError<Error, StandardErrorResponse<CoreErrorResponseType>>,
) -> Error {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(answer) => {
            let word = said(answer.error().as_ref());
            match answer.error() {
                CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                    let what = format!("the provider does not take this hub's client ID and secret ({word})");
                    Error::new(Kind::Configuration, EXCHANGING, what)
                        .advise("An Owner enters the secret again; secrets at a provider run out")
                }
                _ => auth(EXCHANGING, format!("the provider refused the code ({word})")),
            }
        }
        // The text behind it may hold the token.
        RequestTokenError::Parse(error, _) => Error::new(
            Kind::Protocol,
            EXCHANGING,
            format!("the provider's answer cannot be read at {}", error.path()),
        )
        .advise(AGAIN),
        RequestTokenError::Other(what) => Error::new(Kind::Protocol, EXCHANGING, said(&what)).advise(AGAIN),
    }
}

pub(super) fn no_token_endpoint() -> Error {
    Error::new(
        Kind::Configuration,
        EXCHANGING,
        "the provider names no token endpoint",
    )
    .advise("It has to offer the authorization code flow")
}

pub(super) fn no_id_token() -> Error {
    Error::new(Kind::Protocol, CHECKING, "the provider sent no ID token")
        .advise("The scope openid has to be allowed for this app at the provider")
}

pub(super) fn no_subject() -> Error {
    Error::new(
        Kind::Protocol,
        CHECKING,
        "the ID token has no subject that people can be known by",
    )
    .advise("Ask whoever runs the provider")
}

pub(super) fn other_audience() -> Error {
    Error::new(Kind::Auth, CHECKING, "the ID token was issued to another app")
        .advise("An Owner checks the client ID")
}

pub(super) fn other_access_token() -> Error {
    auth(CHECKING, "the access token is not the one the ID token speaks of")
}

/// The ID token does not hold.
pub(super) fn of_token(error: Claims) -> Error {
    use SignatureVerificationError as Signature;
    match error {
        Claims::Expired(what) => Error::new(
            Kind::Auth,
            CHECKING,
            format!("by this hub's clock the ID token is not of now: {}", said(&what)),
        )
        .advise("Sign in again. If it stays so, the clock of this machine or of the provider is wrong"),
        Claims::InvalidNonce(_) => auth(CHECKING, "the ID token belongs to another sign-in (its nonce)"),
        Claims::InvalidAudience(_) => other_audience(),
        Claims::InvalidIssuer(what) => auth(
            CHECKING,
            format!("the ID token has another issuer: {}", said(&what)),
        ),
        Claims::SignatureVerification(Signature::NoSignature) => auth(CHECKING, "the ID token is not signed"),
        Claims::SignatureVerification(Signature::NoMatchingKey) => auth(
            CHECKING,
            "the ID token is signed with a key the provider does not publish",
        ),
        Claims::SignatureVerification(Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_)) => auth(
            CHECKING,
            "the ID token is not signed in a way that only the provider can sign",
        ),
        Claims::SignatureVerification(_) => auth(CHECKING, "the signature of the ID token does not hold"),
        other => auth(CHECKING, said(&other.to_string())),
    }
}
