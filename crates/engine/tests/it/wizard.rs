//! The client wizard in Passportal's way, with the registry as destination.

use crate::hub::{Hub, engine_on, owner, small};
use engine::match_list::{MatchFilter, MatchQuery};
use engine::matching::MatchRow;
use engine::wizard::{Overview, Unmatched};
use engine::{Error, SeenMatches};
use model::{Actor, ActorRole, Bridge, BridgeSettings, OrganizationMatch, SourceId, Verdict};
use std::collections::BTreeMap;
use store::registry::{AssetFilter, NewRegistryClient};
use testkit::TestStore;

/// Four organizations: one whose client exists, one whose client's name is close, two without one.
async fn prepared(store: &TestStore) -> (Hub, Bridge) {
    let (hub, bridge) = Hub::connected(store, small(60), "passportal").await;
    let names = [
        "Acme Corp",
        "Northwind Traders",
        "Contoso Clinic",
        "Fabrikam Labs",
    ];
    let ids: Vec<u32> = hub.ninja.organizations().iter().map(|(id, _)| *id).collect();
    let renamed: Vec<(u32, &str)> = ids.into_iter().zip(names).collect();
    assert!(hub.ninja.name_organizations(&renamed).is_empty());
    // The first is identical; the second is one letter off; the third client belongs to nobody.
    let clients: Vec<NewRegistryClient> = ["Acme Corp", "Northwind Trader", "Somebody Else"]
        .map(|name| NewRegistryClient {
            name: name.to_owned(),
            ..NewRegistryClient::default()
        })
        .into();
    store.add_registry_clients(&clients).await.unwrap();
    hub.read(&bridge).await;
    (hub, bridge)
}

fn names(rows: &[MatchRow]) -> Vec<&str> {
    rows.iter().map(|row| row.organization.name.as_str()).collect()
}

/// What an overview says: to create, matched, excluded, open.
fn said(overview: &Overview) -> [Vec<&str>; 4] {
    [
        &overview.create,
        &overview.matched,
        &overview.excluded,
        &overview.open,
    ]
    .map(|rows| {
        let mut names = names(rows);
        names.sort_unstable();
        names
    })
}

async fn id_of(hub: &Hub, bridge: &Bridge, name: &str) -> SourceId {
    let found = hub.engine.find_organization(&hub.actor, bridge, name).await;
    found.unwrap().id
}

async fn decide(hub: &Hub, bridge: &Bridge, name: &str, verdict: Option<Verdict>) {
    let id = id_of(hub, bridge, name).await;
    let decided = hub.engine.decide(&hub.actor, bridge, vec![(id, verdict)]).await;
    decided.unwrap();
}

async fn assets(hub: &Hub) -> Vec<store::registry::RegistryAsset> {
    let all = AssetFilter {
        limit: 10_000,
        ..AssetFilter::default()
    };
    hub.engine.assets(&hub.actor, &all).await.unwrap()
}

async fn client_names(store: &TestStore) -> Vec<String> {
    let clients = store.registry_clients().await.unwrap();
    let mut names: Vec<String> = clients.into_iter().map(|client| client.name).collect();
    names.sort_unstable();
    names
}

async fn finish(hub: &Hub, bridge: &Bridge) -> engine::wizard::Finished {
    let (engine, runner) = (&hub.engine, hub.runner().await);
    let generation = engine
        .match_overview(&hub.actor, bridge)
        .await
        .unwrap()
        .generation;
    let finished = engine.finish(&hub.actor, &runner, bridge, generation, false, hub.work());
    finished.await.unwrap()
}

#[tokio::test]
async fn p19_p20_auto_match_takes_identical_names_alone_and_its_preview_stores_nothing() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = prepared(&store).await;
        let preview = hub.engine.auto_match_preview(&hub.actor, &bridge).await.unwrap();
        assert_eq!(names(&preview), ["Acme Corp"]);
        assert!(store.decisions(&bridge.id).await.unwrap().is_empty());
        assert_eq!(hub.bridge().await.generation, bridge.generation);

        let matched = hub.engine.auto_match(&hub.actor, &bridge).await.unwrap();
        assert_eq!(names(&matched), ["Acme Corp"]);
        let overview = hub.engine.match_overview(&hub.actor, &bridge).await.unwrap();
        let left = vec!["Contoso Clinic", "Fabrikam Labs", "Northwind Traders"];
        assert_eq!(said(&overview), [vec![], vec!["Acme Corp"], vec![], left]);
        let open = overview.open.iter().all(|row| {
            matches!(&row.status, OrganizationMatch::Undecided { suggestions, .. } if suggestions.is_empty())
        });
        assert!(open, "a name one letter off is left to a person");
        // Once more changes nothing, and makes no plan stale.
        let generation = hub.bridge().await.generation;
        assert!(
            hub.engine
                .auto_match(&hub.actor, &bridge)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(hub.bridge().await.generation, generation);
    })
    .await;
}

