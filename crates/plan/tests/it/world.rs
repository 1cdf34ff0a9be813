//! A source and a destination in memory: enough to make a plan, to apply it, and to plan again.

use jiff::Timestamp;
use model::operation::Move;
use model::{
    Action, Asset, AssetType, BridgeSettings, Change, Client, ClientTarget, Decision, DeviceProjection,
    FieldType, Fields, Location, Operation, Organization, OrganizationMatch, PlanCounts, RecordDecisions,
    RecordId, RecordKind, Site, SiteTarget, SourceId, TargetField, TypeTarget, Undone,
};
use plan::{
    AssetLink, Can, ClientInput, CompiledMapping, Done, LinkNow, OrganizationsInput, Planner, PlannerInput,
    UndoInput, match_organizations, plan_undo,
};
use std::collections::{BTreeMap, BTreeSet};

/// Both sides, and what is remembered of how they belong together.
#[derive(Clone, Debug)]
pub struct World {
    pub settings: BridgeSettings,
    pub now: Timestamp,
    pub organizations: Vec<Organization>,
    pub locations: Vec<Location>,
    pub devices: Vec<DeviceProjection>,
    pub decisions: BTreeMap<SourceId, Decision>,
    pub clients: Vec<Client>,
    pub sites: Vec<Site>,
    pub types: Vec<AssetType>,
    pub assets: Vec<Asset>,
    pub client_links: BTreeMap<SourceId, RecordId>,
    pub site_links: BTreeMap<SourceId, RecordId>,
    pub type_links: BTreeMap<SourceId, RecordId>,
    pub asset_links: BTreeMap<SourceId, AssetLink>,
    pub undone: BTreeMap<(RecordKind, SourceId), Undone>,
    pub decided: RecordDecisions,
    /// What the destination can do.
    pub can: Can,
    pub next_id: u32,
}

/// A finished plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub operations: Vec<Operation>,
    pub counts: PlanCounts,
    pub warnings: Vec<String>,
}

impl Plan {
    pub fn writes(&self) -> Vec<&Operation> {
        self.operations.iter().filter(|o| o.action.writes()).collect()
    }
}

/// The asset fields of the destination.
pub fn targets() -> Vec<TargetField> {
    let of = |key: &str, field_type| TargetField {
        key: key.to_owned(),
        label: key.to_owned(),
        field_type,
        custom: false,
    };
    let text = [
        "serialNumber",
        "name",
        "details",
        "TypeId",
        "locationName",
        "manufacturer",
        "modelNumber",
        "os",
        "processorModel",
    ];
    let mut targets: Vec<TargetField> = text.iter().map(|key| of(key, FieldType::Text)).collect();
    targets.extend(["warrantyExpire", "purchaseDate", "replaceDate"].map(|key| of(key, FieldType::Date)));
    targets.push(of("storage", FieldType::Integer));
    targets
}

impl World {
    pub fn empty(settings: BridgeSettings, now: Timestamp) -> Self {
        Self {
            settings,
            now,
            organizations: vec![],
            locations: vec![],
            devices: vec![],
            decisions: BTreeMap::new(),
            clients: vec![],
            sites: vec![],
            types: vec![],
            assets: vec![],
            client_links: BTreeMap::new(),
            site_links: BTreeMap::new(),
            type_links: BTreeMap::new(),
            asset_links: BTreeMap::new(),
            undone: BTreeMap::new(),
            decided: RecordDecisions::default(),
            can: Can::EVERYTHING,
            next_id: 1,
        }
    }

    pub fn matches(&self) -> BTreeMap<SourceId, OrganizationMatch> {
        match_organizations(&OrganizationsInput {
            organizations: &self.organizations,
            clients: &self.clients,
            links: &self.client_links,
            decisions: &self.decisions,
            overtaken: &BTreeSet::new(),
            rules: self.settings.matching,
            new_organizations: self.settings.new_organizations,
            shared_serials: &[],
        })
    }

