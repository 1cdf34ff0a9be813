//! Clients, their assets, and where every value came from.

use crate::world::World;
use axum::http::StatusCode;
use connect::Secrets;
use engine::applying::ApplyOptions;
use engine::assets::AssetQuery;
use engine::connecting::ConnectionRequest;
use engine::{Quiet, Work};
use model::{ActorRole, OrganizationMatch, Verdict};
use simulators::ninjaone::{NinjaOne, Options};
use testkit::TestStore;
use tokio_util::sync::CancellationToken;

/// Reads a small tenant and writes it to the registry.
pub async fn synced(world: &World) -> NinjaOne {
    let ninja = NinjaOne::start_on_loopback(Options {
        devices: 60,
        organizations: Some(4),
        ..Options::default()
    })
    .await
    .unwrap();
    let (engine, actor) = (&world.engine, &world.console);
    let source = ConnectionRequest {
        kind: "ninjaone".to_owned(),
        name: "our tenant".to_owned(),
        settings: serde_json::json!({
            "region": "custom", "base_url": ninja.base_url(), "client_id": "demo-machine", "mode": "machine",
        }),
        secrets: Secrets::from([("client_secret".to_owned(), "demo-machine-secret".into())]),
        allow_private_hosts: true,
    };
    let source = engine.save_connection(actor, source).await.unwrap();
    engine.connect_machine(actor, &source.id).await.unwrap();
    let registry = ConnectionRequest {
        kind: "registry".to_owned(),
        name: "registry".to_owned(),
        settings: serde_json::json!({}),
        secrets: Secrets::new(),
        allow_private_hosts: false,
    };
    let registry = engine.save_connection(actor, registry).await.unwrap();
    let add = engine.add_bridge(actor, "assets", &source.id, &registry.id, "humanizeit");
    let bridge = add.await.unwrap();
    let runner = engine.become_runner(actor).await.unwrap();
    let stop = CancellationToken::new();
    let work = Work {
        progress: &Quiet,
        stop: &stop,
    };
    engine
        .read(actor, &runner, &bridge.source, None, work)
        .await
        .unwrap();
    let matching = engine.matching(actor, &bridge).await.unwrap();
    let open = matching
        .rows
        .into_iter()
        .filter(|row| matches!(row.status, OrganizationMatch::Undecided { .. }))
        .map(|row| (row.organization.id, Some(Verdict::Create)));
    engine.decide(actor, &bridge, open.collect()).await.unwrap();
    let bridge = engine.find_bridge(actor, None).await.unwrap();
    let plan = engine
        .make_plan(actor, &runner, &bridge, None, work)
        .await
        .unwrap();
    let options = ApplyOptions {
        confirmed: true,
        ..ApplyOptions::default()
    };
    engine
        .apply(actor, &runner, &plan.id, options, work)
        .await
        .unwrap();
    ninja
}

#[tokio::test]
async fn h29_h38_a_client_shows_its_assets_and_the_organization_they_come_from() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let ninja = synced(&world).await;
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let list = technician.get("/clients").await;
        let link = list.body.split(r#"href="/clients/"#).nth(1).unwrap();
        let address = format!("/clients/{}", link.split('"').next().unwrap());
        let page = technician.get(&address).await;
        let text = page.text();
        for part in [
            "Source of its assets",
            "Linked",
            "NinjaOne · our tenant , through bridge assets",
            "Sync",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // A press puts one job into the queue, however often it is sent.
        let once = page.body.split(r#"name="once" value=""#).nth(1).unwrap();
        let once = once.split('"').next().unwrap();
        for _ in 0..2 {
            let answer = technician
                .post(&format!("{address}/sync"), &[("once", once)])
                .await;
            // To the page of the job, which leads back.
            let to = answer.to().unwrap_or_default();
            assert!(
                to.starts_with("/jobs/") && to.contains("then=%2Fclients%2F"),
                "{answer:?}"
            );
        }
        let jobs = world.store.jobs(&Default::default(), 10).await.unwrap();
        assert_eq!(jobs.len(), 1, "{jobs:#?}");
        // Who may only look has no button, and is refused without it.
        let mut viewer = world.signed_in(ActorRole::Viewer).await;
        assert!(!viewer.get(&address).await.body.contains("/sync"));
        let refused = viewer.post(&format!("{address}/sync"), &[("once", "1")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(viewer.get("/clients/nobody").await.status, StatusCode::NOT_FOUND);
        ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn assets_are_searched_sorted_and_paged_and_each_value_says_where_it_came_from() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let ninja = synced(&world).await;
        let mut viewer = world.signed_in(ActorRole::Viewer).await;
        let first = viewer.get("/assets").await;
        assert!(first.text().contains("1–50 of 60"), "{}", first.text());
        assert!(viewer.get("/assets?page=2").await.text().contains("51–60 of 60"));
        assert!(
            viewer
                .get("/assets?f=archived")
                .await
                .text()
                .contains("Nothing fits.")
        );
        let query = AssetQuery {
            limit: 60,
            ..AssetQuery::default()
        };
        let (assets, _) = world.engine.asset_list(&world.console, &query).await.unwrap();
        let serial = |n: usize| {
            assets[n]
                .asset
                .fields
                .get("serialNumber")
                .and_then(|s| s.as_str())
        };
        let known = (0..60).find(|n| serial(*n).is_some_and(|s| s.len() > 6)).unwrap();
        let found = viewer
            .get(&format!("/assets?q={}", serial(known).unwrap().to_lowercase()))
            .await;
        assert!(
            found
                .body
                .contains(&format!("/assets/{}", assets[known].asset.id)),
            "{}",
            found.text()
        );
        let page = viewer.get(&format!("/assets/{}", assets[known].asset.id)).await;
        let text = page.text();
        assert!(
            text.contains("Serial number") && text.contains("the device, just now"),
            "{text}"
        );
        assert!(page.body.contains("Open in NinjaOne"), "{text}");
        assert_eq!(viewer.get("/assets/nothing").await.status, StatusCode::NOT_FOUND);
        ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_name_is_text_whatever_it_holds() {
    let world = World::new().await;
    let name = "<img src=x onerror=alert(1)>\u{202e}txt.exe";
    let new = store::registry::NewRegistryClient {
        name: name.to_owned(),
        ..Default::default()
    };
    let ids = world.store.add_registry_clients(&[new]).await.unwrap();
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    for path in ["/clients".to_owned(), format!("/clients/{}", ids[0])] {
        let page = viewer.get(&path).await;
        assert!(!page.main().contains("<img"), "{path}: {}", page.main());
        // What turns the direction of writing ends with the name.
        let shown = page.main().split("onerror").count();
        assert_eq!(
            page.main().matches("<bdi>").count(),
            page.main().matches("</bdi>").count()
        );
        assert!(shown > 1, "{path}: {}", page.main());
    }
}
