//! A device document seen through a mapping: all that planning needs of a device.

use crate::coerce::{LONGEST_TEXT, describe, number_text};
use crate::fold::fold;
use crate::keys::{fold_mac, fold_serial};
use crate::mapping::CompiledMapping;
use model::{DeviceKeys, DeviceProjection, FieldFault, Presence, Role, SourceId};
use serde_json::Value;

/// Projects a device document (API v2's names, references lifted to the top, dates as dates).
///
/// A part of the wrong type is reported in `faults` and taken for absent; the device itself always comes out.
pub fn project(document: &Value, mapping: &CompiledMapping, presence: Presence) -> DeviceProjection {
    let (fields, mut faults) = mapping.apply(document);
    let mut part = Reader {
        document,
        faults: &mut faults,
    };

    let id = part.id(&["id"]).unwrap_or_default();
    let display_name = part.text(&["displayName"]);
    let system_name = part.text(&["systemName"]);
    let dns_name = part.text(&["dnsName"]);
    let class = part.text(&["nodeClass"]);
    let role = part.role(class.as_deref());
    let own_name = system_name
        .clone()
        .or_else(|| part.text(&["system", "name"]))
        .or_else(|| dns_name.clone());
    let serial = ["serialNumber", "biosSerialNumber"]
        .into_iter()
        .find_map(|key| part.text(&["system", key]).as_deref().and_then(fold_serial));
    let mut macs: Vec<String> = part
        .texts("macAddresses")
        .iter()
        .filter_map(|mac| fold_mac(mac))
        .collect();
    macs.sort_unstable();
    macs.dedup();

    DeviceProjection {
        organization: SourceId(
            part.first_id(&[&["organizationId"], &["organization", "id"]])
                .unwrap_or_default(),
        ),
        location: part
            .first_id(&[&["locationId"], &["location", "id"]])
            .map(SourceId),
        label: display_name
            .or(system_name)
            .or(dns_name)
            .unwrap_or_else(|| id.clone()),
        keys: DeviceKeys {
            serial,
            macs,
            name: own_name.map(|name| fold(&name)).filter(|name| !name.is_empty()),
        },
        role,
        approval: part.text(&["approvalStatus"]),
        tags: part.texts("tags"),
        id: SourceId(id),
        class,
        fields,
        faults,
        presence,
    }
}

/// Reads parts of a document and notes what is of the wrong type.
struct Reader<'a> {
    document: &'a Value,
    faults: &'a mut Vec<FieldFault>,
}

impl Reader<'_> {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        let found = path.iter().try_fold(self.document, |value, key| value.get(key))?;
        (!found.is_null()).then_some(found)
    }

    /// A text that is not blank, trimmed, NUL characters removed.
    fn text(&mut self, path: &[&str]) -> Option<String> {
        let found = self.at(path)?;
        match found {
            Value::String(text) if text.len() <= LONGEST_TEXT => {
                let text = text.replace('\0', "");
                let text = text.trim();
                (!text.is_empty()).then(|| text.to_owned())
            }
            _ => {
                let fault = fault(path, "text", found);
                self.faults.push(fault);
                None
            }
        }
    }

    /// An id: a whole number or a text.
    fn id(&mut self, path: &[&str]) -> Option<String> {
        match self.at(path)? {
            Value::Number(number) if !number_text(number).contains(['.', 'e']) => Some(number_text(number)),
            Value::String(_) => self.text(path),
            found => {
                let fault = fault(path, "an id", found);
                self.faults.push(fault);
                None
            }
        }
    }

    fn first_id(&mut self, paths: &[&[&str]]) -> Option<String> {
        paths.iter().find_map(|path| self.id(path))
    }

    /// The texts of a list.
    fn texts(&mut self, key: &str) -> Vec<String> {
        let Some(found) = self.at(&[key]) else {
            return vec![];
        };
        let Value::Array(items) = found else {
            let fault = fault(&[key], "a list of texts", found);
            self.faults.push(fault);
            return vec![];
        };
        let texts: Vec<String> = items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if texts.len() < items.len() {
            let others = items.len() - texts.len();
            self.faults.push(FieldFault {
                path: key.to_owned(),
                message: format!("expected a list of texts, found {others} other values in it"),
            });
        }
        texts
    }

    /// The role; a device whose role was not delivered has its id, and is called by its class.
    fn role(&mut self, class: Option<&str>) -> Option<Role> {
        let id = self.first_id(&[&["role", "id"], &["nodeRoleId"]])?;
        let name = self
            .text(&["role", "name"])
            .or_else(|| class.map(str::to_owned))
            .unwrap_or_else(|| id.clone());
        Some(Role {
            id: SourceId(id),
            name,
        })
    }
}

