//! Single tickets: read, create, update with a version, comment, log.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::forms::status_fields;
use crate::json::Json;
use crate::ninjaone::api::filter::moment;
use crate::ninjaone::api::{Answer, Params, Refusal, Site, array, body, gate, id, object};
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::tickets::{ATTRIBUTES, FORMS, LogEntry, STATUSES, Ticket};
use crate::ninjaone::oauth::Access;

/// `GET /v2/ticketing/ticket/{ticketId}`
pub(in crate::ninjaone::api) async fn one(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let ticket = estate.tickets().get(id(&text)?).ok_or_else(Refusal::not_found)?;
    object(|json| fields(json, ticket))
}

/// The fields of `TicketDTO`.
fn fields(json: &mut Json, ticket: &Ticket) {
    json.int_at("id", ticket.id);
    json.int_at("version", ticket.version);
    let mut optional = |key: &str, value: Option<u32>| match value {
        Some(value) => json.int_at(key, value),
        None => json.null_at(key),
    };
    optional("nodeId", ticket.device);
    optional("clientId", Some(ticket.organization));
    optional("locationId", ticket.location);
    optional("assignedAppUserId", ticket.assigned);
    match ticket.requester {
        Some(requester) => json.uuid_at("requesterUid", requester),
        None => json.null_at("requesterUid"),
    }
    json.string_at("subject", &ticket.subject);
    if let Some(status) = STATUSES.iter().find(|status| status.0 == ticket.status) {
        json.object_at("status", |json| status_fields(json, status));
    }
    json.string_or_null("type", ticket.kind.as_deref());
    json.string_at("priority", &ticket.priority);
    json.string_at("severity", &ticket.severity);
    json.int_at("ticketFormId", ticket.form);
    json.string_at("source", ticket.source);
    json.strings_at("tags", &ticket.tags);
    json.object_at("ccList", |json| {
        json.strings_at("uids", &ticket.copies.0);
        json.strings_at("emails", &ticket.copies.1);
    });
    json.time_at("createTime", ticket.created);
    json.bool_at("deleted", false);
    json.array_at("attributeValues", |json| {
        for (place, (attribute, value)) in ticket.attributes.iter().enumerate() {
            json.object(|json| {
                json.int_at("id", u64::from(ticket.id) * 100 + place as u64);
                json.int_at("attributeId", *attribute);
                json.any_at("value", value);
            });
        }
    });
    json.array_at("additionalAssignedTechnicianIds", |json| {
        ticket.additional.iter().for_each(|&one| json.int(i64::from(one)));
    });
    if let Some(seconds) = ticket.follow_up {
        json.time_at("followupTime", (seconds * 1000.0) as i64);
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Copies {
    #[serde(default)]
    uids: Vec<String>,
    #[serde(default)]
    emails: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AttributeValue {
    #[serde(rename = "id")]
    _id: Option<u32>,
    attribute_id: u32,
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Comment {
    public: bool,
    #[serde(default)]
    body: String,
    #[serde(default)]
    html_body: String,
    time_tracked: Option<u32>,
    #[serde(rename = "duplicateInIncidents")]
    _duplicate_in_incidents: Option<bool>,
}

/// What a new ticket and a changed one have in common.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// Only of a changed one.
    version: Option<u32>,
    /// Only of a new one.
    description: Option<Comment>,
    client_id: u32,
    ticket_form_id: u32,
    location_id: Option<u32>,
    node_id: Option<u32>,
    subject: String,
    status: Value,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    cc: Copies,
    assigned_app_user_id: Option<u32>,
    requester_uid: Option<uuid::Uuid>,
    severity: Option<String>,
    priority: Option<String>,
    #[serde(rename = "parentTicketId")]
    _parent_ticket_id: Option<u32>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    attributes: Vec<AttributeValue>,
    #[serde(default)]
    additional_assigned_technician_ids: Vec<u32>,
    followup_time: Option<f64>,
}

const KINDS: [&str; 9] = [
    "PROBLEM",
    "QUESTION",
    "INCIDENT",
    "TASK",
    "CHANGE_REQUEST",
    "SERVICE_REQUEST",
    "PROJECT",
    "APPOINTMENT",
    "MISCELLANEOUS",
];
const SEVERITIES: [&str; 5] = ["NONE", "MINOR", "MODERATE", "MAJOR", "CRITICAL"];
const PRIORITIES: [&str; 4] = ["NONE", "LOW", "MEDIUM", "HIGH"];

impl Wanted {
    /// The number of the status: a text of digits or a number.
    fn status(&self) -> Option<u32> {
        let number = self
            .status
            .as_u64()
            .or_else(|| self.status.as_str()?.parse().ok())?;
        STATUSES
            .iter()
            .map(|status| status.0)
            .find(|&id| u64::from(id) == number)
    }

    fn check(&self, estate: &Estate) -> Result<u32, Refusal> {
        let one_of = |key: &str, value: &Option<String>, known: &[&str]| match value {
            Some(value) if !known.contains(&value.as_str()) => Err(Refusal::bad_request(format!(
                "{key}: '{value}' is not one of {}",
                known.join(", ")
            ))),
            _ => Ok(()),
        };
        one_of("type", &self.kind, &KINDS)?;
        one_of("severity", &self.severity, &SEVERITIES)?;
        one_of("priority", &self.priority, &PRIORITIES)?;
        let refuse = |wrong: bool, text: &str| {
            if wrong {
                Err(Refusal::bad_request(text))
            } else {
                Ok(())
            }
        };
        refuse(self.subject.is_empty(), "subject: must not be empty")?;
        refuse(
            self.subject.chars().count() > 200,
            "subject: size must be between 0 and 200",
        )?;
        refuse(
            estate.organization(self.client_id).is_none(),
            "clientId: the organization does not exist",
        )?;
        refuse(
            !FORMS.iter().any(|form| form.0 == self.ticket_form_id),
            "ticketFormId: the form does not exist",
        )?;
        let device = self.node_id.map(|id| estate.device(id));
        let foreign = |device: Option<&crate::ninjaone::estate::device::Device>| {
            device.is_none_or(|device| device.organization != self.client_id)
        };
        refuse(
            device.is_some_and(foreign),
            "nodeId: the device does not belong to the organization",
        )?;
        let location = self.location_id.map(|id| estate.location(id));
        let elsewhere = location.is_some_and(|one| one.is_none_or(|one| one.organization != self.client_id));
        refuse(
            elsewhere,
            "locationId: the location does not belong to the organization",
        )?;
        let known = |id: u32| ATTRIBUTES.iter().any(|attribute| attribute.0 == id);
        let strange = self.attributes.iter().any(|value| !known(value.attribute_id));
        refuse(strange, "attributes: an attribute does not exist")?;
        let nobody = self
            .assigned_app_user_id
            .is_some_and(|id| estate.technicians().all(|one| one.id != id));
        refuse(nobody, "assignedAppUserId: the technician does not exist")?;
        self.status()
            .ok_or_else(|| Refusal::bad_request(format!("status: {} does not exist", self.status)))
    }

    /// Puts everything that was sent into `ticket`.
    fn fill(self, status: u32, ticket: &mut Ticket) -> Option<Comment> {
        ticket.device = self.node_id;
        ticket.organization = self.client_id;
        ticket.location = self.location_id;
        ticket.assigned = self.assigned_app_user_id;
        ticket.requester = self.requester_uid.map(|uid| uid.as_u128());
        ticket.subject = self.subject;
        ticket.status = status;
        ticket.kind = self.kind;
        ticket.priority = self.priority.unwrap_or_else(|| "NONE".to_owned());
        ticket.severity = self.severity.unwrap_or_else(|| "NONE".to_owned());
        ticket.form = self.ticket_form_id;
        ticket.tags = self.tags;
        ticket.copies = (self.cc.uids, self.cc.emails);
        ticket.attributes = self
            .attributes
            .into_iter()
            .map(|one| (one.attribute_id, one.value))
            .collect();
        ticket.additional = self.additional_assigned_technician_ids;
        ticket.follow_up = self.followup_time;
        self.description
    }
}

/// `POST /v2/ticketing/ticket`; needs a user.
pub(in crate::ninjaone::api) async fn create(
    State(tenant): Site,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    gate::need_user(&tenant, &access)?;
    let wanted: Wanted = body::of(&bytes)?;
    if wanted.version.is_some() {
        return Err(Refusal::bad_request("Unrecognized field 'version'"));
    }
    let mut estate = tenant.estate_mut();
    let status = wanted.check(&estate)?;
    let now = tenant.at(estate.days());
    let mut ticket = Ticket {
        source: "TECHNICIAN",
        ..Ticket::default()
    };
    let description = wanted.fill(status, &mut ticket);
    let (text, html) = description
        .map(|one| (one.body, one.html_body))
        .unwrap_or_default();
    let id = estate.open_ticket(ticket, &text, &html, tenant.user_id(&access), now);
    let answer = object(|json| {
        if let Some(ticket) = estate.tickets().get(id) {
            fields(json, ticket);
        }
    });
    drop(estate);
    tenant.deliver();
    answer
}

/// `PUT /v2/ticketing/ticket/{ticketId}`; needs a user and the version that was read.
pub(in crate::ninjaone::api) async fn update(
    State(tenant): Site,
    Path(text): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    gate::need_user(&tenant, &access)?;
    let wanted: Wanted = body::of(&bytes)?;
    if wanted.description.is_some() {
        return Err(Refusal::bad_request("Unrecognized field 'description'"));
    }
    let version = wanted
        .version
        .ok_or_else(|| Refusal::bad_request("version: must not be null"))?;
    if wanted.requester_uid.is_none() {
        return Err(Refusal::bad_request("requesterUid: must not be null"));
    }
    let mut estate = tenant.estate_mut();
    let id = id(&text)?;
    let current = estate.tickets().get(id).ok_or_else(Refusal::not_found)?;
    if current.version != version {
        let problem = format!("Ticket {id} has version {}, not {version}", current.version);
        return Err(Refusal::with_status(tenant.quirks.stale_ticket_status, problem));
    }
    let status = wanted.check(&estate)?;
    let now = tenant.at(estate.days());
    let user = tenant.user_id(&access);
    let ticket = estate.tickets_mut().get_mut(id).ok_or_else(Refusal::not_found)?;
    let old = ticket.status;
    wanted.fill(status, ticket);
    ticket.version += 1;
    let diff = (old != status).then(|| json!({ "status": { "old": old, "new": status } }));
    let entry = LogEntry {
        kind: "SAVE",
        user,
        diff,
        ..LogEntry::default()
    };
    estate.tickets_mut().note(id, entry, now);
    let ticket = estate.tickets().get(id).ok_or_else(Refusal::not_found)?;
    object(|json| fields(json, ticket))
}

/// `POST /v2/ticketing/ticket/{ticketId}/comment`: multipart, a part `comment` and any number of `files`; needs a user.
pub(in crate::ninjaone::api) async fn comment(
    State(tenant): Site,
    Path(text): Path<String>,
    Extension(access): Extension<Access>,
    parts: Result<Multipart, MultipartRejection>,
) -> Answer {
    gate::need_user(&tenant, &access)?;
    let mut parts = parts.map_err(|_| Refusal::with_status(415, "HTTP 415 Unsupported Media Type"))?;
    let mut comment: Option<Comment> = None;
    let mut files = Vec::new();
    while let Some(part) = parts.next_part().await? {
        match part.0.as_str() {
            "comment" => comment = Some(body::of(&part.2)?),
            "files" => files.push((part.1, part.2.len())),
            other => return Err(Refusal::bad_request(format!("Unknown part '{other}'"))),
        }
    }
    let comment = comment.ok_or_else(|| Refusal::bad_request("The part 'comment' is missing"))?;
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let id = id(&text)?;
    estate.tickets().get(id).ok_or_else(Refusal::not_found)?;
    let entry = LogEntry {
        kind: "COMMENT",
        user: tenant.user_id(&access),
        body: comment.body,
        html: comment.html_body,
        public: comment.public,
        tracked: comment.time_tracked,
        files,
        ..LogEntry::default()
    };
    estate.tickets_mut().note(id, entry, now);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Name, file name and bytes of a part.
type Part = (String, String, Bytes);

trait NextPart {
    async fn next_part(&mut self) -> Result<Option<Part>, Refusal>;
}

impl NextPart for Multipart {
    async fn next_part(&mut self) -> Result<Option<Part>, Refusal> {
        let broken =
            |error: axum::extract::multipart::MultipartError| Refusal::bad_request(error.body_text());
        let Some(field) = self.next_field().await.map_err(broken)? else {
            return Ok(None);
        };
        let name = field.name().unwrap_or_default().to_owned();
        let file = field.file_name().unwrap_or_default().to_owned();
        Ok(Some((name, file, field.bytes().await.map_err(broken)?)))
    }
}

/// `GET /v2/ticketing/ticket/{ticketId}/log-entry`
pub(in crate::ninjaone::api) async fn log(
    State(tenant): Site,
    Path(text): Path<String>,
    params: Params,
) -> Answer {
    let size = params.size("pageSize", 1, 10_000)?.unwrap_or(500);
    let after = params.int("anchorId")?.unwrap_or(0);
    let since = params.get("createTime").and_then(|text| {
        text.parse::<f64>()
            .ok()
            .map(|seconds| (seconds * 1000.0) as i64)
            .or_else(|| moment(text))
    });
    let kind = params.get("type");
    let estate = tenant.estate();
    let ticket = estate.tickets().get(id(&text)?).ok_or_else(Refusal::not_found)?;
    let rows = ticket.log.iter().filter(|entry| {
        entry.id as i64 > after
            && since.is_none_or(|edge| entry.time >= edge)
            && kind.is_none_or(|kind| entry.kind == kind)
    });
    array(|json| {
        for entry in rows.take(size) {
            json.object(|json| entry_fields(json, entry, ticket, &estate));
        }
    })
}

fn entry_fields(json: &mut Json, entry: &LogEntry, ticket: &Ticket, estate: &Estate) {
    json.int_at("id", entry.id);
    let writer = entry.user.and_then(|id| estate.person(id));
    match (&writer, ticket.requester) {
        (Some(person), _) => {
            json.uuid_at("appUserContactUid", person.uid);
            json.int_at("appUserContactId", person.id);
            json.string_at("appUserContactType", "TECHNICIAN");
        }
        (None, Some(uid)) => {
            json.uuid_at("appUserContactUid", uid);
            json.string_at("appUserContactType", "END_USER");
        }
        (None, None) => {}
    }
    json.string_at("type", entry.kind);
    json.string_at("body", &entry.body);
    json.string_at("htmlBody", &entry.html);
    json.bool_at("publicEntry", entry.public);
    json.bool_at("system", writer.is_none());
    json.time_at("createTime", entry.time);
    if let Some(diff) = &entry.diff {
        json.any_at("changeDiff", diff);
    }
    if let Some(seconds) = entry.tracked {
        json.int_at("timeTracked", seconds);
    }
    json.array_at("technicianTagged", |_| {});
    json.array_at("techniciansTaggedMetadata", |_| {});
    json.bool_at("blockedByInvoice", false);
    json.bool_at("emailResponse", false);
}
