//! What each step of a worker does, in the way of `engine::writing`: the decisions are the engine's own
//! (`admit`, `resolve`, `Timing`), the store and the destination are the model's.

use crate::setup::millis;
use crate::shared_store::{Ended, Item};
use crate::trace::Event;
use crate::verdict::Breach;
use crate::worker::{Entry, Step, Worker, World};
use crate::wrong::Wrong;
use engine::writing::protocol::{Admission, Resolution, admit, resolve};
use model::RecordId;
use std::time::Duration;

impl Worker {
    /// Takes `step` and chooses the next one; the answer is when that is due, if the step knows.
    pub fn take(&mut self, step: Step, world: &mut World) -> Option<u64> {
        match step {
            Step::Claims => {
                for entry in &mut self.entries {
                    entry.claim = world.store.claims[entry.record].clone();
                }
            }
            Step::Links => {
                for entry in &mut self.entries {
                    entry.linked = world.store.links[entry.record];
                }
            }
            Step::Admit => return self.admit(world),
            Step::Deadline => {
                self.send_by = world.clocks.own(world.now, self.number) + world.setup.send_within;
            }
            Step::Intend => self.intend(world),
            Step::Claim => return self.claim(world),
            Step::LookUp => return self.look_up(world),
            Step::Check => return self.check(world),
            Step::Leave => return self.leave(world),
            Step::Answer => self.answer(world),
            Step::Record => {
                self.record(world);
                self.go_on();
                self.skip_unless_lost();
                return None;
            }
            Step::TooLate => self.too_late(world),
        }
        self.go_on();
        None
    }

    fn admit(&mut self, world: &mut World) -> Option<u64> {
        let who = self.who();
        let open = self.entries.iter().any(|entry| entry.claim.open.is_some());
        let mut now = open.then(|| world.clocks.moment(world.now, self.number, world.options.wrong));
        for entry in &mut self.entries {
            if world.is(Wrong::WaitsByTheTimeOfDayAfterARestart)
                && let (Some(now), Some(open)) = (&mut now, &entry.claim.open)
                && let (Some(up), Some(then)) = (&now.steady, &open.sent.steady)
                && up.boot != then.boot
            {
                now.steady = None;
            }
            let admission = now
                .as_ref()
                .map_or(Admission::Free, |now| admit(&entry.claim, now));
            world.trace.admission(world.now, who, entry.record, admission);
            match admission {
                _ if entry.linked.is_some() => entry.ended = Some(Ended::Skipped),
                Admission::Wait(left) => {
                    let left = millis(left);
                    self.come_again = Some(self.come_again.map_or(left, |soonest| soonest.min(left)));
                    entry.ended = Some(Ended::Unknown);
                }
                Admission::Free | Admission::InDoubt => {
                    entry.in_doubt = admission == Admission::InDoubt;
                    entry.writes = true;
                }
            }
        }
        match self.entries.iter().any(|entry| entry.writes) {
            true => self.go_on(),
            false => self.go_to(Step::Record),
        }
        None
    }

    fn intend(&mut self, world: &World) {
        self.intent = Some(world.clocks.moment(world.now, self.number, world.options.wrong));
        if world.is(Wrong::ComparesThenSets) {
            for entry in self.entries.iter_mut().filter(|entry| entry.writes) {
                entry.writes = world.store.claims[entry.record].version == entry.claim.version;
            }
        }
    }

    fn claim(&mut self, world: &mut World) -> Option<u64> {
        let who = self.who();
        let quarantine = world.setup.timing().quarantine();
        let settles = match world.options.wrong {
            Some(Wrong::WaitsATenthTooShort) => quarantine * 9 / 10,
            Some(Wrong::WaitsNotAtAll) => Duration::ZERO,
            _ => quarantine,
        };
        for entry in self.entries.iter_mut().filter(|entry| entry.writes) {
            let Some(intent) = self.intent.clone() else { break };
            let (record, version) = (entry.record, entry.claim.version);
            let ours = world
                .store
                .intend(record, version, intent, settles, world.options.wrong);
            let event = Event::Intends {
                record,
                version,
                ours,
            };
            world.trace.note(world.now, who, event);
            if ours {
                entry.held = Some(world.store.claims[record].version);
            } else {
                world.seen.turns_lost += 1;
                entry.writes = false;
                entry.ended = Some(Ended::Skipped);
            }
        }
        match self.entries.iter().any(|entry| entry.writes) {
            true => self.go_on(),
            false => self.go_to(Step::Record),
        }
        None
    }

