//! Read, match, plan, apply, and nothing left to do.

use crate::hub::{Hub, confirmed, small};
use engine::applying::ApplyOptions;
use engine::assets::LinkedDevice;
use model::{Actor, ActorRole, MatchHow, OrganizationMatch, RecordKind, SourceId, Verdict};
use serde_json::Value;
use store::registry::AssetFilter;
use testkit::TestStore;

fn all_assets() -> AssetFilter {
    AssetFilter {
        limit: 10_000,
        ..AssetFilter::default()
    }
}

#[tokio::test]
async fn plan_apply_read_plan_again_is_empty() {
    // H01, H28
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(120), "humanizeit").await;
        let read = hub.read(&bridge).await;
        assert_eq!(read.snapshot.devices, 120);
        hub.create_undecided(&bridge).await;
        let first = hub.plan().await;
        assert_eq!(first.counts.create_assets, 120);
        assert_eq!(
            hub.engine.assets(&hub.actor, &all_assets()).await.unwrap().len(),
            0,
            "a plan writes nothing"
        );
        let run = hub.apply(&first, confirmed()).await.unwrap();
        assert_eq!(run.counts.done, u64::from(first.counts.writes()));
        assert_eq!(
            (run.counts.failed, run.counts.skipped, run.counts.unknown),
            (0, 0, 0)
        );
        assert_eq!(
            hub.engine.assets(&hub.actor, &all_assets()).await.unwrap().len(),
            120
        );

        // The token ends meanwhile; nobody is asked again.
        hub.ninja.grants().expire_access_tokens();
        hub.read(&bridge).await;
        let second = hub.plan().await;
        assert_eq!(second.counts.writes(), 0, "{:?}", second.counts);
        assert_eq!(second.counts.unchanged, 120);

        // Changed devices alone are planned and written on the next day.
        hub.ninja.let_a_day_pass(0.1);
        let read = hub.read(&bridge).await;
        assert!(
            read.snapshot.rows_written < 60,
            "{} rows written",
            read.snapshot.rows_written
        );
        let third = hub.plan().await;
        assert!(
            third.counts.writes() > 0 && third.counts.writes() < 30,
            "{:?}",
            third.counts
        );
        hub.apply(&third, confirmed()).await.unwrap();
        hub.read(&bridge).await;
        assert_eq!(hub.plan().await.counts.writes(), 0);
        hub.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn the_first_records_only_then_the_rest() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let plan = hub.plan().await;
    let run = hub
        .apply(
            &plan,
            ApplyOptions {
                first: Some(5),
                ..confirmed()
            },
        )
        .await
        .unwrap();
    assert_eq!(run.counts.done, 5);
    let rest = hub.apply(&plan, confirmed()).await.unwrap();
    assert_eq!(rest.counts.done, u64::from(plan.counts.writes()) - 5);
    hub.read(&bridge).await;
    assert_eq!(hub.plan().await.counts.writes(), 0);
}

#[tokio::test]
async fn deselected_operations_stay_open() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let plan = hub.plan().await;
    let operations = hub
        .engine
        .operations(&hub.actor, &plan.id, 0, 10_000)
        .await
        .unwrap();
    let last = operations
        .iter()
        .rev()
        .find(|o| o.action.name() == "create_asset")
        .unwrap();
    let options = ApplyOptions {
        deselected: [last.number].into(),
        ..confirmed()
    };
    let run = hub.apply(&plan, options).await.unwrap();
    assert_eq!(run.counts.done, u64::from(plan.counts.writes()) - 1);
    hub.read(&bridge).await;
    let again = hub.plan().await;
    assert_eq!((again.counts.writes(), again.counts.create_assets), (1, 1));
}