    pub fn plan(&self) -> Plan {
        let mapping = CompiledMapping::compile(&self.settings.mapping, &targets()).unwrap();
        let mut planner = Planner::new(PlannerInput {
            settings: &self.settings,
            mapping: &mapping,
            now: self.now,
            types: &self.types,
            type_links: &self.type_links,
            decided: &self.decided,
        });
        let organizations: BTreeMap<&SourceId, &Organization> =
            self.organizations.iter().map(|o| (&o.id, o)).collect();
        let mut operations = vec![];
        let mut members: BTreeMap<ClientTarget, Vec<&SourceId>> = BTreeMap::new();
        for (id, decided) in &self.matches() {
            let organization = organizations[id];
            let link = self.client_links.get(id);
            let target = match decided {
                OrganizationMatch::Matched { client, .. } => Some(ClientTarget::Existing(client.clone())),
                OrganizationMatch::Create { .. } => Some(ClientTarget::Of(id.clone())),
                _ => None,
            };
            let held = self.undone.get(&(RecordKind::Client, id.clone()));
            if let Some(held) =
                held.filter(|u| u.holds() && target != link.cloned().map(ClientTarget::Existing))
            {
                operations.push(planner.undone_organization(organization, held));
                continue;
            }
            let label = target
                .as_ref()
                .map_or(organization.name.clone(), |t| self.label(t, &organizations));
            operations.extend(planner.organization(organization, decided, link, &label));
            if let Some(target) = target {
                members.entry(target).or_default().push(&organization.id);
            }
        }
        for (target, organization_ids) in members {
            operations.extend(planner.client(self.input(target, &organization_ids, &organizations)));
        }
        let (counts, warnings) = planner.finish();
        Plan {
            operations,
            counts,
            warnings,
        }
    }

    fn label(&self, target: &ClientTarget, organizations: &BTreeMap<&SourceId, &Organization>) -> String {
        match target {
            ClientTarget::Existing(id) => self.clients.iter().find(|c| &c.id == id).unwrap().name.clone(),
            ClientTarget::Of(id) => organizations[id].name.clone(),
        }
    }

    fn input(
        &self,
        target: ClientTarget,
        members: &[&SourceId],
        organizations: &BTreeMap<&SourceId, &Organization>,
    ) -> ClientInput {
        let label = self.label(&target, organizations);
        let mut input = ClientInput::new(target, &label);
        input.can = self.can;
        input.devices = self
            .devices
            .iter()
            .filter(|d| members.contains(&&d.organization))
            .cloned()
            .collect();
        let linked: Vec<&RecordId> = input
            .devices
            .iter()
            .filter_map(|d| self.asset_links.get(&d.id))
            .map(|l| &l.asset)
            .collect();
        input.undone = self
            .undone
            .iter()
            .filter(|((kind, _), _)| *kind == RecordKind::Asset)
            .map(|((_, source), undone)| (source.clone(), undone.clone()))
            .collect();
        let undone: Vec<&RecordId> = input.undone.values().map(|u| &u.record).collect();
        let belongs = |a: &&Asset| {
            ClientTarget::Existing(a.client.clone()) == input.target
                || linked.contains(&&a.id)
                || undone.contains(&&a.id)
        };
        input.assets = self.assets.iter().filter(belongs).cloned().collect();
        input.links = self.asset_links.clone();
        input.sites = self.sites.clone();
        input.site_links = self.site_links.clone();
        input.locations = self
            .locations
            .iter()
            .filter(|l| members.contains(&&l.organization))
            .cloned()
            .collect();
        input
    }

    /// Does what the plan says, in its order, and says what each operation ended with. Panics where an operation
    /// cannot be done, e.g. since it needs something that no operation before it made.
    pub fn apply(&mut self, plan: &Plan) -> Vec<Done> {
        let writes = plan.operations.iter().filter(|o| o.action.writes());
        let mut done = vec![];
        for operation in writes {
            let record = self.carry_out(operation);
            if operation.undoes.is_some() {
                self.mark(operation, &record);
            }
            done.push(Done {
                operation: operation.clone(),
                record,
            });
        }
        done
    }

