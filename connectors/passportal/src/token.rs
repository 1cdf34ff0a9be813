//! Access tokens: an HMAC over a text of our choice shows that we know the secret; the token lasts for an hour or so.

use super::client::{refusal, said};
use super::config::Config;
use super::wire::Token;
use async_trait::async_trait;
use connect::http::{Bearer, Http, Outgoing, Payload};
use connect::oauth::{GrantBearer, Issuer};
use connect::{Error, Kind, NewGrant};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use model::{Clock, Random};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;
use std::sync::Arc;

const DOING: &str = "getting an access token";
const PATH: &str = "/api/v2/auth/client_token";
/// The scope of the documents API.
const SCOPE: &str = "docs_api";
/// What a token that names no end is taken to live.
const USUAL: SignedDuration = SignedDuration::from_mins(55);
/// No token is trusted longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// Asks for tokens with the keys.
pub struct Keys {
    /// Sends the request.
    pub http: Http,
    /// Has the keys.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the text that is signed.
    pub random: Arc<dyn Random>,
}

/// The request for a token shows the key and the hash of its own content.
struct Signed {
    key: String,
    hash: SecretString,
}

#[async_trait]
impl Bearer for Signed {
    fn headers(&self, hash: &SecretString, _method: &Method, _path: &str) -> Result<HeaderMap, Error> {
        let mut headers = shown("x-hash", hash)?;
        headers.extend(shown("x-key", &SecretString::from(self.key.as_str()))?);
        Ok(headers)
    }

    fn is_replaceable(&self) -> bool {
        false
    }

    async fn token(&self) -> Result<SecretString, Error> {
        Ok(self.hash.clone())
    }

    async fn rejected(&self, _hash: &SecretString) -> Result<SecretString, Error> {
        Err(Error::new(
            Kind::Auth,
            DOING,
            "Passportal does not accept the keys",
        ))
    }
}

fn shown(name: &'static str, value: &SecretString) -> Result<HeaderMap, Error> {
    let mut value = HeaderValue::try_from(value.expose_secret()).map_err(|_| {
        Error::new(
            Kind::Auth,
            DOING,
            "a key holds characters that no header may hold",
        )
    })?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(
        http::HeaderName::from_static(name),
        value,
    )]))
}

/// Lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(secret: &SecretString, content: &str) -> Result<SecretString, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .map_err(|error| Error::new(Kind::Auth, DOING, error.to_string()))?;
    mac.update(content.as_bytes());
    Ok(hex(&mac.finalize().into_bytes()).into())
}

#[async_trait]
impl Issuer for Keys {
    async fn issue(&self) -> Result<NewGrant, Error> {
        let mut content = [0_u8; 16];
        self.random.fill(&mut content);
        let content = hex(&content);
        let signed = Signed {
            key: self.config.access_key_id.clone(),
            hash: hash(&self.config.secret, &content)?,
        };
        let asked = self.clock.now();
        let request = Outgoing {
            method: Method::POST,
            path: PATH,
            query: &[],
            headers: HeaderMap::new(),
            payload: Payload::Json(json!({ "scope": SCOPE, "content": content })),
            send_by: None,
        };
        let answer = self.http.send_once_answer(DOING, request, &signed).await?;
        let host = self.http.host();
        if let Some(refused) = refusal(&answer) {
            return Err(refused_token(host, answer.status, &refused));
        }
        let token: Token = answer.json(DOING)?;
        let ends = token
            .expiry_time
            .and_then(|at| Timestamp::from_second(at).ok())
            .filter(|ends| *ends > asked)
            .unwrap_or(asked + USUAL);
        Ok(NewGrant {
            access_token: token.access_token.into(),
            // There is a refresh token too, and no document of what to do with it; the keys get a new one.
            refresh_token: None,
            scopes: vec![SCOPE.to_owned()],
            expires: ends.min(asked + LONGEST),
        })
    }
}

fn refused_token(host: &str, status: u16, refused: &super::wire::Refusal) -> Error {
    let what = said(host, status, refused);
    let error = |kind| Error::new(kind, DOING, what.as_str());
    match (status, refused.number()) {
        (401, _) | (_, Some(1000)) => error(Kind::Auth).advise(
            "Passportal does not know this access key here, or the secret is another one's. It shows a secret once: if \
             it is lost, make a new access key under Settings → API Keys and enter both parts here",
        ),
        (403, _) => super::client::not_enabled(DOING, what),
        (429, _) => error(Kind::RateLimited { retry_after: None }),
        (408 | 425 | 500..=599, _) => error(Kind::Unavailable),
        (404 | 405, _) => error(Kind::Configuration).advise("Check the region or the address"),
        _ => error(Kind::Invalid).advise("Check the access key"),
    }
}

/// A token as the documents API wants it shown.
pub struct Access(pub GrantBearer);

#[async_trait]
impl Bearer for Access {
    fn headers(&self, token: &SecretString, _method: &Method, _path: &str) -> Result<HeaderMap, Error> {
        shown("x-access-token", token)
    }

    async fn token(&self) -> Result<SecretString, Error> {
        self.0.token().await
    }

    async fn rejected(&self, token: &SecretString) -> Result<SecretString, Error> {
        self.0.rejected(token).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Out of RFC 4231, test case 2.
    #[test]
    fn the_hash_is_lowercase_hex_of_hmac_sha256() {
        let hash = hash(&"Jefe".into(), "what do ya want for nothing?").unwrap();
        assert_eq!(
            hash.expose_secret(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
