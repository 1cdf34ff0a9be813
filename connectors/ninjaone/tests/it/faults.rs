//! What goes wrong on the way: a read survives it or ends with an error that says what to do, never with a part.

use crate::standin::{StandIn, page};
use crate::tenant::{Tenant, knowing, options, read, read_all};
use connect::{DevicePage, DevicesRequest, Kind};
use serde_json::{Value, json};
use simulators::faults::{Effect, Moment};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;

const LIST: &str = "/v2/devices-detailed";

async fn small_pages(devices: usize) -> Tenant {
    Tenant::start(options(devices), json!({"page_size": 50})).await
}

fn wrong(field: &str, value: Value, every: usize) -> Effect {
    Effect::WrongType {
        field: field.to_owned(),
        value,
        every,
    }
}

#[tokio::test]
async fn what_passes_is_waited_out_and_the_read_is_whole() {
    let effects = [
        Effect::TooManyRequests {
            retry_after: Some("1".to_owned()),
        },
        Effect::TooManyRequests { retry_after: None },
        Effect::ThrottlePage { status: 200 },
        Effect::ThrottlePage { status: 503 },
        Effect::Status { status: 500 },
        Effect::Status { status: 502 },
        Effect::Status { status: 503 },
        Effect::Reset {
            at: Moment::BeforeHeaders,
        },
        Effect::Reset {
            at: Moment::AfterHeaders,
        },
        Effect::Reset { at: Moment::MidBody },
        Effect::TruncatedJson,
        Effect::InvalidJson,
    ];
    let tests = effects.map(|effect| async move {
        let tenant = small_pages(260).await;
        let source = tenant.source();
        let known = read_all(&source).await.unwrap().ids();
        // Once at the beginning, once in the middle, on a first and on a later read.
        for (request, skip) in [(DevicesRequest::default(), 0), (knowing(known.clone()), 3)] {
            tenant.sim.faults().clear();
            tenant.sim.faults().once_after(LIST, skip, effect.clone());
            let read = read(&source, request).await.unwrap();
            assert_eq!(read.ids(), known, "{effect:?}");
            assert_eq!(tenant.sim.faults().standing()[0].struck, 1, "{effect:?}");
        }
    });
    futures::future::join_all(tests).await;
}

