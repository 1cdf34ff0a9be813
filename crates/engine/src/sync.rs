//! Read, plan, apply: the three in a row, for a whole bridge or for one client.

use crate::applying::ApplyOptions;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::planning::SkippedFields;
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use crate::read::ReadReport;
use crate::remedy::Remedy;
use crate::undoing::refuse_paused;
use model::{Actor, ActorRole, Bridge, PlanAbout, PlanSummary, RecordId, Run};

/// What a sync did.
#[derive(Clone, Debug)]
pub struct SyncReport {
    /// What was read.
    pub read: ReadReport,
    /// What was planned.
    pub plan: PlanSummary,
    /// Fields that were left out of it, since they could not be read.
    pub skipped: SkippedFields,
    /// What was applied; `None` when there was nothing to write or a person has to look first.
    pub run: Option<Run>,
    /// Why nothing was applied although there was something to write.
    pub stopped: Option<Stopped>,
}

/// Why a plan was made and not applied.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// Why, and what to do.
    pub reason: String,
    /// Whether it goes on by itself, and when.
    pub remedy: Remedy,
}

impl Engine {
    /// Reads a bridge's source, plans, and applies within the brakes; otherwise the plan waits for a person.
    ///
    /// # Errors
    /// When reading, planning or applying fails.
    pub async fn sync(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        confirmed: bool,
        work: Work<'_>,
    ) -> Result<SyncReport> {
        require(actor, ActorRole::Technician, "sync")?;
        let hold = self.hold(runner, bridge_leases(bridge), &work).await?;
        let result = self
            .sync_held(actor, runner, bridge, confirmed, hold.work(work))
            .await;
        hold.end(work, result).await
    }

    async fn sync_held(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        confirmed: bool,
        work: Work<'_>,
    ) -> Result<SyncReport> {
        refuse_paused(actor, &self.store.bridge(&bridge.id).await?)?;
        let read = self.read_held(actor, runner, &bridge.source, None, work).await?;
        self.plan_and_apply(actor, runner, bridge, None, read, confirmed, work)
            .await
    }

    /// Syncs one client from the source it is linked to (H40, H41).
    ///
    /// # Errors
    /// When the client is linked to no organization, or reading, planning or applying fails.
    pub async fn sync_client(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        client: &RecordId,
        confirmed: bool,
        work: Work<'_>,
    ) -> Result<SyncReport> {
        require(actor, ActorRole::Technician, "sync")?;
        let hold = self.hold(runner, bridge_leases(bridge), &work).await?;
        let result = self
            .sync_client_held(actor, runner, bridge, client, confirmed, hold.work(work))
            .await;
        hold.end(work, result).await
    }

    async fn sync_client_held(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        client: &RecordId,
        confirmed: bool,
        work: Work<'_>,
    ) -> Result<SyncReport> {
        refuse_paused(actor, &self.store.bridge(&bridge.id).await?)?;
        if self.store.current_snapshot(&bridge.source).await?.is_none() {
            let connection = self.store.connection(&bridge.source).await?;
            return Err(Error::NothingRead {
                connection: connection.name,
            });
        }
        let mut last = None;
        for (organization, _) in self.organizations_of(actor, bridge, client).await? {
            last = Some(
                self.read_held(actor, runner, &bridge.source, Some(organization), work)
                    .await?,
            );
        }
        let read = last.ok_or_else(|| Error::Unknown {
            what: "organization linked to client",
            name: client.to_string(),
            known: Some("none. Match it first: rmmbridge match".to_owned()),
        })?;
        self.plan_and_apply(actor, runner, bridge, Some(client), read, confirmed, work)
            .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the shared tail of the two use cases above, nothing else calls it"
    )]
    async fn plan_and_apply(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        only: Option<&RecordId>,
        read: ReadReport,
        confirmed: bool,
        work: Work<'_>,
    ) -> Result<SyncReport> {
        // Somebody may have decided something while the source was read: the plan is made of the bridge as it is now.
        let bridge = &self.store.bridge(&bridge.id).await?;
        let only = only.cloned().map(PlanAbout::Client);
        let (plan, skipped) = self.plan_held(actor, bridge, only.as_ref(), work).await?;
        if plan.counts.writes() == 0 {
            return Ok(SyncReport {
                read,
                plan,
                skipped,
                run: None,
                stopped: None,
            });
        }
        if let Some(reason) = bridge.paused.as_ref().filter(|_| !confirmed) {
            let stopped = format!(
                "The bridge's schedule is paused: {reason}. Look at plan {id}, then apply it: rmmbridge apply {id}",
                id = plan.id
            );
            return Ok(SyncReport {
                read,
                plan,
                skipped,
                run: None,
                stopped: Some(Stopped {
                    reason: stopped,
                    remedy: Remedy::Person,
                }),
            });
        }
        let options = ApplyOptions {
            confirmed,
            ..ApplyOptions::default()
        };
        match self.apply_held(actor, runner, &plan.id, options, work).await {
            Ok(run) => Ok(SyncReport {
                read,
                plan,
                skipped,
                run: Some(run),
                stopped: None,
            }),
            Err(error) => {
                let (reason, remedy) = (error.to_string(), error.remedy());
                match (&error, &remedy) {
                    // Reads and plans go on while writes are switched off.
                    (Error::NeedsConfirmation { .. }, _) | (_, Remedy::Writes(_)) => Ok(SyncReport {
                        read,
                        plan,
                        skipped,
                        run: None,
                        stopped: Some(Stopped { reason, remedy }),
                    }),
                    _ => Err(error),
                }
            }
        }
    }
}
