//! Making a plan: client by client, so that memory does not grow with the estate.

mod clients;
mod part;
mod unlisted;

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use clients::{Group, Remembered, batches};
use connect::{AssetScope, Destination};
use model::{
    Actor, ActorRole, Asset, Bridge, ClientTarget, DeviceProjection, MatchNeeded, Operation,
    OrganizationMatch, PlanAbout, PlanSummary, RecordId, RecordKind, SourceId, Verdict,
};
use part::{Sieve, target};
use plan::{Planner, PlannerInput};
use std::collections::{BTreeMap, BTreeSet};
use store::crash::{Point, point};
use tokio::sync::mpsc;
use unlisted::unlisted;

/// How many skipped fields are named; the others are counted.
const SKIPPED_NAMED: usize = 20;

/// Parts of device documents that could not be read. Their fields were left out, the devices were not.
#[derive(Clone, Debug, Default)]
pub struct SkippedFields {
    /// How many there are.
    pub count: usize,
    /// The first of them: device, path, and what is wrong with it.
    pub first: Vec<String>,
}

impl SkippedFields {
    fn note(&mut self, devices: &[DeviceProjection]) {
        for (device, fault) in devices.iter().flat_map(|d| d.faults.iter().map(move |f| (d, f))) {
            self.count += 1;
            if self.first.len() < SKIPPED_NAMED {
                self.first
                    .push(format!("{}: {}: {}", device.label, fault.path, fault.message));
            }
        }
    }
}

impl Engine {
    /// Makes a plan from the last snapshot, the destination as it is now, and the bridge's settings and decisions.
    /// `only` limits it to the organizations of one client.
    ///
    /// # Errors
    /// When nothing was read yet, the mapping cannot be used, or the destination cannot be read.
    pub async fn make_plan(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        only: Option<&RecordId>,
        work: Work<'_>,
    ) -> Result<PlanSummary> {
        let made = self
            .make_plan_naming_skipped(actor, runner, bridge, only, work)
            .await?;
        Ok(made.0)
    }

    /// Like [`Engine::make_plan`], with the fields that were skipped since they could not be read.
    ///
    /// # Errors
    /// The same.
    pub async fn make_plan_naming_skipped(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        only: Option<&RecordId>,
        work: Work<'_>,
    ) -> Result<(PlanSummary, SkippedFields)> {
        require(actor, ActorRole::Technician, "make plans")?;
        let hold = self.hold(runner, bridge_leases(bridge), &work).await?;
        let only = only.cloned().map(PlanAbout::Client);
        let result = self
            .plan_held(actor, bridge, only.as_ref(), hold.work(work))
            .await;
        hold.end(work, result).await
    }

