//! A worker: it applies the plan from its beginning again and again until every record has ended, as
//! `engine::applying` does, and is killed and held up between any two steps. What a step does is in `steps.rs`.

use crate::chance::Chance;
use crate::clocks::Clocks;
use crate::destination::{Destination, Sent};
use crate::run::Options;
use crate::setup::{Database, Setup};
use crate::shared_store::{Ended, SharedStore};
use crate::trace::{Event, Trace, Who};
use crate::verdict::{Breach, Seen};
use crate::wrong::Wrong;
use model::Moment;
use store::Claim;

/// Everything the workers share, and what they can see of it.
pub struct World {
    pub now: u64,
    pub setup: Setup,
    pub chance: Chance,
    pub clocks: Clocks,
    pub store: SharedStore,
    pub destination: Destination,
    /// When a person merges what they were told of, by record.
    pub merges: Vec<Option<u64>>,
    pub trace: Trace,
    pub seen: Seen,
    pub breach: Option<Breach>,
    pub options: Options,
}

impl World {
    pub fn is(&self, wrong: Wrong) -> bool {
        self.options.wrong == Some(wrong)
    }
}

/// The steps of writing one call's records. Between two of them a worker may die or stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Reads the claims.
    Claims,
    /// Reads what is linked.
    Links,
    /// Reads the store's time where a claim is open, and decides.
    Admit,
    /// Takes the instant by which the request must have left.
    Deadline,
    /// Begins the commit of the intents: reads the time they will carry.
    Intend,
    /// Takes the claims by compare-and-set.
    Claim,
    /// Looks up the next record in doubt.
    LookUp,
    /// Compares the deadline with its clock.
    Check,
    /// The request leaves.
    Leave,
    /// The answer is there.
    Answer,
    /// Records outcomes and links, settles claims.
    Record,
    /// Another worker took the claim: reads what is linked by now, and records where that differs.
    TooLate,
}

/// The right order, and the wrong ones.
fn order(wrong: Option<Wrong>) -> &'static [Step] {
    use Step::*;
    match wrong {
        Some(Wrong::ReadsLinksBeforeClaims) => &[
            Links, Claims, Admit, Deadline, Intend, Claim, LookUp, Check, Leave, Answer, Record, TooLate,
        ],
        Some(Wrong::LooksUpBeforeTheClaim) => &[
            LookUp, Claims, Links, Admit, Deadline, Intend, Claim, Check, Leave, Answer, Record, TooLate,
        ],
        Some(Wrong::CountsItsDeadlineFromTheLookUp) => &[
            Claims, Links, Admit, Intend, Claim, LookUp, Deadline, Check, Leave, Answer, Record, TooLate,
        ],
        Some(Wrong::IntendsAfterSending) => &[
            Claims, Links, Admit, Deadline, LookUp, Check, Leave, Answer, Intend, Claim, Record, TooLate,
        ],
        Some(Wrong::IntendsNothing) => &[Claims, Links, Admit, Deadline, Check, Leave, Answer, Record],
        Some(Wrong::RecordsBeforeSending) => &[
            Claims, Links, Admit, Deadline, Intend, Claim, LookUp, Record, Check, Leave, Answer,
        ],
        _ => &[
            Claims, Links, Admit, Deadline, Intend, Claim, LookUp, Check, Leave, Answer, Record, TooLate,
        ],
    }
}

/// One record of the call under way.
#[derive(Debug, Default)]
pub struct Entry {
    pub record: usize,
    pub claim: Claim,
    pub linked: Option<usize>,
    pub in_doubt: bool,
    /// The version of the claim it holds.
    pub held: Option<i64>,
    /// It is this worker's turn to write it.
    pub writes: bool,
    /// What a look-up came to.
    pub found: Option<Ended>,
    pub sent: Option<Sent>,
    pub ended: Option<Ended>,
    /// Its outcome was not recorded, since another worker had taken the claim.
    pub lost: bool,
}

impl Entry {
    /// Whether there is a request to send for it.
    pub fn is_sent(&self, wrong: Option<Wrong>) -> bool {
        self.writes
            && match self.ended {
                None => true,
                Some(Ended::Done(_)) => {
                    wrong == Some(Wrong::RecordsBeforeSending) && self.found.is_none() && !self.lost
                }
                Some(_) => false,
            }
    }
}

pub struct Worker {
    pub number: usize,
    order: &'static [Step],
    at: usize,
    /// When it takes its next step; `None` once it has seen every record end.
    pub wakes: Option<u64>,
    /// Between two applies.
    idle: bool,
    /// What was done when this apply began.
    before: Vec<bool>,
    next: usize,
    pub entries: Vec<Entry>,
    /// The next entry to look up.
    pub looks_at: usize,
    pub send_by: u64,
    pub intent: Option<Moment>,
    /// The shortest wait this apply was told of.
    pub come_again: Option<u64>,
}

