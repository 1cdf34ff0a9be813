//! A NinjaOne that lies: everything its simulator can do wrong, at the lists of organizations and devices, on the real engine.
//! What must hold is in `liar_telling.rs`, the lies at everything else a sync asks for in `liar_elsewhere.rs`.
//!
//! `RMMBRIDGE_LIAR_SEEDS=200 cargo test -p engine --test it liar` tries so many seeds on each database; a test run has one.
//! On PostgreSQL each of them tells every second lie.

use crate::liar_telling::{Lie, estate, seeds, tell};
use model::SiteRule;
use serde_json::{Value, json};
use simulators::faults::Effect;
use simulators::ninjaone::lies::{self, Told, after, field};
use std::collections::BTreeSet;
use testkit::Engine;

const LIST: &str = "/v2/devices-detailed";
const ORGANIZATIONS: &str = "/v2/organizations";

/// Every lie: where, what, how often.
fn every_lie() -> Vec<(&'static str, Effect, Told)> {
    use Told::{Always, Once};
    let changed = |name: &str, value| Effect::ChangedDuplicates {
        field: name.to_owned(),
        value,
    };
    let missing = Effect::MissingRecords {
        ids: vec![1],
        short_page: false,
    };
    let swapped = |field: &str| Effect::SwappedRows {
        field: field.to_owned(),
    };
    let capitals = |field: &str| Effect::Capitals {
        field: field.to_owned(),
        every: 2,
    };
    let own = [
        // On the way: what hangs, or is tried again for half a minute, is stopped here.
        (LIST, Effect::EndlessBody, Once),
        (LIST, Effect::GzipLie, Always),
        (LIST, after("1e9"), Once),
        (ORGANIZATIONS, Effect::LoginPage, Once),
        (ORGANIZATIONS, Effect::ErrorObject, Always),
        // In the paging.
        (LIST, changed("organizationId", json!(2)), Always),
        (LIST, changed("system.serialNumber", json!("ANOTHER-1")), Always),
        (ORGANIZATIONS, missing, Always),
        ("/v2/*", Effect::EmptyTenant, Always),
        // In the records.
        (LIST, swapped("systemName"), Always),
        (LIST, swapped("system.serialNumber"), Always),
        (LIST, swapped("organizationId"), Always),
        (LIST, capitals("systemName"), Always),
        (ORGANIZATIONS, swapped("name"), Always),
        (ORGANIZATIONS, capitals("name"), Always),
        (LIST, field("surprise", json!({"a": [1, null]})), Always),
        (LIST, field("system.serialNumber", json!("CLONE-1")), Always),
        (LIST, field("created", json!("2026-01-01T00:00:00+14:00")), Always),
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
    ];
    let shared = lies::answers().into_iter().chain(lies::pages());
    let shared = shared.map(|(effect, told)| (LIST, effect, told));
    shared.chain(own).collect()
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
        Effect::ProxyPage { .. } => 26,
        Effect::EmptyBody { .. } => 27,
        Effect::ContentType { .. } => 28,
        Effect::Capitals { .. } => 29,
        Effect::SwappedRows { .. } => 30,
        Effect::DoubledRows => 31,
        Effect::ReversedRows => 32,
    };
    let told: BTreeSet<i32> = every_lie().iter().map(|(_, effect, _)| kind(effect)).collect();
    assert_eq!(told, (0..33).collect());
}

/// Small pages: each list is asked for twice at least.
fn lie((path, effect, told): (&'static str, Effect, Told)) -> Lie {
    Lie {
        path,
        effect,
        told,
        requests: 2,
    }
}

/// Lies to some hubs at once: most of the time is spent waiting before something is tried again.
async fn lie_on(engine: Engine) {
    // A server has few connections, and each hub takes several.
    let (stride, lies_each) = match engine {
        Engine::Sqlite => (1, 8),
        Engine::Postgres => (2, 14),
    };
    for seed in seeds() {
        let begin = usize::try_from(seed).unwrap() % stride;
        let lies = every_lie().into_iter().skip(begin).step_by(stride);
        let lies: Vec<Lie> = lies.map(lie).collect();
        let some = lies.chunks(lies_each);
        let some = some.map(|some| tell(engine, estate(seed), SiteRule::None, some));
        futures::future::join_all(some).await;
    }
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
