//! Creating, changing, archiving, batches: what is accepted and what is refused.

use super::Desk;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::directory::Behaviour;

#[tokio::test]
async fn two_records_may_carry_the_same_external_key() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    for _ in 0..2 {
        desk.made("/assets", json!({"client_id": client, "external_key": "k"}))
            .await;
    }
    let duplicates = desk.directory.duplicates();
    assert_eq!(duplicates.len(), 1);
    assert_eq!(
        (
            duplicates[0].collection,
            duplicates[0].external_key.as_str(),
            duplicates[0].records
        ),
        ("assets", "k", 2)
    );
    let ids = desk.ids("/assets?external_key=k").await;
    desk.post(&format!("/assets/{}/archive", ids[0]), &json!({}))
        .await;
    assert!(
        desk.directory.duplicates().is_empty(),
        "an archived record is not live"
    );
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_its_place() {
    let desk = Desk::open().await;
    let (client, other) = (desk.client().await, desk.client().await);
    let site = desk
        .made("/sites", json!({"client_id": other, "name": "Main"}))
        .await;
    for (key, kind) in [
        ("rack", "integer"),
        ("since", "date"),
        ("on", "boolean"),
        ("load", "decimal"),
    ] {
        let field = json!({"key": key, "label": key, "type": kind});
        assert_eq!(desk.post("/asset_fields", &field).await.0, 201);
        assert_eq!(desk.post("/asset_fields", &field).await.0, 409);
    }
    let long = "x".repeat(256);
    for (path, body, status, code, place) in [
        ("/clients", json!({}), 422, "required", "name"),
        ("/clients", json!({"name": " "}), 422, "required", "name"),
        ("/clients", json!({"name": long}), 422, "too_long", "name"),
        (
            "/clients",
            json!({"name": "x", "colour": "red"}),
            422,
            "unknown_field",
            "colour",
        ),
        ("/clients", json!([]), 422, "type", "$"),
        (
            "/sites",
            json!({"client_id": "cli_1", "name": "x"}),
            422,
            "reference",
            "client_id",
        ),
        (
            "/sites",
            json!({"client_id": site, "name": "x"}),
            422,
            "reference",
            "client_id",
        ),
        (
            "/assets",
            json!({"client_id": null}),
            422,
            "required",
            "client_id",
        ),
        (
            "/assets",
            json!({"client_id": client, "site_id": site}),
            422,
            "reference",
            "site_id",
        ),
        (
            "/assets",
            json!({"client_id": client, "name": 7}),
            422,
            "type",
            "name",
        ),
        (
            "/assets",
            json!({"client_id": client, "custom_fields": {"x": 1}}),
            422,
            "unknown_field",
            "custom_fields.x",
        ),
        (
            "/assets",
            json!({"client_id": client, "custom_fields": {"rack": "7"}}),
            422,
            "type",
            "custom_fields.rack",
        ),
        (
            "/assets",
            json!({"client_id": client, "custom_fields": {"rack": 7.5}}),
            422,
            "type",
            "custom_fields.rack",
        ),
        (
            "/assets",
            json!({"client_id": client, "custom_fields": {"since": "2026-02-29"}}),
            422,
            "type",
            "custom_fields.since",
        ),
        (
            "/asset_fields",
            json!({"key": "Rack!", "label": "x", "type": "text"}),
            422,
            "format",
            "key",
        ),
        (
            "/asset_fields",
            json!({"key": "r", "label": "x", "type": "colour"}),
            422,
            "format",
            "type",
        ),
    ] {
        let before = desk.directory.records();
        let (got, answer) = desk.post(path, &body).await;
        let error = &answer["error"];
        assert_eq!(
            (got.as_u16(), &error["code"], &error["path"]),
            (status, &json!(code), &json!(place)),
            "{body}"
        );
        assert_eq!(desk.directory.records(), before, "{body} left something");
    }
    let request = desk.request(Method::POST, "/clients").body("{");
    assert_eq!(request.send().await.unwrap().status(), 400);
    assert_eq!(desk.directory.effects().done("create assets"), 0);
}

