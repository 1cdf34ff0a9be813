//! What a worker does every minute: looks how everything stands, and sends what there is to say.

use crate::error::Result;
use crate::execution::Hands;
use model::Actor;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked how everything stands.
const WATCH: Duration = Duration::from_secs(60);
/// How often it is looked whether there is something to send.
const ROUND: Duration = Duration::from_secs(5);
/// How long a worker that is stopped waits for the answer to a message it has sent.
const LAST_WORD: Duration = Duration::from_secs(2);

impl Hands {
    /// Watches until it is stopped.
    pub async fn keep_watch(&self) {
        let actor = Actor::Schedule {
            name: "watch".to_owned(),
        };
        let mut watched: Option<Instant> = None;
        while !self.stop.is_cancelled() {
            if watched.is_none_or(|last| last.elapsed() >= WATCH) {
                watched = Some(Instant::now());
                if let Err(error) = self.watch(&actor).await {
                    tracing::warn!(error = %error, "A worker could not look how everything stands.");
                }
            }
            let stopped = async {
                self.stop.cancelled().await;
                tokio::time::sleep(LAST_WORD).await;
            };
            // A message that is still on its way then is sent again: under the same id.
            tokio::select! {
                () = stopped => {}
                sent = self.engine.deliver_notifications(&actor) => {
                    if let Err(error) = sent {
                        tracing::warn!(error = %error, "A worker could not send notifications.");
                    }
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn watch(&self, actor: &Actor) -> Result<()> {
        let calendar = self.queue.calendar().await?;
        Ok(self.engine.watch(actor, &calendar).await?)
    }
}
