//! The hub as a whole: how everything stands, the switch that pauses all writes, the audit log.

use super::caller::{Apply, Caller, Read, Settings};
use super::failure::{Answer, Failure};
use super::paging::limit;
use super::request::{Asked, Sent};
use crate::Web;
use axum::Json;
use axum::extract::State;
use engine::auditing::{AuditEnd as End, Verified};
use engine::freshness::BridgeState as State_;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How everything stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// Why all writes are paused, if they are.
    write_pause: Option<WritePause>,
    /// What is wrong with the audit log, where it was found broken: nothing is written then.
    broken_audit_log: Option<BrokenLog>,
    /// Why this hub waits for an Owner, if it does: it was restored or copied.
    waits: Option<String>,
    /// Workers that are at work.
    workers: Vec<String>,
    /// The bridges, by name.
    bridges: Vec<BridgeStatus>,
}

/// A pause of all writes.
#[derive(Debug, Serialize, ToSchema)]
pub struct WritePause {
    /// Why.
    reason: String,
    /// Who paused them.
    by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// An audit log that was found broken.
#[derive(Debug, Serialize, ToSchema)]
pub struct BrokenLog {
    /// What is wrong with it.
    what: String,
    /// Since when that is known.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// How a bridge stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct BridgeStatus {
    /// The bridge.
    bridge: String,
    /// Its name.
    name: String,
    /// Its state.
    state: BridgeState,
    /// Why, where there is something to say.
    why: Option<String>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// When the source was last read as a whole.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_read: Option<Timestamp>,
    /// When the destination was last in step with what was read.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_in_step: Option<Timestamp>,
    /// The age of the data in seconds: since both were so.
    age_seconds: Option<i64>,
    /// When it works next by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    next: Option<Timestamp>,
    /// Whether its schedule only reads and plans.
    plan_only: bool,
    /// Questions that are open.
    open_questions: u64,
    /// Writes whose outcome is not known yet.
    in_doubt: u64,
    /// Why its schedule is paused, if it is.
    paused: Option<String>,
}

/// How a bridge stands: as fresh as its schedule wants it, late, stale, failing, or waiting for a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BridgeState {
    Fresh,
    Late,
    Stale,
    Failing,
    Waiting,
}

/// A reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// For whoever looks at it later.
    reason: String,
}

/// The pause of all writes, if there is one.
#[derive(Debug, Serialize, ToSchema)]
pub struct Writes {
    /// The pause; null while writes go on.
    pause: Option<WritePause>,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its number, from 1, without gaps.
    seq: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who.
    actor: String,
    /// What was done.
    action: String,
    /// To what.
    subject: String,
    /// More about it.
    detail: Value,
}

/// Some entries of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// The entries, newest first.
    items: Vec<AuditEntry>,
    /// What to give as `before` for the next ones; null at the end.
    next: Option<i64>,
}

/// What checking the audit log found.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditCheck {
    /// Whether every entry follows from the one before, to the end that is known.
    whole: bool,
    /// How many entries there are, if it is whole.
    entries: Option<i64>,
    /// The entry that does not follow, if there is one.
    broken_at: Option<i64>,
    /// What is wrong with it.
    what: Option<String>,
    /// What its end was held against.
    end: AuditEnd,
}

/// What the end of the log was held against: the one that was `kept` outside the database; nothing, since none was kept
/// (`not_kept`) and entries that were cut off would not show; or nothing, since this hub waits for an Owner (`waits`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditEnd {
    Kept,
    NotKept,
    Waits,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only entries with smaller numbers
    before: Option<i64>,
    /// How many, 1 to 1000; 100 unless given
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

impl From<model::WritePause> for WritePause {
    fn from(pause: model::WritePause) -> Self {
        Self {
            reason: pause.reason,
            by: pause.by,
            since: pause.since,
        }
    }
}

impl From<engine::auditing::BrokenLog> for BrokenLog {
    fn from(broken: engine::auditing::BrokenLog) -> Self {
        Self {
            what: broken.what,
            since: broken.since,
        }
    }
}

impl From<engine::status::BridgeStatus> for BridgeStatus {
    fn from(status: engine::status::BridgeStatus) -> Self {
        Self {
            bridge: status.bridge.0,
            name: status.name,
            state: match status.state {
                State_::Fresh => BridgeState::Fresh,
                State_::Late => BridgeState::Late,
                State_::Stale => BridgeState::Stale,
                State_::Failing => BridgeState::Failing,
                State_::Waiting => BridgeState::Waiting,
            },
            why: status.why,
            since: status.since,
            last_read: status.last_read,
            last_in_step: status.last_in_step,
            age_seconds: status.age_seconds,
            next: status.next,
            plan_only: status.plan_only,
            open_questions: status.open_questions,
            in_doubt: status.in_doubt,
            paused: status.paused,
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(writes))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(audit))
        .routes(routes!(verify))
}

