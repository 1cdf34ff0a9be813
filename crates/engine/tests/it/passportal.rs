//! From NinjaRMM's API v1 to Passportal, as its preset has it: what its API cannot do waits for a person, and nothing is
//! made twice.

use crate::hub::{Hub, confirmed, small};
use connect::Secrets;
use engine::connecting::ConnectionRequest;
use engine::wizard::Unmatched;
use model::{
    Bridge, Cause, Clock as _, Connection, ConnectionId, ConnectionState, Operation, OrganizationMatch,
    PlanSummary,
};
use serde_json::json;
use simulators::clock::SettableClock;
use simulators::directory::{Fault, Mode};
use simulators::ninjaone::KeyPair;
use simulators::passportal::{DocumentationManager, Options, Passportal};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use testkit::TestStore;

const SETTLE: Duration = Duration::from_millis(700);

/// An estate in the store's time, by which signatures of API v1 are made.
fn at(store: &TestStore, options: simulators::ninjaone::Options) -> simulators::ninjaone::Options {
    simulators::ninjaone::Options {
        clock: Arc::new(SettableClock::new(store.clock().now())),
        ..options
    }
}

async fn account(clients: &[&str]) -> Passportal {
    let options = Options {
        clients: clients.iter().map(|name| (*name).to_owned()).collect(),
        ..Options::default()
    };
    Passportal::start_on_loopback(options).await.unwrap()
}

async fn by_keys(hub: &Hub, name: &str) -> Connection {
    let keys = KeyPair::demo();
    let request = ConnectionRequest {
        kind: "ninjarmm".to_owned(),
        name: name.to_owned(),
        settings: json!({ "base_url": hub.ninja.base_url(), "access_key_id": keys.id }),
        secrets: Secrets::from([("secret_access_key".to_owned(), keys.secret.as_str().into())]),
        allow_private_hosts: true,
    };
    let saved = hub.engine.save_connection(&hub.actor, request).await.unwrap();
    hub.engine.connect_machine(&hub.actor, &saved.id).await.unwrap()
}

async fn saved(hub: &Hub, account: &Passportal, updates: &str) -> ConnectionId {
    let request = ConnectionRequest {
        kind: "passportal".to_owned(),
        name: "passportal".to_owned(),
        settings: json!({
            "base_url": account.base_url(), "access_key_id": "DEMOPASSPORTALKEY", "updates": updates,
            "deadline_ms": 2000, "settle_ms": SETTLE.as_millis(),
        }),
        secrets: Secrets::from([("secret_access_key".to_owned(), "demo-passportal-secret".into())]),
        allow_private_hosts: true,
    };
    hub.engine.save_connection(&hub.actor, request).await.unwrap().id
}

/// A bridge from NinjaRMM to Passportal by its preset, with four organizations that are called so.
async fn bridged(store: &TestStore, account: &Passportal, updates: &str) -> (Hub, Bridge) {
    let hub = Hub::new(store, at(store, small(12))).await;
    let names = ["Acme Corp", "Müller & Söhne", "Contoso Clinic", "Fabrikam Labs"];
    let ids = hub.ninja.organizations();
    let named: Vec<_> = ids.iter().map(|(id, _)| *id).zip(names).collect();
    assert!(hub.ninja.name_organizations(&named).is_empty());
    let source = by_keys(&hub, "ninjarmm").await;
    let to = saved(&hub, account, updates).await;
    let connected = hub.engine.connect_machine(&hub.actor, &to).await.unwrap();
    assert_eq!(connected.state, ConnectionState::Connected);
    let bridge = hub
        .engine
        .add_bridge(&hub.actor, "assets", &source.id, &to, "passportal")
        .await
        .unwrap();
    hub.read(&bridge).await;
    (hub, bridge)
}

async fn operations(hub: &Hub, plan: &PlanSummary) -> Vec<Operation> {
    let all = hub.engine.operations(&hub.actor, &plan.id, 0, 10_000).await;
    all.unwrap()
}

