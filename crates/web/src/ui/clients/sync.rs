//! Sync of one client: its organizations are read, planned, and applied within the brakes.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::{Tone, jobs};
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use model::{BridgeId, JobKind, RecordId};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What the button sends.
#[derive(Debug, Deserialize)]
pub struct Pressed {
    once: i64,
}

/// Puts the sync into the queue, for the source that is in use.
pub async fn start(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let id = RecordId(id);
    let detail = web.engine.client(&signed_in.actor, &id).await?;
    // Only from the source in use: the others leave this client's assets as they are.
    let used = detail
        .sources
        .into_iter()
        .filter(|source| source.in_use && !source.organizations.is_empty());
    let bridges: BTreeSet<BridgeId> = used.map(|source| source.bridge).collect();
    let mut put = Vec::new();
    for bridge in &bridges {
        let kind = JobKind::Sync {
            bridge: bridge.clone(),
            client: Some(id.clone()),
            confirmed: false,
        };
        let key = format!("sync:{bridge}:{id}:{}:{}", signed_in.person.id, pressed.once);
        put.push(web.jobs.put(&signed_in.actor, &key, &kind).await?);
    }
    let here = format!("/clients/{id}");
    // The job's page follows it, says what came of it, and leads back.
    if let Some(job) = put.first() {
        return Ok(Redirect::to(&jobs::address(job, &here)).into_response());
    }
    let said = "Nothing is linked to this client: there is nothing to sync.";
    signed_in.flash(Tone::Warn, said).await?;
    Ok(Redirect::to(&here).into_response())
}
