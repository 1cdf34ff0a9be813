use super::*;
use crate::mapping::CompiledMapping;
use crate::project::project;
use model::{FieldType, Fields, Presence, TargetField};
use serde_json::json;

/// The asset fields HumanizeIT has.
fn targets() -> Vec<TargetField> {
    let of = |key: &str, field_type| TargetField {
        key: key.to_owned(),
        label: key.to_owned(),
        field_type,
        custom: false,
    };
    let text = [
        "serialNumber",
        "name",
        "details",
        "TypeId",
        "locationName",
        "manufacturer",
        "modelNumber",
        "os",
        "processorModel",
    ];
    let mut targets: Vec<TargetField> = text.iter().map(|key| of(key, FieldType::Text)).collect();
    targets.extend(["warrantyExpire", "purchaseDate", "replaceDate"].map(|key| of(key, FieldType::Date)));
    targets.push(of("storage", FieldType::Integer));
    targets
}

fn mapping() -> CompiledMapping {
    CompiledMapping::compile(&settings("humanizeit").unwrap().mapping, &targets()).unwrap()
}

fn document() -> Value {
    json!({
        "id": 1042,
        "systemName": "BL-WS-014",
        "dnsName": "bl-ws-014.brightwater.example",
        "system": {"serialNumber": "5CG1234ABC", "manufacturer": "HP", "model": "EliteBook 840 G9"},
        "warranty": {"startDate": "2024-03-01", "endDate": "2027-03-01"},
        "role": {"id": 1002, "name": "Laptop"},
        "volumes": [{"name": "C:", "capacity": 510_770_802_688_u64}, {"name": "D:", "capacity": 1}],
        "location": {"id": 12, "name": "Main office"},
        "os": {"name": "Windows 11 Pro"},
        "processors": [{"name": "Intel Core i5-1245U"}, {"name": "second"}],
    })
}

fn fields_of(document: &Value) -> Fields {
    let (fields, faults) = mapping().apply(document);
    assert_eq!(faults, []);
    fields
}

/// One field of the whole document, and the same without the part it reads (or with an empty one).
#[track_caller]
fn check(field: &str, expected: &Value, without: &[&str]) {
    assert_eq!(fields_of(&document()).get(field), Some(expected));
    for pointer in without {
        for empty in [None, Some(Value::Null)] {
            let mut document = document();
            remove(&mut document, pointer, empty);
            assert_eq!(fields_of(&document).get(field), None, "without {pointer}");
        }
    }
}

fn remove(document: &mut Value, pointer: &str, instead: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match instead {
        Some(value) => parent.insert(key.to_owned(), value),
        None => parent.remove(key),
    };
}

#[test]
fn h42_serial_number() {
    check(
        "serialNumber",
        &json!("5CG1234ABC"),
        &["/system", "/system/serialNumber"],
    );
}

#[test]
fn h43_name_is_the_system_name_else_the_dns_name() {
    check("name", &json!("BL-WS-014"), &[]);
    for empty in [None, Some(Value::Null), Some(json!(""))] {
        let mut document = document();
        remove(&mut document, "/systemName", empty);
        assert_eq!(fields_of(&document)["name"], "bl-ws-014.brightwater.example");
        remove(&mut document, "/dnsName", Some(json!("")));
        assert_eq!(fields_of(&document).get("name"), None);
    }
}

#[test]
fn h44_warranty_expires_with_its_end() {
    check(
        "warrantyExpire",
        &json!("2027-03-01"),
        &["/warranty", "/warranty/endDate"],
    );
}

#[test]
fn h45_details_are_the_empty_text() {
    check("details", &json!(""), &[]);
}

#[test]
fn type_is_the_role_id() {
    check("TypeId", &json!("1002"), &["/role", "/role/id"]);
}

#[test]
fn h47_storage_is_the_first_volume_only() {
    check("storage", &json!(510_770_802_688_u64), &["/volumes"]);
    let mut document = document();
    document["volumes"] = json!([]);
    assert_eq!(fields_of(&document).get("storage"), None);
    document["volumes"] = json!([{"name": "C:"}, {"capacity": 7}]);
    assert_eq!(fields_of(&document).get("storage"), None);
}

#[test]
fn h48_location_name() {
    check(
        "locationName",
        &json!("Main office"),
        &["/location", "/location/name"],
    );
}