#[tokio::test]
async fn a_change_needs_the_version_it_saw() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    desk.post(
        "/asset_fields",
        &json!({"key": "rack", "label": "Rack", "type": "integer"}),
    )
    .await;
    let asset = json!({"client_id": client, "name": "a", "notes": "n", "custom_fields": {"rack": 1}});
    let id = desk.made("/assets", asset).await;
    let (status, changed) = desk
        .patch(
            &id,
            1,
            &json!({"name": "b", "notes": null, "custom_fields": {"rack": null}}),
        )
        .await;
    assert_eq!(
        (status.as_u16(), &changed["version"], &changed["name"]),
        (200, &json!(2), &json!("b"))
    );
    assert_eq!(
        (&changed["notes"], &changed["custom_fields"]),
        (&Value::Null, &json!({}))
    );
    let (status, refused) = desk.patch(&id, 1, &json!({"name": "c"})).await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["code"]),
        (412, &json!("version"))
    );
    let bare = desk
        .request(Method::PATCH, &format!("/assets/{id}"))
        .json(&json!({"name": "c"}));
    assert_eq!(bare.send().await.unwrap().status(), 428);
    let odd = desk
        .request(Method::PATCH, &format!("/assets/{id}"))
        .header("if-match", "2");
    assert_eq!(
        odd.json(&json!({"name": "c"})).send().await.unwrap().status(),
        400
    );
    assert_eq!(desk.patch("ast_1", 1, &json!({"name": "c"})).await.0, 404);
    assert_eq!(desk.patch(&id, 2, &json!({"client_id": null})).await.0, 422);
    assert_eq!(desk.get(&format!("/assets/{id}")).await.1["name"], "b");

    assert_eq!(desk.directory.edit_asset(&id, &json!({"name": "by hand"})), Ok(3));
    assert_eq!(desk.patch(&id, 2, &json!({"name": "c"})).await.0, 412);
    assert_eq!(
        desk.directory.effects().done("update assets"),
        1,
        "what a person does is not counted"
    );
}

#[tokio::test]
async fn an_archived_asset_stays_readable_and_comes_back() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    let id = desk
        .made("/assets", json!({"client_id": client, "name": "a"}))
        .await;
    let post = async |what: &str| {
        let (status, body) = desk.post(&format!("/assets/{id}/{what}"), &json!({})).await;
        (
            status.as_u16(),
            body["error"]["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(post("restore").await, (409, "not_archived".to_owned()));
    assert_eq!(post("archive").await, (200, String::new()));
    assert_eq!(post("archive").await, (409, "already_archived".to_owned()));
    assert_eq!(
        desk.get(&format!("/assets/{id}")).await.1["archived_at"],
        "2026-01-15T09:00:00Z"
    );
    let (status, refused) = desk.patch(&id, 2, &json!({"name": "b"})).await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["code"]),
        (409, &json!("archived"))
    );
    assert_eq!(post("restore").await, (200, String::new()));
    assert_eq!(
        desk.get(&format!("/assets/{id}")).await.1["archived_at"],
        Value::Null
    );
    let stale = desk
        .request(Method::POST, &format!("/assets/{id}/archive"))
        .header("if-match", "\"1\"");
    assert_eq!(stale.send().await.unwrap().status(), 412);
    assert_eq!(desk.post("/assets/ast_1/archive", &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_batch_answers_each_operation() {
    let desk = Desk::behaving(Behaviour {
        batch_limit: 6,
        ..Behaviour::default()
    })
    .await;
    let client = desk.client().await;
    let id = desk
        .made("/assets", json!({"client_id": client, "name": "a"}))
        .await;
    let operations = json!([
        {"op": "create", "asset": {"client_id": client, "external_key": "one"}},
        {"op": "create", "asset": {"client_id": "cli_1"}},
        {"op": "update", "id": id, "version": 1, "changes": {"name": "b"}},
        {"op": "update", "id": id, "version": 1, "changes": {"name": "c"}},
        {"op": "delete", "id": id},
        {"op": "create", "asset": {"client_id": client, "external_key": "two"}, "colour": "red"}
    ]);
    let (status, answer) = desk
        .post("/assets/batch", &json!({ "operations": operations }))
        .await;
    assert_eq!(status, 207);
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<_> = results
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 422, 200, 412, 422, 422]);
    assert_eq!(results[0]["asset"]["external_key"], "one");
    assert_eq!(results[1]["error"]["path"], "operations.1.asset.client_id");
    assert_eq!(results[2]["asset"]["version"], 2);
    assert_eq!(desk.get(&format!("/assets/{id}")).await.1["name"], "b");

    let too_many = vec![json!({"op": "create", "asset": {"client_id": client}}); 7];
    let (status, answer) = desk
        .post("/assets/batch", &json!({ "operations": too_many }))
        .await;
    assert_eq!(
        (status.as_u16(), &answer["error"]["code"]),
        (413, &json!("too_many"))
    );
    assert_eq!(desk.post("/assets/batch", &json!({"ops": []})).await.0, 422);
    let effects = desk.directory.effects();
    assert_eq!(
        (effects.done("create assets"), effects.done("update assets")),
        (2, 1)
    );
    assert_eq!(
        effects.creates_received["two"], 1,
        "arrived, though it was refused"
    );
    assert_eq!(effects.changes_received[&id], 3, "wanted or not");
}
