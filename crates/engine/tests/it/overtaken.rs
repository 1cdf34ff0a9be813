//! What somebody moved or worked on after a plan was made stays, also where no field of it was changed.

use crate::hub::{Hub, confirmed, small};
use crate::undoing::{assets, type_in, undo_plan};
use engine::undoing::UndoScope;
use model::{Action, RecordId};
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

#[tokio::test]
async fn an_asset_that_was_moved_since_is_not_moved_by_an_older_plan() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
        hub.sync_all(&bridge).await;
        // Its device goes to the organization of another.
        let ids: Vec<u32> = hub
            .ninja
            .estate()
            .devices()
            .iter()
            .map(|device| device.id)
            .collect();
        let organization = |id: u32| hub.ninja.estate().device(id).unwrap().organization;
        let device = ids[0];
        let other = ids
            .iter()
            .copied()
            .find(|id| organization(*id) != organization(device))
            .unwrap();
        let (to, location) = {
            let estate = hub.ninja.estate();
            let other = estate.device(other).unwrap();
            (other.organization, other.location)
        };
        {
            let mut estate = hub.ninja.estate_mut();
            let device = estate.device_mut(device).unwrap();
            (device.organization, device.location) = (to, location);
        }
        hub.read(&bridge).await;
        let plan = hub.plan().await;
        let operations = hub
            .engine
            .operations(&hub.actor, &plan.id, 0, 1000)
            .await
            .unwrap();
        let asset = operations.iter().find_map(|operation| match &operation.action {
            Action::UpdateAsset {
                asset,
                moved: Some(_),
                ..
            } => Some(asset.clone()),
            _ => None,
        });
        let asset = asset.unwrap_or_else(|| panic!("{operations:?}"));
        let stood = assets(&store).await[&asset].client.clone();
        let clients = store.registry_clients().await.unwrap();
        let planned = store.links(&bridge.id, model::RecordKind::Client).await.unwrap();
        let planned = &planned[&model::SourceId(to.to_string())];
        let third = clients
            .iter()
            .find(|client| client.id != stood && client.id != *planned)
            .unwrap();
        move_by_hand(&store, &asset, &third.id).await;
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