#[tokio::test]
async fn the_wizard_from_the_first_look_to_finish_and_back() {
    // P01, P02, P17, P18: the existing client is matched before anything is created, and no second one is made.
    // P22, P23, P24, P25, P26: one is created by itself, one excluded, the rest created at once but for the excluded one.
    // P34, P36: the overview tells it all, and nothing is written before Finish.
    // P37, P38: devices come under their own client; those of excluded and open organizations do not.
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = prepared(&store).await;
        let before = client_names(&store).await;
        decide(&hub, &bridge, "Contoso Clinic", Some(Verdict::Create)).await;
        decide(&hub, &bridge, "Fabrikam Labs", Some(Verdict::Exclude)).await;
        let rest = hub
            .engine
            .create_unmatched(&hub.actor, &bridge, Unmatched::All)
            .await
            .unwrap();
        assert_eq!(names(&rest), ["Northwind Traders"]);

        let overview = hub.engine.match_overview(&hub.actor, &bridge).await.unwrap();
        let create = vec!["Contoso Clinic", "Northwind Traders"];
        assert_eq!(
            said(&overview),
            [create, vec!["Acme Corp"], vec!["Fabrikam Labs"], vec![]]
        );
        let rows = overview.create.iter().chain(&overview.matched);
        assert_eq!(overview.devices, rows.map(|row| row.devices).sum::<u64>());
        assert_eq!(
            client_names(&store).await,
            before,
            "nothing is written before Finish"
        );
        assert!(assets(&hub).await.is_empty());

        // P35
        let finished = finish(&hub, &bridge).await;
        let run = finished.run.unwrap();
        assert_eq!(
            (run.counts.failed, run.counts.unknown),
            (0, 0),
            "{:?}",
            run.counts
        );
        let after = client_names(&store).await;
        let new: Vec<_> = after.iter().filter(|name| !before.contains(name)).collect();
        assert_eq!(new, ["Contoso Clinic", "Northwind Traders"]);
        assert_eq!(after.iter().filter(|name| *name == "Acme Corp").count(), 1);

        let came = assets(&hub).await;
        assert_eq!(came.len() as u64, overview.devices);
        for row in overview.create.iter().chain(&overview.matched) {
            let own = came
                .iter()
                .filter(|a| a.client_name == row.organization.name)
                .count();
            assert_eq!(own as u64, row.devices, "{}", row.organization.name);
        }
        assert!(came.iter().all(|asset| asset.client_name != "Fabrikam Labs"));
        assert!(
            came.iter()
                .all(|asset| asset.asset.fields.contains_key("assetType"))
        );
        assert!(
            finish(&hub, &bridge).await.run.is_none(),
            "there is nothing left to write"
        );

        // P29: the exclusion stands across syncs until somebody changes it. P27, P28: it is listed, and can be changed.
        let runner = hub.runner().await;
        let sync = hub
            .engine
            .sync(&hub.actor, &runner, &bridge, false, hub.work())
            .await
            .unwrap();
        assert_eq!(sync.plan.counts.writes(), 0);
        drop(runner);
        let again = hub.engine.match_overview(&hub.actor, &bridge).await.unwrap();
        assert_eq!(said(&again)[2], ["Fabrikam Labs"]);
        decide(&hub, &bridge, "Fabrikam Labs", Some(Verdict::Create)).await;
        // P32: what was not created at the first visit is created at a later one.
        finish(&hub, &bridge).await.run.unwrap();
        assert!(client_names(&store).await.contains(&"Fabrikam Labs".to_owned()));
        assert!(assets(&hub).await.len() as u64 > overview.devices);
    })
    .await;
}

