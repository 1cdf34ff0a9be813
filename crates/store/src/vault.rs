//! Secrets at rest: XChaCha20-Poly1305 with a random key per record, which the master key wraps.
//!
//! The identity of the record (owner and name) is authenticated with it, so that a sealed value moved to another
//! row does not open. The id of the master key stands beside the wrapped key, so that keys can be rotated by
//! wrapping again; [`crate::KeyRing`] holds the master keys that are known while that goes on.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use model::Random;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const KEY: usize = 32;
const NONCE: usize = 24;

/// What goes wrong with keys and sealed values. Never holds either.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("master key file `{path}`: {source}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key is not one.
    #[error("the master key from {origin} is not 64 hexadecimal digits")]
    Malformed {
        /// Where it came from.
        origin: String,
    },
    /// Others may read the key file.
    #[error("master key file `{path}` may be read by others (mode {mode:o}). Run: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The value was sealed with another key.
    #[error(
        "the secrets in this database were sealed with master key {sealed_with}, and the key given is {given}. Give the right key: without it every connection has to be authorized again. After `rmmbridge keys rotate` on another machine that is the key file of that machine"
    )]
    WrongKey {
        /// Id of the key it was sealed with.
        sealed_with: String,
        /// Id of the key we have.
        given: String,
    },
    /// The keys are given by the environment or systemd, which this program cannot change.
    #[error(
        "the master key comes from {origin}, which only you can change. To rotate it, put a new key before the old one there, with a space between them (a new key: openssl rand -hex 32), on every machine of this database; start those rmmbridges again; then run: rmmbridge keys rotate. When it has finished, take the old key out"
    )]
    NotOurs {
        /// Where it came from.
        origin: String,
    },
    /// Somebody else rotates the key in this file.
    #[error(
        "another `rmmbridge keys rotate` is at work on `{path}`. Wait for it, or stop it and run this again: it goes on where that one stopped"
    )]
    Rotating {
        /// The key file.
        path: PathBuf,
    },
    /// The value was changed, or moved from another record.
    #[error(
        "the sealed value `{name}` of {owner} does not open: it was changed or belongs to another record"
    )]
    Broken {
        /// Whose it is.
        owner: String,
        /// Which it is.
        name: String,
    },
}

/// The key that wraps all others.
pub struct MasterKey {
    key: SecretBox<[u8; KEY]>,
    id: String,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// A sealed value as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Id of the master key that wraps its key.
    pub key_id: String,
    /// Nonce and wrapped key.
    pub wrapped: Vec<u8>,
    /// Nonce and sealed value.
    pub sealed: Vec<u8>,
}

