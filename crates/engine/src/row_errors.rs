//! Records that could not be written, over all runs of a bridge: what is wrong with each, and what a person can do
//! about one of them: have it tried once more, or leave it alone for a reason.

use crate::applying::ApplyOptions;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use connect::{Destination, Marker, Source};
use jiff::Timestamp;
use model::operation::Action;
use model::{
    Actor, ActorRole, Bridge, Ignored, Outcome, PlanAbout, PlanId, PlanSummary, RecordId, RecordKind, Run,
    RunId, SourceId,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::RecordItem;

/// Longest reason that is kept, in characters.
const LONGEST_REASON: usize = 500;

/// A record whose last write did not end well, and that was not written since.
#[derive(Clone, Debug, Serialize)]
pub struct RowError {
    /// What it is in the destination.
    pub kind: RecordKind,
    /// The source's id of it.
    pub source: SourceId,
    /// What people call it.
    pub label: String,
    /// The name of the client it belongs to; empty for what belongs to none.
    pub client: String,
    /// What was to be done, e.g. `create_asset` ([`model::Action::name`]).
    pub action: String,
    /// How it last ended: failed, skipped since the record changed, or unknown; with the cause.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When that was.
    pub last: Timestamp,
    /// When it did not end well for the first time since its last success.
    pub first: Timestamp,
    /// How many plans it did not end well in since then.
    pub times: u32,
    /// The run it last happened in.
    pub run: RunId,
    /// The plan that run applied.
    pub plan: PlanId,
    /// The run that was being undone, if that run was an undo.
    pub undoes: Option<RunId>,
    /// The destination record, where there is one.
    pub record: Option<RecordId>,
    /// The page of the source record.
    pub source_url: Option<String>,
    /// The page of the destination record.
    pub record_url: Option<String>,
}

/// What trying one record again led to.
#[derive(Clone, Debug, Serialize)]
pub struct Retried {
    /// The plan of this record alone.
    pub plan: PlanSummary,
    /// What came of it; `None` when there was nothing to write.
    pub run: Option<Run>,
}

type Key = (RecordKind, SourceId);

impl Engine {
    /// Every record of a bridge whose last write failed, was skipped since the record had changed, or has no known
    /// outcome, and that still needs that write; the newest first. Records that are ignored are not among them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn row_errors(&self, actor: &Actor, bridge: &Bridge) -> Result<Vec<RowError>> {
        require(actor, ActorRole::Viewer, "see what failed")?;
        let items = self.store.items_not_done(&bridge.id).await?;
        let mut by_record: BTreeMap<Key, Vec<RecordItem>> = BTreeMap::new();
        for item in items {
            let subject = &item.operation.subject;
            let key = (subject.kind, subject.source_id.clone());
            by_record.entry(key).or_default().push(item);
        }
        let decided = self.store.record_decisions(&bridge.id).await?;
        by_record.retain(|key, _| !decided.ignored.contains_key(key));
        let keys: Vec<Key> = by_record.keys().cloned().collect();
        let mark = |key: &Key| Marker::new(&bridge.source, key.0, &key.1).0;
        let successes = self.store.last_successes(bridge, &keys, mark).await?;
        let pages = self.pages(bridge).await;
        let mut errors = Vec::new();
        for (key, mut items) in by_record {
            if let Some(success) = successes.get(&key) {
                items.retain(|item| (item.turn, item.at) > *success);
            }
            let Some(last) = items.last() else { continue };
            if self.is_over(bridge, &key, last).await? {
                continue;
            }
            let record = match record_of(&last.operation.action) {
                Some(record) => Some(record.clone()),
                None => self
                    .store
                    .link(&bridge.id, key.0, &key.1)
                    .await?
                    .map(|link| link.destination),
            };
            errors.push(row_error(&items, record, &pages));
        }
        errors.sort_by(|a, b| (b.last, a.kind, &a.source).cmp(&(a.last, b.kind, &b.source)));
        Ok(errors)
    }

    /// Whether a newer plan of the whole bridge has nothing to write for the record any more: what was wrong was mended
    /// elsewhere. One in doubt stands until it was looked up.
    async fn is_over(&self, bridge: &Bridge, key: &Key, last: &RecordItem) -> Result<bool> {
        if matches!(last.outcome, Outcome::Unknown { .. }) {
            let marker = Marker::new(&bridge.source, key.0, &key.1).0;
            let claims = self
                .store
                .claims(&bridge.destination, std::slice::from_ref(&marker))
                .await?;
            if claims.get(&marker).is_some_and(|claim| claim.open.is_some()) {
                return Ok(false);
            }
        }
        let Some(newer) = self.store.whole_plan_since(&bridge.id, &last.run).await? else {
            return Ok(false);
        };
        let operations = self.store.operations_about(&newer.id, key.0, &key.1).await?;
        Ok(!operations.iter().any(|operation| operation.action.writes()))
    }

    /// Tries one record once more: plans it anew, with what it stands on, and applies that plan alone, in the same way
    /// as any other.
    ///
    /// # Errors
    /// When there is no such record in what was read last, and whatever planning and applying meets. That the
    /// destination refuses it again is no error: it is in the run.
    pub async fn retry_record(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        (kind, source): (RecordKind, &SourceId),
        work: Work<'_>,
    ) -> Result<Retried> {
        require(actor, ActorRole::Technician, "try a record again")?;
        let hold = self.hold(runner, bridge_leases(bridge), &work).await?;
        let result = self
            .retry_held(actor, runner, bridge, (kind, source), hold.work(work))
            .await;
        hold.end(work, result).await
    }

    async fn retry_held(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        (kind, source): (RecordKind, &SourceId),
        work: Work<'_>,
    ) -> Result<Retried> {
        // Somebody may have decided something since it was looked up.
        let bridge = &self.store.bridge(&bridge.id).await?;
        let about = PlanAbout::Record {
            kind,
            source: source.clone(),
        };
        let (plan, _) = self.plan_held(actor, bridge, Some(&about), work).await?;
        let run = match plan.counts.writes() {
            0 => None,
            _ => {
                let options = ApplyOptions::default();
                Some(self.apply_held(actor, runner, &plan.id, options, work).await?)
            }
        };
        Ok(Retried { plan, run })
    }

    /// Leaves records alone from now on, for a reason: plans skip them, whatever changes.
    ///
    /// # Errors
    /// [`Error::NoReason`] without a reason, and when there is no such record in what was read last and none that failed;
    /// nothing is stored then.
    pub async fn ignore_records(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        records: &[Key],
        reason: &str,
    ) -> Result<Vec<Ignored>> {
        require(actor, ActorRole::Technician, "ignore records")?;
        let reason = given(reason, "ignoring records")?;
        let mut ignored = Vec::with_capacity(records.len());
        for record in records {
            ignored.push(self.to_ignore(actor, bridge, record, &reason).await?);
        }
        self.acting(actor).store.ignore(&bridge.id, &ignored).await?;
        Ok(ignored)
    }

    pub(crate) async fn to_ignore(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        (kind, source): &Key,
        reason: &str,
    ) -> Result<Ignored> {
        Ok(Ignored {
            kind: *kind,
            source: source.clone(),
            label: self.label(bridge, *kind, source).await?,
            reason: reason.to_owned(),
            by: actor.to_string(),
            at: self.clock().now(),
        })
    }

    /// Takes back that records are ignored; how many of them were.
    ///
    /// # Errors
    /// When one of them is not ignored; nothing is changed then.
    pub async fn unignore_records(&self, actor: &Actor, bridge: &Bridge, records: &[Key]) -> Result<u64> {
        require(actor, ActorRole::Technician, "ignore records")?;
        let decided = self.store.record_decisions(&bridge.id).await?;
        if let Some((kind, source)) = records.iter().find(|key| !decided.ignored.contains_key(*key)) {
            return Err(Error::Unknown {
                what: "ignored record",
                name: format!("{}:{source}", kind.as_str()),
                known: None,
            });
        }
        Ok(self.acting(actor).store.unignore(&bridge.id, records).await?)
    }

    /// The records of a bridge that are ignored, by kind and id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ignored_records(&self, actor: &Actor, bridge: &Bridge) -> Result<Vec<Ignored>> {
        require(actor, ActorRole::Viewer, "see what is ignored")?;
        let decided = self.store.record_decisions(&bridge.id).await?;
        Ok(decided.ignored.into_values().collect())
    }

    /// What people call a source record of the last snapshot.
    pub(crate) async fn label(&self, bridge: &Bridge, kind: RecordKind, source: &SourceId) -> Result<String> {
        let organizations = self.organizations_read(bridge).await?;
        let found = match kind {
            RecordKind::Client => organizations
                .into_iter()
                .find(|o| &o.id == source)
                .map(|o| o.name),
            RecordKind::Site => {
                let all: Vec<SourceId> = organizations.into_iter().map(|o| o.id).collect();
                let locations = self.store.locations(&bridge.source, &all).await?;
                locations.into_iter().find(|l| &l.id == source).map(|l| l.name)
            }
            RecordKind::AssetType => {
                let roles = self.store.roles(&bridge.source).await?;
                roles.into_iter().find(|r| &r.id == source).map(|r| r.name)
            }
            RecordKind::Asset => self.device_seen(bridge, source).await?.map(|seen| seen.label),
        };
        found.ok_or_else(|| Error::Unknown {
            what: match kind {
                RecordKind::Asset => "device",
                RecordKind::Client => "organization",
                RecordKind::Site => "location",
                RecordKind::AssetType => "role",
            },
            name: source.to_string(),
            known: None,
        })
    }

    /// What can say where records are found in the pages of both sides; nothing where a side cannot be opened.
    pub(crate) async fn pages(&self, bridge: &Bridge) -> Pages {
        let source = self.open_source(&bridge.source).await.ok();
        let destination = self.open_destination(&bridge.destination).await.ok();
        Pages {
            source: source.map(|(_, source)| source),
            destination: destination.map(|(_, destination)| destination),
        }
    }
}

