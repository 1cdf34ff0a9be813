//! Jobs: work that is in the queue, how far it is, and what came of it.

use super::caller::{Caller, Read};
use super::failure::{Answer, Failure};
use super::paging::limit;
use super::request::{Asked, Once};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::job_list::JobFilter;
use jiff::Timestamp;
use model::{Actor, JobKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest a request waits for a job to be over, in seconds.
const LONGEST_WAIT: u32 = 30;
/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(250);

/// A piece of work in the queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    /// Its id.
    id: String,
    /// What it does: `sync`, `sync_client`, `plan_only`, `apply`, `retry`, `read`, and others to come.
    kind: String,
    /// How it stands.
    state: JobState,
    /// The bridge it is about.
    bridge: Option<String>,
    /// The connection it is about.
    connection: Option<String>,
    /// Who asked for it.
    asked_by: String,
    /// Why it waits, failed, or is tried again.
    reason: Option<String>,
    /// How far it is, in words.
    progress: Option<String>,
    /// The plan it made or applied, once it is known.
    plan: Option<String>,
    /// The run it led to.
    run: Option<String>,
    /// How often it was begun.
    attempts: i64,
    /// Not before this.
    #[schema(value_type = String, format = DateTime)]
    due: Timestamp,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was last begun.
    #[schema(value_type = Option<String>, format = DateTime)]
    started: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished: Option<Timestamp>,
}

/// How a job stands. `done` and `failed` are final; `waiting` is for a person: the reason says for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Waiting,
    Done,
    Failed,
}

impl From<engine::job_list::JobState> for JobState {
    fn from(state: engine::job_list::JobState) -> Self {
        use engine::job_list::JobState as S;
        match state {
            S::Queued => Self::Queued,
            S::Running => Self::Running,
            S::Waiting => Self::Waiting,
            S::Done => Self::Done,
            S::Failed => Self::Failed,
        }
    }
}

impl From<JobState> for engine::job_list::JobState {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Waiting => Self::Waiting,
            JobState::Done => Self::Done,
            JobState::Failed => Self::Failed,
        }
    }
}

impl From<engine::job_list::Job> for Job {
    fn from(job: engine::job_list::Job) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let made = job.result.as_ref().and_then(|result| result.pointer("/plan/id"));
        Self {
            plan: text(made).or_else(|| text(job.arguments.get("plan"))),
            id: job.id,
            kind: job.kind,
            state: job.state.into(),
            bridge: job.bridge.map(|id| id.0),
            connection: job.connection.map(|id| id.0),
            asked_by: job.actor.to_string(),
            reason: job.reason,
            progress: job.progress,
            run: job.run.map(|id| id.0),
            attempts: job.attempt,
            due: job.due,
            created: job.created,
            started: job.started,
            finished: job.finished,
        }
    }
}

/// A job that is in the queue now.
#[derive(Debug)]
pub struct Accepted(Job);

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let address = HeaderValue::try_from(format!("/api/v1/jobs/{}", self.0.id));
        let mut response = (StatusCode::ACCEPTED, Json(self.0)).into_response();
        if let Ok(address) = address {
            response.headers_mut().insert(LOCATION, address);
        }
        response
    }
}

/// Puts a job into the queue, once for each idempotency key.
pub async fn put(web: &Web, actor: &Actor, once: Once, kind: &JobKind) -> Result<Accepted, Failure> {
    let named = once.key.is_some();
    let key = once.key.unwrap_or_else(|| web.engine.once());
    let id = web.jobs.put(actor, &format!("api:{actor}:{key}"), kind).await?;
    let job = web.engine.job(actor, &id).await?;
    if named && serde_json::to_value(kind).is_ok_and(|asked| asked != job.arguments) {
        let what = format!("The Idempotency-Key `{key}` was used for another request: job {id}.");
        return Err(
            Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", what)
                .advise("Take a new key for a new request."),
        );
    }
    Ok(Accepted(job.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only jobs that stand so
    state: Option<JobState>,
    /// Only jobs about this bridge, by id or name
    bridge: Option<String>,
    /// How many, 1 to 200; 50 unless given
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// Answer when the job is done, failed or waits for a person, or after so many seconds, 0 to 30
    #[param(maximum = 30)]
    wait: Option<u32>,
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// The newest jobs.
#[utoipa::path(
    get, path = "/jobs", tag = "Jobs", operation_id = "list_jobs",
    security(("key" = ["read"]), ("session" = [])),
    params(Which),
    responses((status = 200, description = "The jobs, newest first", body = Vec<Job>)),
)]
async fn list(State(web): State<Web>, caller: Caller<Read>, Asked(which): Asked<Which>) -> Answer<Vec<Job>> {
    let bridge = match &which.bridge {
        Some(bridge) => Some(web.engine.find_bridge(&caller.actor, Some(bridge)).await?.id),
        None => None,
    };
    let filter = JobFilter {
        state: which.state.map(Into::into),
        bridge,
    };
    let limit = limit(which.limit, 50, 200)?;
    let jobs = web.engine.jobs(&caller.actor, &filter, limit).await?;
    Ok(Json(jobs.into_iter().map(Job::from).collect()))
}

/// One job. With `wait`, as soon as nothing more happens to it by itself.
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "Jobs", operation_id = "show_job",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id"), Wait),
    responses((status = 200, description = "The job", body = Job)),
)]
async fn show(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
    Asked(Wait { wait }): Asked<Wait>,
) -> Answer<Job> {
    let seconds = wait.unwrap_or(0);
    if seconds > LONGEST_WAIT {
        return Err(Failure::field("wait", format!("0 to {LONGEST_WAIT} seconds.")));
    }
    let looks = u128::from(seconds) * 1000 / LOOK.as_millis();
    for _ in 0..looks {
        let job = Job::from(web.engine.job(&caller.actor, &id).await?);
        if !matches!(job.state, JobState::Queued | JobState::Running) {
            return Ok(Json(job));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(Json(web.engine.job(&caller.actor, &id).await?.into()))
}