    /// The same, where the bridge is held already; `about` limits it to a part of the bridge.
    pub(crate) async fn plan_held(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        about: Option<&PlanAbout>,
        work: Work<'_>,
    ) -> Result<(PlanSummary, SkippedFields)> {
        let snapshot = self.store.current_snapshot(&bridge.source).await?;
        let mapper = self.mapper(bridge).await?;
        let snapshot = snapshot.ok_or_else(|| Error::NothingRead {
            connection: mapper.connection.name.clone(),
        })?;
        // Before anything of the destination is read, so that what is read shows whether they arrived.
        let over = self.writes_over(bridge).await?;
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        let over = self.take_in_arrived(bridge, destination.as_ref(), over).await?;
        let names_seen = self.store.names_created(&bridge.destination).await?;
        work.progress.at("Matching organizations", 0, None);
        let matching = self.matching(actor, bridge).await?;
        let remembered = Remembered {
            site_links: self.store.links(&bridge.id, RecordKind::Site).await?,
            undone: self.store.undone(&bridge.id).await?,
            stored_ids: self.stored_ids(bridge).await?,
        };
        let types = match destination.asset_types().await {
            Ok(types) => types,
            Err(error) => return Err(self.met(&connection, error).await),
        };
        let type_links = self.store.links(&bridge.id, RecordKind::AssetType).await?;
        let decided = self.store.record_decisions(&bridge.id).await?;
        let mut planner = Planner::new(PlannerInput {
            settings: &bridge.settings,
            mapping: &mapper.mapping.compiled,
            now: self.clock().now(),
            types: &types,
            type_links: &type_links,
            decided: &decided,
        });
        let mut writer = self
            .acting(actor)
            .store
            .begin_plan(bridge, &snapshot.id, about, names_seen)
            .await?;
        let mut sieve = Sieve::new(about);
        let mut groups: BTreeMap<(String, ClientTarget), Group> = BTreeMap::new();
        let mut new_matches: BTreeMap<SourceId, MatchNeeded> = BTreeMap::new();
        let mut unsure: Vec<(SourceId, String)> = Vec::new();
        let links = self.store.links(&bridge.id, RecordKind::Client).await?;
        let decisions = self.store.decisions(&bridge.id).await?;
        let part = self.part(bridge, about, &matching, &links).await?;
        for row in &matching.rows {
            let label = match &row.status {
                OrganizationMatch::Matched { client, .. } => matching
                    .clients
                    .get(client)
                    .map_or_else(|| client.to_string(), |c| c.name.clone()),
                _ => row.organization.name.clone(),
            };
            let target = target(row);
            let named = part.as_ref().is_none_or(|part| part.names(&row.organization.id));
            if let Some(ignored) = decided.ignored(RecordKind::Client, &row.organization.id) {
                if named {
                    let ignored = planner.ignored_organization(&row.organization, ignored);
                    writer.add(sieve.pass(vec![ignored])).await?;
                }
                continue;
            }
            let link = links.get(&row.organization.id);
            // What was undone waits for a release, or for a decision that is newer than the undo.
            let held = remembered
                .undone
                .get(&(RecordKind::Client, row.organization.id.clone()))
                .filter(|u| u.holds() && decisions.get(&row.organization.id).is_none_or(|d| d.at <= u.at));
            if let Some(held) = held.filter(|_| !row.linked && target.is_some()) {
                if named {
                    let undone = planner.undone_organization(&row.organization, held);
                    writer.add(sieve.pass(vec![undone])).await?;
                }
                continue;
            }
            if !named && !part.as_ref().is_none_or(|part| part.holds(target.as_ref())) {
                continue;
            }
            let operations = planner.organization(&row.organization, &row.status, link, &label);
            writer.add(sieve.pass(operations)).await?;
            if let (Some(target), false) = (&target, row.linked) {
                let client = match target {
                    ClientTarget::Existing(client) => Some(client.clone()),
                    ClientTarget::Of(_) => None,
                };
                let organization = row.organization.id.clone();
                new_matches.insert(organization.clone(), MatchNeeded { organization, client });
            }
            if let OrganizationMatch::Matched {
                needs_confirmation: true,
                reason,
                ..
            } = &row.status
                && !row.linked
            {
                unsure.push((row.organization.id.clone(), reason.clone()));
            }
            if let Some(target) = target {
                groups
                    .entry((label.clone(), target.clone()))
                    .or_insert_with(|| Group {
                        target,
                        label,
                        organizations: Vec::new(),
                    })
                    .organizations
                    .push(row.organization.id.clone());
            }
        }
        // Organizations that are gone from the source still have links, and assets whose devices are absent now.
        let listed: BTreeSet<&SourceId> = matching.rows.iter().map(|row| &row.organization.id).collect();
        for (organization, linked) in links.into_iter().filter(|(id, _)| !listed.contains(id)) {
            let client = match decisions.get(&organization).map(|d| &d.verdict) {
                Some(Verdict::Exclude) => continue,
                Some(Verdict::Matched { client }) => client.clone(),
                Some(Verdict::Create) | None => linked,
            };
            let Some(known) = matching
                .clients
                .get(&client)
                .filter(|_| decided.ignored(RecordKind::Client, &organization).is_none())
            else {
                continue;
            };
            let (label, target) = (known.name.clone(), ClientTarget::Existing(client));
            if !part.as_ref().is_none_or(|part| part.holds(Some(&target))) {
                continue;
            }
            groups
                .entry((label.clone(), target.clone()))
                .or_insert_with(|| Group {
                    target,
                    label,
                    organizations: Vec::new(),
                })
                .organizations
                .push(organization);
        }
        let sizes = self.store.device_counts(&bridge.source).await?;
        // Devices may name an organization that the list lacks: without a row for it the plan would be silent about them.
        for (organization, devices) in unlisted(&sizes, &listed, groups.values()) {
            let named = part.as_ref().is_none_or(|part| part.names(&organization.id));
            if !named || !bridge.settings.devices {
                continue;
            }
            let operation = match decided.ignored(RecordKind::Client, &organization.id) {
                Some(ignored) => planner.ignored_organization(&organization, ignored),
                None => planner.unlisted_organization(&organization, devices),
            };
            writer.add(sieve.pass(vec![operation])).await?;
        }
        if !bridge.settings.devices {
            // Clients alone: assets stay as they are, also those that were linked before.
            groups.clear();
        }
        // Where somebody chose another source for a client, this one leaves its assets as they are, too.
        let chosen = self.store.client_sources(&bridge.destination).await?;
        groups.retain(|(_, target), _| match target {
            ClientTarget::Existing(client) => chosen.get(client).is_none_or(|of| *of == bridge.id),
            ClientTarget::Of(_) => true,
        });
        let mut conn = self.store.planning_connection().await?;
        let mut owners = None;
        let total = groups.len() as u64;
        let mut skipped = SkippedFields::default();
        let mut done = 0;
        for groups in batches(groups.into_values(), &sizes) {
            let mut batch = match self
                .batch(&mut conn, &mapper, destination.as_ref(), &groups)
                .await?
            {
                Ok(batch) => batch,
                Err(error) => return Err(self.met(&connection, error).await),
            };
            for group in groups {
                work.check()?;
                work.progress.at("Planning clients", done, Some(total));
                done += 1;
                let input = match self
                    .client_input(
                        &mut batch,
                        &mapper,
                        destination.as_ref(),
                        &remembered,
                        &mut owners,
                        group,
                    )
                    .await?
                {
                    Ok(input) => input,
                    Err(error) => return Err(self.met(&connection, error).await),
                };
                // Most clients wait for no match made in this plan.
                let waiting: BTreeMap<SourceId, SourceId> = input
                    .devices
                    .iter()
                    .filter(|d| new_matches.contains_key(&d.organization))
                    .map(|d| (d.id.clone(), d.organization.clone()))
                    .collect();
                skipped.note(&input.devices);
                let mut operations = planner.client(input);
                for operation in operations
                    .iter_mut()
                    .filter(|o| o.subject.kind == RecordKind::Asset)
                {
                    let organization = waiting.get(&operation.subject.source_id);
                    operation.after_match = organization.and_then(|id| new_matches.get(id)).cloned();
                }
                writer.add(sieve.pass(operations)).await?;
                let unlinked = planner.take_unlinked();
                if !sieve.is_of_one() {
                    writer.add_unlinked(unlinked);
                }
            }
        }
        work.progress.at("Planning clients", total, Some(total));
        let (mut counts, mut warnings) = planner.finish();
        if let Some((operations, of_one)) = sieve.rest() {
            // The brakes are about many records at once, and somebody asked for this one.
            (counts, warnings) = (of_one, Vec::new());
            let kept: BTreeSet<&SourceId> = operations.iter().map(|o| &o.subject.source_id).collect();
            unsure.retain(|(organization, _)| kept.contains(organization));
            writer.add(operations).await?;
        }
        // The preset's plain rule links names that differ more than the guard allows; a person looks at those first.
        warnings.extend(
            unsure
                .into_iter()
                .map(|(_, reason)| format!("a match to look at, {reason}")),
        );
        point(Point::BeforePlanReady)?;
        let summary = writer.finish(counts, warnings).await?;
        point(Point::PlanReady)?;
        // A plan for one client does not tell of the others' records.
        if about.is_none() {
            self.close_writes_over(bridge, destination.as_ref(), &summary.id, over)
                .await?;
        }
        Ok((summary, skipped))
    }

