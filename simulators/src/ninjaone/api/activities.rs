//! Activities, newest first.

use axum::extract::{Path, State};

use super::filter::{Filter, moment};
use super::{Answer, Params, Refusal, Site, answer, id};
use crate::json::Json;
use crate::ninjaone::estate::activity::Activity;
use crate::ninjaone::estate::{Estate, activity::What};

/// Which entries are wanted.
struct Wanted<'a> {
    class: &'a str,
    before: Option<i64>,
    after: Option<i64>,
    /// Ids smaller than this. The published text for the two has their meanings exchanged.
    older_than: Option<i64>,
    /// Ids greater than this.
    newer_than: Option<i64>,
    kind: Option<&'a str>,
    status: Vec<&'a str>,
    user: Option<i64>,
    series: Option<u128>,
    source: Option<u128>,
}

impl<'a> Wanted<'a> {
    fn of(params: &'a Params, kind: &str) -> Result<Self, Refusal> {
        let date = |key: &str| {
            params
                .get(key)
                .map(|text| {
                    when(text).ok_or_else(|| {
                        Refusal::bad_request(format!("Parameter '{key}' is no date: '{text}'"))
                    })
                })
                .transpose()
        };
        let class = params.get("class").unwrap_or("ALL");
        if !matches!(class, "SYSTEM" | "DEVICE" | "USER" | "ALL") {
            return Err(Refusal::bad_request(format!("Unknown activity class '{class}'")));
        }
        let uid = |key: &str| {
            params
                .get(key)
                .map(|text| uuid::Uuid::try_parse(text).map_or(0, |uid| uid.as_u128()))
        };
        let status = params.get("status").unwrap_or_default().trim();
        let list = status
            .strip_prefix("in")
            .map(str::trim)
            .and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
        Ok(Self {
            class,
            before: date("before")?,
            after: date("after")?,
            older_than: params.int("olderThan")?,
            newer_than: params.int("newerThan")?,
            kind: params.get(kind),
            status: list
                .unwrap_or(status)
                .split(',')
                .map(str::trim)
                .filter(|code| !code.is_empty())
                .collect(),
            user: params.int("user")?,
            series: uid("seriesUid"),
            source: uid("sourceConfigUid"),
        })
    }

    fn takes(&self, entry: &Activity) -> bool {
        let id = entry.id as i64;
        let class = match self.class {
            "DEVICE" => entry.device.is_some(),
            "SYSTEM" => entry.device.is_none() && entry.user.is_none(),
            "USER" => entry.user.is_some(),
            _ => true,
        };
        class
            && self.before.is_none_or(|edge| entry.time < edge)
            && self.after.is_none_or(|edge| entry.time > edge)
            && self.older_than.is_none_or(|edge| id < edge)
            && self.newer_than.is_none_or(|edge| id > edge)
            && self.kind.is_none_or(|kind| entry.what.activity_type == kind)
            && (self.status.is_empty() || self.status.contains(&entry.what.code))
            && self
                .user
                .is_none_or(|user| entry.user.map(i64::from) == Some(user))
            && self.series.is_none_or(|uid| entry.series == Some(uid))
            && self.source.is_none_or(|uid| entry.source_uid == Some(uid))
    }
}

/// Epoch seconds or a date, in milliseconds.
fn when(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        // Eight digits are a date.
        Ok(seconds) if text.len() != 8 => Some((seconds * 1000.0) as i64),
        _ => moment(text),
    }
}

/// `GET /v2/activities`
pub(super) async fn list(State(tenant): Site, params: Params) -> Answer {
    let wanted = Wanted::of(&params, "type")?;
    let filter = params.get("df").map(|text| Filter::of(Some(text))).transpose()?;
    let size = params.size("pageSize", 10, 1000)?.unwrap_or(200);
    let estate = tenant.estate();
    let passes = |entry: &Activity| {
        filter.as_ref().is_none_or(|filter| {
            entry
                .device
                .and_then(|id| estate.device(id))
                .is_some_and(|device| filter.passes(device, &estate))
        })
    };
    let newest = estate.log().entries().last().map_or(0, |entry| entry.id);
    let rows = page(&estate, size, &wanted, passes);
    Ok(write(&rows, newest, None, tenant.quirks.bare_activities))
}

/// `GET /v2/device/{id}/activities`
pub(super) async fn of_device(State(tenant): Site, Path(text): Path<String>, params: Params) -> Answer {
    let wanted = Wanted::of(&params, "activityType")?;
    let size = params.size("pageSize", 10, 1000)?.unwrap_or(200);
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?.id;
    let own = |entry: &Activity| entry.device == Some(device);
    let newest = estate.log().entries().last().map_or(0, |entry| entry.id);
    let newest_here = estate
        .log()
        .entries()
        .iter()
        .rev()
        .find(|entry| own(entry))
        .map_or(0, |entry| entry.id);
    let rows = page(&estate, size, &wanted, own);
    Ok(write(
        &rows,
        newest,
        Some(newest_here),
        tenant.quirks.bare_activities,
    ))
}

/// The newest entries that are wanted, newest first. With `newerThan` the oldest of them, still newest first: so a
/// reader that goes on from the greatest id it saw misses none.
fn page<'a>(
    estate: &'a Estate,
    size: usize,
    wanted: &Wanted<'_>,
    passes: impl Fn(&Activity) -> bool,
) -> Vec<&'a Activity> {
    let entries = estate.log().entries();
    let fits = |entry: &&Activity| wanted.takes(entry) && passes(entry);
    if wanted.newer_than.is_some() {
        let mut rows: Vec<&Activity> = entries.iter().filter(fits).take(size).collect();
        rows.reverse();
        return rows;
    }
    entries.iter().rev().filter(fits).take(size).collect()
}

fn write(rows: &[&Activity], newest: u64, newest_here: Option<u64>, bare: bool) -> axum::response::Response {
    let mut json = Json::with_capacity(rows.len() * 300);
    let list = |json: &mut Json| {
        json.array(|json| {
            rows.iter()
                .for_each(|entry| json.object(|json| entry_fields(json, entry)))
        });
    };
    if bare {
        list(&mut json);
        return answer(json);
    }
    json.object(|json| {
        json.int_at("lastActivityId", newest);
        list(json.key("activities"));
        if let Some(newest) = newest_here {
            json.int_at("lastNodeActivityId", newest);
        }
    });
    answer(json)
}

/// The fields of `Activity`. What is not set is left out.
pub(in crate::ninjaone) fn entry_fields(json: &mut Json, entry: &Activity) {
    let What {
        activity_type,
        type_text,
        code,
        status,
        result,
        severity,
        priority,
    } = entry.what;
    json.int_at("id", entry.id);
    json.time_at("activityTime", entry.time);
    if let Some(device) = entry.device {
        json.int_at("deviceId", device);
    }
    json.string_if("severity", severity);
    json.string_if("priority", priority);
    if let Some(series) = entry.series {
        json.uuid_at("seriesUid", series);
    }
    json.string_at("activityType", activity_type);
    json.string_at("statusCode", code);
    json.string_at("status", status);
    json.string_if("activityResult", result);
    if let Some(source) = entry.source_uid {
        json.uuid_at("sourceConfigUid", source);
    }
    json.string_if("sourceName", entry.source_name.as_deref());
    json.string_if("subject", entry.subject.as_deref());
    if let Some(user) = entry.user {
        json.int_at("userId", user);
    }
    json.string_at("message", &entry.message);
    json.string_at("type", type_text);
    if let Some(data) = &entry.data {
        json.any_at("data", data);
    }
}
