//! From what is read to what is to be done.
//!
//! A planner is fed one organization and one client at a time, so that memory does not grow with the estate. The
//! order of devices, assets and sites inside a call does not matter; operations are numbered through all calls.

use crate::brakes::{Load, warnings};
use crate::client_plan::ClientPlan;
use crate::mapping::CompiledMapping;
use crate::named::{NamedRecords, News};
use jiff::Timestamp;
use model::{
    Action, Asset, AssetType, AssetTypeDraft, BridgeSettings, Cause, ClientDraft, ClientTarget,
    DeviceProjection, Ignored, LinkBefore, Location, Operation, Organization, OrganizationMatch, PlanCounts,
    Reason, RecordDecisions, RecordId, RecordKind, Role, Site, SourceId, Subject, TypeTarget, Undone,
    UnlinkedAsset,
};
use std::collections::{BTreeMap, BTreeSet};

pub use crate::assets::AssetLink;

/// What a whole plan is made with.
#[derive(Clone, Copy, Debug)]
pub struct PlannerInput<'a> {
    /// The bridge's settings.
    pub settings: &'a BridgeSettings,
    /// Their mapping, compiled.
    pub mapping: &'a CompiledMapping,
    /// The present, for the days a device is absent.
    pub now: Timestamp,
    /// All asset types of the destination.
    pub types: &'a [AssetType],
    /// Remembered links, role → asset type.
    pub type_links: &'a BTreeMap<SourceId, RecordId>,
    /// What people decided about single records.
    pub decided: &'a RecordDecisions,
}

/// One client with all that belongs to it.
#[derive(Clone, Debug)]
pub struct ClientInput {
    /// The client.
    pub target: ClientTarget,
    /// Its name.
    pub label: String,
    /// The devices of all organizations that are this client.
    pub devices: Vec<DeviceProjection>,
    /// The client's assets, and the assets its devices are linked to wherever they live.
    pub assets: Vec<Asset>,
    /// The links of these devices, and every other link to one of these assets: an asset that is linked, by whichever
    /// device, is never adopted.
    pub links: BTreeMap<SourceId, AssetLink>,
    /// The client's sites.
    pub sites: Vec<Site>,
    /// Remembered links, location → site.
    pub site_links: BTreeMap<SourceId, RecordId>,
    /// The locations of these organizations.
    pub locations: Vec<Location>,
    /// Devices whose writes were undone, and the assets those were.
    pub undone: BTreeMap<SourceId, Undone>,
    /// Assets whose stored device id may be another source's, and so tells nothing here.
    pub foreign_ids: BTreeSet<RecordId>,
    /// What the destination can do.
    pub can: Can,
}

/// What a destination can do. What it cannot is said where it would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Can {
    /// Change assets.
    pub update: bool,
    /// Archive them.
    pub archive: bool,
    /// Take them out of the archive.
    pub restore: bool,
    /// Keep sites.
    pub sites: bool,
    /// Keep asset types as records.
    pub asset_types: bool,
}

impl Can {
    /// All of it.
    pub const EVERYTHING: Self = Self {
        update: true,
        archive: true,
        restore: true,
        sites: true,
        asset_types: true,
    };
}

impl ClientInput {
    /// A client with nothing in it.
    pub fn new(target: ClientTarget, label: &str) -> Self {
        Self {
            target,
            label: label.to_owned(),
            devices: vec![],
            assets: vec![],
            links: BTreeMap::new(),
            sites: vec![],
            site_links: BTreeMap::new(),
            locations: vec![],
            undone: BTreeMap::new(),
            foreign_ids: BTreeSet::new(),
            can: Can::EVERYTHING,
        }
    }
}

/// Makes one plan.
#[derive(Debug)]
pub struct Planner<'a> {
    pub(crate) input: PlannerInput<'a>,
    pub(crate) load: Load,
    counts: PlanCounts,
    types: NamedRecords,
    ignored_types: BTreeSet<SourceId>,
    unlinked: Vec<UnlinkedAsset>,
    next_number: u32,
}

impl<'a> Planner<'a> {
    /// Begins a plan.
    pub fn new(input: PlannerInput<'a>) -> Self {
        let types = input.types.iter().map(|t| (&t.id, t.name.as_str()));
        Self {
            input,
            load: Load::default(),
            counts: PlanCounts::default(),
            types: NamedRecords::new(types, input.type_links.values()),
            ignored_types: BTreeSet::new(),
            unlinked: vec![],
            next_number: 1,
        }
    }

