//! Long work shows how far it is, and can be asked to stop.

use std::fmt;
use tokio_util::sync::CancellationToken;

/// Told how far long work is.
pub trait Progress: Send + Sync {
    /// `done` of `total` items of `phase` are through; `total` is `None` while nobody knows it.
    fn at(&self, phase: &'static str, done: u64, total: Option<u64>);
}

/// How far long work is, as the row of its job keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase<'a> {
    /// What is being done.
    pub phase: &'a str,
    /// How many items are through.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
}

impl fmt::Display for Phase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, done, total } = self;
        match total {
            Some(total) => write!(f, "{phase}: {done} of {total}"),
            None if *done > 0 => write!(f, "{phase}: {done}"),
            None => write!(f, "{phase} ..."),
        }
    }
}

impl<'a> Phase<'a> {
    /// Out of its text.
    pub fn parse(text: &'a str) -> Self {
        let alone = |phase| Self {
            phase,
            done: 0,
            total: None,
        };
        let Some((phase, numbers)) = text.rsplit_once(": ") else {
            return alone(text.strip_suffix(" ...").unwrap_or(text));
        };
        let (done, total) = match numbers.split_once(" of ") {
            Some((done, total)) => (done.parse(), total.parse().map(Some)),
            None => (numbers.parse(), Ok(None)),
        };
        match (done, total) {
            (Ok(done), Ok(total)) => Self { phase, done, total },
            _ => alone(text),
        }
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn at(&self, _phase: &'static str, _done: u64, _total: Option<u64>) {}
}

/// How one piece of long work talks to whoever started it.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// Told how far it is.
    pub progress: &'a dyn Progress,
    /// Asks it to stop at the next safe point.
    pub stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Stops here when asked to.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`].
    pub fn check(&self) -> crate::Result<()> {
        if self.stop.is_cancelled() {
            Err(crate::Error::Stopped)
        } else {
            Ok(())
        }
    }

    /// Waits for what may be given up at any moment, such as an answer that is only read.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`].
    pub(crate) async fn unless_stopped<T>(&self, waiting: impl Future<Output = T>) -> crate::Result<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(crate::Error::Stopped),
            done = waiting => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Phase;

    #[test]
    fn how_far_work_is_survives_its_text() {
        for (phase, done, total) in [
            ("Applying", 5, Some(100)),
            ("Reading devices", 400, None),
            ("Matching organizations", 0, None),
            ("Waiting: another process", 3, Some(4)),
        ] {
            let text = Phase { phase, done, total }.to_string();
            assert_eq!(Phase::parse(&text), Phase { phase, done, total }, "{text}");
        }
        assert_eq!(Phase::parse("no numbers: at all").phase, "no numbers: at all");
    }
}
