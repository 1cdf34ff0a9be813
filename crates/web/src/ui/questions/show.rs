//! The page of a bridge's questions. Each part is there only while something is in it.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::plans::words;
use crate::ui::record::named;
use crate::ui::runs::{ended, outcome_in_words, page_of};
use crate::ui::time::When;
use crate::ui::words::{in_sentence, plainly};
use crate::ui::{Frame, Tone, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::bridges::REGISTRY;
use engine::conflicts::{Conflicts, OpenConflict};
use engine::duplicates::Duplicate;
use engine::row_errors::RowError;
use engine::undone::HeldBack;
use jiff::Timestamp;
use model::{ActorRole, BridgeId, Ignored, Operation, RecordKind};

/// Rows of a part that are shown; answering them brings the next ones.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "questions/show.html")]
struct QuestionsPage {
    frame: Frame,
    head: Head,
    /// When the newest plan was made; `None` before the first.
    planned: Option<When>,
    /// The plan whose values are shown.
    plan: String,
    undecided: usize,
    values: Part<Value>,
    several: Part<Several>,
    /// Why it could not be looked up what there are several of.
    several_problem: Option<String>,
    failed: Part<Failed>,
    undone: Part<Record>,
    others: Part<Other>,
    ignored: Part<Record>,
    may_act: bool,
    once: i64,
}

/// Some rows, and how many there are.
struct Part<T> {
    rows: Vec<T>,
    total: usize,
}

impl<T> Part<T> {
    fn new<S>(all: Vec<S>, total: usize, row: impl FnMut(S) -> T) -> Self {
        Self {
            rows: all.into_iter().take(SHOWN).map(row).collect(),
            total,
        }
    }

    fn of<S>(all: Vec<S>, row: impl FnMut(S) -> T) -> Self {
        let total = all.len();
        Self::new(all, total, row)
    }

    /// How many there are beside those that are shown.
    fn more(&self) -> usize {
        self.total - self.rows.len()
    }
}

/// A value both sides changed.
struct Value {
    /// Device and field, as the form sends them.
    pick: String,
    label: String,
    client: String,
    /// Its page here; empty where there is none.
    address: String,
    field: String,
    source: String,
    destination: String,
    written: Option<(String, When)>,
    /// Empty where there is none, as below.
    source_url: String,
    record_url: String,
}

/// A record there are several of.
struct Several {
    record: String,
    label: String,
    client: String,
    reason: String,
    source_url: String,
    candidates: Vec<Candidate>,
}

struct Candidate {
    id: String,
    name: String,
    /// Its page, here or at the destination; empty where there is none.
    address: String,
}

/// A record that could not be written.
struct Failed {
    record: String,
    label: String,
    client: String,
    /// Its page here; empty where there is none.
    address: String,
    tone: Tone,
    state: &'static str,
    said: String,
    times: u32,
    last: When,
    run: String,
    source_url: String,
    record_url: String,
}

/// A record somebody said something about.
struct Record {
    record: String,
    kind: &'static str,
    label: String,
    client: String,
    /// Its page here; empty where there is none.
    address: String,
    said: String,
    by: String,
    at: When,
}

/// What the plan asks besides.
struct Other {
    what: &'static str,
    label: String,
    client: String,
    reason: String,
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<BridgeId>) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let (detail, head) = Head::of(&web, &signed_in, &id, Tab::Questions).await?;
    let bridge = &detail.bridge;
    let now = engine.clock().now();
    let is_registry = detail.destination.kind == REGISTRY;
    let asked = engine.questions(actor, bridge).await?;
    let conflicts = match &asked {
        Some(_) => Some(engine.conflicts(actor, bridge).await?),
        None => None,
    };
    // The destination may be away; everything else is known without it.
    let (several, several_problem) = match engine.duplicates(actor, bridge).await {
        Ok(several) => (several, None),
        Err(error) => (Vec::new(), Some(plainly(&error.to_string()))),
    };
    let errors = engine.row_errors(actor, bridge).await?;
    let (undone, undone_total) = engine.held_back(actor, bridge, SHOWN).await?;
    let ignored = engine.ignored_records(actor, bridge).await?;
    let plan = conflicts
        .as_ref()
        .map_or_else(String::new, |c| c.plan.to_string());
    let (planned, undecided, others) = match asked {
        Some(asked) => (Some(When::new(asked.planned, now)), asked.undecided, asked.others),
        None => (None, 0, Vec::new()),
    };
    page(&QuestionsPage {
        frame: signed_in.bridge_frame(&detail).await?,
        head,
        planned,
        plan,
        undecided,
        values: values(conflicts, is_registry, now),
        several: Part::of(several, |of| Several::new(of, is_registry)),
        several_problem,
        failed: Part::of(errors, |error| Failed::new(error, is_registry, now)),
        undone: Part::new(undone, undone_total, |held| {
            Record::undone(held, is_registry, now)
        }),
        others: Part::of(others, |operation| Other::new(&operation)),
        ignored: Part::of(ignored, |ignored| Record::ignored(ignored, now)),
        may_act: signed_in.may(ActorRole::Technician),
        once: now.as_microsecond(),
    })
}