#[tokio::test]
async fn p12_p13_without_device_sync_clients_alone_are_synchronised() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = prepared(&store).await;
        let settings = BridgeSettings {
            devices: false,
            ..bridge.settings.clone()
        };
        let bridge = hub
            .engine
            .change_bridge(&hub.actor, &bridge, settings)
            .await
            .unwrap();
        hub.engine
            .create_unmatched(&hub.actor, &bridge, Unmatched::All)
            .await
            .unwrap();
        let overview = hub.engine.match_overview(&hub.actor, &bridge).await.unwrap();
        assert_eq!((overview.devices, overview.imports_devices), (0, false));
        let run = finish(&hub, &bridge).await.run.unwrap();
        assert_eq!(
            run.counts.done, 4,
            "three clients, and the link of the one that was there"
        );
        assert_eq!(client_names(&store).await.len(), 6);
        assert!(assets(&hub).await.is_empty());

        // Switched on later, the devices come.
        let settings = BridgeSettings {
            devices: true,
            ..bridge.settings.clone()
        };
        let bridge = hub
            .engine
            .change_bridge(&hub.actor, &hub.bridge().await, settings)
            .await
            .unwrap();
        finish(&hub, &bridge).await.run.unwrap();
        let came = assets(&hub).await.len();
        assert_eq!(came, 60);

        // Switched off again, assets that came stay as they are.
        let settings = BridgeSettings {
            devices: false,
            ..bridge.settings.clone()
        };
        let bridge = hub
            .engine
            .change_bridge(&hub.actor, &hub.bridge().await, settings)
            .await
            .unwrap();
        hub.ninja.let_a_day_pass(0.5);
        hub.read(&bridge).await;
        assert!(finish(&hub, &bridge).await.run.is_none());
        assert_eq!(assets(&hub).await.len(), came);
    })
    .await;
}

#[tokio::test]
async fn p38_devices_of_an_organization_nobody_decided_about_do_not_come() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = prepared(&store).await;
    let run = finish(&hub, &bridge).await.run.unwrap();
    assert_eq!(run.counts.failed, 0);
    assert!(
        assets(&hub)
            .await
            .iter()
            .all(|asset| asset.client_name == "Acme Corp")
    );
    assert_eq!(client_names(&store).await.len(), 3);
}

#[tokio::test]
async fn finish_is_refused_once_somebody_decided_something_else() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = prepared(&store).await;
    let seen = hub
        .engine
        .match_overview(&hub.actor, &bridge)
        .await
        .unwrap()
        .generation;
    decide(&hub, &bridge, "Contoso Clinic", Some(Verdict::Create)).await;
    let runner = hub.runner().await;
    let refused = hub
        .engine
        .finish(&hub.actor, &runner, &bridge, seen, true, hub.work())
        .await;
    assert!(matches!(refused, Err(Error::StaleOverview { .. })), "{refused:?}");
    assert_eq!(client_names(&store).await.len(), 3);
}

#[tokio::test]
async fn a_viewer_sees_the_overview_and_decides_nothing() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = prepared(&store).await;
    let engine = engine_on(&store);
    let viewer = Actor::Person {
        name: "guest".to_owned(),
        role: ActorRole::Viewer,
    };
    assert_eq!(
        engine.match_overview(&viewer, &bridge).await.unwrap().open.len(),
        3
    );
    assert!(engine.auto_match(&viewer, &bridge).await.is_err());
    let created = engine.create_unmatched(&viewer, &bridge, Unmatched::All).await;
    assert!(matches!(created, Err(Error::Forbidden { .. })));
    let runner = engine.become_runner(&owner()).await.unwrap();
    let finished = engine
        .finish(&viewer, &runner, &bridge, bridge.generation, true, hub.work())
        .await;
    assert!(matches!(finished, Err(Error::Forbidden { .. })));
    assert!(store.decisions(&bridge.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn creating_what_resembles_nothing_leaves_the_rest_to_a_person() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = prepared(&store).await;
    // With suggestions on, the name one letter off resembles a client.
    let mut settings = bridge.settings.clone();
    settings.matching = model::MatchingRules::default();
    settings.matching.similar = Some(model::Similarity {
        limit: 3,
        guarded: true,
    });
    settings.matching.same_name = false;
    let bridge = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings)
        .await
        .unwrap();
    let created = hub
        .engine
        .create_unmatched(&hub.actor, &bridge, Unmatched::ResemblingNone)
        .await
        .unwrap();
    let mut created = names(&created);
    created.sort_unstable();
    assert_eq!(created, ["Contoso Clinic", "Fabrikam Labs"]);
}