impl MasterKey {
    /// A key from 64 hexadecimal digits; `origin` is named in errors.
    ///
    /// # Errors
    /// [`VaultError::Malformed`].
    pub fn from_hex(text: &SecretString, origin: &str) -> Result<Self, VaultError> {
        let malformed = || VaultError::Malformed {
            origin: origin.to_owned(),
        };
        let digits = text.expose_secret().trim().as_bytes();
        if digits.len() != 2 * KEY {
            return Err(malformed());
        }
        let mut key = Zeroizing::new([0_u8; KEY]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16).ok_or_else(malformed)?;
            let low = char::from(pair[1]).to_digit(16).ok_or_else(malformed)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| malformed())?;
        }
        Ok(Self::new(&key))
    }

    /// The key in `path`, made with `random` and mode 0600 when there is no such file. Of several it is the first.
    ///
    /// # Errors
    /// When the file cannot be read or made, is readable by others, or holds no key.
    pub fn from_file(path: &Path, random: &dyn Random) -> Result<Self, VaultError> {
        let mut keys = crate::rotation_file::read_keys(path, random)?;
        Ok(keys.swap_remove(0))
    }

    /// A new key and its 64 hexadecimal digits.
    pub(crate) fn generate(random: &dyn Random) -> (Self, Zeroizing<String>) {
        let mut key = Zeroizing::new([0_u8; KEY]);
        random.fill(key.as_mut());
        let made = Self::new(&key);
        let digits = made.digits();
        (made, digits)
    }

    /// The key as it stands in its file.
    pub(crate) fn digits(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY));
        for byte in self.key.expose_secret() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// A key for one purpose, out of which the master key cannot be computed.
    pub(crate) fn derive(&self, purpose: &str, salt: &[u8]) -> Zeroizing<[u8; KEY]> {
        // An HMAC takes a key of any length, so the error cannot be.
        let mut derived = Zeroizing::new([0_u8; KEY]);
        if let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.key.expose_secret()) {
            mac.update(format!("rmmbridge/1/derived/{}:{purpose}/", purpose.len()).as_bytes());
            mac.update(salt);
            derived.copy_from_slice(&mac.finalize().into_bytes());
        }
        derived
    }

    fn new(key: &[u8; KEY]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"rmmbridge master key id")
            .chain_update(key)
            .finalize();
        let id = digest[..8].iter().fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        });
        Self {
            key: SecretBox::new(Box::new(*key)),
            id,
        }
    }

    /// Tells this key from others without saying what it is.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals `value` as `name` of `owner`.
    pub fn seal(&self, owner: &str, name: &str, value: &[u8], random: &dyn Random) -> Sealed {
        let mut key = Zeroizing::new([0_u8; KEY]);
        random.fill(key.as_mut());
        Sealed {
            key_id: self.id.clone(),
            wrapped: encrypt(
                self.key.expose_secret(),
                key.as_ref(),
                &identity("key", owner, name),
                random,
            ),
            sealed: encrypt(&key, value, &identity("value", owner, name), random),
        }
    }

    /// Opens what [`MasterKey::seal`] made for the same owner and name.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] or [`VaultError::Broken`].
    pub fn open(&self, owner: &str, name: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.unwrap(owner, name, sealed)?;
        decrypt(&key, &sealed.sealed, &identity("value", owner, name)).ok_or_else(|| broken(owner, name))
    }

    /// Wraps the record key of `sealed`, which `from` wrapped, with this key instead. The value itself is not touched.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] or [`VaultError::Broken`], as when opening it with `from`.
    pub(crate) fn wrap_again(
        &self,
        from: &Self,
        owner: &str,
        name: &str,
        sealed: &Sealed,
        random: &dyn Random,
    ) -> Result<Sealed, VaultError> {
        let key = from.unwrap(owner, name, sealed)?;
        Ok(Sealed {
            key_id: self.id.clone(),
            wrapped: encrypt(
                self.key.expose_secret(),
                key.as_ref(),
                &identity("key", owner, name),
                random,
            ),
            sealed: sealed.sealed.clone(),
        })
    }

    /// The key of one record.
    fn unwrap(&self, owner: &str, name: &str, sealed: &Sealed) -> Result<Zeroizing<[u8; KEY]>, VaultError> {
        if sealed.key_id != self.id {
            return Err(VaultError::WrongKey {
                sealed_with: sealed.key_id.clone(),
                given: self.id.clone(),
            });
        }
        let key = decrypt(
            self.key.expose_secret(),
            &sealed.wrapped,
            &identity("key", owner, name),
        );
        key.and_then(|key| key.as_slice().try_into().ok())
            .map(Zeroizing::new)
            .ok_or_else(|| broken(owner, name))
    }
}

fn broken(owner: &str, name: &str) -> VaultError {
    VaultError::Broken {
        owner: owner.to_owned(),
        name: name.to_owned(),
    }
}

/// What is authenticated with a sealed value. Lengths keep `("ab", "c")` apart from `("a", "bc")`.
fn identity(part: &str, owner: &str, name: &str) -> Vec<u8> {
    format!("rmmbridge/1/{part}/{}:{owner}/{}:{name}", owner.len(), name.len()).into_bytes()
}

