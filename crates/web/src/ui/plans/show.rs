//! A plan, looked through before it is applied: what would be written, why, and what is taken out of it.

use super::filter::{self, Kinds};
use super::words::{self, Detail};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::table::{Ask, Column, PER_PAGE, Table};
use crate::ui::time::{When, count};
use crate::ui::words::plainly;
use crate::ui::{Frame, Tone, page_with};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::called::Called;
use engine::reviewing::{Refused, Review};
use model::{ActorRole, BridgeId, Operation, PlanId};

const COLUMNS: [Column; 4] = [
    Column::text("", "Write"),
    Column::text("", "Record"),
    Column::text("", "What changes"),
    Column::text("", "Why"),
];

/// Details of a row that stand in it; the rest is folded.
const SHOWN: usize = 3;

#[derive(Template)]
#[template(path = "plans/show.html")]
struct PlanPage {
    frame: Frame,
    head: Head,
    plan: Facts,
    figures: Vec<Figure>,
    table: Table,
    rows: Vec<Row>,
    /// What the list below is narrowed to, for the buttons that mean all of it.
    ask: Ask,
    may_act: bool,
    once: i64,
}

#[derive(Template)]
#[template(path = "plans/none.html")]
struct NoPlanPage {
    frame: Frame,
    head: Head,
    may_act: bool,
    once: i64,
}

/// What is known of the plan as a whole.
pub struct Facts {
    pub id: String,
    pub created: When,
    /// The part of the bridge it is limited to, in words.
    pub about: Option<&'static str>,
    /// The run it takes back.
    pub undoes: Option<String>,
    pub warnings: Vec<String>,
    pub refused: Option<Refused>,
    pub forgotten: bool,
    pub writes: u64,
    pub to_write: u64,
    pub deselected: u64,
    pub selection: i64,
    pub done: u64,
    pub not_done: u64,
    /// Records a person has to say something about.
    pub questions: u32,
    /// Records the brakes are about, said again where somebody agrees.
    pub brakes: String,
}

impl Facts {
    pub fn new(review: &Review, now: jiff::Timestamp) -> Self {
        let plan = &review.plan;
        let c = &plan.counts;
        let said = [
            (c.archives, "archive", "asset", "assets"),
            (c.updates, "change", "asset", "assets"),
            (c.create_assets, "create", "asset", "assets"),
            (c.create_clients, "create", "client", "clients"),
        ];
        let said: Vec<String> = said
            .iter()
            .filter(|(number, ..)| *number > 0)
            .map(|(number, does, one, many)| {
                format!(
                    "{does} {} {}",
                    count(number),
                    if *number == 1 { one } else { many }
                )
            })
            .collect();
        Self {
            id: plan.id.to_string(),
            created: When::new(plan.created, now),
            about: plan.about.as_ref().map(|about| match about {
                model::PlanAbout::Client(_) => "one client only",
                model::PlanAbout::Record { .. } => "one record only",
            }),
            undoes: plan.undoes.as_ref().map(ToString::to_string),
            warnings: plan.warnings.clone(),
            refused: review.refused.clone(),
            forgotten: review.forgotten,
            writes: u64::from(c.writes()),
            to_write: review.to_write(),
            deselected: review.deselected,
            selection: review.selection,
            done: review.begun.done,
            not_done: review.begun.failed + review.begun.skipped + review.begun.unknown,
            questions: c.reviews,
            brakes: said.join(", "),
        }
    }
}

/// A number at the head of the page, which leads to its rows.
pub struct Figure {
    pub label: &'static str,
    pub count: String,
    pub tone: Tone,
    pub address: Option<String>,
}

/// An operation as a row.
pub struct Row {
    pub number: u32,
    pub writes: bool,
    pub deselected: bool,
    pub what: &'static str,
    pub tone: Tone,
    pub label: String,
    pub address: Option<String>,
    pub client: String,
    pub client_address: String,
    pub first: Vec<Detail>,
    pub more: Vec<Detail>,
    pub why: String,
}

impl Row {
    /// `operation`; its client leads to the list narrowed to it, whose address begins with `path`.
    pub fn new(operation: &Operation, deselected: bool, path: &str, called: &Called) -> Self {
        let mut first = words::details(operation, called);
        // One more than fits is shown as well: a fold for a single line hides nothing worth hiding.
        let more = if first.len() > SHOWN + 1 {
            first.split_off(SHOWN)
        } else {
            Vec::new()
        };
        let client = operation.client_label.clone();
        Self {
            number: operation.number,
            writes: operation.action.writes(),
            deselected,
            what: words::action(operation),
            tone: words::tone(operation),
            label: operation.subject.label.clone(),
            address: words::address(operation, called.is_registry()),
            client_address: filter::of_client(path, &client),
            client,
            first,
            more,
            why: plainly(&operation.reason),
        }
    }
}