    /// Looks up one record a step.
    fn look_up(&mut self, world: &mut World) -> Option<u64> {
        let blind = world.is(Wrong::LooksUpBeforeTheClaim);
        let wanted = |entry: &Entry| blind || entry.writes && entry.in_doubt && entry.ended.is_none();
        let from = self.looks_at;
        let next = self
            .entries
            .iter()
            .skip(from)
            .position(wanted)
            .map(|next| from + next);
        if let Some(next) = next.filter(|_| !world.is(Wrong::LooksUpNothing)) {
            let record = self.entries[next].record;
            let found = self.find_out(record, world);
            let entry = &mut self.entries[next];
            entry.found = found;
            entry.ended = if blind { None } else { found };
            self.looks_at = next + 1;
        } else {
            self.go_on();
        }
        None
    }

    /// As `engine::writing`'s look-up of a create: `None` when it never arrived and is sent.
    fn find_out(&self, record: usize, world: &mut World) -> Option<Ended> {
        if world.now < world.setup.calm && world.chance.happens(world.setup.blind) {
            world
                .trace
                .note(world.now, self.who(), Event::FindsNothingOut { record });
            return (!world.is(Wrong::TakesAFailedLookUpForNone)).then_some(Ended::Unknown);
        }
        let found = world.destination.find(world.now, record);
        let records = found.len();
        world
            .trace
            .note(world.now, self.who(), Event::Finds { record, records });
        world.seen.look_ups += 1;
        let mut ids: Vec<RecordId> = found.iter().map(|id| RecordId(id.to_string())).collect();
        if world.is(Wrong::AdoptsTheFirstOfSeveral) {
            ids.truncate(1);
        }
        let ended = match resolve(ids) {
            Resolution::Send => None,
            Resolution::Adopt(id) => {
                world.seen.adoptions += 1;
                Some(Ended::Done(id.as_str().parse().unwrap()))
            }
            Resolution::Several(_) => {
                world.seen.several += 1;
                Some(Ended::Several)
            }
        };
        if records > 1 && ended != Some(Ended::Several) {
            world.breach.get_or_insert(Breach::TookOneOfSeveral);
        }
        ended
    }

    fn record(&mut self, world: &mut World) {
        let who = self.who();
        for entry in &mut self.entries {
            let ended = match entry.ended {
                Some(ended) => ended,
                None => Ended::Done(world.destination.reserve()),
            };
            let unknown = matches!(ended, Ended::Unknown | Ended::Several);
            let (record, keeps) = (entry.record, unknown && !world.is(Wrong::SettlesTheUnknown));
            let item = Item {
                record,
                ended,
                settles: entry.held.filter(|_| !keeps),
            };
            let recorded = world.store.record(item, world.options.wrong);
            entry.ended = Some(ended);
            entry.lost = !recorded;
            let event = Event::Ends {
                record,
                as_: ended,
                recorded,
            };
            world.trace.note(world.now, who, event);
            if recorded && ended == Ended::Several && world.merges[record].is_none() {
                let pause = world.chance.upto(world.setup.quarantine());
                world.merges[record] = Some(world.now + pause);
            }
        }
    }

    /// Where another worker took the record over and came to another record, that is said.
    fn too_late(&mut self, world: &mut World) {
        for entry in self.entries.iter().filter(|entry| entry.lost) {
            world.seen.overtaken += 1;
            let Some(Ended::Done(copy)) = entry.ended else {
                continue;
            };
            if world.store.links[entry.record] == Some(copy) {
                continue;
            }
            let item = Item {
                record: entry.record,
                ended: Ended::Failed,
                settles: None,
            };
            world.store.record(item, world.options.wrong);
        }
    }
}