fn encrypt(key: &[u8; KEY], value: &[u8], identity: &[u8], random: &dyn Random) -> Vec<u8> {
    let mut nonce = [0_u8; NONCE];
    random.fill(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let mut out = nonce.to_vec();
    // The only failure is a value of more than 2^38 bytes; ours are tokens.
    if let Ok(sealed) = cipher.encrypt(
        &XNonce::from(nonce),
        Payload {
            msg: value,
            aad: identity,
        },
    ) {
        out.extend(sealed);
    }
    out
}

fn decrypt(key: &[u8; KEY], stored: &[u8], identity: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = stored.split_at_checked(NONCE)?;
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher
        .decrypt(
            &XNonce::from(nonce),
            Payload {
                msg: sealed,
                aad: identity,
            },
        )
        .ok()
        .map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    struct Counting(AtomicU8);
    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn key(digit: &str) -> MasterKey {
        MasterKey::from_hex(&SecretString::from(digit.repeat(64)), "a test").unwrap()
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_record_only() {
        let random = Counting(AtomicU8::new(1));
        let sealed = key("a").seal("connection 1", "client_secret", b"s3cret", &random);
        assert!(!sealed.sealed.windows(6).any(|w| w == b"s3cret"));
        assert_eq!(
            key("a")
                .open("connection 1", "client_secret", &sealed)
                .unwrap()
                .as_slice(),
            b"s3cret"
        );
        assert!(matches!(
            key("a").open("connection 2", "client_secret", &sealed),
            Err(VaultError::Broken { .. })
        ));
        assert!(matches!(
            key("b").open("connection 1", "client_secret", &sealed),
            Err(VaultError::WrongKey { .. })
        ));
    }

    #[test]
    fn a_changed_byte_does_not_open() {
        let random = Counting(AtomicU8::new(1));
        let mut sealed = key("a").seal("c", "t", b"value", &random);
        let last = sealed.sealed.len() - 1;
        sealed.sealed[last] ^= 1;
        assert!(matches!(
            key("a").open("c", "t", &sealed),
            Err(VaultError::Broken { .. })
        ));
        sealed.sealed.truncate(3);
        assert!(matches!(
            key("a").open("c", "t", &sealed),
            Err(VaultError::Broken { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let random = Counting(AtomicU8::new(1));
        let first = MasterKey::from_file(&path, &random).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(MasterKey::from_file(&path, &random).unwrap().id(), first.id());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            MasterKey::from_file(&path, &random),
            Err(VaultError::Exposed { .. })
        ));
    }

    #[test]
    fn a_record_key_wrapped_again_opens_with_the_new_key_only() {
        let random = Counting(AtomicU8::new(1));
        let old = key("a").seal("c", "t", b"value", &random);
        let new = key("b").wrap_again(&key("a"), "c", "t", &old, &random).unwrap();
        assert_eq!(new.sealed, old.sealed);
        assert_eq!(key("b").open("c", "t", &new).unwrap().as_slice(), b"value");
        assert!(matches!(
            key("a").open("c", "t", &new),
            Err(VaultError::WrongKey { .. })
        ));
        // Neither a wrong key nor another record's identity gets at the record key.
        for (from, owner) in [("c", "c"), ("a", "another")] {
            let refused = key("b").wrap_again(&key(from), owner, "t", &old, &random);
            assert!(refused.is_err(), "{from} {owner}");
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose_salt_and_master_key() {
        let one = key("a").derive("backup", b"salt");
        assert_eq!(one, key("a").derive("backup", b"salt"));
        assert_ne!(one, key("a").derive("backup", b"other"));
        assert_ne!(one, key("a").derive("marker", b"salt"));
        assert_ne!(one, key("b").derive("backup", b"salt"));
        assert_ne!(*one, [0xaa; KEY]);
    }

    #[test]
    fn debug_shows_the_id_only() {
        let shown = format!("{:?}", key("a"));
        assert!(!shown.contains("aaaa"), "{shown}");
    }
}