fn figures(review: &Review, kinds: &Kinds) -> Vec<Figure> {
    let c = &review.plan.counts;
    let all = [
        (
            "Create",
            c.create_clients + c.create_sites + c.create_asset_types + c.create_assets,
            Tone::Good,
            "create",
        ),
        ("Link", c.links, Tone::Busy, "link"),
        ("Update", c.updates, Tone::Busy, "update"),
        ("Archive", c.archives, Tone::Bad, "archive"),
        ("Restore", c.restores, Tone::Good, "restore"),
        ("Take link away", c.unlinks, Tone::Bad, "unlink"),
        ("Questions", c.reviews, Tone::Warn, "questions"),
        (
            if review.plan.undoes.is_some() {
                "Stay"
            } else {
                "Left alone"
            },
            c.skips,
            Tone::Plain,
            "skipped",
        ),
        ("Unchanged", c.unchanged, Tone::Plain, ""),
    ];
    // What an undo never has, and what is seldom there, is shown where it is.
    let always = ["create", "update", "archive"];
    all.into_iter()
        .filter(|(_, number, _, kind)| *number > 0 || (always.contains(kind) && review.plan.undoes.is_none()))
        .map(|(label, number, tone, kind)| Figure {
            label,
            count: count(number),
            tone: if number > 0 { tone } else { Tone::Plain },
            address: (!kind.is_empty() && number > 0).then(|| kinds.address(kind)),
        })
        .collect()
}

/// The page of a plan.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    ask: Ask,
) -> Result<Response> {
    plan_page(&web, &signed_in, &PlanId::from(id.as_str()), ask, StatusCode::OK).await
}

/// The newest plan of a bridge.
pub async fn newest(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let (detail, head) = Head::of(&web, &signed_in, &BridgeId::from(id.as_str()), Tab::Plan).await?;
    match web.engine.newest_plan(&signed_in.actor, &detail.bridge).await? {
        Some(plan) => {
            // What was left for the next page is for the one this leads to.
            Ok(Redirect::to(&format!("/plans/{}", plan.id)).into_response())
        }
        None => page_with(
            StatusCode::OK,
            &NoPlanPage {
                frame: signed_in.bridge_frame(&detail).await?,
                head,
                may_act: signed_in.may(ActorRole::Technician),
                once: web.engine.clock().now().as_microsecond(),
            },
        ),
    }
}

/// A plan's page, with the status of what was asked for.
pub async fn plan_page(
    web: &Web,
    signed_in: &SignedIn,
    id: &PlanId,
    ask: Ask,
    status: StatusCode,
) -> Result<Response> {
    let actor = &signed_in.actor;
    let review = web.engine.review(actor, id).await.map_err(|error| match error {
        engine::Error::Unknown { .. } => Problem::missing("There is no such plan.")
            .advise("Plans are forgotten some months after they were made"),
        other => other.into(),
    })?;
    let (detail, head) = Head::of(web, signed_in, &review.bridge.id, Tab::Plan).await?;
    let path = format!("/plans/{id}");
    let ask = Ask {
        path: path.clone(),
        ..ask
    };
    let (operations, total) = web
        .engine
        .operation_page(actor, id, &filter::of(&ask), ask.offset(PER_PAGE), PER_PAGE)
        .await?;
    let shown = operations.iter().map(|(operation, _)| operation);
    let called = web.engine.called(actor, &review.bridge, shown).await?;
    let kinds = Kinds::new(&path);
    let now = web.engine.clock().now();
    page_with(
        status,
        &PlanPage {
            frame: signed_in.bridge_frame(&detail).await?,
            head,
            figures: figures(&review, &kinds),
            table: Table::new("Operations", ask.clone(), &COLUMNS, total)
                .searched_by("record, client or id")
                .with_chips(filter::chips(&review.plan)),
            rows: operations
                .iter()
                .map(|(operation, deselected)| Row::new(operation, *deselected, &path, &called))
                .collect(),
            ask,
            may_act: signed_in.may(ActorRole::Technician),
            once: now.as_microsecond(),
            plan: Facts::new(&review, now),
        },
    )
}
