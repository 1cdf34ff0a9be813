//! Values on their way from the device document into a field: transforms and the field's type.
//!
//! Whatever a vendor sends ends in a value of the field's type or in a sentence that says why not; nothing panics.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use model::{FieldType, Transform};
use serde_json::{Number, Value};

/// Longest text a field takes, in characters.
pub(crate) const LONGEST_TEXT: usize = 10_000;

/// Numbers of seconds since 1970 from here on are taken for milliseconds: as seconds this is the year 5138.
const SECONDS_END: f64 = 1e11;

/// From here on a floating-point number no longer tells neighbouring whole numbers apart.
const EXACT_END: f64 = 9_007_199_254_740_992.0;

const GIBIBYTE: f64 = 1_073_741_824.0;

/// Whether a value counts as empty: null or the empty text.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// What stands there, for messages: never the value itself.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("text of {} characters", text.chars().count()),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Applies a transform.
///
/// # Errors
/// What was expected and what stood there.
pub(crate) fn transform(value: &Value, transform: &Transform) -> Result<Value, String> {
    match transform {
        Transform::Date => date_of(value).map(Value::String),
        Transform::BytesToGb => match number(value) {
            Some(bytes) if (0.0..EXACT_END).contains(&bytes) => Ok(whole((bytes / GIBIBYTE).round())),
            _ => Err(format!("expected a number of bytes, found {}", describe(value))),
        },
        Transform::Upper => text(value).map(|t| t.to_uppercase().into()),
        Transform::Lower => text(value).map(|t| t.to_lowercase().into()),
        Transform::Template(template) => text(value).map(|t| template.replace("{value}", &t).into()),
    }
}

/// Brings a value into the field's type; blank values come out as `None`.
///
/// # Errors
/// What was expected and what stood there.
pub fn coerce(value: &Value, field_type: FieldType) -> Result<Option<Value>, String> {
    if is_blank(value) {
        return Ok(None);
    }
    let coerced = match field_type {
        FieldType::Text => {
            let text = text(value)?;
            if text.is_empty() {
                return Ok(None);
            }
            Value::String(text)
        }
        FieldType::Integer => integer(value)?,
        FieldType::Decimal => match number(value) {
            Some(number) => match value {
                Value::Number(exact) => Value::Number(exact.clone()),
                _ => Number::from_f64(number).map_or(Value::Null, Value::Number),
            },
            None => return Err(format!("expected a number, found {}", describe(value))),
        },
        FieldType::Boolean => match value {
            Value::Bool(b) => Value::Bool(*b),
            Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Value::Bool(true),
            Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Value::Bool(false),
            _ => return Err(format!("expected true or false, found {}", describe(value))),
        },
        FieldType::Date => match value {
            Value::String(text) => Value::String(date_of_text(text)?),
            Value::Number(_) => {
                return Err(
                    "expected a date, found a number; the rule needs the transform \"date\"".to_owned(),
                );
            }
            _ => return Err(format!("expected a date, found {}", describe(value))),
        },
    };
    Ok(Some(coerced))
}

/// A scalar as text, NUL characters removed.
fn text(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) if text.contains('\0') => text.replace('\0', ""),
        Value::String(text) => text.clone(),
        Value::Number(n) => number_text(n),
        Value::Bool(b) => b.to_string(),
        Value::Array(_) => {
            return Err(format!(
                "expected text, found {}; `join(', ', …)` makes text of a list",
                describe(value)
            ));
        }
        _ => return Err(format!("expected text, found {}", describe(value))),
    };
    let length = text.chars().count();
    if length > LONGEST_TEXT {
        return Err(format!(
            "expected text of at most {LONGEST_TEXT} characters, found {length}"
        ));
    }
    Ok(text)
}

/// A number as people write it: `12.0` is 12.
pub(crate) fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT_END => {
            whole(float).to_string()
        }
        _ => number.to_string(),
    }
}

