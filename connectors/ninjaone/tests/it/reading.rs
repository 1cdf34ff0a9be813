//! A healthy tenant is read whole, in few requests.

use crate::tenant::{Tenant, knowing, options, read, read_all, settings};
use connect::DevicesRequest;
use model::{RawDevice, SourceId};
use serde_json::{Value, json};
use simulators::ninjaone::{Options, Quirks};
use std::collections::BTreeMap;
use std::time::Duration;

/// Every device of the estate is there once, with what the estate says about it.
fn assert_equals_estate(tenant: &Tenant, devices: &[RawDevice]) {
    let source = tenant.source();
    let estate = tenant.sim.estate();
    let expected = tenant.approved();
    let mut read: BTreeMap<u64, &RawDevice> = BTreeMap::new();
    for device in devices {
        assert!(read.insert(device.id.as_str().parse().unwrap(), device).is_none());
    }
    assert!(
        read.keys().eq(expected.keys()),
        "{} read, {} expected",
        read.len(),
        expected.len()
    );
    for (id, device) in read {
        let expected = &expected[&id];
        let uid = format!("{:032x}", expected.uid());
        assert_eq!(device.uid.as_ref().unwrap().replace('-', ""), uid);
        assert_eq!(device.organization.as_str(), expected.organization.to_string());
        assert_eq!(
            device.last_contact.unwrap().as_millisecond(),
            expected.last_contact
        );
        let converted = source.document(&device.raw).unwrap();
        assert_eq!(converted.faults, []);
        let document = converted.document;
        assert_eq!(
            document["raw"],
            serde_json::from_str::<Value>(&device.raw).unwrap()
        );
        assert_eq!(
            document["systemName"].as_str(),
            Some(&*expected.system_name).filter(|name| !name.is_empty())
        );
        assert_eq!(document["role"]["name"], estate.role(expected.role).unwrap().name);
        assert_eq!(
            document["location"]["name"],
            estate.location(expected.location).unwrap().name
        );
        if expected.kind.is_agent() {
            assert_eq!(document["system"].is_object(), !expected.lacks.system);
            assert_eq!(document["volumes"].is_array(), !expected.lacks.volumes);
        }
        let end = expected.warranty.and_then(|warranty| warranty.end_date);
        let day =
            end.map(|end| jiff::Timestamp::from_second(end as i64).unwrap().to_string()[..10].to_owned());
        assert_eq!(document["warranty"]["endDate"].as_str(), day.as_deref());
    }
}

#[tokio::test]
async fn a_first_read_equals_the_estate_whatever_its_size_and_however_many_requests_at_a_time() {
    // Devices that lack volumes, warranty or system are read like all others.
    for (devices, readers) in [(10, 1), (10, 8), (250, 8), (999, 1), (1000, 8), (1200, 4)] {
        let more = json!({"page_size": 100, "readers": readers});
        let tenant = Tenant::start(options(devices), more).await;
        let read = read_all(&tenant.source()).await.unwrap();
        assert_eq!(read.devices.len(), devices);
        assert_equals_estate(&tenant, &read.devices);
        assert!(tenant.sim.requests().most_at_once <= readers, "{devices}");
        assert_eq!(read.summary.requests, tenant.sim.requests().total);
    }
}

#[tokio::test]
async fn five_thousand_devices_are_read_in_parallel_and_equal_the_estate() {
    let tenant = Tenant::start(options(5000), json!({"page_size": 200})).await;
    let read = read_all(&tenant.source()).await.unwrap();
    assert_equals_estate(&tenant, &read.devices);
    // 25 full pages, and what finding the end and sharing the ranges costs.
    assert!(tenant.device_requests() <= 50, "{}", tenant.device_requests());
}

#[tokio::test]
async fn h16_reading_takes_few_requests_and_only_reads() {
    let tenant = Tenant::of(1200).await;
    read_all(&tenant.source()).await.unwrap();
    // Two pages of up to 1000, and one that proves the end.
    assert_eq!(tenant.sim.requests().total, tenant.device_requests());
    assert!(tenant.device_requests() <= 4, "{}", tenant.device_requests());
    let source = tenant.source();
    source.organizations().await.unwrap();
    source.locations().await.unwrap();
    source.roles().await.unwrap();
    source.check().await;
    let written: Vec<_> = tenant
        .sim
        .seen()
        .into_iter()
        .filter(|seen| seen.method != "GET" && !seen.path.ends_with("/token"))
        .collect();
    assert_eq!(written, []);
}

