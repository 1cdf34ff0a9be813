//! Plans: invisible until they are whole, and refused once their generation is over.

use crate::estate;
use model::{Action, Bridge, ClientDraft, Operation, PlanCounts, RecordKind, SnapshotId, SourceId, Subject};
use store::{Error, PlanWriter, SeenMatches, Store};
use testkit::TestStore;

pub fn operation(number: u32) -> Operation {
    Operation {
        number,
        client_label: "Acme".to_owned(),
        subject: Subject {
            kind: RecordKind::Client,
            source_id: SourceId(number.to_string()),
            label: format!("Organization {number}"),
        },
        action: Action::CreateClient(ClientDraft {
            name: format!("Acme {number} Ω"),
        }),
        reason: "a person said so".to_owned(),
        cause: None,
        after_match: None,
        undoes: None,
    }
}

pub fn counts(create_clients: u32) -> PlanCounts {
    PlanCounts {
        create_clients,
        ..PlanCounts::default()
    }
}

async fn begin(store: &Store, bridge: &Bridge) -> PlanWriter {
    store
        .begin_plan(bridge, &SnapshotId::from("some snapshot"), None, 0)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_plan_is_invisible_until_it_is_whole() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        assert!(test.newest_plan(&bridge.id).await.unwrap().is_none());
        let mut writer = begin(&test, &bridge).await;
        for batch in 0..25 {
            writer
                .add((batch * 100 + 1..=batch * 100 + 100).map(operation).collect())
                .await
                .unwrap();
        }
        let half = test.sql("SELECT COUNT(*) FROM plan_operation").await;
        assert!(half > 0 && half < 2500, "{half} operations are stored already");
        assert!(test.newest_plan(&bridge.id).await.unwrap().is_none());

        let warnings = vec!["half of the assets would change".to_owned()];
        let plan = writer.finish(counts(2500), warnings.clone()).await.unwrap();
        assert_eq!(
            (plan.counts.clone(), plan.warnings.clone()),
            (counts(2500), warnings)
        );
        assert_eq!((plan.bridge.clone(), plan.generation), (bridge.id.clone(), 1));
        assert_eq!(plan.snapshot.as_str(), "some snapshot");
        assert_eq!(test.plan(&plan.id).await.unwrap(), plan);
        assert_eq!(test.newest_plan(&bridge.id).await.unwrap().unwrap(), plan);
        assert!(test.plan_is_current(&plan).await.unwrap());

        // Page by page, in order, nothing twice.
        let mut all: Vec<Operation> = vec![];
        loop {
            let after = all.last().map_or(0, |o| o.number);
            let page = test.operations(&plan.id, after, 999).await.unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        assert_eq!(all, (1..=2500).map(operation).collect::<Vec<_>>());
        assert!(test.operations(&"other".into(), 0, 10).await.unwrap().is_empty());
        let missing = test.plan(&"other".into()).await.unwrap_err();
        assert_eq!(missing.to_string(), "there is no plan `other`");
    })
    .await;
}

#[tokio::test]
async fn a_plan_whose_bridge_moved_on_is_refused() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let done = begin(&test, &bridge)
            .await
            .finish(counts(0), vec![])
            .await
            .unwrap();
        let mut writer = begin(&test, &bridge).await;
        writer.add(vec![operation(1)]).await.unwrap();
        test.decide(&bridge.id, &[], &SeenMatches::default())
            .await
            .unwrap();

        let error = writer.finish(counts(1), vec![]).await.unwrap_err();
        assert!(
            matches!(&error, Error::Moved { what } if what == "bridge `main`"),
            "{error:?}"
        );
        assert_eq!(test.newest_plan(&bridge.id).await.unwrap().unwrap(), done);
        // The one that was finished before says so when it is to be applied.
        assert!(!test.plan_is_current(&done).await.unwrap());
        let bridge = test.bridge(&bridge.id).await.unwrap();
        // It is the newest also where somebody set the clock back meanwhile.
        test.clock().advance(-jiff::SignedDuration::from_hours(1));
        let plan = begin(&test, &bridge)
            .await
            .finish(counts(0), vec![])
            .await
            .unwrap();
        assert!(test.plan_is_current(&plan).await.unwrap());
        assert_eq!(test.newest_plan(&bridge.id).await.unwrap().unwrap(), plan);
        assert_eq!(test.newest_whole_plan(&bridge.id).await.unwrap().unwrap(), plan);
        // The half-made one is gone, the finished ones stay.
        assert_eq!(test.sql("SELECT COUNT(*) FROM plan").await, 2);
        assert_eq!(test.sql("SELECT COUNT(*) FROM plan_operation").await, 0);
    })
    .await;
}

#[tokio::test]
async fn of_two_plans_written_at_once_the_earlier_is_refused() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        for operations in [0, 1, 3000] {
            let mut earlier = begin(&test, &bridge).await;
            let later = begin(&test, &bridge).await;
            let added = earlier.add((1..=operations).map(operation).collect()).await;
            let error = match added {
                Ok(()) => earlier.finish(counts(operations), vec![]).await.unwrap_err(),
                Err(error) => error,
            };
            assert!(matches!(error, Error::Moved { .. }), "{operations}: {error:?}");
            let plan = later.finish(counts(0), vec![]).await.unwrap();
            assert_eq!(test.plan(&plan.id).await.unwrap(), plan);
        }
        assert_eq!(test.sql("SELECT COUNT(*) FROM plan").await, 3);
    })
    .await;
}
