//! A NinjaOne that lies: everything its simulator can do wrong, at the lists a sync reads, on the real engine.
//!
//! Under each lie: read, plan, apply, as a schedule would, with the archive rule as sharp as it can be set. Whatever comes of
//! that, nothing may be there twice, no more may be archived than the brakes let through, and the audit log is whole. Then
//! the truth again: every device has one asset, and a further plan writes nothing.
//!
//! `RMMBRIDGE_LIAR_SEEDS=200 cargo test -p engine --test it liar` tries so many seeds on each database; a test run has two.

use crate::hub::{Hub, confirmed};
use crate::undoing::assets;
use engine::applying::ApplyOptions;
use engine::{Quiet, Work};
use model::{Archive, Bridge, BridgeSettings, ConnectionState, RecordKind};
use serde_json::{Value, json};
use simulators::faults::{Effect, Fault, Moment};
use simulators::ninjaone::Options;
use simulators::ninjaone::estate::device::Approval;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::Verified;
use testkit::{Engine, TestStore};
use tokio_util::sync::CancellationToken;

const LIST: &str = "/v2/devices-detailed";
const ORGANIZATIONS: &str = "/v2/organizations";
/// The most a plan archives that nobody confirmed: below ten records the brakes' shares do not bind, and five percent of
/// these estates are fewer.
const LET_THROUGH: usize = 9;

#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("RMMBRIDGE_LIAR_SEEDS").ok();
    0..asked.map_or(2, |text| text.parse().unwrap())
}

/// How often a lie is told.
#[derive(Clone, Copy)]
enum Told {
    /// To every request.
    Always,
    /// Once, somewhere in the list.
    Once,
}

fn field(field: &str, value: Value) -> Effect {
    Effect::WrongType {
        field: field.to_owned(),
        value,
        every: 3,
    }
}

fn after(text: &str) -> Effect {
    Effect::TooManyRequests {
        retry_after: Some(text.to_owned()),
    }
}

/// Every lie: where, what, how often.
fn lies() -> Vec<(&'static str, Effect, Told)> {
    use Told::{Always, Once};
    let reset = |at| Effect::Reset { at };
    let changed = |name: &str, value| Effect::ChangedDuplicates {
        field: name.to_owned(),
        value,
    };
    let missing = |ids: &[i64], short_page| Effect::MissingRecords {
        ids: ids.to_vec(),
        short_page,
    };
    vec![
        // On the way.
        (LIST, Effect::Latency { ms: 30 }, Always),
        (LIST, reset(Moment::BeforeHeaders), Once),
        (LIST, reset(Moment::AfterHeaders), Once),
        (LIST, reset(Moment::MidBody), Once),
        (LIST, Effect::TruncatedJson, Always),
        (LIST, Effect::InvalidJson, Always),
        (LIST, Effect::SlowBody { ms: 5 }, Always),
        (LIST, Effect::EndlessBody, Once),
        (LIST, Effect::GzipLie, Always),
        // By HTTP.
        (LIST, after("0"), Once),
        (LIST, after("-1"), Once),
        (LIST, after("soon"), Once),
        (LIST, after("Wed, 21 Oct 2015 07:28:00 GMT"), Once),
        (LIST, after("1e9"), Once),
        (LIST, Effect::TooManyRequests { retry_after: None }, Once),
        (LIST, Effect::ThrottlePage { status: 200 }, Once),
        (LIST, Effect::ThrottlePage { status: 503 }, Once),
        (LIST, Effect::LoginPage, Always),
        (ORGANIZATIONS, Effect::LoginPage, Once),
        (LIST, Effect::ErrorObject, Always),
        (ORGANIZATIONS, Effect::ErrorObject, Always),
        (LIST, Effect::Status { status: 500 }, Once),
        (LIST, Effect::Status { status: 403 }, Always),
        (LIST, Effect::Status { status: 404 }, Always),
        (LIST, Effect::ExpireTokens, Once),
        (LIST, Effect::RevokeGrants, Once),
        // In the paging.
        (LIST, Effect::RepeatPage, Always),
        (LIST, Effect::StuckCursor, Always),
        (LIST, Effect::EndlessPages, Always),
        (LIST, Effect::CursorLoop { length: 1 }, Always),
        (LIST, Effect::CursorLoop { length: 2 }, Always),
        (LIST, Effect::CursorLoop { length: 7 }, Always),
        (LIST, Effect::DuplicateIds, Always),
        (LIST, changed("organizationId", json!(2)), Always),
        (LIST, changed("system.serialNumber", json!("ANOTHER-1")), Always),
        (LIST, missing(&[1, 2, 3], false), Always),
        (LIST, missing(&[1, 2, 3], true), Always),
        (ORGANIZATIONS, missing(&[1], false), Always),
        (LIST, Effect::EmptyTenant, Once),
        ("/v2/*", Effect::EmptyTenant, Always),
        // In the records.
        (LIST, Effect::AbsurdValues { every: 4 }, Always),
        (LIST, field("id", json!("17")), Always),
        (LIST, field("id", json!(1e20)), Always),
        (LIST, field("organizationId", json!("2")), Always),
        (LIST, field("organizationId", json!(1e20)), Always),
        (LIST, field("organizationId", json!(987_654)), Always),
        (LIST, field("memory.capacity", json!("lots")), Always),
        (LIST, field("system.serialNumber", json!(4_711)), Always),
        (
            LIST,
            field("system.serialNumber", json!("To be filled by O.E.M.")),
            Always,
        ),
        (LIST, field("systemName", json!("zero \u{0} byte")), Always),
        (
            LIST,
            field("systemName", json!("\u{202e}edit\u{200b} \u{e0041}")),
            Always,
        ),
        (LIST, field("systemName", json!("x".repeat(1 << 20))), Always),
        (LIST, field("systemName", Value::Null), Always),
        (LIST, field("systemName", json!(["a", {"b": 1}])), Always),
        (LIST, field("created", json!(0)), Always),
        (LIST, field("created", json!(253_402_300_799.0)), Always),
        (LIST, field("lastContact", json!(1e308)), Always),
        (ORGANIZATIONS, field("name", json!("zero \u{0} byte")), Always),
        (ORGANIZATIONS, field("name", json!(7)), Always),
        (
            LIST,
            Effect::LoneSurrogate {
                field: "systemName".to_owned(),
                every: 5,
            },
            Always,
        ),
        (
            LIST,
            Effect::DropField {
                field: "organizationId".to_owned(),
                every: 6,
            },
            Always,
        ),
        (
            LIST,
            Effect::DropField {
                field: "id".to_owned(),
                every: 6,
            },
            Always,
        ),
    ]
}

