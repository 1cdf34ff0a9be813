//! The lies that a simulated NinjaOne can tell whoever reads from it, by what they are about.
//!
//! A lie is an [`Effect`] and how often it is told. Where it is told, and what must hold afterwards, is up to the tests
//! of the reader. Under all of these it should end within half a minute: what a reader tries again is told once, and
//! an answer without end and a wait of five minutes are left out.

use crate::faults::{Effect, Moment};
use serde_json::{Value, json};

/// How often a lie is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// To every request.
    Always,
    /// To one request.
    Once,
}

/// A field that holds something else in every third row, beginning with the first; an answered object is one row.
pub fn field(name: &str, value: Value) -> Effect {
    Effect::WrongType {
        field: name.to_owned(),
        value,
        every: 3,
    }
}

/// A field that is absent from every third row.
fn without(name: &str) -> Effect {
    Effect::DropField {
        field: name.to_owned(),
        every: 3,
    }
}

/// 429 with this in `Retry-After`.
pub fn after(text: &str) -> Effect {
    Effect::TooManyRequests {
        retry_after: Some(text.to_owned()),
    }
}

/// A lie that is told in both ways.
fn both_ways(effect: Effect) -> [(Effect, Told); 2] {
    [(effect.clone(), Told::Always), (effect, Told::Once)]
}

fn to_every_request(effects: Vec<Effect>) -> Vec<(Effect, Told)> {
    effects.into_iter().map(|effect| (effect, Told::Always)).collect()
}

/// Lies about an answer as a whole, whatever was asked for. One that is told in both ways stands here twice, side by
/// side.
pub fn answers() -> Vec<(Effect, Told)> {
    use Told::{Always, Once};
    let reset = |at| Effect::Reset { at };
    let said_to_be = |value: &str| Effect::ContentType {
        value: value.to_owned(),
    };
    let mut lies = vec![
        (Effect::Latency { ms: 20 }, Always),
        (Effect::SlowBody { ms: 1 }, Always),
        (Effect::GzipLie, Once),
        (reset(Moment::BeforeHeaders), Once),
        (reset(Moment::AfterHeaders), Once),
        (reset(Moment::MidBody), Once),
        (Effect::TooManyRequests { retry_after: None }, Once),
        (after("0"), Once),
        (after("-1"), Once),
        (after("soon"), Once),
        (after("Wed, 21 Oct 2015 07:28:00 GMT"), Once),
        (Effect::ThrottlePage { status: 200 }, Once),
        (Effect::ThrottlePage { status: 503 }, Once),
        (Effect::ProxyPage { status: 502 }, Once),
        (Effect::Status { status: 500 }, Once),
        (Effect::Status { status: 503 }, Once),
        (said_to_be("text/html"), Always),
        (said_to_be("text/html; charset=utf-8"), Once),
        (said_to_be("application/octet-stream"), Always),
        (Effect::ExpireTokens, Once),
        (Effect::RevokeGrants, Once),
    ];
    let statuses = [302, 400, 401, 403, 404, 409, 413, 501].map(|status| Effect::Status { status });
    let empty = [200, 202, 204].map(|status| Effect::EmptyBody { status });
    let instead = [
        Effect::TruncatedJson,
        Effect::InvalidJson,
        Effect::LoginPage,
        Effect::ErrorObject,
    ];
    let effects = statuses.into_iter().chain(empty).chain(instead);
    lies.extend(effects.flat_map(both_ways));
    lies
}

/// Lies about which rows the pages of a list or a report have.
pub fn pages() -> Vec<(Effect, Told)> {
    use Told::Always;
    let missing = |short_page| Effect::MissingRecords {
        ids: vec![1, 2, 3],
        short_page,
    };
    let changed = Effect::ChangedDuplicates {
        field: "name".to_owned(),
        value: json!("another"),
    };
    let mut lies = vec![
        (Effect::EndlessPages, Always),
        (Effect::CursorLoop { length: 1 }, Always),
        (Effect::CursorLoop { length: 2 }, Always),
        (Effect::CursorLoop { length: 7 }, Always),
        (Effect::DuplicateIds, Always),
        (changed, Always),
        (missing(false), Always),
        (missing(true), Always),
    ];
    let effects = [
        Effect::RepeatPage,
        Effect::StuckCursor,
        Effect::DoubledRows,
        Effect::ReversedRows,
        Effect::EmptyTenant,
    ];
    lies.extend(effects.into_iter().flat_map(both_ways));
    lies
}

/// Where the records at a path have their id, and their texts.
fn id_and_texts(path: &str) -> (&'static str, &'static [&'static str]) {
    match path {
        "/v2/queries/computer-systems" => ("deviceId", &["serialNumber", "name"]),
        "/v2/queries/volumes" => ("deviceId", &["name"]),
        _ => ("id", &["name"]),
    }
}

/// Lies about what the records at a path hold: organizations, locations, roles, or the reports on systems and volumes.
/// All are told to every request.
pub fn records(path: &str) -> Vec<(Effect, Told)> {
    let (id, texts) = id_and_texts(path);
    let ids = [json!("17"), json!(1e20), json!(-1), json!([7]), Value::Null];
    let mut lies = ids.map(|value| field(id, value)).to_vec();
    lies.push(without(id));
    lies.push(field("surprise", json!({"a": [1, null]})));
    lies.push(Effect::AbsurdValues { every: 4 });
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
    if path == "/v2/locations" {
        let organizations = [json!("2"), json!(2), json!(987_654), json!(1e20), Value::Null];
        lies.extend(organizations.map(|value| field("organizationId", value)));
        lies.push(without("organizationId"));
    }
    if path == "/v2/queries/volumes" {
        let sizes = [json!("lots"), json!(-1), json!(1e300), json!(1.5)];
        lies.extend(sizes.map(|value| field("capacity", value)));
    }
    to_every_request(lies)
}

/// Lies about what a pair of tokens holds. All are told to every request.
pub fn tokens() -> Vec<(Effect, Told)> {
    let values = [
        ("access_token", json!("")),
        ("access_token", Value::Null),
        ("access_token", json!(17)),
        ("access_token", json!(["one", "two"])),
        ("access_token", json!("no token of ours")),
        ("access_token", json!("no-token-of-this-instance")),
        ("access_token", json!("one line\nand another")),
        ("access_token", json!("tökenwithanumlaut")),
        ("refresh_token", json!("")),
        ("refresh_token", Value::Null),
        ("refresh_token", json!(17)),
        ("refresh_token", json!(["one", "two"])),
        ("refresh_token", json!("no-refresh-token-of-this-instance")),
        ("expires_in", json!(0)),
        ("expires_in", json!(-1)),
        ("expires_in", json!(0.001)),
        ("expires_in", json!(1e308)),
        ("expires_in", json!("3600")),
        ("expires_in", json!("soon")),
        ("expires_in", Value::Null),
        ("expires_in", json!([3600])),
        ("token_type", json!("mac")),
        ("token_type", json!(7)),
        ("token_type", Value::Null),
        ("scope", json!("")),
        ("scope", json!("control")),
        ("scope", json!(17)),
        ("scope", json!(["monitoring"])),
        ("scope", Value::Null),
        ("surprise", json!({"a": [1, 2, null]})),
    ];
    let mut lies = values.map(|(name, value)| field(name, value)).to_vec();
    let names = [
        "access_token",
        "refresh_token",
        "expires_in",
        "token_type",
        "scope",
    ];
    lies.extend(names.map(without));
    to_every_request(lies)
}