/// A finite number, also one written as text.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(n) => n.as_f64()?,
        // Rust reads "nan" and "infinity" as numbers too, and text like that is none.
        Value::String(text) if text.trim().starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            text.trim().parse().ok()?
        }
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn integer(value: &Value) -> Result<Value, String> {
    let exact = match value {
        Value::Number(n) if n.is_f64() => None,
        Value::Number(n) => Some(n.as_i64()),
        Value::String(text) => text.trim().parse::<i64>().ok().map(Some),
        _ => None,
    };
    match exact {
        Some(Some(integer)) => return Ok(integer.into()),
        Some(None) => return Err("expected a whole number up to 2^63, found a larger one".to_owned()),
        None => {}
    }
    match number(value) {
        Some(float) if float.fract() == 0.0 && float.abs() < EXACT_END => Ok(whole(float)),
        Some(_) => Err("expected a whole number, found one with a fraction or beyond 2^53".to_owned()),
        None => Err(format!("expected a whole number, found {}", describe(value))),
    }
}

/// A whole floating-point number below 2^53 as an integer.
#[expect(
    clippy::cast_possible_truncation,
    reason = "callers pass whole numbers below 2^53"
)]
fn whole(float: f64) -> Value {
    Value::from(float as i64)
}

/// The day of an instant (a number of seconds or milliseconds, or text) in UTC, or of a date.
fn date_of(value: &Value) -> Result<String, String> {
    match (value, number(value)) {
        (Value::Number(_), Some(number)) => date_of_number(number),
        (Value::String(text), Some(number)) if text.trim().parse::<f64>().is_ok() => date_of_number(number),
        (Value::String(text), _) => date_of_text(text),
        _ => Err(format!(
            "expected seconds or milliseconds since 1970 or a date, found {}",
            describe(value)
        )),
    }
}

fn date_of_number(number: f64) -> Result<String, String> {
    let seconds = if number.abs() < SECONDS_END {
        number
    } else {
        number / 1000.0
    };
    let seconds = whole(seconds.clamp(-EXACT_END, EXACT_END).floor());
    let instant = seconds.as_i64().and_then(|s| Timestamp::from_second(s).ok());
    let date = instant.map(|t| t.to_zoned(TimeZone::UTC).date());
    date.and_then(in_writable_years).ok_or_else(|| {
        "expected seconds or milliseconds since 1970, found a number beyond the year 9999".to_owned()
    })
}

fn date_of_text(text: &str) -> Result<String, String> {
    let text = text.trim();
    let date = match text.parse::<Timestamp>() {
        Ok(instant) => Some(instant.to_zoned(TimeZone::UTC).date()),
        Err(_) => text.parse::<civil::DateTime>().ok().map(civil::DateTime::date),
    };
    date.and_then(in_writable_years).ok_or_else(|| {
        format!(
            "expected a date (yyyy-mm-dd), found text of {} characters",
            text.chars().count()
        )
    })
}

