//! The parts of a device document that an expression can name, each with its value.

use serde_json::Value;

/// Elements of a list that are named: the others have the same parts.
const ELEMENTS: usize = 2;
/// Parts that are named at most.
const MOST: usize = 400;

/// One part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The expression that reads it.
    pub path: String,
    /// What stands there.
    pub value: String,
}

/// Every part of a document with a value of its own, in the document's order. The vendor's original is left out: it is
/// there to be looked at, and its parts have better names.
pub fn parts(document: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Value::Object(top) = document {
        for (name, value) in top.iter().filter(|(name, _)| *name != "raw") {
            walk(&named(name), value, &mut parts);
        }
    }
    parts
}

fn walk(path: &str, value: &Value, parts: &mut Vec<Part>) {
    if parts.len() >= MOST {
        return;
    }
    match value {
        Value::Object(children) => {
            for (name, child) in children {
                walk(&format!("{path}.{}", named(name)), child, parts);
            }
        }
        Value::Array(elements) => {
            for (place, element) in elements.iter().take(ELEMENTS).enumerate() {
                walk(&format!("{path}[{place}]"), element, parts);
            }
        }
        Value::Null => {}
        scalar => parts.push(Part {
            path: path.to_owned(),
            value: crate::ui::plans::words::value(scalar),
        }),
    }
}

/// A name as an expression has it: quoted where it is no word.
fn named(name: &str) -> String {
    let mut letters = name.chars();
    let begins = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if begins && letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return name.to_owned();
    }
    Value::String(name.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_part_is_named_by_the_expression_that_reads_it() {
        let document = json!({
            "systemName": "PC-1", "os": {"name": "Windows"}, "volumes": [{"capacity": 1}, {"capacity": 2}, {"capacity": 3}],
            "odd name": true, "nothing": null, "raw": {"secret": "x"},
        });
        let found: Vec<String> = parts(&document)
            .into_iter()
            .map(|p| format!("{}={}", p.path, p.value))
            .collect();
        assert_eq!(
            found,
            [
                "\"odd name\"=yes",
                "os.name=Windows",
                "systemName=PC-1",
                "volumes[0].capacity=1",
                "volumes[1].capacity=2",
            ]
        );
    }
}
