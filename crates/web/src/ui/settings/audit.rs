//! The audit log: who did what, and whether the log is whole.

use super::audited::{Names, Subject};
use super::{Tabs, tabs};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::table::{Ask, Chip, Column, PER_PAGE, Table};
use crate::ui::time::{When, count};
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::auditing::{AuditFilter, AuditTopic, Verified};

const HERE: &str = "/settings/audit";

const COLUMNS: [Column; 5] = [
    Column::number("", "Number"),
    Column::text("", "When"),
    Column::text("", "Who"),
    Column::text("", "What"),
    Column::text("", "More"),
];

#[derive(Template)]
#[template(path = "settings/audit.html")]
struct AuditPage {
    frame: Frame,
    tabs: Tabs,
    table: Table,
    rows: Vec<Row>,
}

/// An entry as a line of the list.
struct Row {
    seq: String,
    at: When,
    who: String,
    /// What sort of actor that is.
    sort: &'static str,
    action: String,
    subject: Subject,
    detail: Vec<(String, String)>,
}

/// What an action is called by people: `key.made` is `Key made`.
fn action_in_words(action: &str) -> String {
    let text = action.replace(['.', '_'], " ");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}

/// Who it was, and what sort of actor: the log has `key:nightly` where both have to be told at once.
fn actor_in_words(actor: &str) -> (&str, &'static str) {
    match actor.split_once(':') {
        Some(("person", name)) => (name, "person"),
        Some(("key", name)) => (name, "API key"),
        Some(("schedule", name)) => (name, "schedule"),
        Some(("console", name)) => (name, "command line"),
        _ => (actor, ""),
    }
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, ask: Ask) -> Result<Response> {
    let now = web.engine.clock().now();
    let filter = AuditFilter {
        topic: AuditTopic::named(&ask.filter),
        search: Some(ask.search.clone()).filter(|text| !text.is_empty()),
    };
    let (entries, total) = web
        .engine
        .audit_page(&signed_in.actor, &filter, ask.offset(PER_PAGE), PER_PAGE)
        .await?;
    let connections = web.engine.connections(&signed_in.actor).await?;
    let names = Names::new(&connections, &web.engine.bridges(&signed_in.actor).await?);
    let all = Chip {
        value: String::new(),
        label: "All".to_owned(),
        count: None,
    };
    let topics = AuditTopic::ALL.into_iter().map(|topic| Chip {
        value: topic.as_str().to_owned(),
        label: topic.in_words().to_owned(),
        count: None,
    });
    let chips = std::iter::once(all).chain(topics).collect();
    page(&AuditPage {
        frame: signed_in.frame("Audit log", Section::Settings).await?,
        tabs: tabs(&signed_in, HERE),
        table: Table::new("Entries", ask, &COLUMNS, total)
            .searched_by("who or to what")
            .with_chips(chips),
        rows: entries
            .into_iter()
            .map(|entry| {
                let (who, sort) = actor_in_words(&entry.actor);
                Row {
                    seq: count(entry.seq.unsigned_abs()),
                    at: When::new(entry.at, now),
                    who: who.to_owned(),
                    sort,
                    action: action_in_words(&entry.action),
                    subject: names.subject(&entry),
                    detail: names.details(&entry.detail),
                }
            })
            .collect(),
    })
}

/// Checks it.
pub async fn verify(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let check = web.engine.watch_audit_log(&signed_in.actor).await?;
    let caveat = check.end.caveat();
    let (tone, said) = match (check.verified, caveat) {
        (Verified::Whole { entries }, None) => (
            Tone::Good,
            format!(
                "The audit log is whole: {} entries, each bound to the one before it, and its end is the one that was kept \
                 outside the database.",
                count(entries.unsigned_abs())
            ),
        ),
        (Verified::Whole { entries }, Some(caveat)) => (
            Tone::Warn,
            format!(
                "The audit log is whole: {} entries, each bound to the one before it. {caveat}",
                count(entries.unsigned_abs())
            ),
        ),
        (Verified::Broken { seq, what }, _) => (
            Tone::Bad,
            format!(
                "The audit log does not hold. Entry {}: {what}. Keep a copy of the database and of the file audit.head, \
                 before anybody does more, and compare it with a backup. {}",
                count(seq.unsigned_abs()),
                caveat.unwrap_or_default()
            ),
        ),
    };
    signed_in.flash(tone, said.trim_end()).await?;
    Ok(Redirect::to(HERE).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_as_words() {
        assert_eq!(action_in_words("key.made"), "Key made");
        assert_eq!(
            action_in_words("person.second_factor_on"),
            "Person second factor on"
        );
        assert_eq!(actor_in_words("key:nightly: all"), ("nightly: all", "API key"));
        assert_eq!(actor_in_words("person:anna"), ("anna", "person"));
        assert_eq!(actor_in_words("upgrade"), ("upgrade", ""));
    }
}