/// Says where records are found in the pages of both sides.
pub(crate) struct Pages {
    source: Option<Arc<dyn Source>>,
    destination: Option<Arc<dyn Destination>>,
}

impl Pages {
    /// The page of a source record.
    pub(crate) fn source(&self, kind: RecordKind, id: &SourceId) -> Option<String> {
        match kind {
            RecordKind::Asset => self.source.as_ref()?.device_url(id),
            RecordKind::Client => self.source.as_ref()?.organization_url(id),
            RecordKind::Site | RecordKind::AssetType => None,
        }
    }

    /// The page of a destination record.
    pub(crate) fn record(&self, kind: RecordKind, id: &RecordId) -> Option<String> {
        self.destination.as_ref()?.record_url(kind, id)
    }
}

/// A reason a person gave, without what stands around it, and shortened where it is longer than anybody reads.
pub(crate) fn given(reason: &str, doing: &'static str) -> Result<String> {
    match reason.trim() {
        "" => Err(Error::NoReason { doing }),
        reason => Ok(reason.chars().take(LONGEST_REASON).collect()),
    }
}

/// The destination record an operation is about, where it exists.
pub fn record_of(action: &Action) -> Option<&RecordId> {
    match action {
        Action::Link { record, .. } | Action::Unlink { record, .. } => Some(record),
        Action::UpdateAsset { asset, .. }
        | Action::ArchiveAsset { asset }
        | Action::RestoreAsset { asset } => Some(asset),
        Action::CreateClient(_)
        | Action::CreateSite(_)
        | Action::CreateAssetType(_)
        | Action::CreateAsset(_)
        | Action::Review { .. }
        | Action::Skip => None,
    }
}

/// What the items of one record, the oldest first and at least one, come to.
fn row_error(items: &[RecordItem], record: Option<RecordId>, pages: &Pages) -> RowError {
    let (first, last) = (&items[0], &items[items.len() - 1]);
    let plans: std::collections::BTreeSet<&PlanId> = items.iter().map(|item| &item.plan).collect();
    let subject = &last.operation.subject;
    RowError {
        kind: subject.kind,
        source: subject.source_id.clone(),
        label: subject.label.clone(),
        client: last.operation.client_label.clone(),
        action: last.operation.action.name().to_owned(),
        outcome: last.outcome.clone(),
        last: last.at,
        first: first.at,
        times: u32::try_from(plans.len()).unwrap_or(u32::MAX),
        run: last.run.clone(),
        plan: last.plan.clone(),
        undoes: last.undoes.clone(),
        source_url: pages.source(subject.kind, &subject.source_id),
        record_url: record
            .as_ref()
            .and_then(|record| pages.record(subject.kind, record)),
        record,
    }
}
