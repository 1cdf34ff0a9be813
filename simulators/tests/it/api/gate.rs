//! Who gets in, and how the others are turned away.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Stand, options};

async fn refused(stand: &Stand, method: Method, path: &str, header: Option<&str>) -> (u16, Value) {
    let mut request = stand
        .client
        .request(method, format!("{}{path}", stand.ninja.base_url()));
    if let Some(value) = header {
        request = request.header("authorization", value);
    }
    let response = request.send().await.unwrap();
    assert!(response.headers().contains_key("x-nj-request-id"), "{path}");
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn every_refusal_has_the_vendors_body() {
    let stand = Stand::of(20).await;
    let path = "/v2/organizations";
    let (status, body) = refused(&stand, Method::GET, path, None).await;
    assert_eq!(
        (status, &body["error"], &body["error_code"]),
        (400, &json!("missing_header"), &json!(2))
    );
    for malformed in ["Basic abc", "Bearer", "Bearer "] {
        let (status, body) = refused(&stand, Method::GET, path, Some(malformed)).await;
        assert_eq!(
            (status, &body["error"]),
            (400, &json!("invalid_header")),
            "{malformed}"
        );
    }
    let (status, body) = refused(&stand, Method::GET, path, Some("Bearer made-up")).await;
    assert_eq!(
        (status, &body["error"], &body["error_code"]),
        (401, &json!("not_authenticated"), &json!(10))
    );
    let (status, body) = refused(&stand, Method::GET, "/v2/nonsense", Some("Bearer x")).await;
    assert_eq!(
        (status, &body["errorMessage"]),
        (404, &json!("HTTP 404 Not Found"))
    );
    assert_eq!(body["resultCode"], "FAILURE");
    assert!(
        body["incidentId"]
            .as_str()
            .unwrap()
            .starts_with("WEB_MGMT_SERVICE-")
    );
}

#[tokio::test]
async fn a_scope_that_was_not_granted_is_missed() {
    let mut options = options(20);
    options.quirks.missing_scope_status = 401;
    let stand = Stand::start(options).await;
    let token = stand
        .ninja
        .grants()
        .access_token_for("demo-web", None, &["management"]);
    let (status, body) = refused(&stand, Method::GET, "/v2/roles", Some(&format!("Bearer {token}"))).await;
    assert_eq!((status, &body["error"]), (401, &json!("insufficient_privileges")));
}

#[tokio::test]
async fn all_three_prefixes_serve_and_count_as_one() {
    let stand = Stand::of(20).await;
    let expected = stand.json("/v2/organizations").await;
    assert_eq!(stand.json("/api/v2/organizations").await, expected);
    assert_eq!(stand.json("/ws/api/v2/organizations").await, expected);
    assert_eq!(stand.ninja.requests().of("GET", "/v2/organizations"), 3);
    assert_eq!(stand.get("/v3/organizations").await.0, 404);
}

#[tokio::test]
async fn paths_an_instance_does_not_have_yet_are_unknown() {
    let mut options = options(20);
    options.quirks.missing_paths = vec!["/v2/organization".to_owned()];
    let stand = Stand::start(options).await;
    assert_eq!(stand.get("/v2/organization/2").await.0, 404);
    assert_eq!(stand.get("/v2/organizations").await.0, 200);
}

#[tokio::test]
async fn unknown_records_are_not_found() {
    let stand = Stand::of(20).await;
    for path in [
        "/v2/device/0",
        "/v2/device/999999",
        "/v2/device/x",
        "/v2/organization/1",
        "/v2/group/99/device-ids",
    ] {
        assert_eq!(stand.get(path).await.0, 404, "{path}");
    }
    let response = stand.send(Method::DELETE, "/v2/roles").await.unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn a_stopped_simulator_refuses_connections() {
    let stand = Stand::of(20).await;
    let url = format!("{}/v2/organizations", stand.ninja.base_url());
    stand.ninja.shutdown().await;
    assert!(
        reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(url)
            .send()
            .await
            .is_err()
    );
}
