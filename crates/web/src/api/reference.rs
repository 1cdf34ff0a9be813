//! The reference page of the API, `/api/`: made of its document, on the server, without script.

use super::document::document;
use crate::problem::Result;
use crate::ui::{Theme, page};
use askama::Template;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;
use std::sync::LazyLock;

static PARTS: LazyLock<Reference> = LazyLock::new(|| Reference::of(&document()));

#[derive(Template)]
#[template(path = "api/reference.html")]
struct ReferencePage {
    theme: Theme,
    reference: &'static Reference,
}

/// What the page shows.
struct Reference {
    about: Vec<String>,
    tags: Vec<Tag>,
    schemas: Vec<Schema>,
}

struct Tag {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

struct Operation {
    name: String,
    method: String,
    path: String,
    summary: String,
    more: String,
    scope: String,
    parameters: Vec<Line>,
    body: Option<Shape>,
    answers: Vec<(String, String, Option<Shape>)>,
    example: String,
}

struct Schema {
    name: String,
    about: String,
    fields: Vec<Line>,
    values: Vec<String>,
}

/// A parameter or a field.
struct Line {
    name: String,
    shape: Shape,
    place: String,
    required: bool,
    about: String,
}

/// What kind of value: a word, and the schema it is of, if it has a name.
#[derive(Default)]
struct Shape {
    word: String,
    schema: Option<String>,
}

/// The page.
pub async fn show(headers: HeaderMap) -> Result<Response> {
    page(&ReferencePage {
        theme: Theme::of(&headers),
        reference: &PARTS,
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn each(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn all(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Shape {
    fn of(schema: &Value) -> Self {
        if let Some(name) = schema["$ref"].as_str() {
            return Self {
                word: String::new(),
                schema: name.rsplit('/').next().map(str::to_owned),
            };
        }
        // A value that may also be null.
        let either = [&schema["oneOf"], &schema["anyOf"]].into_iter().flat_map(all);
        let mut either = either.filter(|one| one["type"] != "null");
        if let Some(one) = either.next() {
            let one = Self::of(one);
            return Self {
                word: "or null".to_owned(),
                ..one
            };
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let kind = kinds
            .iter()
            .find(|kind| **kind != "null")
            .copied()
            .unwrap_or("any");
        let mut shape = match kind {
            "array" => {
                let item = Self::of(&schema["items"]);
                Self {
                    word: format!("list of {}", item.word).trim_end().to_owned(),
                    schema: item.schema,
                }
            }
            "string" if schema["format"] == "date-time" => Self::word("time"),
            "string" => Self::word("text"),
            "integer" => Self::word("whole number"),
            "any" => Self::word("any value"),
            other => Self::word(other),
        };
        if kinds.contains(&"null") {
            shape.word.push_str(" or null");
        }
        shape
    }

    fn word(word: &str) -> Self {
        Self {
            word: word.to_owned(),
            schema: None,
        }
    }

    fn in_content(holder: &Value) -> Option<Self> {
        let (_, content) = each(&holder["content"]).next()?;
        Some(Self::of(&content["schema"]))
    }
}

impl Reference {
    fn of(document: &Value) -> Self {
        let about = text(&document["info"]["description"]);
        let tags = all(&document["tags"]).map(|tag| {
            let name = text(&tag["name"]);
            let mut operations = Vec::new();
            for (path, methods) in each(&document["paths"]) {
                let of_tag = each(methods).filter(|(_, operation)| operation["tags"][0] == name.as_str());
                operations.extend(of_tag.map(|(method, operation)| Operation::of(path, method, operation)));
            }
            Tag {
                about: text(&tag["description"]),
                operations,
                name,
            }
        });
        let schemas = each(&document["components"]["schemas"]).map(|(name, schema)| Schema::of(name, schema));
        Self {
            about: about
                .split("\n\n")
                .map(|part| part.replace("**", "").replace('`', ""))
                .collect(),
            tags: tags.collect(),
            schemas: schemas.collect(),
        }
    }
}

impl Operation {
    fn of(path: &str, method: &str, operation: &Value) -> Self {
        let method = method.to_uppercase();
        let parameters = all(&operation["parameters"]).map(|parameter| Line {
            name: text(&parameter["name"]),
            shape: Shape::of(&parameter["schema"]),
            place: text(&parameter["in"]),
            required: parameter["required"] == true,
            about: text(&parameter["description"]),
        });
        let body = Shape::in_content(&operation["requestBody"]);
        let answers =
            each(&operation["responses"]).map(|(status, answer)| match answer["$ref"].is_string() {
                true => {
                    let problem = Shape {
                        word: String::new(),
                        schema: Some("Problem".to_owned()),
                    };
                    (status.clone(), "Refused, or not done".to_owned(), Some(problem))
                }
                false => (
                    status.clone(),
                    text(&answer["description"]),
                    Shape::in_content(answer),
                ),
            });
        let mut example = format!("curl -H \"Authorization: Bearer $KEY\" \"$HUB/api/v1{path}\"");
        if method != "GET" {
            example = example.replacen("curl", &format!("curl -X {method}"), 1);
        }
        if body.is_some() {
            example.push_str(" -H \"Content-Type: application/json\" -d '{}'");
        }
        Self {
            name: text(&operation["operationId"]),
            summary: text(&operation["summary"]),
            more: text(&operation["description"]).replace('`', ""),
            scope: text(&operation["security"][0]["key"][0]),
            parameters: parameters.collect(),
            answers: answers.collect(),
            path: path.to_owned(),
            method,
            body,
            example,
        }
    }
}

impl Schema {
    fn of(name: &str, schema: &Value) -> Self {
        let required: Vec<&str> = all(&schema["required"]).filter_map(Value::as_str).collect();
        let fields = each(&schema["properties"]).map(|(field, of)| Line {
            name: field.clone(),
            shape: Shape::of(of),
            place: String::new(),
            required: required.contains(&field.as_str()),
            about: text(&of["description"]).replace('`', ""),
        });
        Self {
            name: name.to_owned(),
            about: text(&schema["description"]).replace('`', ""),
            fields: fields.collect(),
            values: all(&schema["enum"]).map(text).collect(),
        }
    }
}
