//! An authenticator app, written from RFC 6238 and RFC 4648 for tests: what the product computes it must not compute from the
//! product.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// An app that was given a key.
#[derive(Clone, Debug)]
pub struct Authenticator(Vec<u8>);

impl Authenticator {
    /// One with the key as people read it, in groups of letters.
    pub fn new(key: &str) -> Self {
        let bits: Vec<u8> = key
            .chars()
            .filter(|c| !c.is_whitespace())
            .flat_map(|c| {
                let value = LETTERS.find(c).expect("keys are letters of RFC 4648");
                (0..5).rev().map(move |bit| u8::from(value >> bit & 1 == 1))
            })
            .collect();
        let byte = |bits: &[u8]| bits.iter().fold(0, |all, bit| all << 1 | bit);
        Self(bits.chunks_exact(8).map(byte).collect())
    }

    /// The code it shows at `seconds` since 1970.
    pub fn code(&self, seconds: i64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("a key of any length is taken");
        mac.update(&(seconds / 30).to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let number = hash[at..at + 4]
            .iter()
            .fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_the_codes_of_the_standard() {
        // RFC 6238 appendix B, the last six of its eight digits; the key is "12345678901234567890".
        let app = Authenticator::new("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(app.code(59), "287082");
        assert_eq!(app.code(1_111_111_109), "081804");
    }
}
