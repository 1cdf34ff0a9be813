//! One seed from its beginning to its end: who acts next, and what nature and people do in between.

use crate::chance::Chance;
use crate::clocks::Clocks;
use crate::destination::Destination;
use crate::setup::{Database, Setup};
use crate::shared_store::SharedStore;
use crate::trace::{Event, Trace, Who};
use crate::verdict::{Breach, Seen, breaches};
use crate::worker::{Worker, World};
use crate::wrong::Wrong;

/// What is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub wrong: Option<Wrong>,
    /// Half of the stops are those of a machine that sleeps: the worker's own clock stands still meanwhile.
    pub sleeps: bool,
    /// Right before sending the store is asked whether the claims are still held, and for its time: the deadline is
    /// kept by that as well.
    pub asks_the_store: bool,
    /// Everything that happens is printed.
    pub print: bool,
}

/// How a seed ended.
pub struct Outcome {
    pub breaches: Vec<Breach>,
    pub seen: Seen,
    pub hash: u64,
}

/// Runs one seed.
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut chance = Chance::new(seed);
    let setup = Setup::draw(&mut chance);
    if options.print {
        println!("seed {seed}: {setup:?}");
    }
    let jump = i64::try_from(setup.longest_stall()).unwrap();
    let skew = (0..setup.workers)
        .map(|_| i64::try_from(chance.upto(2 * jump.unsigned_abs())).unwrap() - jump)
        .collect();
    let mut workers: Vec<Worker> = (0..setup.workers)
        .map(|number| Worker::new(number, chance.upto(5), options.wrong))
        .collect();
    let mut nature = chance
        .happens(setup.nature)
        .then(|| chance.upto(setup.quarantine()));
    let mut world = World {
        now: 0,
        clocks: Clocks::new(&setup, skew),
        store: SharedStore::new(setup.records),
        destination: Destination::new(setup.records),
        merges: vec![None; setup.records],
        trace: Trace::new(options.print),
        seen: Seen {
            seeds: 1,
            ..Seen::default()
        },
        breach: None,
        options,
        chance,
        setup,
    };
    while let Some((now, worker)) = next(&mut world, &workers) {
        if let Some(at) = nature.filter(|at| *at <= now) {
            merge(&mut world, at);
            go_to(&mut world, at);
            act(&mut world, &mut workers);
            let again = at + world.chance.between(1, world.setup.quarantine());
            nature = Some(again).filter(|again| *again < world.setup.calm);
            // It may have started the machine again: then somebody else is next.
            continue;
        }
        merge(&mut world, now);
        go_to(&mut world, now);
        if now > world.setup.deadline(world.clocks.put_back) {
            world.breach.get_or_insert(Breach::NeverEnds);
            break;
        }
        workers[worker].wake(&mut world);
    }
    let sent_again = world.breach.is_none() && sends_again(&mut world);
    world.seen.taken_back = world.store.taken_back;
    Outcome {
        breaches: breaches(&world, sent_again),
        seen: world.seen,
        hash: world.trace.hash(),
    }
}

fn go_to(world: &mut World, at: u64) {
    assert!(
        at >= world.now,
        "the virtual time went back from {} to {at} ms",
        world.now
    );
    world.now = at;
}

/// Whose step is next, and when. Of several at one instant any may be the first.
fn next(world: &mut World, workers: &[Worker]) -> Option<(u64, usize)> {
    let soonest = workers.iter().filter_map(|worker| worker.wakes).min()?;
    let due = |worker: &&Worker| worker.wakes == Some(soonest);
    let many = workers.iter().filter(due).count() as u64;
    let pick = match many {
        1 => 0,
        _ => usize::try_from(world.chance.upto(many - 1)).unwrap(),
    };
    let worker = workers.iter().filter(due).nth(pick)?;
    Some((soonest, worker.number))
}

/// Sets a clock, starts the machine again, or copies a record by hand.
fn act(world: &mut World, workers: &mut [Worker]) {
    let (now, far) = (world.now, world.setup.longest_stall());
    let most = i64::try_from(far).unwrap();
    match (world.chance.upto(2), world.setup.database) {
        (0, Database::File) => set_clock(world, -most, most),
        // A server's clock is put back and never forward, see the limits at the head of `main.rs`.
        (0, Database::Server) => set_clock(world, -most, 0),
        (1, Database::File) => {
            world.trace.note(now, Who::Nature, Event::Reboots);
            world.seen.reboots += 1;
            world.clocks.reboot(now);
            for worker in workers {
                worker.crash(world);
            }
        }
        _ => {
            let record = usize::try_from(world.chance.upto(world.setup.records as u64 - 1)).unwrap();
            let found = world.destination.find(now, record);
            if found.len() == 1 && world.store.links[record].is_none() {
                world.trace.note(now, Who::Nature, Event::CopiesByHand { record });
                world.destination.copy_by_hand(now, record);
            }
        }
    }
}

fn set_clock(world: &mut World, least: i64, most: i64) {
    let width = most.abs_diff(least);
    let by = least + i64::try_from(world.chance.upto(width)).unwrap();
    world.clocks.set(by);
    world.seen.clocks_set += 1;
    world.trace.note(world.now, Who::Nature, Event::ClockSet { by });
}

/// People who were told of several records with one mark leave one of them.
fn merge(world: &mut World, now: u64) {
    for record in 0..world.setup.records {
        let Some(at) = world.merges[record].filter(|at| *at <= now) else {
            continue;
        };
        world.merges[record] = None;
        let found = world.destination.find(at, record);
        let stays = usize::try_from(world.chance.upto(found.len().max(1) as u64 - 1)).unwrap();
        for (place, gone) in found.into_iter().enumerate() {
            if place != stays {
                world
                    .trace
                    .note(at, Who::Nature, Event::MergesByHand { record, gone });
                world.destination.remove(gone);
            }
        }
    }
}

/// Applies the plan once more, long after: nothing may be sent.
fn sends_again(world: &mut World) -> bool {
    world.now += 2 * world.setup.quarantine();
    let before: u64 = world.destination.requests.iter().sum();
    let mut again = Worker::new(0, world.now, world.options.wrong);
    while let Some(now) = again.wakes {
        world.now = now;
        again.wake(world);
    }
    world.destination.requests.iter().sum::<u64>() != before
}
