//! What a person does about a run: try a record again, leave one alone, take back what was written.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::record::{leave_alone, record};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use model::{Bridge, JobKind, Run, RunKind};
use serde::Deserialize;

/// What the buttons beside a record send.
#[derive(Debug, Deserialize)]
pub struct Pressed {
    /// `asset:1042`
    #[serde(default)]
    record: String,
    #[serde(default)]
    reason: String,
    /// Only this operation is taken back.
    #[serde(default)]
    operation: Option<u32>,
    #[serde(default)]
    once: i64,
}

/// The run and its bridge.
async fn written(web: &Web, signed_in: &SignedIn, id: &str) -> Result<(Run, Bridge)> {
    let run = web.engine.find_run(&signed_in.actor, id).await?;
    let (RunKind::Apply { bridge, .. } | RunKind::Undo { bridge, .. }) = &run.kind else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "This run only read; nothing was written.",
        ));
    };
    let bridges = web.engine.bridges(&signed_in.actor).await?;
    let bridge = bridges.into_iter().find(|b| b.id == *bridge);
    let bridge = bridge.ok_or_else(|| Problem::missing("The bridge of this run is gone."))?;
    Ok((run, bridge))
}

/// Tries one record again.
pub async fn retry(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let (run, bridge) = written(&web, &signed_in, &id).await?;
    let (kind, source) = record(&pressed.record)?;
    let key = format!(
        "retry:{}:{}:{}:{}",
        run.id, pressed.record, signed_in.person.id, pressed.once
    );
    let kind = JobKind::Retry {
        bridge: bridge.id,
        record: kind,
        source,
    };
    let job = web.jobs.put(&signed_in.actor, &key, &kind).await?;
    Ok(Redirect::to(&format!("/jobs/{job}")).into_response())
}

/// Leaves one record alone from now on.
pub async fn ignore(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let (run, bridge) = written(&web, &signed_in, &id).await?;
    let (tone, said) = leave_alone(&web, &signed_in, &bridge, &pressed.record, &pressed.reason).await?;
    signed_in.flash(tone, said).await?;
    Ok(Redirect::to(&format!("/runs/{}", run.id)).into_response())
}

/// Makes the plan of an undo, of the whole run or of one record. Nothing is written before somebody has looked at it.
pub async fn undo(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let (run, bridge) = written(&web, &signed_in, &id).await?;
    let operations: Vec<u32> = pressed.operation.into_iter().collect();
    let key = format!(
        "undo:{}:{operations:?}:{}:{}",
        run.id, signed_in.person.id, pressed.once
    );
    let kind = JobKind::PlanUndo {
        bridge: bridge.id,
        run: run.id,
        operations,
        records: Vec::new(),
    };
    let job = web.jobs.put(&signed_in.actor, &key, &kind).await?;
    Ok(Redirect::to(&format!("/jobs/{job}")).into_response())
}
