//! Field rules, checked once and applied to every device document.

use crate::coerce::{coerce, is_blank, transform};
use crate::expression::{Expression, readable};
use crate::fold::fold;
use crate::presets;
use jmespath::{Rcvar, Variable};
use model::{FieldFault, FieldRule, FieldType, Fields, Mapping, Owner, RuleValue, TargetField, Transform};
use rapidfuzz::distance::levenshtein;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

pub use crate::expression::TopLevel;

/// Why a mapping cannot be used. Every message names the rule.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The rule says nothing about where its value goes.
    #[error("{rule} has no target field; choose one")]
    NoTarget {
        /// The rule.
        rule: RuleName,
    },
    /// The expression cannot be parsed or run.
    #[error("{rule}: the expression cannot be used: {message}")]
    Expression {
        /// The rule.
        rule: RuleName,
        /// What the parser says, with a caret under the place.
        message: String,
    },
    /// The destination has no such field.
    #[error("{rule}: the destination has no field \"{target}\"{}", near_ones(.near))]
    UnknownTarget {
        /// The rule.
        rule: RuleName,
        /// The field it names.
        target: String,
        /// Fields with a similar key, the most similar first.
        near: Vec<String>,
    },
    /// Two rules write one field.
    #[error("{rule}: the field is written by {first} already; remove one of the two rules")]
    TargetTwice {
        /// The second rule.
        rule: RuleName,
        /// The first.
        first: RuleName,
    },
    /// Two rules read one expression.
    #[error("{rule}: \"{expression}\" is mapped by {first} already; a source field can be mapped once")]
    SourceTwice {
        /// The second rule.
        rule: RuleName,
        /// The first.
        first: RuleName,
        /// The expression, as the second rule has it.
        expression: String,
    },
    /// A template that would drop the value.
    #[error("{rule}: the template has no {{value}} in it; put it where the value belongs")]
    TemplateWithoutValue {
        /// The rule.
        rule: RuleName,
    },
    /// A constant that does not fit its field.
    #[error("{rule}: the constant does not fit the field: {message}")]
    Constant {
        /// The rule.
        rule: RuleName,
        /// What was expected and what stands there.
        message: String,
    },
    /// A fixed mapping that is not what its preset says.
    #[error("the mapping is fixed by the preset \"{preset}\" and was changed; copy it to edit it")]
    FixedChanged {
        /// The preset.
        preset: String,
    },
    /// A mapping fixed by a preset that does not exist.
    #[error("the mapping is fixed by \"{preset}\", and there is no such preset (there are: {})", presets::PRESETS.join(", "))]
    UnknownPreset {
        /// The name.
        preset: String,
    },
    /// The field that recognizes assets is not mapped.
    #[error("the matching field \"{field}\" is not mapped; map it, or choose one of: {}", .mapped.join(", "))]
    MatchFieldNotMapped {
        /// The matching field.
        field: String,
        /// Fields that are mapped to an expression.
        mapped: Vec<String>,
    },
}

impl MappingError {
    /// Which part of the rule of that number, from 1, it is about - `target`, `source`, `transform` or `constant` - and
    /// what is wrong with it, for a form that shows this rule alone. `None` when it is about others.
    pub fn at(&self, number: usize) -> Option<(&'static str, String)> {
        let of = |rule: &RuleName| rule.number == number;
        // What follows the rule's name in the message.
        let rest = |rule: &RuleName| {
            let text = self.to_string();
            let rest = text.strip_prefix(&format!("{rule}: ")).map(str::to_owned);
            rest.unwrap_or(text)
        };
        match self {
            Self::NoTarget { rule } if of(rule) => Some(("target", "choose where the value goes".to_owned())),
            Self::UnknownTarget { rule, .. } if of(rule) => Some(("target", rest(rule))),
            Self::Expression { rule, message } if of(rule) => Some(("source", message.clone())),
            Self::TemplateWithoutValue { rule } if of(rule) => Some(("transform", rest(rule))),
            Self::Constant { rule, .. } if of(rule) => Some(("constant", rest(rule))),
            Self::TargetTwice { rule, first } if of(rule) || of(first) => {
                let other = if of(rule) { first } else { rule };
                let said = format!(
                    "rule {} writes this field already; change that one instead",
                    other.number
                );
                Some(("target", said))
            }
            Self::SourceTwice {
                rule,
                first,
                expression,
            } if of(rule) || of(first) => {
                let other = if of(rule) { first } else { rule };
                let said = format!(
                    "\"{expression}\" is mapped to \"{}\" already; a source field can be mapped once",
                    other.target
                );
                Some(("source", said))
            }
            _ => None,
        }
    }
}