#[tokio::test]
async fn clients_one_has_already_are_matched_and_not_made_twice() {
    // H34, H36
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "humanizeit").await;
    let names: Vec<String> = hub
        .ninja
        .organizations()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    let csv = format!("name\n\"{}\"\n\"{}.\"\n\"Somebody Else\"\n", names[0], names[1]);
    let report = hub
        .engine
        .import_clients(&hub.actor, "clients.csv", csv.as_bytes())
        .await
        .unwrap();
    assert_eq!(report.added, 3);
    hub.read(&bridge).await;
    let matching = hub.engine.matching(&hub.actor, &bridge).await.unwrap();
    let status = |name: &str| {
        matching
            .rows
            .iter()
            .find(|r| r.organization.name == name)
            .unwrap()
            .status
            .clone()
    };
    assert!(matches!(status(&names[0]), OrganizationMatch::Matched { .. }));
    assert!(matches!(
        status(&names[1]),
        OrganizationMatch::Matched {
            distance: Some(1),
            ..
        }
    ));
    // By hand: an organization that resembles no client is linked to one all the same.
    let third = matching
        .rows
        .iter()
        .find(|r| r.organization.name == names[2])
        .unwrap();
    let client = hub
        .engine
        .find_client(&hub.actor, &bridge, "somebody else")
        .await
        .unwrap();
    let decision = Verdict::Matched {
        client: client.id.clone(),
    };
    hub.engine
        .decide(
            &hub.actor,
            &bridge,
            vec![(third.organization.id.clone(), Some(decision))],
        )
        .await
        .unwrap();
    let bridge = hub.bridge().await;
    hub.create_undecided(&bridge).await;
    let plan = hub.plan().await;
    assert_eq!(plan.counts.create_clients, 1, "three of the four are there");
    hub.apply(&plan, confirmed()).await.unwrap();
    let mine = AssetFilter {
        client: Some(client.id),
        ..all_assets()
    };
    assert!(!hub.engine.assets(&hub.actor, &mine).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_renamed_organization_keeps_its_client() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
        hub.sync_all(&bridge).await;
        let links = store.links(&bridge.id, RecordKind::Client).await.unwrap();
        // Even where another client has its new name.
        hub.engine
            .import_clients(&hub.actor, "clients.csv", &b"name\nSomebody Else\n"[..])
            .await
            .unwrap();
        let id = hub.ninja.organizations()[0].0;
        hub.ninja.name_organizations(&[(id, "Somebody Else")]);
        hub.read(&bridge).await;
        let matching = hub.engine.matching(&hub.actor, &bridge).await.unwrap();
        let id = SourceId(id.to_string());
        let row = matching.rows.iter().find(|r| r.organization.id == id).unwrap();
        assert_eq!(row.organization.name, "Somebody Else");
        let OrganizationMatch::Matched { client, how, .. } = &row.status else {
            panic!("{row:?}")
        };
        assert_eq!((client, *how), (&links[&id], MatchHow::Link));
        let plan = hub.plan().await;
        assert_eq!(
            (plan.counts.writes(), plan.counts.unchanged),
            (0, 40),
            "{:?}",
            plan.counts
        );
        hub.apply(&plan, ApplyOptions::default()).await.unwrap();
        let after = store.links(&bridge.id, RecordKind::Client).await.unwrap();
        assert_eq!(after, links);
    })
    .await;
}

#[tokio::test]
async fn excluded_organizations_bring_nothing() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    let matching = hub.engine.matching(&hub.actor, &bridge).await.unwrap();
    let excluded = &matching.rows[0];
    let decision = vec![(excluded.organization.id.clone(), Some(Verdict::Exclude))];
    hub.engine.decide(&hub.actor, &bridge, decision).await.unwrap();
    hub.create_undecided(&hub.bridge().await).await;
    let plan = hub.plan().await;
    hub.apply(&plan, confirmed()).await.unwrap();
    let count = hub.engine.assets(&hub.actor, &all_assets()).await.unwrap().len() as u64;
    assert_eq!(count, 40 - excluded.devices);
    hub.read(&bridge).await;
    assert_eq!(hub.plan().await.counts.writes(), 0, "the exclusion is remembered");
}

