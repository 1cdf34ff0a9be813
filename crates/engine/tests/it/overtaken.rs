//! What somebody moved or worked on after a plan was made stays, also where no field of it was changed.

use crate::hub::{Hub, confirmed, small};
use crate::undoing::{assets, type_in, undo, undo_plan};
use engine::undoing::UndoScope;
use model::{Action, Bridge, PlanSummary, RecordId, RecordKind, SourceId};
use serde_json::json;
use store::Store;
use store::registry::AssetUpdate;
use testkit::TestStore;

async fn move_by_hand(store: &Store, asset: &RecordId, client: &RecordId) {
    let update = AssetUpdate {
        client: Some(client.clone()),
        site: Some(None),
        ..AssetUpdate::default()
    };
    let mut answers = store
        .update_registry_assets(&[(asset.clone(), update)])
        .await
        .unwrap();
    answers.remove(0).unwrap();
}

#[tokio::test]
async fn an_undo_archives_nothing_that_was_worked_on_since_it_was_planned() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
        let run = hub.sync_all(&bridge).await;
        let plan = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        assert_eq!(plan.counts.archives, 40);
        let before = assets(&store).await;
        let typed = before.values().next().unwrap();
        let moved = before
            .values()
            .find(|asset| asset.client != typed.client)
            .unwrap();
        type_in(
            &store,
            &typed.id,
            "name",
            typed.fields["name"].clone(),
            json!("Front desk"),
        )
        .await;
        move_by_hand(&store, &moved.id, &typed.client).await;
        let as_left = assets(&store).await;

        let undone = hub.apply(&plan, confirmed()).await.unwrap();
        let counts = undone.counts;
        assert_eq!(
            (counts.done, counts.skipped, counts.failed),
            (38, 2, 0),
            "{counts:?}"
        );
        let now = assets(&store).await;
        for (id, asset) in &now {
            match [&typed.id, &moved.id].contains(&id) {
                true => assert_eq!(asset, &as_left[id]),
                false => assert!(asset.archived.is_some(), "{asset:?}"),
            }
        }
        // Planned anew it says so.
        let rest = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        assert_eq!(
            (rest.counts.writes(), rest.counts.reviews),
            (0, 2),
            "{:?}",
            rest.counts
        );
        hub.ninja.shutdown().await;
    })
    .await;
}

/// A device of the estate goes to the organization of another; the client that one is linked to.
async fn device_moves(store: &Store, hub: &Hub, bridge: &Bridge) -> RecordId {
    let ids: Vec<u32> = hub
        .ninja
        .estate()
        .devices()
        .iter()
        .map(|device| device.id)
        .collect();
    let place = |id: u32| {
        let estate = hub.ninja.estate();
        let device = estate.device(id).unwrap();
        (device.organization, device.location)
    };
    let (organization, _) = place(ids[0]);
    let other = ids
        .iter()
        .map(|id| place(*id))
        .find(|(other, _)| *other != organization);
    let (organization, location) = other.unwrap();
    {
        let mut estate = hub.ninja.estate_mut();
        let device = estate.device_mut(ids[0]).unwrap();
        (device.organization, device.location) = (organization, location);
    }
    hub.read(bridge).await;
    let clients = store.links(&bridge.id, RecordKind::Client).await.unwrap();
    clients[&SourceId(organization.to_string())].clone()
}

/// The asset that a plan moves to another client.
async fn moved_by(hub: &Hub, plan: &PlanSummary) -> RecordId {
    let operations = hub
        .engine
        .operations(&hub.actor, &plan.id, 0, 1000)
        .await
        .unwrap();
    let asset = operations.iter().find_map(|operation| match &operation.action {
        Action::UpdateAsset {
            asset,
            moved: Some(moved),
            ..
        } if moved.client.is_some() => Some(asset.clone()),
        _ => None,
    });
    asset.unwrap_or_else(|| panic!("{operations:?}"))
}

/// A client that is none of these.
async fn third(store: &Store, but: [&RecordId; 2]) -> RecordId {
    let clients = store.registry_clients().await.unwrap();
    clients
        .into_iter()
        .map(|client| client.id)
        .find(|client| !but.contains(&client))
        .unwrap()
}

#[tokio::test]
async fn an_asset_that_was_moved_since_is_not_moved_by_an_older_plan() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
        hub.sync_all(&bridge).await;
        let to = device_moves(&store, &hub, &bridge).await;
        let plan = hub.plan().await;
        let asset = moved_by(&hub, &plan).await;
        let stood = assets(&store).await[&asset].client.clone();
        move_by_hand(&store, &asset, &third(&store, [&stood, &to]).await).await;
        let as_left = assets(&store).await;

        let run = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!(
            (run.counts.skipped, run.counts.failed),
            (1, 0),
            "{:?}",
            run.counts
        );
        assert_eq!(assets(&store).await[&asset], as_left[&asset]);
        hub.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn where_a_move_cannot_be_taken_back_its_asset_is_not_archived_either() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
        let first = hub.sync_all(&bridge).await;
        undo(&hub, &first).await;
        let to = device_moves(&store, &hub, &bridge).await;
        hub.engine
            .release_undone(&hub.actor, &hub.bridge().await, None)
            .await
            .unwrap();
        // Out of the archive, and to its new client.
        let plan = hub.plan().await;
        let asset = moved_by(&hub, &plan).await;
        let stood = assets(&store).await[&asset].client.clone();
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!(assets(&store).await[&asset].client, to);

        let back = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        assert_eq!(
            (back.counts.archives, back.counts.updates),
            (40, 1),
            "{:?}",
            back.counts
        );
        move_by_hand(&store, &asset, &third(&store, [&stood, &to]).await).await;
        let as_left = assets(&store).await;
        let undone = hub.apply(&back, confirmed()).await.unwrap();
        assert_eq!(
            (undone.counts.done, undone.counts.skipped),
            (39, 2),
            "{:?}",
            undone.counts
        );
        assert_eq!(assets(&store).await[&asset], as_left[&asset]);
        // Nor is it when that is planned anew.
        let rest = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        assert_eq!(
            (rest.counts.archives, rest.counts.reviews, rest.counts.skips),
            (0, 1, 1),
            "{:?}",
            rest.counts
        );
        hub.ninja.shutdown().await;
    })
    .await;
}
