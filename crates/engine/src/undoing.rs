//! Taking back what a run wrote: a plan of its own, applied like any other.
//!
//! What was undone is marked, so that the next sync does not do the same again: plans leave such records alone until
//! a person releases them. The bridge's schedule is paused before the first write goes back.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::planning::collect_assets;
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use crate::writing::Undoing;
use connect::{AssetScope, Destination};
use model::operation::{Action, ClientTarget, SiteTarget, TypeTarget};
use model::{
    Actor, ActorRole, Asset, Bridge, Cause, Connection, Operation, Outcome, PlanId, PlanSummary, RecordId,
    RecordKind, Run, RunId, RunKind, RunState, SourceId,
};
use plan::{Done, LinkNow, UndoInput, UndoPlan, plan_undo};
use std::collections::{BTreeMap, BTreeSet};
use store::DoneItem;
use store::crash::{Point, point};

/// How much of a run is undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoScope {
    /// Only these source records.
    pub records: Vec<(RecordKind, SourceId)>,
    /// Only these operations, by their number in the run's plan.
    pub operations: Vec<u32>,
}

impl UndoScope {
    fn is_all(&self) -> bool {
        self.records.is_empty() && self.operations.is_empty()
    }

    fn holds(&self, item: &DoneItem) -> bool {
        let named = |operation: &Operation| {
            let (kind, source) = (operation.subject.kind, &operation.subject.source_id);
            self.records.iter().any(|(k, s)| *k == kind && s == source)
        };
        self.is_all() || self.operations.contains(&item.number) || item.operation.as_ref().is_some_and(named)
    }
}

impl Engine {
    /// Makes the plan that takes back what a run wrote, as far as it still stands. Nothing is written before it is
    /// applied.
    ///
    /// # Errors
    /// [`Error::NotUndoable`] for a run that goes on, wrote nothing, was undone, or is an undo itself; and when the
    /// destination cannot be read.
    pub async fn undo_plan(
        &self,
        actor: &Actor,
        runner: &Runner,
        run: &Run,
        scope: &UndoScope,
        work: Work<'_>,
    ) -> Result<PlanSummary> {
        require(actor, ActorRole::Technician, "undo runs")?;
        // As it stands now: it may have ended, or gone on, since it was looked up.
        let run = self.find_run(actor, run.id.as_str()).await?;
        let (bridge, applied) = undoable(&run)?;
        let bridge = self.store.bridge(bridge).await?;
        let hold = self.hold(runner, bridge_leases(&bridge), &work).await?;
        let result = self
            .acting(actor)
            .undo_plan_held(&run, &bridge, applied, scope, hold.work(work))
            .await;
        hold.end(work, result).await
    }

    /// The same, where the bridge is held already.
    async fn undo_plan_held(
        &self,
        run: &Run,
        bridge: &Bridge,
        applied: &PlanId,
        scope: &UndoScope,
        work: Work<'_>,
    ) -> Result<PlanSummary> {
        let applied = self.store.plan(applied).await.map_err(|error| match error {
            store::Error::Missing { .. } => not_undoable(&run.id, "its plan is no longer kept"),
            other => other.into(),
        })?;
        if self.store.plan_is_forgotten(&applied.id).await? {
            let days = self.store.kept_days().await?;
            let why = format!("an undo reaches back {days} days, and what it did is no longer kept");
            return Err(not_undoable(&run.id, why));
        }
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        // What it wrote may have arrived without an answer.
        let over = self.writes_over(bridge).await?;
        self.take_in_arrived(bridge, destination.as_ref(), over).await?;
        let done = self.to_take_back(run, scope).await?;
        work.progress.at("Reading what was written", 0, None);
        let linked = self.store.links(&bridge.id, RecordKind::Asset).await?.len();
        let linked = u32::try_from(linked).unwrap_or(u32::MAX);
        let undo = self
            .way_back(bridge, &connection, destination.as_ref(), &done, linked)
            .await?;
        work.check()?;
        let mut writer = self
            .store
            .begin_undo_plan(bridge, &applied.snapshot, &run.id)
            .await?;
        writer.add(undo.operations).await?;
        point(Point::BeforeUndoPlanReady)?;
        let plan = writer.finish(undo.counts, undo.warnings).await?;
        point(Point::UndoPlanReady)?;
        Ok(plan)
    }

