//! The registry passes the contract every destination must pass, on every database engine there is here.

use connect::contract::Trial;
use connect::{Capabilities, Destination, GrantStore, OpenContext, Outbound, Secrets, contract};
use model::{Connection, ConnectionState};
use std::sync::Arc;
use store::Store;
use testkit::{Fewer, TestStore};

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

/// What is taken away of the capabilities.
type Takes = fn(&mut Capabilities);

/// The engine plans around what a destination says it cannot; no clause may count on it.
#[tokio::test]
async fn the_contract_holds_whatever_of_it_is_taken_away() {
    let store = TestStore::sqlite().await;
    let takes: [(&str, Takes); 5] = [
        ("updates", |can| can.update_assets = false),
        ("types", |can| can.asset_types = false),
        ("fields", |can| can.create_fields = false),
        ("the archive", |can| (can.archive, can.restore) = (false, false)),
        ("all of them, and sites", |can| {
            *can = Capabilities {
                update_assets: false,
                asset_types: false,
                create_fields: false,
                archive: false,
                restore: false,
                sites: false,
                ..*can
            };
        }),
    ];
    for (without, take) in takes {
        let trial = Trial {
            suffix: format!(" without {without}"),
            ..Trial::default()
        };
        let make = async || Arc::new(Fewer::new(destination(&store), take)) as Arc<dyn Destination>;
        if let Err(breaches) = contract::destination_contract_with(make, &trial).await {
            panic!("without {without}: {breaches}");
        }
    }
}

#[tokio::test]
async fn settings_are_refused_since_there_are_none() {
    let store = TestStore::sqlite().await;
    let connector = registry::connector((*store).clone());
    assert!(
        connector
            .validate(&serde_json::json!({}), &Secrets::new(), false)
            .is_ok()
    );
    let problems = connector
        .validate(&serde_json::json!({ "url": "x" }), &Secrets::new(), false)
        .unwrap_err();
    assert!(problems[0].message.contains("no settings"));
}
