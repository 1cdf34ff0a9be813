//! Where the master key comes from, and what to do when it cannot be used.

use crate::platform::{SystemRandom, environment};
use secrecy::{ExposeSecret as _, SecretString};
use std::io::ErrorKind;
use std::path::Path;
use store::KeyRing;
use store::vault::VaultError;

/// What to do about a key that is none.
const PUT_BACK: &str = "Put back the copy of the key that you kept: the database does not open with another";

/// The master key and where it came from: the environment, a systemd credential, or the data directory, where it is
/// made at first.
///
/// # Errors
/// When there is one that cannot be used; the error names it, the cause and the next step.
pub fn master_key(data_dir: &Path) -> anyhow::Result<(KeyRing, String)> {
    if let Some(text) = environment("RMMBRIDGE_MASTER_KEY") {
        return from_text(SecretString::from(text), "RMMBRIDGE_MASTER_KEY");
    }
    // systemd.exec(5), LoadCredential=.
    if let Some(directory) = environment("CREDENTIALS_DIRECTORY") {
        let path = Path::new(&directory).join("rmmbridge-master-key");
        if path.exists() {
            let text = std::fs::read_to_string(&path).map_err(|source| unreadable(&path, &source))?;
            let origin = format!("the systemd credential `{}`", path.display());
            return from_text(SecretString::from(text), &origin);
        }
    }
    let path = data_dir.join("master.key");
    let keys = KeyRing::from_file(&path, &SystemRandom).map_err(|error| match error {
        VaultError::KeyFile { path, source } => unreadable(&path, &source),
        VaultError::Malformed { origin } => {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            no_key(&SecretString::from(text), &format!("file {origin}"))
        }
        other => other.into(),
    })?;
    Ok((keys, path.display().to_string()))
}

fn from_text(text: SecretString, origin: &str) -> anyhow::Result<(KeyRing, String)> {
    match KeyRing::from_text(&text, origin) {
        Ok(keys) => Ok((keys, origin.to_owned())),
        Err(VaultError::Malformed { .. }) => Err(no_key(&text, origin)),
        Err(other) => Err(other.into()),
    }
}

/// A file that cannot be read or made.
fn unreadable(path: &Path, source: &std::io::Error) -> anyhow::Error {
    let shown = path.display();
    let next = match source.kind() {
        ErrorKind::PermissionDenied => {
            format!("Let the user that runs rmmbridge own it: chown USER {shown} && chmod 600 {shown}")
        }
        ErrorKind::InvalidData => format!("It is no text of 64 hexadecimal digits. {PUT_BACK}"),
        ErrorKind::IsADirectory => "Move that directory away, and put the key there as a file".to_owned(),
        _ => "Mend that, or give the key in RMMBRIDGE_MASTER_KEY".to_owned(),
    };
    anyhow::anyhow!("master key file `{shown}` cannot be used: {source}. {next}")
}

/// A text that is no key. What it is instead is said without showing any of it.
fn no_key(text: &SecretString, origin: &str) -> anyhow::Error {
    let wrong = text
        .expose_secret()
        .split_whitespace()
        .find(|word| word.len() != 64 || !word.bytes().all(|b| b.is_ascii_hexdigit()));
    let found = match wrong.map(|word| word.chars().count()) {
        None => "it is empty".to_owned(),
        Some(64) => "it has 64 characters, but not all of them are 0 to 9 and a to f".to_owned(),
        Some(count) => format!("it has {count} characters"),
    };
    anyhow::anyhow!("the master key from {origin} is not 64 hexadecimal digits: {found}. {PUT_BACK}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_described_without_being_shown() {
        for (text, words) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("cafe\n", "it has 4 characters"),
            (&"0".repeat(63), "it has 63 characters"),
            (&"g".repeat(64), "not all of them are 0 to 9 and a to f"),
        ] {
            let told = no_key(&SecretString::from(text), "a test").to_string();
            assert!(told.contains(words), "{told}");
            assert!(
                told.contains("from a test") && told.contains("Put back the copy"),
                "{told}"
            );
            assert!(
                !told.contains("cafe") && !told.contains("000") && !told.contains("ggg"),
                "{told}"
            );
        }
    }
}
