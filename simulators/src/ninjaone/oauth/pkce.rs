//! Proof Key for Code Exchange (RFC 7636). The vendor advertises `S256` only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::answers::Refusal;
use super::apps::App;
use super::fields::Fields;

/// The PKCE challenge: S256 only, and obligatory for apps without a secret.
pub(super) fn read_challenge(app: &App, fields: &Fields) -> Result<Option<String>, &'static str> {
    let Some(challenge) = fields.get("code_challenge") else {
        return match (app.is_public(), fields.get("code_challenge_method")) {
            (true, _) => Err("code_challenge is missing: an app without a secret must use PKCE"),
            (false, Some(_)) => Err("code_challenge is missing although code_challenge_method is there"),
            (false, None) => Ok(None),
        };
    };
    match fields.get("code_challenge_method") {
        Some("S256") => {}
        // RFC 7636 §4.3: an absent method means plain.
        Some("plain") | None => return Err("the code_challenge_method plain is not served, use S256"),
        Some(_) => return Err("this code_challenge_method is unknown, use S256"),
    }
    match URL_SAFE_NO_PAD.decode(challenge) {
        Ok(digest) if digest.len() == 32 => Ok(Some(challenge.to_owned())),
        _ => Err("code_challenge is not the base64url text of a SHA-256 digest"),
    }
}

/// RFC 7636 §4.6, S256 only. A verifier without a challenge is refused too: the request was tampered with.
pub(super) fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), Refusal> {
    let (challenge, verifier) = match (challenge, verifier) {
        (None, None) => return Ok(()),
        (Some(_), None) => return Err(Refusal::invalid_grant("code_verifier is missing")),
        (None, Some(_)) => {
            return Err(Refusal::invalid_grant(
                "code_verifier without a code_challenge at authorize",
            ));
        }
        (Some(challenge), Some(verifier)) => (challenge, verifier),
    };
    if !fits(challenge, verifier) {
        return Err(Refusal::invalid_grant(
            "code_verifier does not fit the code_challenge",
        ));
    }
    Ok(())
}

/// Whether a verifier is well formed and the one a challenge was made of.
pub(crate) fn fits(challenge: &str, verifier: &str) -> bool {
    let well_formed = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    well_formed && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair of RFC 7636, appendix B.
    #[test]
    fn the_verifier_of_the_rfc_fits_its_challenge() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(check_verifier(Some(challenge), Some(verifier)).is_ok());
        assert!(check_verifier(Some(challenge), Some(&verifier.replace('d', "e"))).is_err());
        assert!(check_verifier(Some(challenge), None).is_err());
        assert!(check_verifier(None, Some(verifier)).is_err());
        assert!(
            check_verifier(Some(verifier), Some(verifier)).is_err(),
            "plain is not accepted"
        );
    }
}
