//! Stored projections: used while device and mapping are what they were made from.

use crate::estate::{self, device};
use model::{BridgeId, Connection, DeviceKeys, DeviceProjection, Presence, SourceId};
use store::{Store, StoredProjection};
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

/// Which devices a mapping still has to be applied to: those that come with their raw text.
async fn to_map(
    store: &Store,
    connection: &Connection,
    bridge: &BridgeId,
    mapping: &[u8],
) -> Vec<(String, bool)> {
    store
        .devices_for_mapping(&connection.id, &"1".into(), bridge, mapping)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.id.0, !row.raw.is_empty()))
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
            test.projections(&bridge.id, &connection.id, &"1".into(), mapping)
                .await
                .unwrap()
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
        assert_eq!(projected(mapping).await, [projection("2", "b")]);
        let listed = test
            .devices_for_mapping(&connection.id, &"1".into(), &bridge.id, mapping)
            .await
            .unwrap();
        assert_eq!(listed[0].raw, "changed");
        assert_eq!(listed[0].digest, device(1, "1", "changed").digest);
        assert!(matches!(
            listed[1].presence,
            Presence::Absent { snapshots: 1, .. }
        ));

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
            [projection("1", "changed"), projection("2", "b")]
        );
        assert_eq!(
            test.devices_for_mapping(&connection.id, &SourceId::from("9"), &bridge.id, mapping)
                .await
                .unwrap()
                .len(),
            0
        );
    })
    .await;
}
