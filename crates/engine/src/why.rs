//! Why a device is, or is not, in the destination: one answer out of all that is known, without asking anybody outside.

mod bypassed;
mod words;

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::mapper::Mapper;
use crate::row_errors::Pages;
use crate::writing::protocol::{Admission, admit};
use connect::Marker;
use jiff::{SignedDuration, Timestamp};
use model::operation::Action;
use model::{
    Actor, ActorRole, Bridge, BridgeId, Cause, Decision, DeviceProjection, Ignored, Operation, Outcome,
    PlanId, PlanSummary, Presence, RecordDecisions, RecordId, RecordKind, RunId, SourceId, Verdict,
};
use serde::Serialize;
use std::collections::BTreeMap;
use store::{DeviceRow, RecordItem};
use words::said;

/// How many devices are explained at once.
const MOST: usize = 20;
/// How many devices whose documents hold what was asked for are looked into.
const LOOKED_INTO: usize = 500;

/// What is known of one device.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The source's id of it.
    pub device: SourceId,
    /// What people call it; its id where its document cannot be read.
    pub label: String,
    /// Its organization.
    pub organization: SourceId,
    /// The organization's name, where it is still there.
    pub organization_name: Option<String>,
    /// The page of the device.
    pub source_url: Option<String>,
    /// The asset it is linked to.
    pub asset: Option<LinkedAsset>,
    /// Why it is where it is.
    pub answer: Answer,
    /// The answer in a sentence.
    pub sentence: String,
    /// What a person can do about it; nothing where nothing has to be done.
    pub next: Option<String>,
    /// Parts of its document that could not be read, so that their fields are left out.
    pub unreadable: Vec<String>,
    /// Whether settings or decisions changed since the plan the answer is from: a new plan may say something else.
    pub outdated: bool,
}

/// The asset a device is linked to.
#[derive(Clone, Debug, Serialize)]
pub struct LinkedAsset {
    /// The asset.
    pub asset: RecordId,
    /// Its page.
    pub url: Option<String>,
    /// How it came to be linked: created, or why it was recognized.
    pub how: String,
    /// The run that linked it, where that is known.
    pub run: Option<RunId>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Why a device is where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Answer {
    /// It is in the destination, as it should be.
    Imported,
    /// The newest plan leaves it alone, or asks about it.
    LeftAlone {
        /// Why, for programs.
        cause: Cause,
        /// Why.
        reason: String,
    },
    /// Its organization is left alone, with all its devices.
    OrganizationLeftAlone {
        /// Why, for programs.
        cause: Cause,
        /// Why.
        reason: String,
    },
    /// The destination refused it.
    Failed {
        /// What the destination said.
        message: String,
        /// When.
        at: Timestamp,
        /// The run.
        run: RunId,
    },
    /// It changed after the plan was made, so nothing was written.
    Changed {
        /// What changed.
        message: String,
        /// When.
        at: Timestamp,
        /// The run.
        run: RunId,
    },
    /// A write got no answer and may have been carried out.
    InDoubt {
        /// When it can no longer arrive and is looked up; `None` when it can be by now.
        until: Option<Timestamp>,
    },
    /// Its document cannot be read.
    Unreadable {
        /// What is wrong with it.
        message: String,
    },
    /// A plan writes it and was not applied.
    Planned {
        /// The plan.
        plan: PlanId,
        /// What it does ([`Action::name`]).
        action: String,
        /// Why.
        reason: String,
    },
    /// It is gone from the source, and was never linked.
    Absent {
        /// Since when.
        since: Timestamp,
    },
    /// The bridge synchronises clients alone: no plan tells of devices.
    ClientsOnly,
    /// Somebody chose another bridge for the assets of its client: no plan of this one tells of them.
    OtherSource {
        /// The client.
        client: RecordId,
        /// The client's name.
        client_name: String,
        /// The bridge that was chosen.
        bridge: BridgeId,
        /// That bridge's name.
        bridge_name: String,
    },
    /// It was read, and no plan was made since.
    NotPlanned,
}

impl Engine {
    /// What is known of the devices that `query` names: by id, else by name or serial number.
    ///
    /// # Errors
    /// When nothing that was read is called so.
    pub async fn why(&self, actor: &Actor, bridge: &Bridge, query: &str) -> Result<Vec<Explained>> {
        require(actor, ActorRole::Viewer, "see devices")?;
        let mapper = self.mapper(bridge).await?;
        let rows = self.devices_called(bridge, &mapper, query.trim()).await?;
        if rows.is_empty() {
            return Err(Error::Unknown {
                what: "device",
                name: query.to_owned(),
                known: None,
            });
        }
        let organizations = self.store.organizations(&bridge.source).await?;
        let known = Known {
            bridge: self.store.bridge(&bridge.id).await?,
            organizations: organizations.into_iter().map(|o| (o.id, o.name)).collect(),
            decided: self.store.record_decisions(&bridge.id).await?,
            matches: self.store.decisions(&bridge.id).await?,
            sources: self.store.client_sources(&bridge.destination).await?,
            whole: self.store.newest_whole_plan(&bridge.id).await?,
            newest: self.store.newest_plan(&bridge.id).await?,
            pages: self.pages(bridge).await,
        };
        let mut explained = Vec::new();
        for (row, projection) in rows {
            explained.push(self.explain(&known, row, projection).await?);
        }
        Ok(explained)
    }