#[tokio::test]
async fn h40_sync_of_one_client_pulls_its_organization_only() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(80), "humanizeit").await;
    hub.sync_all(&bridge).await;
    let (name, client) = {
        let bridge = hub.bridge().await;
        let name = hub.ninja.organizations()[0].1.clone();
        (
            name.clone(),
            hub.engine.find_client(&hub.actor, &bridge, &name).await.unwrap(),
        )
    };
    hub.ninja.let_a_day_pass(0.5);
    let before = hub.engine.assets(&hub.actor, &all_assets()).await.unwrap();
    let (runner, bridge) = (hub.runner().await, hub.bridge().await);
    let report = hub
        .engine
        .sync_client(&hub.actor, &runner, &bridge, &client.id, true, hub.work())
        .await
        .unwrap();
    assert!(
        report.run.is_some_and(|run| run.counts.done > 0),
        "half of its devices changed"
    );
    let after = hub.engine.assets(&hub.actor, &all_assets()).await.unwrap();
    // A device that moved to this client brings its asset along; nothing else of the others' may change.
    let others = |assets: Vec<store::registry::RegistryAsset>| {
        let others = assets.into_iter().filter(|a| a.client_name != name);
        others
            .map(|a| (a.asset.id.clone(), a.asset))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let (before, after) = (others(before), others(after));
    assert!(after.len() + 2 > before.len(), "a day moves one device");
    for (id, asset) in after {
        assert_eq!(before.get(&id), Some(&asset));
    }
}

#[tokio::test]
async fn every_value_knows_where_it_came_from() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "humanizeit").await;
    let run = hub.sync_all(&bridge).await;
    let assets = hub.engine.assets(&hub.actor, &all_assets()).await.unwrap();
    let detail = hub
        .engine
        .asset(&hub.actor, &assets[0].asset.id)
        .await
        .unwrap()
        .unwrap();
    assert!(!detail.fields.is_empty());
    assert!(
        detail
            .fields
            .iter()
            .all(|f| f.written.as_ref().is_some_and(|(by, _)| *by == run.id)),
        "{detail:?}"
    );
    let LinkedDevice { id: device, url, .. } = detail.device.unwrap();
    assert!(
        url.unwrap()
            .ends_with(&format!("/#/deviceDashboard/{device}/overview"))
    );
}

#[tokio::test]
async fn a_viewer_sees_and_does_nothing() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    let viewer = Actor::Person {
        name: "v".to_owned(),
        role: ActorRole::Viewer,
    };
    assert!(hub.engine.bridges(&viewer).await.is_ok());
    assert!(matches!(
        hub.engine.become_runner(&viewer).await,
        Err(engine::Error::Forbidden { .. })
    ));
    let refused = hub.engine.decide(&viewer, &bridge, vec![]).await;
    assert!(matches!(refused, Err(engine::Error::Forbidden { .. })));
    let technician = Actor::Person {
        name: "t".to_owned(),
        role: ActorRole::Technician,
    };
    let refused = hub
        .engine
        .save_connection(&technician, hub.request("another"))
        .await;
    assert!(matches!(refused, Err(engine::Error::Forbidden { .. })));
}

#[tokio::test]
async fn configuration_goes_out_without_secrets_and_comes_back() {
    let store = TestStore::sqlite().await;
    let (hub, _) = Hub::connected(&store, small(40), "humanizeit").await;
    let exported = hub.engine.export_configuration(&hub.actor).await.unwrap();
    let text = serde_json::to_string(&exported).unwrap();
    assert!(!text.contains("demo-web-secret"), "{text}");
    let same = hub
        .engine
        .import_configuration(&hub.actor, exported.clone())
        .await
        .unwrap();
    assert_eq!(same.left_out, Vec::<String>::new());
    assert_eq!(
        hub.engine.export_configuration(&hub.actor).await.unwrap(),
        exported
    );
}