    /// Plans one organization: nothing when it is linked to its client already, else the link, the creation, or why
    /// it is left alone. Call it before [`Planner::client`] for the client it becomes. `link` is the client it is
    /// linked to so far.
    pub fn organization(
        &mut self,
        organization: &Organization,
        decided: &OrganizationMatch,
        link: Option<&RecordId>,
        client_label: &str,
    ) -> Vec<Operation> {
        let mut cause = None;
        let (action, reason) = match decided {
            OrganizationMatch::Matched { client, .. } if link == Some(client) => return vec![],
            OrganizationMatch::Matched { client, reason, .. } => {
                let before = LinkBefore {
                    record: link.cloned(),
                    source_id: None,
                };
                let link = Action::Link {
                    record: client.clone(),
                    changes: vec![],
                    before: Some(before),
                };
                (link, reason.clone())
            }
            OrganizationMatch::Create { reason } => {
                let name = organization.name.trim().to_owned();
                (Action::CreateClient(ClientDraft { name }), reason.clone())
            }
            OrganizationMatch::Excluded { reason } => {
                cause = Some(Cause::Excluded);
                (Action::Skip, reason.clone())
            }
            OrganizationMatch::Undecided { reason, suggestions } => {
                let waits = match suggestions.len() {
                    0 => format!("waits for a decision: {reason}"),
                    1 => format!("waits for a decision: {reason} (1 suggestion)"),
                    n => format!("waits for a decision: {reason} ({n} suggestions)"),
                };
                cause = Some(Cause::Undecided);
                (Action::Skip, waits)
            }
        };
        let subject = Subject {
            kind: RecordKind::Client,
            source_id: organization.id.clone(),
            label: organization.name.clone(),
        };
        vec![self.operation(client_label, subject, action, reason, cause)]
    }

    /// Says why an organization whose link was undone is not linked again.
    pub fn undone_organization(&mut self, organization: &Organization, undone: &Undone) -> Operation {
        let subject = Subject {
            kind: RecordKind::Client,
            source_id: organization.id.clone(),
            label: organization.name.clone(),
        };
        let reason = format!(
            "{}; decide anew which client it is (rmmbridge match), or release it: rmmbridge undo --release client:{}",
            undone_by(undone),
            organization.id
        );
        self.operation(
            &organization.name,
            subject,
            Action::Review { changes: vec![] },
            reason,
            Some(Cause::Undone),
        )
    }

    /// Says why an organization is left alone that a person ignores, with all its devices.
    pub fn ignored_organization(&mut self, organization: &Organization, ignored: &Ignored) -> Operation {
        let subject = Subject {
            kind: RecordKind::Client,
            source_id: organization.id.clone(),
            label: organization.name.clone(),
        };
        let reason = ignored_by(ignored);
        self.operation(
            &organization.name,
            subject,
            Action::Skip,
            reason,
            Some(Cause::Ignored),
        )
    }

    /// Says why an organization is left alone, with so many devices, that the source's list of organizations lacks.
    pub fn unlisted_organization(&mut self, organization: &Organization, devices: u64) -> Operation {
        let subject = Subject {
            kind: RecordKind::Client,
            source_id: organization.id.clone(),
            label: organization.name.clone(),
        };
        let many = match devices {
            1 => "1 device is".to_owned(),
            n => format!("{n} devices are"),
        };
        let reason = format!(
            "the source lists no such organization, though {many} in it; the next read may bring it, or the account \
             that reads may not see it"
        );
        self.operation(
            &organization.name,
            subject,
            Action::Skip,
            reason,
            Some(Cause::Unlisted),
        )
    }

    /// The assets in use of the clients planned since it was last asked, that are none of their devices.
    pub fn take_unlinked(&mut self) -> Vec<UnlinkedAsset> {
        std::mem::take(&mut self.unlinked)
    }

    /// Plans one client's sites and assets, and the asset types they need first.
    pub fn client(&mut self, mut input: ClientInput) -> Vec<Operation> {
        input
            .devices
            .sort_by(|a, b| (&a.id, &a.label).cmp(&(&b.id, &b.label)));
        input.devices.dedup_by(|a, b| a.id == b.id);
        input
            .devices
            .sort_by(|a, b| (&a.label, &a.id).cmp(&(&b.label, &b.id)));
        input.assets.sort_by(|a, b| a.id.cmp(&b.id));
        input.assets.dedup_by(|a, b| a.id == b.id);
        let (operations, unlinked) = ClientPlan::new(self, &input).run();
        self.unlinked.extend(unlinked);
        operations
    }

