//! Completing a device where a tenant leaves parts out of its device list.
//!
//! NinjaOne's published API document promises neither `system`, `os`, `volumes` and `processors` in
//! `devices-detailed` nor the `expand` parameter. Where they are missing, the reader looks names up in the lists of
//! organizations, locations and roles, and takes the details from the four `queries` reports. It appends what it
//! found to the stored text under two keys of ours, so that the vendor's own text stays as it came and
//! `convert::document` stays a pure function of it.

use crate::tree::Node;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Key of the looked-up references: an object like NinjaOne's `references`.
pub const REFERENCES: &str = "rmmbridge:references";
/// Key of the parts taken from reports: an object with `system`, `os`, `volumes`, `processors`.
pub const REPORTS: &str = "rmmbridge:reports";

/// Organizations, locations and roles as NinjaOne lists them, as JSON text by id.
#[derive(Debug, Default)]
pub struct Lookup {
    /// By organization id.
    pub organizations: HashMap<u64, Box<str>>,
    /// By location id.
    pub locations: HashMap<u64, Box<str>>,
    /// By role id.
    pub roles: HashMap<u64, Box<str>>,
}

/// One part of the details and the report that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Name in the device.
    pub name: &'static str,
    /// Last segment of the report's path, e.g. `computer-systems`.
    pub report: &'static str,
    /// Whether a device has a list of them.
    pub list: bool,
    /// Whether two of a device's may be the same in every word, as its processors are. Of others such a row came twice.
    pub alike: bool,
}

/// The parts a report can supply (facts of the four reports: NinjaOne's published document, `queries`).
pub const PARTS: [Part; 4] = [
    Part {
        name: "system",
        report: "computer-systems",
        list: false,
        alike: false,
    },
    Part {
        name: "os",
        report: "operating-systems",
        list: false,
        alike: false,
    },
    Part {
        name: "volumes",
        report: "volumes",
        list: true,
        alike: false,
    },
    Part {
        name: "processors",
        report: "processors",
        list: true,
        alike: true,
    },
];

/// One report: the part's JSON text by device id.
#[derive(Debug)]
pub struct Report {
    /// Which part it supplies.
    pub part: Part,
    /// By device id.
    pub by_device: HashMap<u64, Box<str>>,
}

impl Report {
    /// Collects report rows. The order of rows is not promised, so a device's rows are sorted by their name
    /// (`C:` before `D:`), then by their text.
    pub fn new(part: Part, rows: Vec<(u64, Map<String, Value>)>) -> Self {
        let mut grouped: HashMap<u64, Vec<(String, String)>> = HashMap::new();
        for (device, mut row) in rows {
            // They belong to the row, not to the part; the timestamp changes with every collection.
            row.remove("deviceId");
            row.remove("timestamp");
            let name = row
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let text = Value::Object(row).to_string();
            grouped.entry(device).or_default().push((name, text));
        }
        let by_device = grouped
            .into_iter()
            .map(|(device, mut rows)| {
                rows.sort();
                if !part.alike {
                    rows.dedup();
                }
                let texts: Vec<_> = rows.into_iter().map(|(_, text)| text).collect();
                let text = match part.list {
                    true => format!("[{}]", texts.join(",")),
                    false => texts.into_iter().next().unwrap_or_default(),
                };
                (device, text.into_boxed_str())
            })
            .collect();
        Self { part, by_device }
    }
}

/// What one read completes its devices with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Completion<'a> {
    /// Names, where `expand` is ignored.
    pub lookup: Option<&'a Lookup>,
    /// Details, where the list leaves them out.
    pub reports: &'a [Report],
}

