//! Ends are proven, and what would leave something out of every device has to be said twice.

use crate::standin::{Query, StandIn, page};
use crate::tenant::{Tenant, options, read_all};
use connect::{Kind, Source};
use model::SourceId;
use serde_json::{Value, json};
use simulators::faults::Effect;
use simulators::ninjaone::{CursorName, Options, Part, Quirks};
use std::collections::BTreeMap;
use std::sync::Arc;

const LIST: &str = "/v2/devices-detailed";

/// A tenant whose device list leaves out what the reports have.
async fn bare(quirks: Quirks) -> Tenant {
    let without = [Part::System, Part::Os, Part::Volumes, Part::Processors].into();
    let quirks = Quirks { without, ..quirks };
    Tenant::start(
        Options {
            quirks,
            ..options(60)
        },
        json!({}),
    )
    .await
}

/// What the reports say of each device, as far as it stays the same from day to day.
async fn details(tenant: &Tenant) -> BTreeMap<SourceId, Value> {
    let source = tenant.source();
    let read = read_all(&source).await.unwrap();
    let of = |list: &Value, part: &str| -> Vec<Value> {
        let list = list.as_array().cloned().unwrap_or_default();
        list.into_iter().map(|one| one[part].clone()).collect()
    };
    let details = read.devices.iter().map(|device| {
        let document = source.document(&device.raw).unwrap().document;
        let details = json!([
            document["system"]["serialNumber"],
            document["os"]["name"],
            of(&document["volumes"], "name"),
            of(&document["volumes"], "capacity"),
            of(&document["processors"], "name"),
        ]);
        (device.id.clone(), details)
    });
    details.collect()
}

async fn digests(source: &Arc<dyn Source>) -> BTreeMap<SourceId, [u8; 32]> {
    let devices = read_all(source).await.unwrap().devices.into_iter();
    devices.map(|device| (device.id, device.digest)).collect()
}

#[tokio::test]
async fn a_report_is_read_to_its_end_however_small_its_pages_are() {
    let whole = details(&bare(Quirks::default()).await).await;
    assert!(whole.values().any(|details| details[0].is_string()));
    for used_up_cursor_refused in [false, true] {
        for cursor_name in [CursorName::Stays, CursorName::Changes] {
            let quirks = Quirks {
                largest_report_page: Some(7),
                used_up_cursor_refused,
                cursor_name,
                ..Quirks::default()
            };
            let tenant = bare(quirks).await;
            assert_eq!(
                details(&tenant).await,
                whole,
                "refused: {used_up_cursor_refused}, {cursor_name:?}"
            );
            assert!(tenant.sim.requests().of("GET", "/v2/queries/computer-systems") > 3);
        }
    }
}

#[tokio::test]
async fn a_report_that_refuses_to_go_on_is_not_taken_for_read() {
    // The first page comes, and no cursor ever works.
    let server = StandIn::start(|path, query| {
        let rows: Vec<_> = (1..=30)
            .map(|id| json!({"id": id, "deviceId": id, "organizationId": 1, "deviceType": "AgentDevice"}))
            .collect();
        match (path.starts_with("/v2/queries/"), query.contains_key("cursor")) {
            (true, true) => (400, json!({"resultCode": "FAILURE"}).to_string()),
            (true, false) => {
                let rows: Value = serde_json::from_str(&page(&rows, &at_most(query, 10))).unwrap();
                (200, json!({"cursor": {"name": "c"}, "results": rows}).to_string())
            }
            (false, _) => (200, page(&rows, query)),
        }
    })
    .await;
    let error = read_all(&server.source(json!({"expand": ""}))).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.doing.contains("page 2 of the report"), "{error}");
}

/// A device, and a row about it.
fn record(id: usize) -> Value {
    json!({"id": id, "deviceId": id, "organizationId": 1, "deviceType": "AgentDevice"})
}

/// What a server with this many rows answers for a cursor that goes on after row `from`, where it gives no such page.
type Beyond = fn(rows: usize, from: usize, size: usize) -> Option<(u16, Value)>;

fn refused(status: u16) -> Option<(u16, Value)> {
    Some((status, json!({"resultCode": "FAILURE"})))
}

/// A server with so many rows in its reports, and `most` of them in a page.
async fn reporting(rows: usize, most: usize, beyond: Beyond) -> StandIn {
    StandIn::start(move |path, query| {
        let records: Vec<_> = (1..=rows).map(record).collect();
        if !path.starts_with("/v2/queries/") {
            return (200, page(&records, query));
        }
        let size = query["pageSize"]
            .parse()
            .map_or(most, |asked: usize| asked.min(most));
        let from: usize = query.get("cursor").map_or(0, |name| name.parse().unwrap());
        let (status, answer) = beyond(rows, from, size).unwrap_or_else(|| {
            let rows: Vec<_> = records.into_iter().skip(from).take(size).collect();
            let next = (from + rows.len()).to_string();
            (200, json!({"cursor": {"name": next}, "results": rows}))
        });
        (status, answer.to_string())
    })
    .await
}

