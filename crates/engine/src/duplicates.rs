//! Records there are several of: what a plan cannot tell apart, and what our mark is found on more than once. A person
//! says which one a source record is; the others stay as they are, and nothing is deleted.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::planning::collect_assets;
use crate::presence::{Runner, bridge_leases};
use crate::progress::Work;
use crate::writing::protocol::{Admission, admit};
use connect::{AssetScope, Destination, Marker};
use model::{
    Actor, ActorRole, Bridge, Cause, Connection, Operation, Presence, RecordId, RecordKind, SourceId,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{ChosenRecord, Settled};

/// A source record that several destination records may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duplicate {
    /// What it is in the destination.
    pub kind: RecordKind,
    /// The source's id of it.
    pub source: SourceId,
    /// What people call it.
    pub label: String,
    /// The client's name; empty where it is not known.
    pub client: String,
    /// Why it cannot be told.
    pub reason: String,
    /// The records it may be. With one, several devices may be that one.
    pub candidates: Vec<Candidate>,
    /// Whether our mark was found on all of them: somebody may want to merge them in the destination.
    pub marked: bool,
    /// The page of the source record.
    pub source_url: Option<String>,
}

/// One of the records it may be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Candidate {
    /// The destination record.
    pub record: RecordId,
    /// Its name, where it is known.
    pub name: Option<String>,
    /// Its page.
    pub url: Option<String>,
}

/// One before its records are looked at.
struct Found {
    kind: RecordKind,
    source: SourceId,
    label: String,
    client: String,
    reason: String,
    records: BTreeSet<RecordId>,
    marked: bool,
    replaces: bool,
}

impl Engine {
    /// The source records of a bridge that several destination records may be: by its newest plan, and by looking up
    /// what was left in doubt.
    ///
    /// # Errors
    /// When the destination cannot be read.
    pub async fn duplicates(&self, actor: &Actor, bridge: &Bridge) -> Result<Vec<Duplicate>> {
        require(actor, ActorRole::Viewer, "see duplicates")?;
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        let found = self.several(bridge, &connection, destination.as_ref()).await?;
        let names = match names(destination.as_ref(), &found).await {
            Ok(names) => names,
            Err(error) => return Err(self.met(&connection, error).await),
        };
        let pages = self.pages(bridge).await;
        let all = found.into_iter().map(|found| {
            let candidates = found.records.into_iter().map(|record| Candidate {
                name: names.get(&(found.kind, record.clone())).cloned(),
                url: pages.record(found.kind, &record),
                record,
            });
            Duplicate {
                candidates: candidates.collect(),
                source_url: pages.source(found.kind, &found.source),
                kind: found.kind,
                source: found.source,
                label: found.label,
                client: found.client,
                reason: found.reason,
                marked: found.marked,
            }
        });
        Ok(all.collect())
    }

    /// Links a source record to the one of its candidates that a person says it is. Nothing is written to the
    /// destination, and the others are left as they are; the audit log names them. Said a second time, it is done already.
    ///
    /// # Errors
    /// When it is no duplicate, `record` is none of its candidates or linked to another record, or when a write of it
    /// may still arrive.
    pub async fn link_duplicate(
        &self,
        actor: &Actor,
        runner: &Runner,
        bridge: &Bridge,
        (kind, source): (RecordKind, &SourceId),
        record: &RecordId,
        work: Work<'_>,
    ) -> Result<()> {
        require(actor, ActorRole::Technician, "say which record it is")?;
        self.require_confirmed_instance().await?;
        let hold = self.hold(runner, bridge_leases(bridge), &work).await?;
        let result = self.link_held(actor, bridge, (kind, source), record).await;
        hold.end(work, result).await
    }

    async fn link_held(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        (kind, source): (RecordKind, &SourceId),
        record: &RecordId,
    ) -> Result<()> {
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        let found = self.several(bridge, &connection, destination.as_ref()).await?;
        let Some(of) = found.into_iter().find(|f| f.kind == kind && &f.source == source) else {
            // Said twice, or said by a job whose worker died before it could tell: it stands as it was said.
            let link = self.store.link(&bridge.id, kind, source).await?;
            if link.is_some_and(|link| &link.destination == record) {
                return Ok(());
            }
            return Err(Error::Unknown {
                what: "duplicate",
                name: format!("{}:{source}", kind.as_str()),
                known: None,
            });
        };
        let mut others = of.records;
        if !others.remove(record) {
            let known: Vec<&str> = others.iter().map(RecordId::as_str).collect();
            return Err(Error::Unknown {
                what: "candidate",
                name: record.to_string(),
                known: Some(known.join(", ")),
            });
        }
        let replaces = match of.replaces {
            true => self.gone_holder(bridge, record).await?,
            false => None,
        };
        let chosen = ChosenRecord {
            kind,
            source: source.clone(),
            record: record.clone(),
            others: others.into_iter().collect(),
            replaces,
            held: self.left_in_doubt(bridge, kind, source).await?,
        };
        Ok(self.acting(actor).store.choose_record(bridge, &chosen).await?)
    }

