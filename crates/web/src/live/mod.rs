//! Live progress by server-sent events. What is followed is looked at once a second however many follow it, and nothing
//! is said while nothing changed.
//!
//! An event's data is HTML whose elements take the place of those of the same ids (`assets/live.js`). A page shows the
//! same when it is loaded again: nobody needs a script.

mod feed;

pub use feed::{Feeds, Told};

use crate::Web;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::Stream;
use futures::stream;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often something is said although nothing changed, so that no proxy takes the line for dead.
const STILL_HERE: Duration = Duration::from_secs(15);
/// How long one line is held: the browser then comes again by itself, and has to be signed in still.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// One browser's line.
struct Line {
    told: watch::Receiver<Option<Told>>,
    stop: CancellationToken,
    until: tokio::time::Instant,
    /// Whether nothing was said yet: how it stands is said at once.
    first: bool,
    over: bool,
}

/// Answers with the feed of that key; `look` says how it stands, and is asked by one of all who follow it.
pub fn follow<F, L>(web: &Web, key: String, look: L) -> Response
where
    F: Future<Output = Option<Told>> + Send + 'static,
    L: Fn(Web) -> F + Send + 'static,
{
    let line = Line {
        told: web.feeds.follow(web, key, look),
        stop: web.ending.clone(),
        until: tokio::time::Instant::now() + LONGEST,
        first: true,
        over: false,
    };
    let keep = KeepAlive::new().interval(STILL_HERE).text("still here");
    Sse::new(events(line)).keep_alive(keep).into_response()
}

fn events(line: Line) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(line, async |mut line| {
        if line.over || (!line.first && !line.wait().await) {
            return None;
        }
        line.first = false;
        let told = loop {
            let told = line.told.borrow_and_update().clone();
            match told {
                Some(told) => break told,
                None if line.wait().await => {}
                None => return None,
            }
        };
        line.over = told.end.is_some();
        let event = match told.end {
            Some(address) => Event::default().event("end").data(address),
            None => Event::default().data(told.html),
        };
        Some((Ok(event), line))
    })
}

impl Line {
    /// Waits for something new; false when there will be nothing any more.
    async fn wait(&mut self) -> bool {
        tokio::select! {
            changed = self.told.changed() => changed.is_ok(),
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep_until(self.until) => false,
        }
    }
}
