//! The records of a run: as rows, and as a CSV file.

use super::show::outcome_in_words;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::Tone;
use crate::ui::csv;
use crate::ui::plans::words;
use crate::ui::table::Column;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::row_errors::record_of;
use engine::runs::ListedItem;
use futures::stream;
use model::{Outcome, RecordId, RecordKind};

/// Records of one part of the file.
const AT_ONCE: usize = 1000;

/// The columns of the list.
pub const COLUMNS: [Column; 4] = [
    Column::text("", "Record"),
    Column::text("", "What"),
    Column::text("", "How it ended"),
    Column::number("", "Actions"),
];

/// A record of a run as a line.
pub struct ItemRow {
    /// Its operation's number.
    pub number: u32,
    /// What people call the record.
    pub label: String,
    /// Its client.
    pub client: String,
    /// What was done to it.
    pub what: &'static str,
    /// How it ended, in a colour.
    pub tone: Tone,
    /// The same in a word.
    pub state: &'static str,
    /// What is said of it.
    pub said: String,
    /// The page of the asset or client, where there is one of ours.
    pub address: Option<String>,
    /// The run that took it back.
    pub undone_by: Option<String>,
    /// Whether it can be taken back by itself.
    pub may_undo: bool,
}

/// The word of a filter as the state it lists.
pub fn state(filter: &str) -> Option<&'static str> {
    ["done", "failed", "skipped", "unknown"]
        .into_iter()
        .find(|state| *state == filter)
}

/// How an outcome is called, and what is said of it.
pub fn ended(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Done { .. } => ("done", ""),
        Outcome::Failed { message } => ("failed", message),
        Outcome::Skipped { message } => ("skipped", message),
        Outcome::Unknown { message } => ("unknown", message),
    }
}

/// The page of a destination record, where it is one of ours.
pub fn page_of(kind: RecordKind, record: &RecordId, is_registry: bool) -> Option<String> {
    match kind {
        RecordKind::Asset if is_registry => Some(format!("/assets/{record}")),
        RecordKind::Client if is_registry => Some(format!("/clients/{record}")),
        _ => None,
    }
}

impl ItemRow {
    /// An item; `undoes` when what was written may be taken back, `is_registry` when it was written to the registry.
    pub fn new(item: &ListedItem, undoes: bool, is_registry: bool) -> Self {
        let (state, said) = ended(&item.outcome);
        let (tone, word) = outcome_in_words(state);
        let operation = item.operation.as_ref();
        let kind = operation.map(|operation| operation.subject.kind);
        let record = match &item.outcome {
            Outcome::Done { record } => Some(record),
            _ => operation.and_then(|operation| record_of(&operation.action)),
        };
        let address = kind
            .zip(record)
            .and_then(|(kind, record)| page_of(kind, record, is_registry));
        Self {
            number: item.number,
            label: operation.map_or_else(
                || format!("operation {}", item.number),
                |o| o.subject.label.clone(),
            ),
            client: operation.map_or_else(String::new, |o| o.client_label.clone()),
            what: operation.map_or("no longer kept", words::action),
            tone,
            state: word,
            said: said.to_owned(),
            address,
            may_undo: undoes && state == "done" && item.undone_by.is_none() && operation.is_some(),
            undone_by: item.undone_by.as_ref().map(ToString::to_string),
        }
    }
}

/// Every record of a run as a file.
pub async fn csv(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let run = web.engine.find_run(&signed_in.actor, &id).await?;
    let name = format!("rmmbridge-run-{}.csv", run.id);
    let head = [
        "number",
        "what",
        "record",
        "client",
        "kind",
        "source id",
        "ended",
        "destination record",
        "said",
        "undone by",
    ];
    let lines = stream::try_unfold(Some(0), move |after| {
        let (web, actor, run) = (web.clone(), signed_in.actor.clone(), run.clone());
        async move {
            let Some(after) = after else { return Ok(None) };
            let items = web.engine.run_items_after(&actor, &run, after, AT_ONCE).await?;
            let next = items
                .last()
                .filter(|_| items.len() == AT_ONCE)
                .map(|item| item.number);
            let text: String = items.iter().map(written).collect();
            Ok::<_, Problem>(Some((text, next)))
        }
    });
    Ok(csv::file(&name, &head, lines))
}

fn written(item: &ListedItem) -> String {
    // A file links to nothing.
    let row = ItemRow::new(item, false, false);
    let subject = item.operation.as_ref().map(|operation| &operation.subject);
    let record = match &item.outcome {
        Outcome::Done { record } => record.as_str(),
        _ => "",
    };
    csv::line([
        row.number.to_string().as_str(),
        row.what,
        &row.label,
        &row.client,
        subject.map_or("", |s| s.kind.as_str()),
        subject.map_or("", |s| s.source_id.as_str()),
        row.state,
        record,
        &row.said,
        row.undone_by.as_deref().unwrap_or_default(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_and_clients_of_the_registry_have_pages_here() {
        let page = |kind, is_registry| page_of(kind, &"7".into(), is_registry);
        assert_eq!(page(RecordKind::Asset, true).as_deref(), Some("/assets/7"));
        assert_eq!(page(RecordKind::Client, true).as_deref(), Some("/clients/7"));
        assert_eq!(page(RecordKind::Site, true), None);
        assert_eq!(page(RecordKind::AssetType, true), None);
        assert_eq!(page(RecordKind::Asset, false), None, "it is another system's");
        assert_eq!(page(RecordKind::Client, false), None);
    }
}