/// How messages name a rule: its place from 1 and its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleName {
    /// Its place in the mapping, from 1.
    pub number: usize,
    /// Its target field.
    pub target: String,
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} (target \"{}\")", self.number, self.target)
    }
}

fn near_ones(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!("; near ones: {}", near.join(", ")),
    }
}

/// One checked rule.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    /// Key of the target field.
    pub target: String,
    /// Type of the target field.
    pub field_type: FieldType,
    /// Who may change the field.
    pub owner: Owner,
    /// Whether an absent source value empties the field.
    pub clear: bool,
    source: Source,
    transform: Option<Transform>,
}

#[derive(Clone, Debug)]
enum Source {
    Expression(Expression),
    /// Transformed and of the field's type already; null when blank.
    Constant(Value),
}

impl CompiledRule {
    /// The constant of a rule that has one; null when it is blank.
    pub fn constant(&self) -> Option<&Value> {
        match &self.source {
            Source::Constant(value) => Some(value),
            Source::Expression(_) => None,
        }
    }

    /// Whether an absent value of this rule may be absent only since it could not be read: by the mapping itself, or
    /// before it, when the document was made. What a fault touches is told by the name at its beginning, so this errs
    /// on the side of "unreadable", which only keeps a field from being emptied.
    pub fn may_be_unreadable(&self, faults: &[FieldFault]) -> bool {
        let Source::Expression(expression) = &self.source else {
            return false;
        };
        faults.iter().any(|fault| {
            let path = fault.path.strip_prefix("references.").unwrap_or(&fault.path);
            let name = path.split(['.', '[']).next().unwrap_or_default();
            fault.path == expression.text || expression.reads.reads(name)
        })
    }

    /// How messages of faults of this rule begin.
    fn prefix(&self) -> String {
        format!("{}: ", self.target)
    }
}

/// A mapping ready to be applied. It can be shared between threads.
#[derive(Clone, Debug)]
pub struct CompiledMapping {
    rules: Vec<CompiledRule>,
    reads: TopLevel,
}

impl CompiledMapping {
    /// Checks a mapping against the fields a destination has.
    ///
    /// # Errors
    /// The first rule that cannot be used, and why.
    pub fn compile(mapping: &Mapping, targets: &[TargetField]) -> Result<Self, MappingError> {
        check_fixed(mapping)?;
        let mut rules: Vec<CompiledRule> = vec![];
        let mut by_target: BTreeMap<&str, RuleName> = BTreeMap::new();
        let mut by_source: BTreeMap<String, RuleName> = BTreeMap::new();
        let mut reads = TopLevel::none();
        for (number, rule) in (1..).zip(&mapping.rules) {
            let name = RuleName {
                number,
                target: rule.target.clone(),
            };
            let compiled = compile_rule(rule, &name, targets)?;
            if let Some(first) = by_target.insert(&rule.target, name.clone()) {
                return Err(MappingError::TargetTwice { rule: name, first });
            }
            if let Source::Expression(expression) = &compiled.source {
                reads.join(&expression.reads);
                // An expression that reads nothing is a constant in other clothes.
                let reads_something = expression.reads != TopLevel::none();
                if reads_something
                    && let Some(first) = by_source.insert(expression.canonical.clone(), name.clone())
                {
                    let expression = expression.text.clone();
                    return Err(MappingError::SourceTwice {
                        rule: name,
                        first,
                        expression,
                    });
                }
            }
            rules.push(compiled);
        }
        Ok(Self { rules, reads })
    }

    /// Checks that the field by which assets are recognized is mapped to an expression.
    ///
    /// # Errors
    /// It is not.
    pub fn check_match_field(&self, field: Option<&str>) -> Result<(), MappingError> {
        let Some(field) = field else { return Ok(()) };
        let mapped: Vec<String> = self
            .rules
            .iter()
            .filter(|r| r.constant().is_none())
            .map(|r| r.target.clone())
            .collect();
        if mapped.iter().any(|target| target == field) {
            return Ok(());
        }
        Err(MappingError::MatchFieldNotMapped {
            field: field.to_owned(),
            mapped,
        })
    }

    /// The rules, in the order people see them.
    pub fn rules(&self) -> &[CompiledRule] {
        &self.rules
    }

    /// Which top-level names of the document the rules read, so that a change elsewhere need not be looked at.
    pub fn uses_top_level(&self) -> &TopLevel {
        &self.reads
    }

