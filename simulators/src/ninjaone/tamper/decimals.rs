//! Reads and writes answers without losing a digit.
//!
//! The vendor writes times with nine decimals. A float would not keep them, and every untouched row of a bent answer
//! must stay what it is.

use serde_json::Value;

/// What marks a number with decimals while an answer is bent.
const MARK: &str = "#decimal:";

/// Reads JSON; numbers with decimals become marked strings. `None` if it is no JSON.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    let mut marked = String::with_capacity(text.len() * 11 / 10);
    let (mut in_string, mut escaped) = (false, false);
    let mut kept = 0;
    let mut number: Option<usize> = None;
    for (at, byte) in text.bytes().enumerate() {
        let numeric =
            !in_string && (byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        match number {
            None if numeric && (byte.is_ascii_digit() || byte == b'-') => number = Some(at),
            Some(start) if !numeric => {
                if text[start..at].contains('.') {
                    marked.push_str(&text[kept..start]);
                    marked.push('"');
                    marked.push_str(MARK);
                    marked.push_str(&text[start..at]);
                    marked.push('"');
                    kept = at;
                }
                number = None;
            }
            _ => {}
        }
        if byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && byte == b'\\' && !escaped;
    }
    marked.push_str(&text[kept..]);
    serde_json::from_str(&marked).ok()
}

/// Writes what [`read`] read.
pub(super) fn write(value: &Value) -> String {
    let text = value.to_string();
    let mark = format!("\"{MARK}");
    let mut pieces = text.split(mark.as_str());
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_once('"').unwrap_or((piece, ""));
        plain.push_str(digits);
        plain.push_str(rest);
    }
    plain
}

/// Whether a value was a number.
pub(super) fn is_number(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| text.starts_with(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_kept() {
        let body = br#"[{"a":1759136775.901000000,"b":"say \"1.5\" and \\","c":[-2.50,3],"d":true}]"#;
        let value = read(body).unwrap();
        assert_eq!(write(&value).as_bytes(), body);
        assert!(is_number(&value[0]["a"]) && !is_number(&value[0]["b"]));
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        assert_eq!(read(b"<html>1.5</html>"), None);
    }
}