    fn carry_out(&mut self, operation: &Operation) -> RecordId {
        let source = operation.subject.source_id.clone();
        match &operation.action {
            Action::CreateClient(draft) => {
                let id = self.new_id("client");
                self.clients.push(Client {
                    id: id.clone(),
                    name: draft.name.clone(),
                    source_id: None,
                });
                self.client_links.insert(source, id.clone());
                id
            }
            Action::CreateSite(draft) => {
                let id = self.new_id("site");
                let client = self.client(&draft.client);
                self.sites.push(Site {
                    id: id.clone(),
                    client,
                    name: draft.name.clone(),
                });
                self.site_links.insert(source, id.clone());
                id
            }
            Action::CreateAssetType(draft) => {
                let id = self.new_id("type");
                let group = draft.group.clone();
                self.types.push(AssetType {
                    id: id.clone(),
                    name: draft.name.clone(),
                    group,
                });
                self.type_links.insert(source, id.clone());
                id
            }
            Action::CreateAsset(draft) => {
                let id = self.new_id("asset");
                self.assets.push(Asset {
                    id: id.clone(),
                    client: self.client(&draft.client),
                    site: draft.site.as_ref().map(|s| self.site(s)),
                    asset_type: draft.asset_type.as_ref().map(|t| self.asset_type(t)),
                    source_id: Some(source.0.clone()),
                    fields: draft.fields.clone(),
                    archived: None,
                });
                self.link_asset(source, &id, draft.fields.clone());
                id
            }
            Action::Link { record, changes, .. } => {
                self.link(operation.subject.kind, source, record, changes);
                record.clone()
            }
            Action::UpdateAsset {
                asset,
                changes,
                moved,
            } => {
                assert!(self.can.update, "{operation:?}");
                self.write(asset, changes);
                if let Some(moved) = moved {
                    self.move_asset(asset, moved);
                }
                let written = &mut self.asset_links.get_mut(&source).unwrap().written;
                written.extend(changes.iter().map(|c| (c.field.clone(), c.after.clone())));
                asset.clone()
            }
            Action::ArchiveAsset { asset } => {
                assert!(self.can.archive, "{operation:?}");
                let now = self.now;
                let asset = self.asset(asset);
                asset.archived = asset.archived.or(Some(now));
                asset.id.clone()
            }
            Action::RestoreAsset { asset } => {
                assert!(self.can.restore, "{operation:?}");
                self.asset(asset).archived = None;
                if !self.asset_links.contains_key(&source) {
                    self.link_asset(source, asset, Fields::new());
                }
                asset.clone()
            }
            Action::Unlink {
                record,
                changes,
                back,
            } => {
                if operation.subject.kind == RecordKind::Asset {
                    self.write(record, changes);
                    if let Some(back) = back {
                        self.asset(record).source_id = back.source_id.clone();
                    }
                    assert_eq!(self.asset_links.remove(&source).unwrap().asset, *record);
                } else {
                    assert_eq!(self.client_links.remove(&source).as_ref(), Some(record));
                    let again = back.as_ref().and_then(|back| back.record.clone());
                    self.client_links.extend(again.map(|again| (source, again)));
                }
                record.clone()
            }
            Action::Review { .. } | Action::Skip => unreachable!("they write nothing"),
        }
    }

    /// What the store remembers of an operation that was taken back.
    fn mark(&mut self, operation: &Operation, record: &RecordId) {
        let subject = &operation.subject;
        if matches!(operation.action, Action::ArchiveAsset { .. }) {
            self.asset_links.remove(&subject.source_id);
        }
        let undone = Undone {
            kind: subject.kind,
            source: subject.source_id.clone(),
            record: record.clone(),
            run: "the undo".into(),
            by: "person:ana".to_owned(),
            at: self.now,
            released: None,
        };
        self.undone
            .insert((subject.kind, subject.source_id.clone()), undone);
    }