    /// What takes back what was done, as both sides stand at this moment. `linked` is how many assets the bridge has.
    ///
    /// # Errors
    /// When the destination cannot be read, or the store fails.
    pub(crate) async fn way_back(
        &self,
        bridge: &Bridge,
        connection: &Connection,
        destination: &dyn Destination,
        done: &[Done],
        linked: u32,
    ) -> Result<UndoPlan> {
        let of_assets = done
            .iter()
            .filter(|d| d.operation.subject.kind == RecordKind::Asset);
        let ids: BTreeSet<RecordId> = of_assets.map(|d| d.record.clone()).collect();
        let assets = self.assets_now(connection, destination, ids).await?;
        let links = self.links_now(bridge, done).await?;
        let capabilities = destination.capabilities();
        Ok(plan_undo(&UndoInput {
            done,
            assets: &assets,
            links: &links,
            update: capabilities.update_assets,
            archive: capabilities.archive,
            restore: capabilities.restore,
            linked,
            brakes: &bridge.settings.brakes,
        }))
    }

    /// These assets as they are at this moment; one that is gone is missing.
    pub(crate) async fn assets_now(
        &self,
        connection: &Connection,
        destination: &dyn Destination,
        ids: BTreeSet<RecordId>,
    ) -> Result<BTreeMap<RecordId, Asset>> {
        let ids = AssetScope::Ids(ids.into_iter().collect());
        match collect_assets(destination, ids).await {
            Ok(assets) => Ok(assets.into_iter().map(|a| (a.id.clone(), a)).collect()),
            Err(error) => Err(self.met(connection, error).await),
        }
    }

    /// What of a run is to be taken back.
    async fn to_take_back(&self, run: &Run, scope: &UndoScope) -> Result<Vec<Done>> {
        let items = self.store.done_items(&run.id).await?;
        if items.is_empty() {
            return Err(not_undoable(&run.id, "it wrote nothing"));
        }
        let (asked, of): (Vec<DoneItem>, &str) = match scope.is_all() {
            true => (items, "it"),
            false => (
                items.into_iter().filter(|item| scope.holds(item)).collect(),
                "that record",
            ),
        };
        let Some(first) = asked.first() else {
            return Err(not_undoable(
                &run.id,
                "it wrote no such record; rmmbridge plan <the run's plan> --all lists what it wrote",
            ));
        };
        if let (Some(by), true) = (
            &first.undone_by,
            asked.iter().all(|item| item.undone_by.is_some()),
        ) {
            let why = format!(
                "{of} was undone by run {by} already; rmmbridge plan shows what would be written now"
            );
            return Err(not_undoable(&run.id, why));
        }
        let open = asked.into_iter().filter(|item| item.undone_by.is_none());
        let done = open.map(|item| {
            let kept = "what it did is no longer kept";
            let operation = item.operation.ok_or_else(|| not_undoable(&run.id, kept))?;
            let record = item.record;
            Ok(Done { operation, record })
        });
        done.collect()
    }

    /// What a run did and nobody has taken back yet, by number.
    pub(crate) async fn still_done(&self, run: &RunId) -> Result<BTreeMap<u32, Done>> {
        let items = self.store.done_items(run).await?;
        let open = items.into_iter().filter(|item| item.undone_by.is_none());
        let done = open.filter_map(|item| {
            let (operation, record) = (item.operation?, item.record);
            Some((item.number, Done { operation, record }))
        });
        Ok(done.collect())
    }

    /// The links of the records, and of those they refer to.
    async fn links_now(
        &self,
        bridge: &Bridge,
        done: &[Done],
    ) -> Result<BTreeMap<(RecordKind, SourceId), LinkNow>> {
        let mut records = BTreeSet::new();
        for Done { operation, .. } in done {
            records.insert((operation.subject.kind, operation.subject.source_id.clone()));
            let (client, site, asset_type) = match &operation.action {
                Action::CreateAsset(draft) => (
                    Some(&draft.client),
                    draft.site.as_ref(),
                    draft.asset_type.as_ref(),
                ),
                Action::UpdateAsset {
                    moved: Some(moved), ..
                } => (
                    moved.client.as_ref(),
                    moved.site.as_ref(),
                    moved.asset_type.as_ref(),
                ),
                _ => continue,
            };
            if let Some(ClientTarget::Of(id)) = client {
                records.insert((RecordKind::Client, id.clone()));
            }
            if let Some(SiteTarget::Of(id)) = site {
                records.insert((RecordKind::Site, id.clone()));
            }
            if let Some(TypeTarget::Of(id)) = asset_type {
                records.insert((RecordKind::AssetType, id.clone()));
            }
        }
        let records: Vec<_> = records.into_iter().collect();
        let links = self.store.links_of(&bridge.id, &records).await?;
        let now = |link: store::Link| LinkNow {
            written: link.written_values(),
            record: link.destination,
        };
        Ok(links
            .into_iter()
            .map(|(record, link)| (record, now(link)))
            .collect())
    }

