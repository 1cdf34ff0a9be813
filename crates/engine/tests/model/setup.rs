//! What one seed is about: how many take part, how long things may take, and how often they go wrong.

use crate::chance::Chance;
use engine::writing::protocol::Timing;
use std::time::Duration;

/// Where the claims are kept, and so by which clock waits are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Database {
    /// A file: all workers are on one machine, whose time of day is set and which is started again.
    File,
    /// A server: workers on machines without a common clock, waits measured by the server's time of day.
    Server,
}

/// Times are in milliseconds, rates out of 1,000.
#[derive(Clone, Debug)]
pub struct Setup {
    pub workers: usize,
    pub records: usize,
    /// Records in one call of the destination.
    pub batch: usize,
    pub database: Database,
    pub send_within: u64,
    pub settles_within: u64,
    /// How long a worker waits for an answer.
    pub answer_within: u64,
    /// The longest from landing in the destination until a look-up shows it.
    pub lag: u64,
    /// Nothing goes wrong from here on.
    pub calm: u64,
    /// A worker dies before its next step.
    pub crash: u64,
    /// A worker is stopped for up to three quarantines before its next step.
    pub stall: u64,
    /// A worker is held up until the last instant its request may leave.
    pub edge: u64,
    /// A write does not simply succeed.
    pub fault: u64,
    /// A look-up fails.
    pub blind: u64,
    /// The clock is set, the machine is started again, or a person copies a record.
    pub nature: u64,
}

impl Setup {
    pub fn draw(chance: &mut Chance) -> Self {
        let send_within = chance.between(20, 60);
        let settles_within = chance.between(40, 120);
        Self {
            workers: chance.of(&[2, 2, 3]),
            records: chance.of(&[1, 1, 2, 3]),
            batch: chance.of(&[1, 2]),
            database: chance.of(&[Database::File, Database::Server]),
            send_within,
            settles_within,
            answer_within: settles_within / 3,
            lag: chance.of(&[0, 5, settles_within / 3]),
            calm: (send_within + settles_within) * chance.between(2, 5),
            crash: chance.of(&[0, 10, 40]),
            stall: chance.of(&[0, 20, 80]),
            edge: chance.of(&[0, 100, 300]),
            fault: chance.of(&[50, 200, 500]),
            blind: chance.of(&[0, 100]),
            nature: chance.of(&[0, 500]),
        }
    }

    pub fn timing(&self) -> Timing {
        Timing {
            send_within: Duration::from_millis(self.send_within),
            settles_within: Duration::from_millis(self.settles_within),
        }
    }

    /// How long a record in doubt is left alone.
    pub fn quarantine(&self) -> u64 {
        millis(self.timing().quarantine())
    }

    /// The longest a stopped worker stands still.
    pub fn longest_stall(&self) -> u64 {
        3 * self.quarantine()
    }

    /// When every record must have ended: the last stall is over and so is every wait that began in it, `put_back`
    /// being how far clocks were put back in all. Each wait is at most a quarantine; a person merges within one.
    pub fn deadline(&self, put_back: u64) -> u64 {
        self.calm + self.longest_stall() + put_back + 8 * self.quarantine()
    }
}

/// Whole milliseconds, rounded up: whoever waits so long has waited long enough.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000)).unwrap()
}
