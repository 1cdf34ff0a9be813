//! Field rules: which part of the device document goes into which field, and who owns the field.

use crate::destination::FieldType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who may change a mapped field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The source: its value overwrites what stands there.
    #[default]
    Source,
    /// The destination once it is set: only blanks are filled.
    DestinationIfSet,
    /// Nobody writes it.
    Locked,
    /// A value a person changed since the last write goes to review.
    Ask,
}

/// Where a rule's value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleValue {
    /// A JMESPath expression over the device document.
    Expression(String),
    /// The same value for every device, written at creation or into blanks only.
    Constant(Value),
}

/// What is done to a value on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Seconds or milliseconds since 1970, or an RFC 3339 instant → `yyyy-mm-dd` in UTC.
    Date,
    /// Bytes → whole gibibytes, rounded to the nearest.
    BytesToGb,
    /// UPPER CASE.
    Upper,
    /// lower case.
    Lower,
    /// Text with `{value}` in it.
    Template(String),
}

/// One row of a mapping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldRule {
    /// Key of the target field.
    pub target: String,
    /// Where the value comes from.
    #[serde(flatten)]
    pub value: RuleValue,
    /// What is done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// Who may change the field.
    #[serde(default)]
    pub owner: Owner,
    /// Whether an absent source value empties the field. Off, an absent value never overwrites.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clear: bool,
    /// The type of a field that does not exist yet and is to be created under this label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<NewField>,
}

/// A custom field that a rule asks to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewField {
    /// What people see.
    pub label: String,
    /// Its type.
    pub field_type: FieldType,
}

/// The field rules of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// The preset whose fixed mapping this is; read-only while set. "Copy to edit" clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_by: Option<String>,
    /// The rules, in the order people see them.
    pub rules: Vec<FieldRule>,
}
