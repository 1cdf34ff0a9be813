//! Key files, and writing a file that only its owner may read, as a whole.

use crate::backup_file::sync_directory_of;
use crate::vault::{MasterKey, VaultError};
use model::Random;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::Path;

/// The keys in a file, first the one that is to seal; made with one new key when there is no such file.
pub(crate) fn read_keys(path: &Path, random: &dyn Random) -> Result<Vec<MasterKey>, VaultError> {
    match keys_in(path) {
        Err(VaultError::KeyFile { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let (key, mut digits) = MasterKey::generate(random);
            digits.push('\n');
            match create_private(path, digits.as_bytes()) {
                Ok(()) => Ok(vec![key]),
                // Another process made it at the same moment: its key is the key.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => keys_in(path),
                Err(source) => Err(VaultError::KeyFile {
                    path: path.to_owned(),
                    source,
                }),
            }
        }
        other => other,
    }
}

/// The keys in a file that must be there.
pub(crate) fn keys_in(path: &Path) -> Result<Vec<MasterKey>, VaultError> {
    let text = std::fs::read_to_string(path).map_err(|source| VaultError::KeyFile {
        path: path.to_owned(),
        source,
    })?;
    let text = SecretString::from(text);
    check_mode(path)?;
    parse_keys(&text, &format!("`{}`", path.display()))
}

/// One key or several with white space between them.
pub(crate) fn parse_keys(text: &SecretString, origin: &str) -> Result<Vec<MasterKey>, VaultError> {
    let keys: Vec<_> = text
        .expose_secret()
        .split_whitespace()
        .map(|digits| MasterKey::from_hex(&SecretString::from(digits), origin))
        .collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(VaultError::Malformed {
            origin: origin.to_owned(),
        });
    }
    Ok(keys)
}

/// Replaces a key file as a whole: whoever reads it sees the old content or the new one, also after a power cut.
/// `tag` keeps the drafts of those apart who may write it at the same moment.
pub(crate) fn replace_private(path: &Path, content: &[u8], tag: &str) -> std::io::Result<()> {
    let draft = path.with_extension(format!("draft-{tag}"));
    let _ = std::fs::remove_file(&draft);
    let made = create_private(&draft, content).and_then(|()| std::fs::rename(&draft, path));
    if made.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    made.and_then(|()| sync_directory_of(path))
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).map_err(|source| VaultError::KeyFile {
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), VaultError> {
    Ok(())
}

/// Options that make files only their owner may read.
pub(crate) fn private_file() -> std::fs::OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "rights are set on Unix"))]
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Writes a new file that only its owner may read, whole or not at all.
pub(crate) fn create_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = private_file();
    options.write(true).create_new(true);
    // Under another name first: a half-written key file would lock the vault for ever.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let draft = path.with_file_name(name);
    let mut file = options.open(&draft)?;
    let made = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&draft, path));
    let _ = std::fs::remove_file(&draft);
    made.and_then(|()| sync_directory_of(path))
}
