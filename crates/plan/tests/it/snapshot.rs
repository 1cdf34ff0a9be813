//! A small estate from documents to text: the first plan, and the plan of the day after.

use crate::world::{Plan, World, targets};
use jiff::{Timestamp, ToSpan};
use model::{
    Archive, Asset, AssetType, Client, Decision, Fields, Location, NewOrganizations, Organization, Presence,
    Site, SiteRule, Verdict,
};
use plan::{CompiledMapping, presets, project, render};
use serde_json::{Value, json};

fn morning() -> Timestamp {
    "2026-06-30T06:00:00Z".parse().unwrap()
}

fn documents() -> Vec<Value> {
    let device = |id: u32, organization: u32, name: &str, serial: &str| {
        json!({
            "id": id, "organizationId": organization, "locationId": organization * 10, "nodeClass": "WINDOWS_WORKSTATION",
            "approvalStatus": "APPROVED", "systemName": name, "role": {"id": 1002, "name": "Windows Workstation"},
            "system": {"serialNumber": serial, "manufacturer": "HP", "model": "EliteBook 840 G9"},
            "os": {"name": "Windows 11 Pro"}, "volumes": [{"name": "C:", "capacity": 510_770_802_688_u64}],
            "processors": [{"name": "Intel Core i5-1245U"}], "location": {"id": organization * 10, "name": "Main office"},
            "warranty": {"startDate": "2024-03-01", "endDate": "2027-03-01"},
        })
    };
    let mut switch = json!({"id": 5, "organizationId": 1, "dnsName": "sw1.brightwater.example", "nodeClass": "NMS_SWITCH",
        "approvalStatus": "APPROVED", "role": {"id": 40, "name": "Switch"}});
    let mut pending = device(6, 1, "BL-WS-099", "5CG0000099");
    pending["approvalStatus"] = json!("PENDING");
    let mut odd = device(7, 2, "HD\n-FRONT\u{202e}", "To be filled by O.E.M.");
    odd["volumes"] = json!([{"capacity": "lots"}]);
    switch["systemName"] = json!("");
    vec![
        device(1, 1, "BL-WS-014", "5CG1234ABC"),
        device(2, 1, "BL-WS-015", "5CG1234ABD"),
        device(3, 1, "BL-WS-016", "5CG1234TWICE"),
        device(4, 1, "BL-WS-017", "5CG1234TWICE"),
        switch,
        pending,
        odd,
        device(8, 3, "GX-WS-001", "5CG9999999"),
        device(9, 4, "OLD-PC", "5CG8888888"),
    ]
}

fn world() -> World {
    let mut settings = presets::settings("humanizeit").unwrap();
    settings.sites = SiteRule::SameName;
    settings.new_organizations = NewOrganizations::Create;
    settings.archive = Some(Archive {
        after_snapshots: 2,
        after_days: 1,
    });
    let mapping = CompiledMapping::compile(&settings.mapping, &targets()).unwrap();
    let mut world = World::empty(settings, morning());
    world.devices = documents()
        .iter()
        .map(|d| project(d, &mapping, Presence::Present))
        .collect();
    let named = [
        ("1", "Brightwater Legal"),
        ("2", "Harbor Dental Group"),
        ("3", "Globex"),
        ("4", "Old tenant"),
    ];
    world.organizations = named
        .map(|(id, name)| Organization {
            id: id.into(),
            name: name.to_owned(),
            description: None,
        })
        .to_vec();
    world.locations = ["1", "2", "3"]
        .map(|o| Location {
            id: format!("{o}0").into(),
            organization: o.into(),
            name: "Main office".to_owned(),
        })
        .to_vec();
    let client = |id: &str, name: &str| Client {
        id: id.into(),
        name: name.to_owned(),
        source_id: None,
    };
    world.clients = vec![
        client("c1", "BRIGHTWATER  Legal"),
        client("c2", "Harbour Dental Grp"),
    ];
    world.sites = vec![Site {
        id: "s1".into(),
        client: "c1".into(),
        name: "Main Office".to_owned(),
    }];
    world.types = vec![AssetType {
        id: "t1".into(),
        name: "Windows workstation".to_owned(),
        group: None,
    }];
    let exclude = Decision {
        organization: "4".into(),
        verdict: Verdict::Exclude,
        decided_by: "person:ana".to_owned(),
        at: morning(),
    };
    world.decisions.insert("4".into(), exclude);
    let asset = |id: &str, fields: &[(&str, &str)]| Asset {
        id: id.into(),
        client: "c1".into(),
        site: None,
        asset_type: Some("t1".into()),
        source_id: None,
        fields: fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect::<Fields>(),
        archived: None,
    };
    world.assets = vec![
        asset(
            "a1",
            &[
                ("name", "bl-ws-014"),
                ("serialNumber", "5cg1234abc"),
                ("details", "by the window"),
            ],
        ),
        asset("a3", &[("name", "spare"), ("serialNumber", "5CG1234TWICE")]),
    ];
    world
}

fn text(plan: &Plan) -> String {
    let operations: String = plan
        .operations
        .iter()
        .map(|o| format!("{:>3} {}", o.number, render::operation(o)))
        .collect();
    format!("{}\n{operations}", render::summary(&plan.counts, &plan.warnings))
}

#[test]
fn the_first_plan() {
    insta::assert_snapshot!(text(&world().plan()));
}

#[test]
fn the_plan_of_the_day_after() {
    let mut world = world();
    world.apply(&world.plan());
    assert_eq!(world.plan().counts.writes(), 0);

    // A name changed, a device moved to another client, one was renamed by hand, one vanished two days ago.
    world.now = morning() + 48.hours();
    world.devices[0]
        .fields
        .insert("os".to_owned(), json!("Windows 12 Pro"));
    world.devices[1].organization = "3".into();
    world.devices[1].location = Some("30".into());
    world.devices[7].presence = Presence::Absent {
        since: morning() + 3.hours(),
        snapshots: 2,
    };
    let switch = world.asset_links[&"5".into()].asset.clone();
    world
        .asset(&switch)
        .fields
        .insert("name".to_owned(), json!("core switch"));
    world.organizations[0].name = "Brightwater & Partners".to_owned();
    insta::assert_snapshot!(text(&world.plan()));
}
