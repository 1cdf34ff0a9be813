//! Applying a plan: one operation after the other, exactly as planned.
//!
//! For each batch: the intent is committed, the destination writes, outcomes and links are committed together. A
//! process that dies in between leaves intents; whoever applies the plan again looks those records up by marker
//! before anything is sent a second time.

mod resolve;

use crate::engine::{Engine, Runner, require};
use crate::error::{Error, Result};
use crate::progress::Work;
use connect::{AssetScope, Destination, Marker, Write, WriteError, WriteResult};
use model::operation::{Action, Change, Operation};
use model::{
    Actor, ActorRole, Asset, Bridge, ConnectionState, Outcome, PlanId, PlanSummary, RecordId, RecordKind,
    Run, RunKind, RunState,
};
use resolve::Links;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::{ItemState, NewItem, NewLink, WrittenValue};
use tokio::sync::mpsc;

/// Operations read from the plan at a time.
const PAGE: usize = 500;

/// How much of a plan is applied.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// Only the first so many operations that write.
    pub first: Option<u32>,
    /// Operations a person took out, by number. They stay open in this plan.
    pub deselected: BTreeSet<u32>,
    /// A person has seen what made the brakes stop, and goes on.
    pub confirmed: bool,
}

/// One operation on its way.
struct Step {
    operation: Operation,
    /// Whether an earlier attempt may have been carried out.
    in_doubt: bool,
}

impl Engine {
    /// Applies a plan.
    ///
    /// # Errors
    /// When the plan is stale, stops for a person, or writing is off, nothing is written. When the store fails or the
    /// work is stopped midway, what was finished stands and applying the plan again goes on from there. A record the
    /// destination refuses is no error: it is an item of the run, with its reason.
    pub async fn apply(
        &self,
        actor: &Actor,
        _runner: &Runner,
        id: &PlanId,
        options: ApplyOptions,
        work: Work<'_>,
    ) -> Result<Run> {
        require(actor, ActorRole::Technician, "apply plans")?;
        let plan = self.plan(actor, id).await?;
        let bridge = self.store.bridge(&plan.bridge).await?;
        if !self.store.plan_is_current(&plan).await? {
            return Err(Error::StalePlan { plan: id.to_string() });
        }
        self.check_newest(&plan, &bridge).await?;
        if !plan.warnings.is_empty() && !options.confirmed {
            return Err(Error::NeedsConfirmation {
                plan: id.to_string(),
                warnings: plan.warnings,
            });
        }
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        if connection.read_only || connection.state == ConnectionState::Paused {
            return Err(Error::WritesOff {
                connection: connection.name,
            });
        }
        for field in self.compiled_mapping(&bridge).await?.missing_fields {
            if let Err(error) = destination.create_field(&field).await {
                return Err(self.met(&connection, error).await);
            }
        }
        let kind = RunKind::Apply {
            bridge: bridge.id.clone(),
            plan: id.clone(),
        };
        let mut run = self.store.begin_run(kind, &actor.to_string()).await?;
        let result = self
            .apply_operations(&mut run, &plan, &bridge, destination.as_ref(), &options, work)
            .await;
        let state = match &result {
            Ok(()) => RunState::Finished,
            Err(error) => RunState::Failed {
                reason: error.to_string(),
            },
        };
        self.store.end_run(&mut run, state).await?;
        result.map(|()| run)
    }

    /// Refuses a plan that a newer plan or a newer read has overtaken: what it would archive or move may be back, or
    /// elsewhere, by now.
    async fn check_newest(&self, plan: &PlanSummary, bridge: &Bridge) -> Result<()> {
        let newest = self.store.newest_plan(&bridge.id).await?;
        let newer = if let Some(newer) = newest.filter(|newest| newest.id != plan.id) {
            format!("plan {} was made since", newer.id)
        } else if self
            .store
            .current_snapshot(&bridge.source)
            .await?
            .is_none_or(|s| s.id != plan.snapshot)
        {
            "the source was read since".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Superseded {
            plan: plan.id.to_string(),
            newer,
        })
    }

