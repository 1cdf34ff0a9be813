//! What is followed, looked at by one for all.

use crate::Web;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked how something stands.
const EVERY: Duration = Duration::from_secs(1);

/// How something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The parts of the page that changed, as HTML.
    pub html: String,
    /// Where the page goes on, once there is nothing left to follow.
    pub end: Option<String>,
}

type Sender = Arc<watch::Sender<Option<Told>>>;

/// Everything that is followed now, by its key.
#[derive(Clone, Debug, Default)]
pub struct Feeds(Arc<Mutex<HashMap<String, Sender>>>);

impl Feeds {
    /// Follows what has this key. The first who does so begins to look; the last who leaves ends it.
    pub fn follow<F, L>(&self, web: &Web, key: String, look: L) -> watch::Receiver<Option<Told>>
    where
        F: Future<Output = Option<Told>> + Send + 'static,
        L: Fn(Web) -> F + Send + 'static,
    {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&key) {
            return known.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        let sender = Arc::new(sender);
        all.insert(key.clone(), sender.clone());
        let (feeds, web) = (self.clone(), web.clone());
        tokio::spawn(async move {
            loop {
                let told = look(web.clone()).await;
                let over = told.as_ref().is_none_or(|told| told.end.is_some());
                if let Some(told) = told {
                    sender.send_if_modified(|old| {
                        let changed = old.as_ref() != Some(&told);
                        if changed {
                            *old = Some(told);
                        }
                        changed
                    });
                }
                if feeds.leave(&key, &sender, over) {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = web.ending.cancelled() => {
                        feeds.leave(&key, &sender, true);
                        return;
                    }
                }
            }
        });
        receiver
    }

    /// Forgets a feed that is over or that nobody follows, whether it did so. Nobody can begin to follow meanwhile.
    fn leave(&self, key: &str, sender: &Sender, over: bool) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let leaves = over || sender.receiver_count() == 0;
        if leaves {
            all.remove(key);
        }
        leaves
    }
}
