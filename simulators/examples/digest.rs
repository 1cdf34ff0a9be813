//! Makes `ninjaone-spec-digest.json` from NinjaOne's published OpenAPI document, so that tests can hold the simulator
//! to the document without having it:
//!
//! ```text
//! cargo run -p simulators --example digest -- NinjaRMM-API-v2.yaml > simulators/ninjaone-spec-digest.json
//! ```
//!
//! Every instance serves the document below `/apidocs/`, as YAML or JSON; both are read. The digest keeps, of the
//! operations that only read and of those the simulator also serves, the query parameters and the shape of the
//! answer: types, enums, required fields and containers. Prose is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use serde_json::{Map, Value, json};

/// The groups of operations the simulator serves.
const TAGS: [&str; 13] = [
    "system",
    "organization",
    "devices",
    "Location",
    "groups",
    "queries",
    "Users",
    "Custom Fields",
    "Asset Tags",
    "Node Roles",
    "ticketing",
    "Software Licenses",
    "management",
];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: digest <path of the OpenAPI document>")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let document = parse(&text).map_err(|error| format!("{path} is neither JSON nor YAML: {error}"))?;
    println!("{}", one_line_per_entry(&digest(&document)?));
    Ok(())
}

fn parse(text: &str) -> Result<Value, Box<dyn Error>> {
    if text.trim_start().starts_with('{') {
        return Ok(serde_json::from_str(text)?);
    }
    let mut options = serde_saphyr::Options::default();
    // The document is larger than what the library takes from strangers.
    options.budget = None;
    Ok(serde_saphyr::from_str_with_options(text, options)?)
}

/// The digest of a document.
fn digest(document: &Value) -> Result<Value, Box<dyn Error>> {
    let paths = document["paths"].as_object().ok_or("the document has no paths")?;
    let mut operations = BTreeMap::new();
    let mut wanted = BTreeSet::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            let reads = method == "get" || path.ends_with("/run");
            if !TAGS.contains(&tag) || !reads {
                continue;
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query: Vec<&Value> = parameters
                .filter(|one| one["in"] == "query")
                .map(|one| &one["name"])
                .collect();
            let answer = shape(answer_of(operation), &mut wanted);
            let name = format!("{} {path}", method.to_uppercase());
            operations.insert(name, json!({ "query": query, "answer": answer }));
        }
    }
    // Selected by a discriminator, not by a reference.
    let components = document["components"]["schemas"]
        .as_object()
        .ok_or("the document has no schemas")?;
    let subtypes = components.iter().filter(|(_, schema)| {
        schema["allOf"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|part| part["$ref"] == "#/components/schemas/Device")
    });
    wanted.extend(subtypes.map(|(name, _)| name.clone()));
    let mut schemas = BTreeMap::new();
    while let Some(name) = wanted.pop_first() {
        let schema = components
            .get(&name)
            .ok_or_else(|| format!("the schema {name} is missing"))?;
        let mut more = BTreeSet::new();
        let shaped = shape(schema, &mut more);
        schemas.insert(name, shaped);
        wanted.extend(more.into_iter().filter(|name| !schemas.contains_key(name)));
    }
    Ok(json!({
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "operations": operations,
        "schemas": schemas,
    }))
}

/// The schema of the answer that means success.
fn answer_of(operation: &Value) -> &Value {
    ["200", "default"]
        .iter()
        .map(|status| &operation["responses"][status]["content"])
        .find_map(|content| content.as_object()?.values().next())
        .map_or(&Value::Null, |media| &media["schema"])
}

/// A schema in the digest's notation; names of referred schemas are put into `refers`.
fn shape(schema: &Value, refers: &mut BTreeSet<String>) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        refers.insert(name.to_owned());
        return json!({ "ref": name });
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        if let Some(parts) = schema[key].as_array() {
            let parts: Vec<Value> = parts.iter().map(|part| shape(part, refers)).collect();
            return json!({ (if key == "allOf" { "all" } else { "one" }): parts });
        }
    }
    match schema["type"].as_str() {
        Some("array") => json!({ "array": shape(&schema["items"], refers) }),
        Some(scalar @ ("string" | "integer" | "number" | "boolean")) => {
            let mut shaped = Map::from_iter([("is".to_owned(), json!(scalar))]);
            for key in ["enum", "format"] {
                if let Some(value) = schema.get(key) {
                    shaped.insert(key.to_owned(), value.clone());
                }
            }
            Value::Object(shaped)
        }
        _ => match schema["properties"].as_object() {
            Some(properties) => {
                let fields: BTreeMap<&String, Value> = properties
                    .iter()
                    .map(|(name, field)| (name, shape(field, refers)))
                    .collect();
                match schema["required"].as_array() {
                    Some(required) => json!({ "object": fields, "required": required }),
                    None => json!({ "object": fields }),
                }
            }
            None => match schema.get("additionalProperties") {
                Some(values) if values.is_object() => json!({ "map": shape(values, refers) }),
                // The document says "object" where live answers hold any value.
                _ => json!({}),
            },
        },
    }
}

/// Writes one operation and one schema per line, so that a change shows as a few lines.
fn one_line_per_entry(digest: &Value) -> String {
    let mut text = String::from("{\n");
    for (place, (key, value)) in digest.as_object().into_iter().flatten().enumerate() {
        text.push_str(if place == 0 { "" } else { ",\n" });
        match value.as_object() {
            Some(entries) => {
                let lines: Vec<String> = entries
                    .iter()
                    .map(|(name, entry)| format!("{}: {entry}", json!(name)))
                    .collect();
                text.push_str(&format!("{}: {{\n{}\n}}", json!(key), lines.join(",\n")));
            }
            None => text.push_str(&format!("{}: {value}", json!(key))),
        }
    }
    text.push_str("\n}");
    text
}