#[tokio::test]
async fn assets_of_a_vanished_organization_are_still_looked_after() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.sync_all(&bridge).await;
    let gone = hub
        .engine
        .matching(&hub.actor, &bridge)
        .await
        .unwrap()
        .rows
        .remove(0);
    let id = gone.organization.id.as_str();
    store
        .sql(&format!("DELETE FROM source_organization WHERE id = '{id}'"))
        .await;
    store
        .sql(&format!(
            "UPDATE source_device SET absent_since = 1, absent_snapshots = 1 WHERE organization_id = '{id}'"
        ))
        .await;
    let plan = hub.plan().await;
    assert_eq!(
        u64::from(plan.counts.skips),
        gone.devices,
        "each is named with how long it is away: {:?}",
        plan.counts
    );
    assert_eq!(plan.counts.writes(), 0);
}

#[tokio::test]
async fn the_thirteen_fields_arrive_as_ninjaone_has_them() {
    // H42, H43, H44, H46-H53
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(60), "humanizeit").await;
    hub.sync_all(&bridge).await;
    let types = store.registry_asset_types().await.unwrap();
    let roles: std::collections::BTreeMap<String, String> = {
        let links = store
            .links(&bridge.id, model::RecordKind::AssetType)
            .await
            .unwrap();
        links.into_iter().map(|(role, id)| (role.0, id.0)).collect()
    };
    let mut seen = std::collections::BTreeSet::new();
    for asset in hub.engine.assets(&hub.actor, &all_assets()).await.unwrap() {
        let detail = hub
            .engine
            .asset(&hub.actor, &asset.asset.id)
            .await
            .unwrap()
            .unwrap();
        let device = detail.device.unwrap().id;
        let raw = store.device(&bridge.source, &device).await.unwrap().unwrap().raw;
        let raw: Value = serde_json::from_str(&raw).unwrap();
        let text = |pointer: &str| {
            raw.pointer(pointer)
                .and_then(Value::as_str)
                .filter(|t| !t.is_empty())
        };
        let date = |pointer: &str| {
            let seconds = raw.pointer(pointer)?.as_f64()? as i64;
            Some(
                jiff::Timestamp::from_second(seconds)
                    .unwrap()
                    .strftime("%Y-%m-%d")
                    .to_string(),
            )
        };
        let expected = [
            ("serialNumber", text("/system/serialNumber").map(str::to_owned)),
            (
                "name",
                text("/systemName").or(text("/dnsName")).map(str::to_owned),
            ),
            ("warrantyExpire", date("/references/warranty/endDate")),
            ("purchaseDate", date("/references/warranty/startDate")),
            ("TypeId", raw["nodeRoleId"].as_i64().map(|id| id.to_string())),
            (
                "storage",
                raw.pointer("/volumes/0/capacity").map(|c| c.to_string()),
            ),
            (
                "locationName",
                text("/references/location/name").map(str::to_owned),
            ),
            ("manufacturer", text("/system/manufacturer").map(str::to_owned)),
            ("modelNumber", text("/system/model").map(str::to_owned)),
            ("os", text("/os/name").map(str::to_owned)),
            ("processorModel", text("/processors/0/name").map(str::to_owned)),
        ];
        for (field, expected) in expected {
            let stored = asset
                .asset
                .fields
                .get(field)
                .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            assert_eq!(stored, expected, "{field} of device {device}");
            if expected.is_some() {
                seen.insert(field);
            }
        }
        // The role decides the type.
        let of_role = &roles[&raw["nodeRoleId"].to_string()];
        assert!(types.iter().any(|t| t.id.as_str() == of_role));
        assert_eq!(asset.asset.asset_type.unwrap().as_str(), of_role);
    }
    assert_eq!(seen.len(), 11, "every field was there at least once: {seen:?}");
}
