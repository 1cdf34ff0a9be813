mod decided;
mod places;

use super::*;
use crate::render;
use jiff::ToSpan;
use model::{
    Archive, Brakes, DeviceKeys, FieldFault, FieldRule, FieldType, Fields, Mapping, MatchHow, Owner,
    Presence, RuleValue, Scope, SiteRule, TargetField,
};
use serde_json::{Value, json};

fn now() -> Timestamp {
    "2026-06-30T12:00:00Z".parse().unwrap()
}

fn rule(target: &str, owner: Owner) -> FieldRule {
    FieldRule {
        target: target.to_owned(),
        value: RuleValue::Expression(target.to_owned()),
        transform: None,
        owner,
        clear: false,
        create: None,
    }
}

fn settings() -> BridgeSettings {
    let mut settings = crate::presets::settings("default").unwrap();
    settings.scope = Scope {
        approvals: vec![],
        ..Scope::default()
    };
    settings.mapping = Mapping {
        fixed_by: None,
        rules: vec![rule("name", Owner::Source), rule("os", Owner::Source)],
    };
    settings
}

fn device(id: &str, name: &str) -> DeviceProjection {
    DeviceProjection {
        id: id.into(),
        organization: "1".into(),
        location: None,
        label: name.to_owned(),
        keys: DeviceKeys {
            name: Some(crate::fold::fold(name)),
            ..DeviceKeys::default()
        },
        role: None,
        class: None,
        approval: None,
        tags: vec![],
        fields: fields(&[("name", json!(name)), ("os", json!("Windows 11"))]),
        faults: vec![],
        presence: Presence::Present,
    }
}

