//! Plans that must not be applied, and records that must not be overwritten.

use crate::hub::{Hub, confirmed, engine_on, owner, small};
use engine::Error;
use engine::applying::ApplyOptions;
use model::{Archive, BridgeSettings, Owner, RunKind, RunState, Verdict};
use serde_json::Value;
use simulators::faults::Effect;
use store::registry::{AssetFilter, AssetUpdate};
use testkit::TestStore;

fn all_assets() -> AssetFilter {
    AssetFilter {
        limit: 10_000,
        ..AssetFilter::default()
    }
}

#[tokio::test]
async fn a_plan_older_than_a_decision_is_refused() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let plan = hub.plan().await;
    let organization = hub.engine.matching(&hub.actor, &bridge).await.unwrap().rows[0]
        .organization
        .id
        .clone();
    hub.engine
        .decide(&hub.actor, &bridge, vec![(organization, Some(Verdict::Exclude))])
        .await
        .unwrap();
    let refused = hub.apply(&plan, confirmed()).await.unwrap_err();
    assert!(matches!(refused, Error::StalePlan { .. }), "{refused}");
    assert!(
        hub.engine
            .assets(&hub.actor, &all_assets())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_record_changed_since_the_plan_is_left_alone() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.sync_all(&bridge).await;
    hub.ninja.let_a_day_pass(0.5);
    hub.read(&bridge).await;
    let plan = hub.plan().await;
    let operations = hub
        .engine
        .operations(&hub.actor, &plan.id, 0, 1000)
        .await
        .unwrap();
    let (asset, change) = operations
        .iter()
        .find_map(|o| match &o.action {
            model::Action::UpdateAsset { asset, changes, .. } => {
                Some((asset.clone(), changes.first()?.clone()))
            }
            _ => None,
        })
        .expect("half of the devices changed");
    // A person is faster than the plan.
    let mut by_hand = change.clone();
    by_hand.after = if change.field == "storage" {
        Value::from(1)
    } else {
        Value::from("typed by a person")
    };
    let update = AssetUpdate {
        changes: vec![by_hand.clone()],
        ..AssetUpdate::default()
    };
    store
        .update_registry_assets(&[(asset.clone(), update)])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let run = hub.apply(&plan, confirmed()).await.unwrap();
    assert_eq!((run.counts.skipped, run.counts.failed), (1, 0));
    let failed = hub.engine.failed_items(&hub.actor, &run).await.unwrap();
    assert!(
        format!("{:?}", failed[0].outcome).contains(&change.field),
        "{failed:?}"
    );
    let stored = store.registry_asset(&asset).await.unwrap().unwrap();
    assert_eq!(
        stored.asset.fields[&change.field], by_hand.after,
        "what the person typed stands"
    );
}

#[tokio::test]
async fn assets_entered_by_hand_are_adopted_and_not_made_twice() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(60), "default").await;
    hub.sync_all(&bridge).await;
    let assets = hub.engine.assets(&hub.actor, &all_assets()).await.unwrap();
    // The same estate in a second hub, where somebody had typed clients and a few assets in.
    let second = TestStore::sqlite().await;
    let (again, bridge) = Hub::connected(&second, small(60), "default").await;
    let mut serials = std::collections::BTreeMap::new();
    for asset in &assets {
        if let Some(serial) = asset.asset.fields.get("serialNumber").and_then(Value::as_str) {
            serials
                .entry(serial.to_owned())
                .or_insert_with(Vec::new)
                .push(asset.client_name.clone());
        }
    }
    let (serial, clients) = serials
        .into_iter()
        .find(|(s, c)| c.len() == 1 && s.len() > 5)
        .unwrap();
    let names = format!("name\n\"{}\"\n", clients[0]);
    again
        .engine
        .import_clients(&again.actor, "c.csv", names.as_bytes())
        .await
        .unwrap();
    let csv = format!(
        "client,name,serialNumber,details\n\"{}\",typed by hand,{serial},keep me\n",
        clients[0]
    );
    let report = again
        .engine
        .import_assets(&again.actor, "a.csv", csv.as_bytes())
        .await
        .unwrap();
    assert_eq!((report.added, report.bad_lines.len()), (1, 0), "{report:?}");
    again.sync_all(&bridge).await;
    let found = AssetFilter {
        search: Some(serial.clone()),
        ..all_assets()
    };
    let found = again.engine.assets(&again.actor, &found).await.unwrap();
    assert_eq!(found.len(), 1, "adopted, not duplicated");
    assert_eq!(found[0].asset.fields["details"], "keep me");
    again.read(&bridge).await;
    assert_eq!(again.plan().await.counts.writes(), 0);
}