#[tokio::test]
async fn what_stays_ends_the_read_with_an_error_that_names_the_page() {
    let effects = [
        (Effect::LoginPage, Kind::Protocol),
        (Effect::TruncatedJson, Kind::Protocol),
        (Effect::InvalidJson, Kind::Protocol),
        (Effect::RepeatPage, Kind::Protocol),
        (Effect::Status { status: 404 }, Kind::NotFound),
        (Effect::Status { status: 403 }, Kind::Forbidden),
    ];
    for (effect, kind) in effects {
        let tenant = small_pages(260).await;
        let known = read_all(&tenant.source()).await.unwrap().ids();
        for request in [DevicesRequest::default(), knowing(known)] {
            tenant.sim.faults().clear();
            tenant.sim.faults().always(LIST, effect.clone());
            let error = read(&tenant.source(), request).await.unwrap_err();
            assert_eq!(error.kind, kind, "{effect:?}: {error}");
            assert!(
                error.doing.contains("reading devices after id"),
                "{effect:?}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_list_that_goes_round_in_circles_is_named_and_ends_soon() {
    for devices in [10, 260] {
        let tenant = small_pages(devices).await;
        tenant.sim.faults().always("/v2/*", Effect::RepeatPage);
        let source = tenant.source();
        let error = read_all(&source).await.unwrap_err();
        assert!(error.to_string().contains("round in circles"), "{error}");
        assert!(tenant.sim.requests().total < 20);
        let error = source.organizations().await.unwrap_err();
        assert_eq!(error.kind, Kind::Protocol);
        assert!(error.to_string().contains("organizations after id"), "{error}");
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let tenant = Tenant::start(options(260), json!({"page_size": 50, "max_devices": 2000})).await;
    tenant.sim.faults().always(LIST, Effect::EndlessPages);
    let error = read_all(&tenant.source()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(error.to_string().contains("does not end"), "{error}");
}

#[tokio::test]
async fn duplicates_across_pages_are_delivered_once() {
    for readers in [1, 8] {
        let tenant = Tenant::start(options(1000), json!({"page_size": 50, "readers": readers})).await;
        tenant.sim.faults().always(LIST, Effect::DuplicateIds);
        let expected: Vec<u64> = tenant.approved().into_keys().collect();
        let source = tenant.source();
        assert_eq!(read_all(&source).await.unwrap().ids(), expected);
        assert_eq!(
            read(&source, knowing(expected.clone())).await.unwrap().ids(),
            expected
        );
    }
}

#[tokio::test]
async fn a_page_short_of_records_is_not_the_end() {
    let tenant = small_pages(260).await;
    let all: Vec<u64> = tenant.approved().into_keys().collect();
    let hidden: BTreeSet<u64> = all.iter().copied().skip(30).take(10).collect();
    let ids = hidden.iter().map(|id| *id as i64).collect();
    tenant.sim.faults().always(
        LIST,
        Effect::MissingRecords {
            ids,
            short_page: true,
        },
    );
    let read = read_all(&tenant.source()).await.unwrap();
    let expected: Vec<u64> = all.into_iter().filter(|id| !hidden.contains(id)).collect();
    assert_eq!(read.ids(), expected);
}

#[tokio::test]
async fn wrong_types_are_reported_with_their_path_and_everything_else_is_read() {
    let tenant = small_pages(260).await;
    let faults = tenant.sim.faults();
    faults.always(LIST, wrong("system.serialNumber", json!(17), 1));
    faults.always(LIST, wrong("volumes[0].capacity", json!("big"), 1));
    faults.always(LIST, wrong("lastContact", json!([1]), 1));
    faults.always(LIST, wrong("references.warranty", json!("soon"), 1));
    faults.always(LIST, wrong("uid", json!(5), 1));
    let source = tenant.source();
    let read = read_all(&source).await.unwrap();
    assert_eq!((read.ids().len(), read.unreadable.len()), (260, 0));
    let mut paths = BTreeSet::new();
    for device in &read.devices {
        assert_eq!((device.last_contact, &device.uid), (None, &None));
        let converted = source.document(&device.raw).unwrap();
        assert!(converted.document["system"].get("serialNumber").is_none());
        assert!(converted.document["systemName"].is_string());
        paths.extend(converted.faults.into_iter().map(|fault| fault.path));
    }
    let expected = [
        "lastContact",
        "system.serialNumber",
        "uid",
        "volumes[0].capacity",
        "warranty",
    ];
    assert_eq!(paths, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn absurd_values_leave_unreadable_devices_and_no_loop() {
    for every in [1, 7] {
        let tenant = small_pages(260).await;
        let faults = tenant.sim.faults();
        faults.always(LIST, wrong("organizationId", json!({}), 13));
        faults.always(LIST, Effect::AbsurdValues { every });
        let read = read_all(&tenant.source()).await;
        match every {
            1 => {
                // Full pages without a single id cannot be continued.
                let error = read.unwrap_err();
                assert_eq!(error.kind, Kind::Protocol);
                assert!(error.to_string().contains("readable id"), "{error}");
            }
            _ => {
                let read = read.unwrap();
                assert!(
                    read.unreadable
                        .iter()
                        .any(|device| device.id.is_none() && device.message.contains("id is -"))
                );
                assert!(read.unreadable.iter().any(|device| device.id.is_some()));
                let seen = read.devices.len() + read.unreadable.len();
                assert!(seen >= 260 && read.devices.len() < 260, "{seen}");
            }
        }
    }
    let tenant = Tenant::of(10).await;
    tenant
        .sim
        .faults()
        .always(LIST, Effect::AbsurdValues { every: 1 });
    let read = read_all(&tenant.source()).await.unwrap();
    assert_eq!((read.devices.len(), read.unreadable.len()), (0, 10));
}

#[tokio::test]
async fn absurd_times_and_sizes_skip_the_field_only() {
    let tenant = small_pages(60).await;
    let faults = tenant.sim.faults();
    faults.always(LIST, wrong("created", json!(1e308), 1));
    faults.always(LIST, wrong("memory.capacity", json!(1e300), 1));
    faults.always(LIST, wrong("references.warranty.endDate", json!(-1), 1));
    let source = tenant.source();
    for device in read_all(&source).await.unwrap().devices {
        let converted = source.document(&device.raw).unwrap();
        assert!(converted.document.get("created").is_none());
        assert!(converted.faults.iter().any(|fault| fault.path == "created"));
    }
}

#[tokio::test]
async fn a_shuffled_page_is_read_and_a_list_in_another_order_is_refused() {
    let rows: Vec<_> = (1..=200)
        .map(|id| json!({"id": id, "organizationId": 1}))
        .collect();
    let by_id = rows.clone();
    let shuffled = StandIn::start(move |_, query| {
        let mut rows: Vec<Value> = serde_json::from_str(&page(&by_id, query)).unwrap();
        rows.reverse();
        (200, json!(rows).to_string())
    })
    .await;
    let read = read_all(&shuffled.source(json!({"page_size": 20, "readers": 4})))
        .await
        .unwrap();
    assert_eq!(read.ids(), (1..=200).collect::<Vec<_>>());

    // By name: the filter on ids is kept, the order is another one.
    let mut by_name = rows;
    by_name.sort_by_key(|row| std::cmp::Reverse(row["id"].as_u64()));
    let by_name = StandIn::start(move |_, query| (200, page(&by_name, query))).await;
    let error = read_all(&by_name.source(json!({"page_size": 20})))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(error.to_string().contains("ascending order"), "{error}");
}

#[tokio::test]
async fn a_record_no_64_bits_can_hold_spoils_itself_only() {
    let server = StandIn::start(|_, query| {
        let rows: Vec<_> = (1..=9).map(|id| json!({"id": id, "organizationId": 1})).collect();
        let text = page(&rows, query).replacen(r#"{"id":4,"#, r#"{"id":4,"lastContact":1e400,"#, 1);
        (200, text)
    })
    .await;
    let read = read_all(&server.source(json!({}))).await.unwrap();
    assert_eq!(read.ids(), [1, 2, 3, 5, 6, 7, 8, 9]);
    assert_eq!(read.unreadable[0].id, Some("4".into()));
}

#[tokio::test]
async fn a_list_with_a_bad_record_is_refused_rather_than_given_with_a_gap() {
    let tenant = Tenant::of(100).await;
    tenant
        .sim
        .faults()
        .always("/v2/organizations", wrong("name", json!(7), 2));
    let error = tenant.source().organizations().await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(
        error.doing.starts_with("reading organization ") && error.what == "its name is no text",
        "{error}"
    );
}

#[tokio::test]
async fn a_slow_taker_stops_the_requests_and_one_that_leaves_ends_the_read() {
    let tenant = small_pages(1000).await;
    let source = tenant.source();
    let (sender, mut receiver) = mpsc::channel::<DevicePage>(1);
    let reading = tokio::spawn(async move { source.devices(DevicesRequest::default(), sender).await });
    let first = receiver.recv().await.unwrap();
    assert!(!first.devices.is_empty());
    tokio::time::sleep(Duration::from_millis(700)).await;
    // One page is in the channel, one waits for it, and at most eight are under way or have just come.
    assert!(tenant.device_requests() <= 12, "{}", tenant.device_requests());
    drop(receiver);
    let error = reading.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("nobody takes"), "{error}");
    let so_far = tenant.device_requests();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(tenant.device_requests() <= so_far + 1);
}

#[tokio::test]
async fn one_failing_page_of_many_fails_the_read() {
    let tenant = small_pages(1000).await;
    let known = read_all(&tenant.source()).await.unwrap().ids();
    tenant
        .sim
        .faults()
        .once_after(LIST, 9, Effect::Status { status: 400 });
    // Pages came with every parameter, so 400 is about the page.
    tenant.sim.faults().add(simulators::faults::Fault {
        path: LIST.to_owned(),
        method: None,
        skip: 10,
        times: None,
        effect: Effect::Status { status: 410 },
    });
    let error = read(&tenant.source(), knowing(known)).await.unwrap_err();
    assert!(error.doing.contains("reading devices after id"), "{error}");
}
