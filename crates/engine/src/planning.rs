//! Making a plan: client by client, so that memory does not grow with the estate.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::mapper::Mapper;
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use crate::stored_ids::StoredIds;
use connect::{AssetScope, Destination};
use model::{
    Actor, ActorRole, Asset, Bridge, ClientTarget, DeviceProjection, Fields, Location, MatchNeeded,
    Operation, OrganizationMatch, Owner, PlanSummary, RecordId, RecordKind, Site, SourceId, Undone, Verdict,
};
use plan::{AssetLink, ClientInput, Planner, PlannerInput};
use std::collections::{BTreeMap, BTreeSet};
use store::Conn;
use tokio::sync::mpsc;

/// How many organizations, and how many devices in them, are read together. A larger organization is read by itself.
const READ_TOGETHER: (usize, u64) = (32, 1000);

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

/// The organizations that belong to one client.
struct Group {
    target: ClientTarget,
    label: String,
    organizations: Vec<SourceId>,
}

/// What was read of some clients together: one statement for many small clients costs what one for each of them would.
#[derive(Default)]
struct Batch {
    devices: BTreeMap<SourceId, Vec<DeviceProjection>>,
    linked: BTreeMap<SourceId, Vec<(SourceId, RecordId)>>,
    locations: BTreeMap<SourceId, Vec<Location>>,
    assets: BTreeMap<RecordId, Vec<Asset>>,
    sites: BTreeMap<RecordId, Vec<Site>>,
}

/// Clients in their order, cut into what is read together.
fn batches(groups: impl Iterator<Item = Group>, devices: &BTreeMap<SourceId, u64>) -> Vec<Vec<Group>> {
    let (most_organizations, most_devices) = READ_TOGETHER;
    let mut batches: Vec<Vec<Group>> = Vec::new();
    let (mut organizations, mut size) = (0, 0);
    for group in groups {
        let its_size: u64 = group.organizations.iter().filter_map(|id| devices.get(id)).sum();
        organizations += group.organizations.len();
        size += its_size;
        match batches.last_mut() {
            Some(batch) if organizations <= most_organizations && size <= most_devices => batch.push(group),
            _ => {
                (organizations, size) = (group.organizations.len(), its_size);
                batches.push(vec![group]);
            }
        }
    }
    batches
}

