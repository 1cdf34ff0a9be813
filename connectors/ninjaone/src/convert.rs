//! NinjaOne's JSON → the device document. Pure: the same text gives the same document.
//!
//! The document has API v2's names. What `references` holds stands at the top, times are RFC 3339 instants, warranty
//! times are days, and NinjaOne's original is under `raw`. A part that is not of its documented type is absent and
//! reported as a fault; a part nobody documented is kept as it is.

use crate::complete::{REFERENCES, REPORTS};
use crate::fields::{FIELDS, Field, Shape, find};
use connect::{Converted, Error, Kind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::FieldFault;
use serde_json::{Map, Number, Value};

/// The last second of the year 9999: later times are not times.
const LAST_SECOND: f64 = 253_402_300_799.0;
/// Beyond this a JSON number with a fraction no longer tells whole numbers apart.
const LAST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Converts a stored device.
///
/// # Errors
/// [`Kind::Protocol`] when the text is not a JSON object.
pub fn document(raw: &str) -> Result<Converted, Error> {
    let doing = "reading a stored NinjaOne device";
    let mut device: Map<String, Value> = serde_json::from_str(raw)
        .map_err(|error| Error::new(Kind::Protocol, doing, format!("it is not a JSON object: {error}")))?;
    let ours = (device.remove(REFERENCES), device.remove(REPORTS));
    let original = Value::Object(device.clone());

    if let Some(Value::Object(reports)) = ours.1 {
        fill(&mut device, reports);
    }
    let mut faults = Faults::default();
    let mut references = match device.remove("references") {
        Some(Value::Object(references)) => references,
        Some(Value::Null) | None => Map::new(),
        Some(other) => {
            faults.path.push(Step::Name("references".to_owned()));
            faults.add(&other, "an object");
            faults.path.pop();
            Map::new()
        }
    };
    if let Some(Value::Object(looked_up)) = ours.0 {
        fill(&mut references, looked_up);
    }
    // The documented names do not meet; should NinjaOne ever add one that does, the device's own part wins.
    fill(&mut device, references);

    let mut document = faults.members(device, FIELDS);
    for (part, id) in [
        ("organization", "organizationId"),
        ("location", "locationId"),
        ("role", "nodeRoleId"),
    ] {
        know_id(&mut document, part, id);
    }
    document.insert("raw".to_owned(), original);
    Ok(Converted {
        document: Value::Object(document),
        faults: faults.found,
    })
}

/// Puts in what is missing or null.
fn fill(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        let missing = into.get(&name).is_none_or(Value::is_null);
        if missing {
            into.insert(name, value);
        }
    }
}

/// Sees to it that `role.id` is there whenever the device names its role, also where references are left out.
fn know_id(document: &mut Map<String, Value>, part: &str, id: &str) {
    let Some(id) = document.get(id).cloned() else {
        return;
    };
    let part = document.entry(part).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(members) = part {
        members.entry("id").or_insert(id);
    }
}

enum Step {
    Name(String),
    At(usize),
}

/// Converts and collects what did not fit, with the path to it.
#[derive(Default)]
struct Faults {
    path: Vec<Step>,
    found: Vec<FieldFault>,
}

impl Faults {
    fn members(&mut self, object: Map<String, Value>, fields: &'static [Field]) -> Map<String, Value> {
        let mut converted = Map::new();
        for (name, value) in object {
            match find(fields, &name) {
                None => {
                    converted.insert(name, value);
                }
                Some(field) => {
                    self.path.push(Step::Name(name));
                    let value = self.value(value, &field.shape);
                    if let (Some(Step::Name(name)), Some(value)) = (self.path.pop(), value) {
                        converted.insert(name, value);
                    }
                }
            }
        }
        converted
    }

    /// The converted value; `None` when it is null or of the wrong type.
    fn value(&mut self, value: Value, shape: &'static Shape) -> Option<Value> {
        if value.is_null() {
            return None;
        }
        match (shape, value) {
            (Shape::Any, value) => Some(value),
            (Shape::Text, value @ Value::String(_)) | (Shape::Boolean, value @ Value::Bool(_)) => Some(value),
            (Shape::Integer, Value::Number(number)) => self.integer(number, false, "a whole number"),
            (Shape::Bytes, Value::Number(number)) => self.integer(number, true, "a whole number of bytes"),
            (Shape::Hertz, Value::Number(number)) => self.integer(number, true, "a whole number of hertz"),
            (Shape::Instant, Value::Number(number)) => {
                self.instant(&number).map(|at| Value::String(at.to_string()))
            }
            (Shape::Date, Value::Number(number)) => self
                .instant(&number)
                .map(|at| Value::String(at.to_zoned(TimeZone::UTC).date().to_string())),
            (Shape::Object(fields), Value::Object(object)) => {
                Some(Value::Object(self.members(object, fields)))
            }
            (Shape::List(item), Value::Array(items)) => Some(Value::Array(self.items(items, item))),
            (shape, value) => {
                self.add(&value, expected(shape));
                None
            }
        }
    }

