//! The plan of one client: its sites and assets.

use crate::absence::Absence;
use crate::assets::{AssetLink, Identity, NAME_FIELD, devices_by_asset, identify, is_absent};
use crate::changes::{FieldChanges, compare, new_fields};
use crate::coerce::is_blank;
use crate::named::{NamedRecords, News, Settled};
use crate::planner::{ClientInput, Planner, ignored_by};
use crate::scope::out_of_scope;
use jiff::Timestamp;
use model::operation::Move;
use model::{
    Action, Asset, AssetDraft, Cause, ClientTarget, DeviceProjection, Fields, LinkBefore, Location,
    Operation, Presence, RecordId, RecordKind, SiteDraft, SiteRule, SiteTarget, SourceId, Subject,
    TypeTarget, Undone, UnlinkedAsset,
};
use std::collections::{BTreeMap, BTreeSet};

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

/// Where a device's asset belongs.
pub(crate) struct Place {
    site: Option<SiteTarget>,
    asset_type: Option<TypeTarget>,
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
            let in_scope = out_of_scope(device, &self.planner.input.settings.scope).is_none();
            let stays = asset.archived.is_none() && !(in_scope && self.absence(since, snapshots).is_over());
            stays.then_some((asset, device))
        });
        held.collect()
    }

    pub(crate) fn absence(&self, since: Timestamp, snapshots: u32) -> Absence {
        Absence::new(
            since,
            self.planner.input.now,
            snapshots,
            self.planner.input.settings.archive,
        )
    }

    pub(crate) fn linked(&mut self, device: &DeviceProjection, link: &AssetLink) {
        let holders = self.devices_by_asset.get(&link.asset).map_or(0, Vec::len);
        let asset = self.assets.get(&link.asset).copied();
        match (asset, device.presence) {
            (None, Presence::Absent { .. }) => {
                let reason = format!("the device is gone, and so is its asset {}", link.asset);
                self.skip(device, Cause::BothGone, reason);
            }
            (None, Presence::Present) => self.review(
                device,
                Cause::RecordGone,
                format!(
                    "its asset {} no longer exists: it was deleted by hand; say whether to create it anew or to leave \
                     the device out",
                    link.asset
                ),
            ),
            (Some(asset), Presence::Absent { since, snapshots }) => match asset.archived {
                Some(_) => self.planner.unchanged(),
                None => self.vanished(device, asset, &self.absence(since, snapshots)),
            },
            (Some(_), Presence::Present) if holders > 1 => {
                let reason = format!("{holders} devices are linked to asset {}; unlink all but one", link.asset);
                self.review(device, Cause::SharedAsset, reason);
            }
            (Some(asset), Presence::Present) => match asset.archived {
                Some(archived) => {
                    let on = archived.to_zoned(jiff::tz::TimeZone::UTC).date();
                    let reason = format!("the device is back, and its asset was archived on {on}; restore it");
                    self.review(device, Cause::Archived, reason);
                }
                None => self.update(device, asset, &link.written),
            },
        }
    }

    fn vanished(&mut self, device: &DeviceProjection, asset: &Asset, absence: &Absence) {
        if !absence.is_over() {
            self.skip(device, Cause::Absent, absence.reason());
            return;
        }
        if !self.input.can.archive {
            let reason = format!(
                "{}; this destination's API cannot archive it: do that there",
                absence.reason()
            );
            self.skip(device, Cause::ArchiveByHand, reason);
            return;
        }
        self.planner.load.archives += 1;
        let archive = Action::ArchiveAsset {
            asset: asset.id.clone(),
        };
        self.push(device, archive, absence.reason());
    }

    fn update(&mut self, device: &DeviceProjection, asset: &Asset, written: &Fields) {
        let place = self.place(device);
        let moved = self.moved(asset, place);
        let found = self.compare(device, &asset.fields, written);
        if found.changes.is_empty() && found.conflicts.is_empty() && moved.is_none() {
            self.planner.unchanged();
            return;
        }
        if !self.input.can.update {
            let differs = found.changes.len() + found.conflicts.len();
            let reason = format!(
                "{}; this destination's API cannot change assets: change it there",
                update_reason(differs, moved.as_ref())
            );
            self.skip(device, Cause::ChangeByHand, reason);
            return;
        }
        if !found.changes.is_empty() || moved.is_some() {
            self.planner.load.changes += 1;
            let reason = with_faults(update_reason(found.changes.len(), moved.as_ref()), device);
            let update = Action::UpdateAsset {
                asset: asset.id.clone(),
                changes: found.changes,
                moved,
            };
            self.push(device, update, reason);
        }
        self.review_conflicts(device, found.conflicts);
    }

    pub(crate) fn review_conflicts(&mut self, device: &DeviceProjection, conflicts: Vec<model::Change>) {
        if conflicts.is_empty() {
            return;
        }
        let fields: Vec<&str> = conflicts.iter().map(|c| c.field.as_str()).collect();
        let reason = format!(
            "changed in the destination since the last write: {}; say which value stays",
            fields.join(", ")
        );
        self.leave(
            device,
            Action::Review { changes: conflicts },
            Cause::Conflict,
            reason,
        );
    }

    fn adopt(&mut self, device: &DeviceProjection, asset: &Asset, how: &str) {
        let place = self.place(device);
        let moved = self.moved(asset, place);
        let found = self.compare(device, &asset.fields, &Fields::new());
        if !self.input.can.update {
            self.link_alone(device, asset, how, found.changes.len());
            return;
        }
        // Overwriting what a person typed is a change of an asset, whether it was linked before or not.
        self.planner.load.linked += 1;
        let overwrites = found.changes.iter().any(|change| !is_blank(&change.before));
        self.planner.load.changes += u32::from(overwrites);
        let reason = with_faults(format!("asset {} is this device: {how}", asset.id), device);
        let link = Action::Link {
            record: asset.id.clone(),
            changes: found.changes,
            before: Some(LinkBefore {
                record: None,
                source_id: asset.source_id.clone(),
            }),
        };
        self.push(device, link, reason);
        if moved.is_some() {
            let update = Action::UpdateAsset {
                asset: asset.id.clone(),
                changes: vec![],
                moved: moved.clone(),
            };
            self.push(device, update, update_reason(0, moved.as_ref()));
        }
        self.review_conflicts(device, found.conflicts);
    }

    /// An adoption that only we remember, since the record itself cannot be changed.
    fn link_alone(&mut self, device: &DeviceProjection, asset: &Asset, how: &str, differs: usize) {
        let mut reason = format!("asset {} is this device: {how}", asset.id);
        if differs > 0 {
            let differ = update_reason(differs, None);
            reason = format!("{reason}; {differ}, and this destination's API cannot change assets");
        }
        self.planner.load.linked += 1;
        let link = Action::Link {
            record: asset.id.clone(),
            changes: vec![],
            before: Some(LinkBefore {
                record: None,
                source_id: asset.source_id.clone(),
            }),
        };
        self.push(device, link, with_faults(reason, device));
    }

    fn create(&mut self, device: &DeviceProjection) {
        let place = self.place(device);
        let draft = AssetDraft {
            client: self.input.target.clone(),
            site: place.site,
            asset_type: place.asset_type,
            fields: new_fields(self.planner.input.mapping, device),
        };
        let reason = match self.input.target {
            ClientTarget::Of(_) => "its client is new".to_owned(),
            ClientTarget::Existing(_) => "no asset of this client is this device".to_owned(),
        };
        self.push(device, Action::CreateAsset(draft), with_faults(reason, device));
    }

    /// Where the device belongs, with the operations that place needs first.
    pub(crate) fn place(&mut self, device: &DeviceProjection) -> Place {
        let role = device.role.as_ref().filter(|_| self.input.can.asset_types);
        let asset_type = role.and_then(|role| {
            let (target, operation) = self.planner.asset_type(role);
            self.operations.extend(operation);
            target
        });
        let site = match self.planner.input.settings.sites {
            SiteRule::None => None,
            SiteRule::SameName if !self.input.can.sites => None,
            SiteRule::SameName => device
                .location
                .as_ref()
                .and_then(|id| self.locations.get(id).copied())
                .and_then(|l| self.site(l)),
        };
        Place { site, asset_type }
    }

    fn site(&mut self, location: &'i Location) -> Option<SiteTarget> {
        let subject = || Subject {
            kind: RecordKind::Site,
            source_id: location.id.clone(),
            label: location.name.clone(),
        };
        let decided = self.planner.input.decided;
        if let Some(ignored) = decided.ignored(RecordKind::Site, &location.id) {
            if self.ignored_sites.insert(&location.id) {
                let reason = ignored_by(ignored);
                let label = &self.input.label;
                let skip =
                    self.planner
                        .operation(label, subject(), Action::Skip, reason, Some(Cause::Ignored));
                self.operations.push(skip);
            }
            return None;
        }
        let link = self.input.site_links.get(&location.id);
        let (settled, news) = self.sites.settle(&location.id, &location.name, link);
        let review = Action::Review { changes: vec![] };
        let said = match news {
            News::None => None,
            News::Link(record) => Some((
                Action::Link {
                    record,
                    changes: vec![],
                    before: Some(LinkBefore::default()),
                },
                "the site has the location's name".to_owned(),
                None,
            )),
            News::Create => {
                let draft = SiteDraft {
                    client: self.input.target.clone(),
                    name: location.name.trim().to_owned(),
                };
                Some((
                    Action::CreateSite(draft),
                    "devices at this location need a site".to_owned(),
                    None,
                ))
            }
            News::Gone(record) => Some((
                review,
                format!(
                    "it was linked to site {record}, which this client no longer has; choose another, or create it anew"
                ),
                Some(Cause::RecordGone),
            )),
            News::Several(n) => Some((
                review,
                format!("{n} sites of this client have this name; say which one the location is"),
                Some(Cause::SeveralNamed),
            )),
        };
        if let Some((action, reason, cause)) = said {
            let operation = self
                .planner
                .operation(&self.input.label, subject(), action, reason, cause);
            self.operations.push(operation);
        }
        match settled {
            Settled::Existing(id) => Some(SiteTarget::Existing(id)),
            Settled::Of(location) => Some(SiteTarget::Of(location)),
            Settled::Nothing => None,
        }
    }

    /// What of an asset's place differs; what is not known stays.
    pub(crate) fn moved(&self, asset: &Asset, place: Place) -> Option<Move> {
        let elsewhere = !is_existing(&self.input.target, &asset.client);
        let stands = asset.site.clone().map(SiteTarget::Existing);
        let is = asset.asset_type.clone().map(TypeTarget::Existing);
        let moved = Move {
            client: elsewhere.then(|| self.input.target.clone()),
            // Whoever leaves the client leaves its site, so a new client always comes with its site.
            site: place
                .site
                .filter(|site| elsewhere || stands.as_ref() != Some(site)),
            asset_type: place
                .asset_type
                .filter(|asset_type| is.as_ref() != Some(asset_type)),
            ..Move::default()
        };
        (moved != Move::default()).then(|| Move {
            before: Some(model::Place {
                client: asset.client.clone(),
                site: asset.site.clone(),
                asset_type: asset.asset_type.clone(),
            }),
            ..moved
        })
    }

    /// What differs between a device and its asset, given what people decided.
    pub(crate) fn compare(
        &self,
        device: &DeviceProjection,
        current: &Fields,
        written: &Fields,
    ) -> FieldChanges {
        let input = &self.planner.input;
        let decided = input.decided.conflicts.get(&device.id);
        compare(input.mapping, device, current, written, decided)
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

pub(crate) fn update_reason(changes: usize, moved: Option<&Move>) -> String {
    let mut said = vec![];
    if let Some(moved) = moved {
        let parts = [
            (moved.client.is_some(), "its device is with another client now"),
            (moved.site.is_some(), "its device stands at another location"),
            (moved.asset_type.is_some(), "its device has another role"),
        ];
        said.extend(
            parts
                .into_iter()
                .filter(|(is, _)| *is)
                .map(|(_, text)| text.to_owned()),
        );
    }
    match changes {
        0 => {}
        1 => said.push("1 field differs".to_owned()),
        n => said.push(format!("{n} fields differ")),
    }
    said.join("; ")
}

/// Fields that could not be read are left as they are, and said so.
fn with_faults(reason: String, device: &DeviceProjection) -> String {
    let faults: Vec<&str> = device.faults.iter().map(|f| f.path.as_str()).collect();
    match faults.len() {
        0 => reason,
        _ => format!("{reason}; left out, since not readable: {}", faults.join(", ")),
    }
}