fn fields(of: &[(&str, Value)]) -> Fields {
    of.iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

fn asset(id: &str, name: &str) -> Asset {
    Asset {
        id: id.into(),
        client: "c".into(),
        site: None,
        asset_type: None,
        source_id: None,
        fields: fields(&[("name", json!(name)), ("os", json!("Windows 11"))]),
        archived: None,
    }
}

fn link(asset: &str) -> AssetLink {
    AssetLink {
        asset: asset.into(),
        written: Fields::new(),
    }
}

fn client() -> ClientInput {
    ClientInput::new(ClientTarget::Existing("c".into()), "Acme")
}

fn absent(reads: u32, days: i64) -> Presence {
    Presence::Absent {
        since: now() - (days * 24).hours(),
        snapshots: reads,
    }
}

/// The rendered plan of one client.
fn plan(
    settings: &BridgeSettings,
    types: &[AssetType],
    type_links: &[(&str, &str)],
    input: ClientInput,
) -> String {
    plan_decided(settings, types, type_links, &RecordDecisions::default(), input)
}

/// The same, with what people decided about single records.
fn plan_decided(
    settings: &BridgeSettings,
    types: &[AssetType],
    type_links: &[(&str, &str)],
    decided: &RecordDecisions,
    input: ClientInput,
) -> String {
    let targets = ["name", "os"].map(|key| TargetField {
        key: key.to_owned(),
        label: key.to_owned(),
        field_type: FieldType::Text,
        custom: false,
    });
    let mapping = CompiledMapping::compile(&settings.mapping, &targets).unwrap();
    let type_links = type_links
        .iter()
        .map(|&(role, id)| (role.into(), id.into()))
        .collect();
    let mut planner = Planner::new(PlannerInput {
        settings,
        mapping: &mapping,
        now: now(),
        types,
        type_links: &type_links,
        decided,
    });
    let operations = planner.client(input);
    let (counts, warnings) = planner.finish();
    let total = counts.writes() + counts.reviews + counts.skips;
    assert_eq!(operations.len(), total as usize);
    let mut text: String = operations.iter().map(render::operation).collect();
    if counts.unchanged > 0 {
        text.push_str(&format!("unchanged: {}\n", counts.unchanged));
    }
    text + &warnings.join("\n")
}

#[track_caller]
fn check(settings: &BridgeSettings, input: ClientInput, expected: &str) {
    assert_eq!(plan(settings, &[], &[], input), expected);
}

#[test]
fn a_new_device_becomes_an_asset() {
    let mut input = client();
    input.devices = vec![device("1", "PC-1")];
    check(
        &settings(),
        input,
        "+ asset  PC-1  Acme\n    name: — → PC-1\n    os: — → Windows 11\n    (no asset of this client is this device)\n",
    );
}

#[test]
fn blank_and_locked_fields_are_left_out_of_new_assets() {
    let mut input = client();
    let mut new = device("1", "PC-1");
    new.fields.insert("os".to_owned(), json!(""));
    input.devices = vec![new];
    let mut settings = settings();
    settings.mapping.rules[0].owner = Owner::Locked;
    check(
        &settings,
        input,
        "+ asset  PC-1  Acme\n    (no asset of this client is this device)\n",
    );
}

#[test]
fn an_existing_asset_is_adopted_and_only_what_differs_is_written() {
    let mut input = client();
    input.devices = vec![device("1", "PC-1")];
    let mut stands = asset("a", "pc-1");
    stands.fields.insert("os".to_owned(), json!(null));
    input.assets = vec![stands];
    check(
        &settings(),
        input,
        "= asset  PC-1  Acme\n    is asset a\n    name: pc-1 → PC-1\n    os: — → Windows 11\n    (asset a is this device: \
         same name)\n",
    );
}

#[test]
fn linked_archived_and_foreign_assets_are_not_adopted() {
    let new = "+ asset  PC-1  Acme\n    name: — → PC-1\n    os: — → Windows 11\n    (no asset of this client is this \
               device)\n";
    let with = |asset: Asset, links: &[(&str, &str)]| {
        let mut input = client();
        input.devices = vec![device("1", "PC-1")];
        input.assets = vec![asset];
        input.links = links
            .iter()
            .map(|&(device, asset)| (device.into(), link(asset)))
            .collect();
        input
    };
    check(
        &settings(),
        with(
            Asset {
                archived: Some(now()),
                ..asset("a", "PC-1")
            },
            &[],
        ),
        new,
    );
    check(
        &settings(),
        with(
            Asset {
                client: "other".into(),
                ..asset("a", "PC-1")
            },
            &[],
        ),
        new,
    );
    check(
        &settings(),
        with(asset("a", "PC-1"), &[("of another organization", "a")]),
        new,
    );
}

fn linked(device: DeviceProjection, asset: Asset) -> ClientInput {
    let mut input = client();
    input.links = [(
        device.id.clone(),
        AssetLink {
            asset: asset.id.clone(),
            written: Fields::new(),
        },
    )]
    .into();
    input.devices = vec![device];
    input.assets = vec![asset];
    input
}

#[test]
fn a_linked_asset_is_updated_or_unchanged() {
    check(
        &settings(),
        linked(device("1", "PC-1"), asset("a", "PC-1")),
        "unchanged: 1\n",
    );
    check(
        &settings(),
        linked(device("1", "PC-1"), asset("a", "renamed by hand")),
        "~ asset  PC-1  Acme\n    name: renamed by hand → PC-1\n    (1 field differs)\n",
    );
}

#[test]
fn what_a_person_changed_is_asked_about_where_the_rule_asks() {
    let mut settings = settings();
    settings.mapping.rules[0].owner = Owner::Ask;
    let mut input = linked(device("1", "PC-1"), asset("a", "by hand"));
    input.links.get_mut(&SourceId::from("1")).unwrap().written = fields(&[("name", json!("PC-0"))]);
    input.assets[0]
        .fields
        .insert("os".to_owned(), json!("Windows 10"));
    check(
        &settings,
        input.clone(),
        "~ asset  PC-1  Acme\n    os: Windows 10 → Windows 11\n    (1 field differs)\n? asset  PC-1  Acme\n    name: by \
         hand → PC-1\n    (changed in the destination since the last write: name; say which value stays)\n",
    );
    input.assets[0].fields = fields(&[("name", json!("PC-0")), ("os", json!("Windows 11"))]);
    check(
        &settings,
        input,
        "~ asset  PC-1  Acme\n    name: PC-0 → PC-1\n    (1 field differs)\n",
    );
}

#[test]
fn an_unreadable_value_does_not_clear_a_field() {
    let mut settings = settings();
    settings.mapping.rules[1].clear = true;
    let mut unreadable = device("1", "PC-1");
    unreadable.fields.remove("os");
    check(
        &settings,
        linked(unreadable.clone(), asset("a", "PC-1")),
        "~ asset  PC-1  Acme\n    os: Windows 11 → —\n    (1 field differs)\n",
    );
    unreadable.faults = vec![FieldFault {
        path: "os".to_owned(),
        message: "os: expected text, found a list".to_owned(),
    }];
    check(
        &settings,
        linked(unreadable.clone(), asset("a", "PC-1")),
        "unchanged: 1\n",
    );
    check(
        &settings,
        linked(unreadable, asset("a", "PC-0")),
        "~ asset  PC-1  Acme\n    name: PC-0 → PC-1\n    (1 field differs; left out, since not readable: os)\n",
    );
}

#[test]
fn a_device_moves_with_its_link() {
    let elsewhere = Asset {
        client: "old".into(),
        ..asset("a", "PC-1")
    };
    check(
        &settings(),
        linked(device("1", "PC-1"), elsewhere),
        "~ asset  PC-1  Acme\n    moves to client c\n    (its device is with another client now)\n",
    );
}

#[test]
fn assets_that_people_removed_are_asked_about() {
    let mut gone = linked(device("1", "PC-1"), asset("a", "PC-1"));
    gone.assets.clear();
    check(
        &settings(),
        gone.clone(),
        "? asset  PC-1  Acme\n    (its asset a no longer exists: it was deleted by hand; say whether to create it anew or \
         to leave the device out)\n",
    );
    gone.devices[0].presence = absent(1, 0);
    check(
        &settings(),
        gone,
        "· asset  PC-1  Acme\n    (the device is gone, and so is its asset a)\n",
    );
    let archived = Asset {
        archived: Some(now()),
        ..asset("a", "PC-1")
    };
    check(
        &settings(),
        linked(device("1", "PC-1"), archived),
        "? asset  PC-1  Acme\n    (the device is back, and its asset was archived on 2026-06-30; restore it)\n",
    );
}

#[test]
fn two_devices_linked_to_one_asset_are_asked_about() {
    let mut input = linked(device("1", "PC-1"), asset("a", "PC-1"));
    input.links.insert("2".into(), link("a"));
    check(
        &settings(),
        input,
        "? asset  PC-1  Acme\n    (2 devices are linked to asset a; unlink all but one)\n",
    );
}

#[track_caller]
fn check_absent(archive: Option<Archive>, presence: Presence, expected: &str) {
    let mut settings = settings();
    settings.archive = archive;
    let gone = DeviceProjection {
        presence,
        ..device("1", "PC-1")
    };
    check(&settings, linked(gone.clone(), asset("a", "PC-1")), expected);
    // Never linked: nothing to do and nothing to say.
    let mut unlinked = client();
    unlinked.devices = vec![gone.clone()];
    check(&settings, unlinked, "");
    let archived = Asset {
        archived: Some(now()),
        ..asset("a", "PC-1")
    };
    check(&settings, linked(gone, archived), "unchanged: 1\n");
}

#[test]
fn vanished_devices_are_archived_by_rule_only() {
    let rule = Some(Archive {
        after_snapshots: 3,
        after_days: 14,
    });
    check_absent(
        None,
        absent(100, 1000),
        "· asset  PC-1  Acme\n    (absent for 100 reads and 1000 days; this bridge archives nothing)\n",
    );
    check_absent(
        rule,
        absent(1, 0),
        "· asset  PC-1  Acme\n    (absent in 1 of 3 reads, 0 of 14 days)\n",
    );
    check_absent(
        rule,
        absent(9, 13),
        "· asset  PC-1  Acme\n    (absent in 9 of 3 reads, 13 of 14 days)\n",
    );
    check_absent(
        rule,
        absent(2, 99),
        "· asset  PC-1  Acme\n    (absent in 2 of 3 reads, 99 of 14 days)\n",
    );
    check_absent(
        rule,
        absent(3, 14),
        "- asset  PC-1  Acme\n    (absent for 3 reads and 14 days; this bridge archives from 3 reads and 14 days on)\n",
    );
    check_absent(
        rule,
        absent(3, -1),
        "· asset  PC-1  Acme\n    (absent in 3 of 3 reads, 0 of 14 days)\n",
    );
}

#[test]
fn devices_out_of_scope_are_left_alone() {
    let mut settings = settings();
    settings.scope.classes = vec!["MAC".to_owned()];
    settings.archive = Some(Archive {
        after_snapshots: 0,
        after_days: 0,
    });
    let text = "· asset  PC-1  Acme\n    (not in scope: it has no class)\n";
    check(&settings, linked(device("1", "PC-1"), asset("a", "other")), text);
    let gone = DeviceProjection {
        presence: absent(9, 99),
        ..device("1", "PC-1")
    };
    check(&settings, linked(gone.clone(), asset("a", "other")), text);
    let mut unlinked = client();
    unlinked.devices = vec![
        device("1", "PC-1"),
        DeviceProjection {
            id: "2".into(),
            ..gone
        },
    ];
    unlinked.assets = vec![asset("a", "PC-1")];
    check(&settings, unlinked, text);
}

/// A device that is gone for long enough, and another with its serial number in its place.
fn reinstalled() -> (BridgeSettings, ClientInput) {
    let serial = |mut device: DeviceProjection| {
        device.keys.serial = Some("s1".to_owned());
        device
    };
    let mut settings = settings();
    settings.archive = Some(Archive {
        after_snapshots: 3,
        after_days: 0,
    });
    let mut input = linked(serial(device("1", "PC-1")), asset("a", "PC-1"));
    input.devices.push(serial(device("2", "PC-2")));
    input.devices[0].presence = absent(3, 0);
    (settings, input)
}

#[test]
fn a_reinstalled_device_is_a_question_until_the_old_asset_is_archived() {
    let (settings, mut input) = reinstalled();
    input.devices[0].presence = absent(1, 0);
    check(
        &settings,
        input.clone(),
        "· asset  PC-1  Acme\n    (absent in 1 of 3 reads, 0 of 0 days)\n? asset  PC-2  Acme\n    (asset a has the same \
         serial number and is linked to device 1 (PC-1), which is gone: say whether this device takes its place)\n",
    );
    input.devices[0].presence = absent(3, 0);
    check(
        &settings,
        input,
        "- asset  PC-1  Acme\n    (absent for 3 reads and 0 days; this bridge archives from 3 reads and 0 days on)\n+ asset  \
         PC-2  Acme\n    name: — → PC-2\n    os: — → Windows 11\n    (no asset of this client is this device)\n",
    );
}

/// A destination that can create assets and nothing else.
fn creates_alone(input: ClientInput) -> ClientInput {
    let can = Can {
        update: false,
        archive: false,
        restore: false,
        sites: false,
        asset_types: false,
    };
    ClientInput { can, ..input }
}

#[test]
fn what_a_destination_cannot_do_is_said_and_not_planned() {
    let mut settings = settings();
    settings.sites = model::SiteRule::SameName;
    settings.archive = Some(Archive {
        after_snapshots: 1,
        after_days: 0,
    });
    let mut new = device("1", "PC-1");
    new.location = Some("7".into());
    new.role = Some(model::Role {
        id: "9".into(),
        name: "Server".to_owned(),
    });
    let mut input = client();
    input.devices = vec![new.clone()];
    input.locations = vec![model::Location {
        id: "7".into(),
        organization: "1".into(),
        name: "Here".to_owned(),
    }];
    check(
        &settings,
        creates_alone(input),
        "+ asset  PC-1  Acme\n    name: — → PC-1\n    os: — → Windows 11\n    (no asset of this client is this device)\n",
    );
    check(
        &settings,
        creates_alone(linked(new.clone(), asset("a", "Other"))),
        "· asset  PC-1  Acme\n    (1 field differs; this destination's API cannot change assets: change it there)\n",
    );
    let gone = DeviceProjection {
        presence: absent(2, 1),
        ..device("1", "PC-1")
    };
    let said = plan(
        &settings,
        &[],
        &[],
        creates_alone(linked(gone, asset("a", "PC-1"))),
    );
    assert!(
        said.starts_with("· asset  PC-1") && said.contains("API cannot archive it: do that there"),
        "{said}"
    );
    let mut adopting = client();
    adopting.devices = vec![device("1", "PC-1")];
    adopting.assets = vec![asset("a", "pc-1")];
    let said = plan(&settings, &[], &[], creates_alone(adopting));
    assert_eq!(
        said,
        "= asset  PC-1  Acme\n    is asset a\n    (asset a is this device: same name; 1 field differs, and this \
         destination's API cannot change assets)\n"
    );
}