    /// A list keeps its places: `volumes[0]` is the first volume, or nothing, never the second.
    fn items(&mut self, items: Vec<Value>, shape: &'static Shape) -> Vec<Value> {
        let mut converted = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            self.path.push(Step::At(at));
            converted.push(self.value(item, shape).unwrap_or(Value::Null));
            self.path.pop();
        }
        converted
    }

    fn integer(&mut self, number: Number, not_negative: bool, expected: &str) -> Option<Value> {
        let whole = match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the guard keeps it within 53 bits"
            )]
            (None, Some(float)) if float.fract() == 0.0 && float.abs() <= LAST_EXACT => float as i64,
            _ => {
                self.add(&Value::Number(number), expected);
                return None;
            }
        };
        if not_negative && whole < 0 {
            self.fault(format!("expected {expected}, found {whole}"));
            return None;
        }
        Some(Value::from(whole))
    }

    fn instant(&mut self, number: &Number) -> Option<Timestamp> {
        let at = number.as_f64().and_then(epoch_seconds);
        if at.is_none() {
            self.fault(format!(
                "expected seconds since 1970, at most the year 9999, found {number}"
            ));
        }
        at
    }

    fn add(&mut self, found: &Value, expected: &str) {
        let found = match found {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("a text of {} characters", text.chars().count()),
            Value::Array(items) => format!("a list of {}", items.len()),
            Value::Object(_) => "an object".to_owned(),
        };
        self.fault(format!("expected {expected}, found {found}"));
    }

    fn fault(&mut self, message: String) {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Step::At(at) => path.push_str(&format!("[{at}]")),
            }
        }
        self.found.push(FieldFault { path, message });
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "a text",
        Shape::Integer => "a whole number",
        Shape::Bytes => "a whole number of bytes",
        Shape::Hertz => "a whole number of hertz",
        Shape::Boolean => "true or false",
        Shape::Instant | Shape::Date => "seconds since 1970",
        Shape::Any => "anything",
        Shape::List(_) => "a list",
        Shape::Object(_) => "an object",
    }
}