    /// The device that an asset is linked to, if it is gone.
    async fn gone_holder(&self, bridge: &Bridge, asset: &RecordId) -> Result<Option<SourceId>> {
        let holder = self.store.link_to(&bridge.id, RecordKind::Asset, asset).await?;
        let Some(holder) = holder.map(|link| link.source) else {
            return Ok(None);
        };
        let device = self.store.device(&bridge.source, &holder).await?;
        let is_there = device.is_some_and(|device| device.presence == Presence::Present);
        Ok((!is_there).then_some(holder))
    }

    /// The claim of a write of this record that has no known outcome.
    async fn left_in_doubt(
        &self,
        bridge: &Bridge,
        kind: RecordKind,
        source: &SourceId,
    ) -> Result<Option<Settled>> {
        let marker = Marker::new(&bridge.source, kind, source).0;
        let claims = self
            .store
            .claims(&bridge.destination, std::slice::from_ref(&marker))
            .await?;
        let Some(claim) = claims.get(&marker).filter(|claim| claim.open.is_some()) else {
            return Ok(None);
        };
        match admit(claim, &self.store.now().await?) {
            Admission::Wait(left) => Err(Error::MayStillArrive {
                record: format!("{}:{source}", kind.as_str()),
                seconds: left.as_secs().saturating_add(1),
            }),
            Admission::InDoubt | Admission::Free => Ok(Some(Settled {
                marker,
                version: claim.version,
                refused: false,
            })),
        }
    }

    async fn several(
        &self,
        bridge: &Bridge,
        connection: &Connection,
        destination: &dyn Destination,
    ) -> Result<Vec<Found>> {
        let mut found: BTreeMap<(RecordKind, SourceId), Found> = BTreeMap::new();
        if let Some(plan) = self.store.newest_whole_plan(&bridge.id).await? {
            let asked = self.store.operations_that(&plan.id, &["review"]).await?;
            let asked: Vec<Found> = asked.into_iter().filter_map(unclear).collect();
            let keys: Vec<_> = asked.iter().map(|f| (f.kind, f.source.clone())).collect();
            let linked = self.store.linked_now(&bridge.id, &keys).await?;
            let open = asked.into_iter().zip(keys);
            found.extend(open.filter_map(|(f, key)| (!linked.contains_key(&key)).then_some((key, f))));
        }
        let ours = format!("{}/", bridge.source);
        for claim in self.writes_over(bridge).await? {
            let marker = Marker(claim.held.marker);
            let Some((kind, source)) = marker.0.strip_prefix(&ours).and_then(|rest| rest.split_once('/'))
            else {
                continue;
            };
            let Some(kind) = RecordKind::named(kind) else {
                continue;
            };
            let source = SourceId::from(source);
            let records = match destination.find(kind, &marker).await {
                Ok(records) => BTreeSet::from_iter(records),
                Err(error) => return Err(self.met(connection, error).await),
            };
            if records.len() < 2 {
                continue;
            }
            let key = (kind, source.clone());
            let label = match self.label(bridge, kind, &source).await {
                Ok(label) => label,
                Err(Error::Unknown { .. }) => source.to_string(),
                Err(other) => return Err(other),
            };
            let of = found.entry(key).or_insert_with(|| Found {
                kind,
                source,
                label,
                client: String::new(),
                reason: String::new(),
                records: BTreeSet::new(),
                marked: true,
                replaces: false,
            });
            of.reason = format!("{} records carry our mark {marker}", records.len());
            of.records.extend(records);
            of.marked = true;
        }
        Ok(found.into_values().collect())
    }
}

/// What a plan cannot tell apart.
fn unclear(operation: Operation) -> Option<Found> {
    let (records, replaces) = match operation.cause? {
        Cause::Ambiguous { assets } => (assets.into_iter().collect(), false),
        Cause::Replaces { asset } => (BTreeSet::from([asset]), true),
        _ => return None,
    };
    Some(Found {
        kind: operation.subject.kind,
        source: operation.subject.source_id,
        label: operation.subject.label,
        client: operation.client_label,
        reason: operation.reason,
        records,
        marked: false,
        replaces,
    })
}

/// What the records are called.
async fn names(
    destination: &dyn Destination,
    found: &[Found],
) -> Result<BTreeMap<(RecordKind, RecordId), String>, connect::Error> {
    let of = |kind: RecordKind| {
        let records = found.iter().filter(move |f| f.kind == kind);
        records
            .flat_map(|f| f.records.iter().cloned())
            .collect::<BTreeSet<RecordId>>()
    };
    let mut names = BTreeMap::new();
    let assets = of(RecordKind::Asset);
    if !assets.is_empty() {
        let scope = AssetScope::Ids(assets.into_iter().collect());
        for asset in collect_assets(destination, scope).await? {
            let name = asset
                .fields
                .get(plan::assets::NAME_FIELD)
                .and_then(|name| name.as_str());
            if let Some(name) = name {
                names.insert((RecordKind::Asset, asset.id), name.to_owned());
            }
        }
    }
    if !of(RecordKind::Client).is_empty() {
        for client in destination.clients().await? {
            names.insert((RecordKind::Client, client.id), client.name);
        }
    }
    Ok(names)
}
