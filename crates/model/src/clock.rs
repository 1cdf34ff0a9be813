//! Time and randomness as parameters, so that a test can repeat both.

use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// Where randomness comes from. Implementations used for secrets must be cryptographically strong.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where our own record ids come from.
pub trait Ids: Send + Sync {
    /// A new id, never given before.
    fn next(&self) -> Uuid;
}

/// UUID version 7 (RFC 9562 §5.7) out of a clock and a source of randomness: ids sort by time of creation.
pub struct TimeOrderedIds {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl TimeOrderedIds {
    /// Ids stamped by `clock`, made unique by `random`.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
    }
}

impl Ids for TimeOrderedIds {
    fn next(&self) -> Uuid {
        let mut bytes = [0_u8; 10];
        self.random.fill(&mut bytes);
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}