#[tokio::test]
async fn a_value_a_person_owns_is_never_overwritten() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    let mut settings: BridgeSettings = bridge.settings.clone();
    for rule in &mut settings.mapping.rules {
        if rule.target == "name" {
            rule.owner = Owner::DestinationIfSet;
        }
    }
    let bridge = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings)
        .await
        .unwrap();
    hub.sync_all(&bridge).await;
    let asset = hub
        .engine
        .assets(&hub.actor, &all_assets())
        .await
        .unwrap()
        .remove(0)
        .asset;
    let change = model::Change {
        field: "name".to_owned(),
        before: asset.fields["name"].clone(),
        after: Value::from("Front desk"),
    };
    let update = AssetUpdate {
        changes: vec![change],
        ..AssetUpdate::default()
    };
    store
        .update_registry_assets(&[(asset.id.clone(), update)])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    hub.ninja.let_a_day_pass(1.0);
    hub.read(&bridge).await;
    let plan = hub.plan().await;
    hub.apply(&plan, confirmed()).await.unwrap();
    let stored = store.registry_asset(&asset.id).await.unwrap().unwrap();
    assert_eq!(stored.asset.fields["name"], "Front desk");
}

#[tokio::test]
async fn the_brakes_stop_a_plan_that_archives_too_much() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(60), "default").await;
    let settings = BridgeSettings {
        archive: Some(Archive {
            after_snapshots: 1,
            after_days: 0,
        }),
        ..bridge.settings.clone()
    };
    let bridge = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings)
        .await
        .unwrap();
    hub.sync_all(&bridge).await;
    // The account answers, and is suddenly empty: zero devices instead of sixty.
    hub.ninja
        .faults()
        .always("/v2/*", simulators::faults::Effect::EmptyTenant);
    let read = hub.read(&bridge).await;
    assert_eq!(read.snapshot.devices, 0);
    let plan = hub.plan().await;
    assert_eq!((plan.counts.archives, plan.counts.writes()), (60, 60));
    let refused = hub.apply(&plan, ApplyOptions::default()).await.unwrap_err();
    let Error::NeedsConfirmation { warnings, .. } = &refused else {
        panic!("{refused}")
    };
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("60 of 60 linked assets (100 %) would be archived, more than the 5 %"),
        "{warnings:?}"
    );
    let left = hub.engine.assets(&hub.actor, &all_assets()).await.unwrap();
    assert_eq!(left.len(), 60, "nothing may be archived unasked");
}

#[tokio::test]
async fn a_second_runner_is_told_who_the_first_is() {
    let store = TestStore::sqlite().await;
    let first = engine_on(&store);
    let _runner = first.become_runner(&owner()).await.unwrap();
    let refused = engine_on(&store).become_runner(&owner()).await.unwrap_err();
    assert!(refused.to_string().contains("a test"), "{refused}");
}

#[tokio::test]
async fn a_fixed_mapping_is_read_only_until_it_is_copied() {
    // H55
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(20), "humanizeit").await;
    let mut settings = bridge.settings.clone();
    settings.mapping.rules[0].owner = Owner::Locked;
    let refused = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings.clone())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("humanizeit"), "{refused}");
    settings.mapping.fixed_by = None;
    hub.engine
        .change_bridge(&hub.actor, &bridge, settings)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_mapping_that_cannot_be_used_names_the_rule() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(20), "default").await;
    let mut settings = bridge.settings.clone();
    settings.mapping.rules[0].value = model::RuleValue::Expression("system.[".to_owned());
    let target = settings.mapping.rules[0].target.clone();
    let refused = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings.clone())
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains(&target), "{refused}");
    settings.mapping.rules[0].value = settings.mapping.rules[1].value.clone();
    let refused = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains(&target), "{refused}");
}

