//! Holds every answer of every GET against the published document, by its digest: types, enums, containers, and no
//! field that neither the document nor the list of facts below knows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Stand;

const DIGEST: &str = include_str!("../../../ninjaone-spec-digest.json");

/// Fields that live answers have and the document does not: schema and field.
const KNOWN_FROM_LIFE: [(&str, &str); 2] = [
    // Facts §6.4: volumes carry the device's id.
    ("Volume", "nodeId"),
    // The same rows in the report.
    ("DeviceVolume", "nodeId"),
];

/// Schemas whose fields may be null (tickets as in the document's examples).
const NULLABLE: [&str; 9] = [
    "User",
    "EndUser",
    "Technician",
    "Contact",
    "ContactResponseDTO",
    "AttributePublicApiDTO",
    "AttributeContent",
    "TicketingAttributePublicApiDTO",
    "TicketDTO",
];

/// Strings whose format in the document is not what live answers hold: schema and field.
const OTHER_FORMAT: [(&str, &str); 2] = [
    // Facts §5, quirk 3: `yyyy-MM-dd`.
    ("Application", "installDate"),
    ("DeviceApplication", "installDate"),
];

/// Operations whose answer the document describes wrongly.
const OTHER_ANSWER: [(&str, &str); 1] = [(
    "GET /v2/custom-fields/entity-type/{entityType}/{entityId}/signed-urls",
    "the schema says string, the description says a map of content ids and urls",
)];

/// Lists that are empty on purpose.
const EMPTY: [&str; 0] = [];

struct Document {
    operations: BTreeMap<String, Value>,
    schemas: BTreeMap<String, Value>,
}

impl Document {
    fn read() -> Self {
        let digest: Value = serde_json::from_str(DIGEST).unwrap();
        let part = |key: &str| serde_json::from_value(digest[key].clone()).unwrap();
        Self {
            operations: part("operations"),
            schemas: part("schemas"),
        }
    }

