//! A NinjaOne that lies at whatever else a sync asks for: the lists of locations and roles, the reports that fill in what the
//! device list leaves out, the endpoint tokens come from, and more at the list of organizations.
//!
//! There are hundreds of such lies, so each seed tells every thirty-seventh; two hundred seeds tell all of them several
//! times. The connector's tests of this name tell most of them without a database.

use crate::liar_telling::{Lie, TOKEN, Told, after, estate, field, seeds, tell};
use model::SiteRule;
use serde_json::{Value, json};
use simulators::faults::{Effect, Moment};
use simulators::ninjaone::oauth::{OauthOptions, Rotation};
use simulators::ninjaone::{CursorName, Options, Part, Quirks};
use std::collections::BTreeSet;
use testkit::Engine;

const ORGANIZATIONS: &str = "/v2/organizations";
const LOCATIONS: &str = "/v2/locations";
const ROLES: &str = "/v2/roles";
const SYSTEMS: &str = "/v2/queries/computer-systems";
const VOLUMES: &str = "/v2/queries/volumes";
/// How many lies stand between two that one seed tells.
const STRIDE: usize = 37;

/// What is there to ask, and how often a sync does at least.
const PLACES: [(&str, u64); 6] = [
    (ORGANIZATIONS, 2),
    (LOCATIONS, 2),
    (ROLES, 1),
    (SYSTEMS, 2),
    (VOLUMES, 2),
    (TOKEN, 1),
];

/// Lies about an answer as a whole.
fn about_answers() -> Vec<(Effect, Told)> {
    use Told::{Always, Once};
    let reset = |at| Effect::Reset { at };
    let said_to_be = |value: &str| Effect::ContentType {
        value: value.to_owned(),
    };
    let mut lies = vec![
        (Effect::Latency { ms: 30 }, Always),
        (reset(Moment::BeforeHeaders), Once),
        (reset(Moment::AfterHeaders), Once),
        (reset(Moment::MidBody), Once),
        (Effect::TruncatedJson, Always),
        (Effect::TruncatedJson, Once),
        (Effect::InvalidJson, Always),
        (Effect::SlowBody { ms: 2 }, Always),
        (Effect::GzipLie, Once),
        (said_to_be("text/html"), Always),
        (said_to_be("application/octet-stream"), Always),
        (Effect::ProxyPage { status: 502 }, Once),
        (after("0"), Once),
        (after("soon"), Once),
        (after("1e9"), Once),
        (Effect::TooManyRequests { retry_after: None }, Once),
        (Effect::ThrottlePage { status: 200 }, Once),
        (Effect::ThrottlePage { status: 503 }, Once),
        (Effect::LoginPage, Always),
        (Effect::LoginPage, Once),
        (Effect::ErrorObject, Always),
        (Effect::ErrorObject, Once),
        (Effect::Status { status: 500 }, Once),
        (Effect::ExpireTokens, Once),
        (Effect::RevokeGrants, Once),
    ];
    for told in [Always, Once] {
        let statuses = [302, 400, 401, 403, 404, 409, 413];
        lies.extend(statuses.map(|status| (Effect::Status { status }, told)));
        lies.extend([200, 202, 204].map(|status| (Effect::EmptyBody { status }, told)));
    }
    lies
}

/// Lies about which records a list or a report has.
fn about_pages() -> Vec<(Effect, Told)> {
    use Told::{Always, Once};
    let missing = |short_page| Effect::MissingRecords {
        ids: vec![1, 2, 3],
        short_page,
    };
    let changed = Effect::ChangedDuplicates {
        field: "name".to_owned(),
        value: json!("another"),
    };
    vec![
        (Effect::RepeatPage, Always),
        (Effect::RepeatPage, Once),
        (Effect::StuckCursor, Always),
        (Effect::EndlessPages, Always),
        (Effect::CursorLoop { length: 1 }, Always),
        (Effect::CursorLoop { length: 2 }, Always),
        (Effect::CursorLoop { length: 7 }, Always),
        (Effect::DuplicateIds, Always),
        (changed, Always),
        (Effect::DoubledRows, Always),
        (Effect::ReversedRows, Always),
        (missing(false), Always),
        (missing(true), Always),
        (Effect::EmptyTenant, Always),
        (Effect::EmptyTenant, Once),
        (Effect::AbsurdValues { every: 4 }, Always),
    ]
}

