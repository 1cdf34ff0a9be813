//! Connecting, reconnecting, and what happens when the grant goes.

use crate::hub::{Hub, small};
use connect::Kind;
use engine::Error;
use model::ConnectionState;
use simulators::ninjaone::Options;
use testkit::TestStore;

#[tokio::test]
async fn accepting_consent_completes_the_connection() {
    // H03, H27
    let store = TestStore::sqlite().await;
    let hub = Hub::new(&store, small(20)).await;
    let saved = hub
        .engine
        .save_connection(&hub.actor, hub.request("ninjaone"))
        .await
        .unwrap();
    assert_eq!(
        saved.state,
        ConnectionState::NeedsAuthorization,
        "stored settings are not yet authorized"
    );
    let connection = hub.consent("ninjaone", true).await.unwrap();
    assert_eq!(connection.state, ConnectionState::Connected);
    let issued = hub.ninja.grants().issued();
    assert_eq!(issued.len(), 1);
    assert_eq!(
        issued[0].user.as_deref(),
        Some("tech@example.test"),
        "the grant is a person's"
    );
}

#[tokio::test]
async fn h06_a_refused_consent_leaves_set_up_incomplete_and_says_so() {
    let store = TestStore::sqlite().await;
    let hub = Hub::new(&store, small(20)).await;
    let refused = hub.connect("ninjaone", false).await.unwrap_err();
    let message = refused.to_string();
    assert!(
        matches!(&refused, Error::Outside { error, .. } if error.kind == Kind::Auth),
        "{message}"
    );
    assert!(message.contains("access_denied"), "{message}");
    let connection = hub
        .engine
        .find_connection(&hub.actor, Some("ninjaone"))
        .await
        .unwrap();
    assert_eq!(connection.state, ConnectionState::NeedsAuthorization);
    assert!(store.grants(&connection.id).load().await.unwrap().is_none());
}

#[tokio::test]
async fn h04_a_withdrawn_grant_needs_attention_and_reconnecting_mends_it() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(20), "humanizeit").await;
    hub.sync_all(&bridge).await;
    hub.ninja.grants().revoke_all();
    let runner = hub.runner().await;
    let failed = hub
        .engine
        .read(&hub.actor, &runner, &bridge.source, None, hub.work())
        .await
        .unwrap_err();
    assert!(
        matches!(&failed, Error::Outside { error, .. } if error.kind == Kind::Auth),
        "{failed}"
    );
    let connection = hub.engine.find_connection(&hub.actor, None).await.unwrap();
    let ConnectionState::NeedsAttention { reason } = &connection.state else {
        panic!("{:?}", connection.state)
    };
    assert!(reason.to_lowercase().contains("reconnect"), "{reason}");
    drop(runner);
    // The links hang on the connection, not on the grant.
    hub.consent("ninjaone", true).await.unwrap();
    hub.read(&bridge).await;
    assert_eq!(hub.plan().await.counts.writes(), 0);
}

#[tokio::test]
async fn h04_a_withdrawn_user_takes_the_connection_along() {
    let store = TestStore::sqlite().await;
    let options = small(20);
    let oauth = options
        .oauth
        .clone()
        .with_technician("second@example.test", "another-password");
    let (mut hub, bridge) = Hub::connected(&store, Options { oauth, ..options }, "humanizeit").await;
    hub.sync_all(&bridge).await;
    assert_eq!(hub.ninja.grants().remove_technician("tech@example.test"), 1);
    let runner = hub.runner().await;
    let failed = hub
        .engine
        .read(&hub.actor, &runner, &bridge.source, None, hub.work())
        .await
        .unwrap_err();
    assert!(
        matches!(&failed, Error::Outside { error, .. } if error.kind == Kind::Auth),
        "{failed}"
    );
    drop(runner);
    let connection = hub.engine.find_connection(&hub.actor, None).await.unwrap();
    assert!(
        matches!(connection.state, ConnectionState::NeedsAttention { .. }),
        "{:?}",
        connection.state
    );
    // Somebody who is still there authorizes it again.
    hub.technician = ("second@example.test".to_owned(), "another-password".to_owned());
    hub.consent("ninjaone", true).await.unwrap();
    hub.read(&bridge).await;
}

