//! Plans of a part of a bridge: one client, or one record with what it stands on.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::matching::{MatchRow, Matching};
use model::{
    Bridge, ClientTarget, Operation, OrganizationMatch, PlanAbout, PlanCounts, RecordId, RecordKind, SourceId,
};
use std::collections::BTreeMap;

/// The organizations a plan looks at, when it does not look at all of them.
pub(super) struct Part {
    /// The organization it is about, if it is about one.
    organization: Option<SourceId>,
    /// The client its organizations are; `None` when they are none.
    target: Option<ClientTarget>,
}

impl Part {
    /// Whether the organization itself is looked at.
    pub(super) fn names(&self, organization: &SourceId) -> bool {
        self.organization.as_ref() == Some(organization)
    }

    /// Whether it holds an organization that is this client.
    pub(super) fn holds(&self, target: Option<&ClientTarget>) -> bool {
        self.target.is_some() && self.target.as_ref() == target
    }
}

/// The client an organization is or becomes.
pub(super) fn target(row: &MatchRow) -> Option<ClientTarget> {
    match &row.status {
        OrganizationMatch::Matched { client, .. } => Some(ClientTarget::Existing(client.clone())),
        OrganizationMatch::Create { .. } => Some(ClientTarget::Of(row.organization.id.clone())),
        OrganizationMatch::Excluded { .. } | OrganizationMatch::Undecided { .. } => None,
    }
}

impl Engine {
    /// The part of the bridge a plan is about; `None` for all of it. A role may be anybody's, so its asset type is
    /// looked for everywhere.
    pub(super) async fn part(
        &self,
        bridge: &Bridge,
        about: Option<&PlanAbout>,
        matching: &Matching,
        links: &BTreeMap<SourceId, RecordId>,
    ) -> Result<Option<Part>> {
        let (kind, source) = match about {
            None => return Ok(None),
            Some(PlanAbout::Client(client)) => {
                return Ok(Some(Part {
                    organization: None,
                    target: Some(ClientTarget::Existing(client.clone())),
                }));
            }
            Some(PlanAbout::Record { kind, source }) => (*kind, source),
        };
        let organization = match kind {
            RecordKind::AssetType => return Ok(None),
            RecordKind::Client => Some(source.clone()),
            RecordKind::Asset => self
                .store
                .device(&bridge.source, source)
                .await?
                .map(|device| device.organization),
            RecordKind::Site => {
                let all: Vec<SourceId> = matching.rows.iter().map(|r| r.organization.id.clone()).collect();
                let locations = self.store.locations(&bridge.source, &all).await?;
                locations
                    .into_iter()
                    .find(|location| &location.id == source)
                    .map(|location| location.organization)
            }
        };
        let organization = organization.ok_or_else(|| Error::Unknown {
            what: match kind {
                RecordKind::Asset => "device",
                RecordKind::Client => "organization",
                RecordKind::Site => "location",
                RecordKind::AssetType => "role",
            },
            name: source.to_string(),
            known: None,
        })?;
        let listed = matching
            .rows
            .iter()
            .find(|row| row.organization.id == organization);
        let linked = || links.get(&organization).cloned().map(ClientTarget::Existing);
        Ok(Some(Part {
            target: listed.map_or_else(linked, target),
            organization: Some(organization),
        }))
    }
}

/// What of the planned operations goes into the plan.
pub(super) struct Sieve {
    record: Option<(RecordKind, SourceId)>,
    waiting: Vec<Operation>,
}

impl Sieve {
    pub(super) fn new(about: Option<&PlanAbout>) -> Self {
        let record = match about {
            Some(PlanAbout::Record { kind, source }) => Some((*kind, source.clone())),
            Some(PlanAbout::Client(_)) | None => None,
        };
        Self {
            record,
            waiting: Vec::new(),
        }
    }

    /// Whether the plan is of one record.
    pub(super) fn is_of_one(&self) -> bool {
        self.record.is_some()
    }

    /// What of these operations goes into the plan already.
    pub(super) fn pass(&mut self, mut operations: Vec<Operation>) -> Vec<Operation> {
        match &self.record {
            None => return operations,
            // It stands on nothing, and is looked for in the whole estate.
            Some((RecordKind::AssetType, source)) => operations.retain(|operation| {
                operation.subject.kind == RecordKind::AssetType && &operation.subject.source_id == source
            }),
            Some(_) => {}
        }
        self.waiting.extend(operations);
        Vec::new()
    }

    /// What is left when everything was planned, with its counts; `None` for a plan of more than one record.
    pub(super) fn rest(self) -> Option<(Vec<Operation>, PlanCounts)> {
        let (kind, source) = self.record?;
        let operations = plan::narrow(self.waiting, kind, &source);
        let mut counts = PlanCounts::default();
        for operation in &operations {
            counts.add(&operation.action);
        }
        Some((operations, counts))
    }
}