/// How everything stands: each bridge with the age of its data, what it waits for, and when it works next.
#[utoipa::path(
    get, path = "/status", tag = "Hub", operation_id = "show_status",
    security(("key" = ["read"]), ("session" = [])),
    responses((status = 200, description = "How everything stands", body = Status)),
)]
async fn status(State(web): State<Web>, caller: Caller<Read>) -> Answer<Status> {
    let calendar = web.jobs.calendar().await?;
    let status = web.engine.status(&caller.actor, calendar.as_ref()).await?;
    Ok(Json(Status {
        write_pause: status.write_pause.map(WritePause::from),
        broken_audit_log: status.broken_audit_log.map(BrokenLog::from),
        waits: status.waits,
        workers: status.workers,
        bridges: status.bridges.into_iter().map(BridgeStatus::from).collect(),
    }))
}

/// Whether all writes are paused.
#[utoipa::path(
    get, path = "/writes", tag = "Hub", operation_id = "show_writes",
    security(("key" = ["read"]), ("session" = [])),
    responses((status = 200, description = "The pause, if there is one", body = Writes)),
)]
async fn writes(State(web): State<Web>, caller: Caller<Read>) -> Answer<Writes> {
    let pause = web.engine.write_pause(&caller.actor).await?.map(WritePause::from);
    Ok(Json(Writes { pause }))
}

/// Pauses all writes, to every destination. Reads and plans go on. Where they are paused, the first pause stands.
#[utoipa::path(
    post, path = "/writes/pause", tag = "Hub", operation_id = "pause_writes",
    security(("key" = ["apply"]), ("session" = [])),
    request_body = Reason,
    responses((status = 200, description = "The pause", body = Writes)),
)]
async fn pause(State(web): State<Web>, caller: Caller<Apply>, Sent(why): Sent<Reason>) -> Answer<Writes> {
    if why.reason.trim().is_empty() {
        return Err(Failure::field(
            "reason",
            "say why, for whoever looks at it later.",
        ));
    }
    let pause = web.engine.pause_writes(&caller.actor, &why.reason).await?;
    Ok(Json(Writes {
        pause: Some(pause.into()),
    }))
}

/// Lets writes go on. Jobs that waited for it go on by themselves.
#[utoipa::path(
    post, path = "/writes/resume", tag = "Hub", operation_id = "resume_writes",
    security(("key" = ["settings"]), ("session" = [])),
    responses((status = 200, description = "Writes go on", body = Writes)),
)]
async fn resume(State(web): State<Web>, caller: Caller<Settings>) -> Answer<Writes> {
    web.engine.resume_writes(&caller.actor).await?;
    Ok(Json(Writes { pause: None }))
}

/// Who did what, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "Hub", operation_id = "list_audit",
    security(("key" = ["settings"]), ("session" = [])),
    params(Which),
    responses((status = 200, description = "Some entries", body = AuditPage)),
)]
async fn audit(
    State(web): State<Web>,
    caller: Caller<Settings>,
    Asked(which): Asked<Which>,
) -> Answer<AuditPage> {
    let limit = limit(which.limit, 100, 1000)?;
    let entries = web.engine.audit_log(&caller.actor, which.before, limit).await?;
    let next = match entries.len() == limit {
        true => entries.last().map(|entry| entry.seq).filter(|seq| *seq > 1),
        false => None,
    };
    let items = entries.into_iter().map(|entry| AuditEntry {
        seq: entry.seq,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        subject: entry.subject,
        detail: entry.detail,
    });
    Ok(Json(AuditPage {
        items: items.collect(),
        next,
    }))
}

/// Checks that every entry of the audit log follows from the one before, and that its end was not cut off, as far as one
/// was kept to hold it against.
#[utoipa::path(
    get, path = "/audit/verify", tag = "Hub", operation_id = "verify_audit",
    security(("key" = ["read"]), ("session" = [])),
    responses((status = 200, description = "What was found", body = AuditCheck)),
)]
async fn verify(State(web): State<Web>, caller: Caller<Read>) -> Answer<AuditCheck> {
    let check = web.engine.watch_audit_log(&caller.actor).await?;
    let end = match check.end {
        End::Kept => AuditEnd::Kept,
        End::NotKept => AuditEnd::NotKept,
        End::Waits => AuditEnd::Waits,
    };
    Ok(Json(match check.verified {
        Verified::Whole { entries } => AuditCheck {
            whole: true,
            entries: Some(entries),
            broken_at: None,
            what: None,
            end,
        },
        Verified::Broken { seq, what } => AuditCheck {
            whole: false,
            entries: None,
            broken_at: Some(seq),
            what: Some(what),
            end,
        },
    }))
}