impl Completion<'_> {
    /// The text with what is missing appended; `None` when nothing is missing or nothing is known.
    pub fn complete(&self, id: u64, text: &str, device: &Node<'_>) -> Option<String> {
        let mut additions = String::new();
        if let Some(lookup) = self.lookup {
            let references = device.get("references");
            let found = [
                ("organization", "organizationId", &lookup.organizations),
                ("location", "locationId", &lookup.locations),
                ("role", "nodeRoleId", &lookup.roles),
            ]
            .into_iter()
            .filter(|(name, ..)| references.and_then(|r| r.get(name)).is_none())
            .filter_map(|(name, key, list)| Some((name, list.get(&whole(device.get(key)?)?)?.as_ref())));
            append(&mut additions, REFERENCES, found);
        }
        let found = self
            .reports
            .iter()
            .filter(|report| device.get(report.part.name).is_none())
            .filter_map(|report| Some((report.part.name, report.by_device.get(&id)?.as_ref())));
        append(&mut additions, REPORTS, found);
        if additions.is_empty() {
            return None;
        }
        let open = text.trim_end().strip_suffix('}')?;
        Some(format!("{open}{additions}}}"))
    }
}

/// Appends `,"key":{"name":text,…}` when there is anything. A device has at least an id, so the comma is right.
fn append<'t>(to: &mut String, key: &str, found: impl Iterator<Item = (&'static str, &'t str)>) {
    let members: Vec<_> = found.map(|(name, text)| format!("\"{name}\":{text}")).collect();
    if !members.is_empty() {
        to.push_str(&format!(",\"{key}\":{{{}}}", members.join(",")));
    }
}

fn whole(node: &Node<'_>) -> Option<u64> {
    match node {
        Node::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn missing_references_and_details_are_appended_and_the_vendors_text_stays() {
        let lookup = Lookup {
            organizations: HashMap::from([(7, r#"{"id":7,"name":"Harbor Dental"}"#.into())]),
            locations: HashMap::from([(12, r#"{"id":12,"name":"Main Office"}"#.into())]),
            roles: HashMap::new(),
        };
        let reports = [Report::new(
            PARTS[2],
            vec![
                (
                    1,
                    row(json!({"deviceId": 1, "timestamp": 5.0, "name": "D:", "capacity": 2})),
                ),
                (
                    1,
                    row(json!({"deviceId": 1, "timestamp": 5.0, "name": "C:", "capacity": 1})),
                ),
                (2, row(json!({"deviceId": 2, "name": "E:"}))),
            ],
        )];
        let completion = Completion {
            lookup: Some(&lookup),
            reports: &reports,
        };
        let text = r#"{"id":1, "organizationId":7,"locationId":12,"nodeRoleId":3,"references":{"location":{"id":12}}}"#;
        let completed = completion.complete(1, text, &Node::parse(text).unwrap()).unwrap();
        assert!(completed.starts_with(text.strip_suffix('}').unwrap()));
        let value: Value = serde_json::from_str(&completed).unwrap();
        assert_eq!(
            value[REFERENCES],
            json!({"organization": {"id": 7, "name": "Harbor Dental"}})
        );
        assert_eq!(
            value[REPORTS],
            json!({"volumes": [{"name": "C:", "capacity": 1}, {"name": "D:", "capacity": 2}]})
        );
    }

    #[test]
    fn a_volume_that_comes_twice_is_one_and_two_equal_processors_are_two() {
        let rows = |name: &str| {
            let row = row(json!({"deviceId": 1, "timestamp": 5.0, "name": name}));
            vec![(1, row.clone()), (1, row)]
        };
        let text = |part: Part, name: &str| Report::new(part, rows(name)).by_device[&1].to_string();
        assert_eq!(text(PARTS[2], "C:"), r#"[{"name":"C:"}]"#);
        assert_eq!(text(PARTS[3], "Xeon"), r#"[{"name":"Xeon"},{"name":"Xeon"}]"#);
        assert_eq!(text(PARTS[0], "PC"), r#"{"name":"PC"}"#);
    }

    #[test]
    fn a_complete_device_is_left_alone() {
        let text = r#"{"id":1,"volumes":[]}"#;
        let reports = [Report::new(PARTS[2], vec![(1, row(json!({"name": "C:"})))])];
        let completion = Completion {
            lookup: Some(&Lookup::default()),
            reports: &reports,
        };
        assert_eq!(completion.complete(1, text, &Node::parse(text).unwrap()), None);
    }
}
