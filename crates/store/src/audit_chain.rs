//! The hash chain of the audit log, without a database.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Length of a hash and of the key, in bytes.
pub(crate) const HASH: usize = 32;

/// The key the chain is made with. It is sealed in the vault, so that whoever holds a copy of the database without
/// the master key cannot make a chain that verifies.
pub(crate) struct ChainKey(Zeroizing<[u8; HASH]>);

/// One row as it is hashed.
pub(crate) struct Link<'a> {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) detail: &'a str,
}

impl ChainKey {
    pub(crate) fn new(bytes: [u8; HASH]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The hash of `link` after `previous`: HMAC-SHA-256 (RFC 2104) over both, every text with its length before it,
    /// so that no two rows give the same bytes.
    pub(crate) fn hash(&self, previous: &[u8], link: &Link<'_>) -> Vec<u8> {
        // A key of any length is accepted; ours has the hash's.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_ref()) else {
            return Vec::new();
        };
        mac.update(&(previous.len() as u64).to_be_bytes());
        mac.update(previous);
        mac.update(&link.seq.to_be_bytes());
        mac.update(&link.at.to_be_bytes());
        for text in [link.actor, link.action, link.subject, link.detail] {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        mac.finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link<'static> {
        Link {
            seq: 7,
            at: 1_000,
            actor: "console:ana",
            action: "bridge.changed",
            subject: "default",
            detail: "{}",
        }
    }

    #[test]
    fn every_part_of_a_row_and_the_row_before_it_count() {
        let key = ChainKey::new([1; HASH]);
        let hash = key.hash(b"before", &link());
        assert_eq!(hash.len(), HASH);
        assert_eq!(hash, key.hash(b"before", &link()));
        let others = [
            key.hash(b"befor", &link()),
            ChainKey::new([2; HASH]).hash(b"before", &link()),
            key.hash(b"before", &Link { seq: 8, ..link() }),
            key.hash(b"before", &Link { at: 1_001, ..link() }),
            key.hash(
                b"before",
                &Link {
                    actor: "console:an",
                    action: "abridge.changed",
                    ..link()
                },
            ),
            key.hash(
                b"before",
                &Link {
                    subject: "defaul",
                    detail: "t{}",
                    ..link()
                },
            ),
        ];
        for other in others {
            assert_ne!(hash, other);
        }
    }
}