    /// Applies the rules to a device document.
    ///
    /// Absent and blank values are missing in the fields; constants are there as they are, null when blank. A value
    /// that does not fit its field is missing too, and a fault says why: its `path` is the rule's expression.
    pub fn apply(&self, document: &Value) -> (Fields, Vec<FieldFault>) {
        let readable = readable(document, &self.reads);
        let mut fields = Fields::new();
        let mut faults = vec![];
        for rule in &self.rules {
            match &rule.source {
                Source::Constant(value) => {
                    fields.insert(rule.target.clone(), value.clone());
                }
                Source::Expression(expression) => match evaluate(expression, rule, &readable) {
                    Ok(Some(value)) => {
                        fields.insert(rule.target.clone(), value);
                    }
                    Ok(None) => {}
                    Err(message) => faults.push(FieldFault {
                        path: expression.text.clone(),
                        message: format!("{}{message}", rule.prefix()),
                    }),
                },
            }
        }
        (fields, faults)
    }
}

fn evaluate(expression: &Expression, rule: &CompiledRule, document: &Rcvar) -> Result<Option<Value>, String> {
    let Some(found) = expression.search(document)? else {
        return Ok(None);
    };
    let value = scalar(&found);
    if is_blank(&value) {
        return Ok(None);
    }
    match &rule.transform {
        Some(by) => coerce(&transform(&value, by)?, rule.field_type),
        None => coerce(&value, rule.field_type),
    }
}

/// The interpreter's value as JSON. Lists and objects keep their size only: no field takes them.
fn scalar(found: &Variable) -> Value {
    match found {
        Variable::Null => Value::Null,
        Variable::Bool(b) => Value::Bool(*b),
        Variable::Number(n) => Value::Number(n.clone()),
        Variable::String(s) => Value::String(s.clone()),
        Variable::Array(items) => Value::Array(vec![Value::Null; items.len()]),
        Variable::Object(_) | Variable::Expref(_) => Value::Object(serde_json::Map::new()),
    }
}

fn compile_rule(
    rule: &FieldRule,
    name: &RuleName,
    targets: &[TargetField],
) -> Result<CompiledRule, MappingError> {
    if rule.target.trim().is_empty() {
        return Err(MappingError::NoTarget { rule: name.clone() });
    }
    let existing = targets
        .iter()
        .find(|t| t.key == rule.target)
        .map(|t| t.field_type);
    let Some(field_type) = existing.or_else(|| rule.create.as_ref().map(|new| new.field_type)) else {
        return Err(MappingError::UnknownTarget {
            rule: name.clone(),
            target: rule.target.clone(),
            near: near(&rule.target, targets),
        });
    };
    if let Some(Transform::Template(template)) = &rule.transform
        && !template.contains("{value}")
    {
        return Err(MappingError::TemplateWithoutValue { rule: name.clone() });
    }
    let source = match &rule.value {
        RuleValue::Expression(text) => {
            Source::Expression(
                Expression::compile(text).map_err(|message| MappingError::Expression {
                    rule: name.clone(),
                    message,
                })?,
            )
        }
        RuleValue::Constant(value) => {
            let fitted = fit_constant(value, rule, field_type).map_err(|message| MappingError::Constant {
                rule: name.clone(),
                message,
            })?;
            Source::Constant(fitted)
        }
    };
    Ok(CompiledRule {
        target: rule.target.clone(),
        field_type,
        owner: rule.owner,
        clear: rule.clear,
        source,
        transform: rule.transform.clone(),
    })
}

fn fit_constant(value: &Value, rule: &FieldRule, field_type: FieldType) -> Result<Value, String> {
    if is_blank(value) {
        // Kept as it is: an empty text stays one.
        return Ok(value.clone());
    }
    let fitted = match &rule.transform {
        Some(by) => coerce(&transform(value, by)?, field_type)?,
        None => coerce(value, field_type)?,
    };
    Ok(fitted.unwrap_or(Value::Null))
}

/// A preset's fixed mapping is read-only.
fn check_fixed(mapping: &Mapping) -> Result<(), MappingError> {
    let Some(preset) = &mapping.fixed_by else {
        return Ok(());
    };
    let Some(settings) = presets::settings(preset) else {
        return Err(MappingError::UnknownPreset {
            preset: preset.clone(),
        });
    };
    if settings.mapping == *mapping {
        return Ok(());
    }
    Err(MappingError::FixedChanged {
        preset: preset.clone(),
    })
}

/// The keys most like `wanted`, at most three, for a message.
fn near(wanted: &str, targets: &[TargetField]) -> Vec<String> {
    let folded = fold(wanted);
    let length = folded.chars().count();
    let mut scored: Vec<(usize, &str)> = targets
        .iter()
        .map(|target| {
            let names = [fold(&target.key), fold(&target.label)];
            let distances = names
                .iter()
                .map(|name| levenshtein::distance(name.chars(), folded.chars()));
            (distances.min().unwrap_or(usize::MAX), target.key.as_str())
        })
        .filter(|&(distance, _)| distance <= (length / 2).max(2))
        .collect();
    scored.sort_unstable();
    scored
        .into_iter()
        .take(3)
        .map(|(_, key)| key.to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
