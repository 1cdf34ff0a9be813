//! A client that reads paths, methods and schemas from the document.

use crate::world::Visitor;
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The document, and what was called of it so far.
pub struct Client {
    document: Value,
    called: BTreeSet<String>,
}

#[derive(Debug)]
pub struct Called {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A request: the operation, and what goes into its path, its query and its body.
#[derive(Clone, Copy, Default)]
pub struct Call<'a> {
    pub id: &'a str,
    pub query: &'a str,
    pub body: Option<&'a Value>,
    /// A body that need not be JSON, although it is called so.
    pub bytes: Option<&'a [u8]>,
    pub once: Option<&'a str>,
    pub key: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// An operation on that record.
    pub fn on(id: &'a str) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }
}

impl Client {
    pub fn new() -> Self {
        let mut document: Value = serde_json::from_str(web::openapi()).unwrap();
        // What is not described must not be there.
        for (_, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
            if schema["properties"].is_object() {
                schema["additionalProperties"] = json!(false);
            }
        }
        Self {
            document,
            called: BTreeSet::new(),
        }
    }

    /// Every operation, as its name, method, path and entry.
    pub fn operations(&self) -> Vec<(String, Method, String, Value)> {
        let mut all = Vec::new();
        for (path, methods) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                let method = method.to_uppercase().parse().unwrap();
                all.push((name, method, path.clone(), operation.clone()));
            }
        }
        all
    }

    /// The schema of an operation's body.
    pub fn body_of<'a>(&self, operation: &'a Value) -> Option<&'a Value> {
        let content = &operation["requestBody"]["content"]["application/json"]["schema"];
        content.is_object().then_some(content)
    }

    /// What a schema that names another one stands for.
    pub fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self.document.pointer(&name[1..]).unwrap(),
            None => schema,
        }
    }

    /// Operations that were never answered with what was asked for.
    pub fn not_called(&self) -> Vec<String> {
        let all = self.operations().into_iter().map(|(name, ..)| name);
        all.filter(|name| !self.called.contains(name)).collect()
    }

    /// Calls an operation; its answer must be one the document knows, of the shape it says.
    pub async fn call(&mut self, visitor: &mut Visitor, name: &str, call: Call<'_>) -> Called {
        let all = self.operations();
        let found = all.into_iter().find(|(known, ..)| known == name);
        let (_, method, path, operation) = found.unwrap_or_else(|| panic!("there is no operation {name}"));
        let base = self.document["servers"][0]["url"].as_str().unwrap();
        let mut address = format!("{base}{}", path.replace("{id}", call.id));
        if !call.query.is_empty() {
            address = format!("{address}?{}", call.query);
        }
        let key = call.key.map(|key| format!("Bearer {key}"));
        let mut headers = Vec::new();
        let body = call.body.map(|body| body.to_string().into_bytes());
        let body = body.or(call.bytes.map(<[u8]>::to_vec));
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        if let Some(once) = call.once {
            headers.push(("idempotency-key", once));
        }
        if let Some(key) = &key {
            headers.push(("authorization", key));
        }
        let body = body.map_or(Body::empty(), Body::from);
        let answer = visitor.send(method, &address, body, &headers).await;
        let status = answer.status.as_u16().to_string();
        let range = format!("{}XX", &status[..1]);
        let responses = &operation["responses"];
        let described = [&responses[&status], &responses[&range]];
        let described = described.into_iter().find(|one| one.is_object());
        let described =
            described.unwrap_or_else(|| panic!("{name}: {status} is not in the document: {answer:?}"));
        let described = match described["$ref"].as_str() {
            Some(name) => self.document.pointer(&name[1..]).unwrap(),
            None => described,
        };
        let kind = answer
            .headers
            .get("content-type")
            .map(|kind| kind.to_str().unwrap().to_owned());
        let body = match described["content"].as_object() {
            None => {
                assert_eq!(answer.body, "", "{name}");
                Value::Null
            }
            Some(content) => {
                let kind = kind.unwrap_or_default();
                let schema = &content.get(&kind).unwrap_or_else(|| panic!("{name}: {kind}"))["schema"];
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                self.check(name, schema, &body);
                body
            }
        };
        if answer.status.is_success() {
            self.called.insert(name.to_owned());
        }
        Called {
            status: answer.status,
            headers: answer.headers,
            body,
        }
    }

    fn check(&self, name: &str, schema: &Value, body: &Value) {
        let mut root: Map<String, Value> = schema.as_object().unwrap().clone();
        root.insert("components".to_owned(), self.document["components"].clone());
        let root = Value::Object(root);
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&root)
            .unwrap_or_else(|error| panic!("{name}: the schema: {error}"));
        let problems: Vec<String> = validator
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{name}: {problems:#?}\n{body:#}");
    }

    /// Waits until a job is over; what it is then.
    pub async fn follow(&mut self, visitor: &mut Visitor, job: &Value) -> Value {
        let id = job["id"].as_str().unwrap();
        let call = Call {
            id,
            query: "wait=30",
            ..Call::default()
        };
        self.call(visitor, "show_job", call).await.body
    }
}
