//! What one complete pass leaves behind, and how the next one differs.

use crate::estate::{self, device, device_seen, location, organization, pass, raw};
use jiff::SignedDuration;
use model::{Clock, Connection, Presence, RawDevice, SourceId};
use std::collections::BTreeMap;
use store::Store;
use testkit::TestStore;

/// Devices 1 to `count`, of which the first `changed` are not as they were; all were in touch at `contact`.
fn devices(count: u32, changed: u32, contact: i64) -> Vec<RawDevice> {
    (1..=count)
        .map(|id| {
            let state = if id <= changed { "changed" } else { "same" };
            let organization = if id % 2 == 0 { "2" } else { "1" };
            device_seen(
                id,
                organization,
                &format!(r#"{{"id":{id},"state":"{state}"}}"#),
                Some(contact),
            )
        })
        .collect()
}

async fn presence(store: &Store, connection: &Connection, id: &str) -> Presence {
    store
        .device(&connection.id, &SourceId::from(id))
        .await
        .unwrap()
        .unwrap()
        .presence
}

fn ids(map: BTreeMap<SourceId, u64>) -> Vec<(String, u64)> {
    map.into_iter().map(|(id, count)| (id.0, count)).collect()
}

#[tokio::test]
async fn the_first_pass_is_the_first_snapshot() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        assert!(test.current_snapshot(&connection.id).await.unwrap().is_none());
        assert!(test.last_contacts(&connection.id).await.unwrap().is_empty());
        let started = test.clock().now();
        let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        assert!(writer.known_ids().is_empty());
        for device in devices(300, 0, 1_768_000_000) {
            writer.device(device).await.unwrap();
        }
        assert_eq!(writer.seen(), 300);
        let finished = test.clock().advance(SignedDuration::from_secs(40));
        let snapshot = writer
            .finish(
                &estate::organizations(),
                &estate::locations(),
                &estate::roles(),
                7,
            )
            .await
            .unwrap();
        assert_eq!((snapshot.devices, snapshot.requests), (300, 7));
        assert_eq!((snapshot.started, snapshot.finished), (started, finished));
        assert_eq!(snapshot.organization, None);
        // The devices, two organizations, two locations, a role and the contacts.
        assert_eq!(snapshot.rows_written, 300 + 2 + 2 + 1 + 1);
        assert_eq!(
            test.current_snapshot(&connection.id).await.unwrap().unwrap(),
            snapshot
        );
        assert_eq!(
            test.connection(&connection.id).await.unwrap().last_success,
            Some(finished)
        );

        assert_eq!(
            test.organizations(&connection.id).await.unwrap(),
            [organization("2", "Alpha Dental"), organization("1", "Zeta Works")]
        );
        assert_eq!(
            test.locations(&connection.id, &["2".into()]).await.unwrap(),
            [location("21", "2", "Practice")]
        );
        assert_eq!(
            ids(test.device_counts(&connection.id).await.unwrap()),
            [("1".to_owned(), 150), ("2".to_owned(), 150)]
        );
        let stored = test.device(&connection.id, &"17".into()).await.unwrap().unwrap();
        assert_eq!(stored.raw, r#"{"id":17,"state":"same"}"#);
        assert_eq!(
            (stored.uid.as_deref(), stored.organization.as_str()),
            (Some("uid-17"), "1")
        );
        assert_eq!(stored.presence, Presence::Present);
        assert!(
            test.device(&connection.id, &"301".into())
                .await
                .unwrap()
                .is_none()
        );
        let contacts = test.last_contacts(&connection.id).await.unwrap();
        assert_eq!(contacts.len(), 300);
        assert_eq!(contacts[&SourceId::from("17")].as_second(), 1_768_000_000);
        let sample = test.uid_sample(&connection.id, 25).await.unwrap();
        assert_eq!(sample.len(), 25);
        assert!(sample.iter().all(|(id, uid)| *uid == format!("uid-{id}")));
    })
    .await;
}

