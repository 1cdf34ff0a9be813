//! ID tokens (Core 1.0 §2), right and wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Account, Code, Provider, Slip};

/// How long an ID token is good, in seconds.
const LASTS: i64 = 300;

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is said of an address, where anything is.
pub(super) fn address(account: &Account, claims: &mut Value) {
    if let Some(email) = &account.email {
        claims["email"] = json!(email);
    }
    if let Some(verified) = account.email_verified {
        claims["email_verified"] = json!(verified);
    }
}

/// The ID token for a code.
pub(super) fn id_token(provider: &Provider, code: &Code, access: &str) -> Result<String, String> {
    let does = |slip| provider.does(slip);
    let now = provider.clock.now().as_second();
    let (issued, ends) = if does(Slip::Expired) {
        (now - LASTS - 120, now - 120)
    } else if does(Slip::Ahead) {
        (now + 600, now + 600 + LASTS)
    } else {
        (now, now + LASTS)
    };
    let audience = if does(Slip::WrongAudience) {
        json!("another-app")
    } else if does(Slip::FurtherAudience) {
        json!([provider.client_id, "another-app"])
    } else {
        json!(provider.client_id)
    };
    let issuer = match does(Slip::WrongIssuer) {
        true => "https://other.example.test",
        false => provider.issuer.as_str(),
    };
    let spoken_of = match does(Slip::WrongAccessToken) {
        true => "another",
        false => access,
    };
    let hash = Sha256::digest(spoken_of);
    let mut claims = json!({
        "iss": issuer, "sub": code.account.subject, "aud": audience, "iat": issued, "exp": ends,
        "name": code.account.name, "at_hash": text(hash.get(..16).unwrap_or_default()),
    });
    if let Some(nonce) = &code.nonce
        && !does(Slip::NoNonce)
    {
        claims["nonce"] = match does(Slip::WrongNonce) {
            true => json!("another"),
            false => json!(nonce),
        };
    }
    if does(Slip::WrongParty) {
        claims["azp"] = json!("another-app");
    }
    if !does(Slip::AddressAtUserInfo) {
        address(&code.account, &mut claims);
    }
    signed(provider, &claims)
}

fn signed(provider: &Provider, claims: &Value) -> Result<String, String> {
    let does = |slip| provider.does(slip);
    let part = |value: &Value| text(value.to_string().as_bytes());
    let with = |header: Value| format!("{}.{}", part(&header), part(claims));
    if does(Slip::Unsigned) {
        return Ok(format!("{}.", with(json!({ "alg": "none" }))));
    }
    if does(Slip::SignedWithSecret) {
        let content = with(json!({ "alg": "HS256", "typ": "JWT" }));
        let mut mac = Hmac::<Sha256>::new_from_slice(provider.client_secret.as_bytes())
            .map_err(|error| error.to_string())?;
        mac.update(content.as_bytes());
        return Ok(format!("{content}.{}", text(&mac.finalize().into_bytes())));
    }
    let forged = does(Slip::ForgedKey);
    let unknown = does(Slip::UnknownKey);
    let broken = does(Slip::BrokenSignature);
    let state = provider.state();
    let key = match forged || unknown {
        true => &state.keys.hidden,
        false => &state.keys.signing,
    };
    let id = match forged {
        true => &state.keys.signing.id,
        false => &key.id,
    };
    let content = with(json!({ "alg": key.algorithm(), "kid": id, "typ": "JWT" }));
    let mut signature = key.sign(&content)?;
    if broken && let Some(byte) = signature.get_mut(9) {
        *byte ^= 1;
    }
    Ok(format!("{content}.{}", text(&signature)))
}
