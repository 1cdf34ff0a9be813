//! Whether a provider can be used, without anybody signing in.

use super::provider::Discovered;
use super::{ALGORITHMS, Oidc};
use crate::check::CheckPoint;
use openidconnect::core::CoreResponseType;

impl Oidc {
    /// Reads the provider's configuration and says, point by point, whether people can sign in through it.
    pub async fn check(&self) -> Vec<CheckPoint> {
        const READ: &str = "Configuration and keys";
        const DOING: &str = "reading the provider's configuration";
        let found = match Discovered::read(&self.app, &self.http, DOING).await {
            Ok(found) => found.0,
            Err(error) => return vec![CheckPoint::failed(READ, error.to_string())],
        };
        let keys = found.jwks().keys().len();
        let first = match keys {
            0 => CheckPoint::failed(
                READ,
                "the provider publishes no key that can be used, so no ID token could be checked",
            ),
            1 => CheckPoint::passed(READ, format!("{} answers, with one key", self.app.issuer)),
            _ => CheckPoint::passed(READ, format!("{} answers, with {keys} keys", self.app.issuer)),
        };
        vec![
            first,
            by_code(
                found.token_endpoint().is_some()
                    && found
                        .response_types_supported()
                        .iter()
                        .any(|types| types[..] == [CoreResponseType::Code]),
            ),
            signatures(
                found
                    .id_token_signing_alg_values_supported()
                    .iter()
                    .any(|algorithm| ALGORITHMS.contains(algorithm)),
            ),
            pkce(
                found
                    .additional_metadata()
                    .code_challenge_methods_supported
                    .as_deref(),
            ),
            CheckPoint::not_tried(
                "Client ID, secret and redirect URI",
                "only a sign-in shows whether the provider takes them: try one in another browser",
            ),
        ]
    }
}

fn by_code(offered: bool) -> CheckPoint {
    const POINT: &str = "Authorization code flow";
    match offered {
        true => CheckPoint::passed(POINT, "offered"),
        false => CheckPoint::failed(
            POINT,
            "the provider does not offer it for this issuer; is it the issuer of another kind of app?",
        ),
    }
}

fn signatures(known: bool) -> CheckPoint {
    const POINT: &str = "Signatures";
    match known {
        true => CheckPoint::passed(POINT, "in a way that can be checked with its public keys"),
        false => CheckPoint::failed(
            POINT,
            "the provider signs ID tokens in no way that can be checked with public keys: choose RS256 or ES256 there",
        ),
    }
}

fn pkce(ways: Option<&[String]>) -> CheckPoint {
    const POINT: &str = "PKCE";
    match ways {
        Some(ways) if ways.iter().any(|way| way == "S256") => CheckPoint::passed(POINT, "S256"),
        Some(_) => CheckPoint::failed(POINT, "the provider takes no S256"),
        None => CheckPoint::not_tried(
            POINT,
            "the provider does not say whether it checks it; it is sent all the same",
        ),
    }
}
