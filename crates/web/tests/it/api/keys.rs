//! API keys: each is good for its scopes, and for as long as it stands.

use super::client::{Call, Client};
use crate::world::World;
use axum::http::StatusCode;
use engine::api_keys::NewKey;
use model::KeyScope;
use secrecy::ExposeSecret as _;
use serde_json::json;

async fn key(world: &World, name: &str, scopes: &[KeyScope]) -> String {
    let new = NewKey {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        days: 30,
        for_hub: true,
    };
    let (_, secret) = world.engine.make_api_key(&world.console, new).await.unwrap();
    secret.expose_secret().to_owned()
}

#[tokio::test]
async fn a_key_is_good_for_its_scopes_alone() {
    let world = World::new().await;
    let mut program = world.visitor();
    let mut api = Client::new();
    let body = json!({});
    for scope in KeyScope::ALL {
        let key = key(&world, scope.as_str(), &[scope]).await;
        for (name, _, _, operation) in api.operations() {
            let call = Call {
                id: "nobody",
                key: Some(&key),
                body: operation["requestBody"].is_object().then_some(&body),
                ..Call::default()
            };
            let answer = api.call(&mut program, &name, call).await;
            let wanted = operation["security"][0]["key"][0] == scope.as_str();
            // The limit is a caller's, and this one asks for everything.
            let refused = matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
            assert_eq!(refused, !wanted, "{name} with a key for {scope}: {answer:?}");
            if refused {
                let detail = answer.body["detail"].as_str().unwrap();
                assert!(detail.contains("is not good for the scope"), "{name}: {detail}");
            }
        }
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_what_a_key_does_is_noted_as_its_own() {
    let world = World::new().await;
    let mut program = world.visitor();
    let mut api = Client::new();
    let shown = key(&world, "the scheduler", &[KeyScope::Apply, KeyScope::Read]).await;
    let why = json!({ "reason": "a storm" });
    let call = Call {
        key: Some(&shown),
        body: Some(&why),
        ..Call::default()
    };
    let paused = api.call(&mut program, "pause_writes", call).await;
    assert_eq!(paused.body["pause"]["by"], "key:the scheduler", "{paused:?}");
    let all = world.engine.api_keys(&world.console).await.unwrap();
    world
        .engine
        .revoke_api_key(&world.console, &all[0].id)
        .await
        .unwrap();
    let call = Call {
        key: Some(&shown),
        ..Call::default()
    };
    let refused = api.call(&mut program, "show_writes", call).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:?}");
    assert!(
        !format!("{refused:?}").contains(&shown),
        "a key is never said back"
    );
}
