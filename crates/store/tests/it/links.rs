//! Links: stored with outcomes, found from both sides, unique where they must be.

use crate::estate::{self, device};
use model::{Bridge, Clock, Outcome, RecordId, RecordKind, RunId, SourceId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Error, NewItem, NewLink, Store, WrittenValue};
use testkit::TestStore;

const PLAN: &str = "some plan";

fn written(run: &RunId, values: &[(&str, Value)]) -> BTreeMap<String, WrittenValue> {
    values
        .iter()
        .map(|(field, value)| {
            let written = WrittenValue {
                value: value.clone(),
                run: run.clone(),
                at: 17,
            };
            ((*field).to_owned(), written)
        })
        .collect()
}

fn link(
    number: u32,
    kind: RecordKind,
    source: &str,
    destination: &str,
    written: BTreeMap<String, WrittenValue>,
) -> NewItem {
    NewItem {
        number,
        outcome: Outcome::Done {
            record: destination.into(),
        },
        link: Some(NewLink {
            kind,
            source: source.into(),
            destination: destination.into(),
            written,
        }),
        settles: None,
        undone: None,
    }
}

async fn record(store: &Store, bridge: &Bridge, run: &RunId, items: Vec<NewItem>) -> store::Result<()> {
    let lost = store.record(run, &PLAN.into(), bridge, items).await?;
    assert!(lost.is_empty(), "nothing here is claimed");
    Ok(())
}

#[tokio::test]
async fn a_link_is_found_from_both_sides_and_keeps_what_was_written() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        let values = written(
            &run,
            &[
                ("name", json!("PC-1")),
                ("storage", json!(512)),
                ("os", json!(null)),
            ],
        );
        let item = link(1, RecordKind::Asset, "7", "asset-7", values.clone());
        record(&test, &bridge, &run, vec![item]).await.unwrap();

        let stored = test
            .link(&bridge.id, RecordKind::Asset, &"7".into())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.destination.as_str(), "asset-7");
        assert_eq!(stored.written, values);
        assert_eq!(stored.updated, test.clock().now());
        assert_eq!(stored.written_values()["storage"], json!(512));
        let back = test
            .link_to(&bridge.id, RecordKind::Asset, &"asset-7".into())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(back, stored);
        // More than fit into one statement are asked for, and one of them is known.
        let mut asked: Vec<RecordId> = (0..40).map(|n| RecordId(format!("nobody-{n}"))).collect();
        asked.push("asset-7".into());
        let sources = test
            .sources_linked_to(&bridge.id, RecordKind::Asset, &asked)
            .await;
        assert_eq!(sources.unwrap(), BTreeMap::from([("asset-7".into(), "7".into())]));
        let none = test
            .sources_linked_to(&bridge.id, RecordKind::Client, &asked)
            .await;
        assert_eq!(none.unwrap(), BTreeMap::new());
        assert_eq!(
            test.link(&bridge.id, RecordKind::Client, &"7".into())
                .await
                .unwrap(),
            None
        );
        assert_eq!(
            test.link_to(&bridge.id, RecordKind::Client, &"asset-7".into())
                .await
                .unwrap(),
            None
        );

        // A later write comes over the earlier one field by field, and may move the link.
        let later = estate::run(&test, &bridge.id, PLAN).await;
        let item = link(
            2,
            RecordKind::Asset,
            "7",
            "asset-8",
            written(&later, &[("name", json!("PC-2"))]),
        );
        record(&test, &bridge, &later, vec![item]).await.unwrap();
        let stored = test
            .link(&bridge.id, RecordKind::Asset, &"7".into())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.destination.as_str(), "asset-8");
        assert_eq!(
            (
                stored.written["name"].run.clone(),
                stored.written["os"].run.clone()
            ),
            (later, run)
        );
        assert_eq!(stored.written_values()["name"], json!("PC-2"));
        assert_eq!(stored.written.len(), 3);
        assert_eq!(
            test.link_to(&bridge.id, RecordKind::Asset, &"asset-7".into())
                .await
                .unwrap(),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn many_organizations_may_be_one_client_but_an_asset_has_one_device() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        let none = BTreeMap::new;
        let items = vec![
            link(1, RecordKind::Client, "1", "acme", none()),
            link(2, RecordKind::Client, "2", "acme", none()),
            link(3, RecordKind::Site, "11", "acme", none()),
            link(4, RecordKind::Asset, "7", "asset-7", none()),
        ];
        record(&test, &bridge, &run, items).await.unwrap();
        let clients = test.links(&bridge.id, RecordKind::Client).await.unwrap();
        assert_eq!(clients.len(), 2);
        assert!(clients.values().all(|client| client.as_str() == "acme"));
        let first = test
            .link_to(&bridge.id, RecordKind::Client, &"acme".into())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(first.source.as_str(), "1");

        let error = record(
            &test,
            &bridge,
            &run,
            vec![
                link(5, RecordKind::Asset, "8", "asset-8", none()),
                link(6, RecordKind::Asset, "9", "asset-7", none()),
            ],
        )
        .await
        .unwrap_err();
        assert!(
            matches!(&error, Error::Linked { record } if record == "asset-7"),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("linked to another device already"),
            "{error}"
        );
        // Neither outcome nor link of that step was stored.
        assert_eq!(test.links(&bridge.id, RecordKind::Asset).await.unwrap().len(), 1);
        assert_eq!(test.run_items(&PLAN.into()).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn asset_links_of_an_organization_are_those_of_its_devices_now() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let connection = test.connection(&bridge.source).await.unwrap();
        estate::pass(
            &test,
            &connection,
            [device(1, "1", "a"), device(2, "1", "b"), device(3, "2", "c")],
        )
        .await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        let items = (1..=4)
            .map(|id: u32| {
                link(
                    id,
                    RecordKind::Asset,
                    &id.to_string(),
                    &format!("asset-{id}"),
                    BTreeMap::new(),
                )
            })
            .collect();
        record(&test, &bridge, &run, items).await.unwrap();
        let of = async |organization: &str| {
            let links = test
                .asset_links(&bridge.id, &connection.id, &SourceId::from(organization))
                .await
                .unwrap();
            let mut ids: Vec<_> = links.into_iter().map(|link| link.source.0).collect();
            ids.sort();
            ids
        };
        assert_eq!(of("1").await, ["1", "2"]);
        assert_eq!(of("2").await, ["3"]);
        // A device that changes its organization takes its link along.
        estate::pass(
            &test,
            &connection,
            [device(1, "1", "a"), device(2, "2", "moved"), device(3, "2", "c")],
        )
        .await;
        assert_eq!(of("1").await, ["1"]);
        assert_eq!(of("2").await, ["2", "3"]);
        assert_eq!(of("3").await, Vec::<String>::new());
    })
    .await;
}
