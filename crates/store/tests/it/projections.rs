//! What planning reads of devices: stored projections, while device and mapping are what they were made from, and links.

use crate::estate::{self, device};
use model::{
    BridgeId, Connection, DeviceKeys, DeviceProjection, Outcome, Presence, RecordId, RecordKind, SourceId,
};
use std::collections::BTreeMap;
use store::{DeviceForPlanning, NewItem, NewLink, Store, StoredProjection};
use testkit::TestStore;

fn projection(id: &str, label: &str) -> DeviceProjection {
    DeviceProjection {
        id: id.into(),
        organization: "1".into(),
        location: Some("11".into()),
        label: label.to_owned(),
        keys: DeviceKeys {
            serial: Some("SN-1".to_owned()),
            macs: vec!["001122334455".to_owned()],
            name: None,
        },
        role: None,
        class: Some("WINDOWS_SERVER".to_owned()),
        approval: Some("APPROVED".to_owned()),
        tags: vec!["vip".to_owned()],
        fields: [("name".to_owned(), serde_json::json!(label))].into(),
        faults: vec![],
        presence: Presence::Present,
    }
}

/// One organization's devices as planning gets them, in the order of their ids.
async fn for_planning(
    store: &Store,
    connection: &Connection,
    organization: &str,
    bridge: &BridgeId,
    mapping: &[u8],
) -> Vec<DeviceForPlanning> {
    let mut conn = store.planning_connection().await.unwrap();
    let mut devices = store
        .devices_for_planning(&mut conn, bridge, &connection.id, &[organization.into()], mapping)
        .await
        .unwrap();
    devices.sort_by(|a, b| a.id.cmp(&b.id));
    devices
}

/// Organization 1's devices, each with whether a mapping still has to be applied to it. Those come with their raw text.
async fn to_map(
    store: &Store,
    connection: &Connection,
    bridge: &BridgeId,
    mapping: &[u8],
) -> Vec<(String, bool)> {
    let rows = store
        .devices_for_mapping(&connection.id, &"1".into(), bridge, mapping)
        .await
        .unwrap();
    assert!(rows.iter().all(|row| !row.raw.is_empty()));
    let unmapped: Vec<SourceId> = rows.into_iter().map(|row| row.id).collect();
    let devices = for_planning(store, connection, "1", bridge, mapping).await;
    let (with, without): (Vec<_>, Vec<_>) = devices.iter().partition(|d| d.projection.is_some());
    assert!(with.iter().all(|d| !unmapped.contains(&d.id)));
    assert_eq!(without.iter().map(|d| d.id.clone()).collect::<Vec<_>>(), unmapped);
    devices
        .into_iter()
        .map(|d| (d.id.0, d.projection.is_none()))
        .collect()
}

fn rows(rows: &[(&str, bool)]) -> Vec<(String, bool)> {
    rows.iter().map(|(id, raw)| ((*id).to_owned(), *raw)).collect()
}

#[tokio::test]
async fn a_projection_saves_the_mapping_until_device_or_mapping_change() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let connection = test.connection(&bridge.source).await.unwrap();
        let devices = [device(1, "1", "a"), device(2, "1", "b"), device(3, "2", "c")];
        estate::pass(&test, &connection, devices.clone()).await;
        let (mapping, other) = (&b"mapping one"[..], &b"mapping two"[..]);
        assert_eq!(
            to_map(&test, &connection, &bridge.id, mapping).await,
            rows(&[("1", true), ("2", true)])
        );
        assert_eq!(test.put_projections(&bridge.id, mapping, &[]).await.unwrap(), 0);

        let made: Vec<_> = devices
            .iter()
            .map(|device| StoredProjection {
                digest: device.digest.to_vec(),
                projection: projection(device.id.as_str(), &device.raw),
            })
            .collect();
        assert_eq!(test.put_projections(&bridge.id, mapping, &made).await.unwrap(), 3);
        let projected = async |mapping: &[u8]| {
            for_planning(&test, &connection, "1", &bridge.id, mapping)
                .await
                .into_iter()
                .filter_map(|device| device.projection)
                .collect::<Vec<_>>()
        };
        // Hit: no raw text is read, the projections are there in the same order.
        assert_eq!(
            to_map(&test, &connection, &bridge.id, mapping).await,
            rows(&[("1", false), ("2", false)])
        );
        assert_eq!(
            projected(mapping).await,
            [projection("1", "a"), projection("2", "b")]
        );
        // Miss: another mapping, another bridge.
        assert_eq!(
            to_map(&test, &connection, &bridge.id, other).await,
            rows(&[("1", true), ("2", true)])
        );
        assert!(projected(other).await.is_empty());
        assert_eq!(
            to_map(&test, &connection, &BridgeId::from("another"), mapping).await,
            rows(&[("1", true), ("2", true)])
        );
        // Miss: a changed device, and only that one. The one that is gone is listed as absent, and costs nothing.
        estate::pass(
            &test,
            &connection,
            [device(1, "1", "changed"), device(3, "2", "c")],
        )
        .await;
        assert_eq!(
            to_map(&test, &connection, &bridge.id, mapping).await,
            rows(&[("1", true), ("2", false)])
        );
        let gone = projected(mapping).await;
        assert!(matches!(gone[0].presence, Presence::Absent { snapshots: 1, .. }));
        let as_it_was = DeviceProjection {
            presence: Presence::Present,
            ..gone[0].clone()
        };
        assert_eq!((gone.len(), as_it_was), (1, projection("2", "b")));
        let listed = test
            .devices_for_mapping(&connection.id, &"1".into(), &bridge.id, mapping)
            .await
            .unwrap();
        assert_eq!(listed[0].raw, "changed");
        assert_eq!(listed[0].digest, device(1, "1", "changed").digest);

        // Made anew over the old one.
        let again = StoredProjection {
            digest: listed[0].digest.clone(),
            projection: projection("1", "changed"),
        };
        assert_eq!(
            test.put_projections(&bridge.id, mapping, &[again]).await.unwrap(),
            1
        );
        assert_eq!(
            projected(mapping).await,
            [projection("1", "changed"), gone[0].clone()]
        );
        assert_eq!(
            for_planning(&test, &connection, "9", &bridge.id, mapping).await,
            []
        );
    })
    .await;
}

