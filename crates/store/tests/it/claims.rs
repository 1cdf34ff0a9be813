//! Claims on destination records: one writer at a time, and what one that slept through another's work can still do.

use crate::estate;
use jiff::SignedDuration;
use model::{Bridge, Outcome, PlanId, RecordKind, RunId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{Attempt, FoundOut, NewIntent, NewItem, NewLink, Settled, Store};
use testkit::TestStore;

const QUARANTINE: Duration = Duration::from_secs(150);
const PLAN: &str = "p-1";

fn mark(number: u32) -> String {
    format!("c-1/asset/{number}")
}

async fn intend(store: &Store, bridge: &Bridge, run: &RunId, version: i64, numbers: &[u32]) -> BTreeSet<u32> {
    let intents: Vec<NewIntent> = numbers
        .iter()
        .map(|number| NewIntent {
            number: *number,
            marker: mark(*number),
            version,
            name: None,
        })
        .collect();
    store
        .intend(
            run,
            &PlanId::from(PLAN),
            &bridge.destination,
            &intents,
            QUARANTINE,
            false,
        )
        .await
        .unwrap()
        .ours
}

fn created(number: u32, record: &str, version: i64) -> NewItem {
    NewItem {
        number,
        outcome: Outcome::Done {
            record: record.into(),
        },
        link: Some(NewLink {
            kind: RecordKind::Asset,
            source: number.to_string().into(),
            destination: record.into(),
            written: BTreeMap::new(),
        }),
        settles: Some(Settled {
            marker: mark(number),
            version,
            refused: false,
        }),
        undone: None,
    }
}

#[tokio::test]
async fn of_two_that_want_a_record_one_gets_it() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        let other = test.another().await;
        // More than one statement holds.
        let all: Vec<u32> = (1..=150).collect();
        let (a, b) = tokio::join!(
            intend(&test, &bridge, &run, 0, &all),
            intend(&other, &bridge, &run, 0, &all)
        );
        assert_eq!(a.len() + b.len(), 150);
        assert!(a.is_disjoint(&b));
        assert_eq!(test.open_writes(&bridge.destination).await.unwrap(), 150);
    })
    .await;
}

#[tokio::test]
async fn a_claim_tells_when_it_was_made_until_it_is_settled() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        let before = test.now().await.unwrap();
        assert_eq!(intend(&test, &bridge, &run, 0, &[1, 2]).await.len(), 2);
        let claims = test
            .claims(&bridge.destination, &[mark(1), mark(2), mark(3)])
            .await
            .unwrap();
        assert_eq!(claims.keys().cloned().collect::<Vec<_>>(), [mark(1), mark(2)]);
        let open = claims[&mark(1)].open.clone().unwrap();
        assert_eq!((claims[&mark(1)].version, open.settles), (1, QUARANTINE));
        assert!(open.sent.since(&before) < Duration::from_secs(5), "{open:?}");

        let lost = test
            .record(&run, &PlanId::from(PLAN), &bridge, vec![created(1, "r-1", 1)])
            .await
            .unwrap();
        assert!(lost.is_empty());
        let claims = test
            .claims(&bridge.destination, &[mark(1), mark(2)])
            .await
            .unwrap();
        assert_eq!((claims[&mark(1)].version, &claims[&mark(1)].open), (2, &None));
        assert!(claims[&mark(2)].open.is_some());
        assert_eq!(test.open_writes(&bridge.destination).await.unwrap(), 1);
        // The claims of another destination are its own.
        let elsewhere = test.claims(&bridge.source, &[mark(1)]).await.unwrap();
        assert!(elsewhere.is_empty());
    })
    .await;
}

