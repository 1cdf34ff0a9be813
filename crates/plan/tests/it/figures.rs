//! How long the large cases take. Ignored in everyday runs, since unoptimized code says nothing:
//! `cargo test -p plan --release -- --ignored --nocapture figures`.

use crate::world::{World, targets};
use jiff::Timestamp;
use model::{AssetType, Client, ClientTarget, Organization, Presence};
use plan::names::NameIndex;
use plan::{ClientInput, CompiledMapping, Planner, PlannerInput, fold, presets, project};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Numbers that look drawn, the same on every run.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// Company-like names: two or three words out of a few hundred, and a legal suffix out of a few. So most of them
/// share their endings with thousands of others, as real ones do.
fn company_names(count: usize, sequence: &mut Sequence) -> Vec<String> {
    let starts = [
        "Bright", "Harbor", "North", "Sun", "Iron", "Silver", "Blue", "Green", "River", "Stone", "Oak",
        "Fox", "Maple", "Clear", "Grand", "High", "Lake", "Red", "West", "East",
    ];
    let ends = [
        "water", "gate", "field", "wind", "rise", "bridge", "wood", "ton", "view", "point", "dale", "port",
        "side", "land", "ridge", "brook", "well", "crest", "haven", "hill",
    ];
    let trades = [
        "Legal",
        "Dental",
        "Logistics",
        "Bakery",
        "Solutions",
        "Consulting",
        "Partners",
        "Medical",
        "Engineering",
        "Properties",
        "Foods",
        "Media",
        "Services",
        "Group",
        "Systems",
        "Studio",
        "Clinic",
        "Motors",
    ];
    let suffixes = ["", "", " Inc", " LLC", " Ltd", " GmbH", " & Co", " Inc."];
    let pick = |list: &[&str], sequence: &mut Sequence| list[sequence.next(list.len())].to_owned();
    (0..count)
        .map(|_| {
            let first = pick(&starts, sequence) + &pick(&ends, sequence);
            let second = pick(&starts, sequence) + &pick(&ends, sequence);
            format!(
                "{first} {second} {}{}",
                pick(&trades, sequence),
                pick(&suffixes, sequence)
            )
        })
        .collect()
}

fn kilobytes(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(key)).unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

#[track_caller]
fn check(what: &str, took: Duration, limit: Duration) {
    println!("{what}: {took:.2?} (limit {limit:.0?})");
    assert!(took <= limit, "{what} took {took:.2?}");
}

#[test]
#[ignore = "measures; run optimized"]
fn figures_of_50_000_by_50_000_names() {
    let mut sequence = Sequence(7);
    let clients: Vec<String> = company_names(50_000, &mut sequence)
        .iter()
        .map(|n| fold::fold(n))
        .collect();
    let organizations: Vec<String> = company_names(50_000, &mut sequence)
        .iter()
        .map(|n| fold::fold(n))
        .collect();
    let before = kilobytes("VmRSS");
    let started = Instant::now();
    let index = NameIndex::new(clients.iter().cloned(), 3);
    let built = started.elapsed();
    let pairs: usize = organizations.iter().map(|name| index.similar(name).len()).sum();
    let took = started.elapsed();
    let grown = kilobytes("VmHWM").saturating_sub(before);
    println!(
        "{pairs} pairs; index built in {built:.2?}; peak memory grew by {} MB",
        grown / 1024
    );
    check("names 50,000 x 50,000 within 3", took, Duration::from_secs(2));
    assert!(grown <= 150 * 1024);
}

#[test]
#[ignore = "measures; run optimized"]
fn figures_of_matching_organizations() {
    let mut sequence = Sequence(11);
    let mut world = World::empty(presets::settings("humanizeit").unwrap(), Timestamp::UNIX_EPOCH);
    let numbered = (0..).zip(company_names(50_000, &mut sequence));
    let organization = |(id, name): (u32, _)| Organization {
        id: id.to_string().into(),
        name,
        description: None,
    };
    world.organizations = numbered.map(organization).collect();
    let numbered = (0..).zip(company_names(50_000, &mut sequence));
    world.clients = numbered
        .map(|(id, name): (u32, _)| Client {
            id: id.to_string().into(),
            name,
            source_id: None,
        })
        .collect();
    let started = Instant::now();
    let matches = world.matches();
    check(
        "matching 50,000 organizations with 50,000 clients",
        started.elapsed(),
        Duration::from_secs(3),
    );
    assert_eq!(matches.len(), 50_000);
}

