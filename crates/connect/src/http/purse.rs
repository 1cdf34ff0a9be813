//! The requests this process has taken out of the account's budget and not sent yet.

use crate::budget::{BudgetError, MemoryBudget, Quota, RequestBudget};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// How long a pause that another process was asked for may go unnoticed here.
const LOOK: Duration = Duration::from_secs(1);
/// How much longer than told who got something last waits at most.
const BEHIND: Duration = Duration::from_millis(250);
/// Waits between tries to reach the budget.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What was taken.
pub(super) struct Purse {
    budget: Arc<dyn RequestBudget>,
    quota: Option<Quota>,
    held: Mutex<Held>,
}

struct Held {
    /// Requests that may be sent,
    left: u32,
    /// until then.
    until: Instant,
    /// When somebody last looked whether there is a pause.
    looked: Option<Instant>,
    /// How many are taken at once: more while they are used up, fewer when they were not.
    handful: u32,
    used: u32,
    /// Whether it got something since it last had to wait.
    got: bool,
}

impl Purse {
    /// One on the budget all processes share, or, for a quota alone, on one of this process. `None` when there is nothing
    /// to keep to.
    pub(super) fn new(shared: Option<Arc<dyn RequestBudget>>, quota: Option<Quota>) -> Option<Self> {
        let budget = match (shared, quota) {
            (Some(shared), _) => shared,
            (None, Some(_)) => Arc::new(MemoryBudget::default()),
            (None, None) => return None,
        };
        Some(Self {
            budget,
            quota,
            held: Mutex::new(Held {
                left: 0,
                until: Instant::now(),
                looked: None,
                handful: 1,
                used: 0,
                got: false,
            }),
        })
    }

    /// Waits until one more request may be sent. Those who wait come one after the other.
    ///
    /// # Errors
    /// When there is a quota and the budget cannot be reached. Without a quota a request goes out all the same: a
    /// database that is gone for a moment is no reason not to read.
    pub(super) async fn spend(&self) -> Result<(), BudgetError> {
        let mut held = self.held.lock().await;
        let mut failures = PAUSES.into_iter();
        loop {
            let now = Instant::now();
            let looked = held.looked.is_some_and(|at| now.duration_since(at) < LOOK);
            let stocked = self.quota.is_none() || (held.left > 0 && now < held.until);
            if looked && stocked {
                held.left = held.left.saturating_sub(1);
                held.used = held.used.saturating_add(1);
                return Ok(());
            }
            let wanted = if stocked { 0 } else { held.next_handful(self.quota) };
            match self.budget.take(self.quota, wanted).await {
                Ok(given) if !given.wait.is_zero() => {
                    // Whoever got nothing comes first the next time: a busy process must not starve another.
                    let behind = match self.quota {
                        Some(quota) if std::mem::take(&mut held.got) => (quota.per / 80).min(BEHIND),
                        _ => Duration::ZERO,
                    };
                    sleep(given.wait + behind).await;
                }
                Ok(given) => {
                    held.looked = Some(now);
                    if wanted > 0 {
                        held.left = given.requests;
                        held.until = now + given.valid;
                        held.got = true;
                    }
                }
                Err(error) => match failures.next() {
                    Some(pause) => sleep(pause).await,
                    None if self.quota.is_none() => {
                        tracing::warn!(error = %error, "Whether the vendor asked for a pause cannot be found out.");
                        return Ok(());
                    }
                    None => return Err(error),
                },
            }
        }
    }

    /// The vendor asked for a pause: everybody else learns of it.
    pub(super) async fn pause(&self, time: Duration) {
        if let Err(error) = self.budget.pause(time).await {
            tracing::warn!(error = %error, "The vendor asked for a pause, and other processes cannot be told.");
        }
    }
}

impl Held {
    fn next_handful(&mut self, quota: Option<Quota>) -> u32 {
        let most = quota.map_or(1, |quota| (quota.requests / 20).max(1));
        self.handful = match self.left {
            0 if self.used > 0 => self.handful.saturating_mul(2),
            0 => self.handful,
            _ => self.used,
        }
        .clamp(1, most);
        self.used = 0;
        self.left = 0;
        self.handful
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Allowance;
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Counts how often it is asked, and fails so many times first.
    #[derive(Default)]
    struct Counted {
        inner: MemoryBudget,
        asked: AtomicU32,
        fails: AtomicU32,
    }

    #[async_trait]
    impl RequestBudget for Counted {
        async fn take(&self, quota: Option<Quota>, wanted: u32) -> Result<Allowance, BudgetError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let failing = self.fails.load(Ordering::SeqCst);
            if failing > 0 {
                self.fails.store(failing - 1, Ordering::SeqCst);
                return Err(BudgetError("the database is locked".to_owned()));
            }
            self.inner.take(quota, wanted).await
        }

        async fn pause(&self, time: Duration) -> Result<(), BudgetError> {
            self.inner.pause(time).await
        }
    }

    fn quota(requests: u32, seconds: u64) -> Option<Quota> {
        Some(Quota {
            requests,
            per: Duration::from_secs(seconds),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_alone_hardly_asks() {
        for (quota, most) in [(quota(700, 300), 60), (None, 60)] {
            let budget = Arc::new(Counted::default());
            let purse = Purse::new(Some(budget.clone()), quota).unwrap();
            let begun = Instant::now();
            for _ in 0..600 {
                purse.spend().await.unwrap();
                sleep(Duration::from_millis(50)).await;
            }
            assert!(begun.elapsed() < Duration::from_secs(31), "{:?}", begun.elapsed());
            let asked = budget.asked.load(Ordering::SeqCst);
            assert!(
                asked <= most,
                "{quota:?}: asked {asked} times for 600 requests in 30 s"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_purses_on_one_budget_keep_to_it_together_and_both_get_some() {
        let budget = Arc::new(MemoryBudget::default());
        let sent = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tasks = [0, 1].map(|who| {
            let purse = Purse::new(Some(budget.clone()), quota(40, 10)).unwrap();
            let sent = sent.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    purse.spend().await.unwrap();
                    sent.lock().unwrap().push((Instant::now(), who));
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        let sent = sent.lock().unwrap();
        for (at, (first, _)) in sent.iter().enumerate() {
            let within = sent[at..]
                .iter()
                .take_while(|(other, _)| *other - *first < Duration::from_secs(10));
            assert!(within.count() <= 40);
        }
        let of_one = sent[..100].iter().filter(|(_, who)| *who == 0).count();
        assert!((20..=80).contains(&of_one), "{of_one} of the first 100");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_asked_of_one_is_kept_by_the_other_within_a_second() {
        for quota in [None, quota(10_000, 300)] {
            let budget = Arc::new(MemoryBudget::default());
            let [one, other] = [0, 1].map(|_| Purse::new(Some(budget.clone()), quota).unwrap());
            other.spend().await.unwrap();
            one.pause(Duration::from_secs(20)).await;
            sleep(LOOK).await;
            let begun = Instant::now();
            other.spend().await.unwrap();
            assert_eq!(begun.elapsed().as_secs(), 19, "{quota:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_cannot_be_reached_stops_what_is_counted_and_nothing_else() {
        for (fails, quota, goes) in [(4, quota(5, 1), true), (9, quota(5, 1), false), (9, None, true)] {
            let budget = Arc::new(Counted::default());
            budget.fails.store(fails, Ordering::SeqCst);
            let purse = Purse::new(Some(budget), quota).unwrap();
            assert_eq!(purse.spend().await.is_ok(), goes, "{fails} failures, {quota:?}");
        }
    }
}
