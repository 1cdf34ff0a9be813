//! A job as server-sent events: its part of the page each time it changes, and the way on once it is over.

use super::show::{Part, Then};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use askama::Template as _;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use engine::JobState;
use futures::stream;
use std::convert::Infallible;
use std::time::Duration;

/// How often the job is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Looks of one request; the browser asks again by itself.
const LOOKS: u32 = 240;

/// What was last told, and how often it was looked.
struct Told {
    part: String,
    looks: u32,
    over: bool,
}

/// Follows a job.
pub async fn follow(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(then): Query<Then>,
) -> Result<Response> {
    web.engine.job(&signed_in.actor, &id).await?;
    let told = Told {
        part: String::new(),
        looks: 0,
        over: false,
    };
    let events = stream::unfold(told, move |mut told| {
        let (web, actor, id) = (web.clone(), signed_in.actor.clone(), id.clone());
        let then = then.address().to_owned();
        async move {
            if told.over {
                return None;
            }
            loop {
                if told.looks > 0 {
                    tokio::time::sleep(LOOK).await;
                }
                told.looks += 1;
                if told.looks > LOOKS {
                    return None;
                }
                let Ok(job) = web.engine.job(&actor, &id).await else {
                    continue;
                };
                let part = Part::new(&job, &then, web.engine.clock().now());
                if part.is_over() {
                    told.over = true;
                    // What was only read leads on by itself; everything else is looked at first, on the page as it is now.
                    let plainly = job.state == JobState::Done && job.reason.is_none() && job.run.is_none();
                    let to = if plainly { then } else { String::new() };
                    return Some((Ok::<_, Infallible>(Event::default().event("end").data(to)), told));
                }
                let Ok(html) = part.render() else { continue };
                if html != told.part {
                    told.part.clone_from(&html);
                    return Some((Ok(Event::default().data(html)), told));
                }
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}