    async fn apply_operations(
        &self,
        run: &mut Run,
        plan: &PlanSummary,
        bridge: &Bridge,
        destination: &dyn Destination,
        options: &ApplyOptions,
        work: Work<'_>,
    ) -> Result<()> {
        let total = u64::from(options.first.unwrap_or(u32::MAX).min(plan.counts.writes()));
        let before = self.store.run_items(&plan.id).await?;
        let in_doubt = self.store.subjects_in_doubt(&bridge.id).await?;
        let mut links = Links::load(&self.store, bridge).await?;
        let mut applying = Applying {
            engine: self,
            run,
            plan,
            bridge,
            destination,
            links: &mut links,
        };
        let max_batch = destination.capabilities().max_batch.max(1);
        let mut batch: Vec<Step> = Vec::new();
        let mut begun = 0_u64;
        let mut after = 0;
        'plan: loop {
            let page = self.store.operations(&plan.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for operation in page {
                if !operation.action.writes() || options.deselected.contains(&operation.number) {
                    continue;
                }
                if let Some(ItemState::Ended(Outcome::Done { .. })) =
                    before.get(&operation.number).map(|i| &i.state)
                {
                    continue;
                }
                if begun >= total {
                    break 'plan;
                }
                begun += 1;
                // An attempt of another plan counts too: after a crash people plan anew.
                let in_doubt =
                    in_doubt.contains(&(operation.subject.kind, operation.subject.source_id.clone()));
                // A new sort of operation may need links the last ones make.
                let other = batch
                    .first()
                    .is_some_and(|s| s.operation.action.name() != operation.action.name());
                if other || batch.len() >= max_batch {
                    work.check()?;
                    applying.carry_out(std::mem::take(&mut batch)).await?;
                    work.progress.at("Applying", begun - 1, Some(total));
                }
                batch.push(Step { operation, in_doubt });
            }
        }
        work.check()?;
        applying.carry_out(batch).await?;
        work.progress.at("Applying", total, Some(total));
        Ok(())
    }
}

/// The surroundings of one batch.
struct Applying<'a> {
    engine: &'a Engine,
    run: &'a mut Run,
    plan: &'a PlanSummary,
    bridge: &'a Bridge,
    destination: &'a dyn Destination,
    links: &'a mut Links,
}

