//! Ticket boards: saved views that are run with filters, sorting and a cursor.

use std::cmp::Ordering;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::Json;
use crate::ninjaone::api::{Answer, Refusal, Site, array, body, id, object};
use crate::ninjaone::estate::tickets::{FORMS, STATUSES, Ticket};
use crate::ninjaone::estate::{EPOCH_MS, Estate};

/// A board: id, name, and which tickets it shows.
type Board = (u32, &'static str, fn(&Ticket) -> bool);

const BOARDS: [Board; 3] = [
    (1, "Unassigned tickets", |ticket| {
        ticket.assigned.is_none() && ticket.status < 5000
    }),
    (2, "All tickets", |_| true),
    (3, "Open tickets", |ticket| ticket.status < 5000),
];
const COLUMNS: [&str; 14] = [
    "id",
    "summary",
    "description",
    "organization",
    "device",
    "status",
    "priority",
    "severity",
    "assignedAppUser",
    "ticketForm",
    "tags",
    "createTime",
    "lastUpdated",
    "totalTimeTracked",
];

/// `GET /v2/ticketing/trigger/boards`
pub(in crate::ninjaone::api) async fn list(State(tenant): Site) -> Answer {
    let estate = tenant.estate();
    array(|json| {
        for (id, name, shows) in BOARDS {
            json.object(|json| {
                json.int_at("id", id);
                json.uuid_at("uid", crate::dice::uuid_bits(u64::from(id), 0x626f_6172));
                json.string_at("name", name);
                json.string_at("description", "");
                json.object_at("conditions", |json| {
                    json.array_at("any", |_| {});
                    json.array_at("all", |_| {});
                });
                json.time_at("createTime", EPOCH_MS - 800 * 86_400_000);
                json.time_at("updateTime", EPOCH_MS - 800 * 86_400_000);
                json.bool_at("system", id == 2);
                json.strings_at("columns", &COLUMNS);
                json.array_at("sortBy", |_| {});
                json.int_at(
                    "ticketCount",
                    estate
                        .tickets()
                        .all()
                        .iter()
                        .filter(|ticket| shows(ticket))
                        .count(),
                );
            });
        }
    })
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SortBy {
    field: String,
    #[serde(default)]
    direction: Direction,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Direction {
    #[default]
    Asc,
    Desc,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    field: String,
    operator: String,
    #[serde(default)]
    value: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Run {
    #[serde(default)]
    sort_by: Vec<SortBy>,
    #[serde(default)]
    filters: Vec<Rule>,
    page_size: Option<usize>,
    search_criteria: Option<String>,
    #[serde(default, rename = "includeColumns")]
    include_columns: Vec<String>,
    last_cursor_id: Option<u32>,
}

/// `POST /v2/ticketing/trigger/board/{boardId}/run`
pub(in crate::ninjaone::api) async fn run(
    State(tenant): Site,
    Path(text): Path<String>,
    bytes: Bytes,
) -> Answer {
    let wanted = id(&text)?;
    let &(_, _, shows) = BOARDS
        .iter()
        .find(|board| board.0 == wanted)
        .ok_or_else(Refusal::not_found)?;
    let run: Run = body::or_default(&bytes)?;
    let search = run.search_criteria.as_deref().unwrap_or_default().to_lowercase();
    if search.chars().count() > 512 {
        return Err(Refusal::bad_request(
            "searchCriteria: size must be between 0 and 512",
        ));
    }
    let fields = run
        .filters
        .iter()
        .map(|rule| &rule.field)
        .chain(run.sort_by.iter().map(|sort| &sort.field));
    if let Some(unknown) = fields
        .into_iter()
        .find(|field| !COLUMNS.contains(&field.as_str()))
    {
        return Err(Refusal::bad_request(format!("Unknown field '{unknown}'")));
    }
    let estate = tenant.estate();
    let mut rows: Vec<&Ticket> = Vec::new();
    for ticket in estate.tickets().all().iter().filter(|ticket| shows(ticket)) {
        let mut kept = ticket.subject.to_lowercase().contains(&search);
        for rule in &run.filters {
            kept = kept && holds(rule, &cell(&estate, ticket, &rule.field))?;
        }
        if kept {
            rows.push(ticket);
        }
    }
    rows.sort_by(|one, other| {
        let by = run.sort_by.iter().map(|sort| {
            let order = compare(
                &cell(&estate, one, &sort.field),
                &cell(&estate, other, &sort.field),
            );
            if sort.direction == Direction::Desc {
                order.reverse()
            } else {
                order
            }
        });
        by.fold(Ordering::Equal, Ordering::then)
            .then(one.id.cmp(&other.id))
    });
    let cursor = run.last_cursor_id.unwrap_or(0);
    let from = match cursor {
        0 => 0,
        // The row the page before ended with; if it is gone there is nothing to go on from.
        cursor => rows
            .iter()
            .position(|ticket| ticket.id == cursor)
            .map_or(rows.len(), |at| at + 1),
    };
    let page: Vec<&&Ticket> = rows
        .iter()
        .skip(from)
        .take(run.page_size.unwrap_or(50).max(1))
        .collect();
    let columns: Vec<&str> = match run.include_columns.is_empty() {
        true => COLUMNS.to_vec(),
        false => COLUMNS
            .into_iter()
            .filter(|&one| one == "id" || run.include_columns.iter().any(|x| x == one))
            .collect(),
    };
    object(|json| {
        json.array_at("data", |json| {
            for ticket in &page {
                json.object(|json| row(json, &estate, ticket, &columns));
            }
        });
        json.object_at("metadata", |json| {
            json.strings_at("columns", &columns);
            json.any_at("sortBy", &run.sort_by);
            json.object_at("attributes", |_| {});
            json.any_at("filters", &run.filters);
            json.int_at("lastCursorId", page.last().map_or(cursor, |ticket| ticket.id));
            json.strings_at("allRequiredColumns", &["id"]);
            json.strings_at("allColumns", &COLUMNS);
            json.strings_at("columnNamesForExporting", &columns);
        });
    })
}

/// What a ticket shows in a column, to be filtered and sorted by.
fn cell(estate: &Estate, ticket: &Ticket, column: &str) -> Value {
    match column {
        "id" => ticket.id.into(),
        "summary" => ticket.subject.as_str().into(),
        "description" => ticket.log.first().map(|entry| entry.body.as_str()).into(),
        "organization" => estate
            .organization(ticket.organization)
            .map(|one| one.name.as_str())
            .into(),
        "device" => ticket
            .device
            .and_then(|id| estate.device(id))
            .map(|one| one.shown_name())
            .into(),
        "status" => ticket.status.into(),
        "priority" => ticket.priority.as_str().into(),
        "severity" => ticket.severity.as_str().into(),
        "assignedAppUser" => ticket.assigned.into(),
        "ticketForm" => ticket.form.into(),
        "tags" => ticket.tags.clone().into(),
        "createTime" => (ticket.created as f64 / 1000.0).into(),
        "lastUpdated" => (ticket.updated as f64 / 1000.0).into(),
        "totalTimeTracked" => tracked(ticket).into(),
        _ => Value::Null,
    }
}

fn tracked(ticket: &Ticket) -> u32 {
    ticket.log.iter().filter_map(|entry| entry.tracked).sum()
}

/// A value as text; numbers too, as filters send them either way.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compare(one: &Value, other: &Value) -> Ordering {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => text(one).cmp(&text(other)),
    }
}

fn holds(rule: &Rule, cell: &Value) -> Result<bool, Refusal> {
    let among = |values: &Value| match values {
        Value::Array(values) => values.iter().any(|value| text(value) == text(cell)),
        other => text(other).split(',').any(|value| value.trim() == text(cell)),
    };
    let contains = |value: &Value| text(cell).to_lowercase().contains(&text(value).to_lowercase());
    let any_of = |values: &Value| match values {
        Value::Array(values) => values.iter().any(contains),
        other => contains(other),
    };
    let order = compare(cell, &rule.value);
    Ok(match rule.operator.as_str() {
        "present" => !cell.is_null(),
        "not_present" => cell.is_null(),
        "is" => text(cell) == text(&rule.value),
        "is_not" => text(cell) != text(&rule.value),
        "contains" => contains(&rule.value),
        "not_contains" => !contains(&rule.value),
        "contains_any" => any_of(&rule.value),
        "contains_none" => !any_of(&rule.value),
        "greater_than" => order.is_gt(),
        "less_than" => order.is_lt(),
        "greater_or_equal_than" => order.is_ge(),
        "less_or_equal_than" => order.is_le(),
        "between" => match rule.value.as_array().map(Vec::as_slice) {
            Some([low, high]) => compare(cell, low).is_ge() && compare(cell, high).is_le(),
            _ => return Err(Refusal::bad_request("between needs two values")),
        },
        "in" => among(&rule.value),
        "not_in" => !among(&rule.value),
        other => return Err(Refusal::bad_request(format!("Unknown operator '{other}'"))),
    })
}

/// A row of a board: the columns that were asked for.
fn row(json: &mut Json, estate: &Estate, ticket: &Ticket, columns: &[&str]) {
    for &column in columns {
        match column {
            "status" => {
                let status = STATUSES.iter().find(|status| status.0 == ticket.status);
                json.object_at("status", |json| {
                    json.int_at("statusId", ticket.status);
                    json.string_at("displayName", status.map_or("", |status| status.2));
                    if let Some(parent) = status.and_then(|status| status.3) {
                        json.int_at("parentId", parent);
                    }
                });
            }
            "assignedAppUser" => {
                let person = ticket.assigned.and_then(|id| estate.person(id));
                let name = person.map(|person| format!("{} {}", person.first_name, person.last_name));
                json.string_or_null(column, name.as_deref());
            }
            "ticketForm" => {
                let form = FORMS.iter().find(|form| form.0 == ticket.form);
                json.string_or_null(column, form.map(|form| form.1));
            }
            "createTime" => json.time_at(column, ticket.created),
            "lastUpdated" => json.time_at(column, ticket.updated),
            _ => json.any_at(column, &cell(estate, ticket, column)),
        }
    }
    if let Some((uid, message, created)) = &ticket.condition {
        json.object_at("triggeredCondition", |json| {
            json.uuid_at("uid", *uid);
            json.string_at("message", message);
            json.time_at("createTime", *created);
        });
    }
}
