//! One job, from being asked for to what came of it: the page goes on to its run or plan by itself.

use super::{Shown, address, took};
use crate::Web;
use crate::auth::SignedIn;
use crate::live::{Told, follow};
use crate::problem::Result;
use crate::ui::frame::back_to;
use crate::ui::time::count;
use crate::ui::{Frame, Section, page};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use engine::pending::{Job, JobState, plan_of};
use model::{Actor, ActorRole, JobKind, RunCounts, RunId};
use serde::Deserialize;

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
pub struct Then {
    #[serde(default)]
    then: String,
}

impl Then {
    /// A page of ours, if one was named.
    fn address(&self) -> Option<String> {
        (!self.then.is_empty()).then(|| back_to(&self.then).to_owned())
    }
}

#[derive(Template)]
#[template(path = "jobs/show.html")]
struct JobPage {
    frame: Frame,
    job: Shown,
    going: String,
    live: bool,
    may_stop: bool,
    took: Option<String>,
    run: Option<RunId>,
    /// What the run wrote.
    written: String,
    plan: Option<String>,
    live_at: String,
    again: String,
    then: Option<String>,
}

#[derive(Template)]
#[template(path = "jobs/going.html")]
struct GoingPart<'a> {
    job: &'a Shown,
}

/// Where the page goes on, if there is more to see elsewhere: the run it is at or led to, the page whoever asked for it
/// wants to come to, the plan it made.
async fn next(web: &Web, actor: &Actor, job: &Job, then: Option<&String>) -> Result<Option<String>> {
    let kind = serde_json::from_value::<JobKind>(job.arguments.clone()).ok();
    let writes = matches!(kind, Some(JobKind::Apply { .. }));
    let ended = job.state.is_over() || job.state == JobState::Waiting;
    // Whoever comes from somewhere else goes on there, once they saw what came of it.
    if then.is_none()
        && (writes || ended)
        && let Some(run) = web.engine.run_of_job(actor, job).await?
    {
        return Ok(Some(format!("/runs/{run}")));
    }
    if let Some(then) = then {
        let plainly = job.state == JobState::Done && job.reason.is_none() && job.run.is_none();
        return Ok(plainly.then(|| then.clone()));
    }
    Ok(plan_of(job)
        .filter(|_| ended)
        .map(|plan| format!("/plans/{plan}")))
}

/// What a run wrote, in words.
fn written(counts: &RunCounts) -> String {
    let mut said = match counts.done {
        0 => "Nothing was written".to_owned(),
        1 => "One record was written".to_owned(),
        n => format!("{} records were written", count(n)),
    };
    for (number, what) in [
        (counts.failed, "were refused"),
        (counts.unknown, "have an unknown outcome and are looked up"),
        (counts.skipped, "were left as they are"),
    ] {
        if number > 0 {
            said.push_str(&format!(", {} {what}", count(number)));
        }
    }
    said + "."
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(then): Query<Then>,
) -> Result<Response> {
    let actor = &signed_in.actor;
    let then = then.address();
    let job = web.engine.job(actor, &id).await?;
    let bridges = web.engine.bridges(actor).await?;
    let connections = web.engine.connections(actor).await?;
    let now = web.engine.clock().now();
    let shown = Shown::new(&job, &bridges, &connections, now);
    let live = matches!(job.state, JobState::Queued | JobState::Running);
    let run = web.engine.run_of_job(actor, &job).await?;
    let written = match &run {
        Some(run) => written(&web.engine.run_now(actor, run.as_str()).await?.counts),
        None => String::new(),
    };
    page(&JobPage {
        frame: signed_in.frame(shown.what.clone(), Section::Runs).await?,
        going: GoingPart { job: &shown }.render()?,
        live,
        may_stop: !job.state.is_over() && signed_in.may(ActorRole::Technician),
        took: took(&job, now),
        run,
        written,
        plan: plan_of(&job).map(|plan| format!("/plans/{plan}")),
        live_at: match &then {
            Some(then) => address(&format!("{id}/live"), then),
            None => format!("/jobs/{id}/live"),
        },
        again: match &then {
            Some(then) => address(&id, then),
            None => format!("/jobs/{id}"),
        },
        then,
        job: shown,
    })
}

/// The same as it goes on.
pub async fn live(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(then): Query<Then>,
) -> Result<Response> {
    let (actor, then) = (signed_in.actor.clone(), then.address());
    web.engine.job(&actor, &id).await?;
    let key = format!("job:{id}:{}", then.as_deref().unwrap_or_default());
    Ok(follow(&web, key, move |web| {
        let (actor, id, then) = (actor.clone(), id.clone(), then.clone());
        async move { told(&web, &actor, &id, then).await }
    }))
}

/// How the job stands now; nothing where that could not be found out.
async fn told(web: &Web, actor: &Actor, id: &str, then: Option<String>) -> Option<Told> {
    let job = web.engine.job(actor, id).await.ok()?;
    let here = match &then {
        Some(then) => address(id, then),
        None => format!("/jobs/{id}"),
    };
    let on = next(web, actor, &job, then.as_ref()).await.ok()?;
    let over = !matches!(job.state, JobState::Queued | JobState::Running);
    let end = on.or_else(|| over.then_some(here));
    let bridges = web.engine.bridges(actor).await.ok()?;
    let connections = web.engine.connections(actor).await.ok()?;
    let shown = Shown::new(&job, &bridges, &connections, web.engine.clock().now());
    let html = GoingPart { job: &shown }.render().ok()?;
    Some(Told { html, end })
}