impl Worker {
    pub fn new(number: usize, wakes: u64, wrong: Option<Wrong>) -> Self {
        Self {
            number,
            order: order(wrong),
            at: 0,
            wakes: Some(wakes),
            idle: true,
            before: Vec::new(),
            next: 0,
            entries: Vec::new(),
            looks_at: 0,
            send_by: 0,
            intent: None,
            come_again: None,
        }
    }

    pub fn who(&self) -> Who {
        Who::Worker(self.number)
    }

    /// Takes the next step, and sets when the one after it is due.
    pub fn wake(&mut self, world: &mut World) {
        if world.now < world.setup.calm && !self.idle && world.chance.happens(world.setup.crash) {
            return self.crash(world);
        }
        if self.idle {
            return self.begin(world);
        }
        let step = self.order[self.at];
        world.trace.note(world.now, self.who(), Event::Steps(step));
        let wakes = self.take(step, world);
        if self.at >= self.order.len() {
            return self.next_call(world);
        }
        let wakes = wakes.unwrap_or_else(|| world.now + world.chance.upto(2));
        self.wakes = Some(self.held_up(wakes, world));
    }

    /// Goes on with the step after this one.
    pub fn go_on(&mut self) {
        self.at += 1;
    }

    /// Goes on with `step`, or with the next call where this order had it earlier.
    pub fn go_to(&mut self, step: Step) {
        let later = self.order.iter().skip(self.at).position(|s| *s == step);
        self.at = later.map_or(self.order.len(), |later| self.at + later);
    }

    /// Nothing was too late when nothing was lost.
    pub fn skip_unless_lost(&mut self) {
        let too_late = self.order.get(self.at) == Some(&Step::TooLate);
        if too_late && !self.entries.iter().any(|entry| entry.lost) {
            self.go_on();
        }
    }

    /// Its next step: when it is due, unless the worker is stopped first. Between the check of the deadline and the
    /// request's leaving no stop is modelled but the one of `Check`, see the limits at the head of `main.rs`.
    fn held_up(&mut self, wakes: u64, world: &mut World) -> u64 {
        let next = self.order[self.at];
        if next == Step::Leave || world.now >= world.setup.calm {
            return wakes;
        }
        let last = world.clocks.when(self.send_by, self.number);
        if next == Step::Check && last > wakes && world.chance.happens(world.setup.edge) {
            return last;
        }
        if !world.chance.happens(world.setup.stall) {
            return wakes;
        }
        let time = world.chance.between(1, world.setup.longest_stall());
        let until = wakes + time;
        let alone = world.setup.database == Database::Server;
        if world.options.sleeps && alone && world.chance.happens(500) {
            world.clocks.sleep(self.number, time);
            world.trace.note(world.now, self.who(), Event::Sleeps { until });
        } else {
            world.trace.note(world.now, self.who(), Event::Stalls { until });
        }
        world.seen.stalls += 1;
        until
    }

    /// Dies, and is started again after a while; what it had in its memory is gone.
    pub fn crash(&mut self, world: &mut World) {
        let back_in = world.chance.upto(world.setup.quarantine());
        world.seen.crashes += 1;
        world
            .trace
            .note(world.now, self.who(), Event::Crashes { back_in });
        if world.is(Wrong::ReleasesAtRestart) {
            for entry in &self.entries {
                let claim = &mut world.store.claims[entry.record];
                if entry.held == Some(claim.version) {
                    claim.open = None;
                }
            }
        }
        self.entries.clear();
        self.idle = true;
        self.wakes = Some(world.now + back_in);
    }

    /// Begins to apply the plan from its beginning.
    fn begin(&mut self, world: &mut World) {
        world.trace.note(world.now, self.who(), Event::Begins);
        let done = |item: &Option<Ended>| matches!(item, Some(Ended::Done(_)));
        self.before = world.store.items.iter().map(done).collect();
        self.idle = false;
        self.next = 0;
        self.come_again = None;
        self.next_call(world);
    }

    /// Goes on with the next records that were not done when this apply began; after the last the apply is over.
    fn next_call(&mut self, world: &mut World) {
        self.at = 0;
        self.looks_at = 0;
        self.entries.clear();
        while self.next < world.setup.records && self.entries.len() < world.setup.batch {
            if !self.before[self.next] {
                self.entries.push(Entry {
                    record: self.next,
                    ..Entry::default()
                });
            }
            self.next += 1;
        }
        if !self.entries.is_empty() {
            let wakes = world.now + world.chance.upto(2);
            self.wakes = Some(self.held_up(wakes, world));
            return;
        }
        self.idle = true;
        let ended = world.store.links.iter().all(Option::is_some);
        self.wakes = (!ended).then(|| {
            // Whoever comes again at the very instant they were told tries the bound.
            let pause = match self.come_again {
                Some(left) if world.chance.happens(500) => left,
                _ => world.chance.between(1, world.setup.quarantine() / 2),
            };
            world.now + pause
        });
    }
}
