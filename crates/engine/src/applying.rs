//! Applying a plan: one operation after the other, exactly as planned.
//!
//! How a single record is written so that it is neither lost nor doubled is [`crate::writing`]'s.

mod fields;
mod lanes;
mod recheck;

use crate::api_keys::require_scope;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use crate::undoing::refuse_paused;
use crate::writing::protocol::Timing;
use crate::writing::{Links, Undoing, Writer};
use connect::Destination;
use lanes::Applying;
use model::operation::Operation;
use model::{
    Actor, ActorRole, Bridge, Connection, KeyScope, Outcome, PlanId, PlanSummary, Run, RunKind, RunState,
};
use recheck::Recheck;
use std::collections::{BTreeMap, BTreeSet};
use store::crash::{Point, point};

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
    /// Only operations whose outcome is not known.
    pub in_doubt: bool,
    /// Take back what was written although all writes are paused. Holds for the plan of an undo only.
    pub despite_pause: bool,
    /// How often it had changed what is taken out of the plan ([`crate::reviewing`]) when somebody looked at it.
    pub selection: Option<i64>,
}

/// How many records are written before all lanes wait for each other.
const GROUP: usize = 2000;

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
        runner: &Runner,
        id: &PlanId,
        options: ApplyOptions,
        work: Work<'_>,
    ) -> Result<Run> {
        require(actor, ActorRole::Technician, "apply plans")?;
        let plan = self.plan(actor, id).await?;
        let bridge = self.store.bridge(&plan.bridge).await?;
        let hold = self.hold(runner, bridge_leases(&bridge), &work).await?;
        let result = self.apply_held(actor, runner, id, options, hold.work(work)).await;
        hold.end(work, result).await
    }

    /// The same, where the bridge is held already.
    pub(crate) async fn apply_held(
        &self,
        actor: &Actor,
        runner: &Runner,
        id: &PlanId,
        options: ApplyOptions,
        work: Work<'_>,
    ) -> Result<Run> {
        require_scope(actor, KeyScope::Apply)?;
        let engine = &self.acting(actor);
        let plan = self.plan(actor, id).await?;
        let bridge = self.store.bridge(&plan.bridge).await?;
        self.require_applicable(actor, &plan, &bridge, options.despite_pause)
            .await?;
        // A process that lives on was looked at when it began: what was cut off since shows before anything is sent.
        self.keep_audit_mark().await?;
        let options = self.with_deselected(id, options).await?;
        if !plan.warnings.is_empty() && !options.confirmed {
            return Err(Error::NeedsConfirmation {
                plan: id.to_string(),
                warnings: plan.warnings,
            });
        }
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        let undoing = match &plan.undoes {
            None => {
                engine
                    .create_missing_fields(&plan, &bridge, &connection, destination.as_ref())
                    .await?;
                None
            }
            Some(undone) => Some(engine.begin_undoing(actor, &bridge, undone).await?),
        };
        let kind = match &plan.undoes {
            None => RunKind::Apply {
                bridge: bridge.id.clone(),
                plan: id.clone(),
            },
            Some(undone) => RunKind::Undo {
                bridge: bridge.id.clone(),
                plan: id.clone(),
                run: undone.clone(),
            },
        };
        let mut run = engine
            .store
            .begin_run(kind, &actor.to_string(), runner.holder())
            .await?;
        point(Point::RunBegun)?;
        let result = engine
            .apply_operations(
                &mut run,
                &plan,
                &bridge,
                (&connection, destination.as_ref()),
                undoing,
                &options,
                work,
            )
            .await;
        let state = match &result {
            Ok(()) => RunState::Finished,
            Err(error) => RunState::Failed {
                reason: error.to_string(),
            },
        };
        point(Point::BeforeRunEnd)?;
        engine.store.end_run(&mut run, state).await?;
        crate::counting::run(&run);
        point(Point::RunEnded)?;
        self.keep_audit_mark().await?;
        result.map(|()| run)
    }

    /// Refuses a plan that cannot be applied as things stand, whoever looked at it.
    pub(crate) async fn require_applicable(
        &self,
        actor: &Actor,
        plan: &PlanSummary,
        bridge: &Bridge,
        despite_pause: bool,
    ) -> Result<()> {
        self.require_confirmed_instance().await?;
        self.require_whole_audit_log().await?;
        refuse_paused(actor, bridge)?;
        // Asked again with each group of writes, where they are claimed.
        let despite_pause = despite_pause && plan.undoes.is_some();
        self.store
            .require_writes(&bridge.destination, despite_pause)
            .await?;
        if !self.store.plan_is_current(plan).await? {
            return Err(Error::StalePlan {
                plan: plan.id.to_string(),
            });
        }
        self.check_newest(plan, bridge).await
    }

    /// The options with what people took out of the plan, unless that changed since somebody looked.
    async fn with_deselected(&self, plan: &PlanId, mut options: ApplyOptions) -> Result<ApplyOptions> {
        if let Some(seen) = options.selection
            && self.store.plan_selection(plan).await? != seen
        {
            return Err(Error::SelectionChanged {
                plan: plan.to_string(),
            });
        }
        options.deselected.extend(self.store.deselected(plan).await?);
        Ok(options)
    }

    /// Refuses a plan that a newer plan or a newer read has overtaken: what it would archive or move may be back, or
    /// elsewhere, by now.
    async fn check_newest(&self, plan: &PlanSummary, bridge: &Bridge) -> Result<()> {
        let newest = self.store.newest_plan(&bridge.id).await?;
        let newer = if let Some(run) = self.store.wrote_since(plan).await? {
            format!("run {run} wrote since")
        } else if plan.undoes.is_some() {
            // The way back is the same whatever was read or planned since.
            return Ok(());
        } else if let Some(newer) = newest.filter(|newest| newest.id != plan.id) {
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

    #[expect(
        clippy::too_many_arguments,
        reason = "the second half of the use case above, nothing else calls it"
    )]
    async fn apply_operations(
        &self,
        run: &mut Run,
        plan: &PlanSummary,
        bridge: &Bridge,
        (connection, destination): (&Connection, &dyn Destination),
        undoing: Option<Undoing>,
        options: &ApplyOptions,
        work: Work<'_>,
    ) -> Result<()> {
        let capabilities = destination.capabilities();
        let id = run.id.clone();
        let set_back = self.store.instance().await?.epoch > 1;
        let recheck = Recheck {
            engine: self,
            bridge,
            connection,
            destination,
            done: match &plan.undoes {
                Some(run) => self.still_done(run).await?,
                None => BTreeMap::new(),
            },
        };
        let mut applying = Applying {
            writer: Writer {
                engine: self,
                run: &id,
                plan: &plan.id,
                bridge,
                destination,
                timing: Timing {
                    send_within: self.options.send_within,
                    settles_within: capabilities.settles_within,
                },
                undoing,
                despite_pause: options.despite_pause && plan.undoes.is_some(),
                set_back,
                overtaken: BTreeSet::new(),
                waiting: BTreeSet::new(),
            },
            half: BTreeSet::new(),
            counts: &mut run.counts,
            links: Links::load(&self.store, bridge).await?,
            batch: capabilities.max_batch.max(1),
            lanes: capabilities.concurrency.max(1),
            done: 0,
            total: u64::from(options.first.unwrap_or(u32::MAX).min(plan.counts.writes())),
            work,
        };
        let before = self.store.run_items(&plan.id).await?;
        // What an undo hangs on is not looked at long before.
        let most = if plan.undoes.is_some() { PAGE } else { GROUP };
        let most = most.max(applying.batch * applying.lanes);
        let mut group: Vec<Operation> = Vec::new();
        let mut begun = 0_u64;
        let mut after = 0;
        loop {
            let page = self.store.operations(&plan.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            // A long run hears of what is found while it goes on.
            self.require_whole_audit_log().await?;
            after = last.number;
            let mut due = Vec::new();
            for operation in page {
                if !operation.action.writes() || options.deselected.contains(&operation.number) {
                    continue;
                }
                let outcome = before.get(&operation.number).map(|item| &item.outcome);
                match outcome {
                    Some(Outcome::Done { .. }) => continue,
                    Some(Outcome::Unknown { .. }) => {}
                    not_done if options.in_doubt => {
                        if not_done.is_some() {
                            applying.half.insert(lanes::record(&operation));
                        }
                        continue;
                    }
                    _ => {}
                }
                if begun >= applying.total {
                    break;
                }
                begun += 1;
                due.push(operation);
            }
            // Links and moves of one asset take turns in a plan: looked at by group, each would cost a request.
            if plan.undoes.is_none() {
                applying.writer.overtaken.extend(recheck.overtaken(&due).await?);
            }
            for operation in due {
                // A new sort of operation may need links the last ones make.
                let sort = |o: &Operation| (o.action.name(), o.subject.kind);
                let other = group.first().is_some_and(|o| sort(o) != sort(&operation));
                if other || group.len() >= most {
                    applying
                        .carry_out_now(&recheck, std::mem::take(&mut group))
                        .await?;
                }
                group.push(operation);
            }
            if begun >= applying.total {
                break;
            }
        }
        applying.carry_out_now(&recheck, group).await?;
        match &applying.writer.undoing {
            Some(undoing) => self.settle_what_stays(&id, &plan.id, undoing).await,
            None => Ok(()),
        }
    }
}