fn fault(path: &[&str], expected: &str, found: &Value) -> FieldFault {
    FieldFault {
        path: path.join("."),
        message: format!("expected {expected}, found {}", describe(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Mapping;
    use serde_json::json;

    fn projected(document: &Value) -> DeviceProjection {
        let mapping = CompiledMapping::compile(&Mapping::default(), &[]).unwrap();
        project(document, &mapping, Presence::Present)
    }

    #[test]
    fn a_whole_document() {
        let device = projected(&json!({
            "id": 1042, "uid": "u", "organizationId": 7, "locationId": "12",
            "systemName": "BL-WS-014", "dnsName": "bl-ws-014.example", "nodeClass": "WINDOWS_WORKSTATION",
            "approvalStatus": "APPROVED", "tags": ["vip", "lab"],
            "macAddresses": ["00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e", "ff:ff:ff:ff:ff:ff"],
            "system": {"name": "OTHER", "serialNumber": "To be filled by O.E.M.", "biosSerialNumber": "5CG 1234"},
            "role": {"id": 1002, "name": "Windows Workstation"},
        }));
        assert_eq!(device.id, "1042".into());
        assert_eq!(device.organization, "7".into());
        assert_eq!(device.location, Some("12".into()));
        assert_eq!(device.label, "BL-WS-014");
        assert_eq!(device.keys.serial.as_deref(), Some("5cg1234"));
        assert_eq!(device.keys.macs, ["001a2b3c4d5e"]);
        assert_eq!(device.keys.name.as_deref(), Some("bl-ws-014"));
        let role = Role {
            id: "1002".into(),
            name: "Windows Workstation".to_owned(),
        };
        assert_eq!(device.role, Some(role));
        assert_eq!(device.class.as_deref(), Some("WINDOWS_WORKSTATION"));
        assert_eq!(device.approval.as_deref(), Some("APPROVED"));
        assert_eq!(device.tags, ["vip", "lab"]);
        assert_eq!(device.faults, []);
    }

    /// Label, name key and role of a document.
    #[track_caller]
    fn check(document: &Value, label: &str, name: Option<&str>, role: Option<(&str, &str)>) {
        let device = projected(document);
        let role = role.map(|(id, name)| Role {
            id: id.into(),
            name: name.to_owned(),
        });
        assert_eq!(
            (device.label.as_str(), device.keys.name.as_deref()),
            (label, name)
        );
        assert_eq!(device.role, role);
    }

    #[test]
    fn what_stands_in_for_what_is_absent() {
        check(&json!({"id": 1}), "1", None, None);
        check(
            &json!({"id": 1.0, "displayName": " Front desk ", "dnsName": "A.b"}),
            "Front desk",
            Some("a.b"),
            None,
        );
        check(
            &json!({"id": 1, "systemName": "", "dnsName": "a.b"}),
            "a.b",
            Some("a.b"),
            None,
        );
        check(
            &json!({"id": 1, "system": {"name": "S"}, "dnsName": "a.b"}),
            "a.b",
            Some("s"),
            None,
        );
        check(
            &json!({"id": 1, "nodeRoleId": 5, "nodeClass": "MAC"}),
            "1",
            None,
            Some(("5", "MAC")),
        );
        check(&json!({"id": 1, "nodeRoleId": 5}), "1", None, Some(("5", "5")));
        check(
            &json!({"id": 1, "role": {"id": "5"}, "nodeRoleId": 6, "nodeClass": "X"}),
            "1",
            None,
            Some(("5", "X")),
        );
        let lifted = projected(&json!({"id": 1, "organization": {"id": 3}, "location": {"id": 4}}));
        assert_eq!(
            (lifted.organization, lifted.location),
            ("3".into(), Some("4".into()))
        );
    }

    #[test]
    fn wrong_types_are_reported_and_the_device_comes_all_the_same() {
        let device = projected(&json!({
            "id": [1], "organizationId": 1e308, "displayName": {"a": 1}, "systemName": "S", "tags": "vip",
            "macAddresses": ["00:1A:2B:3C:4D:5E", 7], "system": {"serialNumber": 12}, "role": [],
        }));
        assert_eq!(device.label, "S");
        assert_eq!(device.keys.macs.len(), 1);
        let mut paths: Vec<&str> = device.faults.iter().map(|f| f.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            [
                "displayName",
                "id",
                "macAddresses",
                "organizationId",
                "system.serialNumber",
                "tags"
            ]
        );
        for document in [json!(null), json!([]), json!("text"), json!(1)] {
            assert_eq!(projected(&document).id, "".into());
        }
    }
}