    /// Devices by id, else by name or serial number: those that have exactly it, or else those whose name holds it.
    async fn devices_called(
        &self,
        bridge: &Bridge,
        mapper: &Mapper,
        query: &str,
    ) -> Result<Vec<(DeviceRow, Result<DeviceProjection, connect::Error>)>> {
        if query.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(row) = self.store.device(&bridge.source, &query.into()).await? {
            let projection = mapper.project(&row);
            return Ok(vec![(row, projection)]);
        }
        let rows = self
            .store
            .devices_holding(&bridge.source, query, LOOKED_INTO)
            .await?;
        let folded = plan::fold::fold(query);
        let serial = plan::keys::fold_serial(query);
        let (mut exact, mut like) = (Vec::new(), Vec::new());
        for row in rows {
            let projection = mapper.project(&row);
            let Ok(device) = &projection else {
                like.push((row, projection));
                continue;
            };
            let name = plan::fold::fold(&device.label);
            let has_serial = serial.is_some() && device.keys.serial == serial;
            if name == folded || has_serial || device.keys.name.as_ref() == Some(&folded) {
                exact.push((row, projection));
            } else if name.contains(&folded) {
                like.push((row, projection));
            }
        }
        let mut found = if exact.is_empty() { like } else { exact };
        found.truncate(MOST);
        Ok(found)
    }

    async fn explain(
        &self,
        known: &Known,
        row: DeviceRow,
        projection: Result<DeviceProjection, connect::Error>,
    ) -> Result<Explained> {
        let device = row.id.clone();
        let items = self
            .store
            .items_about(&known.bridge.id, RecordKind::Asset, &device)
            .await?;
        let link = self
            .store
            .link(&known.bridge.id, RecordKind::Asset, &device)
            .await?;
        let asset = link.map(|link| known.linked(link.destination, &items));
        let (answer, plan) = self
            .answer(known, &row, &projection, &items, asset.is_some())
            .await?;
        let label = projection
            .as_ref()
            .map_or(device.to_string(), |p| p.label.clone());
        let (sentence, next) = said(&answer, &device, &row.organization, asset.as_ref());
        let faults = projection.map(|p| p.faults).unwrap_or_default();
        Ok(Explained {
            source_url: known.pages.source(RecordKind::Asset, &device),
            organization_name: known.organizations.get(&row.organization).cloned(),
            organization: row.organization,
            device,
            label,
            asset,
            answer,
            sentence,
            next,
            unreadable: faults
                .iter()
                .map(|f| format!("{}: {}", f.path, f.message))
                .collect(),
            outdated: plan.is_some_and(|plan| plan.generation != known.bridge.generation),
        })
    }

