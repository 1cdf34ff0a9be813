//! The OpenAPI document of the API: made of the operations themselves, and what holds for all of them.

use super::assets::AssetSort;
use super::clients::ClientOrder;
use super::failure::{Document, FieldProblem, PROBLEM};
use super::rate::Rates;
use serde_json::{Value, json};
use std::sync::LazyLock;
use utoipa::OpenApi as _;

const ABOUT: &str = "Everything the pages of rmmbridge do, for programs.\n\n\
**Who asks.** An API key, made under Settings: `Authorization: Bearer <API key>`. A key has scopes; each operation names \
the one it takes. Pages of this hub may use the session of whoever is signed in; another site's may not.\n\n\
**Work.** What takes long is answered with 202 and a job, which `GET /jobs/{id}?wait=30` follows to its end. With an \
`Idempotency-Key` a request can be sent again without doing anything twice.\n\n\
**Refusals** are problem documents (RFC 9457); `code` is for programs, `detail` for people. Unknown fields and \
parameters are refused. Ids are texts, times are RFC 3339 in UTC. Fields may be added to answers at any time: ignore what \
you do not know.\n\n";

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Document, FieldProblem, AssetSort, ClientOrder)))]
struct Common;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
});

/// The document as it is committed and served.
pub fn text() -> &'static str {
    &TEXT
}

/// The document.
pub fn document() -> Value {
    let (_, api) = super::operations().split_for_parts();
    let mut common = Common::openapi();
    common.merge(api);
    let mut document = serde_json::to_value(&common).unwrap_or_default();
    let limits = format!(
        "**Limits.** {} requests a minute for each key or person, at most {} at once; beyond that 429 with `Retry-After`. A \
         body has at most 1 MiB, a page of a list at most 200 items.",
        Rates::A_MINUTE,
        Rates::AT_ONCE
    );
    document["info"] = json!({
        "title": "rmmbridge",
        "version": "1",
        "description": format!("{ABOUT}{limits}"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/api/v1" }]);
    document["tags"] = json!([
        { "name": "Hub", "description": "How everything stands, the switch that pauses all writes, the audit log" },
        { "name": "Connections", "description": "Authenticated links to accounts of vendors" },
        { "name": "Bridges", "description": "A source joined to a destination" },
        { "name": "Matches", "description": "Which organization is which client" },
        { "name": "Plans", "description": "What would be written, and having it written" },
        { "name": "Runs", "description": "What was read and written" },
        { "name": "Records", "description": "Single records that need somebody" },
        { "name": "Jobs", "description": "Work in the queue" },
        { "name": "Clients", "description": "Clients of the built-in registry" },
        { "name": "Assets", "description": "Assets of the built-in registry" },
    ]);
    document["components"]["securitySchemes"] = json!({
        "key": { "type": "http", "scheme": "bearer", "description": "An API key that has the scope" },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "rmmbridge",
            "description": "The session of somebody who is signed in (`__Host-rmmbridge` behind TLS)",
        },
    });
    document["components"]["responses"] = json!({
        "Problem": {
            "description": "It was refused, or could not be done; the problem document says why",
            "content": { PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" } } },
        },
    });
    let refusal = json!({ "$ref": "#/components/responses/Problem" });
    for operation in operations_of(&mut document) {
        operation["responses"]["4XX"] = refusal.clone();
        operation["responses"]["5XX"] = refusal.clone();
    }
    document
}

fn operations_of(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut());
    paths.flat_map(|path| {
        path.as_object_mut()
            .into_iter()
            .flat_map(|path| path.values_mut())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_that_of_this_program() {
        let committed = include_str!("../../../../docs/openapi.json");
        assert!(
            committed == text(),
            "docs/openapi.json is not current: run `cargo xtask regenerate` and commit it"
        );
    }

    #[test]
    fn every_operation_names_itself_its_scope_and_what_it_is_about() {
        let mut document = document();
        let mut names = std::collections::BTreeSet::new();
        for operation in operations_of(&mut document) {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(operation["summary"].is_string(), "{name}");
            let scope = operation["security"][0]["key"][0].as_str().unwrap();
            assert!(
                ["read", "plan", "apply", "connections", "settings"].contains(&scope),
                "{name}: {scope}"
            );
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
        assert!(names.len() > 30, "{names:?}");
    }
}