#[tokio::test]
async fn whoever_comes_late_can_neither_send_nor_record() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        let plan = PlanId::from(PLAN);
        // The first claims and falls asleep; the second waits the quarantine out, claims, sends and records.
        assert!(!intend(&test, &bridge, &run, 0, &[1]).await.is_empty());
        test.clock().advance(SignedDuration::from_secs(150));
        assert!(!intend(&test, &bridge, &run, 1, &[1]).await.is_empty());
        let second = vec![created(1, "r-second", 2)];
        assert!(
            test.record(&run, &plan, &bridge, second)
                .await
                .unwrap()
                .is_empty()
        );
        // The first wakes.
        let first = vec![created(1, "r-first", 1), created(2, "r-2", 0)];
        let lost = test.record(&run, &plan, &bridge, first).await.unwrap();
        assert_eq!(lost, BTreeSet::from([1, 2]), "neither is its to record");
        let linked = test.links(&bridge.id, RecordKind::Asset).await.unwrap();
        assert_eq!(linked.len(), 1);
        assert_eq!(linked[&"1".into()], "r-second".into());
        // Nor may anybody take it who read the claim before the outcome was recorded.
        for read in 0..=2 {
            assert!(
                intend(&test, &bridge, &run, read, &[1]).await.is_empty(),
                "{read}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn links_are_told_as_they_stand_at_this_moment() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        intend(&test, &bridge, &run, 0, &[1]).await;
        test.record(&run, &PLAN.into(), &bridge, vec![created(1, "r-1", 1)])
            .await
            .unwrap();
        let asked: Vec<_> = (1..=100)
            .map(|n| (RecordKind::Asset, n.to_string().into()))
            .chain([(RecordKind::Client, "1".into())])
            .collect();
        let linked = test.linked_now(&bridge.id, &asked).await.unwrap();
        assert_eq!(linked, BTreeMap::from([(asked[0].clone(), "r-1".into())]));
    })
    .await;
}

#[tokio::test]
async fn what_was_attempted_is_remembered_until_its_outcome_is_known() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let first = estate::run(&test, &bridge.id, PLAN).await;
        let second = estate::run(&test, &bridge.id, PLAN).await;
        let attempts = async || {
            let claims = test.claims(&bridge.destination, &[mark(7)]).await.unwrap();
            let open = claims[&mark(7)].open.clone();
            open.map(|open| {
                open.attempts
                    .into_iter()
                    .map(|a| (a.run, a.number))
                    .collect::<Vec<_>>()
            })
        };
        intend(&test, &bridge, &first, 0, &[7]).await;
        intend(&test, &bridge, &second, 1, &[7]).await;
        intend(&test, &bridge, &first, 2, &[7]).await;
        let all = [(first.clone(), 7), (second.clone(), 7), (first.clone(), 7)];
        assert_eq!(attempts().await.unwrap(), all, "the newest first");
        let lost = test
            .record(&first, &PLAN.into(), &bridge, vec![created(7, "r-7", 3)])
            .await;
        assert!(lost.unwrap().is_empty());
        assert_eq!(attempts().await, None);
        intend(&test, &bridge, &second, 4, &[7]).await;
        assert_eq!(attempts().await.unwrap(), [(second, 7)]);
    })
    .await;
}

#[tokio::test]
async fn what_is_found_out_goes_into_the_books_of_the_run_that_sent_it() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let run = estate::run(&test, &bridge.id, PLAN).await;
        intend(&test, &bridge, &run, 0, &[1, 2]).await;
        let unknown = |number| NewItem {
            outcome: Outcome::Unknown {
                message: "no answer".to_owned(),
            },
            link: None,
            settles: None,
            ..created(number, "", 0)
        };
        test.record(&run, &PLAN.into(), &bridge, vec![unknown(1), unknown(2)])
            .await
            .unwrap();
        test.end_abandoned_runs("its process ended").await.unwrap();
        let found = |number, version| FoundOut {
            held: Settled {
                marker: mark(number),
                version,
                refused: false,
            },
            attempt: Some(Attempt {
                run: run.clone(),
                plan: PLAN.into(),
                number,
            }),
            link: created(number, "r", version).link.unwrap(),
        };
        // The second was moved on by another writer meanwhile.
        let mut other = found(2, 7);
        other.link.destination = "another".into();
        test.found_out(&bridge, vec![found(1, 1), other]).await.unwrap();
        let counts = test.runs(10).await.unwrap()[0].counts;
        assert_eq!((counts.done, counts.unknown), (1, 1));
        assert_eq!(test.links(&bridge.id, RecordKind::Asset).await.unwrap().len(), 1);
        assert_eq!(test.open_writes(&bridge.destination).await.unwrap(), 1);
        assert_eq!(test.done_items(&run).await.unwrap().len(), 1);
    })
    .await;
}