#[tokio::test]
async fn an_account_without_devices_is_a_snapshot_too() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        let snapshot = writer.finish(&[], &[], &[], 1).await.unwrap();
        assert_eq!((snapshot.devices, snapshot.rows_written), (0, 1));
        assert!(test.current_snapshot(&connection.id).await.unwrap().is_some());
        assert!(test.organizations(&connection.id).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_second_pass_writes_what_changed_and_a_constant() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        pass(&test, &connection, devices(1000, 0, 1_768_000_000)).await;
        // Nothing changed but the time of the last contact, which is one row for all.
        let none = pass(&test, &connection, devices(1000, 0, 1_768_003_600)).await;
        assert_eq!(none.rows_written, 1);
        assert_eq!(
            test.last_contacts(&connection.id).await.unwrap()[&SourceId::from("1000")].as_second(),
            1_768_003_600
        );
        let some = pass(&test, &connection, devices(1000, 10, 1_768_007_200)).await;
        assert_eq!(some.rows_written, 10 + 1);
        assert_eq!(
            raw(&test, &connection, "10").await,
            r#"{"id":10,"state":"changed"}"#
        );
        assert_eq!(raw(&test, &connection, "11").await, r#"{"id":11,"state":"same"}"#);
        assert_eq!(
            test.current_snapshot(&connection.id).await.unwrap().unwrap(),
            some
        );
        let writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        assert_eq!(writer.known_ids(), (1..=1000).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn absence_is_counted_from_its_first_snapshot_and_ends_when_the_device_is_back() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let all = || devices(5, 0, 1_768_000_000);
        pass(&test, &connection, all()).await;
        test.clock().advance(SignedDuration::from_hours(24));
        let without = pass(&test, &connection, all().into_iter().skip(1)).await;
        assert_eq!(
            presence(&test, &connection, "1").await,
            Presence::Absent {
                since: without.finished,
                snapshots: 1
            }
        );
        test.clock().advance(SignedDuration::from_hours(24));
        pass(&test, &connection, all().into_iter().skip(1)).await;
        assert_eq!(
            presence(&test, &connection, "1").await,
            Presence::Absent {
                since: without.finished,
                snapshots: 2
            }
        );
        assert_eq!(presence(&test, &connection, "2").await, Presence::Present);
        assert_eq!(
            ids(test.device_counts(&connection.id).await.unwrap()),
            [("1".to_owned(), 2), ("2".to_owned(), 2)]
        );
        assert!(
            !test
                .uid_sample(&connection.id, 9)
                .await
                .unwrap()
                .contains_key(&SourceId::from("1"))
        );
        let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        assert_eq!(writer.known_ids(), [2, 3, 4, 5]);

        // Back with the very same digest: still a row to write.
        for device in all() {
            writer.device(device).await.unwrap();
        }
        let lists = (estate::organizations(), estate::locations(), estate::roles());
        let back = writer.finish(&lists.0, &lists.1, &lists.2, 7).await.unwrap();
        assert_eq!(back.rows_written, 1 + 1);
        assert_eq!(presence(&test, &connection, "1").await, Presence::Present);
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_device_is_not_absent() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let lists = (estate::organizations(), estate::locations(), estate::roles());
        pass(&test, &connection, devices(4, 0, 1_768_000_000)).await;
        pass(&test, &connection, devices(3, 0, 1_768_000_000)).await;
        assert!(matches!(
            presence(&test, &connection, "4").await,
            Presence::Absent { .. }
        ));

        // Device 2 is there with a document nobody can read, device 4 is back in the same state, device 3 is gone.
        let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        writer
            .device(device(1, "1", r#"{"id":1,"state":"changed"}"#))
            .await
            .unwrap();
        writer.unreadable(Some(&"2".into()));
        writer.unreadable(Some(&"4".into()));
        let snapshot = writer.finish(&lists.0, &lists.1, &lists.2, 7).await.unwrap();
        assert_eq!(snapshot.devices, 3);
        assert_eq!(presence(&test, &connection, "2").await, Presence::Present);
        assert_eq!(raw(&test, &connection, "2").await, r#"{"id":2,"state":"same"}"#);
        assert_eq!(presence(&test, &connection, "4").await, Presence::Present);
        assert!(matches!(
            presence(&test, &connection, "3").await,
            Presence::Absent { .. }
        ));
    })
    .await;
}

#[tokio::test]
async fn a_device_without_a_readable_id_keeps_all_the_others_from_being_absent() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let lists = (estate::organizations(), estate::locations(), estate::roles());
        pass(&test, &connection, devices(4, 0, 1_768_000_000)).await;
        let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        // A device that was never in touch is readable all the same.
        writer.device(device_seen(1, "1", "{}", None)).await.unwrap();
        writer.unreadable(None);
        writer.finish(&lists.0, &lists.1, &lists.2, 7).await.unwrap();
        for id in ["1", "2", "3", "4"] {
            assert_eq!(
                presence(&test, &connection, id).await,
                Presence::Present,
                "device {id}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_device_met_twice_is_stored_once_as_it_was_met_last() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let met = |raws: &[&str]| raws.iter().map(|raw| device(1, "1", raw)).collect::<Vec<_>>();
        let snapshot = pass(&test, &connection, met(&["first", "last"])).await;
        assert_eq!(snapshot.devices, 1);
        assert_eq!(raw(&test, &connection, "1").await, "last");
        // Also where the last one is what is stored already.
        pass(&test, &connection, met(&["other", "last"])).await;
        assert_eq!(raw(&test, &connection, "1").await, "last");
    })
    .await;
}

#[tokio::test]
async fn organizations_and_locations_are_those_of_the_last_snapshot() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        pass(&test, &connection, []).await;
        let renamed = organization("1", "Ärzte am Markt");
        let described = model::Organization {
            description: Some("since 2019".to_owned()),
            ..renamed.clone()
        };
        let finish = async |organizations: &[model::Organization], locations: &[model::Location]| {
            let writer = test.begin_snapshot(&connection.id, None).await.unwrap();
            writer
                .finish(organizations, locations, &estate::roles(), 1)
                .await
                .unwrap()
        };
        // Organization 2 and both locations are gone, 1 has another name, a new location came. The list repeats itself.
        let site = location("12", "1", "Warehouse");
        let snapshot = finish(&[renamed.clone(), renamed.clone()], &[site.clone(), site.clone()]).await;
        assert_eq!(test.organizations(&connection.id).await.unwrap(), [renamed]);
        assert_eq!(
            test.locations(&connection.id, &["1".into()]).await.unwrap(),
            std::slice::from_ref(&site)
        );
        assert!(
            test.locations(&connection.id, &["2".into()])
                .await
                .unwrap()
                .is_empty()
        );
        // One renamed, one gone; one new, two gone; the contacts.
        assert_eq!(snapshot.rows_written, 2 + 3 + 1);
        let snapshot = finish(std::slice::from_ref(&described), std::slice::from_ref(&site)).await;
        assert_eq!(snapshot.rows_written, 1 + 1);
        assert_eq!(
            test.organizations(&connection.id).await.unwrap(),
            std::slice::from_ref(&described)
        );
        assert_eq!(finish(&[described], &[site]).await.rows_written, 1);
    })
    .await;
}