    /// Ends the plan: how many of each, and what the brakes say.
    pub fn finish(mut self) -> (PlanCounts, Vec<String>) {
        self.load.creations = self.counts.create_assets;
        let warnings = warnings(self.load, &self.input.settings.brakes);
        (self.counts, warnings)
    }

    pub(crate) fn operation(
        &mut self,
        client: &str,
        subject: Subject,
        action: Action,
        reason: Reason,
        cause: Option<Cause>,
    ) -> Operation {
        debug_assert_eq!(action.writes(), cause.is_none(), "what writes nothing says why");
        self.counts.add(&action);
        let number = self.next_number;
        self.next_number += 1;
        Operation {
            number,
            client_label: client.to_owned(),
            subject,
            action,
            reason,
            cause,
            after_match: None,
            undoes: None,
        }
    }

    pub(crate) fn unchanged(&mut self) {
        self.counts.unchanged += 1;
    }

    /// The asset type of a role, and what has to be done about it before the first asset needs it.
    pub(crate) fn asset_type(&mut self, role: &Role) -> (Option<TypeTarget>, Option<Operation>) {
        let subject = || Subject {
            kind: RecordKind::AssetType,
            source_id: role.id.clone(),
            label: role.name.clone(),
        };
        if let Some(ignored) = self.input.decided.ignored(RecordKind::AssetType, &role.id) {
            let news = self.ignored_types.insert(role.id.clone()).then(|| {
                let reason = ignored_by(ignored);
                self.operation("", subject(), Action::Skip, reason, Some(Cause::Ignored))
            });
            return (None, news);
        }
        let rule = &self.input.settings.types;
        let name = type_name(self.input.settings, role);
        let (settled, news) = self
            .types
            .settle(&role.id, name, self.input.type_links.get(&role.id));
        let target = settled.target(TypeTarget::Existing, TypeTarget::Of);
        let said = match news {
            News::None => None,
            News::Link(record) => Some((
                Action::Link {
                    record,
                    changes: vec![],
                    before: Some(LinkBefore::default()),
                },
                format!("the asset type has the role's name, {name}"),
                None,
            )),
            News::Create => {
                let draft = AssetTypeDraft {
                    name: name.to_owned(),
                    group: rule.default_group.clone(),
                };
                Some((
                    Action::CreateAssetType(draft),
                    "devices of this role need an asset type".to_owned(),
                    None,
                ))
            }
            News::Gone(record) => Some((
                Action::Review { changes: vec![] },
                format!(
                    "it was linked to asset type {record}, which no longer exists; choose another, or create it anew"
                ),
                Some(Cause::RecordGone),
            )),
            News::Several(n) => Some((
                Action::Review { changes: vec![] },
                format!("{n} asset types are called {name}; say which one this role is"),
                Some(Cause::SeveralNamed),
            )),
        };
        let operation =
            said.map(|(action, reason, cause)| self.operation("", subject(), action, reason, cause));
        (target, operation)
    }

    /// The asset type a role would be, with nothing done about it.
    pub(crate) fn asset_type_seen(&self, role: &Role) -> Option<TypeTarget> {
        let input = &self.input;
        if input.decided.ignored(RecordKind::AssetType, &role.id).is_some() {
            return None;
        }
        let (name, link) = (type_name(input.settings, role), input.type_links.get(&role.id));
        let settled = self.types.seen(&role.id, name, link);
        settled.target(TypeTarget::Existing, TypeTarget::Of)
    }
}

/// What the asset type of a role is called: as the bridge says, else as the role.
fn type_name<'t>(settings: &'t BridgeSettings, role: &'t Role) -> &'t str {
    settings.types.by_role.get(role.id.as_str()).unwrap_or(&role.name)
}

/// Who said that a record is left alone, when and why.
pub(crate) fn ignored_by(ignored: &Ignored) -> String {
    let on = ignored.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("ignored by {} on {on}: {}", ignored.by, ignored.reason)
}

/// Who undid something, and when.
pub(crate) fn undone_by(undone: &Undone) -> String {
    let on = undone.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("undone by {} on {on}", undone.by)
}

#[cfg(test)]
mod tests;
