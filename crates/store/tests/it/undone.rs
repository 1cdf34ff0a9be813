//! What an undo took back, and what waits for a release since.

use crate::estate;
use jiff::SignedDuration;
use model::{Action, Operation, Outcome, PlanCounts, RecordKind, RunKind, Subject};
use std::collections::BTreeMap;
use store::{NewItem, NewLink, NewUndone};
use testkit::TestStore;

fn operation(number: u32) -> Operation {
    Operation {
        number,
        client_label: "Acme".to_owned(),
        subject: Subject {
            kind: RecordKind::Asset,
            source_id: number.to_string().into(),
            label: format!("PC-{number}"),
        },
        action: Action::ArchiveAsset {
            asset: format!("asset-{number}").into(),
        },
        reason: "because".to_owned(),
        cause: None,
        after_match: None,
        undoes: None,
    }
}

fn linked(number: u32) -> NewItem {
    NewItem {
        number,
        outcome: Outcome::Done {
            record: format!("asset-{number}").into(),
        },
        link: Some(NewLink {
            kind: RecordKind::Asset,
            source: number.to_string().into(),
            destination: format!("asset-{number}").into(),
            written: BTreeMap::new(),
        }),
        settles: None,
        undone: None,
    }
}

#[tokio::test]
async fn what_was_taken_back_is_marked_with_its_link_and_its_release() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let mut writer = test
            .begin_plan(&bridge, &"a snapshot".into(), None, 0)
            .await
            .unwrap();
        writer.add((1..=3).map(operation).collect()).await.unwrap();
        let plan = writer.finish(PlanCounts::default(), vec![]).await.unwrap();
        let kind = RunKind::Apply {
            bridge: bridge.id.clone(),
            plan: plan.id.clone(),
        };
        let run = test.begin_run(kind, "person:ana", "a holder").await.unwrap();
        let failed = NewItem {
            outcome: Outcome::Failed {
                message: "no".to_owned(),
            },
            link: None,
            ..linked(3)
        };
        let items = vec![linked(1), linked(2), failed];
        test.record(&run.id, &plan.id, &bridge, items).await.unwrap();
        let done = test.done_items(&run.id).await.unwrap();
        assert_eq!(done.iter().map(|item| item.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(done[0].operation, Some(operation(1)));
        assert_eq!(done[0].undone_by, None);

        assert_eq!(
            test.wrote_since(&plan).await.unwrap(),
            None,
            "its own run does not count"
        );
        let writer = test
            .begin_undo_plan(&bridge, &plan.snapshot, &run.id)
            .await
            .unwrap();
        let undo = writer.finish(PlanCounts::default(), vec![]).await.unwrap();
        assert_eq!(test.plan(&undo.id).await.unwrap().undoes, Some(run.id.clone()));
        assert_eq!(
            test.newest_plan(&bridge.id).await.unwrap(),
            Some(plan.clone()),
            "an undo is asked for by name"
        );
        let kind = RunKind::Undo {
            bridge: bridge.id.clone(),
            plan: undo.id.clone(),
            run: run.id.clone(),
        };
        // Whoever sets the clock back changes nothing about what came after what.
        test.clock().advance(-SignedDuration::from_hours(1));
        let undoing = test.begin_run(kind, "person:ana", "a holder").await.unwrap();
        assert_eq!(test.runs(1).await.unwrap()[0], undoing);
        let item = NewItem {
            link: None,
            undone: Some(NewUndone {
                plan: plan.id.clone(),
                number: 1,
                kind: RecordKind::Asset,
                source: "1".into(),
                record: "asset-1".into(),
                unlinked: true,
                linked_to: None,
                by: "person:ana".to_owned(),
            }),
            ..linked(1)
        };
        test.record(&undoing.id, &undo.id, &bridge, vec![item.clone()])
            .await
            .unwrap();
        let links = test.links(&bridge.id, RecordKind::Asset).await.unwrap();
        assert_eq!(links.len(), 1, "{links:?}");
        let done = test.done_items(&run.id).await.unwrap();
        assert_eq!(
            (&done[0].undone_by, &done[1].undone_by),
            (&Some(undoing.id.clone()), &None)
        );
        test.settle_undone(&plan.id, &[2], &undoing.id).await.unwrap();
        let done = test.done_items(&run.id).await.unwrap();
        assert!(
            done.iter()
                .all(|item| item.undone_by.as_ref() == Some(&undoing.id))
        );
        assert_eq!(test.wrote_since(&plan).await.unwrap(), Some(undoing.id.clone()));
        assert_eq!(test.wrote_since(&undo).await.unwrap(), None);

        let key = (RecordKind::Asset, "1".into());
        let held = test.undone(&bridge.id).await.unwrap();
        assert_eq!(held.len(), 1);
        assert!(
            held[&key].holds() && held[&key].run == undoing.id && held[&key].record.as_str() == "asset-1"
        );
        let one = std::slice::from_ref(&key);
        assert_eq!(
            test.release_undone(&bridge.id, Some(one), "person:bo")
                .await
                .unwrap(),
            1
        );
        assert_eq!(
            test.release_undone(&bridge.id, None, "person:bo").await.unwrap(),
            0
        );
        assert!(!test.undone(&bridge.id).await.unwrap()[&key].holds());
        // Undone again, it waits again, and may go back to what it was linked to before.
        let mut again = item;
        if let Some(undone) = &mut again.undone {
            undone.linked_to = Some("asset-0".into());
        }
        test.record(&undoing.id, &undo.id, &bridge, vec![again])
            .await
            .unwrap();
        assert!(test.undone(&bridge.id).await.unwrap()[&key].holds());
        let records = [key.clone(), (RecordKind::Asset, "nobody".into())];
        let links = test.links_of(&bridge.id, &records).await.unwrap();
        assert_eq!((links.len(), links[&key].destination.as_str()), (1, "asset-0"));
    })
    .await;
}

#[tokio::test]
async fn a_paused_bridge_says_why_and_keeps_its_plans() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        test.pause_bridge(&bridge.id, Some("run 7 was undone\0"))
            .await
            .unwrap();
        let paused = test.bridge(&bridge.id).await.unwrap();
        assert_eq!(paused.paused.as_deref(), Some("run 7 was undone\u{fffd}"));
        assert_eq!(paused.generation, bridge.generation);
        test.pause_bridge(&bridge.id, None).await.unwrap();
        assert_eq!(test.bridge(&bridge.id).await.unwrap(), bridge);
        assert!(test.pause_bridge(&"nobody".into(), None).await.is_err());
    })
    .await;
}