/// Years with four digits; others have no `yyyy-mm-dd`.
fn in_writable_years(date: civil::Date) -> Option<String> {
    (date.year() >= 1).then(|| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: &Value, field_type: FieldType, expected: &Value) {
        assert_eq!(
            coerce(value, field_type),
            Ok(Some(expected.clone())),
            "{value} as {field_type:?}"
        );
    }

    #[track_caller]
    fn check_refused(value: &Value, field_type: FieldType, part: &str) {
        let message = coerce(value, field_type).unwrap_err();
        assert!(message.contains(part), "{value} as {field_type:?}: {message}");
    }

    #[track_caller]
    fn check_transform(value: &Value, by: &Transform, expected: &Value) {
        assert_eq!(transform(value, by).as_ref(), Ok(expected), "{value} by {by:?}");
    }

    #[test]
    fn values_take_the_field_type() {
        use FieldType::{Boolean, Date, Decimal, Integer, Text};
        check(&json!("a\0b"), Text, &json!("ab"));
        check(&json!(12), Text, &json!("12"));
        check(&json!(12.0), Text, &json!("12"));
        check(&json!(1.5), Text, &json!("1.5"));
        check(&json!(1e308), Text, &json!("1e+308"));
        check(&json!(true), Text, &json!("true"));
        check(&json!(12.0), Integer, &json!(12));
        check(&json!(" 12 "), Integer, &json!(12));
        check(&json!(i64::MAX), Integer, &json!(i64::MAX));
        check(&json!(12), Decimal, &json!(12));
        check(&json!("1.5"), Decimal, &json!(1.5));
        check(&json!("True"), Boolean, &json!(true));
        check(&json!("2026-02-28"), Date, &json!("2026-02-28"));
        check(&json!("2026-02-28T23:30:00-02:00"), Date, &json!("2026-03-01"));
        check(&json!("2026-02-28T23:30:00"), Date, &json!("2026-02-28"));
    }

    #[test]
    fn wrong_values_are_refused() {
        use FieldType::{Boolean, Date, Decimal, Integer, Text};
        check_refused(&json!([1, 2]), Text, "a list of 2; `join");
        check_refused(&json!({"a": 1}), Text, "an object");
        check_refused(&json!("x".repeat(10_001)), Text, "found 10001");
        check_refused(&json!(1.5), Integer, "fraction");
        check_refused(&json!(1e308), Integer, "beyond");
        check_refused(&json!(u64::MAX), Integer, "2^63");
        check_refused(&json!("twelve"), Integer, "text of 6 characters");
        check_refused(&json!("NaN"), Decimal, "expected a number");
        check_refused(&json!("-inf"), Decimal, "expected a number");
        check_refused(&json!(1), Boolean, "true or false");
        check_refused(&json!("2026-02-30"), Date, "yyyy-mm-dd");
        check_refused(&json!("-000001-01-01"), Date, "yyyy-mm-dd");
        check_refused(&json!(1_700_000_000), Date, "transform");
        check_refused(&json!([]), Date, "a list of 0");
    }

    #[test]
    fn blank_values_are_absent() {
        for blank in [json!(null), json!(""), json!("\0\0")] {
            assert_eq!(coerce(&blank, FieldType::Text), Ok(None));
        }
        for field_type in [
            FieldType::Integer,
            FieldType::Decimal,
            FieldType::Boolean,
            FieldType::Date,
        ] {
            assert_eq!(coerce(&json!(""), field_type), Ok(None));
        }
    }

    #[test]
    fn transforms() {
        check_transform(&json!(1_759_136_775.901), &Transform::Date, &json!("2025-09-29"));
        check_transform(
            &json!(1_759_136_768_000_u64),
            &Transform::Date,
            &json!("2025-09-29"),
        );
        check_transform(&json!("1759136775"), &Transform::Date, &json!("2025-09-29"));
        check_transform(&json!("2025-09-29"), &Transform::Date, &json!("2025-09-29"));
        check_transform(&json!(-1), &Transform::Date, &json!("1969-12-31"));
        check_transform(&json!(255_550_554_112_u64), &Transform::BytesToGb, &json!(238));
        check_transform(&json!(0), &Transform::BytesToGb, &json!(0));
        check_transform(&json!("straße"), &Transform::Upper, &json!("STRASSE"));
        check_transform(&json!("ABC"), &Transform::Lower, &json!("abc"));
        let template = Transform::Template("{value} GB ({value})".to_owned());
        check_transform(&json!(238), &template, &json!("238 GB (238)"));
    }

    #[test]
    fn absurd_values_are_refused_by_transforms() {
        for (value, by) in [
            (json!(1e308), Transform::Date),
            (json!(-1e308), Transform::Date),
            (json!(true), Transform::Date),
            (json!("soon"), Transform::Date),
            (json!(-1), Transform::BytesToGb),
            (json!(1e308), Transform::BytesToGb),
            (json!([1]), Transform::BytesToGb),
            (json!({}), Transform::Upper),
            (json!([[["x"]]]), Transform::Template("{value}".to_owned())),
        ] {
            assert!(transform(&value, &by).is_err(), "{value} by {by:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_never_panic(float in any::<f64>(), integer in any::<i64>()) {
            let transforms =
                [Transform::Date, Transform::BytesToGb, Transform::Upper, Transform::Template("{value}".into())];
            for value in [Value::from(float), Value::from(integer)] {
                for by in &transforms {
                    let _ = transform(&value, by);
                }
                for field_type in
                    [FieldType::Text, FieldType::Integer, FieldType::Decimal, FieldType::Boolean, FieldType::Date]
                {
                    let _ = coerce(&value, field_type);
                }
            }
        }
    }
}