impl Applying<'_> {
    async fn carry_out(&mut self, steps: Vec<Step>) -> Result<()> {
        if steps.is_empty() {
            return Ok(());
        }
        let mut items: Vec<NewItem> = Vec::with_capacity(steps.len());
        let mut to_send: Vec<(Operation, Write)> = Vec::new();
        for step in steps {
            match self.prepare(&step).await? {
                Prepared::Ended(outcome) => items.push(self.item(&step.operation, outcome)),
                Prepared::Send(write) => to_send.push((step.operation, write)),
            }
        }
        let store = &self.engine.store;
        if !to_send.is_empty() {
            let numbers: Vec<u32> = to_send.iter().map(|(operation, _)| operation.number).collect();
            store.intend(&self.run.id, &self.plan.id, &numbers).await?;
            let (operations, writes): (Vec<Operation>, Vec<Write>) = to_send.into_iter().unzip();
            let results = self.destination.write(&writes).await;
            debug_assert_eq!(
                results.len(),
                operations.len(),
                "a destination answers every write"
            );
            for (operation, result) in operations.iter().zip(results) {
                items.push(self.item(operation, outcome(result)));
            }
        }
        let items = self.record(items).await?;
        for item in items {
            match &item.outcome {
                Outcome::Done { .. } => self.run.counts.done += 1,
                Outcome::Failed { .. } => self.run.counts.failed += 1,
                Outcome::Skipped { .. } => self.run.counts.skipped += 1,
                Outcome::Unknown { .. } => self.run.counts.unknown += 1,
            }
            if let Some(link) = &item.link {
                self.links.add(link.kind, &link.source, &link.destination);
            }
        }
        Ok(())
    }

    /// Stores outcomes and links together. A link that would make two devices one asset is refused by the store; then
    /// the items are stored one by one, so that one bad record stops no other.
    async fn record(&self, mut items: Vec<NewItem>) -> Result<Vec<NewItem>> {
        let (store, run, plan, bridge) = (&self.engine.store, &self.run.id, &self.plan.id, &self.bridge.id);
        match store.record(run, plan, bridge, items.clone()).await {
            Err(store::Error::Linked { .. }) => {}
            other => return Ok(other.map(|()| items)?),
        }
        for item in &mut items {
            let refused = match store.record(run, plan, bridge, vec![item.clone()]).await {
                Err(error @ store::Error::Linked { .. }) => error,
                other => {
                    other?;
                    continue;
                }
            };
            *item = NewItem {
                number: item.number,
                outcome: Outcome::Failed {
                    message: refused.to_string(),
                },
                link: None,
            };
            store.record(run, plan, bridge, vec![item.clone()]).await?;
        }
        Ok(items)
    }

    /// Decides what is sent for an operation, or that nothing is.
    async fn prepare(&self, step: &Step) -> Result<Prepared> {
        let operation = &step.operation;
        let subject = &operation.subject;
        if let Some(needed) = &operation.after_match {
            let linked = self.links.get(RecordKind::Client, &needed.organization);
            if linked.is_none_or(|linked| needed.client.as_ref().is_some_and(|client| client != linked)) {
                return Ok(Prepared::skipped(
                    "the match of its organization was left out or refused",
                ));
            }
        }
        let marker = Marker::new(&self.bridge.source, subject.kind, &subject.source_id);
        let linked = self.links.get(subject.kind, &subject.source_id);
        match &operation.action {
            Action::CreateClient(_)
            | Action::CreateSite(_)
            | Action::CreateAssetType(_)
            | Action::CreateAsset(_) => {
                if let Some(record) = linked {
                    let message = format!("it was linked to record {record} after the plan was made");
                    return Ok(Prepared::skipped(message));
                }
                if step.in_doubt
                    && let Some(outcome) = self.look_up(subject.kind, &marker).await
                {
                    return Ok(Prepared::Ended(outcome));
                }
            }
            Action::Link { record, .. } if subject.kind != RecordKind::Asset => {
                return Ok(Prepared::Ended(Outcome::Done {
                    record: record.clone(),
                }));
            }
            // Both act on what is linked: an adoption that was left out or refused leaves its record alone.
            Action::UpdateAsset { asset, .. } | Action::ArchiveAsset { asset } if linked != Some(asset) => {
                return Ok(Prepared::skipped(format!(
                    "asset {asset} is not linked to this device"
                )));
            }
            _ => {}
        }
        let write = match self.links.write(operation, marker) {
            Ok(write) => write,
            Err(message) => return Ok(Prepared::Ended(Outcome::Failed { message })),
        };
        if step.in_doubt
            && let Write::UpdateAsset { id, .. } = &write
            && self.stands_already(id, &write).await
        {
            return Ok(Prepared::Ended(Outcome::Done { record: id.clone() }));
        }
        Ok(Prepared::Send(write))
    }

    /// How a create whose outcome is not known turned out; `None` when it was not carried out.
    async fn look_up(&self, kind: RecordKind, marker: &Marker) -> Option<Outcome> {
        match self.destination.find(kind, marker).await.as_deref() {
            Ok([]) => None,
            Ok([record]) => Some(Outcome::Done {
                record: record.clone(),
            }),
            Ok(several) => Some(Outcome::Failed {
                message: format!(
                    "{} records carry our mark {marker}; a person has to merge them",
                    several.len()
                ),
            }),
            Err(error) => Some(Outcome::Unknown {
                message: format!("an earlier attempt is in doubt and could not be looked up: {error}"),
            }),
        }
    }

    /// Whether an update whose outcome is not known was carried out: everything it writes stands.
    async fn stands_already(&self, id: &RecordId, write: &Write) -> bool {
        let Write::UpdateAsset {
            changes,
            client,
            site,
            asset_type,
            source_id,
            ..
        } = write
        else {
            return false;
        };
        let (sender, mut pages) = mpsc::channel::<Vec<Asset>>(1);
        let read = self.destination.assets(AssetScope::Ids(vec![id.clone()]), sender);
        let (read, asset) = tokio::join!(read, async {
            pages.recv().await.and_then(|page| page.into_iter().next())
        });
        let Some(asset) = asset.filter(|_| read.is_ok()) else {
            return false;
        };
        let stands = |c: &Change| asset.fields.get(&c.field).unwrap_or(&Value::Null) == &c.after;
        changes.iter().all(stands)
            && client.as_ref().is_none_or(|client| client == &asset.client)
            && site.as_ref().is_none_or(|site| site == &asset.site)
            && asset_type
                .as_ref()
                .is_none_or(|of| asset.asset_type.as_ref() == Some(of))
            && source_id
                .as_ref()
                .is_none_or(|id| &asset.source_id == id)
    }

    /// The item to record: the outcome, and the link that goes with a success.
    fn item(&self, operation: &Operation, outcome: Outcome) -> NewItem {
        let link = match (&outcome, &operation.action) {
            (Outcome::Done { .. }, Action::ArchiveAsset { .. }) => None,
            (Outcome::Done { record }, _) => Some(NewLink {
                kind: operation.subject.kind,
                source: operation.subject.source_id.clone(),
                destination: record.clone(),
                written: self.written(operation),
            }),
            _ => None,
        };
        NewItem {
            number: operation.number,
            outcome,
            link,
        }
    }

    /// The provenance of what an operation writes.
    fn written(&self, operation: &Operation) -> BTreeMap<String, WrittenValue> {
        let at = self.engine.clock().now().as_microsecond();
        let run = self.run.id.clone();
        let value = |value: &Value| WrittenValue {
            value: value.clone(),
            run: run.clone(),
            at,
        };
        match &operation.action {
            Action::CreateAsset(draft) => draft.fields.iter().map(|(f, v)| (f.clone(), value(v))).collect(),
            Action::UpdateAsset { changes, .. } | Action::Link { changes, .. } => changes
                .iter()
                .map(|c| (c.field.clone(), value(&c.after)))
                .collect(),
            _ => BTreeMap::new(),
        }
    }
}

enum Prepared {
    Ended(Outcome),
    Send(Write),
}

impl Prepared {
    fn skipped(message: impl Into<String>) -> Self {
        Self::Ended(Outcome::Skipped {
            message: message.into(),
        })
    }
}

fn outcome(result: WriteResult) -> Outcome {
    match result {
        Ok(written) => Outcome::Done { record: written.id },
        Err(WriteError::Refused(error)) => Outcome::Failed {
            message: error.to_string(),
        },
        Err(WriteError::Changed(message)) => Outcome::Skipped { message },
        Err(WriteError::Unknown(error)) => Outcome::Unknown {
            message: error.to_string(),
        },
    }
}
