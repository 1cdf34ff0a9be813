//! Passportal's JSON, and nothing else. Members that are not read are left out.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An id, which is a number wherever it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Id(pub u64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let id = match &value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        id.map(Self)
            .ok_or_else(|| D::Error::custom(format!("{value} is no id")))
    }
}

/// A page of a list. Beyond the end it has no results, or none to speak of.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    /// The records.
    #[serde(default = "Option::default")]
    pub results: Option<Vec<T>>,
}

/// A client in a list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Client {
    /// Its id.
    pub id: Id,
    /// Its name, encoded.
    pub name: String,
}

/// A document in a list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: Id,
    /// Its title, encoded.
    #[serde(default)]
    pub label: Option<String>,
    /// Its client.
    pub client_id: Id,
    /// Its template.
    #[serde(default, rename = "templateId")]
    pub template: Option<Value>,
    /// What its template is called.
    #[serde(default, rename = "templateName")]
    pub template_name: Option<String>,
    /// Its type.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

/// A document by itself.
#[derive(Debug, Deserialize)]
pub struct Details {
    /// Its fields by position, or by name.
    pub details: Map<String, Value>,
}

/// An access token.
#[derive(Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: String,
    /// When it ends, in seconds since 1970.
    #[serde(default)]
    pub expiry_time: Option<i64>,
}

/// What stands in a body beside its content. `success` is a text in places.
#[derive(Debug, Default, Deserialize)]
pub struct Refusal {
    /// Whether it was done.
    #[serde(default)]
    pub success: Value,
    /// The vendor's number of the error.
    #[serde(default)]
    pub code: Value,
    /// A sentence.
    #[serde(default)]
    pub message: String,
}

impl Refusal {
    /// Whether the body says that it was done; `None` where it does not say.
    pub fn succeeded(&self) -> Option<bool> {
        match &self.success {
            Value::Bool(done) => Some(*done),
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            _ => None,
        }
    }

    /// The vendor's number of the error.
    pub fn number(&self) -> Option<u64> {
        self.code.as_u64()
    }
}