    /// The plan that takes back what was done, as far as the destination can.
    pub fn undo(&self, done: &[Done]) -> Plan {
        let mut links: BTreeMap<(RecordKind, SourceId), LinkNow> = BTreeMap::new();
        let of_kinds = [
            (RecordKind::Client, &self.client_links),
            (RecordKind::Site, &self.site_links),
            (RecordKind::AssetType, &self.type_links),
        ];
        for (kind, of_kind) in of_kinds {
            links.extend(of_kind.iter().map(|(source, record)| {
                let now = LinkNow {
                    record: record.clone(),
                    written: Fields::new(),
                };
                ((kind, source.clone()), now)
            }));
        }
        links.extend(self.asset_links.iter().map(|(source, link)| {
            let now = LinkNow {
                record: link.asset.clone(),
                written: link.written.clone(),
            };
            ((RecordKind::Asset, source.clone()), now)
        }));
        let plan = plan_undo(&UndoInput {
            done,
            assets: &self.assets.iter().map(|a| (a.id.clone(), a.clone())).collect(),
            links: &links,
            update: self.can.update,
            archive: self.can.archive,
            restore: self.can.restore,
            linked: u32::try_from(self.asset_links.len()).unwrap(),
            brakes: &self.settings.brakes,
        });
        Plan {
            operations: plan.operations,
            counts: plan.counts,
            warnings: plan.warnings,
        }
    }

    /// A person lets everything be written again.
    pub fn release_all(&mut self) {
        for undone in self.undone.values_mut() {
            undone.released = Some(self.now);
        }
    }

    fn link_asset(&mut self, source: SourceId, asset: &RecordId, written: Fields) {
        let asset = asset.clone();
        self.asset_links.insert(source, AssetLink { asset, written });
    }

    fn link(&mut self, kind: RecordKind, source: SourceId, record: &RecordId, changes: &[Change]) {
        match kind {
            RecordKind::Client => {
                assert!(self.clients.iter().any(|c| &c.id == record));
                self.client_links.insert(source, record.clone());
            }
            RecordKind::Site => {
                assert!(self.sites.iter().any(|s| &s.id == record));
                self.site_links.insert(source, record.clone());
            }
            RecordKind::AssetType => {
                assert!(self.types.iter().any(|t| &t.id == record));
                self.type_links.insert(source, record.clone());
            }
            RecordKind::Asset => {
                self.write(record, changes);
                // Where assets cannot be changed, the link is ours alone.
                if self.can.update {
                    self.asset(record).source_id = Some(source.0.clone());
                }
                let written = changes.iter().map(|c| (c.field.clone(), c.after.clone()));
                self.link_asset(source, record, written.collect());
            }
        }
    }

    fn write(&mut self, asset: &RecordId, changes: &[Change]) {
        let asset = self.asset(asset);
        for change in changes {
            if change.after.is_null() {
                asset.fields.remove(&change.field);
            } else {
                asset.fields.insert(change.field.clone(), change.after.clone());
            }
        }
    }

    fn move_asset(&mut self, asset: &RecordId, moved: &Move) {
        let client = moved.client.as_ref().map(|c| self.client(c));
        let site = moved.site.as_ref().map(|s| self.site(s));
        let asset_type = moved.asset_type.as_ref().map(|t| self.asset_type(t));
        let asset = self.asset(asset);
        asset.client = client.unwrap_or_else(|| asset.client.clone());
        asset.site = match site {
            None if moved.client.is_some() || moved.leaves_site => None,
            None => asset.site.clone(),
            some => some,
        };
        asset.asset_type = asset_type.or_else(|| asset.asset_type.clone());
    }

    pub fn asset(&mut self, id: &RecordId) -> &mut Asset {
        self.assets.iter_mut().find(|a| &a.id == id).unwrap()
    }

    fn client(&self, target: &ClientTarget) -> RecordId {
        match target {
            ClientTarget::Existing(id) => id.clone(),
            ClientTarget::Of(organization) => self.client_links[organization].clone(),
        }
    }

    fn site(&self, target: &SiteTarget) -> RecordId {
        match target {
            SiteTarget::Existing(id) => id.clone(),
            SiteTarget::Of(location) => self.site_links[location].clone(),
        }
    }

    fn asset_type(&self, target: &TypeTarget) -> RecordId {
        match target {
            TypeTarget::Existing(id) => id.clone(),
            TypeTarget::Of(role) => self.type_links[role].clone(),
        }
    }

    fn new_id(&mut self, kind: &str) -> RecordId {
        let id = RecordId(format!("{kind}-{}", self.next_id));
        self.next_id += 1;
        id
    }
}
