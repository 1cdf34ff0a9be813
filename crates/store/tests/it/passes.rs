//! Passes that are not snapshots of the whole account: scoped, abandoned, or too large for memory.

use crate::estate::{self, device, pass, raw};
use model::{Presence, SourceId};
use testkit::TestStore;

/// A text of a megabyte: 20 of them are more than waits in memory.
fn large(seed: &str) -> String {
    let mut text = String::from(seed);
    text.push_str(&"x".repeat(1 << 20));
    text
}

#[tokio::test]
async fn a_pass_over_one_organization_says_nothing_about_the_others() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let whole = pass(
            &test,
            &connection,
            [
                device(1, "1", "a"),
                device(2, "1", "b"),
                device(3, "2", "c"),
                device(4, "2", "d"),
            ],
        )
        .await;
        let mut writer = test
            .begin_snapshot(&connection.id, Some("1".into()))
            .await
            .unwrap();
        assert_eq!(writer.known_ids(), [1, 2]);
        // Device 1 is as it was, 2 is not there, 3 moved here, 5 is new.
        for device in [device(1, "1", "a"), device(3, "1", "c"), device(5, "1", "e")] {
            writer.device(device).await.unwrap();
        }
        let snapshot = writer.finish(&[], &[], &[], 2).await.unwrap();
        assert_eq!(snapshot.organization, Some("1".into()));
        assert_eq!((snapshot.devices, snapshot.rows_written), (3, 2));

        let stored = async |id: &str| {
            let row = test
                .device(&connection.id, &SourceId::from(id))
                .await
                .unwrap()
                .unwrap();
            (row.organization.0, row.presence)
        };
        for (id, organization) in [("1", "1"), ("2", "1"), ("3", "1"), ("4", "2"), ("5", "1")] {
            assert_eq!(
                stored(id).await,
                (organization.to_owned(), Presence::Present),
                "device {id}"
            );
        }
        // The lists and the snapshot of the whole account stand.
        assert_eq!(test.organizations(&connection.id).await.unwrap().len(), 2);
        assert_eq!(
            test.current_snapshot(&connection.id).await.unwrap().unwrap(),
            whole
        );
        assert_eq!(test.last_contacts(&connection.id).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_pass_leaves_the_last_snapshot_standing() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let first = pass(&test, &connection, (1..=30).map(|id| device(id, "1", "before"))).await;
        for text in ["after".to_owned(), large("after")] {
            let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
            for id in 5..=25 {
                writer.device(device(id, "2", &text)).await.unwrap();
            }
            drop(writer);
            assert_eq!(
                test.current_snapshot(&connection.id).await.unwrap().unwrap(),
                first
            );
            assert_eq!(
                test.device_counts(&connection.id).await.unwrap()[&SourceId::from("1")],
                30
            );
            assert_eq!(raw(&test, &connection, "10").await, "before");
        }
        // What it left in its waiting room does not come into the next one.
        assert!(test.sql("SELECT COUNT(*) FROM source_device_pending").await > 0);
        let next = pass(&test, &connection, (1..=30).map(|id| device(id, "1", "before"))).await;
        assert_eq!(next.rows_written, 1);
        assert_eq!(raw(&test, &connection, "10").await, "before");
        assert_eq!(test.sql("SELECT COUNT(*) FROM source_device_pending").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_pass_larger_than_memory_comes_in_whole() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        pass(&test, &connection, (1..=40).map(|id| device(id, "1", "before"))).await;
        let text = large("after");
        let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        for id in 1..=20 {
            writer.device(device(id, "2", &text)).await.unwrap();
        }
        let waiting = test.sql("SELECT COUNT(*) FROM source_device_pending").await;
        assert!((1..20).contains(&waiting), "{waiting} wait outside memory");
        // Met again after it left memory.
        writer.device(device(1, "2", "met again")).await.unwrap();
        for id in 21..=30 {
            writer.device(device(id, "1", "before")).await.unwrap();
        }
        assert_eq!(raw(&test, &connection, "2").await, "before");
        let snapshot = writer
            .finish(
                &estate::organizations(),
                &estate::locations(),
                &estate::roles(),
                9,
            )
            .await
            .unwrap();
        assert_eq!(snapshot.devices, 30);
        assert_eq!(raw(&test, &connection, "1").await, "met again");
        assert_eq!(raw(&test, &connection, "20").await, text);
        assert_eq!(raw(&test, &connection, "30").await, "before");
        let counts = test.device_counts(&connection.id).await.unwrap();
        assert_eq!(
            (counts[&SourceId::from("1")], counts[&SourceId::from("2")]),
            (10, 20)
        );
        assert_eq!(test.sql("SELECT COUNT(*) FROM source_device_pending").await, 0);
        assert_eq!(
            test.sql("SELECT COUNT(*) FROM source_device WHERE absent_snapshots = 1")
                .await,
            10
        );
    })
    .await;
}

#[tokio::test]
async fn a_first_pass_larger_than_memory_shows_no_snapshot_before_its_end() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let text = large("first");
        let mut writer = test.begin_snapshot(&connection.id, None).await.unwrap();
        for id in 1..=20 {
            writer.device(device(id, "1", &text)).await.unwrap();
        }
        assert!(test.current_snapshot(&connection.id).await.unwrap().is_none());
        drop(writer);
        assert!(test.current_snapshot(&connection.id).await.unwrap().is_none());
        // The next attempt finds some of the work done, and ends with the same.
        let snapshot = pass(&test, &connection, (2..=21).map(|id| device(id, "1", &text))).await;
        assert_eq!(snapshot.devices, 20);
        assert_eq!(
            test.device_counts(&connection.id).await.unwrap()[&SourceId::from("1")],
            20
        );
        assert_eq!(raw(&test, &connection, "21").await, text);
    })
    .await;
}
