//! The plan of one client: its sites and assets.

mod places;
mod writes;

use crate::absence::Absence;
use crate::assets::{Identity, NAME_FIELD, devices_by_asset, identify, is_absent};
use crate::named::NamedRecords;
use crate::planner::{ClientInput, Planner, ignored_by};
use crate::scope::out_of_scope;
use jiff::Timestamp;
use model::{
    Action, Asset, Cause, ClientTarget, DeviceProjection, Location, Operation, Presence, RecordId,
    RecordKind, SourceId, Subject, Undone, UnlinkedAsset,
};
use std::collections::{BTreeMap, BTreeSet};
pub(crate) use writes::update_reason;

/// Plans one client.
pub(crate) struct ClientPlan<'p, 'a, 'i> {
    pub(crate) planner: &'p mut Planner<'a>,
    pub(crate) input: &'i ClientInput,
    sites: NamedRecords,
    locations: BTreeMap<&'i SourceId, &'i Location>,
    pub(crate) assets: BTreeMap<&'i RecordId, &'i Asset>,
    pub(crate) devices_by_asset: BTreeMap<&'i RecordId, Vec<&'i SourceId>>,
    ignored_sites: BTreeSet<&'i SourceId>,
    operations: Vec<Operation>,
}

impl<'p, 'a, 'i> ClientPlan<'p, 'a, 'i> {
    /// Expects devices and assets in their order, each once.
    pub fn new(planner: &'p mut Planner<'a>, input: &'i ClientInput) -> Self {
        let of_client = input
            .sites
            .iter()
            .filter(|s| is_existing(&input.target, &s.client));
        Self {
            planner,
            input,
            sites: NamedRecords::new(
                of_client.map(|s| (&s.id, s.name.as_str())),
                input.site_links.values(),
            ),
            locations: input.locations.iter().map(|l| (&l.id, l)).collect(),
            assets: input.assets.iter().map(|a| (&a.id, a)).collect(),
            devices_by_asset: devices_by_asset(&input.links),
            ignored_sites: BTreeSet::new(),
            operations: vec![],
        }
    }

    /// The operations, and the assets that are none of the devices.
    pub fn run(mut self) -> (Vec<Operation>, Vec<UnlinkedAsset>) {
        let input = self.input;
        let decided = self.planner.input.decided;
        let ignored = |device: &DeviceProjection| decided.ignored(RecordKind::Asset, &device.id);
        let scope = &self.planner.input.settings.scope;
        let skipped: Vec<Option<String>> = input.devices.iter().map(|d| out_of_scope(d, scope)).collect();
        let unlinked: Vec<&DeviceProjection> = input
            .devices
            .iter()
            .zip(&skipped)
            .filter(|(d, skipped)| {
                skipped.is_none() && !is_absent(d) && !input.links.contains_key(&d.id) && ignored(d).is_none()
            })
            .map(|(d, _)| d)
            .collect();
        let candidates = self.candidates();
        let match_field = self.planner.input.settings.asset_match_field.as_deref();
        let identities = identify(
            &unlinked,
            &candidates,
            match_field,
            &self.held_by_absent_devices(),
            &input.foreign_ids,
        );
        let mut identities: BTreeMap<&SourceId, Identity> =
            unlinked.iter().map(|d| &d.id).zip(identities).collect();
        let nobodys = self.nobodys(&candidates, &identities);
        for (device, skipped) in input.devices.iter().zip(skipped) {
            let link = input.links.get(&device.id);
            self.planner.load.linked += u32::from(link.is_some());
            let undone = input.undone.get(&device.id);
            let ignored = ignored(device);
            if link.is_none() && is_absent(device) && (skipped.is_some() || ignored.is_some()) {
                continue;
            }
            if let Some(ignored) = ignored {
                self.skip(device, Cause::Ignored, ignored_by(ignored));
                continue;
            }
            match (link, skipped) {
                (_, Some(reason)) => self.skip(device, Cause::OutOfScope, reason),
                (link, None) if undone.is_some_and(Undone::holds) => self.held(device, link, undone),
                (Some(link), None) => self.linked(device, link),
                (None, None) => match identities.remove(&device.id) {
                    Some(Identity::Asset(asset, reason)) => self.adopt(device, candidates[asset], &reason),
                    Some(Identity::Unclear(cause, reason)) => self.review(device, cause, reason),
                    Some(Identity::New) => match undone.and_then(|undone| self.archived_by(undone)) {
                        Some((asset, undone)) => self.restore(device, asset, undone),
                        None => self.create(device),
                    },
                    // Absent and never linked: nothing to do and nothing to say.
                    None => {}
                },
            }
        }
        (self.operations, nobodys)
    }

