//! Device documents: filters, references, what is there and what is not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use simulators::ninjaone::Part;

use super::{Stand, id_of, options};

fn keys(row: &Value) -> BTreeSet<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

#[tokio::test]
async fn filters_choose_and_nonsense_is_refused() {
    let stand = Stand::of(300).await;
    let servers = stand
        .rows("/v2/devices-detailed?df=class%20eq%20WINDOWS_SERVER%20AND%20online")
        .await;
    assert!(!servers.is_empty());
    assert!(
        servers
            .iter()
            .all(|row| row["nodeClass"] == "WINDOWS_SERVER" && row["offline"] == false)
    );
    let pending = stand.rows("/v2/devices?df=status%20eq%20PENDING").await;
    assert_eq!(pending.len(), 3);
    assert!(pending.iter().all(|row| row["approvalStatus"] == "PENDING"));
    let one = id_of(&servers[0]);
    assert_eq!(stand.rows(&format!("/v2/devices?df=id%3D{one}")).await.len(), 1);
    let (status, _, body) = stand.get("/v2/devices?df=name%3Dx").await;
    assert_eq!(status, 400);
    assert!(body.contains("Invalid device filter"), "{body}");
}

#[tokio::test]
async fn times_have_nine_decimals_and_nulls_are_left_out() {
    let stand = Stand::of(300).await;
    let (_, kind, body) = stand.get("/v2/devices-detailed").await;
    assert_eq!(kind, "application/json");
    let at = body.find("\"created\":").unwrap() + "\"created\":".len();
    let number: String = body[at..]
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let (seconds, decimals) = number.split_once('.').unwrap();
    assert_eq!((seconds.len(), decimals.len()), (10, 9), "{number}");
    let rows: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert!(!rows.iter().any(has_null));
    assert!(stand.rows("/v2/users").await.iter().any(has_null));
    assert!(rows.iter().any(|row| row.get("displayName").is_none()));
    assert!(rows.iter().any(|row| row.get("displayName").is_some()));
}

#[tokio::test]
async fn each_device_type_has_only_its_own_fields() {
    let stand = Stand::of(4000).await;
    let rows = stand.rows("/v2/devices-detailed").await;
    let mut by_type: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in &rows {
        by_type
            .entry(row["deviceType"].as_str().unwrap())
            .or_default()
            .extend(keys(row));
    }
    assert_eq!(by_type.len(), 12, "{:?}", by_type.keys());
    // Depends on the device, not on its type.
    let mut base = by_type["NMSTarget"].clone();
    base.extend([
        "assignedOwnerUid",
        "dnsName",
        "netbiosName",
        "parentDeviceId",
        "policyId",
    ]);
    for special in [
        "os",
        "system",
        "memory",
        "processors",
        "volumes",
        "cpuModel",
        "powerState",
        "target",
        "network",
    ] {
        assert!(!base.contains(special), "{special}");
    }
    for (kind, own) in [
        (
            "AgentDevice",
            vec![
                "os",
                "system",
                "memory",
                "processors",
                "volumes",
                "lastLoggedInUser",
            ],
        ),
        ("MdmDevice", vec!["system", "memory", "network", "volumes"]),
        (
            "CloudMonitorPing",
            vec!["enabled", "interval", "timeout", "target"],
        ),
        ("NMSServer", vec![]),
        ("UnmanagedDevice", vec![]),
    ] {
        let more: BTreeSet<&str> = by_type[kind].difference(&base).copied().collect();
        assert_eq!(more, own.into_iter().collect(), "{kind}");
    }
    assert!(by_type["VMHost"].contains("cpuModel") && !by_type["VMHost"].contains("powerState"));
    assert!(by_type["VMGuest"].contains("powerState") && by_type["VMGuest"].contains("parentDeviceId"));
    assert!(by_type["CloudMonitorEmailServer"].contains("smtpPort"));
}

#[tokio::test]
async fn a_single_device_is_its_row_of_the_detailed_list() {
    let stand = Stand::of(60).await;
    for row in stand.rows("/v2/devices-detailed").await {
        assert_eq!(stand.json(&format!("/v2/device/{}", id_of(&row))).await, row);
    }
    let brief = stand.rows("/v2/devices").await;
    assert!(!keys(&brief[0]).contains("deviceType"));
}

#[tokio::test]
async fn expand_fills_references_and_nothing_else() {
    let stand = Stand::of(200).await;
    let plain = stand.rows("/v2/devices-detailed").await;
    assert!(plain.iter().all(|row| row.get("references").is_none()));
    let mut expanded = stand
        .rows("/v2/devices-detailed?expand=warranty,location,role,organization,rolePolicy,unknown")
        .await;
    for (row, plain) in expanded.iter_mut().zip(&plain) {
        let references = row.as_object_mut().unwrap().remove("references").unwrap();
        assert_eq!(references["location"]["id"], row["locationId"]);
        assert_eq!(references["role"]["id"], row["nodeRoleId"]);
        assert_eq!(references["organization"]["id"], row["organizationId"]);
        assert_eq!(references["rolePolicy"]["id"], row["rolePolicyId"]);
        assert_eq!(row, plain);
    }
    let warranties = stand.rows("/v2/devices?expand=warranty").await;
    let with = warranties
        .iter()
        .filter(|row| row["references"].get("warranty").is_some())
        .count();
    assert!((20..180).contains(&with), "{with} of 200");
    let owners = stand.rows("/v2/devices?expand=assignedOwner").await;
    let owned: Vec<_> = owners
        .iter()
        .filter(|row| row.get("assignedOwnerUid").is_some())
        .collect();
    assert!(!owned.is_empty());
    assert!(
        owned
            .iter()
            .all(|row| row["references"]["assignedOwner"]["uid"] == row["assignedOwnerUid"])
    );
}

#[tokio::test]
async fn a_tenant_may_leave_parts_out() {
    let mut options = options(100);
    options.quirks.without = [Part::System, Part::Volumes].into();
    let stand = Stand::start(options).await;
    let rows = stand.rows("/v2/devices-detailed").await;
    assert!(
        rows.iter()
            .all(|row| row["deviceType"] != "AgentDevice" || row.get("system").is_none())
    );
    assert!(rows.iter().any(|row| row.get("os").is_some()));
}

#[tokio::test]
async fn a_restart_on_another_day_shows_the_same_devices() {
    let documents = async |day: &str| {
        let now: jiff::Timestamp = day.parse().unwrap();
        let clock = std::sync::Arc::new(simulators::clock::SettableClock::new(now));
        let stand = Stand::start(simulators::ninjaone::Options {
            clock,
            ..options(200)
        })
        .await;
        let mut rows = stand
            .rows("/v2/devices-detailed?expand=warranty,location,organization")
            .await;
        for row in &mut rows {
            row.as_object_mut().unwrap().remove("lastContact");
        }
        rows
    };
    assert_eq!(
        documents("2026-11-05T10:00:00Z").await,
        documents("2027-02-28T23:00:00Z").await
    );
}
