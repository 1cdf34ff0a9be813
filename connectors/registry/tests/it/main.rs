//! The registry passes the contract every destination must pass, on every database engine there is here.

use connect::{GrantStore, OpenContext, Outbound, Secrets, contract};
use model::{Connection, ConnectionState};
use std::sync::Arc;
use store::Store;
use testkit::TestStore;

fn destination(store: &Store) -> Arc<dyn connect::Destination> {
    let now = store.clock().now();
    let connection = Connection {
        id: "registry".into(),
        kind: "registry".to_owned(),
        name: "registry".to_owned(),
        state: ConnectionState::Connected,
        settings: serde_json::json!({}),
        read_only: false,
        allow_private_hosts: false,
        created: now,
        last_success: None,
        version: 1,
    };
    let grants: Arc<dyn GrantStore> = Arc::new(connect::oauth::MemoryGrants::default());
    let cx = OpenContext {
        connection,
        secrets: Secrets::new(),
        grants,
        outbound: Outbound::default(),
        clock: store.clock().clone(),
        random: store.random().clone(),
    };
    let opened = registry::connector(store.clone()).destination(&cx);
    opened.expect("the registry needs nothing to open")
}

#[tokio::test]
async fn the_destination_contract_holds() {
    TestStore::on_every_engine(async |store| {
        let held = contract::destination_contract(async || destination(&store)).await;
        if let Err(breaches) = held {
            panic!("{breaches}");
        }
    })
    .await;
}

#[tokio::test]
async fn settings_are_refused_since_there_are_none() {
    let store = TestStore::sqlite().await;
    let connector = registry::connector((*store).clone());
    assert!(
        connector
            .validate(&serde_json::json!({}), &Secrets::new())
            .is_ok()
    );
    let problems = connector
        .validate(&serde_json::json!({ "url": "x" }), &Secrets::new())
        .unwrap_err();
    assert!(problems[0].message.contains("no settings"));
}
