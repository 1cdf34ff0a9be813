//! The client wizard: matching everything at once, an overview of what will happen, and Finish.
//!
//! Decisions are remembered, and nothing is written to the destination, before Finish applies them. What the wizard does
//! can be done again at any later visit: every decision can be changed, and what was left open can be created then.

use crate::applying::ApplyOptions;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::matching::{MatchRow, Matching};
use crate::planning::SkippedFields;
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use model::{
    Actor, ActorRole, Bridge, BridgeId, Client, OrganizationMatch, PlanSummary, RecordId, Run, SourceId,
    Verdict,
};
use std::collections::BTreeMap;

/// What will happen to every organization, by what that is.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The bridge's generation this was made from; Finish is refused once it moved on.
    pub generation: i64,
    /// A client will be created for each of these.
    pub create: Vec<MatchRow>,
    /// These are clients that exist, linked already or not.
    pub matched: Vec<MatchRow>,
    /// These are left alone, with all their devices.
    pub excluded: Vec<MatchRow>,
    /// These wait for somebody; nothing happens to them, and their devices do not come.
    pub open: Vec<MatchRow>,
    /// Devices of the first two lists, before the bridge's scope is applied; 0 where devices are not imported.
    pub devices: u64,
    /// Whether devices are imported at all.
    pub imports_devices: bool,
    /// Every client of the destination, by id.
    pub clients: BTreeMap<RecordId, Client>,
}

/// Which open organizations are to be created all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// All that are neither matched nor excluded.
    All,
    /// Those of them that resemble no client: the others may be one that exists, or that another bridge has created.
    ResemblingNone,
}

/// What Finish did.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The plan that was made of the overview.
    pub plan: PlanSummary,
    /// Fields that were left out of it, since they could not be read.
    pub skipped: SkippedFields,
    /// What was applied; `None` when there was nothing to write or a person has to look first.
    pub run: Option<Run>,
    /// Why nothing was applied although there was something to write.
    pub stopped: Option<String>,
}

impl Engine {
    /// What Auto-match all would match: every organization that a rule finds a client for, and that nobody decided about
    /// and no link remembers. What the destination said of its clients may be a minute old. Nothing is stored.
    ///
    /// # Errors
    /// When nothing was read yet, or the destination cannot be read.
    pub async fn auto_match_preview(&self, actor: &Actor, bridge: &Bridge) -> Result<Vec<MatchRow>> {
        let seen = self.seen_matching(actor, bridge).await?;
        let found = seen.matching.rows.iter().filter(|row| found_by_rule(row));
        Ok(found.cloned().collect())
    }

    /// Keeps what the rules matched as decisions, so that it stands also when a name changes before Finish. Matches that
    /// a person should look at first stay as they are. Answers with what was matched.
    ///
    /// # Errors
    /// As [`Engine::auto_match_preview`]; nothing is stored then.
    pub async fn auto_match(&self, actor: &Actor, bridge: &Bridge) -> Result<Vec<MatchRow>> {
        require(actor, ActorRole::Technician, "decide matches")?;
        let mut matching = self.matching(actor, bridge).await?;
        let found: Vec<MatchRow> = std::mem::take(&mut matching.rows)
            .into_iter()
            .filter(found_by_rule)
            .collect();
        let decisions = found.iter().filter_map(|row| match &row.status {
            OrganizationMatch::Matched { client, .. } => {
                let client = client.clone();
                Some((row.organization.id.clone(), Some(Verdict::Matched { client })))
            }
            _ => None,
        });
        self.decide_if_any(actor, bridge, &matching, decisions.collect())
            .await?;
        Ok(found)
    }

    /// Decides that a client is created for each organization that is neither matched nor excluded. Answers with those.
    ///
    /// # Errors
    /// When nothing was read yet, or the destination cannot be read; nothing is stored then.
    pub async fn create_unmatched(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        which: Unmatched,
    ) -> Result<Vec<MatchRow>> {
        require(actor, ActorRole::Technician, "decide matches")?;
        let mut matching = self.matching(actor, bridge).await?;
        let wanted: Vec<MatchRow> = std::mem::take(&mut matching.rows)
            .into_iter()
            .filter(|row| match &row.status {
                OrganizationMatch::Undecided { suggestions, .. } => {
                    which == Unmatched::All || (suggestions.is_empty() && !row.overtaken)
                }
                _ => false,
            })
            .collect();
        let decisions = wanted
            .iter()
            .map(|row| (row.organization.id.clone(), Some(Verdict::Create)));
        self.decide_if_any(actor, bridge, &matching, decisions.collect())
            .await?;
        Ok(wanted)
    }

