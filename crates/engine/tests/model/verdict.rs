//! What must hold of every seed when it has ended, and what has to have happened in a run of many seeds, so that they
//! cannot pass by doing nothing.

use crate::shared_store::Ended;
use crate::worker::World;

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Two records that the protocol made carry one mark.
    Duplicate,
    /// A record is linked to nothing that exists, or said to be done while the destination does not hold it.
    Lost,
    /// Several records carried our mark, and one of them was taken.
    TookOneOfSeveral,
    /// A request left while an earlier one for the same record could still land: of two updates the older might win.
    TwoInTheAir,
    /// More requests left than claims were taken.
    UnbookedRequest,
    /// A record is linked, and its claim says for good that an outcome is unknown.
    LeftInDoubt,
    /// A record had not ended when every wait was long over.
    NeverEnds,
    /// Applied again, something was sent.
    SentAgain,
}

/// How often what was met.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub seeds: u64,
    pub sends: u64,
    pub ghosts: u64,
    pub crashes: u64,
    pub stalls: u64,
    pub turns_lost: u64,
    pub look_ups: u64,
    pub adoptions: u64,
    pub several: u64,
    pub too_late: u64,
    pub overtaken: u64,
    pub clocks_set: u64,
    pub reboots: u64,
    /// Items that were done and were written over as skipped, unknown or failed.
    pub taken_back: u64,
}

impl Seen {
    pub fn add(&mut self, other: &Self) {
        let all = [
            (&mut self.seeds, other.seeds),
            (&mut self.sends, other.sends),
            (&mut self.ghosts, other.ghosts),
            (&mut self.crashes, other.crashes),
            (&mut self.stalls, other.stalls),
            (&mut self.turns_lost, other.turns_lost),
            (&mut self.look_ups, other.look_ups),
            (&mut self.adoptions, other.adoptions),
            (&mut self.several, other.several),
            (&mut self.too_late, other.too_late),
            (&mut self.overtaken, other.overtaken),
            (&mut self.clocks_set, other.clocks_set),
            (&mut self.reboots, other.reboots),
            (&mut self.taken_back, other.taken_back),
        ];
        for (sum, more) in all {
            *sum += more;
        }
    }

    /// Whether each sort of mishap was met.
    pub fn everything(&self) -> bool {
        [
            self.sends,
            self.ghosts,
            self.crashes,
            self.stalls,
            self.turns_lost,
            self.look_ups,
            self.adoptions,
            self.several,
            self.too_late,
            self.overtaken,
            self.clocks_set,
            self.reboots,
        ]
        .iter()
        .all(|times| *times > 0)
    }
}

/// The breaches of a world in which every worker has come to its end.
pub fn breaches(world: &World, sent_again: bool) -> Vec<Breach> {
    let mut found: Vec<Breach> = world.breach.into_iter().collect();
    let mut add = |breach| {
        if !found.contains(&breach) {
            found.push(breach);
        }
    };
    let exists = |copy: usize| {
        world.destination.copies[copy]
            .as_ref()
            .is_some_and(|copy| copy.live)
    };
    for record in 0..world.setup.records {
        let ours = world.destination.held(record).filter(|(_, copy)| !copy.by_hand);
        if ours.count() > 1 {
            add(Breach::Duplicate);
        }
        if world.store.links[record].is_some_and(|copy| !exists(copy)) {
            add(Breach::Lost);
        }
        if let Some(Ended::Done(copy)) = world.store.items[record]
            && !exists(copy)
        {
            add(Breach::Lost);
        }
        if world.store.links[record].is_some() && world.store.claims[record].open.is_some() {
            add(Breach::LeftInDoubt);
        }
        if world.destination.requests[record] > world.store.taken[record] {
            add(Breach::UnbookedRequest);
        }
    }
    if sent_again {
        add(Breach::SentAgain);
    }
    found
}