fn document(id: usize) -> Value {
    let raw = json!({"software": (0..20).map(|n| format!("package {n} of device {id}")).collect::<Vec<_>>()});
    json!({
        "id": id, "uid": format!("uid-{id}"), "organizationId": id % 500, "locationId": id % 900,
        "systemName": format!("WS-{id:06}"), "dnsName": format!("ws-{id:06}.example.test"), "offline": false,
        "nodeClass": "WINDOWS_WORKSTATION", "nodeRoleId": 1002, "approvalStatus": "APPROVED", "tags": ["a", "b"],
        "macAddresses": [format!("02:00:00:{:02x}:{:02x}:{:02x}", id >> 16 & 255, id >> 8 & 255, id & 255)],
        "ipAddresses": ["10.0.0.1", "fe80::1"], "publicIP": "192.0.2.1", "lastLoggedInUser": "EXAMPLE\\somebody",
        "system": {"name": format!("WS-{id:06}"), "manufacturer": "HP", "model": "EliteBook 840 G9",
            "serialNumber": format!("5CG{id:07}"), "biosSerialNumber": format!("5CG{id:07}"), "domain": "example.test",
            "totalPhysicalMemory": 17_179_869_184_u64, "virtualMachine": false, "chassisType": "LAPTOP"},
        "os": {"manufacturer": "Microsoft Corporation", "name": "Windows 11 Professional Edition",
            "architecture": "64-bit", "buildNumber": "22631", "releaseId": "23H2", "needsReboot": false},
        "memory": {"capacity": 17_179_869_184_u64},
        "processors": [{"architecture": "x64", "name": "Intel Core i5-1245U", "numCores": 10, "clockSpeed": 1_600_000_000}],
        "volumes": (0..3).map(|n| json!({"name": format!("{n}:"), "label": "Data", "fileSystem": "NTFS",
            "capacity": 510_770_802_688_u64 + n, "freeSpace": 100, "serialNumber": "ABCD-1234"})).collect::<Vec<_>>(),
        "organization": {"id": id % 500, "name": "Brightwater Legal"}, "location": {"id": id % 900, "name": "Main office"},
        "role": {"id": 1002, "name": "Windows Workstation"}, "policy": {"id": 5, "name": "Default"},
        "warranty": {"startDate": "2024-03-01", "endDate": "2027-03-01"}, "raw": raw,
    })
}

#[test]
#[ignore = "measures; run optimized"]
fn figures_of_mapping_documents() {
    let settings = presets::settings("humanizeit").unwrap();
    let mapping = CompiledMapping::compile(&settings.mapping, &targets()).unwrap();
    let documents: Vec<Value> = (0..10_000).map(document).collect();
    println!("a document has {} bytes", documents[5_000].to_string().len());
    let started = Instant::now();
    for document in &documents {
        black_box(project(document, &mapping, Presence::Present));
    }
    check("10,000 projections", started.elapsed(), Duration::from_secs(1));
}

#[test]
#[ignore = "measures; run optimized"]
fn figures_of_planning() {
    let mut settings = presets::settings("humanizeit").unwrap();
    settings.asset_match_field = Some("serialNumber".to_owned());
    let now: Timestamp = "2026-06-30T12:00:00Z".parse().unwrap();
    let mapping = CompiledMapping::compile(&settings.mapping, &targets()).unwrap();
    let mut world = World::empty(settings.clone(), now);
    world.types = vec![AssetType {
        id: "t".into(),
        name: "Windows Workstation".to_owned(),
        group: None,
    }];
    let type_links = [("1002".into(), "t".into())].into();
    let started_with = PlannerInput {
        settings: &settings,
        mapping: &mapping,
        now,
        types: &world.types.clone(),
        type_links: &type_links,
        decided: &world.decided.clone(),
    };

    let mut first = Planner::new(started_with);
    let mut second = Planner::new(started_with);
    let (mut creating, mut comparing) = (Duration::ZERO, Duration::ZERO);
    for client in 0..500 {
        let target = ClientTarget::Existing(format!("client-{client}").into());
        let devices = (0..200)
            .map(|n| project(&document(client + 500 * n), &mapping, Presence::Present))
            .collect();
        let mut input = ClientInput {
            devices,
            ..ClientInput::new(target, "Brightwater Legal")
        };
        let clock = Instant::now();
        let operations = first.client(input.clone());
        creating += clock.elapsed();
        let plan = crate::world::Plan {
            operations,
            counts: Default::default(),
            warnings: vec![],
        };
        world.apply(&plan);
        input.assets = world.assets.split_off(0);
        input.links = std::mem::take(&mut world.asset_links);
        let clock = Instant::now();
        black_box(second.client(input));
        comparing += clock.elapsed();
    }
    assert_eq!(first.finish().0.create_assets, 100_000);
    assert_eq!(second.finish().0.unchanged, 100_000);
    check("planning 100,000 new devices", creating, Duration::from_secs(2));
    check(
        "planning 100,000 linked devices",
        comparing,
        Duration::from_secs(2),
    );
}