#[tokio::test]
async fn a_second_read_with_known_ids_equals_the_estate_of_the_day() {
    let tenant = Tenant::start(options(2000), json!({"page_size": 100})).await;
    let source = tenant.source();
    let first = read_all(&source).await.unwrap();
    let known = first.ids();
    let day = tenant.sim.let_a_day_pass(0.02);
    tenant.sim.reset_requests();
    let second = read(&source, knowing(known)).await.unwrap();
    assert_equals_estate(&tenant, &second.devices);
    assert!(tenant.device_requests() <= 24, "{}", tenant.device_requests());

    let digests = |devices: &[RawDevice]| -> BTreeMap<u64, [u8; 32]> {
        devices
            .iter()
            .map(|device| (device.id.as_str().parse().unwrap(), device.digest))
            .collect()
    };
    let (before, after) = (digests(&first.devices), digests(&second.devices));
    let changed: Vec<u32> = before
        .iter()
        .filter(|(id, digest)| after.get(id).is_some_and(|now| now != *digest))
        .map(|(id, _)| *id as u32)
        .collect();
    // Nine in ten devices moved their lastContact, one organization was renamed: only real changes show.
    assert_eq!(changed, day.changed);
    assert!(day.only_contact > 1000 && day.renamed.is_some());
}

#[tokio::test]
async fn wrong_hints_cost_requests_and_never_a_device() {
    let tenant = Tenant::start(options(500), json!({"page_size": 50})).await;
    let source = tenant.source();
    for known in [
        vec![1, 2, 3],
        (1..5000).collect(),
        vec![u64::MAX; 200],
        (0..3000).map(|n| n * 977).collect(),
    ] {
        let read = read(&source, knowing(known)).await.unwrap();
        assert_equals_estate(&tenant, &read.devices);
    }
}

#[tokio::test]
async fn volatile_parts_count_when_a_mapping_uses_them() {
    let tenant = Tenant::of(300).await;
    let source = tenant.source();
    assert!(source.volatile().contains(&"lastContact"));
    let request = || DevicesRequest {
        volatile_in_use: ["lastContact".to_owned()].into(),
        ..DevicesRequest::default()
    };
    let first = read(&source, request()).await.unwrap();
    let day = tenant.sim.let_a_day_pass(0.0);
    let second = read(&source, request()).await.unwrap();
    let digest = |read: &crate::tenant::Read| -> BTreeMap<SourceId, [u8; 32]> {
        read.devices
            .iter()
            .map(|device| (device.id.clone(), device.digest))
            .collect()
    };
    let (first, second) = (digest(&first), digest(&second));
    let changed = first.iter().filter(|(id, digest)| second[id] != **digest).count();
    assert!(changed > 200 && changed <= day.only_contact, "{changed}");
}

#[tokio::test]
async fn an_empty_tenant_is_a_complete_read_of_nothing() {
    let tenant = Tenant::of(10).await;
    tenant
        .sim
        .faults()
        .always("/v2/*", simulators::faults::Effect::EmptyTenant);
    let source = tenant.source();
    let read = read(&source, knowing((1..3000).collect())).await.unwrap();
    assert_eq!((read.devices.len(), read.unreadable.len()), (0, 0));
    assert!(source.organizations().await.unwrap().is_empty());
}

#[tokio::test]
async fn organizations_locations_and_roles_are_complete() {
    let tenant = Tenant::start(
        Options {
            organizations: Some(1200),
            ..options(3000)
        },
        json!({}),
    )
    .await;
    let source = tenant.source();
    let organizations = source.organizations().await.unwrap();
    let expected = tenant.sim.organizations();
    assert_eq!(organizations.len(), 1200);
    for (read, (id, name)) in organizations.iter().zip(expected) {
        assert_eq!((read.id.as_str(), &read.name), (id.to_string().as_str(), &name));
    }
    let locations = source.locations().await.unwrap();
    let estate = tenant.sim.estate();
    assert!(locations.len() == estate.locations().len() && locations.len() > 1000);
    for (read, expected) in locations.iter().zip(estate.locations()) {
        assert_eq!(
            (read.id.as_str(), &read.name),
            (expected.id.to_string().as_str(), &expected.name)
        );
        assert_eq!(read.organization.as_str(), expected.organization.to_string());
    }
}

