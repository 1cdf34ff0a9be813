//! Long work shows how far it is, and can be asked to stop.

use tokio_util::sync::CancellationToken;

/// Told how far long work is.
pub trait Progress: Send + Sync {
    /// `done` of `total` items of `phase` are through; `total` is `None` while nobody knows it.
    fn at(&self, phase: &'static str, done: u64, total: Option<u64>);
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
