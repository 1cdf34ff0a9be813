//! The shared store: claims, links and items as `crates/store` keeps them, each method one transaction.

use crate::wrong::Wrong;
use model::Moment;
use std::time::Duration;
use store::{Claim, OpenWrite};

/// How an operation ended. Records of the destination are known by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    Done(usize),
    Failed,
    Skipped,
    Unknown,
    /// Unknown, and a person is told that several records carry our mark.
    Several,
}

/// An outcome to record, as `store::NewItem`.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub record: usize,
    pub ended: Ended,
    /// The version of the claim it settles.
    pub settles: Option<i64>,
}

#[derive(Debug)]
pub struct SharedStore {
    pub claims: Vec<Claim>,
    pub links: Vec<Option<usize>>,
    pub items: Vec<Option<Ended>>,
    /// How often each claim was taken.
    pub taken: Vec<u64>,
    /// Items that were done and were written over as something else.
    pub taken_back: u64,
}

impl SharedStore {
    pub fn new(records: usize) -> Self {
        Self {
            claims: vec![Claim::default(); records],
            links: vec![None; records],
            items: vec![None; records],
            taken: vec![0; records],
            taken_back: 0,
        }
    }

    /// As `store::Store::intend`: whether the claim stood at `version` and was taken.
    pub fn intend(
        &mut self,
        record: usize,
        version: i64,
        sent: Moment,
        settles: Duration,
        wrong: Option<Wrong>,
    ) -> bool {
        let claim = &mut self.claims[record];
        let unseen = matches!(wrong, Some(Wrong::TakesTheClaimUnseen | Wrong::ComparesThenSets));
        if claim.version != version && !unseen {
            return false;
        }
        let sent = match claim.open.take() {
            Some(first) if wrong == Some(Wrong::WaitsFromTheFirstAttempt) => first.sent,
            _ => sent,
        };
        claim.version = version.max(claim.version) + 1;
        claim.open = Some(OpenWrite {
            sent,
            settles,
            attempts: vec![],
        });
        self.taken[record] += 1;
        true
    }

    /// As `store::Store::record`: outcomes, links and claims together. False for an item that was not recorded, since
    /// another worker holds its claim by now.
    pub fn record(&mut self, item: Item, wrong: Option<Wrong>) -> bool {
        let Item {
            record,
            ended,
            settles,
        } = item;
        if let Some(version) = settles {
            let claim = &mut self.claims[record];
            let held = claim.version == version;
            if !held && wrong != Some(Wrong::SettlesWhatOthersHold) {
                return false;
            }
            claim.open = None;
            match wrong {
                Some(Wrong::ForgetsTheVersion) => claim.version = 0,
                Some(Wrong::SettlesWithoutMovingOn) => {}
                _ => claim.version += 1,
            }
        }
        if let Ended::Done(copy) = ended {
            self.links[record] = Some(copy);
        }
        let before = self.items[record].replace(ended);
        if matches!(before, Some(Ended::Done(_))) && !matches!(ended, Ended::Done(_)) {
            self.taken_back += 1;
        }
        true
    }
}
