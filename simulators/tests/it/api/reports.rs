//! Reports and their cursors.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;
use simulators::clock::SettableClock;
use simulators::ninjaone::{CursorName, Options};

use super::{Stand, options};

fn rows(page: &Value) -> Vec<Value> {
    page["results"].as_array().unwrap().clone()
}

/// All rows of a report, page by page, with the names of the cursors seen.
async fn walk(stand: &Stand, path: &str, size: usize) -> (Vec<Value>, BTreeSet<String>) {
    let (mut all, mut names) = (Vec::new(), BTreeSet::new());
    let mut cursor = String::new();
    loop {
        let page = stand.json(&format!("{path}?pageSize={size}{cursor}")).await;
        let found = rows(&page);
        let Some(name) = page["cursor"]["name"].as_str() else {
            assert!(found.is_empty(), "rows without a cursor");
            return (all, names);
        };
        assert!(found.len() <= size);
        all.extend(found);
        assert_eq!(page["cursor"]["offset"], all.len());
        names.insert(name.to_owned());
        cursor = format!("&cursor={name}");
    }
}

#[tokio::test]
async fn small_pages_give_the_same_rows_as_a_large_one() {
    let stand = Stand::of(120).await;
    for report in [
        "software",
        "volumes",
        "computer-systems",
        "windows-services",
        "custom-fields-detailed",
        "os-patches",
    ] {
        let path = format!("/v2/queries/{report}");
        let whole = rows(&stand.json(&format!("{path}?pageSize=10000")).await);
        assert!(!whole.is_empty(), "{report}");
        for size in [10, 37] {
            assert_eq!(walk(&stand, &path, size).await.0, whole, "{report} by {size}");
        }
    }
}

#[tokio::test]
async fn the_cursors_name_stays_or_changes() {
    for (behaviour, expected) in [(CursorName::Stays, 1), (CursorName::Changes, 8)] {
        let mut options = options(80);
        options.quirks.cursor_name = behaviour;
        let stand = Stand::start(options).await;
        let (found, names) = walk(&stand, "/v2/queries/windows-services", 100).await;
        assert!(
            (700..=800).contains(&found.len()) || found.len() > 300,
            "{}",
            found.len()
        );
        match behaviour {
            CursorName::Stays => assert_eq!(names.len(), expected),
            CursorName::Changes => assert_eq!(names.len(), found.len().div_ceil(100)),
        }
    }
}

#[tokio::test]
async fn a_cursor_expires_and_belongs_to_its_report() {
    let now: jiff::Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    let clock = Arc::new(SettableClock::new(now));
    let stand = Stand::start(Options {
        clock: clock.clone(),
        ..options(60)
    })
    .await;
    let page = stand.json("/v2/queries/software?pageSize=10").await;
    let name = page["cursor"]["name"].as_str().unwrap();
    assert_eq!(
        stand.get(&format!("/v2/queries/disks?cursor={name}")).await.0,
        400
    );
    assert_eq!(stand.get("/v2/queries/software?cursor=made-up").await.0, 400);
    clock.advance(SignedDuration::from_mins(11));
    assert_eq!(
        stand.get(&format!("/v2/queries/software?cursor={name}")).await.0,
        400
    );
}

#[tokio::test]
async fn device_health_comes_whole_and_without_a_cursor() {
    let stand = Stand::of(60).await;
    let page = stand.json("/v2/queries/device-health?pageSize=10").await;
    assert_eq!((rows(&page).len(), page.get("cursor")), (60, None));
    let mut options = options(60);
    options.quirks.health_without_cursor = false;
    let stand = Stand::start(options).await;
    assert_eq!(walk(&stand, "/v2/queries/device-health", 25).await.0.len(), 60);
}

#[tokio::test]
async fn small_pages_lose_rows_with_a_bitlocker_status() {
    let stand = Stand::of(200).await;
    let large = rows(&stand.json("/v2/queries/volumes?include=bl&pageSize=1000").await);
    let small = rows(&stand.json("/v2/queries/volumes?include=bl&pageSize=50").await);
    assert!(large.iter().any(|row| row.get("bitLockerStatus").is_some()));
    assert!(small.iter().all(|row| row.get("bitLockerStatus").is_none()));
    let mut options = options(200);
    options.quirks.bitlocker_paging_bug = false;
    let stand = Stand::start(options).await;
    let small = rows(&stand.json("/v2/queries/volumes?include=bl&pageSize=50").await);
    assert!(small.iter().any(|row| row.get("bitLockerStatus").is_some()));
}