#[tokio::test]
async fn a_plan_that_a_newer_read_or_plan_overtook_is_refused() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let first = hub.plan().await;
    let second = hub.plan().await;
    let refused = hub.apply(&first, confirmed()).await.unwrap_err();
    assert!(refused.to_string().contains(second.id.as_str()), "{refused}");
    hub.read(&bridge).await;
    let refused = hub.apply(&second, confirmed()).await.unwrap_err();
    assert!(matches!(refused, Error::Superseded { .. }), "{refused}");
    assert!(
        hub.engine
            .assets(&hub.actor, &all_assets())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_match_that_was_taken_out_takes_its_devices_along() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    let name = hub.ninja.organizations()[0].1.clone();
    let csv = format!("name\n\"{name}\"\n");
    hub.engine
        .import_clients(&hub.actor, "c.csv", csv.as_bytes())
        .await
        .unwrap();
    hub.read(&bridge).await;
    let plan = hub.plan().await;
    assert_eq!(plan.counts.links, 1, "one organization has a client of its name");
    let operations = hub
        .engine
        .operations(&hub.actor, &plan.id, 0, 1000)
        .await
        .unwrap();
    let link = operations.iter().find(|o| o.action.name() == "link").unwrap();
    let options = ApplyOptions {
        deselected: [link.number].into(),
        ..confirmed()
    };
    let run = hub.apply(&plan, options).await.unwrap();
    assert_eq!(run.counts.skipped, u64::from(plan.counts.create_assets));
    assert!(
        hub.engine
            .assets(&hub.actor, &all_assets())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_person_who_matches_anew_moves_the_link() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.sync_all(&bridge).await;
    let moved = hub
        .engine
        .matching(&hub.actor, &bridge)
        .await
        .unwrap()
        .rows
        .remove(0);
    hub.engine
        .import_clients(&hub.actor, "c.csv", &b"name\nThe Right One\n"[..])
        .await
        .unwrap();
    let right = hub
        .engine
        .find_client(&hub.actor, &bridge, "The Right One")
        .await
        .unwrap();
    let verdict = Verdict::Matched {
        client: right.id.clone(),
    };
    hub.engine
        .decide(
            &hub.actor,
            &bridge,
            vec![(moved.organization.id.clone(), Some(verdict))],
        )
        .await
        .unwrap();
    let plan = hub.plan().await;
    hub.apply(&plan, confirmed()).await.unwrap();
    let links = store.links(&bridge.id, model::RecordKind::Client).await.unwrap();
    assert_eq!(links[&moved.organization.id], right.id);
    let mine = AssetFilter {
        client: Some(right.id),
        ..all_assets()
    };
    let there = hub.engine.assets(&hub.actor, &mine).await.unwrap().len() as u64;
    assert_eq!(there, moved.devices, "its assets moved along");
    assert_eq!(hub.plan().await.counts.writes(), 0);
}

#[tokio::test]
async fn names_the_guard_would_not_link_wait_for_a_person() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "humanizeit").await;
    let (first, _) = hub.ninja.organizations()[0].clone();
    hub.ninja.name_organizations(&[(first, "Acme Inc")]);
    hub.engine
        .import_clients(&hub.actor, "c.csv", &b"name\nAcme LLC\n"[..])
        .await
        .unwrap();
    hub.read(&bridge).await;
    let plan = hub.plan().await;
    assert!(
        plan.warnings.iter().any(|w| w.contains("Acme Inc")),
        "{:?}",
        plan.warnings
    );
    let refused = hub.apply(&plan, ApplyOptions::default()).await.unwrap_err();
    assert!(matches!(refused, Error::NeedsConfirmation { .. }), "{refused}");
}

#[tokio::test]
async fn on_sqlite_there_is_one_runner_and_on_postgresql_many_but_one_for_a_bridge() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(60), "default").await;
        hub.sync_all(&bridge).await;
        let other = engine_on(&store);
        let runner = hub.runner().await;
        if store.engine() == testkit::Engine::Sqlite {
            let held = other.become_runner(&owner()).await.unwrap_err();
            assert!(held.to_string().contains("(a test)"), "{held}");
            drop(runner);
            other.become_runner(&owner()).await.unwrap();
            return;
        }
        let another = other.become_runner(&owner()).await.unwrap();
        hub.ninja
            .faults()
            .next("/v2/devices-detailed", 1, Effect::Latency { ms: 1500 });
        let reading = hub.engine.sync(&hub.actor, &runner, &bridge, false, hub.work());
        let others = async {
            while hub.ninja.faults().standing()[0].struck == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let held = other
                .read(&owner(), &another, &bridge.source, None, hub.work())
                .await;
            assert!(held.unwrap_err().to_string().contains("(a test)"));
            let held = other
                .make_plan(&owner(), &another, &bridge, None, hub.work())
                .await;
            assert!(held.unwrap_err().to_string().contains("(a test)"));
        };
        let (read, ()) = tokio::join!(reading, others);
        read.unwrap();
        // It was given back.
        other
            .read(&owner(), &another, &bridge.source, None, hub.work())
            .await
            .unwrap();
        // Whoever lives keeps its runs; a run without anybody is closed.
        let kind = RunKind::Read {
            connection: bridge.source.clone(),
        };
        for holder in [runner.holder(), "nobody"] {
            store.begin_run(kind.clone(), holder, holder).await.unwrap();
        }
        other.bury_the_dead(&another).await.unwrap();
        let runs = hub.engine.runs(&hub.actor, 2).await.unwrap();
        let ended = |by: &str| runs.iter().find(|r| r.actor == by).unwrap().state != RunState::Running;
        assert!(ended("nobody") && !ended(runner.holder()), "{runs:#?}");
        runner.leave().await;
        other.bury_the_dead(&another).await.unwrap();
        let runs = hub.engine.runs(&hub.actor, 2).await.unwrap();
        assert!(runs.iter().all(|r| r.state != RunState::Running), "{runs:#?}");
    })
    .await;
}