/// The key of a record's id, and its texts.
fn texts(path: &str) -> (&'static str, &'static [&'static str]) {
    match path {
        SYSTEMS => ("deviceId", &["serialNumber", "name"]),
        VOLUMES => ("deviceId", &["name"]),
        _ => ("id", &["name"]),
    }
}

/// Lies about what records hold.
fn about_records(path: &str) -> Vec<Effect> {
    let (id, texts) = texts(path);
    let without = |name: &str| Effect::DropField {
        field: name.to_owned(),
        every: 3,
    };
    let mut lies: Vec<Effect> = [json!("17"), json!(1e20), json!(-1), json!([7]), Value::Null]
        .map(|value| field(id, value))
        .into();
    lies.push(without(id));
    lies.push(field("surprise", json!({"a": [1, null]})));
    for name in texts {
        let values = [
            Value::Null,
            json!(4_711),
            json!(["a", {"b": 1}]),
            json!(""),
            json!("the same"),
            json!("zero \u{0} byte"),
            json!("\u{202e}edit\u{200b} \u{e0041}"),
            json!("x".repeat(1 << 20)),
        ];
        lies.extend(values.map(|value| field(name, value)));
        lies.push(without(name));
        lies.push(Effect::LoneSurrogate {
            field: (*name).to_owned(),
            every: 3,
        });
        lies.push(Effect::SwappedRows {
            field: (*name).to_owned(),
        });
        lies.push(Effect::Capitals {
            field: (*name).to_owned(),
            every: 2,
        });
    }
    if path == LOCATIONS {
        let organizations = [json!("2"), json!(2), json!(987_654), json!(1e20), Value::Null];
        lies.extend(organizations.map(|value| field("organizationId", value)));
        lies.push(without("organizationId"));
    }
    if path == VOLUMES {
        let sizes = [json!("lots"), json!(-1), json!(1e300), json!(1.5)];
        lies.extend(sizes.map(|value| field("capacity", value)));
    }
    lies
}

/// Lies about what a pair of tokens holds.
fn about_tokens() -> Vec<Effect> {
    let values = [
        ("access_token", json!("")),
        ("access_token", json!(17)),
        ("access_token", json!("no-token-of-this-instance")),
        ("access_token", json!("one line\nand another")),
        ("refresh_token", Value::Null),
        ("refresh_token", json!(["one", "two"])),
        ("refresh_token", json!("no-refresh-token-of-this-instance")),
        ("expires_in", json!(0)),
        ("expires_in", json!(-1)),
        ("expires_in", json!(0.001)),
        ("expires_in", json!(1e308)),
        ("expires_in", json!("3600")),
        ("expires_in", json!("soon")),
        ("expires_in", Value::Null),
        ("token_type", json!("mac")),
        ("token_type", Value::Null),
        ("scope", json!("control")),
        ("scope", json!(17)),
        ("surprise", json!({"a": [1, null]})),
    ];
    let dropped = [
        "access_token",
        "refresh_token",
        "expires_in",
        "token_type",
        "scope",
    ];
    let dropped = dropped.map(|name| Effect::DropField {
        field: name.to_owned(),
        every: 1,
    });
    let values = values.map(|(name, value)| field(name, value));
    values.into_iter().chain(dropped).collect()
}

/// Every lie, place by place.
fn lies() -> Vec<Lie> {
    let mut lies = Vec::new();
    for (path, requests) in PLACES {
        let mut here = about_answers();
        let contents = match path {
            TOKEN => about_tokens(),
            _ => {
                here.extend(about_pages());
                about_records(path)
            }
        };
        here.extend(contents.into_iter().map(|effect| (effect, Told::Always)));
        lies.extend(here.into_iter().map(|(effect, told)| Lie {
            path,
            effect,
            told,
            requests,
        }));
    }
    lies
}

/// Pages of few records, whatever is asked for; a device list that leaves out what has to be asked for elsewhere; and each
/// seed with another of the ways the vendor leaves open.
fn leaving_out(seed: u64) -> Options {
    let mut without = BTreeSet::from([Part::System, Part::Os, Part::Volumes, Part::Processors]);
    if seed % 2 == 1 {
        without.insert(Part::References);
    }
    let cursor_name = match seed % 4 {
        0 | 1 => CursorName::Stays,
        _ => CursorName::Changes,
    };
    let rotation = match seed % 3 {
        0 => Rotation::Invalidate,
        1 => Rotation::Grace(60),
        _ => Rotation::Static,
    };
    Options {
        quirks: Quirks {
            without,
            cursor_name,
            largest_page_size: Some(4),
            largest_report_page: Some(10),
            used_up_cursor_refused: seed % 5 == 1,
            ..Quirks::default()
        },
        oauth: OauthOptions {
            rotation,
            ..OauthOptions::default()
        },
        ..estate(seed)
    }
}

/// Lies to two hubs at once: most of the time is spent waiting before something is tried again.
async fn lie_on(engine: Engine) {
    // The two databases begin apart, so that they tell different lies.
    let apart = match engine {
        Engine::Sqlite => 0,
        Engine::Postgres => STRIDE / 2,
    };
    for seed in seeds() {
        let begin = (usize::try_from(seed).unwrap() + apart) % STRIDE;
        let lies: Vec<Lie> = lies().into_iter().skip(begin).step_by(STRIDE).collect();
        let some = lies.chunks(lies.len().div_ceil(2));
        let some = some.map(|some| tell(engine, leaving_out(seed), SiteRule::SameName, some));
        futures::future::join_all(some).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_told_anywhere_costs_no_record_on_sqlite() {
    lie_on(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_told_anywhere_costs_no_record_on_postgres() {
    if Engine::available().contains(&Engine::Postgres) {
        lie_on(Engine::Postgres).await;
    }
}
