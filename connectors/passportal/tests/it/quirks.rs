//! What the vendor leaves open, both ways.

use crate::stand::{Stand, id, marker};
use connect::{AssetScope, Kind, Verdict, WriteError};
use model::RecordKind;
use serde_json::json;
use simulators::passportal::{Options, Passportal};

#[tokio::test]
async fn names_are_those_that_people_wrote_however_lists_encode_them() {
    for names in ["html", "url", "plain"] {
        let stand = Stand::with(&[&format!("names={names}")], &json!({})).await;
        let clients = stand.to.clients().await.unwrap();
        let names: Vec<_> = clients.iter().map(|client| client.name.as_str()).collect();
        assert_eq!(
            names,
            ["Northwind Traders", "Müller & Söhne GmbH", "Contoso Clinic"]
        );
    }
}

#[tokio::test]
async fn without_an_asset_document_the_template_has_to_be_named() {
    let empty = || Options {
        in_use: false,
        ..Options::default()
    };
    let sim = Passportal::start_on_loopback(empty()).await.unwrap();
    let stand = Stand::on(sim, &json!({}));
    let points = stand.to.check().await;
    assert_eq!(points[4].verdict, Verdict::NotTried);
    let Err(WriteError::Refused(error)) = stand.create(7).await else {
        panic!("it is not known what to create");
    };
    assert_eq!(error.kind, Kind::Configuration);
    assert!(error.to_string().contains("Enter its UID"), "{error}");
    let sim = Passportal::start_on_loopback(empty()).await.unwrap();
    let stand = Stand::on(sim, &json!({ "template_uid": "TPL-59" }));
    id(&stand.create(7).await);
    // A wrong one is refused by Passportal, in its words.
    let sim = Passportal::start_on_loopback(empty()).await.unwrap();
    let stand = Stand::on(sim, &json!({ "template_uid": "60" }));
    let Err(WriteError::Refused(error)) = stand.create(7).await else {
        panic!("there is no such template");
    };
    assert!(error.to_string().contains("invalid templateUid"), "{error}");
    assert_eq!(stand.sim.documents().len(), 0);
}

#[tokio::test]
async fn a_document_that_keeps_nothing_but_its_title_is_linked_and_not_made_again() {
    let stand = Stand::with(&["drops-fields"], &json!({ "settle_ms": 300 })).await;
    let written = stand.create(7).await;
    id(&written);
    assert_eq!(stand.sim.requests()["POST /documents"], 1);
    let assets = stand.assets(AssetScope::All).await.unwrap();
    let ours = assets.iter().find(|asset| asset.id == *id(&written)).unwrap();
    assert_eq!(
        (&ours.fields["name"], ours.source_id.as_deref()),
        (&json!("PC-7"), None)
    );
}

#[tokio::test]
async fn the_same_number_of_two_tenants_is_two_documents() {
    let stand = Stand::start().await;
    id(&stand.create(7).await);
    let other = connect::Marker("connection-2/asset/7".to_owned());
    assert_eq!(stand.to.find(RecordKind::Asset, &other).await.unwrap(), []);
    assert_eq!(
        stand.to.find(RecordKind::Asset, &marker(7)).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn ids_of_other_systems_are_not_ninjaone_s() {
    let stand = Stand::start().await;
    let client = stand.sim.clients()[0].0;
    let theirs = [(31, "88"), (32, "NinjaRMM")];
    stand.sim.add_document(client, "desk", &theirs).unwrap();
    let assets = stand
        .assets(AssetScope::Clients(vec![stand.client()]))
        .await
        .unwrap();
    let ids: Vec<_> = assets.iter().map(|asset| asset.source_id.as_deref()).collect();
    // The first is Automate's 4711.
    assert_eq!(ids, [None, Some("88")]);
}
