//! What happened, in order: hashed always, printed when one seed is replayed.

use crate::destination::Fate;
use crate::shared_store::Ended;
use crate::worker::Step;
use engine::writing::protocol::Admission;
use std::hash::{Hash, Hasher};

#[derive(Clone, Copy, Debug, Hash)]
pub enum Event {
    Steps(Step),
    Begins,
    Crashes {
        back_in: u64,
    },
    Stalls {
        until: u64,
    },
    Sleeps {
        until: u64,
    },
    Finds {
        record: usize,
        records: usize,
    },
    FindsNothingOut {
        record: usize,
    },
    Intends {
        record: usize,
        version: i64,
        ours: bool,
    },
    TooLate {
        record: usize,
    },
    Sends {
        record: usize,
        copy: usize,
        fate: Fate,
        lands: u64,
        shows: u64,
    },
    Ends {
        record: usize,
        as_: Ended,
        recorded: bool,
    },
    ClockSet {
        by: i64,
    },
    Reboots,
    CopiesByHand {
        record: usize,
    },
    MergesByHand {
        record: usize,
        gone: usize,
    },
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    Worker(usize),
    Nature,
}

#[derive(Debug)]
pub struct Trace {
    hash: Mix,
    print: bool,
}

impl Trace {
    pub fn new(print: bool) -> Self {
        Self { hash: Mix(0), print }
    }

    pub fn note(&mut self, now: u64, who: Who, event: Event) {
        (now, who, event).hash(&mut self.hash);
        if self.print {
            match who {
                Who::Worker(worker) => println!("{now:>6} ms  worker {worker}  {event:?}"),
                Who::Nature => println!("{now:>6} ms            {event:?}"),
            }
        }
    }

    /// What a record's claim was found to mean.
    pub fn admission(&mut self, now: u64, who: Who, record: usize, admission: Admission) {
        let wait = match admission {
            Admission::Free => 0,
            Admission::InDoubt => 1,
            Admission::Wait(left) => 2 + u64::try_from(left.as_micros()).unwrap(),
        };
        (now, who, record, wait).hash(&mut self.hash);
        if self.print {
            println!("{now:>6} ms  {who:?} Admits {{ record: {record}, as: {admission:?} }}");
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }
}

/// A hash that is the same on every machine (std's is not promised to be).
#[derive(Debug)]
struct Mix(u64);

impl Mix {
    fn add(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.add(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_i64(&mut self, value: i64) {
        self.add(value.cast_unsigned());
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.add(value.cast_unsigned() as u64);
    }
}
