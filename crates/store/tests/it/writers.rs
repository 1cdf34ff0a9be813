//! Several processes on one database.

use crate::estate::{self, device};
use std::sync::Arc;
use store::{DatabaseUrl, Store};
use testkit::{CountingRandom, Engine, FixedClock, TestStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_write_at_once_and_lose_nothing() {
    TestStore::on_every_engine(async |test| {
        let other = test.another().await;
        let writers: Vec<_> = [Store::clone(&test), other.clone()]
            .into_iter()
            .enumerate()
            .flat_map(|(handle, store)| (0..4).map(move |task| (handle, task, store.clone())))
            .map(|(handle, task, store)| {
                tokio::spawn(async move {
                    for n in 0..10 {
                        let name = format!("connection {handle}-{task}-{n}");
                        let connection = estate::connection(&store, "ninjaone", &name).await;
                        store
                            .put_secret(connection.id.as_str(), "client_secret", &name)
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(test.connections().await.unwrap().len(), 80);
        assert_eq!(
            other.connections().await.unwrap(),
            test.connections().await.unwrap()
        );
        assert_eq!(
            test.sql("SELECT COUNT(*) FROM secret WHERE name = 'client_secret'")
                .await,
            80
        );
        other.close().await;
        assert!(test.integrity().await.unwrap().starts_with("ok"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_the_last_snapshot_while_the_next_is_written() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        estate::pass(&test, &connection, (1..=500).map(|id| device(id, "1", "before"))).await;
        let other = test.another().await;
        let reader = tokio::spawn({
            let connection = connection.clone();
            async move {
                let bridge = "none".into();
                for _ in 0..40 {
                    let rows = other
                        .devices_for_mapping(&connection.id, &"1".into(), &bridge, b"")
                        .await
                        .unwrap();
                    let after = rows.iter().filter(|row| row.raw == "after").count();
                    assert!(
                        rows.len() == 500 && (after == 0 || after == 500),
                        "{after} of {}",
                        rows.len()
                    );
                }
                other.close().await;
            }
        });
        estate::pass(&test, &connection, (1..=500).map(|id| device(id, "1", "after"))).await;
        reader.await.unwrap();
    })
    .await;
}

/// Opens a database that is empty from several handles at once.
async fn open_at_once(url: &DatabaseUrl) {
    let opening: Vec<_> = (0..6_u64)
        .map(|handle| {
            let url = url.clone();
            let random = Arc::new(CountingRandom::counting_from(handle << 32));
            let clock = Arc::new(FixedClock::default());
            tokio::spawn(async move { Store::open(&url, TestStore::key(), clock, random).await })
        })
        .collect();
    for opened in opening {
        let store = opened.await.unwrap().unwrap();
        assert!(store.connections().await.unwrap().is_empty());
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_open_a_new_database_at_the_same_time() {
    TestStore::on_every_engine(async |test| match test.engine() {
        Engine::Sqlite => {
            for round in 0..3 {
                let directory = test.directory().join(format!("new {round}"));
                open_at_once(&DatabaseUrl::Sqlite(directory.join("rmmbridge.db"))).await;
            }
        }
        Engine::Postgres => {
            test.sql("DROP SCHEMA public CASCADE").await;
            test.sql("CREATE SCHEMA public").await;
            open_at_once(test.url()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn opening_and_closing_a_second_handle_disturbs_no_write_of_the_first() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        for round in 0..5 {
            let second = test.another().await;
            let plan = test
                .begin_plan(&bridge, &"some snapshot".into(), None, 0)
                .await
                .unwrap();
            second.close().await;
            plan.finish(model::PlanCounts::default(), vec![format!("round {round}")])
                .await
                .unwrap();
            assert_eq!(
                test.newest_plan(&bridge.id).await.unwrap().unwrap().warnings,
                [format!("round {round}")]
            );
        }
        assert!(test.integrity().await.unwrap().starts_with("ok"));
    })
    .await;
}
