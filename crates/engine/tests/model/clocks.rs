//! What the clocks say at an instant of the virtual time.

use crate::setup::{Database, Setup};
use crate::wrong::Wrong;
use jiff::Timestamp;
use model::{Moment, Steady};
use std::time::Duration;

/// Where the time of day begins; any value does.
const EPOCH: i64 = 1_700_000_000_000;

#[derive(Debug)]
pub struct Clocks {
    database: Database,
    /// How far the time of day at the database is ahead.
    ahead: i64,
    /// How far clocks were put back in all.
    pub put_back: u64,
    boot: u32,
    booted: u64,
    /// How far each worker's own time of day is ahead.
    skew: Vec<i64>,
    /// How long each worker's machine slept.
    slept: Vec<u64>,
}

impl Clocks {
    pub fn new(setup: &Setup, skew: Vec<i64>) -> Self {
        Self {
            database: setup.database,
            ahead: 0,
            put_back: 0,
            boot: 0,
            booted: 0,
            slept: vec![0; setup.workers],
            skew,
        }
    }

    /// The moment a wait is measured by, as `store::Store::now` takes it.
    pub fn moment(&self, now: u64, worker: usize, wrong: Option<Wrong>) -> Moment {
        let mut at = EPOCH + i64::try_from(now).unwrap() + self.ahead;
        if wrong == Some(Wrong::WaitsByItsOwnTimeOfDay) {
            at += self.skew[worker];
        }
        let steady =
            (self.database == Database::File && wrong != Some(Wrong::WaitsByTheTimeOfDay)).then(|| Steady {
                boot: self.boot.to_string(),
                up: Duration::from_millis(now - self.booted),
            });
        Moment {
            at: Timestamp::from_millisecond(at).unwrap(),
            steady,
        }
    }

    /// The steady clock by which a worker keeps its deadline; nobody else's reading compares with it.
    pub fn own(&self, now: u64, worker: usize) -> u64 {
        now - self.slept[worker]
    }

    /// The instant at which that clock says `own`, if the worker stays awake.
    pub fn when(&self, own: u64, worker: usize) -> u64 {
        own + self.slept[worker]
    }

    pub fn set(&mut self, by: i64) {
        self.ahead += by;
        self.put_back += by.min(0).unsigned_abs();
    }

    pub fn reboot(&mut self, now: u64) {
        self.boot += 1;
        self.booted = now;
    }

    pub fn sleep(&mut self, worker: usize, time: u64) {
        self.slept[worker] += time;
    }
}
