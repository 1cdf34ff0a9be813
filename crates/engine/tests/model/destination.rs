//! A destination that knows no idempotency key: it takes the same record twice, shows what it took only after a while,
//! loses answers, fails before or after it wrote, and writes long after the sender gave up.

use crate::chance::Chance;
use crate::setup::Setup;

/// What becomes of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    Done,
    /// Written, and the answer is lost.
    AnswerLost,
    /// A server error, nothing is written.
    FailsBefore,
    /// A server error, and it is written.
    FailsAfter,
    /// The sender gives up, and it is written later: a ghost.
    Late,
    /// The sender gives up, and nothing is ever written.
    Vanishes,
    /// Nothing is written, and the sender is told why.
    Refused,
}

impl Fate {
    const FAULTS: [Self; 7] = [
        Self::AnswerLost,
        Self::FailsBefore,
        Self::FailsAfter,
        Self::Late,
        Self::Late,
        Self::Vanishes,
        Self::Refused,
    ];

    pub fn writes(self) -> bool {
        !matches!(self, Self::FailsBefore | Self::Vanishes | Self::Refused)
    }
}

/// One record of the destination, with the mark of `record`.
#[derive(Clone, Debug)]
pub struct Made {
    pub record: usize,
    pub lands: u64,
    /// From when on a look-up shows it.
    pub shows: u64,
    pub live: bool,
    pub by_hand: bool,
}

/// What the sender sees of a write.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub fate: Fate,
    pub copy: usize,
    pub lands: u64,
    pub shows: u64,
    pub answered: u64,
}

#[derive(Debug, Default)]
pub struct Destination {
    pub copies: Vec<Option<Made>>,
    /// Write requests for each record that left a worker.
    pub requests: Vec<u64>,
}

impl Destination {
    pub fn new(records: usize) -> Self {
        Self {
            copies: Vec::with_capacity(4),
            requests: vec![0; records],
        }
    }

    /// A number for a record that may be written.
    pub fn reserve(&mut self) -> usize {
        self.copies.push(None);
        self.copies.len() - 1
    }

    /// A write that leaves the sender at `now`.
    pub fn take(&mut self, now: u64, record: usize, copy: usize, setup: &Setup, chance: &mut Chance) -> Sent {
        self.requests[record] += 1;
        let fate = match now < setup.calm && chance.happens(setup.fault) {
            true => chance.of(&Fate::FAULTS),
            false => Fate::Done,
        };
        let gives_up = now + setup.answer_within;
        let last = now + setup.settles_within;
        let (lands, answered) = match fate {
            Fate::Late => (chance.between(gives_up, last), gives_up),
            Fate::AnswerLost => (now + chance.upto(setup.answer_within), gives_up),
            Fate::Vanishes => (now, gives_up),
            _ => {
                let lands = now + chance.upto(3);
                (lands, lands + chance.upto(2))
            }
        };
        let lag = lands + chance.upto(setup.lag);
        // The last instant is where a rule that is a little wrong shows.
        let shows = match fate == Fate::Late && chance.happens(500) {
            true => last,
            false => lag.min(last),
        };
        let lands = lands.min(shows);
        if fate.writes() {
            self.copies[copy] = Some(Made {
                record,
                lands,
                shows,
                live: true,
                by_hand: false,
            });
        }
        Sent {
            fate,
            copy,
            lands,
            shows,
            answered,
        }
    }

    /// Records that carry the mark of `record`, as far as a look-up shows them.
    pub fn find(&self, now: u64, record: usize) -> Vec<usize> {
        self.held(record)
            .filter(|(_, copy)| copy.live && copy.shows <= now)
            .map(|(number, _)| number)
            .collect()
    }

    /// Whether a write of `record` is under way that has not landed yet.
    pub fn in_the_air(&self, now: u64, record: usize) -> bool {
        self.held(record).any(|(_, made)| made.lands > now)
    }

    /// Everything that was ever written with the mark of `record`.
    pub fn held(&self, record: usize) -> impl Iterator<Item = (usize, &Made)> {
        self.copies
            .iter()
            .enumerate()
            .filter_map(|(number, copy)| copy.as_ref().map(|copy| (number, copy)))
            .filter(move |(_, copy)| copy.record == record)
    }

    /// A person makes a second record of one that is there, our mark with it.
    pub fn copy_by_hand(&mut self, now: u64, record: usize) {
        let copy = Made {
            record,
            lands: now,
            shows: now,
            live: true,
            by_hand: true,
        };
        self.copies.push(Some(copy));
    }

    /// A person takes one of several away.
    pub fn remove(&mut self, number: usize) {
        if let Some(copy) = &mut self.copies[number] {
            copy.live = false;
        }
    }
}