/// Every kind of effect is among the lies; a new one does not compile before somebody has looked.
#[test]
fn every_effect_is_told_as_a_lie() {
    let kind = |effect: &Effect| match effect {
        Effect::Latency { .. } => 0,
        Effect::TooManyRequests { .. } => 1,
        Effect::ThrottlePage { .. } => 2,
        Effect::LoginPage => 3,
        Effect::Status { .. } => 4,
        Effect::Reset { .. } => 5,
        Effect::ErrorObject => 6,
        Effect::GzipLie => 7,
        Effect::EndlessBody => 8,
        Effect::SlowBody { .. } => 9,
        Effect::TruncatedJson => 10,
        Effect::InvalidJson => 11,
        Effect::WrongType { .. } => 12,
        Effect::LoneSurrogate { .. } => 13,
        Effect::DropField { .. } => 14,
        Effect::AbsurdValues { .. } => 15,
        Effect::RepeatPage => 16,
        Effect::StuckCursor => 17,
        Effect::EndlessPages => 18,
        Effect::CursorLoop { .. } => 19,
        Effect::DuplicateIds => 20,
        Effect::ChangedDuplicates { .. } => 21,
        Effect::MissingRecords { .. } => 22,
        Effect::EmptyTenant => 23,
        Effect::ExpireTokens => 24,
        Effect::RevokeGrants => 25,
    };
    let told: BTreeSet<i32> = lies().iter().map(|(_, effect, _)| kind(effect)).collect();
    assert_eq!(told, (0..26).collect());
}

/// Small pages, so that a list has several, and an archive rule that waits for nothing.
async fn set_up(store: &TestStore, seed: u64) -> (Hub, Bridge) {
    let options = Options {
        devices: 34,
        organizations: Some(4),
        seed,
        ..Options::default()
    };
    let (hub, bridge) = Hub::connected(store, options, "default").await;
    let mut request = hub.request("ninjaone");
    request.settings["page_size"] = json!(10);
    request.settings["readers"] = json!(1 + seed % 2);
    request.settings["max_devices"] = json!(500);
    hub.engine.save_connection(&hub.actor, request).await.unwrap();
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
    (hub, bridge)
}

/// Reads, plans and applies as a schedule would; what it met in words.
async fn sync_unattended(hub: &Hub, bridge: &Bridge) -> Result<(), String> {
    let stop = CancellationToken::new();
    let work = Work {
        progress: &Quiet,
        stop: &stop,
    };
    let words = |error: engine::Error| error.to_string();
    let (engine, actor) = (&hub.engine, &hub.actor);
    let runner = engine.become_runner(actor).await.map_err(words)?;
    // What hangs is stopped by whoever waits for it.
    let patience = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        stop.cancel();
        std::future::pending::<()>().await;
    };
    let sync = async {
        engine
            .read(actor, &runner, &bridge.source, None, work)
            .await
            .map_err(words)?;
        let plan = engine
            .make_plan(actor, &runner, bridge, None, work)
            .await
            .map_err(words)?;
        let writes = u64::from(plan.counts.writes());
        let run = engine.apply(actor, &runner, &plan.id, ApplyOptions::default(), work);
        let counts = run.await.map_err(words)?.counts;
        let outcomes = counts.done + counts.failed + counts.skipped + counts.unknown;
        // I2: each operation has one outcome.
        if outcomes == writes {
            Ok(())
        } else {
            panic!("{writes} operations have {outcomes} outcomes: {counts:?}")
        }
    };
    tokio::select! {
        ended = sync => ended,
        () = patience => unreachable!("it waits for ever"),
    }
}