    /// The answer, and the plan it is from.
    async fn answer<'k>(
        &self,
        known: &'k Known,
        row: &DeviceRow,
        projection: &Result<DeviceProjection, connect::Error>,
        items: &[RecordItem],
        linked: bool,
    ) -> Result<(Answer, Option<&'k PlanSummary>)> {
        let bridge = &known.bridge;
        if let Some(ignored) = known.decided.ignored(RecordKind::Asset, &row.id) {
            return Ok((left_alone(ignored), None));
        }
        if let Some(ignored) = known.decided.ignored(RecordKind::Client, &row.organization) {
            let (cause, reason) = (Cause::Ignored, ignored_reason(ignored));
            return Ok((Answer::OrganizationLeftAlone { cause, reason }, None));
        }
        if let Err(error) = projection {
            let message = error.to_string();
            return Ok((Answer::Unreadable { message }, None));
        }
        if let Some(in_doubt) = self.in_doubt(bridge, &row.id).await? {
            return Ok((in_doubt, None));
        }
        if !bridge.settings.devices {
            return Ok((Answer::ClientsOnly, None));
        }
        let concerns = linked || matches!(row.presence, Presence::Present);
        if concerns && let Some(bypassed) = self.bypassed(known, &row.organization).await? {
            return Ok((bypassed, None));
        }
        let plan = self.plan_that_tells(known, &row.id).await?;
        let operations = match plan {
            Some(plan) => {
                self.store
                    .operations_about(&plan.id, RecordKind::Asset, &row.id)
                    .await?
            }
            None => Vec::new(),
        };
        if let Some(last) = items.last()
            && let Some(failed) = went_wrong(last)
            && !self.mended(last, plan, &operations).await?
        {
            return Ok((failed, plan));
        }
        let left = operations.iter().find_map(left);
        let planned = plan.and_then(|plan| not_applied(plan, &operations, items));
        // Where the plan brings it in, that comes before what it leaves to a person then.
        let answer = match linked {
            true => left.or(planned),
            false => planned.or(left),
        };
        if let Some(answer) = answer {
            return Ok((answer, plan));
        }
        let last = items.last().filter(|_| linked);
        if let Some(left) = self.organization_left(known, &row.organization, last).await? {
            return Ok((left, known.whole.as_ref()));
        }
        if linked {
            return Ok((Answer::Imported, None));
        }
        Ok(match row.presence {
            Presence::Absent { since, .. } => (Answer::Absent { since }, None),
            Presence::Present => (Answer::NotPlanned, None),
        })
    }

    /// The newest plan that tells of a device: one of a part of the bridge is silent about the rest.
    async fn plan_that_tells<'k>(
        &self,
        known: &'k Known,
        device: &SourceId,
    ) -> Result<Option<&'k PlanSummary>> {
        let Some(newest) = known.newest.as_ref().filter(|newest| newest.about.is_some()) else {
            return Ok(known.newest.as_ref());
        };
        let tells = self
            .store
            .operations_about(&newest.id, RecordKind::Asset, device)
            .await?;
        Ok(match tells.is_empty() {
            true => known.whole.as_ref(),
            false => Some(newest),
        })
    }

    /// Whether the plan was begun after the item's run and has nothing to write any more: what was wrong was mended
    /// elsewhere.
    async fn mended(
        &self,
        last: &RecordItem,
        plan: Option<&PlanSummary>,
        operations: &[Operation],
    ) -> Result<bool> {
        let writes = operations.iter().any(|operation| operation.action.writes());
        match plan.filter(|_| !writes) {
            Some(plan) => Ok(self.store.began_after(&plan.id, &last.run).await?),
            None => Ok(false),
        }
    }

    async fn in_doubt(&self, bridge: &Bridge, device: &SourceId) -> Result<Option<Answer>> {
        let marker = Marker::new(&bridge.source, RecordKind::Asset, device).0;
        let claims = self
            .store
            .claims(&bridge.destination, std::slice::from_ref(&marker))
            .await?;
        let Some(claim) = claims.get(&marker).filter(|claim| claim.open.is_some()) else {
            return Ok(None);
        };
        let now = self.store.now().await?;
        let until = match admit(claim, &now) {
            Admission::Wait(left) => {
                let left = SignedDuration::try_from(left).unwrap_or(SignedDuration::ZERO);
                Some(self.clock().now() + left)
            }
            Admission::InDoubt | Admission::Free => None,
        };
        Ok(Some(Answer::InDoubt { until }))
    }

    /// Why an organization is left alone, if it is. `last` is what was last done to a device of it that is linked.
    async fn organization_left(
        &self,
        known: &Known,
        organization: &SourceId,
        last: Option<&RecordItem>,
    ) -> Result<Option<Answer>> {
        if let Some(decision) = known.matches.get(organization)
            && decision.verdict == Verdict::Exclude
        {
            return Ok(Some(Answer::OrganizationLeftAlone {
                cause: Cause::Excluded,
                reason: format!("excluded by {}", decision.decided_by),
            }));
        }
        let Some(whole) = &known.whole else {
            return Ok(None);
        };
        // What people decided since, or a plan of a part that wrote the device since, may have ended that.
        if let Some(last) = last
            && (whole.generation != known.bridge.generation
                || !self.store.began_after(&whole.id, &last.run).await?)
        {
            return Ok(None);
        }
        let operations = self
            .store
            .operations_about(&whole.id, RecordKind::Client, organization)
            .await?;
        let left = operations
            .iter()
            .find_map(|o| Some((o.cause.clone()?, o.reason.clone())));
        Ok(left.map(|(cause, reason)| Answer::OrganizationLeftAlone { cause, reason }))
    }
}