#[tokio::test]
async fn a_report_ends_where_nothing_is_left_whatever_a_used_up_cursor_brings() {
    let gone: Beyond = |rows, from, _| (from >= rows).then(|| refused(404)).flatten();
    let invalid: Beyond = |rows, from, _| (from >= rows).then(|| refused(400)).flatten();
    let last_again: Beyond = |rows, from, size| {
        let start = from.saturating_sub(1) / size * size;
        let last: Vec<_> = (start + 1..=rows).map(record).collect();
        (from >= rows).then(|| {
            (
                200,
                json!({"cursor": {"name": rows.to_string()}, "results": last}),
            )
        })
    };
    for beyond in [gone, invalid, last_again] {
        for (rows, most) in [(2000, 1000), (28, 7), (30, 7), (10, 1000)] {
            let server = reporting(rows, most, beyond).await;
            let read = read_all(&server.source(json!({"expand": ""}))).await;
            assert_eq!(read.unwrap().devices.len(), rows);
        }
    }
}

#[tokio::test]
async fn a_report_that_is_refused_from_some_row_on_is_not_taken_for_read() {
    let window: Beyond = |_, from, _| (from >= 2000).then(|| refused(400)).flatten();
    let third: Beyond = |_, from, size| (from == 2 * size).then(|| refused(410)).flatten();
    for beyond in [window, third] {
        for most in [1000, 100] {
            let server = reporting(3000, most, beyond).await;
            let error = read_all(&server.source(json!({"expand": ""}))).await.unwrap_err();
            assert!(error.doing.contains("of the report"), "{most}: {error}");
        }
    }
}

/// The query, of a server that gives no more than `most` records at once.
fn at_most(query: &Query, most: usize) -> Query {
    let asked = query.get("pageSize").and_then(|size| size.parse().ok());
    let mut query = query.clone();
    query.insert(
        "pageSize".to_owned(),
        asked.map_or(most, |asked: usize| asked.min(most)).to_string(),
    );
    query
}

#[tokio::test]
async fn a_refusal_that_comes_once_costs_no_reference_and_no_detail() {
    let tenant = Tenant::of(60).await;
    let source = tenant.source();
    let truth = digests(&source).await;
    let faults = tenant.sim.faults();
    for status in [400, 413, 422] {
        faults.next(LIST, 1, Effect::Status { status });
        assert_eq!(digests(&source).await, truth, "{status}");
    }
    faults.once_after(LIST, 1, Effect::Status { status: 400 });
    assert_eq!(digests(&source).await, truth);
    // A page came with every parameter: then it is the next one that is refused, and nothing is left out for it.
    for _ in 0..2 {
        faults.once_after(LIST, 1, Effect::Status { status: 400 });
    }
    assert_eq!(read_all(&source).await.unwrap_err().kind, Kind::Invalid);

    let tenant = bare(Quirks::default()).await;
    let source = tenant.source();
    let truth = digests(&source).await;
    for effect in [Effect::Status { status: 404 }, Effect::EmptyTenant] {
        for report in ["computer-systems", "volumes"] {
            let path = format!("/v2/queries/{report}");
            tenant.sim.faults().next(&path, 1, effect.clone());
            assert_eq!(digests(&source).await, truth, "{report}: {effect:?}");
        }
    }
}

#[tokio::test]
async fn a_list_that_is_empty_once_is_not_believed() {
    let tenant = Tenant::of(60).await;
    let source = tenant.source();
    let (organizations, locations) = (
        source.organizations().await.unwrap(),
        source.locations().await.unwrap(),
    );
    let (roles, devices) = (source.roles().await.unwrap(), digests(&source).await);
    for path in ["/v2/organizations", "/v2/locations", "/v2/roles", LIST] {
        tenant.sim.faults().next(path, 1, Effect::EmptyTenant);
    }
    assert_eq!(source.organizations().await.unwrap(), organizations);
    assert_eq!(source.locations().await.unwrap(), locations);
    assert_eq!(source.roles().await.unwrap(), roles);
    assert_eq!(digests(&source).await, devices);
    let standing = tenant.sim.faults().standing();
    assert!(standing.iter().all(|fault| fault.struck == 1), "{standing:?}");
}

#[tokio::test]
async fn a_list_of_organizations_may_be_shuffled_but_not_in_another_order() {
    let rows: Vec<_> = (1..=50)
        .map(|id| json!({"id": id, "name": format!("Client {id}")}))
        .collect();
    let by_id = rows.clone();
    let shuffled = StandIn::start(move |_, query| {
        let mut rows: Vec<Value> = serde_json::from_str(&page(&by_id, &at_most(query, 20))).unwrap();
        rows.reverse();
        (200, json!(rows).to_string())
    })
    .await;
    let read = shuffled.source(json!({})).organizations().await.unwrap();
    let mut ids: Vec<u32> = read.iter().map(|one| one.id.as_str().parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=50).collect::<Vec<_>>());

    let mut by_name = rows;
    by_name.reverse();
    let by_name = StandIn::start(move |_, query| (200, page(&by_name, &at_most(query, 20)))).await;
    let error = by_name.source(json!({})).organizations().await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(
        error.to_string().contains("reading organizations after id 0")
            && error.to_string().contains("ascending order"),
        "{error}"
    );
}

#[tokio::test]
async fn a_role_that_comes_twice_is_one() {
    let tenant = Tenant::of(10).await;
    let source = tenant.source();
    let roles = source.roles().await.unwrap();
    tenant.sim.faults().always("/v2/roles", Effect::DoubledRows);
    assert_eq!(source.roles().await.unwrap(), roles);
}