#[test]
fn h49_manufacturer_without_a_system() {
    check("manufacturer", &json!("HP"), &["/system", "/system/manufacturer"]);
}

#[test]
fn h50_model_number() {
    check(
        "modelNumber",
        &json!("EliteBook 840 G9"),
        &["/system", "/system/model"],
    );
}

#[test]
fn h51_os_without_an_os() {
    check("os", &json!("Windows 11 Pro"), &["/os", "/os/name"]);
}

#[test]
fn h52_purchase_date_is_the_start_of_the_warranty() {
    check(
        "purchaseDate",
        &json!("2024-03-01"),
        &["/warranty", "/warranty/startDate"],
    );
}

#[test]
fn h53_processor_model_of_the_first_processor() {
    check("processorModel", &json!("Intel Core i5-1245U"), &["/processors"]);
    let mut document = document();
    document["processors"] = json!([]);
    assert_eq!(fields_of(&document).get("processorModel"), None);
}

#[test]
fn h54_replace_date_is_null() {
    check("replaceDate", &Value::Null, &[]);
}

#[test]
fn the_mapping_is_thirteen_fields_and_fixed() {
    let preset = settings("humanizeit").unwrap();
    assert_eq!(preset.mapping.fixed_by.as_deref(), Some("humanizeit"));
    assert_eq!(fields_of(&document()).len(), 13);
    let mut changed = preset.mapping.clone();
    changed.rules[0].clear = true;
    assert!(CompiledMapping::compile(&changed, &targets()).is_err());
    changed.fixed_by = None;
    assert!(CompiledMapping::compile(&changed, &targets()).is_ok());
}

/// Every subset of the parts the mapping reads is left out once; then all of them are absurd at once.
#[test]
fn h56_devices_that_lack_parts_come_all_the_same() {
    let parts = [
        "system",
        "warranty",
        "role",
        "volumes",
        "location",
        "os",
        "processors",
        "systemName",
        "dnsName",
    ];
    let mapping = mapping();
    for lacking in 0_u32..1 << parts.len() {
        let mut document = document();
        for (bit, part) in parts.iter().enumerate() {
            if lacking & 1 << bit != 0 {
                document.as_object_mut().unwrap().remove(*part);
            }
        }
        let device = project(&document, &mapping, Presence::Present);
        assert_eq!(device.faults, [], "{document}");
        assert_eq!(device.id, "1042".into());
        assert_eq!(device.fields.contains_key("storage"), lacking & 1 << 3 == 0);
    }
    for absurd in [
        json!([]),
        json!({}),
        json!("text"),
        json!(1e308),
        json!(false),
        json!([null, [[]]]),
        json!([{}]),
    ] {
        let mut document = document();
        for part in parts {
            document[part] = absurd.clone();
        }
        let device = project(&document, &mapping, Presence::Present);
        assert_eq!(device.id, "1042".into());
        assert_eq!(device.fields.get("storage"), None);
    }
}

#[test]
fn presets_are_what_their_names_say() {
    let mut with_mac = targets();
    with_mac.push(TargetField {
        key: "macAddress".to_owned(),
        label: "MAC address".to_owned(),
        field_type: FieldType::Text,
        custom: false,
    });
    for name in PRESETS {
        let preset = settings(name).unwrap();
        assert!(CompiledMapping::compile(&preset.mapping, &with_mac).is_ok());
        assert!(preset.devices);
        assert_eq!(preset.mapping.rules.len(), 13);
        assert_eq!(preset.new_organizations, NewOrganizations::Ask);
        assert_eq!(preset.archive, None);
    }
    let similar = |name| settings(name).unwrap().matching.similar.unwrap();
    assert_eq!(
        similar("humanizeit"),
        Similarity {
            limit: 3,
            guarded: false
        }
    );
    assert_eq!(
        similar("default"),
        Similarity {
            limit: 3,
            guarded: true
        }
    );
    let passportal = settings("passportal").unwrap();
    assert_eq!(passportal.matching.similar, None);
    assert!(passportal.matching.same_name && !passportal.matching.shared_serials);
    assert_eq!(passportal.mapping.fixed_by, None);
    assert_eq!(settings("default").unwrap().mapping.fixed_by, None);
    assert_eq!(settings("other"), None);
}

#[test]
fn every_preset_says_what_it_means() {
    let told: Vec<&str> = ABOUT.iter().map(|about| about.preset).collect();
    assert_eq!(told, PRESETS);
}
