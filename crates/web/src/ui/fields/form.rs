//! The form of one field rule: what is typed, as a rule and back.

use crate::ui::form::{Field, Input};
use engine::SettingProblem;
use engine::fields::Targets;
use model::mapping::NewField;
use model::{FieldRule, FieldType, Owner, RuleValue, Transform};
use serde::Deserialize;
use serde_json::Value;

/// The choice of a target that makes a new field.
pub const NEW: &str = "+new";

/// Owners: what is sent, what people see, what it means.
pub const OWNERS: [(&str, &str, &str); 4] = [
    ("source", "The source", "its value overwrites what stands there"),
    (
        "destination_if_set",
        "The destination, once it is set",
        "only blanks are filled",
    ),
    (
        "ask",
        "Ask",
        "a value somebody changed since the last write becomes a question",
    ),
    ("locked", "Locked", "nobody writes it; the rule waits"),
];

const TRANSFORMS: [(&str, &str); 6] = [
    ("", "As it is"),
    ("date", "A date: seconds since 1970 or an instant become a day"),
    ("bytes_to_gb", "Bytes become whole gigabytes"),
    ("upper", "UPPER CASE"),
    ("lower", "lower case"),
    ("template", "Within a text of yours"),
];

const TYPES: [(&str, &str); 5] = [
    ("text", "Text"),
    ("integer", "A whole number"),
    ("decimal", "A number with a fraction"),
    ("boolean", "Yes or no"),
    ("date", "A date"),
];

/// What was typed, or what is stored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// The version of the mapping that was looked at.
    pub seen: String,
    /// The field the rule wrote before; empty for a new rule.
    pub was: String,
    /// The field it writes.
    pub target: String,
    /// The label of a field to be created.
    pub label: String,
    /// Its type.
    pub kind: String,
    /// `expression` or `constant`.
    pub from: String,
    /// The expression.
    pub source: String,
    /// The constant.
    pub constant: String,
    /// What is done to the value.
    pub transform: String,
    /// The text of a template.
    pub template: String,
    /// Who may change the field.
    pub owner: String,
    /// Whether an absent value empties the field.
    pub clear: String,
    /// The device it is tried on.
    pub device: String,
    /// The device whose button was pressed.
    pub pick: String,
    /// What devices were looked for.
    pub find_device: String,
    /// What parts of the device were looked for.
    pub find: String,
    /// Which button was pressed.
    #[serde(rename = "do")]
    pub pressed: String,
    /// The part of the device whose button was pressed.
    #[serde(rename = "use")]
    pub used: String,
}

/// The word a type is sent as.
pub fn type_word(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "text",
        FieldType::Integer => "integer",
        FieldType::Decimal => "decimal",
        FieldType::Boolean => "boolean",
        FieldType::Date => "date",
    }
}

/// The same for people.
pub fn type_label(field_type: FieldType) -> &'static str {
    let word = type_word(field_type);
    TYPES
        .iter()
        .find(|(of, _)| *of == word)
        .map_or("", |(_, label)| label)
}

/// An owner in words.
pub fn owner_label(owner: Owner) -> &'static str {
    OWNERS[match owner {
        Owner::Source => 0,
        Owner::DestinationIfSet => 1,
        Owner::Ask => 2,
        Owner::Locked => 3,
    }]
    .1
}

/// A transform in a few words; empty for none.
pub fn transform_label(transform: Option<&Transform>) -> String {
    match transform {
        None => String::new(),
        Some(Transform::Date) => "as a date".to_owned(),
        Some(Transform::BytesToGb) => "in gigabytes".to_owned(),
        Some(Transform::Upper) => "in UPPER CASE".to_owned(),
        Some(Transform::Lower) => "in lower case".to_owned(),
        Some(Transform::Template(text)) => format!("as “{text}”"),
    }
}

fn problem(key: &str, message: &str) -> SettingProblem {
    SettingProblem {
        key: key.to_owned(),
        message: message.to_owned(),
    }
}

/// A key for a field of that label which nothing has yet.
fn key_for(label: &str, targets: &Targets) -> String {
    let mut key = String::new();
    for word in label
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let word = word.to_ascii_lowercase();
        match key.is_empty() {
            true => key = word,
            false => {
                let (first, rest) = word.split_at(1);
                key.push_str(&first.to_ascii_uppercase());
                key.push_str(rest);
            }
        }
    }
    if key.is_empty() {
        key = "field".to_owned();
    }
    let taken = |key: &str| targets.fields.iter().any(|f| f.key == key);
    if !taken(&key) {
        return key;
    }
    (2..)
        .map(|n| format!("{key}{n}"))
        .find(|key| !taken(key))
        .unwrap_or(key)
}