    /// The name and the shape a shape stands for. Devices are told apart by their `deviceType`.
    fn resolve<'a>(&'a self, shape: &'a Value, value: &Value, name: &'a str) -> (&'a str, &'a Value) {
        let Some(referred) = shape["ref"].as_str() else {
            return (name, shape);
        };
        if referred == "Device" {
            let kind = value["deviceType"].as_str().unwrap_or_default();
            let (kind, shape) = self
                .schemas
                .get_key_value(kind)
                .unwrap_or_else(|| panic!("deviceType {kind:?}"));
            return (kind, shape);
        }
        let shape = &self.schemas[referred];
        self.resolve(shape, value, referred)
    }

    /// The fields of an object's shape, those of all parts of an `allOf` together.
    fn fields<'a>(&'a self, shape: &'a Value, name: &'a str) -> BTreeMap<&'a str, (&'a str, &'a Value)> {
        if let Some(parts) = shape["all"].as_array() {
            let parts = parts.iter().map(|part| match part["ref"].as_str() {
                Some(referred) => (referred, &self.schemas[referred]),
                None => (name, part),
            });
            return parts.flat_map(|(name, part)| self.fields(part, name)).collect();
        }
        let fields = shape["object"]
            .as_object()
            .unwrap_or_else(|| panic!("{name} is no object"));
        fields
            .iter()
            .map(|(key, field)| (key.as_str(), (name, field)))
            .collect()
    }

    fn check(&self, at: &str, name: &str, shape: &Value, value: &Value, problems: &mut Vec<String>) {
        let (name, shape) = self.resolve(shape, value, name);
        let mut problem = |text: &str| problems.push(format!("{at}: {text}: {value:.120}"));
        if shape.as_object().is_some_and(serde_json::Map::is_empty) {
            return;
        }
        if let Some(items) = shape.get("array") {
            match value.as_array() {
                Some(rows) => {
                    for (place, row) in rows.iter().enumerate() {
                        self.check(&format!("{at}[{place}]"), name, items, row, problems);
                    }
                }
                None => problem("no array"),
            }
            return;
        }
        if let Some(values) = shape.get("map") {
            match value.as_object() {
                Some(entries) => {
                    for (key, entry) in entries {
                        self.check(&format!("{at}.{key}"), name, values, entry, problems);
                    }
                }
                None => problem("no map"),
            }
            return;
        }
        if shape.get("object").is_some() || shape.get("all").is_some() {
            let Some(object) = value.as_object() else {
                return problem("no object");
            };
            for required in shape["required"].as_array().into_iter().flatten() {
                if !object.contains_key(required.as_str().unwrap()) {
                    problem(&format!("{required} is missing"));
                }
            }
            let fields = self.fields(shape, name);
            for (key, entry) in object {
                let at = format!("{at}.{key}");
                match fields.get(key.as_str()) {
                    Some((owner, _)) if entry.is_null() => {
                        if !NULLABLE.contains(owner) {
                            problems.push(format!("{at}: null in {owner}"));
                        }
                    }
                    Some((owner, field)) => {
                        let mut found = Vec::new();
                        self.check(&at, owner, field, entry, &mut found);
                        if !OTHER_FORMAT.contains(&(owner, key.as_str())) {
                            problems.extend(found);
                        }
                    }
                    None if KNOWN_FROM_LIFE.contains(&(name, key.as_str())) => {}
                    None => problems.push(format!("{at}: {name} has no such field")),
                }
            }
            return;
        }
        self.check_scalar(shape, value, &mut problem);
    }

    fn check_scalar(&self, shape: &Value, value: &Value, problem: &mut dyn FnMut(&str)) {
        let kind = shape["is"]
            .as_str()
            .unwrap_or_else(|| panic!("unknown shape {shape}"));
        let fits = match (kind, shape["format"].as_str()) {
            ("string", Some("uuid")) => value.as_str().is_some_and(is_uuid),
            ("string", Some("date-time")) => value.as_str().is_some_and(|text| text.contains('T')),
            ("string", _) => value.is_string(),
            ("integer", Some("int32")) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            ("integer", _) => value.is_i64() || value.is_u64(),
            ("number", _) => value.is_number(),
            ("boolean", _) => value.is_boolean(),
            _ => false,
        };
        if !fits {
            problem(&format!("not a {kind} {}", shape["format"]));
        }
        if shape["enum"]
            .as_array()
            .is_some_and(|known| !known.contains(value))
        {
            problem("not in the enum");
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The paths an operation is tried with: its template with real ids, for devices one of every kind.
async fn paths(stand: &Stand, template: &str) -> Vec<String> {
    let (devices, places, users, ticket) = {
        let estate = stand.ninja.estate();
        let mut kinds = BTreeMap::new();
        estate.devices().iter().for_each(|device| {
            kinds.entry(device.kind).or_insert(device.id);
        });
        // Alerts and jobs hang on certain devices.
        let alerted = estate.alerts()[0].device;
        let working = estate.jobs()[0].device;
        let devices: Vec<u32> = kinds.into_values().chain([alerted, working]).collect();
        // Several, as not every place and person holds values.
        let places: Vec<(u32, u32)> = estate
            .locations()
            .iter()
            .take(8)
            .map(|one| (one.organization, one.id))
            .collect();
        let users: Vec<u32> = estate.end_users().take(8).map(|person| person.id).collect();
        let ticket = estate.tickets().all()[0].id;
        (devices, places, users, ticket)
    };
    let fixed = |path: &str, value: String| path.replace("{id}", &value);
    match template {
        path if path.starts_with("/v2/device/{id}") => {
            devices.iter().map(|id| fixed(path, id.to_string())).collect()
        }
        path if path.starts_with("/v2/organization/{id}") => places
            .iter()
            .map(|(organization, location)| {
                fixed(path, organization.to_string())
                    .replace("{locationId}", &location.to_string())
                    .replace("{location_id}", &location.to_string())
                    .replace("{installer_type}", "WINDOWS_MSI")
            })
            .collect(),
        path if path.starts_with("/v2/user/end-user/") => {
            users.iter().map(|user| fixed(path, user.to_string())).collect()
        }
        path if path.starts_with("/v2/user/technician/") => vec![fixed(path, "1".to_owned())],
        path if path.starts_with("/v2/contact/") => {
            let contacts = stand.rows("/v2/contacts").await;
            vec![fixed(path, contacts[0]["id"].to_string())]
        }
        path if path.starts_with("/v2/group/") => vec![fixed(path, "2".to_owned())],
        path if path.starts_with("/v2/software-license/{licenseId}") => {
            vec![path.replace("{licenseId}", "1")]
        }
        path if path.contains("{ticketId}") => vec![path.replace("{ticketId}", &ticket.to_string())],
        path if path.contains("/ticket-form/{id}") => vec![fixed(path, "1".to_owned())],
        path if path.contains("{fieldName}") => {
            vec![
                path.replace("{fieldName}", "backupStatus"),
                path.replace("{fieldName}", "supportTier"),
            ]
        }
        path if path.contains("/entity-type/") => {
            vec![
                path.replace("{entityType}", "NODE")
                    .replace("{entityId}", &devices[0].to_string()),
            ]
        }
        path if path.contains("{policy_id}") => {
            // The default policy of Windows workstations has a condition of each sort.
            let list = path.replace("{policy_id}", "12").replace("/{condition_id}", "");
            let rows = stand.rows(&list).await;
            vec![
                path.replace("{policy_id}", "12")
                    .replace("{condition_id}", rows[0]["id"].as_str().unwrap()),
            ]
        }
        path => vec![path.to_owned()],
    }
}

/// Further queries worth a check.
fn variants(template: &str) -> &'static [&'static str] {
    match template {
        "/v2/devices" | "/v2/devices-detailed" | "/v2/organization/{id}/devices" | "/v2/device/{id}" => &[
            "",
            "?expand=location,organization,rolePolicy,policy,role,backupUsage,warranty,assignedOwner,backupBandwidthThrottle",
        ],
        "/v2/device/{id}/volumes" | "/v2/queries/volumes" => &["", "?include=bl"],
        "/v2/users" | "/v2/organization/{id}/end-users" => &["", "?includeRoles=true"],
        "/v2/device/{id}/custom-fields" => &["", "?withInheritance=true"],
        "/v2/devices/search" => &["?q=ws", "?q=10."],
        "/v2/activities" => &["", "?pageSize=1000"],
        _ => &[""],
    }
}

fn is_empty(value: &Value) -> bool {
    let lists = ["results", "activities", "tags", "devices"];
    let list = lists
        .iter()
        .filter(|_| value.get("id").is_none())
        .find_map(|key| value.get(*key));
    match list.unwrap_or(value) {
        Value::Array(rows) => rows.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// A tenant in which something happened.
async fn lively() -> Stand {
    let stand = Stand::of(2500).await;
    stand.ninja.let_a_day_pass(0.02);
    let (offline, online, windows) = {
        let estate = stand.ninja.estate();
        let find = |offline: bool| {
            estate
                .devices()
                .iter()
                .find(|one| one.kind.is_windows() && one.offline == offline)
                .unwrap()
                .id
        };
        (find(true), find(false), find(false))
    };
    for id in [offline, online] {
        let body = serde_json::json!({"type": "SCRIPT", "id": 11, "runAs": "system"});
        let path = format!("/v2/device/{id}/script/run");
        assert_eq!(stand.send_json(reqwest::Method::POST, &path, &body).await.0, 204);
    }
    let window = serde_json::json!({"end": 2_000_000_000, "reasonMessage": "new disks", "disabledFeatures": ["ALERTS"]});
    let path = format!("/v2/device/{windows}/maintenance");
    assert_eq!(stand.send_json(reqwest::Method::PUT, &path, &window).await.0, 204);
    let user_data = serde_json::json!({"userData": {"costCentre": "7"}});
    let path = format!("/v2/device/{windows}");
    assert_eq!(
        stand.send_json(reqwest::Method::PATCH, &path, &user_data).await.0,
        204
    );
    stand
}

#[tokio::test]
async fn every_get_answers_as_the_document_says() {
    let stand = lively().await;
    let document = Document::read();
    let mut problems = Vec::new();
    let mut silent = Vec::new();
    for (operation, entry) in document
        .operations
        .iter()
        .filter(|(name, _)| name.starts_with("GET "))
    {
        let template = operation.trim_start_matches("GET ");
        let mut any_rows = false;
        for path in paths(&stand, template).await {
            for query in variants(template) {
                let value = stand.json(&format!("{path}{query}")).await;
                any_rows |= !is_empty(&value);
                if OTHER_ANSWER.iter().all(|(name, _)| name != operation) {
                    document.check(&path, template, &entry["answer"], &value, &mut problems);
                }
            }
        }
        if !any_rows && !EMPTY.contains(&template) && OTHER_ANSWER.iter().all(|(name, _)| name != operation) {
            silent.push(template);
        }
    }
    problems.truncate(60);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(silent.is_empty(), "nothing to check in {silent:?}");
    assert!(
        document.operations.len() > 95,
        "the digest holds {} operations",
        document.operations.len()
    );
}

#[tokio::test]
async fn running_a_board_answers_as_the_document_says() {
    let stand = lively().await;
    let document = Document::read();
    let shape = &document.operations["POST /v2/ticketing/trigger/board/{boardId}/run"]["answer"];
    let body = serde_json::json!({"sortBy": [{"field": "lastUpdated", "direction": "DESC"}], "pageSize": 20});
    let (status, text) = stand
        .send_json(reqwest::Method::POST, "/v2/ticketing/trigger/board/2/run", &body)
        .await;
    assert_eq!(status, 200, "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["data"].as_array().unwrap().len(), 20);
    let mut problems = Vec::new();
    document.check("board", "board", shape, &value, &mut problems);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The check itself must be able to fail.
#[test]
fn the_check_finds_every_sort_of_problem() {
    let document = Document::read();
    let found = |schema: &str, value: Value| {
        let mut problems = Vec::new();
        document.check(
            "x",
            "x",
            &serde_json::json!({ "ref": schema }),
            &value,
            &mut problems,
        );
        problems
    };
    assert!(
        found(
            "Organization",
            serde_json::json!({"id": 1, "name": "A", "nodeApprovalMode": "MANUAL"})
        )
        .is_empty()
    );
    for wrong in [
        serde_json::json!({"id": "1"}),
        serde_json::json!({"id": 5_000_000_000_i64}),
        serde_json::json!({"nodeApprovalMode": "SOMETIMES"}),
        serde_json::json!({"name": null}),
        serde_json::json!({"title": "A"}),
        serde_json::json!([]),
    ] {
        assert_eq!(found("Organization", wrong.clone()).len(), 1, "{wrong}");
    }
    let device = serde_json::json!({"deviceType": "NMSTarget", "id": 1, "os": {}});
    assert_eq!(found("Device", device), ["x.os: NMSTarget has no such field"]);
    let device = serde_json::json!({"deviceType": "AgentDevice", "uid": "not-one", "volumes": {}});
    assert_eq!(found("Device", device).len(), 2);
}