/// Documents this program made, of the client of that name.
fn ours(account: &Passportal, client: &str) -> usize {
    let clients = account.clients();
    let (id, _) = clients.iter().find(|(_, name)| name == client).unwrap();
    let made = |text: Option<&str>| text.is_some_and(|text| text.contains("rmmbridge"));
    let documents = account.documents();
    let of_client = documents.iter().filter(|document| document.client == *id);
    of_client.filter(|document| made(document.text(32))).count()
}

async fn is_finished(hub: &Hub, account: &Passportal) {
    hub.read(&hub.bridge().await).await;
    let plan = hub.plan().await;
    assert_eq!(plan.counts.writes(), 0, "{:?}", plan.counts);
    assert!(
        account
            .duplicates()
            .keys()
            .all(|(_, system)| system == "Automate")
    );
}

#[tokio::test]
async fn p19_p37_p38_devices_become_documents_of_their_clients_and_a_second_plan_is_empty() {
    TestStore::on_every_engine(async |store| {
        let account = account(&["Acme Corp", "Müller & Söhne", "Somebody Else"]).await;
        let (hub, bridge) = bridged(&store, &account, "off").await;
        let overview = hub.engine.match_overview(&hub.actor, &bridge).await.unwrap();
        assert_eq!((overview.matched.len(), overview.open.len()), (2, 2));
        let plan = hub.plan().await;
        assert_eq!(
            plan.counts.create_clients, 0,
            "Passportal's API creates no clients"
        );
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!((run.counts.failed, run.counts.unknown), (0, 0), "{run:?}");
        for row in &overview.matched {
            let made = ours(&account, &row.organization.name);
            assert_eq!(made as u64, row.devices, "{}", row.organization.name);
        }
        // P37: each with its id in field 31 and the system in 32.
        let pairs: BTreeSet<String> = account
            .documents()
            .iter()
            .filter(|document| {
                document
                    .text(32)
                    .is_some_and(|system| system.starts_with("NinjaOne (rmmbridge "))
            })
            .map(|document| document.text(31).unwrap().to_owned())
            .collect();
        let devices: u64 = overview.matched.iter().map(|row| row.devices).sum();
        assert_eq!(pairs.len() as u64, devices);
        assert_eq!(
            account.documents().len() as u64,
            devices + 3,
            "and Automate's three"
        );
        is_finished(&hub, &account).await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_wanted_waits_until_somebody_creates_it_there() {
    let store = TestStore::sqlite().await;
    let account = account(&["Acme Corp"]).await;
    let (hub, bridge) = bridged(&store, &account, "off").await;
    hub.engine
        .create_unmatched(&hub.actor, &bridge, Unmatched::All)
        .await
        .unwrap();
    let row = async || {
        let bridge = hub.bridge().await;
        let matching = hub.engine.matching(&hub.actor, &bridge).await.unwrap();
        let mut rows = matching.rows.into_iter();
        rows.find(|row| row.organization.name == "Contoso Clinic")
            .unwrap()
    };
    let open = row().await;
    let OrganizationMatch::Undecided { reason, .. } = &open.status else {
        panic!("it stays open: {open:?}");
    };
    assert!(
        reason.contains("Passportal's API cannot create one: create `Contoso Clinic` there, then refresh"),
        "{reason}"
    );
    let overview = hub
        .engine
        .match_overview(&hub.actor, &hub.bridge().await)
        .await
        .unwrap();
    assert_eq!((overview.create.len(), overview.open.len()), (0, 3));
    let run = hub.apply(&hub.plan().await, confirmed()).await.unwrap();
    assert_eq!(run.counts.failed, 0, "{run:?}");
    assert_eq!(account.clients().len(), 1);

    // Created there, it is found: nothing was forgotten, and nothing else has to be said.
    account.create_client("Contoso Clinic");
    let found = row().await;
    assert!(
        matches!(found.status, OrganizationMatch::Matched { .. }),
        "{found:?}"
    );
    let run = hub.apply(&hub.plan().await, confirmed()).await.unwrap();
    assert_eq!(run.counts.failed, 0, "{run:?}");
    assert_eq!(ours(&account, "Contoso Clinic") as u64, found.devices);
    is_finished(&hub, &account).await;
}

#[tokio::test]
async fn what_differs_is_told_where_documents_stay_as_they_are_and_mended_where_they_may_be_replaced() {
    let store = TestStore::sqlite().await;
    let account = account(&["Acme Corp", "Müller & Söhne", "Contoso Clinic", "Fabrikam Labs"]).await;
    let (hub, _) = bridged(&store, &account, "off").await;
    hub.apply(&hub.plan().await, confirmed()).await.unwrap();
    let document = account
        .documents()
        .into_iter()
        .find(|d| d.text(32).is_some_and(|t| t.contains("rmmbridge")))
        .unwrap();
    let name = document.text(0).unwrap().to_owned();
    assert!(account.edit(document.id, 0, "Somebody's own name"));
    let plan = hub.plan().await;
    assert_eq!(plan.counts.writes(), 0, "{:?}", plan.counts);
    let told = operations(&hub, &plan).await;
    let told: Vec<_> = told
        .iter()
        .filter(|operation| operation.cause == Some(Cause::ChangeByHand))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].reason.contains("API cannot change assets"), "{told:?}");

    saved(&hub, &account, "replace").await;
    let plan = hub.plan().await;
    assert_eq!(plan.counts.updates, 1, "{:?}", plan.counts);
    let run = hub.apply(&plan, confirmed()).await.unwrap();
    assert_eq!(run.counts.failed, 0, "{run:?}");
    let documents = account.documents();
    let mended = documents.iter().find(|d| d.id == document.id).unwrap();
    assert_eq!(mended.text(0), Some(name.as_str()));
    assert_eq!(
        (mended.text(31), mended.text(32)),
        (document.text(31), document.text(32))
    );
    is_finished(&hub, &account).await;
}

/// Three of the new documents meet this; in the end each device has one.
async fn no_document_twice(mode: Mode) {
    let store = TestStore::sqlite().await;
    let names = ["Acme Corp", "Müller & Söhne", "Contoso Clinic", "Fabrikam Labs"];
    let account = account(&names).await;
    let (hub, bridge) = bridged(&store, &account, "off").await;
    let overview = hub.engine.match_overview(&hub.actor, &bridge).await.unwrap();
    let fault = Fault {
        skip: 2,
        times: Some(3),
        ..Fault::always("POST /documents", mode)
    };
    account.faults().add(fault).unwrap();
    let run = hub.apply(&hub.plan().await, confirmed()).await.unwrap();
    assert_eq!(run.counts.unknown, 3, "{run:?}");
    // Planned again at once, they are left alone: what was sent may still arrive.
    let early = hub.apply(&hub.plan().await, confirmed()).await;
    assert_eq!(early.map_or(0, |run| run.counts.done), 0);
    assert!(account.settled(Duration::from_secs(10)).await);
    // The quarantine: until it was sent, the deadline, and what the account may take.
    let over = Duration::from_millis(4300) + SETTLE;
    store.clock().advance(over.try_into().unwrap());
    let plan = hub.plan().await;
    if plan.counts.writes() > 0 {
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        let left = hub.engine.failed_items(&hub.actor, &run).await.unwrap();
        assert_eq!((run.counts.failed, run.counts.unknown), (0, 0), "{left:?}");
    }
    let made: usize = names.iter().map(|name| ours(&account, name)).sum();
    assert_eq!(made as u64, overview.devices);
    is_finished(&hub, &account).await;
}

#[tokio::test]
async fn a_lost_answer_makes_no_document_twice() {
    no_document_twice(Mode::LostAnswer).await;
}

#[tokio::test]
async fn a_late_commit_makes_no_document_twice() {
    no_document_twice(Mode::LateCommit {
        commit_ms: 2200,
        spread_ms: 0,
        close_ms: Some(100),
    })
    .await;
}

#[tokio::test]
async fn an_error_after_the_deed_makes_no_document_twice() {
    no_document_twice(Mode::ErrorAfter { status: 500 }).await;
}

#[tokio::test]
async fn an_error_before_the_deed_leaves_no_document_out() {
    no_document_twice(Mode::ErrorBefore { status: 503 }).await;
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_believed_in_neither_way() {
    for carried_out in [true, false] {
        no_document_twice(Mode::HtmlPage {
            status: 200,
            carried_out,
        })
        .await;
    }
}

#[tokio::test]
async fn p03_p04_a_connection_whose_account_lacks_documentation_manager_says_so_and_recovers() {
    let store = TestStore::sqlite().await;
    for how in [
        DocumentationManager::Forbidden,
        DocumentationManager::NoScope,
        DocumentationManager::Told,
    ] {
        let account = account(&["Acme Corp"]).await;
        account.set_quirks(|quirks| quirks.documentation_manager = how);
        let hub = Hub::new(&store, small(10)).await;
        let to = saved(&hub, &account, "off").await;
        let connected = hub.engine.connect_machine(&hub.actor, &to).await;
        // Where not even a token is given there is an error; the state is the same.
        assert_eq!(
            connected.is_err(),
            how == DocumentationManager::NoScope,
            "{connected:?}"
        );
        let stands = async || {
            let all = hub.engine.connections(&hub.actor).await.unwrap();
            all.into_iter().find(|c| c.id == to).unwrap().state
        };
        let ConnectionState::NotEnabled { part, reason } = stands().await else {
            panic!("{how:?}: {}", stands().await);
        };
        assert_eq!(part, "Documentation Manager");
        assert!(reason.contains("Partner Development Manager"), "{reason}");
        hub.engine.check(&hub.actor, &to).await.unwrap();
        assert!(matches!(stands().await, ConnectionState::NotEnabled { .. }));

        account.set_quirks(|quirks| quirks.documentation_manager = DocumentationManager::On);
        let points = hub.engine.check(&hub.actor, &to).await.unwrap();
        assert_eq!(stands().await, ConnectionState::Connected, "{points:?}");
        // And it is noticed when it is lost.
        account.set_quirks(|quirks| quirks.documentation_manager = how);
        account.expire_tokens();
        hub.engine.check(&hub.actor, &to).await.unwrap();
        assert!(
            matches!(stands().await, ConnectionState::NotEnabled { .. }),
            "{how:?}: {}",
            stands().await
        );
    }
}

/// Both tenants have a device 1: the id pair of a document cannot tell whose it is, our mark beside it can.
#[tokio::test]
async fn two_tenants_in_one_passportal_do_not_take_each_others_documents() {
    let store = TestStore::sqlite().await;
    let names = ["Acme Corp", "Müller & Söhne", "Contoso Clinic", "Fabrikam Labs"];
    let account = account(&names).await;
    let (north, bridge) = bridged(&store, &account, "off").await;
    north.apply(&north.plan().await, confirmed()).await.unwrap();
    let made = account.documents().len();

    // Another tenant, with the same numbers, names of clients, and other machines.
    let options = simulators::ninjaone::Options {
        seed: 77,
        ..small(12)
    };
    let south = Hub::new(&store, at(&store, options)).await;
    let ids = south.ninja.organizations();
    let named: Vec<_> = ids.iter().map(|(id, _)| *id).zip(names).collect();
    south.ninja.name_organizations(&named);
    let source = by_keys(&south, "south").await;
    let second = south
        .engine
        .add_bridge(
            &south.actor,
            "south",
            &source.id,
            &bridge.destination,
            "passportal",
        )
        .await
        .unwrap();
    let runner = south.runner().await;
    let (engine, actor) = (&south.engine, &south.actor);
    engine
        .read(actor, &runner, &second.source, None, south.work())
        .await
        .unwrap();
    let plan = engine
        .make_plan(actor, &runner, &second, None, south.work())
        .await
        .unwrap();
    let links: Vec<_> = operations(&south, &plan)
        .await
        .into_iter()
        .filter(|operation| operation.reason.contains("stores this device's id"))
        .collect();
    assert!(links.is_empty(), "{links:?}");
    let run = engine
        .apply(actor, &runner, &plan.id, confirmed(), south.work())
        .await
        .unwrap();
    assert_eq!((run.counts.failed, run.counts.unknown), (0, 0), "{run:?}");
    assert!(account.documents().len() > made);
    assert!(
        account
            .duplicates()
            .keys()
            .all(|(_, system)| system == "Automate")
    );
}