#[tokio::test]
async fn reconnecting_to_another_tenant_is_refused() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(60), "humanizeit").await;
    hub.sync_all(&bridge).await;
    // The same small ids, another account.
    let other = Hub::new(
        &store,
        Options {
            seed: 99,
            ..small(60)
        },
    )
    .await;
    other
        .engine
        .save_connection(&other.actor, other.request("ninjaone"))
        .await
        .unwrap();
    let refused = other.consent("ninjaone", true).await.unwrap_err();
    assert!(matches!(refused, Error::OtherTenant { .. }), "{refused}");
    // What was there still works once the right account is authorized again.
    hub.connect("ninjaone", true).await.unwrap();
    hub.read(&bridge).await;
    assert_eq!(hub.plan().await.counts.writes(), 0);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_whole() {
    let store = TestStore::sqlite().await;
    let hub = Hub::new(&store, small(20)).await;
    let mut request = hub.request("ninjaone");
    request.settings = serde_json::json!({ "region": "mars", "client_id": "" });
    let message = hub
        .engine
        .save_connection(&hub.actor, request)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("region") && message.contains("client_id"),
        "{message}"
    );
    assert!(
        hub.engine.connections(&hub.actor).await.unwrap().is_empty(),
        "nothing was stored"
    );
}

#[tokio::test]
async fn a_host_without_tls_is_refused_at_once_where_private_hosts_are_not_allowed() {
    let store = TestStore::sqlite().await;
    let hub = Hub::new(&store, small(20)).await;
    let mut public = hub.request("ninjaone");
    public.allow_private_hosts = false;
    let refused = async || {
        let problems = match hub.engine.save_connection(&hub.actor, public.clone()).await {
            Err(Error::Settings { problems, .. }) => problems,
            other => panic!("{other:?}"),
        };
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].key, "private_hosts");
        let message = &problems[0].message;
        assert!(
            message.starts_with(&hub.ninja.base_url()) && message.contains("without encryption. Use https"),
            "{message}"
        );
    };
    refused().await;
    assert!(hub.engine.connections(&hub.actor).await.unwrap().is_empty());
    // What was allowed before stays so.
    let before = hub.connect("ninjaone", true).await.unwrap();
    refused().await;
    let after = hub.engine.find_connection(&hub.actor, None).await.unwrap();
    assert_eq!(after, before);
    assert!(after.allow_private_hosts);
}

#[tokio::test]
async fn an_unknown_app_is_found_out_before_a_browser_is_opened() {
    let store = TestStore::sqlite().await;
    let hub = Hub::new(&store, small(20)).await;
    let mut request = hub.request("ninjaone");
    request.settings["client_id"] = "not-known-here".into();
    let connection = hub.engine.save_connection(&hub.actor, request).await.unwrap();
    let redirect = "http://127.0.0.1:8411/ninja/oauth/resp";
    let message = hub
        .engine
        .begin_consent(&hub.actor, &connection.id, redirect)
        .await
        .unwrap_err()
        .to_string();
    assert!(message.contains("region"), "{message}");
}

#[tokio::test]
async fn every_point_of_the_check_has_the_vendors_answer() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(20), "humanizeit").await;
    let points = hub.engine.check(&hub.actor, &bridge.source).await.unwrap();
    assert!(points.len() >= 5, "{points:?}");
    assert!(
        points.iter().all(|p| p.verdict == connect::Verdict::Passed),
        "{points:?}"
    );
    hub.ninja.grants().revoke_all();
    let points = hub.engine.check(&hub.actor, &bridge.source).await.unwrap();
    assert!(
        points.iter().any(|p| p.verdict == connect::Verdict::Failed),
        "{points:?}"
    );
    let connection = hub.engine.find_connection(&hub.actor, None).await.unwrap();
    assert!(matches!(connection.state, ConnectionState::NeedsAttention { .. }));
}

#[tokio::test]
async fn settings_of_another_host_take_neither_the_secret_nor_the_grant_along() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(20), "humanizeit").await;
    let mut request = hub.request("ninjaone");
    request.settings["base_url"] = "https://elsewhere.example".into();
    request.secrets.clear();
    let moved = hub.engine.save_connection(&hub.actor, request).await.unwrap();
    assert_eq!(moved.state, ConnectionState::NeedsAuthorization);
    assert!(store.grants(&bridge.source).load().await.unwrap().is_none());
    assert!(store.connection_secrets(&bridge.source).await.unwrap().is_empty());
    // Settings that say nothing of the account keep both.
    hub.connect("ninjaone", true).await.unwrap();
    let mut request = hub.request("ninjaone");
    request.settings["readers"] = 2.into();
    request.secrets.clear();
    let same = hub.engine.save_connection(&hub.actor, request).await.unwrap();
    assert_eq!(same.state, ConnectionState::Connected);
    assert!(store.grants(&bridge.source).load().await.unwrap().is_some());
}