    /// What will be created, matched, left alone, and what waits for somebody. What the destination said of its clients
    /// may be a minute old. Writes nothing.
    ///
    /// # Errors
    /// When nothing was read yet, or the destination cannot be read.
    pub async fn match_overview(&self, actor: &Actor, bridge: &Bridge) -> Result<Overview> {
        require(actor, ActorRole::Viewer, "see matches")?;
        // The generation first: what is decided while the rest is read makes Finish look again.
        let bridge = self.store.bridge(&bridge.id).await?;
        let seen = self.seen_matching(actor, &bridge).await?;
        Ok(sorted(&bridge, seen.matching.clone()))
    }

    /// Whether an overview a person looked at still says what will happen, asked before Finish is put into the queue.
    ///
    /// # Errors
    /// [`Error::StaleOverview`] when somebody changed something since.
    pub async fn check_overview(
        &self,
        actor: &Actor,
        bridge: &BridgeId,
        overview_generation: i64,
    ) -> Result<()> {
        require(actor, ActorRole::Technician, "apply plans")?;
        let bridge = self.store.bridge(bridge).await?;
        match bridge.generation == overview_generation {
            true => Ok(()),
            false => Err(Error::StaleOverview { bridge: bridge.name }),
        }
    }

    /// Applies an overview a person looked at: plans from the last snapshot, and writes. Where the brakes want a person
    /// to look at the plan, it waits, unless that was `confirmed`.
    ///
    /// # Errors
    /// [`Error::StaleOverview`] when somebody changed something since; nothing is written then. Otherwise whatever
    /// planning and applying met.
    pub async fn finish(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        overview_generation: i64,
        confirmed: bool,
        work: Work<'_>,
    ) -> Result<Finished> {
        require(actor, ActorRole::Technician, "apply plans")?;
        let hold = self.hold(runner, bridge_leases(bridge), &work).await?;
        let result = self
            .finish_held(
                actor,
                runner,
                bridge,
                overview_generation,
                confirmed,
                hold.work(work),
            )
            .await;
        hold.end(work, result).await
    }

    async fn finish_held(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        overview_generation: i64,
        confirmed: bool,
        work: Work<'_>,
    ) -> Result<Finished> {
        self.check_overview(actor, &bridge.id, overview_generation)
            .await?;
        let bridge = self.store.bridge(&bridge.id).await?;
        let (plan, skipped) = self.plan_held(actor, &bridge, None, work).await?;
        let mut finished = Finished {
            plan,
            skipped,
            run: None,
            stopped: None,
        };
        if finished.plan.counts.writes() == 0 {
            return Ok(finished);
        }
        let options = ApplyOptions {
            confirmed,
            ..ApplyOptions::default()
        };
        match self
            .apply_held(actor, runner, &finished.plan.id, options, work)
            .await
        {
            Ok(run) => finished.run = Some(run),
            Err(error @ Error::NeedsConfirmation { .. }) => finished.stopped = Some(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(finished)
    }

    /// What follows from a matching is decided as long as nobody decided otherwise since. No decision is no change: the
    /// bridge's plans stay current then.
    async fn decide_if_any(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        matching: &Matching,
        decisions: Vec<(SourceId, Option<Verdict>)>,
    ) -> Result<()> {
        if decisions.is_empty() {
            return Ok(());
        }
        let seen = matching.seen(decisions.iter().map(|(organization, _)| organization));
        self.decide_as_seen(actor, bridge, &seen, decisions).await
    }
}

/// Whether a rule found this match, and nobody has to look at it before it may be taken.
fn found_by_rule(row: &MatchRow) -> bool {
    use model::MatchHow::{SameName, SimilarName, StoredId};
    match &row.status {
        OrganizationMatch::Matched {
            how,
            needs_confirmation,
            ..
        } => !row.linked && !needs_confirmation && matches!(how, StoredId | SameName | SimilarName),
        _ => false,
    }
}

fn sorted(bridge: &Bridge, matching: Matching) -> Overview {
    let mut overview = Overview {
        generation: bridge.generation,
        create: vec![],
        matched: vec![],
        excluded: vec![],
        open: vec![],
        devices: 0,
        imports_devices: bridge.settings.devices,
        clients: matching.clients,
    };
    for row in matching.rows {
        let (list, comes) = match &row.status {
            OrganizationMatch::Create { .. } => (&mut overview.create, true),
            OrganizationMatch::Matched { .. } => (&mut overview.matched, true),
            OrganizationMatch::Excluded { .. } => (&mut overview.excluded, false),
            OrganizationMatch::Undecided { .. } => (&mut overview.open, false),
        };
        if comes && bridge.settings.devices {
            overview.devices += row.devices;
        }
        list.push(row);
    }
    overview
}
