//! Passwords: what makes a good one, and their Argon2id strings.

use crate::error::{Error, Result};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use connect::SettingProblem;
use secrecy::{ExposeSecret as _, SecretString};

/// Fewest characters of a password (NIST SP 800-63B-4 §3.1.1.2 asks for 15 without a second factor, 8 with one).
pub const SHORTEST: usize = 12;
/// Most bytes of one: hashing must not become work for a stranger to give.
const LONGEST: usize = 1_024;
/// Random bytes of a salt (RFC 9106 §3.1 recommends 16).
pub(crate) const SALT: usize = 16;

/// What is wrong with a password for the person `name`; its problem stands at the field `password`.
pub(crate) fn judge(name: &str, password: &SecretString) -> Option<SettingProblem> {
    let password = password.expose_secret();
    let length = password.chars().count();
    let first = password.chars().next();
    let message = if length < SHORTEST {
        format!("At least {SHORTEST} characters; this has {length}. Four words in a row do well")
    } else if password.len() > LONGEST {
        format!("At most {LONGEST} bytes")
    } else if password.chars().all(|c| Some(c) == first) {
        "More than one character over and over".to_owned()
    } else if !name.is_empty() && password.to_lowercase().contains(&name.to_lowercase()) {
        "The name must not be in it".to_owned()
    } else {
        return None;
    };
    Some(SettingProblem {
        key: "password".to_owned(),
        message,
    })
}

/// The Argon2id string of a password. It takes some 20 MB and as many milliseconds, on a thread of its own.
pub(crate) async fn hash(password: SecretString, salt: [u8; SALT]) -> Result<String> {
    off_thread(move || {
        let hash: Result<PasswordHash, _> =
            Argon2::default().hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
        hash.map(|hash| hash.to_string())
            .map_err(|error| Error::Password(error.to_string()))
    })
    .await?
}

/// Whether this is the password of that string. Without a string it takes as long and says no, so that nobody learns
/// from the time which names there are.
pub(crate) async fn fits(password: SecretString, stored: Option<String>) -> Result<bool> {
    let Some(stored) = stored else {
        hash(password, [0; SALT]).await?;
        return Ok(false);
    };
    off_thread(move || {
        let stored = PasswordHash::new(&stored).map_err(|error| Error::Password(error.to_string()))?;
        let fits = Argon2::default().verify_password(password.expose_secret().as_bytes(), &stored);
        Ok(fits.is_ok())
    })
    .await?
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Password(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(password: &str) -> Option<String> {
        judge("ada", &password.to_owned().into()).map(|problem| problem.message)
    }

    #[test]
    fn short_long_and_guessable_passwords_are_refused_with_what_to_do() {
        assert!(said("elevenchars").is_some_and(|m| m.contains("At least 12")));
        assert!(said("twelve chars").is_none());
        assert!(said(&"x".repeat(40)).is_some_and(|m| m.contains("over and over")));
        assert!(said("my name is Ada, hello").is_some_and(|m| m.contains("name")));
        assert!(said(&"ab".repeat(600)).is_some_and(|m| m.contains("At most")));
        // Characters count, not bytes.
        assert!(said("ääääääöööööö").is_none());
    }

    #[tokio::test]
    async fn a_password_fits_its_string_alone_and_the_string_is_argon2id() {
        let password = SecretString::from("correct horse battery");
        let stored = hash(password.clone(), [7; SALT]).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(!stored.contains("horse"));
        assert!(fits(password.clone(), Some(stored.clone())).await.unwrap());
        assert!(!fits("correct horse batterz".into(), Some(stored)).await.unwrap());
        assert!(!fits(password, None).await.unwrap());
    }
}
