//! Codes of authenticator apps (RFC 6238): six digits every thirty seconds, from a key both sides know.
//!
//! SHA-1 is what every app takes; nothing here rests on its resistance to collisions.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// Seconds of a step.
pub(crate) const STEP: i64 = 30;
/// Random bytes of a key: as many as SHA-1 has (RFC 4226 §4 asks for 16 at least).
pub(crate) const KEY: usize = 20;
/// Steps a clock may be off to either side.
const DRIFT: i64 = 1;
const DIGITS: usize = 6;

/// The code of a step.
pub(crate) fn code(key: &[u8], step: i64) -> String {
    // A key of any length is taken; no code would fit an empty one.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 0x0f);
    let mut word = [0_u8; 4];
    word.copy_from_slice(&hash[at..at + 4]);
    let number = u32::from_be_bytes(word) & 0x7fff_ffff;
    format!("{:0width$}", number % 1_000_000, width = DIGITS)
}

/// The step whose code this is, at `seconds` since 1970, give or take one.
pub(crate) fn step_of(key: &[u8], typed: &str, seconds: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    if typed.len() != DIGITS || !typed.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let now = seconds.div_euclid(STEP);
    // All are looked at, so that the time says nothing.
    let mut found = None;
    for step in now - DRIFT..=now + DRIFT {
        if bool::from(code(key, step).as_bytes().ct_eq(typed.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Bytes as apps take them (RFC 4648 §6, without padding).
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(
                LETTERS[usize::try_from(held >> bits & 31).unwrap_or(0)],
            ));
        }
    }
    if bits > 0 {
        text.push(char::from(
            LETTERS[usize::try_from(held << (5 - bits) & 31).unwrap_or(0)],
        ));
    }
    text
}

/// The bytes of such a text; `None` when it is none.
pub(crate) fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.bytes() {
        let value = LETTERS
            .iter()
            .position(|known| *known == letter.to_ascii_uppercase())?;
        held = held << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// The address apps read out of a QR code.
pub(crate) fn address(key: &str, name: &str, issuer: &str) -> String {
    let escape = |text: &str| {
        url::form_urlencoded::byte_serialize(text.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    };
    format!(
        "otpauth://totp/{issuer}:{name}?secret={key}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}",
        issuer = escape(issuer),
        name = escape(name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238 appendix B, the last six of its eight digits.
        let key = b"12345678901234567890";
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(key, seconds / STEP), expected);
            assert_eq!(step_of(key, expected, seconds), Some(seconds / STEP));
        }
    }

    #[test]
    fn a_clock_may_be_half_a_minute_off_and_no_more() {
        let key = b"12345678901234567890";
        let code = code(key, 1_000);
        let at = |step: i64| step_of(key, &code, step * STEP);
        assert_eq!(
            (at(999), at(1_000), at(1_001)),
            (Some(1_000), Some(1_000), Some(1_000))
        );
        assert_eq!((at(998), at(1_002)), (None, None));
        assert_eq!(
            step_of(key, &format!(" {} {}", &code[..3], &code[3..]), 30_000),
            Some(1_000)
        );
        for typed in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"] {
            assert_eq!(step_of(key, typed, 30_000), None, "{typed:?}");
        }
    }

    #[test]
    fn keys_are_written_as_apps_read_them() {
        // RFC 4648 §10, without padding.
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
            assert_eq!(from_base32(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(from_base32("MZ1"), None);
        assert_eq!(
            address("ABC", "ada+x@example.com", "rmmbridge hub"),
            "otpauth://totp/rmmbridge%20hub:ada%2Bx%40example.com?secret=ABC&issuer=rmmbridge%20hub&algorithm=SHA1&digits=6&period=30"
        );
    }
}