#[tokio::test]
async fn roles_are_complete() {
    let tenant = Tenant::of(10).await;
    let roles = tenant.source().roles().await.unwrap();
    let estate = tenant.sim.estate();
    assert_eq!(roles.len(), estate.roles().len());
    for (read, expected) in roles.iter().zip(estate.roles()) {
        assert_eq!(
            (read.id.as_str(), read.name.as_str()),
            (expected.id.to_string().as_str(), expected.name)
        );
    }
}

#[tokio::test]
async fn every_api_prefix_works_and_a_small_server_page_is_not_the_end() {
    for api_path in ["/v2", "/api/v2", "/ws/api/v2"] {
        let quirks = Quirks {
            largest_page_size: Some(30),
            no_content_type: true,
            ..Quirks::default()
        };
        let tenant = Tenant::start(
            Options {
                quirks,
                ..options(400)
            },
            json!({"api_path": api_path}),
        )
        .await;
        let read = read_all(&tenant.source()).await.unwrap();
        assert_equals_estate(&tenant, &read.devices);
    }
}

#[tokio::test]
async fn uids_of_some_devices_are_read_in_few_requests() {
    let tenant = Tenant::of(400).await;
    let source = tenant.source();
    let expected: BTreeMap<SourceId, String> = tenant
        .approved()
        .into_iter()
        .take(150)
        .map(|(id, device)| (SourceId(id.to_string()), format!("{:032x}", device.uid())))
        .collect();
    let mut asked: Vec<SourceId> = expected.keys().cloned().collect();
    asked.extend(["999999".into(), "none".into(), "0".into()]);
    let uids = source.device_uids(&asked).await.unwrap();
    let plain: BTreeMap<_, _> = uids
        .into_iter()
        .map(|(id, uid)| (id, uid.replace('-', "")))
        .collect();
    assert_eq!(plain, expected);
    assert!(
        tenant.sim.requests().total <= 3,
        "{}",
        tenant.sim.requests().total
    );
    assert!(source.device_uids(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn several_requests_are_under_way_and_they_become_more_while_all_goes_well() {
    let options = Options {
        latency: Duration::from_millis(40),
        ..options(1500)
    };
    let tenant = Tenant::start(options, json!({"page_size": 30})).await;
    let source = tenant.source();
    let known = read_all(&source).await.unwrap().ids();
    assert!(
        tenant.sim.requests().most_at_once > 4,
        "{}",
        tenant.sim.requests().most_at_once
    );
    // 50 full pages, and what finding the end and sharing the ranges costs.
    assert!(tenant.device_requests() <= 75, "{}", tenant.device_requests());

    tenant.sim.reset_requests();
    assert_eq!(
        crate::tenant::read(&source, knowing(known))
            .await
            .unwrap()
            .devices
            .len(),
        1500
    );
    assert!(
        tenant.sim.requests().most_at_once > 4,
        "{}",
        tenant.sim.requests().most_at_once
    );
    assert!(tenant.device_requests() <= 52, "{}", tenant.device_requests());
}

#[tokio::test]
async fn links_lead_to_the_vendors_pages() {
    let tenant = Tenant::of(10).await;
    let source = tenant.source();
    let base = tenant.sim.base_url();
    assert_eq!(
        source.device_url(&"17".into()).unwrap(),
        format!("{base}/#/deviceDashboard/17/overview")
    );
    assert_eq!(
        source.organization_url(&"3".into()).unwrap(),
        format!("{base}/#/customerDashboard/3/overview")
    );
    assert!(
        crate::tenant::connector()
            .validate(&settings(&base, json!({})), &Default::default(), true)
            .is_ok()
    );
}