/// What is remembered of the whole estate; a client is given what is its own.
struct Remembered {
    site_links: BTreeMap<SourceId, RecordId>,
    undone: BTreeMap<(RecordKind, SourceId), Undone>,
    stored_ids: StoredIds,
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
        let result = self.plan_held(actor, bridge, only, hold.work(work)).await;
        hold.end(work, result).await
    }

    /// The same, where the bridge is held already.
    pub(crate) async fn plan_held(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        only: Option<&RecordId>,
        work: Work<'_>,
    ) -> Result<(PlanSummary, SkippedFields)> {
        let snapshot = self.store.current_snapshot(&bridge.source).await?;
        let mapper = self.mapper(bridge).await?;
        let snapshot = snapshot.ok_or_else(|| Error::NothingRead {
            connection: mapper.connection.name.clone(),
        })?;
        // Before anything of the destination is read, so that what is read shows whether they arrived.
        let over = self.writes_over(bridge).await?;
        work.progress.at("Matching organizations", 0, None);
        let matching = self.matching(actor, bridge).await?;
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
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
        let mut planner = Planner::new(PlannerInput {
            settings: &bridge.settings,
            mapping: &mapper.mapping.compiled,
            now: self.clock().now(),
            types: &types,
            type_links: &type_links,
        });
        let mut writer = self.acting(actor).store.begin_plan(bridge, &snapshot.id).await?;
        let mut groups: BTreeMap<(String, ClientTarget), Group> = BTreeMap::new();
        let mut new_matches: BTreeMap<SourceId, MatchNeeded> = BTreeMap::new();
        let mut unsure: Vec<String> = Vec::new();
        let links = self.store.links(&bridge.id, RecordKind::Client).await?;
        let decisions = self.store.decisions(&bridge.id).await?;
        for row in &matching.rows {
            let label = match &row.status {
                OrganizationMatch::Matched { client, .. } => matching
                    .clients
                    .get(client)
                    .map_or_else(|| client.to_string(), |c| c.name.clone()),
                _ => row.organization.name.clone(),
            };
            let target = match &row.status {
                OrganizationMatch::Matched { client, .. } => Some(ClientTarget::Existing(client.clone())),
                OrganizationMatch::Create { .. } => Some(ClientTarget::Of(row.organization.id.clone())),
                OrganizationMatch::Excluded { .. } | OrganizationMatch::Undecided { .. } => None,
            };
            let link = links.get(&row.organization.id);
            // What was undone waits for a release, or for a decision that is newer than the undo.
            let held = remembered
                .undone
                .get(&(RecordKind::Client, row.organization.id.clone()))
                .filter(|u| u.holds() && decisions.get(&row.organization.id).is_none_or(|d| d.at <= u.at));
            if let Some(held) = held.filter(|_| !row.linked && target.is_some()) {
                if only.is_none() {
                    writer
                        .add(vec![planner.undone_organization(&row.organization, held)])
                        .await?;
                }
                continue;
            }
            if let Some(only) = only
                && target != Some(ClientTarget::Existing(only.clone()))
            {
                continue;
            }
            writer
                .add(planner.organization(&row.organization, &row.status, link, &label))
                .await?;
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
                unsure.push(reason.clone());
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
                .filter(|c| only.is_none_or(|only| &c.id == only))
            else {
                continue;
            };
            let (label, target) = (known.name.clone(), ClientTarget::Existing(client));
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
        let mut conn = self.store.planning_connection().await?;
        let mut owners = None;
        let total = groups.len() as u64;
        let sizes = self.store.device_counts(&bridge.source).await?;
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
                writer.add(operations).await?;
            }
        }
        work.progress.at("Planning clients", total, Some(total));
        let (counts, mut warnings) = planner.finish();
        // The preset's plain rule links names that differ more than the guard allows; a person looks at those first.
        warnings.extend(
            unsure
                .into_iter()
                .map(|reason| format!("a match to look at, {reason}")),
        );
        let summary = writer.finish(counts, warnings).await?;
        // A plan for one client does not tell of the others' records.
        if only.is_none() {
            self.close_writes_over(bridge, &summary.id, over).await?;
        }
        Ok((summary, skipped))
    }

    /// Reads what is stored of some clients' organizations, and what stands at them in the destination. The inner error
    /// is the destination's.
    async fn batch(
        &self,
        conn: &mut Conn,
        mapper: &Mapper,
        destination: &dyn Destination,
        groups: &[Group],
    ) -> Result<Result<Batch, connect::Error>> {
        let organizations: Vec<SourceId> = groups.iter().flat_map(|g| g.organizations.clone()).collect();
        let clients = groups.iter().filter_map(|group| match &group.target {
            ClientTarget::Existing(client) => Some(client.clone()),
            ClientTarget::Of(_) => None,
        });
        let clients: Vec<RecordId> = clients.collect();
        let mut batch = Batch::default();
        for device in mapper.devices_and_links(conn, &organizations).await? {
            let linked = device.asset.map(|asset| (device.id, asset));
            let here = batch.linked.entry(device.organization.clone()).or_default();
            here.extend(linked);
            let here = batch.devices.entry(device.organization).or_default();
            here.extend(device.projection);
        }
        for location in self
            .store
            .locations(&mapper.bridge.source, &organizations)
            .await?
        {
            let here = batch.locations.entry(location.organization.clone()).or_default();
            here.push(location);
        }
        if clients.is_empty() {
            return Ok(Ok(batch));
        }
        if destination.capabilities().sites {
            match destination.sites(&clients).await {
                Ok(found) => {
                    for site in found {
                        batch.sites.entry(site.client.clone()).or_default().push(site);
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        match collect_assets(destination, AssetScope::Clients(clients)).await {
            Ok(found) => {
                for asset in found {
                    batch.assets.entry(asset.client.clone()).or_default().push(asset);
                }
            }
            Err(error) => return Ok(Err(error)),
        }
        Ok(Ok(batch))
    }

    /// Everything the planner needs to know of one client. The inner error is the destination's.
    async fn client_input(
        &self,
        batch: &mut Batch,
        mapper: &Mapper,
        destination: &dyn Destination,
        remembered: &Remembered,
        owners: &mut Option<BTreeMap<RecordId, SourceId>>,
        group: Group,
    ) -> Result<Result<ClientInput, connect::Error>> {
        let bridge = &mapper.bridge;
        let mut devices = Vec::new();
        let mut links = BTreeMap::new();
        let mut locations = Vec::new();
        for organization in &group.organizations {
            devices.extend(batch.devices.remove(organization).unwrap_or_default());
            let linked = batch.linked.remove(organization).unwrap_or_default();
            links.extend(self.links_of(mapper, organization, linked).await?);
            locations.extend(batch.locations.remove(organization).unwrap_or_default());
        }
        let own = locations
            .iter()
            .filter_map(|l| Some((l.id.clone(), remembered.site_links.get(&l.id)?.clone())));
        let site_links = own.collect();
        let mut assets = Vec::new();
        let mut sites = Vec::new();
        if let ClientTarget::Existing(client) = &group.target {
            assets = batch.assets.remove(client).unwrap_or_default();
            sites = batch.sites.remove(client).unwrap_or_default();
        }
        let mut undone = BTreeMap::new();
        if !remembered.undone.is_empty() {
            let mark = |device: &SourceId| remembered.undone.get(&(RecordKind::Asset, device.clone()));
            let marks = devices.iter().filter_map(|d| mark(&d.id));
            undone.extend(marks.map(|mark| (mark.source.clone(), mark.clone())));
        }
        // Assets of devices that moved here stand at another client still.
        let here: BTreeSet<&RecordId> = assets.iter().map(|a| &a.id).collect();
        let elsewhere: Vec<RecordId> = links
            .values()
            .map(|l: &AssetLink| &l.asset)
            .chain(undone.values().filter(|u| !u.holds()).map(|u| &u.record))
            .filter(|id| !here.contains(id))
            .cloned()
            .collect();
        if !elsewhere.is_empty() {
            match collect_assets(destination, AssetScope::Ids(elsewhere)).await {
                Ok(found) => assets.extend(found),
                Err(error) => return Ok(Err(error)),
            }
        }
        // An asset that some other device is linked to must not be adopted by one of these. All links are read once,
        // and only when there are assets nobody here is linked to.
        let linked: BTreeSet<&RecordId> = links.values().map(|l| &l.asset).collect();
        let unlinked: Vec<&Asset> = assets.iter().filter(|a| !linked.contains(&a.id)).collect();
        for asset in unlinked {
            let owners = match owners {
                Some(owners) => owners,
                None => {
                    let all = self.store.links(&bridge.id, RecordKind::Asset).await?;
                    owners.insert(all.into_iter().map(|(device, asset)| (asset, device)).collect())
                }
            };
            if let Some(device) = owners.get(&asset.id) {
                links.insert(
                    device.clone(),
                    AssetLink {
                        asset: asset.id.clone(),
                        written: Fields::new(),
                    },
                );
            }
        }
        let foreign = |asset: &&Asset| {
            let stored = asset.source_id.as_deref();
            stored.is_some_and(|id| !remembered.stored_ids.tell(RecordKind::Asset, id))
        };
        let foreign_ids = assets.iter().filter(foreign).map(|a| a.id.clone()).collect();
        Ok(Ok(ClientInput {
            target: group.target,
            label: group.label,
            devices,
            assets,
            links,
            sites,
            site_links,
            locations,
            undone,
            foreign_ids,
            restore: destination.capabilities().restore,
        }))
    }

    /// The links of one organization's devices. What was last written is read only where a rule asks for it.
    async fn links_of(
        &self,
        mapper: &Mapper,
        organization: &SourceId,
        linked: Vec<(SourceId, RecordId)>,
    ) -> Result<BTreeMap<SourceId, AssetLink>> {
        let bridge = &mapper.bridge;
        if bridge
            .settings
            .mapping
            .rules
            .iter()
            .any(|rule| rule.owner == Owner::Ask)
        {
            let links = self
                .store
                .asset_links(&bridge.id, &bridge.source, organization)
                .await?;
            let with_values = |link: store::Link| {
                let written = link.written_values();
                (
                    link.source,
                    AssetLink {
                        asset: link.destination,
                        written,
                    },
                )
            };
            return Ok(links.into_iter().map(with_values).collect());
        }
        let without_values = |(device, asset)| {
            let written = Fields::new();
            (device, AssetLink { asset, written })
        };
        Ok(linked.into_iter().map(without_values).collect())
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