impl Typed {
    /// What is stored of a rule.
    pub fn stored(rule: &FieldRule) -> Self {
        let (from, source, constant) = match &rule.value {
            RuleValue::Expression(text) => ("expression", text.clone(), String::new()),
            RuleValue::Constant(Value::String(text)) => ("constant", String::new(), text.clone()),
            RuleValue::Constant(Value::Null) => ("constant", String::new(), String::new()),
            RuleValue::Constant(other) => ("constant", String::new(), other.to_string()),
        };
        let (transform, template) = match &rule.transform {
            None => ("", String::new()),
            Some(Transform::Date) => ("date", String::new()),
            Some(Transform::BytesToGb) => ("bytes_to_gb", String::new()),
            Some(Transform::Upper) => ("upper", String::new()),
            Some(Transform::Lower) => ("lower", String::new()),
            Some(Transform::Template(text)) => ("template", text.clone()),
        };
        let owner = OWNERS[match rule.owner {
            Owner::Source => 0,
            Owner::DestinationIfSet => 1,
            Owner::Ask => 2,
            Owner::Locked => 3,
        }]
        .0;
        Self {
            was: rule.target.clone(),
            target: rule.target.clone(),
            label: rule
                .create
                .as_ref()
                .map_or_else(String::new, |new| new.label.clone()),
            kind: rule
                .create
                .as_ref()
                .map_or("text", |new| type_word(new.field_type))
                .to_owned(),
            from: from.to_owned(),
            source,
            constant,
            transform: transform.to_owned(),
            template,
            owner: owner.to_owned(),
            clear: if rule.clear { "on" } else { "" }.to_owned(),
            ..Self::default()
        }
    }

    /// A rule that is not there yet.
    pub fn new_rule() -> Self {
        Self {
            from: "expression".to_owned(),
            kind: "text".to_owned(),
            owner: OWNERS[0].0.to_owned(),
            ..Self::default()
        }
    }

    /// The rule that was typed. `old` is the one it was before: what the form does not show of it stays.
    ///
    /// # Errors
    /// Problems at their fields that can be told without the destination.
    pub fn rule(&self, targets: &Targets, old: Option<&FieldRule>) -> Result<FieldRule, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        let mut create = None;
        let mut target = self.target.clone();
        if self.target == NEW {
            let label = self.label.trim();
            if label.is_empty() {
                problems.push(problem("label", "Say what the new field is called"));
            } else if label.chars().count() > 60 || label.chars().any(char::is_control) {
                problems.push(problem("label", "At most 60 letters, without control characters"));
            } else if targets.fields.iter().any(|f| f.label.eq_ignore_ascii_case(label)) {
                problems.push(problem(
                    "label",
                    "There is a field of this name already: choose it above",
                ));
            }
            target = key_for(label, targets);
            create = Some(NewField {
                label: label.to_owned(),
                field_type: match self.kind.as_str() {
                    "integer" => FieldType::Integer,
                    "decimal" => FieldType::Decimal,
                    "boolean" => FieldType::Boolean,
                    "date" => FieldType::Date,
                    _ => FieldType::Text,
                },
            });
        } else if self.target.is_empty() {
            problems.push(problem("target", "Choose where the value goes"));
        } else if let Some(old) = old.filter(|old| old.target == self.target) {
            create.clone_from(&old.create);
        }
        let value = if self.from == "constant" {
            RuleValue::Constant(match (self.constant.as_str(), old.map(|old| &old.value)) {
                // An empty text and nothing at all are told apart where they were before.
                ("", Some(RuleValue::Constant(Value::Null))) => Value::Null,
                (text, _) => Value::String(text.to_owned()),
            })
        } else {
            if self.source.trim().is_empty() {
                problems.push(problem(
                    "source",
                    "Say which part of the device it is: choose one on the right, or type an expression",
                ));
            }
            RuleValue::Expression(self.source.trim().to_owned())
        };
        let transform = match self.transform.as_str() {
            "date" => Some(Transform::Date),
            "bytes_to_gb" => Some(Transform::BytesToGb),
            "upper" => Some(Transform::Upper),
            "lower" => Some(Transform::Lower),
            "template" if self.template.trim().is_empty() => {
                problems.push(problem(
                    "transform",
                    "Type the text, with {value} where the value belongs",
                ));
                None
            }
            "template" => Some(Transform::Template(self.template.clone())),
            _ => None,
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(FieldRule {
            target,
            value,
            transform,
            owner: match self.owner.as_str() {
                "destination_if_set" => Owner::DestinationIfSet,
                "ask" => Owner::Ask,
                "locked" => Owner::Locked,
                _ => Owner::Source,
            },
            clear: !self.clear.is_empty(),
            create,
        })
    }
}

