//! API v1's JSON: what files a device, and the document it becomes. Pure: the same text gives the same document.
//!
//! The document has API v2's names, so that one mapping serves both; what v1 knows under a name of its own and v2 does
//! not is `dashboardUrl` and `remoteControlUrl`. The original is under `raw`.

use crate::digest::Stable;
use crate::tree::Node;
use crate::wire::{elements, identity, identity_alone};
use connect::{Converted, Error, Kind, Unreadable};
use model::{FieldFault, RawDevice, Role, SourceId};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What changes without anything having happened to the device: a link for remote control holds a token of its own, and
/// a renamed customer would change all its devices.
pub const VOLATILE: &[&str] = &["remoteControlUrl", "organization", "raw"];

/// The devices of a list, each once.
///
/// # Errors
/// What is wrong with the answer as a whole.
pub fn devices(body: &[u8], in_use: &BTreeSet<String>) -> Result<Vec<Result<RawDevice, Unreadable>>, String> {
    let mut buffer = Vec::with_capacity(2 << 10);
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for record in elements(body)? {
        let device = device(record.get(), in_use, &mut buffer);
        let id = match &device {
            Ok(device) => Some(device.id.clone()),
            Err(unreadable) => unreadable.id.clone(),
        };
        if id.is_none_or(|id| seen.insert(id)) {
            list.push(device);
        }
    }
    Ok(list)
}

fn device(text: &str, in_use: &BTreeSet<String>, buffer: &mut Vec<u8>) -> Result<RawDevice, Unreadable> {
    let bad = |id: Option<u64>, message: String| Unreadable {
        id: id.map(|id| SourceId(id.to_string())),
        message,
    };
    let node = Node::parse(text).map_err(|error| {
        bad(
            identity_alone(text),
            format!("the record cannot be read: {error}"),
        )
    })?;
    let id = identity(node.get("id")).map_err(|problem| bad(None, format!("id {problem}")))?;
    let customer = node.get("customer").and_then(|customer| customer.get("id"));
    let organization =
        identity(customer).map_err(|problem| bad(Some(id), format!("customer.id {problem}")))?;
    let digest = digest(text, organization, in_use, buffer).map_err(|problem| bad(Some(id), problem))?;
    Ok(RawDevice {
        id: SourceId(id.to_string()),
        uid: None,
        organization: SourceId(organization.to_string()),
        raw: text.into(),
        digest,
        last_contact: None,
    })
}

/// The digest over what does not change by itself, whatever the order of members.
fn digest(
    text: &str,
    organization: u64,
    in_use: &BTreeSet<String>,
    buffer: &mut Vec<u8>,
) -> Result<[u8; 32], String> {
    let unreadable = |error: serde_json::Error| format!("the record cannot be read: {error}");
    let mut device: Map<String, Value> = serde_json::from_str(text).map_err(unreadable)?;
    if !in_use.contains("raw") {
        if !in_use.contains("remoteControlUrl") {
            device.remove("remote_control_url");
        }
        if !in_use.contains("organization") {
            device.insert("customer".to_owned(), organization.into());
        }
    }
    let text = serde_json::to_string(&device).map_err(unreadable)?;
    let node = Node::parse(&text).map_err(unreadable)?;
    // None of v1's names is volatile in v2's way.
    Ok(Stable::without(&BTreeSet::from(["raw".to_owned()])).digest(&node, buffer))
}

/// The roles devices of a list have: v1 has no list of its own.
pub fn roles(devices: &[Result<RawDevice, Unreadable>]) -> Vec<Role> {
    let mut names = BTreeSet::new();
    for device in devices.iter().flatten() {
        let node = Node::parse(&device.raw);
        names.extend(node.iter().filter_map(class));
    }
    let role = |class: String| Role {
        name: role_name(&class),
        id: SourceId(class),
    };
    names.into_iter().map(role).collect()
}