#[tokio::test]
async fn the_list_is_filtered_searched_and_paged_and_follows_every_decision() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = prepared(&store).await;
        let list = async |query: MatchQuery| {
            let page = hub.engine.match_list(&hub.actor, &bridge, &query).await.unwrap();
            let names: Vec<String> = page
                .rows
                .iter()
                .map(|r| r.row.organization.name.clone())
                .collect();
            (names, page.total, page.counts)
        };
        let all = MatchQuery {
            limit: 2,
            offset: 1,
            ..MatchQuery::default()
        };
        let (names, total, counts) = list(all.clone()).await;
        assert_eq!((names.len(), total), (2, 4));
        assert_eq!(names, ["Contoso Clinic", "Fabrikam Labs"]);
        assert_eq!((counts.all, counts.matched, counts.open), (4, 1, 3));
        let last = MatchQuery {
            descending: true,
            offset: 0,
            limit: 1,
            ..all.clone()
        };
        assert_eq!(list(last).await.0, ["Northwind Traders"]);
        // By the organization's name or the client's, whatever the case.
        let search = MatchQuery {
            search: "ACME".to_owned(),
            offset: 0,
            ..all.clone()
        };
        assert_eq!(list(search).await.0, ["Acme Corp"]);
        decide(&hub, &bridge, "Fabrikam Labs", Some(Verdict::Exclude)).await;
        let excluded = MatchQuery {
            filter: MatchFilter::Excluded,
            offset: 0,
            ..all
        };
        let (names, total, counts) = list(excluded).await;
        assert_eq!((names.as_slice(), total), (&["Fabrikam Labs".to_owned()][..], 1));
        assert_eq!((counts.open, counts.excluded), (2, 1));

        // Clients to choose: those that begin with what was typed come first, and whose they are is said.
        let choices = async |search: &str| {
            let found = hub.engine.client_choices(&hub.actor, &bridge, search, 2).await;
            let (found, total) = found.unwrap();
            let names: Vec<String> = found.iter().map(|c| c.client.name.clone()).collect();
            (names, total, found)
        };
        let (names, total, found) = choices("").await;
        assert_eq!(
            (names.as_slice(), total),
            (&["Acme Corp".to_owned(), "Northwind Trader".to_owned()][..], 3)
        );
        assert_eq!(found[0].holders, ["Acme Corp"]);
        assert_eq!(choices("e").await.1, 3);
        assert_eq!(choices("some").await.0, ["Somebody Else"]);
        // A client that came meanwhile is known once the destination is asked again.
        let new = NewRegistryClient {
            name: "Somebody New".to_owned(),
            ..NewRegistryClient::default()
        };
        store.add_registry_clients(&[new]).await.unwrap();
        assert_eq!(choices("somebody").await.1, 1);
        hub.engine.forget_seen_matching(&hub.actor, &bridge.id).unwrap();
        assert_eq!(choices("somebody").await.1, 2);
    })
    .await;
}

#[tokio::test]
async fn a_decision_about_what_was_decided_meanwhile_is_refused_unless_it_says_the_same() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = prepared(&store).await;
        let id = id_of(&hub, &bridge, "Contoso Clinic").await;
        let wants = async |seen: Option<Verdict>, verdict: Option<Verdict>| {
            let seen = SeenMatches {
                verdicts: BTreeMap::from([(id.clone(), seen)]),
                ..SeenMatches::default()
            };
            let decisions = vec![(id.clone(), verdict)];
            hub.engine
                .decide_as_seen(&hub.actor, &bridge, &seen, decisions)
                .await
        };
        wants(None, Some(Verdict::Exclude)).await.unwrap();
        let error = wants(None, Some(Verdict::Create)).await.unwrap_err();
        assert!(
            matches!(&error, Error::DecidedMeanwhile { organization } if organization == "Contoso Clinic"),
            "{error}"
        );
        // A double click says the same once more.
        wants(None, Some(Verdict::Exclude)).await.unwrap();
        let generation = hub.bridge().await.generation;
        wants(Some(Verdict::Create), None).await.unwrap_err();
        assert_eq!(
            hub.bridge().await.generation,
            generation,
            "what is refused changes nothing"
        );
        wants(Some(Verdict::Exclude), None).await.unwrap();
        assert!(store.decisions(&bridge.id).await.unwrap().is_empty());
    })
    .await;
}
