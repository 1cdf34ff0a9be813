//! A plan to take along: as a CSV file, and on paper for a signature.

use super::show::{Facts, Row};
use super::words;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::{Theme, csv, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::called::Called;
use engine::reviewing::OperationFilter;
use futures::stream;
use model::{Action, Operation, PlanId};

/// Operations of one part of the file.
const AT_ONCE: usize = 1000;
/// Operations that are printed: nobody signs what nobody can read.
const PRINTED: u64 = 1000;

/// Every operation of a plan as a file: a line for each field that is written.
pub async fn csv(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let plan = web
        .engine
        .plan(&signed_in.actor, &PlanId::from(id.as_str()))
        .await?;
    let name = format!("rmmbridge-plan-{}.csv", plan.id);
    let head = [
        "number",
        "action",
        "kind",
        "record",
        "client",
        "source id",
        "field",
        "before",
        "after",
        "why",
        "written",
    ];
    let out = web.engine.deselected(&signed_in.actor, &plan.id).await?;
    let bridge = web
        .engine
        .bridge_detail(&signed_in.actor, &plan.bridge)
        .await?
        .bridge;
    let lines = stream::try_unfold((Some(0), out), move |(after, out)| {
        let (web, actor, plan) = (web.clone(), signed_in.actor.clone(), plan.id.clone());
        let bridge = bridge.clone();
        async move {
            let Some(after) = after else { return Ok(None) };
            let operations = web.engine.operations(&actor, &plan, after, AT_ONCE).await?;
            let next = operations
                .last()
                .filter(|_| operations.len() == AT_ONCE)
                .map(|o| o.number);
            let called = web.engine.called(&actor, &bridge, &operations).await?;
            let text: String = operations
                .iter()
                .map(|o| written(o, out.contains(&o.number), &called))
                .collect();
            Ok::<_, Problem>(Some((text, (next, out))))
        }
    });
    Ok(csv::file(&name, &head, lines))
}

fn written(operation: &Operation, deselected: bool, called: &Called) -> String {
    let subject = &operation.subject;
    let number = operation.number.to_string();
    let writes = match (operation.action.writes(), deselected) {
        (false, _) => "no",
        (true, true) => "taken out",
        (true, false) => "yes",
    };
    let one = |field: &str, before: &str, after: &str| {
        csv::line([
            number.as_str(),
            operation.action.name(),
            subject.kind.as_str(),
            &subject.label,
            &operation.client_label,
            subject.source_id.as_str(),
            field,
            before,
            after,
            &operation.reason,
            writes,
        ])
    };
    let details = words::details(operation, called);
    if details.is_empty() {
        return one("", "", "");
    }
    let lines = details
        .iter()
        .map(|d| one(&d.label, d.before.as_deref().unwrap_or_default(), &d.after));
    lines.collect()
}

#[derive(Template)]
#[template(path = "plans/print.html")]
struct PrintPage {
    theme: Theme,
    bridge: String,
    source: String,
    destination: String,
    made: String,
    printed: String,
    person: String,
    plan: Facts,
    counts: Vec<(&'static str, u32)>,
    rows: Vec<Row>,
    more: u64,
}

/// The plan on paper, with a line to sign on.
pub async fn print(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let (actor, id) = (&signed_in.actor, PlanId::from(id.as_str()));
    let review = web.engine.review(actor, &id).await?;
    let connections = web.engine.connections(actor).await?;
    let connection = |id: &model::ConnectionId| {
        let found = connections.iter().find(|c| c.id == *id);
        found.map_or_else(String::new, |c| c.name.clone())
    };
    let filter = OperationFilter {
        actions: Action::NAMES
            .iter()
            .filter(|a| **a != "skip")
            .map(|a| (*a).to_owned())
            .collect(),
        ..OperationFilter::default()
    };
    let (operations, total) = web.engine.operation_page(actor, &id, &filter, 0, PRINTED).await?;
    let shown = operations.iter().map(|(operation, _)| operation);
    let called = web.engine.called(actor, &review.bridge, shown).await?;
    let c = &review.plan.counts;
    let counts = [
        ("Clients to create", c.create_clients),
        ("Sites to create", c.create_sites),
        ("Asset types to create", c.create_asset_types),
        ("Assets to create", c.create_assets),
        ("Records to link", c.links),
        ("Assets to update", c.updates),
        ("Assets to archive", c.archives),
        ("Assets to take out of the archive", c.restores),
        ("Links to take away", c.unlinks),
        ("Questions for a person", c.reviews),
        ("Records left alone", c.skips),
        ("Assets unchanged", c.unchanged),
    ];
    let now = web.engine.clock().now();
    let exact = |at: jiff::Timestamp| at.strftime("%-d %B %Y, %H:%M UTC").to_string();
    page(&PrintPage {
        theme: signed_in.theme,
        bridge: review.bridge.name.clone(),
        source: connection(&review.bridge.source),
        destination: connection(&review.bridge.destination),
        made: exact(review.plan.created),
        printed: exact(now),
        person: signed_in.person.name.clone(),
        plan: Facts::new(&review, now),
        counts: counts.into_iter().filter(|(_, number)| *number > 0).collect(),
        more: total.saturating_sub(operations.len() as u64),
        rows: operations
            .iter()
            .map(|(o, out)| Row::new(o, *out, "", &called))
            .collect(),
    })
}