#[tokio::test]
async fn links_come_with_the_devices_whatever_their_ids_are_made_of() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let connection = test.connection(&bridge.source).await.unwrap();
        estate::pass(&test, &connection, (1..=6).map(|id| device(id, "1", "a"))).await;
        let mapped = StoredProjection {
            digest: device(2, "1", "a").digest.to_vec(),
            projection: projection("2", "quote \" backslash \\ line\nend é"),
        };
        test.put_projections(&bridge.id, b"m", std::slice::from_ref(&mapped))
            .await
            .unwrap();
        let run = estate::run(&test, &bridge.id, "some plan").await;
        let records = [
            "plain",
            "\"quoted\"",
            "back\\slash\\",
            "tab\tline\nend",
            "Ω 🦀 ', [",
        ];
        let items = (1..).zip(records).map(|(number, record): (u32, _)| NewItem {
            number,
            outcome: Outcome::Done {
                record: record.into(),
            },
            link: Some(NewLink {
                kind: RecordKind::Asset,
                source: number.to_string().as_str().into(),
                destination: record.into(),
                written: BTreeMap::new(),
            }),
            settles: None,
            undone: None,
        });
        test.record(&run, &"some plan".into(), &bridge, items.collect())
            .await
            .unwrap();
        let devices = for_planning(&test, &connection, "1", &bridge.id, b"m").await;
        let linked: Vec<_> = devices.iter().map(|d| (d.id.as_str(), d.asset.clone())).collect();
        let expected = (1..=6).map(|n: usize| records.get(n - 1).map(|r| RecordId::from(*r)));
        assert_eq!(
            linked,
            ["1", "2", "3", "4", "5", "6"]
                .into_iter()
                .zip(expected)
                .collect::<Vec<_>>()
        );
        assert_eq!(devices[1].projection, Some(mapped.projection));
        // Another bridge has its own links.
        let others = for_planning(&test, &connection, "1", &BridgeId::from("another"), b"m").await;
        assert!(others.iter().all(|d| d.asset.is_none()) && others.len() == 6);
    })
    .await;
}

#[tokio::test]
async fn more_devices_than_a_page_holds_come_once_each() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let connection = test.connection(&bridge.source).await.unwrap();
        // Organizations 2 and 3 fit into a page together, 1 has two pages of its own.
        let organization = |id| match id {
            ..=2000 => "1",
            2001..=2400 => "2",
            _ => "3",
        };
        let devices = (1..=2800).map(|id| device(id, organization(id), "a"));
        estate::pass(&test, &connection, devices).await;
        let mut conn = test.planning_connection().await.unwrap();
        for (organizations, expected) in [(&["1"][..], 2000), (&["2", "3"], 800), (&["3", "2", "1"], 2800)] {
            let asked: Vec<_> = organizations.iter().map(|id| SourceId::from(*id)).collect();
            let devices = test
                .devices_for_planning(&mut conn, &bridge.id, &connection.id, &asked, b"m")
                .await
                .unwrap();
            let ids: std::collections::BTreeSet<_> = devices.iter().map(|d| &d.id).collect();
            assert_eq!((devices.len(), ids.len()), (expected, expected));
            for device in &devices {
                let id: u32 = device.id.as_str().parse().unwrap();
                assert_eq!(device.organization.as_str(), organization(id));
            }
        }
    })
    .await;
}
