//! Reading what the planner needs to know of clients, some small ones by one statement.

use super::collect_assets;
use crate::engine::Engine;
use crate::error::Result;
use crate::mapper::Mapper;
use crate::stored_ids::StoredIds;
use connect::{AssetScope, Destination};
use model::{
    Asset, ClientTarget, DeviceProjection, Fields, Location, Owner, RecordId, RecordKind, Site, SourceId,
    Undone,
};
use plan::{AssetLink, Can, ClientInput};
use std::collections::{BTreeMap, BTreeSet};
use store::Conn;

/// How many organizations, and how many devices in them, are read together. A larger organization is read by itself.
const READ_TOGETHER: (usize, u64) = (32, 1000);

/// The organizations that belong to one client.
pub(super) struct Group {
    pub(super) target: ClientTarget,
    pub(super) label: String,
    pub(super) organizations: Vec<SourceId>,
}

/// What was read of some clients together: one statement for many small clients costs what one for each of them would.
#[derive(Default)]
pub(super) struct Batch {
    devices: BTreeMap<SourceId, Vec<DeviceProjection>>,
    linked: BTreeMap<SourceId, Vec<(SourceId, RecordId)>>,
    locations: BTreeMap<SourceId, Vec<Location>>,
    assets: BTreeMap<RecordId, Vec<Asset>>,
    sites: BTreeMap<RecordId, Vec<Site>>,
}

/// Clients in their order, cut into what is read together.
pub(super) fn batches(
    groups: impl Iterator<Item = Group>,
    devices: &BTreeMap<SourceId, u64>,
) -> Vec<Vec<Group>> {
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
pub(super) struct Remembered {
    pub(super) site_links: BTreeMap<SourceId, RecordId>,
    pub(super) undone: BTreeMap<(RecordKind, SourceId), Undone>,
    pub(super) stored_ids: StoredIds,
}

impl Engine {
    /// Reads what is stored of some clients' organizations, and what stands at them in the destination. The inner error
    /// is the destination's.
    pub(super) async fn batch(
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
    pub(super) async fn client_input(
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
        let capabilities = destination.capabilities();
        let can = Can {
            update: capabilities.update_assets,
            archive: capabilities.archive,
            restore: capabilities.restore,
            sites: capabilities.sites,
            asset_types: capabilities.asset_types,
        };
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
            can,
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
}