    /// Candidates that no device is, nor may be.
    fn nobodys(
        &self,
        candidates: &[&Asset],
        identities: &BTreeMap<&SourceId, Identity>,
    ) -> Vec<UnlinkedAsset> {
        let mut taken: BTreeSet<&RecordId> = BTreeSet::new();
        for identity in identities.values() {
            match identity {
                Identity::Asset(asset, _) => {
                    taken.insert(&candidates[*asset].id);
                }
                Identity::Unclear(Cause::Ambiguous { assets }, _) => taken.extend(assets),
                Identity::Unclear(..) | Identity::New => {}
            }
        }
        let left = candidates.iter().filter(|asset| !taken.contains(&asset.id));
        left.map(|asset| UnlinkedAsset {
            asset: asset.id.clone(),
            client: asset.client.clone(),
            client_label: self.input.label.clone(),
            label: asset
                .fields
                .get(NAME_FIELD)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            device: asset
                .source_id
                .as_deref()
                .filter(|_| !self.input.foreign_ids.contains(&asset.id))
                .map(SourceId::from),
        })
        .collect()
    }

    /// Assets of this client that nothing is linked to and that are in use.
    fn candidates(&self) -> Vec<&'i Asset> {
        let adoptable = |asset: &&Asset| {
            asset.archived.is_none()
                && is_existing(&self.input.target, &asset.client)
                && !self.devices_by_asset.contains_key(&asset.id)
        };
        self.input.assets.iter().filter(adoptable).collect()
    }

    /// Assets in use whose device is gone. One that this plan archives counts as archived: otherwise a device in its
    /// place would be a question now and a new asset in the next plan.
    fn held_by_absent_devices(&self) -> Vec<(&'i Asset, &'i DeviceProjection)> {
        let held = self.input.devices.iter().filter_map(|device| {
            let Presence::Absent { since, snapshots } = device.presence else {
                return None;
            };
            let asset = *self.assets.get(&self.input.links.get(&device.id)?.asset)?;
            let goes = self.absence(since, snapshots).is_over() && self.may_be_archived(device);
            (asset.archived.is_none() && !goes).then_some((asset, device))
        });
        held.collect()
    }

    /// Whether nothing but the rule keeps a linked device's asset in use.
    fn may_be_archived(&self, device: &DeviceProjection) -> bool {
        let input = &self.planner.input;
        let ignored = input.decided.ignored(RecordKind::Asset, &device.id).is_some();
        let undone = self.input.undone.get(&device.id).is_some_and(Undone::holds);
        let in_scope = out_of_scope(device, &input.settings.scope).is_none();
        self.input.can.archive && in_scope && !ignored && !undone
    }

    pub(crate) fn absence(&self, since: Timestamp, snapshots: u32) -> Absence {
        Absence::new(
            since,
            self.planner.input.now,
            snapshots,
            self.planner.input.settings.archive,
        )
    }

    pub(crate) fn review(&mut self, device: &DeviceProjection, cause: Cause, reason: String) {
        self.leave(device, Action::Review { changes: vec![] }, cause, reason);
    }

    pub(crate) fn skip(&mut self, device: &DeviceProjection, cause: Cause, reason: String) {
        self.leave(device, Action::Skip, cause, reason);
    }

    /// Adds an operation that writes nothing.
    pub(crate) fn leave(&mut self, device: &DeviceProjection, action: Action, cause: Cause, reason: String) {
        self.add(device, action, reason, Some(cause));
    }

    /// Adds an operation that writes.
    pub(crate) fn push(&mut self, device: &DeviceProjection, action: Action, reason: String) {
        self.add(device, action, reason, None);
    }

    fn add(&mut self, device: &DeviceProjection, action: Action, reason: String, cause: Option<Cause>) {
        let subject = Subject {
            kind: RecordKind::Asset,
            source_id: device.id.clone(),
            label: device.label.clone(),
        };
        let operation = self
            .planner
            .operation(&self.input.label, subject, action, reason, cause);
        self.operations.push(operation);
    }
}

fn is_existing(target: &ClientTarget, client: &RecordId) -> bool {
    matches!(target, ClientTarget::Existing(id) if id == client)
}
