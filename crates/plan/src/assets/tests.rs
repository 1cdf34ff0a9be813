use super::*;
use model::DeviceKeys;
use serde_json::json;

/// A device: id, serial number, MAC address, name.
fn device(id: &str, serial: &str, mac: &str, name: &str) -> DeviceProjection {
    DeviceProjection {
        id: id.into(),
        organization: "1".into(),
        location: None,
        label: name.to_owned(),
        keys: DeviceKeys {
            serial: fold_serial(serial),
            macs: fold_mac(mac).into_iter().collect(),
            name: (!name.is_empty()).then(|| fold(name)),
        },
        role: None,
        class: None,
        approval: None,
        tags: vec![],
        fields: Fields::new(),
        faults: vec![],
        presence: Presence::Present,
    }
}

/// An asset with the same columns.
fn asset(id: &str, serial: &str, mac: &str, name: &str) -> Asset {
    let fields = [(SERIAL_FIELD, serial), (MAC_FIELD, mac), (NAME_FIELD, name)];
    Asset {
        id: id.into(),
        client: "c".into(),
        site: None,
        asset_type: None,
        source_id: None,
        fields: fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect(),
        archived: None,
    }
}

fn identities(devices: &[DeviceProjection], assets: &[Asset], match_field: Option<&str>) -> Vec<String> {
    let devices: Vec<&DeviceProjection> = devices.iter().collect();
    let assets: Vec<&Asset> = assets.iter().collect();
    let short = |identity| match identity {
        Identity::Asset(asset, reason) => format!("{}: {reason}", assets[asset].id),
        Identity::Unclear(_, reason) => format!("? {reason}"),
        Identity::New => "new".to_owned(),
    };
    identify(&devices, &assets, match_field, &[], &BTreeSet::new())
        .into_iter()
        .map(short)
        .collect()
}

#[track_caller]
fn check(devices: &[DeviceProjection], assets: &[Asset], expected: &[&str]) {
    assert_eq!(identities(devices, assets, None), expected);
}

const M1: &str = "00:1a:2b:3c:4d:5e";
const M2: &str = "00:1a:2b:3c:4d:5f";

#[test]
fn each_key_recognizes() {
    check(
        &[device("d", "S1", "", "")],
        &[asset("a", " s 1", "", "x")],
        &["a: same serial number"],
    );
    check(
        &[device("d", "", M1, "")],
        &[asset("a", "", "001A2B3C4D5E, none", "x")],
        &["a: same MAC address"],
    );
    check(
        &[device("d", "", "", "PC-1")],
        &[asset("a", "", "", " pc-1 ")],
        &["a: same name"],
    );
    check(
        &[device("d", "S1", M1, "PC-1")],
        &[asset("a", "S2", M2, "PC-2")],
        &["new"],
    );
    let stored = Asset {
        source_id: Some("d".to_owned()),
        ..asset("a", "", "", "")
    };
    check(
        &[device("d", "S1", M1, "PC-1")],
        &[stored],
        &["a: the asset stores this device's id"],
    );
}

#[test]
fn a_stronger_key_goes_first_over_all_devices() {
    // By name alone the first device would take the asset whose serial number is the second's.
    check(
        &[device("d1", "", "", "PC"), device("d2", "S2", "", "OTHER")],
        &[asset("a", "S2", "", "PC")],
        &["new", "a: same serial number"],
    );
}

#[test]
fn placeholders_recognize_nothing() {
    for placeholder in ["To be filled by O.E.M.", "0", "None", "System Serial Number"] {
        check(
            &[device("d", placeholder, "", "A")],
            &[asset("a", placeholder, "", "B")],
            &["new"],
        );
    }
}

