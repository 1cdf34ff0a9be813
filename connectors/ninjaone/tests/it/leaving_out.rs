//! Tenants that leave parts out of the device list.

use crate::standin::{StandIn, page};
use crate::tenant::{Tenant, options, read_all};
use connect::{DevicesRequest, Kind};
use model::SourceId;
use serde_json::{Value, json};
use simulators::ninjaone::{CursorName, Options, Part, Quirks};
use std::collections::BTreeMap;

async fn documents(tenant: &Tenant) -> BTreeMap<SourceId, Value> {
    let source = tenant.source();
    let read = read_all(&source).await.unwrap();
    assert_eq!(read.unreadable, []);
    let document = |raw: &str| source.document(raw).unwrap().document;
    read.devices
        .iter()
        .map(|device| (device.id.clone(), document(&device.raw)))
        .collect()
}

#[tokio::test]
async fn details_come_from_the_reports_where_the_list_has_none() {
    for cursor_name in [CursorName::Stays, CursorName::Changes] {
        let full = Tenant::of(1200).await;
        let without = [Part::System, Part::Os, Part::Volumes, Part::Processors].into();
        let bare = Tenant::start(
            Options {
                quirks: Quirks {
                    without,
                    cursor_name,
                    ..Quirks::default()
                },
                ..options(1200)
            },
            json!({}),
        )
        .await;
        let (full, documents) = (documents(&full).await, documents(&bare).await);
        let reports = ["computer-systems", "operating-systems", "volumes", "processors"];
        for report in reports {
            assert!(
                bare.sim.requests().of("GET", &format!("/v2/queries/{report}")) >= 1,
                "{report}"
            );
        }
        let mut agents = 0;
        for (id, expected) in &full {
            let found = &documents[id];
            for path in [
                "/system/serialNumber",
                "/system/manufacturer",
                "/system/model",
                "/os/name",
                "/processors/0/name",
            ] {
                assert_eq!(found.pointer(path), expected.pointer(path), "{id:?} {path}");
            }
            let capacities = |document: &Value| {
                let mut volumes: Vec<_> = document["volumes"].as_array().unwrap_or(&vec![]).clone();
                volumes.sort_by_key(|volume| volume["name"].to_string());
                volumes
                    .into_iter()
                    .map(|volume| volume["capacity"].clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!(capacities(found), capacities(expected), "{id:?}");
            assert!(found["deviceType"] != "AgentDevice" || found["raw"].get("system").is_none());
            agents += usize::from(found["system"].is_object());
        }
        assert!(agents > 500);
        // The reports' timestamps and row ids are not in the document, so a second read finds nothing changed.
        let source = bare.source();
        let digests = |read: crate::tenant::Read| -> BTreeMap<SourceId, [u8; 32]> {
            read.devices
                .into_iter()
                .map(|device| (device.id, device.digest))
                .collect()
        };
        let first = digests(read_all(&source).await.unwrap());
        assert_eq!(digests(read_all(&source).await.unwrap()), first);
    }
}

#[tokio::test]
async fn names_come_from_the_lists_where_expand_is_ignored() {
    let full = Tenant::of(300).await;
    let quirks = Quirks {
        without: [Part::References].into(),
        ..Quirks::default()
    };
    let bare = Tenant::start(
        Options {
            quirks,
            ..options(300)
        },
        json!({}),
    )
    .await;
    let (full, found) = (documents(&full).await, documents(&bare).await);
    for (id, expected) in &full {
        for path in [
            "/organization/name",
            "/location/id",
            "/location/name",
            "/role/id",
            "/role/name",
        ] {
            assert_eq!(found[id].pointer(path), expected.pointer(path), "{id:?} {path}");
            assert!(expected.pointer(path).is_some());
        }
        assert!(found[id].get("warranty").is_none());
    }
    for list in ["/v2/organizations", "/v2/locations", "/v2/roles"] {
        assert!(bare.sim.requests().of("GET", list) >= 1, "{list}");
    }
    assert_eq!(bare.sim.requests().of("GET", "/v2/device/{id}"), 0);
}

#[tokio::test]
async fn a_healthy_tenant_is_not_asked_for_lists_or_reports() {
    let tenant = Tenant::of(300).await;
    read_all(&tenant.source()).await.unwrap();
    assert_eq!(tenant.sim.requests().total, tenant.device_requests());
}

/// Devices with agents and no details; `report` answers for the reports.
async fn bare(report: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> StandIn {
    StandIn::start(move |path, query| {
        let rows: Vec<_> = (1..=30)
            .map(|id| json!({"id": id, "organizationId": 1, "deviceType": "AgentDevice", "references": {"role": {"id": 1}}}))
            .collect();
        match path.strip_prefix("/v2/queries/") {
            Some(name) => report(name),
            None => (200, page(&rows, query)),
        }
    })
    .await
}

#[tokio::test]
async fn a_report_this_instance_does_not_have_is_a_gap_and_no_failure() {
    let server = bare(|name| match name {
        "volumes" => (
            200,
            json!({"results": [{"deviceId": 4, "name": "C:", "capacity": 9}]}).to_string(),
        ),
        _ => (404, json!({"resultCode": "FAILURE"}).to_string()),
    })
    .await;
    let source = server.source(json!({}));
    let read = read_all(&source).await.unwrap();
    assert_eq!(read.ids().len(), 30);
    let fourth = read
        .devices
        .iter()
        .find(|device| device.id.as_str() == "4")
        .unwrap();
    assert_eq!(
        source.document(&fourth.raw).unwrap().document["volumes"][0]["capacity"],
        9
    );
}

#[tokio::test]
async fn a_report_that_goes_round_in_circles_or_is_refused_fails_the_read() {
    let rows: Vec<_> = (0..1000)
        .map(|n| json!({"deviceId": n % 30 + 1, "name": format!("v{n}")}))
        .collect();
    let stuck = json!({"cursor": {"name": "same"}, "results": rows}).to_string();
    let server = bare(move |_| (200, stuck.clone())).await;
    let error = read_all(&server.source(json!({}))).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(
        error.to_string().contains("computer-systems") && error.to_string().contains("circles"),
        "{error}"
    );

    let server = bare(|_| (403, json!({"error": "insufficient_privileges"}).to_string())).await;
    let error = read_all(&server.source(json!({}))).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
    assert!(error.to_string().contains("Monitoring"), "{error}");
}

#[tokio::test]
async fn the_reports_of_one_organization_are_filtered_too() {
    let without = [Part::Volumes].into();
    let quirks = Quirks {
        without,
        ..Quirks::default()
    };
    let tenant = Tenant::start(
        Options {
            quirks,
            ..options(300)
        },
        json!({}),
    )
    .await;
    let organization = tenant.sim.organizations()[0].0;
    let request = DevicesRequest {
        organization: Some(SourceId(organization.to_string())),
        ..DevicesRequest::default()
    };
    crate::tenant::read(&tenant.source(), request).await.unwrap();
    let asked: Vec<_> = tenant
        .sim
        .seen()
        .into_iter()
        .filter(|seen| seen.path.contains("/queries/"))
        .collect();
    assert!(!asked.is_empty());
    assert!(
        asked
            .iter()
            .all(|seen| seen.path.ends_with("/volumes") && seen.query.contains("df=org")),
        "{asked:?}"
    );
}
