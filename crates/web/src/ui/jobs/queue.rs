//! The part of the Runs page that shows what was asked for and is not over.

use super::Shown;
use crate::Web;
use crate::auth::SignedIn;
use crate::live::{Told, follow};
use crate::problem::Result;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::Actor;

/// What waits or goes on.
#[derive(Template)]
#[template(path = "jobs/queue.html")]
pub struct Queue {
    jobs: Vec<Shown>,
}

impl Queue {
    /// As it stands now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn now(web: &Web, actor: &Actor) -> Result<Self> {
        let bridges = web.engine.bridges(actor).await?;
        let connections = web.engine.connections(actor).await?;
        let now = web.engine.clock().now();
        let jobs = web.engine.open_jobs(actor).await?;
        let shown = jobs
            .iter()
            .map(|job| Shown::new(job, &bridges, &connections, now));
        Ok(Self {
            jobs: shown.collect(),
        })
    }
}

/// The same as it goes on.
pub async fn live(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let actor = signed_in.actor;
    Ok(follow(&web, "queue".to_owned(), move |web| {
        let actor = actor.clone();
        async move {
            let html = Queue::now(&web, &actor).await.ok()?.render().ok()?;
            Some(Told { html, end: None })
        }
    }))
}