/// I1 and I11, whatever was told: no source record has two living assets, and few were archived.
async fn nothing_is_there_twice(store: &TestStore, lie: &str, archived_before: usize) {
    let all = assets(store).await;
    let mut living: BTreeMap<&str, usize> = BTreeMap::new();
    for asset in all.values().filter(|asset| asset.archived.is_none()) {
        if let Some(id) = &asset.source_id {
            *living.entry(id).or_default() += 1;
        }
    }
    assert!(living.values().all(|count| *count == 1), "{lie}: {living:?}");
    let archived = all.values().filter(|asset| asset.archived.is_some()).count();
    assert!(
        archived <= archived_before + LET_THROUGH,
        "{lie}: {archived} archived, {archived_before} before"
    );
}

/// The truth is told again: every device has its asset, and there is nothing left to write (I3, I4, I7).
async fn the_truth(store: &TestStore, hub: &Hub, bridge: &Bridge, lie: &str) {
    let connection = store.connection(&bridge.source).await.unwrap();
    if matches!(connection.state, ConnectionState::NeedsAttention { .. }) {
        hub.consent("ninjaone", true).await.unwrap();
    }
    hub.read(bridge).await;
    hub.create_undecided(bridge).await;
    let plan = hub.plan().await;
    let counts = hub.apply(&plan, confirmed()).await.unwrap().counts;
    assert_eq!((counts.failed, counts.unknown), (0, 0), "{lie}: {counts:?}");
    let again = hub.plan().await;
    assert_eq!(again.counts.writes(), 0, "{lie}: {:?}", again.counts);

    let links = store.links(&bridge.id, RecordKind::Asset).await.unwrap();
    let all = assets(store).await;
    let approved: Vec<String> = {
        let estate = hub.ninja.estate();
        let devices = estate.devices().iter();
        let approved = devices.filter(|device| device.approval == Approval::Approved);
        approved.map(|device| device.id.to_string()).collect()
    };
    for id in &approved {
        let record = links.get(&id.as_str().into());
        let asset = record.and_then(|record| all.get(record));
        assert!(
            asset.is_some_and(|asset| asset.archived.is_none()),
            "{lie}: device {id} has no asset: {record:?}"
        );
    }
    for (id, asset) in all.iter().filter(|(_, asset)| asset.archived.is_none()) {
        assert!(
            links.values().any(|record| record == id),
            "{lie}: {asset:?} is nobody's"
        );
    }
    let audit = store.verify_audit(None).await.unwrap();
    assert!(matches!(audit, Verified::Whole { .. }), "{lie}: {audit:?}");
}

/// Lies to some hubs at once: most of the time is spent waiting before something is tried again.
async fn lie_on(engine: Engine) {
    // A server has few connections, and each hub takes several.
    let (step, lies_each) = match engine {
        Engine::Sqlite => (1, 8),
        Engine::Postgres => (2, 24),
    };
    for seed in seeds().step_by(step) {
        let lies = lies();
        let some = lies.chunks(lies_each).map(|some| tell(engine, seed, some));
        futures::future::join_all(some).await;
    }
}

/// Tells one lie after the other to one hub.
async fn tell(engine: Engine, seed: u64, lies: &[(&'static str, Effect, Told)]) {
    let store = TestStore::new(engine).await;
    let (hub, bridge) = set_up(&store, seed).await;
    for (path, effect, told) in lies {
        let lie = format!("{engine:?}, seed {seed}, {path}: {}", short(effect));
        let archived = assets(&store)
            .await
            .values()
            .filter(|a| a.archived.is_some())
            .count();
        hub.ninja.let_a_day_pass(0.2);
        let (skip, times) = match told {
            Told::Always => (0, None),
            Told::Once => (u32::try_from(seed % 2).unwrap(), Some(1)),
        };
        hub.ninja.faults().add(Fault {
            path: (*path).to_owned(),
            method: None,
            skip,
            times,
            effect: effect.clone(),
        });
        let met = sync_unattended(&hub, &bridge).await;
        let struck = hub.ninja.faults().standing()[0].struck;
        assert!(struck > 0, "{lie}: it was never told; {met:?}");
        hub.ninja.faults().clear();
        nothing_is_there_twice(&store, &lie, archived).await;
        forget_the_pause(&store).await;
        the_truth(&store, &hub, &bridge, &lie).await;
    }
    hub.ninja.shutdown().await;
}

fn short(effect: &Effect) -> String {
    format!("{effect:?}").chars().take(120).collect()
}

/// The pause a vendor asked for would be kept for minutes.
async fn forget_the_pause(store: &TestStore) {
    store.sql("DELETE FROM request_budget").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_lies_costs_no_record_on_sqlite() {
    lie_on(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_lies_costs_no_record_on_postgres() {
    if Engine::available().contains(&Engine::Postgres) {
        lie_on(Engine::Postgres).await;
    }
}