/// What is known of a bridge, for all devices that are asked about.
struct Known {
    bridge: Bridge,
    /// The names of the source's organizations.
    organizations: BTreeMap<SourceId, String>,
    decided: RecordDecisions,
    /// What people decided about organizations.
    matches: BTreeMap<SourceId, Decision>,
    /// The bridge that was chosen for a client's assets, where one was.
    sources: BTreeMap<RecordId, BridgeId>,
    whole: Option<PlanSummary>,
    newest: Option<PlanSummary>,
    pages: Pages,
}

impl Known {
    fn linked(&self, asset: RecordId, items: &[RecordItem]) -> LinkedAsset {
        let linked = items.iter().find(|item| {
            let links = matches!(
                item.operation.action,
                Action::CreateAsset(_) | Action::Link { .. } | Action::RestoreAsset { .. }
            );
            links
                && item.outcome
                    == Outcome::Done {
                        record: asset.clone(),
                    }
        });
        let how = match linked.map(|item| &item.operation) {
            None => "by a person, or in a run whose plan is no longer kept".to_owned(),
            Some(operation) => match &operation.action {
                Action::CreateAsset(_) => "created for this device".to_owned(),
                Action::RestoreAsset { .. } => "taken out of the archive for this device".to_owned(),
                _ => operation.reason.clone(),
            },
        };
        LinkedAsset {
            url: self.pages.record(RecordKind::Asset, &asset),
            asset,
            how,
            run: linked.map(|item| item.run.clone()),
            at: linked.map(|item| item.at),
        }
    }
}

fn ignored_reason(ignored: &Ignored) -> String {
    format!("ignored by {}: {}", ignored.by, ignored.reason)
}

fn left_alone(ignored: &Ignored) -> Answer {
    Answer::LeftAlone {
        cause: Cause::Ignored,
        reason: ignored_reason(ignored),
    }
}

/// The last item of a device, when it did not end well.
fn went_wrong(last: &RecordItem) -> Option<Answer> {
    let (at, run) = (last.at, last.run.clone());
    match &last.outcome {
        Outcome::Done { .. } => None,
        Outcome::Failed { message } => Some(Answer::Failed {
            message: message.clone(),
            at,
            run,
        }),
        Outcome::Skipped { message } => Some(Answer::Changed {
            message: message.clone(),
            at,
            run,
        }),
        Outcome::Unknown { .. } => Some(Answer::InDoubt { until: None }),
    }
}

fn left(operation: &Operation) -> Option<Answer> {
    Some(Answer::LeftAlone {
        cause: operation.cause.clone()?,
        reason: operation.reason.clone(),
    })
}

fn not_applied(plan: &PlanSummary, operations: &[Operation], items: &[RecordItem]) -> Option<Answer> {
    let begun = |operation: &&Operation| {
        items
            .iter()
            .any(|item| item.plan == plan.id && item.operation.number == operation.number)
    };
    let mut open = operations
        .iter()
        .filter(|operation| operation.action.writes() && !begun(operation));
    open.next().map(|operation| Answer::Planned {
        plan: plan.id.clone(),
        action: operation.action.name().to_owned(),
        reason: operation.reason.clone(),
    })
}