    /// Pauses the schedule of a bridge one of whose runs is about to be undone, unless it is paused already.
    pub(crate) async fn begin_undoing(&self, actor: &Actor, bridge: &Bridge, run: &RunId) -> Result<Undoing> {
        let run = self.find_run(actor, run.as_str()).await?;
        let (_, plan) = undoable(&run)?;
        if bridge.paused.is_none() {
            let on = self.clock().now().to_zoned(jiff::tz::TimeZone::UTC).date();
            let reason = format!("run {} was undone by {actor} on {on}", run.id);
            self.store.pause_bridge(&bridge.id, Some(&reason)).await?;
        }
        point(Point::UndoBegun)?;
        Ok(Undoing {
            plan: plan.clone(),
            by: actor.to_string(),
        })
    }

    /// Closes the operations of which nothing is left to take back: what stays was listed. Those with a write that
    /// was left out, refused or is in doubt can be undone again, and so can what the destination cannot take back now.
    pub(crate) async fn settle_what_stays(
        &self,
        run: &RunId,
        plan: &PlanId,
        undoing: &Undoing,
    ) -> Result<()> {
        let items = self.store.run_items(plan).await?;
        let (mut listed, mut open) = (BTreeSet::new(), BTreeSet::new());
        let mut after = 0;
        loop {
            let page = self.store.operations(plan, after, 500).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for operation in page {
                let Some(undoes) = operation.undoes else { continue };
                let done = matches!(
                    items.get(&operation.number).map(|i| &i.outcome),
                    Some(Outcome::Done { .. })
                );
                let by_hand = matches!(operation.cause, Some(Cause::ChangeByHand | Cause::RestoreByHand));
                match operation.action.writes() {
                    false if by_hand => open.insert(undoes),
                    false => listed.insert(undoes),
                    true if !done => open.insert(undoes),
                    true => continue,
                };
            }
        }
        let settled: Vec<u32> = listed.difference(&open).copied().collect();
        Ok(self.store.settle_undone(&undoing.plan, &settled, run).await?)
    }

    /// Lets the schedule of a bridge go on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume_bridge(&self, actor: &Actor, bridge: &Bridge) -> Result<Bridge> {
        require(actor, ActorRole::Technician, "resume bridges")?;
        self.acting(actor).store.pause_bridge(&bridge.id, None).await?;
        Ok(self.store.bridge(&bridge.id).await?)
    }
}

/// Refuses a schedule on a bridge that was paused; people go on by hand.
pub(crate) fn refuse_paused(actor: &Actor, bridge: &Bridge) -> Result<()> {
    match (actor, &bridge.paused) {
        (Actor::Schedule { .. }, Some(reason)) => Err(Error::Paused {
            bridge: bridge.name.clone(),
            reason: reason.clone(),
        }),
        _ => Ok(()),
    }
}

fn undoable(run: &Run) -> Result<(&model::BridgeId, &PlanId)> {
    let no = |why: &str| Err(not_undoable(&run.id, why));
    match (&run.kind, &run.state) {
        (RunKind::Read { .. }, _) => no("it only read; nothing was written"),
        (RunKind::Undo { run, .. }, _) => no(&format!(
            "it is the undo of run {run}. To have the same written again, release it and plan anew: rmmbridge undo \
             --release all, then rmmbridge plan and rmmbridge apply"
        )),
        (RunKind::Apply { .. }, RunState::Running) => {
            no("it is still running; wait for its end, or stop it first")
        }
        (RunKind::Apply { bridge, plan }, _) => Ok((bridge, plan)),
    }
}

fn not_undoable(run: &RunId, why: impl Into<String>) -> Error {
    Error::NotUndoable {
        run: run.to_string(),
        why: why.into(),
    }
}
