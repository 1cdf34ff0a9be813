//! Finding a run, and what did not end well in it.

use crate::estate;
use jiff::SignedDuration;
use model::{Action, ClientDraft, Operation, Outcome, PlanCounts, RecordKind, RunKind, Subject};
use store::NewItem;
use testkit::TestStore;

#[tokio::test]
async fn a_run_is_found_by_how_its_id_begins() {
    TestStore::on_every_engine(async |test| {
        let kind = RunKind::Read {
            connection: "c-1".into(),
        };
        let mut runs = Vec::new();
        for _ in 0..3 {
            runs.push(
                test.begin_run(kind.clone(), "console:test", "a holder")
                    .await
                    .unwrap(),
            );
            test.clock().advance(SignedDuration::from_secs(1));
        }
        for run in &runs {
            let id = run.id.as_str();
            let found = test.runs_beginning(id, 10).await.unwrap();
            assert_eq!(found, (vec![run.clone()], 1));
            assert_eq!(test.runs_beginning(&format!("{id}0"), 10).await.unwrap().1, 0);
            let upper = id.to_uppercase();
            assert!(upper == id || test.runs_beginning(&upper, 10).await.unwrap().0.is_empty());
        }
        let (newest, count) = test.runs_beginning("", 1).await.unwrap();
        assert_eq!((newest, count), (vec![runs[2].clone()], 3));
        // Nothing in what is typed is a pattern.
        for text in ["%", "_", "\0", "ü"] {
            assert_eq!(
                test.runs_beginning(text, 10).await.unwrap(),
                (vec![], 0),
                "{text:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn what_did_not_end_well_comes_with_its_operation() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let mut writer = test
            .begin_plan(&bridge, &"a snapshot".into(), None, 0)
            .await
            .unwrap();
        let operations: Vec<Operation> = (1..=3).map(operation).collect();
        writer.add(operations.clone()).await.unwrap();
        let plan = writer.finish(PlanCounts::default(), vec![]).await.unwrap().id;
        let run = estate::run(&test, &bridge.id, plan.as_str()).await;
        let outcomes = [
            Outcome::Done { record: "r-1".into() },
            Outcome::Failed {
                message: "the name is too long".to_owned(),
            },
            Outcome::Skipped {
                message: "it was changed by hand".to_owned(),
            },
        ];
        let items = operations
            .iter()
            .zip(&outcomes)
            .map(|(operation, outcome)| NewItem {
                number: operation.number,
                outcome: outcome.clone(),
                link: None,
                settles: None,
                undone: None,
            });
        test.record(&run, &plan, &bridge, items.collect()).await.unwrap();
        let expected = |n: usize, kept: bool| {
            let operation = &operations[n];
            (
                operation.number,
                outcomes[n].clone(),
                kept.then(|| operation.clone()),
            )
        };
        assert_eq!(
            test.failed_items(&run).await.unwrap(),
            [expected(1, true), expected(2, true)]
        );
        assert!(test.failed_items(&"other".into()).await.unwrap().is_empty());
        // A plan that is no longer kept takes its operations along, not what came of them.
        test.sql("DELETE FROM plan_operation").await;
        assert_eq!(
            test.failed_items(&run).await.unwrap(),
            [expected(1, false), expected(2, false)]
        );
    })
    .await;
}

fn operation(number: u32) -> Operation {
    Operation {
        number,
        client_label: "Acme".to_owned(),
        subject: Subject {
            kind: RecordKind::Client,
            source_id: number.to_string().into(),
            label: format!("Organization {number}"),
        },
        action: Action::CreateClient(ClientDraft {
            name: format!("Acme {number}"),
        }),
        reason: "a person said so".to_owned(),
        cause: None,
        after_match: None,
        undoes: None,
    }
}
