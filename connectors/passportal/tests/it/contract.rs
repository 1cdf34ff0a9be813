//! The contract every destination must pass, with updates and without, and in every way Passportal may behave.

use crate::stand::{Stand, simulator};
use connect::contract::{self, Trial};
use serde_json::json;
use tokio::net::TcpListener;

async fn holds(what: &str, quirks: &[&str], updates: &str) {
    let stand = Stand::with(quirks, &json!({ "updates": updates, "deadline_ms": 5000 })).await;
    let trial = Trial {
        text_fields: Some(["serialNumber".to_owned(), "os".to_owned()]),
        ..Trial::default()
    };
    let held = contract::destination_contract_with(async || stand.again(), &trial).await;
    if let Err(breaches) = held {
        panic!("{what}, updates {updates}: {breaches}");
    }
    assert!(stand.made() > 20, "{what}: {}", stand.made());
    let replaced: u32 = stand.sim.documents().iter().map(|d| d.replaced).sum();
    assert_eq!(replaced > 0, updates == "replace", "{what}");
}

#[tokio::test]
async fn the_destination_contract_holds() {
    for updates in ["off", "replace"] {
        holds("as usual", &[], updates).await;
    }
}

#[tokio::test]
async fn it_holds_where_the_vendor_leaves_open_how() {
    holds(
        "small pages that end with null",
        &["largest-page=3", "end-is-null"],
        "off",
    )
    .await;
    holds("filters without effect", &["ignores-filters"], "off").await;
    holds("an array", &["create-body=array", "name-is-object"], "replace").await;
    holds(
        "an object, plain names",
        &["create-body=object", "names=plain"],
        "replace",
    )
    .await;
    holds("names as in a URL, a lag", &["names=url", "index-lag=30"], "off").await;
}

#[tokio::test]
async fn it_holds_where_fields_go_by_name() {
    holds("fields by name", &["details=names"], "off").await;
}

#[tokio::test]
async fn it_says_what_it_cannot() {
    let stand = Stand::start().await;
    let can = stand.to.capabilities();
    assert!(!can.create_clients && !can.update_assets && !can.archive && !can.sites && !can.asset_types);
    assert_eq!(can.settles_within.as_millis(), 400 + 1500);
    let with = Stand::with(&[], &json!({ "updates": "replace" })).await;
    assert!(with.to.capabilities().update_assets);
}

/// Nobody listens, and nobody speaks TLS there.
#[tokio::test]
async fn what_never_left_is_refused_and_not_in_doubt() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = gone.local_addr().unwrap();
    drop(gone);
    let plain = simulator(&[]).await;
    for base in [
        format!("http://{nobody}"),
        plain.base_url().replace("http://", "https://"),
    ] {
        for updates in ["off", "replace"] {
            let settings = json!({ "base_url": base, "template_uid": "tpl-59", "updates": updates });
            let stand = Stand::with(&[], &settings).await;
            if let Err(breaches) = contract::unreachable_contract(stand.to.as_ref()).await {
                panic!("{base}: {breaches}");
            }
        }
    }
}
