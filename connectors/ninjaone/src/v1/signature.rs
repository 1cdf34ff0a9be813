//! How a request of API v1 shows who asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connect::http::Bearer;
use connect::{Error, Kind};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, DATE};
use http::{HeaderMap, HeaderValue, Method};
use jiff::fmt::rfc2822::DateTimePrinter;
use model::Clock;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use std::sync::Arc;

/// A key pair that signs every request anew: the signature holds the time.
pub struct Keys {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: SecretString,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait::async_trait]
impl Bearer for Keys {
    fn headers(&self, token: &SecretString, method: &Method, path: &str) -> Result<HeaderMap, Error> {
        let cannot = |what: String| Error::new(Kind::Auth, "signing a request", what);
        let date = DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.clock.now())
            .map_err(|error| cannot(format!("the time of this machine cannot be written: {error}")))?;
        let signature = signature(token, method.as_str(), &date, path);
        let mut shown = HeaderValue::try_from(format!("NJ {}:{signature}", self.id))
            .map_err(|_| cannot("the access key id holds characters no header may hold".to_owned()))?;
        shown.set_sensitive(true);
        let date = HeaderValue::try_from(date).map_err(|error| cannot(error.to_string()))?;
        Ok(HeaderMap::from_iter([(AUTHORIZATION, shown), (DATE, date)]))
    }

    fn is_replaceable(&self) -> bool {
        false
    }

    async fn token(&self) -> Result<SecretString, Error> {
        Ok(self.secret.clone())
    }

    async fn rejected(&self, _token: &SecretString) -> Result<SecretString, Error> {
        let what = "NinjaRMM does not accept the keys, and there are no others";
        Err(Error::new(Kind::Auth, "signing in to NinjaRMM", what))
    }
}

/// `base64(HMAC-SHA1(secret, base64(VERB \n Content-MD5 \n Content-Type \n Date \n path)))`; the second and third line
/// are empty for a request without a body.
fn signature(secret: &SecretString, verb: &str, date: &str, path: &str) -> String {
    let text = STANDARD.encode(format!("{verb}\n\n\n{date}\n{path}"));
    match Hmac::<Sha1>::new_from_slice(secret.expose_secret().as_bytes()) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        }
        // HMAC takes a key of any length.
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(&'static str);

    impl Clock for At {
        fn now(&self) -> jiff::Timestamp {
            self.0.parse().unwrap()
        }
    }

    /// The vector NinjaRMM published.
    #[test]
    fn p05_the_published_vector_holds() {
        let keys = Keys {
            id: "TF4STGMDR4H7AEXAMPLE".to_owned(),
            secret: "eh14c4ngchhu6283he03j6o7ar2fcuca0example".into(),
            clock: Arc::new(At("2016-05-01T06:51:10Z")),
        };
        let headers = keys.headers(&keys.secret, &Method::GET, "/v1/customers").unwrap();
        assert_eq!(headers[DATE], "Sun, 01 May 2016 06:51:10 GMT");
        assert_eq!(
            headers[AUTHORIZATION],
            "NJ TF4STGMDR4H7AEXAMPLE:rEZWuXR0X1wX3autLTHIl2zX98I="
        );
        assert!(headers[AUTHORIZATION].is_sensitive());
    }
}
