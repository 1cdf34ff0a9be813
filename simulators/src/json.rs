//! Writes JSON text straight into a buffer.
//!
//! A page of a thousand devices has to be ready within a few milliseconds, and the vendor writes times as numbers
//! with nine decimals, which a generic number type would not keep. Both ask for a writer that makes text.

use std::fmt::Write as _;

use serde::Serialize;

/// A JSON text that grows. Commas are put where they belong; the caller closes what it opens.
#[derive(Debug, Default)]
pub(crate) struct Json {
    text: String,
    /// Whether the next key or value must be preceded by a comma.
    comma: bool,
}

impl Json {
    /// A text with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            text: String::with_capacity(capacity),
            comma: false,
        }
    }

    /// The text written so far.
    pub fn into_string(self) -> String {
        self.text
    }

    fn separate(&mut self) {
        if self.comma {
            self.text.push(',');
        }
    }

    fn raw(&mut self, text: &str) {
        self.separate();
        self.text.push_str(text);
        self.comma = true;
    }

    /// `{ … }` with what `fill` writes inside.
    pub fn object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.nested('{', '}', fill);
    }

    /// `[ … ]` with what `fill` writes inside.
    pub fn array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.nested('[', ']', fill);
    }

    fn nested(&mut self, open: char, close: char, fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.text.push(open);
        self.comma = false;
        fill(self);
        self.text.push(close);
        self.comma = true;
    }

    /// A key; one value must follow.
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.separate();
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
        self.comma = false;
        self
    }

    /// A string value.
    pub fn string(&mut self, value: &str) {
        self.separate();
        self.text.push('"');
        escape_into(&mut self.text, value);
        self.text.push('"');
        self.comma = true;
    }

    /// An integer value.
    pub fn int(&mut self, value: i64) {
        self.separate();
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            self.text.push('-');
        }
        self.text
            .extend(digits[at..].iter().map(|&digit| char::from(digit)));
        self.comma = true;
    }

    /// A boolean value.
    pub fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    /// A null.
    pub fn null(&mut self) {
        self.raw("null");
    }

    /// A moment as the vendor writes it: epoch seconds with nine decimals. `millis` is in
    /// milliseconds.
    pub fn time(&mut self, millis: i64) {
        self.int(millis.div_euclid(1000));
        let part = millis.rem_euclid(1000);
        self.text.push('.');
        for digit in [part / 100, part / 10 % 10, part % 10] {
            self.text.push(char::from(b'0' + digit as u8));
        }
        self.text.push_str("000000");
    }

    /// A UUID in its usual writing.
    pub fn uuid(&mut self, bits: u128) {
        self.separate();
        self.text.push('"');
        let mut buffer = uuid::Uuid::encode_buffer();
        self.text
            .push_str(uuid::Uuid::from_u128(bits).hyphenated().encode_lower(&mut buffer));
        self.text.push('"');
        self.comma = true;
    }

    /// Any serializable value; for what is small and rare. A value that cannot be serialized is written as null.
    pub fn any(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.raw(&text),
            Err(_) => self.null(),
        }
    }

    /// `"key": "value"`
    pub fn string_at(&mut self, key: &str, value: &str) {
        self.key(key).string(value);
    }

    /// `"key": "value"`, or nothing at all.
    pub fn string_if(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string_at(key, value);
        }
    }

    /// `"key": "value"`, or `"key": null`.
    pub fn string_or_null(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.string_at(key, value),
            None => self.null_at(key),
        }
    }

    /// `"key": 1`
    pub fn int_at(&mut self, key: &str, value: impl TryInto<i64>) {
        match value.try_into() {
            Ok(value) => self.key(key).int(value),
            Err(_) => self.null_at(key),
        }
    }

    /// `"key": true`
    pub fn bool_at(&mut self, key: &str, value: bool) {
        self.key(key).bool(value);
    }

    /// `"key": null`
    pub fn null_at(&mut self, key: &str) {
        self.key(key).null();
    }

    /// `"key": 1759136775.901000000`
    pub fn time_at(&mut self, key: &str, millis: i64) {
        self.key(key).time(millis);
    }

    /// `"key": "…uuid…"`
    pub fn uuid_at(&mut self, key: &str, bits: u128) {
        self.key(key).uuid(bits);
    }

    /// `"key": {…}`
    pub fn object_at(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key).object(fill);
    }

    /// `"key": […]`
    pub fn array_at(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key).array(fill);
    }

    /// `"key": ["a", "b"]`
    pub fn strings_at<S: AsRef<str>>(&mut self, key: &str, values: &[S]) {
        self.array_at(key, |json| {
            values.iter().for_each(|value| json.string(value.as_ref()))
        });
    }

    /// `"key": …` with any serializable value.
    pub fn any_at(&mut self, key: &str, value: &impl Serialize) {
        self.key(key).any(value);
    }
}

fn escape_into(text: &mut String, value: &str) {
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        text.push_str(&value[from..at]);
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            control => {
                let _ = write!(text, "\\u{control:04x}");
            }
        }
        from = at + 1;
    }
    text.push_str(&value[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_serde_json_reads_back() {
        let mut json = Json::default();
        json.array(|json| {
            json.object(|json| {
                json.string_at("a", "quote \" slash \\ line \n bell \u{7} ü 漢");
                json.int_at("min", i64::MIN);
                json.int_at("ten", 10_u32);
                json.string_if("absent", None);
                json.null_at("nothing");
                json.array_at("empty", |_| {});
                json.strings_at("some", &["x", "y"]);
            });
            json.bool(true);
        });
        let read: serde_json::Value = serde_json::from_str(&json.into_string()).unwrap();
        assert_eq!(
            read,
            serde_json::json!([{
                "a": "quote \" slash \\ line \n bell \u{7} ü 漢", "min": i64::MIN, "ten": 10,
                "nothing": null, "empty": [], "some": ["x", "y"]
            }, true])
        );
    }

    #[test]
    fn times_have_nine_decimals() {
        let mut json = Json::default();
        json.time(1_759_136_775_901);
        assert_eq!(json.into_string(), "1759136775.901000000");
    }
}
