//! The fields of assets: built-in ones, and custom ones that clients may add.

use axum::http::StatusCode;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::records::State;
use super::refusal::Refusal;
use super::schema::{BUILT_IN, length};

/// The type of a custom field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FieldType {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
}

/// A custom field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomField {
    pub key: String,
    pub label: String,
    #[serde(rename = "type")]
    pub field_type: FieldType,
}

impl FieldType {
    fn named(name: &str) -> Option<Self> {
        serde_json::from_value(json!(name)).ok()
    }

    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Boolean => "true or false",
            Self::Date => "a day as yyyy-mm-dd",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Decimal => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Date => value
                .as_str()
                .is_some_and(|text| text.len() == 10 && text.parse::<Date>().is_ok()),
        }
    }
}

impl CustomField {
    fn json(&self) -> Value {
        json!({ "key": self.key, "label": self.label, "type": self.field_type, "built_in": false })
    }
}

impl State {
    /// All fields, built-in ones first.
    pub fn fields_json(&self) -> Vec<Value> {
        BUILT_IN
            .iter()
            .map(|(key, label)| json!({ "key": key, "label": label, "type": "text", "built_in": true }))
            .chain(self.custom.iter().map(CustomField::json))
            .collect()
    }

    /// Adds a custom field.
    pub fn add_field(&mut self, body: &Value) -> Result<Value, Refusal> {
        let object = body
            .as_object()
            .ok_or_else(|| Refusal::invalid("type", "$", "the body is not a JSON object"))?;
        if let Some(unknown) = object
            .keys()
            .find(|key| !matches!(key.as_str(), "key" | "label" | "type"))
        {
            let message = format!("fields have no property {unknown:?}; there are key, label, type");
            return Err(Refusal::invalid("unknown_field", unknown.as_str(), message));
        }
        let text = |name: &str| {
            let value = object
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.trim().is_empty());
            value.ok_or_else(|| Refusal::invalid("required", name, format!("{name} must be a text")))
        };
        let (key, label, type_name) = (text("key")?, text("label")?, text("type")?);
        if key.len() > 64
            || !key
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            let message = "a key has 1 to 64 of a-z, 0-9 and _";
            return Err(Refusal::invalid("format", "key", message));
        }
        length("label", label, 255)?;
        let field_type = FieldType::named(type_name).ok_or_else(|| {
            let message = format!("{type_name:?} is none of text, integer, decimal, boolean, date");
            Refusal::invalid("format", "type", message)
        })?;
        let taken =
            BUILT_IN.iter().any(|(built_in, _)| *built_in == key) || self.custom.iter().any(|f| f.key == key);
        if taken {
            let message = format!("a field {key:?} exists already");
            return Err(Refusal::new(StatusCode::CONFLICT, "exists", message));
        }
        let field = CustomField {
            key: key.to_owned(),
            label: label.to_owned(),
            field_type,
        };
        let added = field.json();
        self.custom.push(field);
        Ok(added)
    }

    /// Refuses a value no custom field `key` can hold.
    pub fn check_custom(&self, key: &str, value: &Value) -> Result<(), Refusal> {
        let Some(field) = self.custom.iter().find(|field| field.key == key) else {
            let message = format!("there is no custom field {key:?}; GET /asset_fields lists them");
            return Err(Refusal::invalid("unknown_field", key, message));
        };
        if value.is_null() {
            return Ok(());
        }
        if !field.field_type.fits(value) {
            let message = format!("{key} must be {}", field.field_type.words());
            return Err(Refusal::invalid("type", key, message));
        }
        match value.as_str() {
            Some(text) => length(key, text, 10_000),
            None => Ok(()),
        }
    }
}