    /// A plan's summary.
    ///
    /// # Errors
    /// When there is no such plan.
    pub async fn plan(&self, actor: &Actor, id: &model::PlanId) -> Result<PlanSummary> {
        require(actor, ActorRole::Viewer, "see plans")?;
        self.store.plan(id).await.map_err(|error| match error {
            store::Error::Missing { what, name } => Error::Unknown {
                what,
                name,
                known: None,
            },
            other => other.into(),
        })
    }

    /// The newest plan of a bridge.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn newest_plan(&self, actor: &Actor, bridge: &Bridge) -> Result<Option<PlanSummary>> {
        require(actor, ActorRole::Viewer, "see plans")?;
        Ok(self.store.newest_plan(&bridge.id).await?)
    }

    /// Up to `limit` operations of a plan with numbers above `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operations(
        &self,
        actor: &Actor,
        plan: &model::PlanId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Operation>> {
        require(actor, ActorRole::Viewer, "see plans")?;
        Ok(self.store.operations(plan, after, limit).await?)
    }
}

pub(crate) async fn collect_assets(
    destination: &dyn Destination,
    scope: AssetScope,
) -> Result<Vec<Asset>, connect::Error> {
    let (sender, mut pages) = mpsc::channel::<Vec<Asset>>(2);
    let collect = async {
        let mut assets = Vec::new();
        while let Some(page) = pages.recv().await {
            assets.extend(page);
        }
        assets
    };
    let (read, assets) = tokio::join!(destination.assets(scope, sender), collect);
    read.map(|()| assets)
}
