//! Reading: one record, and lists by opaque cursor.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::records::Record;
use super::refusal::Refusal;
use super::schema::{Collection, EXTERNAL_KEY};
use super::tenant::Tenant;
use crate::dice::Dice;

const DEFAULT_LIMIT: usize = 50;
/// Most records of a page.
pub(super) const MAX_LIMIT: usize = 200;
/// Most ids of one question.
pub(super) const MAX_IDS: usize = 100;

type Asked = BTreeMap<String, String>;

fn bad(parameter: &str, message: impl Into<String>) -> Refusal {
    let mut refusal = Refusal::new(StatusCode::BAD_REQUEST, "parameter", message);
    refusal.path = Some(parameter.to_owned());
    refusal
}

/// One record. It is read where it was written, so the lag of the index does not show.
pub(super) fn one(tenant: &Tenant, collection: Collection, id: &str) -> Result<Json<Value>, Refusal> {
    let state = tenant.state();
    let record = state.get(collection, id);
    let record = record.ok_or_else(|| Refusal::not_found(&format!("{} {id:?}", collection.name())))?;
    Ok(Json(record.json(collection)))
}

pub(super) async fn one_of(
    tenant: Arc<Tenant>,
    collection: Collection,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    one(&tenant, collection, &id)
}

/// What a list is asked for.
struct Wanted {
    /// Exact values of properties.
    exact: Vec<(&'static str, String)>,
    ids: Option<Vec<String>>,
    archived: bool,
    limit: usize,
    after: u64,
    /// What the cursor is bound to.
    filter: String,
}

impl Wanted {
    fn read(collection: Collection, asked: &Asked) -> Result<Self, Refusal> {
        let filters: &[&'static str] = match collection {
            Collection::Sites | Collection::Assets => &[EXTERNAL_KEY, "client_id"],
            Collection::Clients | Collection::AssetTypes => &[EXTERNAL_KEY],
        };
        let assets = collection == Collection::Assets;
        let known = |key: &str| {
            matches!(key, "limit" | "cursor")
                || filters.contains(&key)
                || (assets && matches!(key, "ids" | "include_archived"))
        };
        if let Some(unknown) = asked.keys().find(|key| !known(key)) {
            let message = format!("lists of {} have no parameter {unknown:?}", collection.name());
            return Err(bad(unknown, message));
        }
        let limit = match asked.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| {
                    bad(
                        "limit",
                        format!("limit is a number from 1 to {MAX_LIMIT}, not {text:?}"),
                    )
                })?,
        };
        let archived = match asked.get("include_archived").map(String::as_str) {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(bad("include_archived", format!("true or false, not {other:?}"))),
        };
        let ids: Option<Vec<String>> = asked.get("ids").map(|ids| {
            ids.split(',')
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect()
        });
        if ids.as_ref().is_some_and(|ids| ids.len() > MAX_IDS) {
            return Err(bad(
                "ids",
                format!("at most {MAX_IDS} ids may be asked for at once"),
            ));
        }
        let exact = filters
            .iter()
            .filter_map(|key| asked.get(*key).map(|value| (*key, value.clone())));
        let filter = asked
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "limit" | "cursor"))
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
            .join("&");
        Ok(Self {
            exact: exact.collect(),
            ids,
            archived,
            limit,
            after: match asked.get("cursor") {
                Some(cursor) => read_cursor(cursor, collection, &filter)?,
                None => 0,
            },
            filter,
        })
    }

    fn wants(&self, record: &Record) -> bool {
        (self.archived || record.archived_at.is_none())
            && self
                .exact
                .iter()
                .all(|(key, value)| record.text(key) == Some(value))
    }
}

/// A cursor says where the page ended and belongs to one collection and filter.
fn write_cursor(collection: Collection, after: u64, filter: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{after}|{}|{filter}", collection.name()))
}

fn read_cursor(cursor: &str, collection: Collection, filter: &str) -> Result<u64, Refusal> {
    let text = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once('|'));
    match parts {
        Some((after, rest)) if rest == format!("{}|{filter}", collection.name()) => after
            .parse()
            .map_err(|_| bad("cursor", "this is no cursor of ours")),
        Some(_) => Err(bad("cursor", "this cursor belongs to another list or filter")),
        None => Err(bad("cursor", "this is no cursor of ours")),
    }
}

/// A page of a list.
pub(super) async fn list(
    Shared(tenant): Shared<Arc<Tenant>>,
    collection: Collection,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Refusal> {
    let wanted = Wanted::read(collection, &asked)?;
    let now = tenant.now();
    let state = tenant.state();
    if let Some(ids) = &wanted.ids {
        // Read where they were written, like a single one. Archived ones were asked for by name.
        let mut numbers: Vec<_> = ids.iter().filter_map(|id| collection.number(id)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let found = numbers
            .into_iter()
            .filter_map(|number| state.get(collection, &collection.id(number)));
        let data: Vec<_> = found.map(|record| record.json(collection)).collect();
        return Ok(Json(
            json!({ "data": data, "page": { "next_cursor": null, "complete": true } }),
        ));
    }
    let mut rest = state
        .after(collection, wanted.after)
        .filter(|record| wanted.wants(record) && tenant.indexed(record, now))
        .peekable();
    let mut limit = wanted.limit;
    if tenant.behaviour().short_pages {
        limit = Dice::new(tenant.seed, wanted.after).below(wanted.limit as u64) as usize;
        // An empty page must get its reader further, or the next one would be the same.
        if rest
            .peek()
            .is_some_and(|record| record.number == wanted.after + 1)
        {
            limit = limit.max(1);
        }
    }
    let mut after = wanted.after;
    let mut data = Vec::new();
    while data.len() < limit
        && let Some(record) = rest.next()
    {
        after = record.number;
        data.push(record.json(collection));
    }
    let complete = rest.peek().is_none();
    if data.is_empty() && !complete {
        after = rest.peek().map_or(after, |record| record.number - 1);
    }
    let next = (!complete).then(|| write_cursor(collection, after, &wanted.filter));
    Ok(Json(
        json!({ "data": data, "page": { "next_cursor": next, "complete": complete } }),
    ))
}

/// The fields of assets, in one page.
pub(super) async fn fields(Shared(tenant): Shared<Arc<Tenant>>) -> Json<Value> {
    let data = tenant.state().fields_json();
    Json(json!({ "data": data, "page": { "next_cursor": null, "complete": true } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_bound_to_its_list_and_filter() {
        let cursor = write_cursor(Collection::Assets, 7, "client_id=cli_1");
        assert_eq!(read_cursor(&cursor, Collection::Assets, "client_id=cli_1"), Ok(7));
        for (collection, filter) in [(Collection::Sites, "client_id=cli_1"), (Collection::Assets, "")] {
            let refusal = read_cursor(&cursor, collection, filter).unwrap_err();
            assert!(refusal.message.contains("another list"), "{refusal}");
        }
        assert!(read_cursor("x", Collection::Assets, "").is_err());
    }
}