/// v2's node class: v1's role, or what its type says.
fn class(node: &Node<'_>) -> Option<String> {
    let text = |name: &str| {
        node.get(name)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    if let Some(role) = text("role") {
        return Some(role.to_owned());
    }
    match (text("type")?, text("sub_type")) {
        ("MONITOR_SERVER", _) => Some("CLOUD_MONITOR_TARGET".to_owned()),
        ("NMS_SERVER", _) => Some("NMS_SERVER".to_owned()),
        ("NMS_TARGET", Some(kind)) if kind.starts_with("NMS_") => Some(kind.to_owned()),
        ("NMS_TARGET", _) => Some("NMS_OTHER".to_owned()),
        _ => None,
    }
}

/// `WINDOWS_SERVER` → `Windows Server`.
fn role_name(class: &str) -> String {
    let word = |word: &str| match word {
        "NMS" | "VM" | "VMM" | "WAP" => word.to_owned(),
        _ => {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first
                .into_iter()
                .chain(letters.map(|c| c.to_ascii_lowercase()))
                .collect()
        }
    };
    class.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// v1's `type` → v2's `deviceType`. What a cloud monitor watches is not told.
fn device_type(kind: &str) -> Option<&'static str> {
    match kind {
        "AGENT" => Some("AgentDevice"),
        "NMS_SERVER" => Some("NMSServer"),
        "NMS_TARGET" => Some("NMSTarget"),
        _ => None,
    }
}

/// Converts a stored device.
///
/// # Errors
/// [`Kind::Protocol`] when the text is not a JSON object.
pub fn document(raw: &str) -> Result<Converted, Error> {
    let doing = "reading a stored NinjaRMM device";
    let broken =
        |error: serde_json::Error| Error::new(Kind::Protocol, doing, format!("it is no JSON: {error}"));
    let original: Value = serde_json::from_str(raw).map_err(broken)?;
    let node = Node::parse(raw).map_err(broken)?;
    let Value::Object(members) = &original else {
        return Err(Error::new(Kind::Protocol, doing, "it is not a JSON object"));
    };
    let mut part = Parts::default();
    let mut document = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            document.insert(name.to_owned(), value);
        }
    };
    put("id", members.get("id").cloned());
    let customer = part.object(members, "", "customer");
    put("organizationId", customer.get("id").cloned());
    let mut organization = Map::new();
    organization.extend(customer.get("id").map(|id| ("id".to_owned(), id.clone())));
    organization.extend(
        part.text(&customer, "customer.", "name")
            .map(|name| ("name".to_owned(), name)),
    );
    put("organization", Some(Value::Object(organization)));
    put("displayName", part.text(members, "", "display_name"));
    let system = part.object(members, "", "system");
    put("systemName", part.text(&system, "system.", "name"));
    put("dnsName", part.text(&system, "system.", "dns_host_name"));
    let mut ours = Map::new();
    for (name, theirs) in [
        ("name", "name"),
        ("manufacturer", "manufacturer"),
        ("model", "model"),
        ("serialNumber", "serial_number"),
        ("biosSerialNumber", "bios_serial_number"),
        ("domain", "domain"),
    ] {
        // The name was read above, and its fault told.
        let value = match theirs {
            "name" => system.get("name").filter(|v| v.is_string()).cloned(),
            _ => part.text(&system, "system.", theirs),
        };
        ours.extend(value.map(|value| (name.to_owned(), value)));
    }
    if !ours.is_empty() {
        put("system", Some(Value::Object(ours)));
    }
    let kind = part.text(members, "", "type");
    let kind = kind.as_ref().and_then(Value::as_str);
    put("deviceType", kind.and_then(device_type).map(Value::from));
    part.text(members, "", "role");
    if let Some(class) = class(&node) {
        put("role", Some(json!({ "id": class, "name": role_name(&class) })));
        put("nodeClass", Some(class.into()));
    }
    put("dashboardUrl", dashboard(members));
    put("remoteControlUrl", part.text(members, "", "remote_control_url"));
    put("raw", Some(original.clone()));
    Ok(Converted {
        document: Value::Object(document),
        faults: part.faults,
    })
}

/// The link to the device's page. What v1 calls it is not published; it is the one that leads to a dashboard.
fn dashboard(members: &Map<String, Value>) -> Option<Value> {
    let leads_there = |text: &str| {
        (text.starts_with("https://") || text.starts_with("http://"))
            && text.to_ascii_lowercase().contains("dashboard")
    };
    members
        .iter()
        .filter(|(name, _)| *name != "remote_control_url")
        .find(|(_, value)| value.as_str().is_some_and(leads_there))
        .map(|(_, value)| value.clone())
}

/// Reads parts and notes those of another type.
#[derive(Default)]
struct Parts {
    faults: Vec<FieldFault>,
}

