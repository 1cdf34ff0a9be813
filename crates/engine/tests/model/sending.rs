//! The steps that send: the last look at the clock, the request, the answer.

use crate::destination::Fate;
use crate::setup::millis;
use crate::shared_store::Ended;
use crate::trace::Event;
use crate::verdict::Breach;
use crate::worker::{Entry, Step, Worker, World};
use crate::wrong::Wrong;

impl Worker {
    pub fn check(&mut self, world: &mut World) -> Option<u64> {
        let who = self.who();
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.writes && entry.in_doubt)
        {
            entry.ended = entry.ended.or(entry.found);
        }
        let left = match world.is(Wrong::SendsTooLate) {
            true => Some(self.left_to_send(world).unwrap_or(0)),
            false => self.left_to_send(world),
        };
        let mut sending = false;
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.is_sent(world.options.wrong))
        {
            sending = true;
            if left.is_none() {
                entry.ended = Some(Ended::Failed);
                world.seen.too_late += 1;
                let event = Event::TooLate { record: entry.record };
                world.trace.note(world.now, who, event);
            }
        }
        let Some(left) = left.filter(|_| sending) else {
            self.go_to(Step::Record);
            return None;
        };
        self.go_on();
        // It leaves by its deadline, at times on the last instant.
        let gap = match world.now < world.setup.calm && world.chance.happens(world.setup.edge) {
            true => left,
            false => world.chance.upto(left.min(2)),
        };
        Some(world.now + gap)
    }

    /// How long the request may still take to leave; `None` when it is too late.
    fn left_to_send(&self, world: &World) -> Option<u64> {
        let own = world.clocks.own(world.now, self.number);
        let left = self.send_by.checked_sub(own)?;
        let Some(begun) = self.intent.as_ref().filter(|_| world.options.asks_the_store) else {
            return Some(left);
        };
        // The time alone does not tell: the server's clock may have been put back since another worker took it over.
        let ours = |entry: &Entry| {
            entry
                .held
                .is_none_or(|held| world.store.claims[entry.record].version == held)
        };
        if !self.entries.iter().all(ours) {
            return None;
        }
        let now = world.clocks.moment(world.now, self.number, None);
        let within = world.setup.timing().send_within;
        Some(left.min(millis(within.checked_sub(now.since(begun))?)))
    }

    pub fn leave(&mut self, world: &mut World) -> Option<u64> {
        let who = self.who();
        let mut answered = world.now;
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.is_sent(world.options.wrong))
        {
            // What was recorded before it was sent has its number already.
            let copy = match entry.ended {
                Some(Ended::Done(copy)) => copy,
                _ => world.destination.reserve(),
            };
            let (now, record) = (world.now, entry.record);
            if world.destination.in_the_air(now, record) {
                world.breach.get_or_insert(Breach::TwoInTheAir);
            }
            let sent = world
                .destination
                .take(now, record, copy, &world.setup, &mut world.chance);
            world.seen.sends += 1;
            world.seen.ghosts += u64::from(sent.fate == Fate::Late);
            let event = Event::Sends {
                record,
                copy,
                fate: sent.fate,
                lands: sent.lands,
                shows: sent.shows,
            };
            world.trace.note(now, who, event);
            answered = answered.max(sent.answered);
            entry.sent = Some(sent);
        }
        self.go_on();
        Some(answered)
    }

    pub fn answer(&mut self, world: &World) {
        let refused = self
            .entries
            .iter()
            .any(|entry| entry.sent.is_some_and(|sent| sent.fate == Fate::Refused));
        for entry in &mut self.entries {
            let Some(sent) = entry.sent else { continue };
            let ended = match sent.fate {
                Fate::Done => Ended::Done(sent.copy),
                Fate::Refused => Ended::Failed,
                Fate::FailsBefore | Fate::FailsAfter if world.is(Wrong::TakesAFailureForARefusal) => {
                    Ended::Failed
                }
                _ => Ended::Unknown,
            };
            entry.ended = match refused && world.is(Wrong::TakesOneRefusalForAll) {
                true => Some(Ended::Failed),
                false => Some(ended),
            };
        }
    }
}