/// NinjaOne's times: seconds since 1970, with a fraction that is kept to the millisecond. `None` before 1970 and
/// after the year 9999.
pub fn epoch_seconds(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range above fits by far")]
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn convert(raw: &Value) -> (Value, Vec<String>) {
        let converted = document(&raw.to_string()).unwrap();
        let faults = converted.faults.iter().map(|f| f.path.clone()).collect();
        (converted.document, faults)
    }

    #[test]
    fn an_agent_becomes_a_document() {
        let raw: Value = serde_json::from_str(include_str!("../fixtures/agent.json")).unwrap();
        let (document, faults) = convert(&raw);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(document["raw"], raw);
        assert!(document.get("references").is_none());
        // What the HumanizeIT mapping reads.
        assert_eq!(document["system"]["serialNumber"], "7XQ2B13");
        assert_eq!(document["systemName"], "RECEPTION-01");
        assert_eq!(document["warranty"]["startDate"], "2023-04-01");
        assert_eq!(document["warranty"]["endDate"], "2026-03-31");
        assert_eq!(document["role"]["id"], 1002);
        assert_eq!(document["volumes"][0]["capacity"], 511_101_108_224_i64);
        assert_eq!(document["location"]["name"], "Main Office");
        assert_eq!(document["system"]["manufacturer"], "Dell Inc.");
        assert_eq!(document["system"]["model"], "OptiPlex 7090");
        assert_eq!(document["os"]["name"], "Windows 11 Professional Edition");
        assert_eq!(document["processors"][0]["name"], "Intel(R) Core(TM) i7-10700");
        // Times.
        assert_eq!(document["lastContact"], "2025-09-29T09:06:15.901Z");
        assert_eq!(document["created"], "2024-03-11T08:15:00Z");
        assert_eq!(document["os"]["lastBootTime"], "2025-09-28T06:12:44Z");
        // A part nobody documented.
        assert_eq!(document["healthScore"], json!({"value": 93}));
    }

    #[test]
    fn other_kinds_of_device_lack_parts_without_fault() {
        for text in [
            include_str!("../fixtures/vm_host.json"),
            include_str!("../fixtures/network_switch.json"),
            include_str!("../fixtures/cloud_monitor.json"),
        ] {
            let raw: Value = serde_json::from_str(text).unwrap();
            let (document, faults) = convert(&raw);
            assert_eq!(faults, Vec::<String>::new(), "{text}");
            assert!(document.get("volumes").is_none());
            assert!(document["location"]["id"].is_i64());
        }
        let (host, _) = convert(&serde_json::from_str(include_str!("../fixtures/vm_host.json")).unwrap());
        assert_eq!(host["memorySize"], 274_877_906_944_i64);
        assert_eq!(host["lastBootTime"], "2025-09-01T04:00:00Z");
    }

    #[test]
    fn a_wrong_type_is_a_fault_with_its_path_and_nothing_else_suffers() {
        let (document, faults) = convert(&json!({
            "id": 1, "systemName": 17, "offline": "no", "tags": ["a", 2], "os": "Windows", "volumes": [
                {"name": "C:", "capacity": "big"}, "D:", {"name": "E:", "capacity": -1}],
            "references": {"warranty": {"startDate": "2024-01-01", "endDate": 1_700_000_000}}, "dnsName": null,
        }));
        assert_eq!(
            faults,
            [
                "offline",
                "os",
                "systemName",
                "tags[1]",
                "volumes[0].capacity",
                "volumes[1]",
                "volumes[2].capacity",
                "warranty.startDate"
            ]
        );
        assert_eq!(document["volumes"], json!([{"name": "C:"}, null, {"name": "E:"}]));
        assert_eq!(document["warranty"], json!({"endDate": "2023-11-14"}));
        assert_eq!(document["tags"], json!(["a", null]));
        for absent in ["systemName", "offline", "os", "dnsName"] {
            assert!(document.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn absurd_times_and_sizes_are_faults() {
        let (document, faults) = convert(&json!({
            "id": 1, "created": 1e308, "lastContact": -1, "lastUpdate": 1_759_136_775_901_i64,
            "memory": {"capacity": 1e300}, "processors": [{"maxClockSpeed": 2.5}],
            "references": {"warranty": {"endDate": 253_402_300_800_i64}},
        }));
        assert_eq!(
            faults,
            [
                "created",
                "lastContact",
                "lastUpdate",
                "memory.capacity",
                "processors[0].maxClockSpeed",
                "warranty.endDate"
            ]
        );
        assert_eq!(document["processors"], json!([{}]));
    }

    #[test]
    fn whole_numbers_may_come_with_a_fraction_of_zero() {
        let (document, faults) = convert(&json!({"id": 1.0, "memory": {"capacity": 17_179_869_184.0}}));
        assert!(faults.is_empty());
        assert_eq!(document["memory"]["capacity"], json!(17_179_869_184_i64));
    }

    #[test]
    fn references_that_are_no_object_are_one_fault() {
        let (_, faults) = convert(&json!({"id": 1, "references": [1]}));
        assert_eq!(faults, ["references"]);
    }

    #[test]
    fn what_the_reader_looked_up_fills_gaps_only_and_stays_out_of_raw() {
        let (document, faults) = convert(&json!({
            "id": 1, "locationId": 5, "nodeRoleId": 9, "os": {"name": "Own"},
            "references": {"location": {"id": 5, "name": "Own"}},
            REFERENCES: {"location": {"id": 5, "name": "Looked up"}, "role": {"id": 9, "name": "Server"}},
            REPORTS: {"os": {"name": "Reported"}, "volumes": [{"name": "C:", "capacity": 1}]},
        }));
        assert!(faults.is_empty());
        assert_eq!(document["location"]["name"], "Own");
        assert_eq!(document["role"]["name"], "Server");
        assert_eq!(document["os"]["name"], "Own");
        assert_eq!(document["volumes"][0]["capacity"], 1);
        let raw = document["raw"].as_object().unwrap();
        assert!(!raw.contains_key(REFERENCES) && !raw.contains_key(REPORTS));
    }

    #[test]
    fn ids_are_known_even_where_references_are_left_out() {
        let (document, _) = convert(&json!({"id": 1, "organizationId": 3, "locationId": 5, "nodeRoleId": 9}));
        assert_eq!(document["organization"], json!({"id": 3}));
        assert_eq!(document["location"], json!({"id": 5}));
        assert_eq!(document["role"], json!({"id": 9}));
    }

    #[test]
    fn no_object_is_no_device() {
        for text in ["[]", "3", "{", ""] {
            assert_eq!(document(text).unwrap_err().kind, Kind::Protocol);
        }
    }
}