#[tokio::test]
async fn a_zero_character_in_a_name_does_not_end_the_pass() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let mut odd = device(1, "1", r#"{"name":"a\u0000b"}"#);
        odd.uid = Some("uid\0one".to_owned());
        let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        writer.device(odd).await.unwrap();
        let described = model::Organization {
            description: Some("\0".to_owned()),
            ..organization("1", "Zero\0Works")
        };
        writer
            .finish(&[described], &[location("11", "1", "\0")], &[], 1)
            .await
            .unwrap();
        assert_eq!(
            test.organizations(&connection.id).await.unwrap()[0].name,
            "Zero\u{fffd}Works"
        );
        assert_eq!(raw(&test, &connection, "1").await, r#"{"name":"a\u0000b"}"#);
    })
    .await;
}

#[tokio::test]
async fn two_connections_do_not_see_each_other() {
    TestStore::on_every_engine(async |test| {
        let (one, two) = (
            estate::source(&test).await,
            estate::connection(&test, "ninjaone", "Other").await,
        );
        pass(&test, &one, devices(3, 0, 1_768_000_000)).await;
        pass(&test, &two, devices(1, 1, 1_768_000_000)).await;
        assert_eq!(raw(&test, &one, "1").await, r#"{"id":1,"state":"same"}"#);
        assert_eq!(raw(&test, &two, "1").await, r#"{"id":1,"state":"changed"}"#);
        assert_eq!(presence(&test, &one, "3").await, Presence::Present);
        assert!(test.device(&two.id, &"3".into()).await.unwrap().is_none());
        pass(&test, &two, []).await;
        assert_eq!(presence(&test, &one, "1").await, Presence::Present);
    })
    .await;
}
