//! Which app calls the token or revocation endpoint, and whether it is really that app.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answers::Refusal;
use super::apps::App;
use super::fields::Fields;
use super::grants::Grants;

/// The app behind `client_secret_basic`, `client_secret_post`, or, for apps without a secret, `client_id` alone.
pub(super) fn authenticate(grants: &Grants, headers: &HeaderMap, fields: &Fields) -> Result<App, Refusal> {
    let basic = match headers.get(header::AUTHORIZATION) {
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .and_then(basic_pair)
                .ok_or_else(Refusal::invalid_client)?,
        ),
        None => None,
    };
    let (posted_id, posted_secret) = (fields.get("client_id"), fields.get("client_secret"));
    let (client_id, secret) = match &basic {
        Some(_) if posted_secret.is_some() => {
            let text = "client credentials both in the Authorization header and in the body";
            return Err(Refusal::new(400, "invalid_request", text));
        }
        Some((id, _)) if posted_id.is_some_and(|posted| posted != id) => {
            let text = "client_id differs from the one in the Authorization header";
            return Err(Refusal::new(400, "invalid_request", text));
        }
        Some((id, secret)) => (
            id.as_str(),
            Some(secret.as_str()).filter(|secret| !secret.is_empty()),
        ),
        None => (posted_id.ok_or_else(Refusal::invalid_client)?, posted_secret),
    };
    let app = grants.app(client_id).ok_or_else(Refusal::unknown_client)?;
    // An app without a secret that sends one is misconfigured; better noticed here than hidden.
    if app.secret.as_deref() == secret {
        Ok(app)
    } else {
        Err(Refusal::invalid_client())
    }
}

/// Id and secret of a Basic header, each form-encoded within it (RFC 6749 §2.3.1).
pub(crate) fn basic_pair(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let pair = format!("={text}");
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded() {
        let header = |text: &str| format!("basic {}", STANDARD.encode(text));
        assert_eq!(
            basic_pair(&header("a%3Ab:c+d%25")),
            Some(("a:b".to_owned(), "c d%".to_owned()))
        );
        assert_eq!(
            basic_pair(&header("id:se:cret")),
            Some(("id".to_owned(), "se:cret".to_owned()))
        );
        assert_eq!(basic_pair(&header("no colon")), None);
        assert_eq!(basic_pair("Bearer abc"), None);
        assert_eq!(basic_pair("Basic !!"), None);
    }
}
