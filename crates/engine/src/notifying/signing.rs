//! Signatures of webhooks, in the manner of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over
//! `id.timestamp.body`, so that neither can be changed and an old message is told from a new one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

const PREFIX: &str = "whsec_";

/// A new key.
pub(super) fn new_key(random: &dyn model::Random) -> SecretString {
    let mut bytes = [0_u8; 32];
    random.fill(&mut bytes);
    SecretString::from(format!("{PREFIX}{}", BASE64.encode(bytes)))
}

/// The bytes of a key.
pub(super) fn parse_key(key: &SecretString) -> Result<Vec<u8>, &'static str> {
    const WRONG: &str = "write whsec_ and then 24 to 64 bytes in base64";
    let text = key.expose_secret().strip_prefix(PREFIX).ok_or(WRONG)?;
    let bytes = BASE64.decode(text).map_err(|_| WRONG)?;
    (24..=64).contains(&bytes.len()).then_some(bytes).ok_or(WRONG)
}

/// The signature of a message.
pub(super) fn sign(key: &SecretString, id: &str, seconds: i64, body: &[u8]) -> Result<String, &'static str> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&parse_key(key)?).map_err(|_| "the key cannot be used")?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_specification_shows() {
        // The example of the Standard Webhooks specification.
        let key = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(parse_key(&SecretString::from("whsec_c2hvcnQ=")).is_err());
        assert!(parse_key(&SecretString::from("no prefix")).is_err());
    }
}