#[tokio::test]
async fn filters_and_limits_of_reports() {
    let stand = Stand::of(100).await;
    let page = stand
        .json("/v2/queries/windows-services?name=Spooler&state=STOPPED")
        .await;
    assert!(
        rows(&page)
            .iter()
            .all(|row| row["name"] == "Spooler" && row["state"] == "STOPPED")
    );
    let id = rows(&stand.json("/v2/queries/software").await)[0]["deviceId"].clone();
    let one = rows(&stand.json(&format!("/v2/queries/software?df=id%3D{id}")).await);
    let own = stand.rows(&format!("/v2/device/{id}/software")).await;
    assert_eq!(one.len(), own.len());
    assert!(one.iter().all(|row| row["deviceId"] == id));
    for query in [
        "windows-services?pageSize=5",
        "custom-fields?pageSize=10001",
        "software?df=nonsense",
        "nothing",
    ] {
        let status = stand.get(&format!("/v2/queries/{query}")).await.0;
        assert_eq!(status, if query == "nothing" { 404 } else { 400 }, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_can_be_made_to_repeat() {
    use simulators::faults::Effect;
    let stand = Stand::of(60).await;
    let path = "/v2/queries/software";
    stand.ninja.faults().always(path, Effect::StuckCursor);
    let first = stand.json(&format!("{path}?pageSize=10")).await;
    assert_eq!(first["cursor"]["name"], "stuck");
    let second = stand.json(&format!("{path}?pageSize=10&cursor=stuck")).await;
    assert_eq!(rows(&first), rows(&second));
    stand.ninja.faults().clear();
    stand.ninja.faults().always(path, Effect::RepeatPage);
    let names: BTreeSet<String> = [
        stand.json(path).await["cursor"]["name"].to_string(),
        stand.json(&format!("{path}?cursor=page-1")).await["cursor"]["name"].to_string(),
    ]
    .into();
    assert_eq!(names.len(), 2);
}

#[tokio::test]
async fn a_reports_pages_go_round_in_circles() {
    use simulators::faults::Effect;
    for cursor_name in [CursorName::Stays, CursorName::Changes] {
        let mut options = options(60);
        options.quirks.cursor_name = cursor_name;
        let stand = Stand::start(options).await;
        let path = "/v2/queries/software?pageSize=10";
        stand
            .ninja
            .faults()
            .always("/v2/queries/software", Effect::CursorLoop { length: 2 });
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        for _ in 0..4 {
            let page = stand.json(&format!("{path}{cursor}")).await;
            cursor = format!("&cursor={}", page["cursor"]["name"].as_str().unwrap());
            pages.push(rows(&page));
        }
        assert_ne!(pages[0], pages[1]);
        assert_eq!(pages[..2], pages[2..]);
    }
}

#[tokio::test]
async fn the_largest_page_and_what_a_used_up_cursor_brings_are_quirks() {
    for refused in [false, true] {
        let mut options = options(60);
        options.quirks.largest_report_page = Some(10);
        options.quirks.used_up_cursor_refused = refused;
        let stand = Stand::start(options).await;
        let path = "/v2/queries/computer-systems?pageSize=1000";
        let (mut sizes, mut cursor) = (Vec::new(), String::new());
        let last = loop {
            let (status, _, body) = stand.get(&format!("{path}{cursor}")).await;
            let page: Value = serde_json::from_str(&body).unwrap();
            let Some(name) = page["cursor"]["name"].as_str() else {
                break status;
            };
            cursor = format!("&cursor={name}");
            sizes.push(rows(&page).len());
        };
        assert_eq!(last, if refused { 400 } else { 200 });
        assert_eq!(sizes[0], 10);
        assert!(
            sizes.len() > 1 && sizes.iter().all(|size| (1..=10).contains(size)),
            "{sizes:?}"
        );
    }
}