impl QuestionsPage {
    /// Whether nothing waits. What is left alone on purpose is no question.
    fn is_quiet(&self) -> bool {
        let waits = self.values.total
            + self.several.total
            + self.failed.total
            + self.undone.total
            + self.others.total;
        waits + self.undecided == 0 && self.several_problem.is_none()
    }
}

fn values(conflicts: Option<Conflicts>, is_registry: bool, now: Timestamp) -> Part<Value> {
    let open = conflicts.map_or_else(Vec::new, |c| c.open);
    Part::of(open, |conflict| Value::new(conflict, is_registry, now))
}

impl Value {
    fn new(conflict: OpenConflict, is_registry: bool, now: Timestamp) -> Self {
        let address = conflict
            .asset
            .as_ref()
            .and_then(|asset| page_of(RecordKind::Asset, asset, is_registry));
        Self {
            pick: super::act::pick(&conflict.device, &conflict.field),
            label: conflict.label,
            client: conflict.client,
            address: address.unwrap_or_default(),
            field: words::field(&conflict.field),
            source: words::value(&conflict.source_value),
            destination: words::value(&conflict.destination_value),
            written: conflict
                .written
                .map(|written| (words::value(&written.value), When::new(written.at, now))),
            source_url: conflict.source_url.unwrap_or_default(),
            // Its page here says more.
            record_url: conflict.record_url.filter(|_| !is_registry).unwrap_or_default(),
        }
    }
}

impl Several {
    fn new(of: Duplicate, is_registry: bool) -> Self {
        // They are below, by name: nobody has to read their ids in a sentence.
        let mut reason = plainly(&of.reason);
        for candidate in &of.candidates {
            if let Some(name) = &candidate.name {
                reason = reason.replace(candidate.record.as_str(), &format!("“{}”", in_sentence(name)));
            }
        }
        let candidates = of.candidates.into_iter().map(|candidate| Candidate {
            name: candidate.name.unwrap_or_else(|| candidate.record.to_string()),
            address: page_of(of.kind, &candidate.record, is_registry)
                .or(candidate.url)
                .unwrap_or_default(),
            id: candidate.record.to_string(),
        });
        Self {
            record: named(of.kind, &of.source),
            candidates: candidates.collect(),
            label: of.label,
            client: of.client,
            reason,
            source_url: of.source_url.unwrap_or_default(),
        }
    }
}

impl Failed {
    fn new(error: RowError, is_registry: bool, now: Timestamp) -> Self {
        let address = error
            .record
            .as_ref()
            .and_then(|record| page_of(error.kind, record, is_registry));
        let (state, said) = ended(&error.outcome);
        let said = plainly(said);
        let (tone, state) = outcome_in_words(state);
        Self {
            record: named(error.kind, &error.source),
            label: error.label,
            client: error.client,
            address: address.unwrap_or_default(),
            tone,
            state,
            said,
            times: error.times,
            last: When::new(error.last, now),
            run: error.run.to_string(),
            source_url: error.source_url.unwrap_or_default(),
            record_url: error.record_url.unwrap_or_default(),
        }
    }
}

impl Record {
    fn undone(held: HeldBack, is_registry: bool, now: Timestamp) -> Self {
        let undone = held.undone;
        Self {
            record: named(undone.kind, &undone.source),
            kind: words::one(undone.kind),
            label: held.label,
            client: held.client,
            address: page_of(undone.kind, &undone.record, is_registry).unwrap_or_default(),
            said: String::new(),
            by: plainly(&undone.by),
            at: When::new(undone.at, now),
        }
    }

    fn ignored(ignored: Ignored, now: Timestamp) -> Self {
        Self {
            record: named(ignored.kind, &ignored.source),
            kind: words::one(ignored.kind),
            label: ignored.label,
            client: String::new(),
            address: String::new(),
            said: ignored.reason,
            by: plainly(&ignored.by),
            at: When::new(ignored.at, now),
        }
    }
}

impl Other {
    fn new(operation: &Operation) -> Self {
        Self {
            what: words::one(operation.subject.kind),
            label: operation.subject.label.clone(),
            client: operation.client_label.clone(),
            reason: plainly(&operation.reason),
        }
    }
}
