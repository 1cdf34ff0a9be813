//! Adaptive concurrency: additive increase, multiplicative decrease, as TCP does it. A vendor's limit is nowhere
//! documented, so it is felt for.

use super::Concurrency;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// How many requests may be under way.
pub(super) struct Limiter {
    semaphore: Arc<Semaphore>,
    max: usize,
    state: Mutex<State>,
}

struct State {
    limit: usize,
    /// Permits still to be taken away, since they were in use when the limit was cut.
    debt: usize,
    /// Successes since the limit last moved.
    successes: usize,
    /// Counts cuts: of many requests throttled together only the first cuts.
    epoch: u64,
    /// Nobody sends before this.
    hold: Option<Instant>,
}

/// The right to send one request.
pub(super) struct Permit<'a> {
    limiter: &'a Limiter,
    permit: Option<OwnedSemaphorePermit>,
    epoch: u64,
}

impl Limiter {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let start = concurrency.start.max(1);
        Self {
            semaphore: Arc::new(Semaphore::new(start)),
            max: concurrency.max.max(start),
            state: Mutex::new(State {
                limit: start,
                debt: 0,
                successes: 0,
                epoch: 0,
                hold: None,
            }),
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.state().limit
    }

    /// Waits for a turn, and until nobody asks to hold off any more.
    pub(super) async fn acquire(&self) -> Permit<'_> {
        // The semaphore is never closed, so an error cannot happen; without a permit the request would go anyway.
        let permit = Arc::clone(&self.semaphore).acquire_owned().await.ok();
        loop {
            let (hold, epoch) = {
                let state = self.state();
                (state.hold, state.epoch)
            };
            match hold {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => {
                    return Permit {
                        limiter: self,
                        permit,
                        epoch,
                    };
                }
            }
        }
    }

    /// Keeps every request back until `until`.
    pub(super) fn hold(&self, until: Instant) {
        let mut state = self.state();
        state.hold = Some(state.hold.map_or(until, |old| old.max(until)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The guarded sections cannot panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// It was answered in time: a whole round of those raises the limit by one.
    pub(super) fn succeeded(&self) {
        let mut state = self.limiter.state();
        state.successes += 1;
        if state.successes < state.limit || state.limit >= self.limiter.max {
            return;
        }
        state.successes = 0;
        state.limit += 1;
        if state.debt > 0 {
            state.debt -= 1;
        } else {
            self.limiter.semaphore.add_permits(1);
        }
    }

    /// It was throttled or timed out: the limit is halved, once for all requests that were under way together.
    pub(super) fn throttled(&self) {
        let mut state = self.limiter.state();
        state.successes = 0;
        if self.epoch != state.epoch {
            return;
        }
        state.epoch += 1;
        let cut = state.limit - (state.limit / 2).max(1);
        state.limit -= cut;
        let idle = self.limiter.semaphore.forget_permits(cut);
        state.debt += cut - idle;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        if state.debt > 0
            && let Some(permit) = self.permit.take()
        {
            state.debt -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn in_flight(limiter: &Limiter) -> usize {
        let mut held = Vec::new();
        while let Ok(permit) = tokio::time::timeout(Duration::from_millis(1), limiter.acquire()).await {
            held.push(permit);
        }
        held.len()
    }

    #[tokio::test(start_paused = true)]
    async fn it_grows_by_one_a_round_up_to_the_maximum() {
        let limiter = Limiter::new(Concurrency { start: 4, max: 6 });
        for want in [5, 6, 6] {
            for _ in 0..limiter.limit() {
                limiter.acquire().await.succeeded();
            }
            assert_eq!(limiter.limit(), want);
            assert_eq!(in_flight(&limiter).await, want);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_throttled_together_halve_it_once() {
        let limiter = Limiter::new(Concurrency { start: 8, max: 8 });
        let mut together = Vec::new();
        for _ in 0..8 {
            together.push(limiter.acquire().await);
        }
        together.iter().for_each(Permit::throttled);
        assert_eq!(limiter.limit(), 4);
        drop(together);
        assert_eq!(in_flight(&limiter).await, 4);
        for want in [2, 1, 1] {
            limiter.acquire().await.throttled();
            assert_eq!(limiter.limit(), want);
            assert_eq!(in_flight(&limiter).await, want);
        }
        limiter.acquire().await.succeeded();
        assert_eq!(in_flight(&limiter).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_keeps_everybody_back() {
        let limiter = Limiter::new(Concurrency::default());
        let start = Instant::now();
        limiter.hold(start + Duration::from_secs(30));
        limiter.hold(start + Duration::from_secs(10));
        limiter.acquire().await;
        assert_eq!(start.elapsed().as_secs(), 30);
    }
}