impl Parts {
    /// A text that is not empty.
    fn text(&mut self, of: &Map<String, Value>, path: &str, name: &str) -> Option<Value> {
        match of.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(text @ Value::String(_)) => Some(text.clone()),
            Some(_) => {
                self.fault(format!("{path}{name}"), "a text");
                None
            }
        }
    }

    fn object(&mut self, of: &Map<String, Value>, path: &str, name: &str) -> Map<String, Value> {
        match of.get(name) {
            Some(Value::Object(object)) => object.clone(),
            None | Some(Value::Null) => Map::new(),
            Some(_) => {
                self.fault(format!("{path}{name}"), "an object");
                Map::new()
            }
        }
    }

    fn fault(&mut self, path: String, expected: &str) {
        let message = format!("expected {expected}, found something else");
        self.faults.push(FieldFault { path, message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> Value {
        json!({
            "id": 17, "type": "AGENT", "sub_type": "AGENT_GENERIC", "role": "WINDOWS_SERVER",
            "customer": {"id": 3, "name": "Acme"}, "display_name": "File server",
            "system": {"manufacturer": "Dell Inc.", "name": "ACME-FS1", "model": "PowerEdge T350",
                "dns_host_name": "acme-fs1", "bios_serial_number": "B1", "serial_number": "S1", "domain": "acme.example"},
            "web": "https://app.ninjarmm.com/#/deviceDashboard/17/overview",
            "remote_control_url": "https://remote.example/t/abc",
        })
    }

    #[test]
    fn an_agent_has_the_names_of_api_v2() {
        let converted = document(&agent().to_string()).unwrap();
        assert!(converted.faults.is_empty());
        let expected = json!({
            "id": 17, "organizationId": 3, "organization": {"id": 3, "name": "Acme"}, "displayName": "File server",
            "systemName": "ACME-FS1", "dnsName": "acme-fs1", "nodeClass": "WINDOWS_SERVER", "deviceType": "AgentDevice",
            "role": {"id": "WINDOWS_SERVER", "name": "Windows Server"},
            "system": {"name": "ACME-FS1", "manufacturer": "Dell Inc.", "model": "PowerEdge T350", "serialNumber": "S1",
                "biosSerialNumber": "B1", "domain": "acme.example"},
            "dashboardUrl": "https://app.ninjarmm.com/#/deviceDashboard/17/overview",
            "remoteControlUrl": "https://remote.example/t/abc",
            "raw": agent(),
        });
        assert_eq!(converted.document, expected);
    }

    #[test]
    fn each_of_the_four_types_has_its_class() {
        for (kind, sub_kind, class, device_type) in [
            ("MONITOR_SERVER", "PING", "CLOUD_MONITOR_TARGET", Value::Null),
            ("NMS_SERVER", "NMS_SERVER", "NMS_SERVER", json!("NMSServer")),
            ("NMS_TARGET", "NMS_SWITCH", "NMS_SWITCH", json!("NMSTarget")),
            ("NMS_TARGET", "SWITCH", "NMS_OTHER", json!("NMSTarget")),
        ] {
            let device = json!({"id": 1, "type": kind, "sub_type": sub_kind, "customer": {"id": 1}});
            let document = document(&device.to_string()).unwrap().document;
            assert_eq!(document["nodeClass"], class, "{kind}");
            assert_eq!(
                document.get("deviceType").cloned().unwrap_or_default(),
                device_type
            );
            assert!(document.get("system").is_none());
        }
    }

    #[test]
    fn a_wrong_type_is_a_fault_with_its_path_and_nothing_else_suffers() {
        let mut device = agent();
        device["system"]["serial_number"] = json!(7);
        device["system"]["name"] = json!([]);
        device["display_name"] = json!({});
        let converted = document(&device.to_string()).unwrap();
        let paths: Vec<_> = converted.faults.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["display_name", "system.name", "system.serial_number"]);
        assert_eq!(converted.document["system"]["model"], "PowerEdge T350");
        assert!(converted.document["system"].get("serialNumber").is_none());
        assert!(document("[]").is_err() && document("{").is_err());
    }

    #[test]
    fn a_new_link_and_a_new_name_of_the_customer_change_nothing() {
        let digest = |device: &Value, in_use: &[&str]| {
            let in_use = in_use.iter().map(|name| (*name).to_owned()).collect();
            let list = devices(format!("[{device}]").as_bytes(), &in_use).unwrap();
            list[0].as_ref().unwrap().digest
        };
        let mut later = agent();
        later["remote_control_url"] = json!("https://remote.example/t/def");
        later["customer"]["name"] = json!("Acme Ltd");
        assert_eq!(digest(&agent(), &[]), digest(&later, &[]));
        for used in ["raw", "organization", "remoteControlUrl"] {
            assert_ne!(digest(&agent(), &[used]), digest(&later, &[used]), "{used}");
        }
        let mut other = agent();
        other["customer"]["id"] = json!(4);
        assert_ne!(digest(&agent(), &[]), digest(&other, &[]));
        other = agent();
        other["system"]["serial_number"] = json!("S2");
        assert_ne!(digest(&agent(), &[]), digest(&other, &[]));
    }

    #[test]
    fn a_bad_record_is_unreadable_and_its_neighbours_are_not() {
        let body = br#"[{"id":1,"customer":{"id":2},"role":"MAC"},{"id":2},{"id":-1},7,{"id":1,"customer":{"id":9}}]"#;
        let list = devices(body, &BTreeSet::new()).unwrap();
        let ids: Vec<_> = list
            .iter()
            .map(|d| d.as_ref().ok().map(|d| d.id.as_str()))
            .collect();
        assert_eq!(ids, [Some("1"), None, None, None], "an id counts once");
        let roles = roles(&list);
        assert_eq!((roles[0].id.as_str(), roles[0].name.as_str()), ("MAC", "Mac"));
        assert!(devices(b"{}", &BTreeSet::new()).is_err());
        assert!(devices(b"[{\"id\":1", &BTreeSet::new()).is_err());
    }
}
