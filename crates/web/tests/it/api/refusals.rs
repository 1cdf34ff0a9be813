//! What the API refuses, and how it says so.

use super::client::{Call, Client};
use crate::world::World;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use model::ActorRole;
use serde_json::{Value, json};
use testkit::TestStore;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn nobody_gets_in_without_a_key_or_a_session() {
    let world = World::new().await;
    let mut stranger = world.visitor();
    let mut api = Client::new();
    for (name, ..) in api.operations() {
        let call = Call {
            id: "1",
            ..Call::default()
        };
        let answer = api.call(&mut stranger, &name, call).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{name}");
        let call = Call {
            key: Some("rmb_0123456789ab_nonsense"),
            ..call
        };
        let answer = api.call(&mut stranger, &name, call).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    let basic = ("authorization", "Basic dXNlcjpwYXNz");
    let answer = stranger
        .send(Method::GET, "/api/v1/bridges", Body::empty(), &[basic])
        .await;
    assert!(answer.body.contains("must be `Bearer <API key>`"), "{answer:?}");
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let world = World::new().await;
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    let mut api = Client::new();
    let bodies = json!({
        "pause_writes": { "reason": "x" },
        "create_bridge": { "name": "x", "source": "x", "destination": "x", "preset": "default" },
    });
    for name in [
        "list_connections",
        "list_bridges",
        "list_runs",
        "list_jobs",
        "show_status",
        "list_assets",
    ] {
        let answer = api.call(&mut viewer, name, Call::default()).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
    }
    for (name, status) in [
        ("pause_writes", StatusCode::FORBIDDEN),
        ("resume_writes", StatusCode::FORBIDDEN),
        ("list_audit", StatusCode::FORBIDDEN),
        // Whether there is one is no secret to a viewer.
        ("create_bridge", StatusCode::NOT_FOUND),
    ] {
        let call = Call {
            body: bodies.get(name),
            ..Call::default()
        };
        let answer = api.call(&mut viewer, name, call).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let world = World::new().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let cases: [(Method, &str, &str, u16, &str, &str); 14] = [
        (
            Method::GET,
            "/bridges/nobody",
            "",
            404,
            "not_found",
            "no bridge “nobody”",
        ),
        (
            Method::GET,
            "/plans/nobody",
            "",
            404,
            "not_found",
            "no plan “nobody”",
        ),
        (
            Method::GET,
            "/jobs/nobody",
            "",
            404,
            "not_found",
            "no job “nobody”",
        ),
        (
            Method::GET,
            "/runs/nobody",
            "",
            404,
            "not_found",
            "no run “nobody”",
        ),
        (
            Method::GET,
            "/assets/nobody",
            "",
            404,
            "not_found",
            "no asset “nobody”",
        ),
        (
            Method::GET,
            "/assets?pge=2",
            "",
            400,
            "malformed",
            "unknown field `pge`",
        ),
        (
            Method::GET,
            "/assets?sort=colour",
            "",
            400,
            "malformed",
            "unknown variant `colour`",
        ),
        (
            Method::GET,
            "/assets?per_page=201",
            "",
            422,
            "invalid",
            "1 to 200",
        ),
        (Method::GET, "/runs?page=0", "", 422, "invalid", "counted from 1"),
        (
            Method::POST,
            "/writes/pause",
            r#"{"reason": "x", "colour": 1}"#,
            422,
            "invalid",
            "unknown field `colour`",
        ),
        (
            Method::POST,
            "/writes/pause",
            "{}",
            422,
            "invalid",
            "missing field `reason`",
        ),
        (
            Method::POST,
            "/writes/pause",
            r#"{"reason": "#,
            400,
            "malformed",
            "EOF",
        ),
        (
            Method::POST,
            "/writes/pause",
            r#"{"reason": "  "}"#,
            422,
            "invalid",
            "say why",
        ),
        (
            Method::DELETE,
            "/bridges",
            "",
            405,
            "method_not_allowed",
            "does not take that method",
        ),
    ];
    for (method, path, body, status, code, said) in cases {
        let address = format!("/api/v1{path}");
        let answer = owner.send(method, &address, Body::from(body), &[JSON]).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {answer:?}");
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "{path}"
        );
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["code"], code, "{path}: {problem:#}");
        assert_eq!(problem["status"], status, "{path}");
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{path}: {problem:#}"
        );
    }
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = Body::from("reason=x");
    let answer = owner
        .send(Method::POST, "/api/v1/writes/pause", body, &[form])
        .await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = Body::from(format!(r#"{{"reason": "{}"}}"#, "x".repeat(2 << 20)));
    let answer = owner
        .send(Method::POST, "/api/v1/writes/pause", large, &[JSON])
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let odd = ("idempotency-key", "with space");
    let answer = owner
        .send(Method::POST, "/api/v1/connections/x/read", Body::empty(), &[odd])
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("Idempotency-Key"), "{answer:?}");
}

#[tokio::test]
async fn a_session_is_no_way_in_for_another_site() {
    let world = World::at(TestStore::sqlite().await, "https://bridge.example.com").await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let mut pause = async |headers: &[(&str, &str)]| {
        let mut all = vec![JSON];
        all.extend_from_slice(headers);
        let body = Body::from(r#"{"reason": "x"}"#);
        owner.send(Method::POST, "/api/v1/writes/pause", body, &all).await
    };
    let evil = pause(&[("origin", "https://evil.example")]).await;
    assert_eq!(evil.status, StatusCode::FORBIDDEN);
    assert_eq!(evil.headers["content-type"], "application/problem+json");
    assert!(evil.body.contains("another site"), "{}", evil.body);
    let ours = pause(&[("origin", "https://bridge.example.com")]).await;
    assert_eq!(ours.status, StatusCode::OK, "{ours:?}");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let world = World::new().await;
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    let mut other = world.signed_in(ActorRole::Technician).await;
    let mut refused = None;
    for _ in 0..200 {
        let answer = viewer.get("/api/v1/writes").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("nobody was refused");
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(refused.body.contains("600 requests a minute"), "{}", refused.body);
    assert_eq!(other.get("/api/v1/writes").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_reference_page_shows_every_operation_and_needs_no_script() {
    let world = World::new().await;
    let mut stranger = world.visitor();
    let page = stranger.get("/api/").await;
    assert_eq!(page.status, StatusCode::OK);
    for (name, _, path, _) in Client::new().operations() {
        assert!(page.body.contains(&format!("id=\"{name}\"")), "{name}");
        assert!(page.body.contains(&path), "{path}");
    }
    for stranger in ["<script", "style=", "http://", "https://"] {
        assert!(!page.body.contains(stranger), "{stranger}");
    }
    let document = stranger.get("/api/openapi.json").await;
    assert_eq!(document.body, web::openapi());
}