#[test]
fn ambiguous_keys_are_a_question_and_not_a_new_asset() {
    check(
        &[device("d", "S1", M1, "PC")],
        &[asset("a", "S1", "", ""), asset("b", "S1", M1, "PC")],
        &["? same serial number as 2 assets (a, b): say which one it is"],
    );
    check(
        &[device("d1", "S1", "", "A"), device("d2", "S1", "", "B")],
        &[asset("a", "S1", "", "A")],
        &[
            "? same serial number as asset a, but 2 devices have it: say which one it is",
            "? same serial number as asset a, but 2 devices have it: say which one it is",
        ],
    );
    // What is in dispute is out of reach of weaker keys.
    check(
        &[
            device("d1", "S1", "", "A"),
            device("d2", "S1", "", "B"),
            device("d3", "", "", "C"),
        ],
        &[asset("a", "S1", "", "C")],
        &[
            "? same serial number as asset a, but 2 devices have it: say which one it is",
            "? same serial number as asset a, but 2 devices have it: say which one it is",
            "new",
        ],
    );
}

#[test]
fn two_devices_with_one_serial_and_no_asset_are_two_machines() {
    check(
        &[device("d1", "S1", "", "A"), device("d2", "S1", "", "B")],
        &[],
        &["new", "new"],
    );
}

#[test]
fn different_serial_numbers_tell_machines_of_one_name_apart() {
    check(
        &[device("d", "NEW1", M1, "RECEPTION")],
        &[asset("a", "OLD1", M1, "RECEPTION")],
        &["new"],
    );
    check(
        &[device("d", "NEW1", "", "RECEPTION")],
        &[asset("a", "None", "", "RECEPTION")],
        &["a: same name"],
    );
}

#[test]
fn the_matching_field_of_the_bridge() {
    let with = |mut device: DeviceProjection, tag: Value| {
        device.fields.insert("tag".to_owned(), tag);
        device
    };
    let tagged = |mut asset: Asset, tag: Value| {
        asset.fields.insert("tag".to_owned(), tag);
        asset
    };
    let check = |of_device: Value, of_asset: Value, expected: &str| {
        let devices = [with(device("d", "", "", "A"), of_device)];
        let assets = [tagged(asset("a", "", "", "B"), of_asset)];
        assert_eq!(identities(&devices, &assets, Some("tag")), [expected]);
    };
    check(json!("Inv 007"), json!("inv  007"), "a: same tag");
    check(json!(12), json!(12.0), "a: same tag");
    check(json!("none"), json!("none"), "new");
    check(json!(""), json!(""), "new");
    check(json!(null), json!(null), "new");
}

#[test]
fn a_reinstalled_device_is_asked_about() {
    let gone = device("old", "S1", "", "PC");
    let held = asset("a", "S1", "", "PC");
    let fresh = device("new", "S1", "", "PC");
    let other = device("other", "S2", "", "PC");
    let found = identify(&[&fresh, &other], &[], None, &[(&held, &gone)], &BTreeSet::new());
    let Identity::Unclear(_, reason) = &found[0] else {
        panic!("{found:?}")
    };
    assert!(
        reason.starts_with(
            "asset a has the same serial number and is linked to device old (PC), which is gone"
        )
    );
    assert_eq!(found[1], Identity::New);
}

#[test]
fn an_id_that_another_source_stored_pairs_nothing() {
    let mut stores_it = asset("a", "", "", "Front desk");
    stores_it.source_id = Some("d".to_owned());
    let mut same_name = asset("b", "", "", "PC");
    same_name.source_id = Some("e".to_owned());
    let (device, assets) = (device("d", "", "", "PC"), [&stores_it, &same_name]);
    let foreign = BTreeSet::from(["a".into()]);
    let found = identify(&[&device], &assets, None, &[], &foreign);
    assert!(
        matches!(&found[..], [Identity::Asset(1, reason)] if reason == "same name"),
        "{found:?}"
    );
    let found = identify(&[&device], &assets, None, &[], &BTreeSet::new());
    assert!(matches!(found[..], [Identity::Asset(0, _)]), "{found:?}");
}
