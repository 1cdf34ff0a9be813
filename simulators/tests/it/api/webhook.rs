//! The webhook: configured, delivered, replaced, removed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use reqwest::Method;
use serde_json::{Value, json};

use super::Stand;

type Inbox = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// A receiver on a loopback port with what it got.
async fn receiver() -> (String, Inbox) {
    async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: axum::Json<Value>) {
        let secret = headers
            .get("x-secret")
            .map(|value| value.to_str().unwrap().to_owned());
        inbox.lock().unwrap().push((secret, body.0));
    }
    let inbox = Inbox::default();
    let app = axum::Router::new()
        .route("/hook", axum::routing::post(take))
        .with_state(inbox.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, inbox)
}

/// Waits until `count` activities arrived.
async fn arrived(inbox: &Inbox, count: usize) -> Vec<(Option<String>, Value)> {
    for _ in 0..200 {
        if inbox.lock().unwrap().len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    inbox.lock().unwrap().clone()
}

#[tokio::test]
async fn alerts_and_their_resets_are_delivered_in_order() {
    let stand = Stand::of(100).await;
    let (url, inbox) = receiver().await;
    let configuration = json!({
        "url": url, "activities": {"CONDITION": ["*"]}, "expand": ["device", "organization", "location"],
        "headers": [{"name": "X-Secret", "value": "s3"}]
    });
    assert_eq!(
        stand
            .send_json(Method::PUT, "/v2/webhook", &configuration)
            .await
            .0,
        204
    );
    let device = u32::try_from(super::id_of(
        &stand.rows("/v2/devices?df=class%3DWINDOWS_WORKSTATION").await[0],
    ))
    .unwrap();
    let uid = stand.ninja.raise_alert(device, 0);
    assert_eq!(arrived(&inbox, 1).await.len(), 1);
    let path = format!("/v2/alert/{uid}");
    assert_eq!(stand.send(Method::DELETE, &path).await.unwrap().status(), 204);
    // Not a condition, so it is not delivered.
    let change = json!({"displayName": "x"});
    assert_eq!(
        stand
            .send_json(Method::PATCH, &format!("/v2/device/{device}"), &change)
            .await
            .0,
        204
    );
    let got = arrived(&inbox, 2).await;
    let codes: Vec<&str> = got
        .iter()
        .map(|(_, body)| body["statusCode"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["TRIGGERED", "RESET"]);
    for (secret, body) in &got {
        assert_eq!(secret.as_deref(), Some("s3"));
        assert_eq!(
            (&body["seriesUid"], &body["deviceId"]),
            (&json!(uid), &json!(device))
        );
        assert_eq!(body["device"]["id"], device);
        assert_eq!(
            body["device"]["references"]["organization"]["id"],
            body["device"]["organizationId"]
        );
    }
    assert!(
        stand
            .ninja
            .deliveries()
            .iter()
            .all(|delivery| delivery.status == 200)
    );

    assert_eq!(
        stand.send(Method::DELETE, "/v2/webhook").await.unwrap().status(),
        204
    );
    stand.ninja.raise_alert(device, 0);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(inbox.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn configurations_are_refused_for_good_reasons() {
    let stand = Stand::of(30).await;
    for (wrong, part) in [
        (json!({"url": "https://example.test/hook"}), "http://"),
        (json!({"url": "not an address"}), "Not an address"),
        (
            json!({"url": "http://127.0.0.1:1/", "secret": "x"}),
            "Unrecognized field 'secret'",
        ),
        (
            json!({"url": "http://127.0.0.1:1/", "headers": [{"name": "a b", "value": ""}]}),
            "header",
        ),
    ] {
        let (status, body) = stand.send_json(Method::PUT, "/v2/webhook", &wrong).await;
        assert!(status == 400 && body.contains(part), "{wrong}: {status} {body}");
    }
    let machine = stand
        .ninja
        .grants()
        .access_token_for("demo-machine", None, &["monitoring", "management"]);
    let request = stand
        .client
        .put(format!("{}/v2/webhook", stand.ninja.base_url()))
        .bearer_auth(machine);
    let response = request
        .json(&json!({"url": "http://127.0.0.1:1/"}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_noted() {
    let stand = Stand::of(30).await;
    let configuration = json!({"url": "http://127.0.0.1:1/"});
    assert_eq!(
        stand
            .send_json(Method::PUT, "/v2/webhook", &configuration)
            .await
            .0,
        204
    );
    let device = u32::try_from(super::id_of(&stand.rows("/v2/devices").await[0])).unwrap();
    stand.ninja.raise_alert(device, 0);
    for _ in 0..200 {
        if !stand.ninja.deliveries().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stand.ninja.deliveries()[0].status, 0);
}
