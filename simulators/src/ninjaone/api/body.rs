//! Reads JSON bodies the way the vendor's stack does: a field it does not know is an error.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Refusal;

/// A body of a known form.
///
/// # Errors
/// 400 with the vendor's words for an unknown field, or with the reason.
pub(super) fn of<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        let text = error.to_string();
        match text
            .strip_prefix("unknown field `")
            .and_then(|rest| rest.split_once('`'))
        {
            Some((field, rest)) => Refusal::bad_request(format!("Unrecognized field '{field}'{rest}")),
            None => Refusal::bad_request(text),
        }
    })
}

/// A body of a known form, or its default if there is none.
///
/// # Errors
/// As [`of`].
pub(super) fn or_default<T: DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, Refusal> {
    if bytes.is_empty() {
        Ok(T::default())
    } else {
        of(bytes)
    }
}

/// Any JSON object.
///
/// # Errors
/// 400 when it is none.
pub(super) fn any_object(bytes: &[u8]) -> Result<Value, Refusal> {
    let value: Value = of(bytes)?;
    match value.is_object() {
        true => Ok(value),
        false => Err(Refusal::bad_request("a JSON object is expected")),
    }
}