/// The fields of the form, each with its problem.
pub struct Fields {
    pub label: Field,
    pub kind: Field,
    pub from: Field,
    pub source: Field,
    pub constant: Field,
    pub transform: Field,
    pub template: Field,
    pub owner: Field,
    pub clear: Field,
    pub target_error: Option<String>,
}

impl Fields {
    /// The form holding `typed`.
    pub fn new(typed: &Typed, problems: &[SettingProblem]) -> Self {
        let owners = OWNERS.map(|(word, label, _)| (word, label));
        Self {
            label: Field::text("label", "Name of the new field")
                .value(&typed.label)
                .required_mark()
                .problem_of("label", problems),
            kind: Field::choice("kind", "Its type", TYPES).value(&typed.kind),
            from: Field::choice(
                "from",
                "Where the value comes from",
                [("expression", "A part of the device"), ("constant", "The same for every device")],
            )
            .value(&typed.from)
            .required_mark(),
            source: Field::text("source", "Part of the device")
                .help("A JMESPath expression: a name, or names with || between them, of which the first that is there counts")
                .placeholder("system.serialNumber")
                .value(&typed.source)
                .required_mark()
                .problem_of("source", problems),
            constant: Field::text("constant", "Value")
                .help("Written when an asset is created, and into blanks; never over what stands there. It may be empty")
                .value(&typed.constant)
                .problem_of("constant", problems),
            transform: Field::choice("transform", "What is done to it on its way", TRANSFORMS)
                .value(&typed.transform)
                .required_mark()
                .problem_of("transform", problems),
            template: Field::text("template", "The text")
                .help("With {value} where the value belongs")
                .placeholder("Ninja device {value}")
                .value(&typed.template),
            owner: Field::choice("owner", "Who owns the field", owners)
                .value(&typed.owner)
                .required_mark(),
            clear: Field::tick("clear", "Empty the field when the device no longer has a value", !typed.clear.is_empty())
                .help("Off, a value that is absent never overwrites"),
            target_error: problems.iter().find(|p| p.key == "target").map(|p| p.message.clone()),
        }
    }
}

impl Field {
    /// The same without the word "optional": it always holds something, or what it needs is told by another field.
    #[must_use]
    fn required_mark(mut self) -> Self {
        // A browser must not hold the form back where another choice makes this field mean nothing.
        if let Input::Line(_) = self.input {
            self.optional_said = false;
            return self;
        }
        self.required = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::TargetField;

    fn targets() -> Targets {
        Targets {
            fields: vec![TargetField {
                key: "assetTag".to_owned(),
                label: "Asset tag".to_owned(),
                field_type: FieldType::Text,
                custom: false,
            }],
            creates: true,
        }
    }

    #[test]
    fn a_stored_rule_is_the_same_after_the_form() {
        let rules = [
            FieldRule {
                target: "assetTag".to_owned(),
                value: RuleValue::Expression("a || b".to_owned()),
                transform: Some(Transform::Template("T {value}".to_owned())),
                owner: Owner::Ask,
                clear: true,
                create: None,
            },
            FieldRule {
                target: "warranty".to_owned(),
                value: RuleValue::Constant(Value::Null),
                transform: None,
                owner: Owner::Locked,
                clear: false,
                create: Some(NewField {
                    label: "Warranty".to_owned(),
                    field_type: FieldType::Date,
                }),
            },
        ];
        for rule in rules {
            assert_eq!(Typed::stored(&rule).rule(&targets(), Some(&rule)).unwrap(), rule);
        }
    }

    #[test]
    fn a_new_field_gets_a_key_of_its_own() {
        assert_eq!(key_for("Warranty end (vendor)", &targets()), "warrantyEndVendor");
        assert_eq!(key_for("Asset Tag", &targets()), "assetTag2");
        assert_eq!(key_for("保証", &targets()), "field");
    }

    #[test]
    fn what_is_missing_is_said_at_its_field() {
        let keys = |typed: &Typed| -> Vec<String> {
            let problems = typed.rule(&targets(), None).unwrap_err();
            problems.into_iter().map(|p| p.key).collect()
        };
        assert_eq!(keys(&Typed::new_rule()), ["target", "source"]);
        let new = Typed {
            target: NEW.to_owned(),
            transform: "template".to_owned(),
            ..Typed::new_rule()
        };
        assert_eq!(keys(&new), ["label", "source", "transform"]);
    }
}
