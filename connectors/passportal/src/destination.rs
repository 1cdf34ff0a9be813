//! The destination port: reading clients and asset documents.
//!
//! Lists have no fields of documents, so each document is asked for by itself: a reading takes as many requests as there
//! are documents.

use super::check;
use super::client::Client;
use super::convert;
use super::decode;
use super::wire::{Details, Document, Id};
use async_trait::async_trait;
use connect::{AssetScope, Capabilities, CheckPoint, Destination, Error, Kind, Marker, Write, WriteResult};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use model::{Asset, AssetType, Client as ClientRecord, RecordId, RecordKind, Site, TargetField};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{OnceCell, mpsc};
use tokio::time::Instant;

/// Documents that are asked for at once; fewer are sent at once.
const TOGETHER: usize = 4;
/// Assets of a page that is handed over.
const PAGE: usize = 100;

/// Passportal as a destination.
pub struct PassportalDestination {
    /// Speaks to it.
    pub client: Client,
    /// What was learned of the account.
    pub learned: Learned,
}

/// What was learned of the account while this is open.
#[derive(Default)]
pub struct Learned {
    /// The template of asset documents.
    pub template: OnceCell<String>,
    /// Marks of documents. Nobody but us writes one, and only into a new document, so one that was seen stands.
    marks: Mutex<BTreeMap<Id, Option<String>>>,
    /// The documents a client had before this created any.
    before: Mutex<BTreeMap<Id, BTreeSet<Id>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Learned {
    /// Notes a document's mark, and gives it back.
    pub fn note(&self, id: Id, details: &Details) -> Option<String> {
        let mark = convert::mark(&details.details);
        lock(&self.marks).insert(id, mark.clone());
        mark
    }

    fn mark(&self, id: Id) -> Option<Option<String>> {
        lock(&self.marks).get(&id).cloned()
    }

    /// The documents a client had before this created any, where that was looked up.
    pub fn before(&self, client: Id) -> Option<BTreeSet<Id>> {
        lock(&self.before).get(&client).cloned()
    }

    /// Notes them, unless somebody did.
    pub fn note_before(&self, client: Id, ids: BTreeSet<Id>) {
        lock(&self.before).entry(client).or_insert(ids);
    }
}

impl PassportalDestination {
    /// The mark of a document that lists show; `None` for one without.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn mark_of(&self, id: Id) -> Result<Option<String>, Error> {
        if let Some(known) = self.learned.mark(id) {
            return Ok(known);
        }
        let details = self.client.document(id).await?;
        Ok(details.and_then(|details| self.learned.note(id, &details)))
    }

    /// Reads listed documents and sends them on. False when nobody listens any more.
    async fn send(&self, rows: &[Document], pages: &mpsc::Sender<Vec<Asset>>) -> Result<bool, Error> {
        for some in rows.chunks(PAGE) {
            let ids: Vec<Id> = some.iter().map(|row| row.id).collect();
            let read = stream::iter(ids)
                .map(|id| self.client.document(id))
                .buffered(TOGETHER)
                .try_collect::<Vec<_>>()
                .await?;
            let mut page = Vec::with_capacity(read.len());
            let mut gone = Vec::new();
            for (row, details) in some.iter().zip(read) {
                match details {
                    Some(details) => {
                        self.learned.note(row.id, &details);
                        page.push(convert::asset(row, &details.details));
                    }
                    None => gone.push(row.id),
                }
            }
            self.are_gone(&gone).await?;
            if pages.send(page).await.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Passportal answers alike for a document that is not there and for an account that may not read any: what lists
    /// still show is not gone.
    async fn are_gone(&self, ids: &[Id]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let listed = self.client.assets(None).await?;
        match listed.iter().find(|row| ids.contains(&row.id)) {
            None => Ok(()),
            Some(row) => {
                let what = format!("document {} is listed, and cannot be read", row.id.0);
                Err(Error::new(Kind::Protocol, "reading asset documents", what))
            }
        }
    }
}

#[async_trait]
impl Destination for PassportalDestination {
    fn capabilities(&self) -> Capabilities {
        let config = &self.client.config;
        Capabilities {
            create_clients: false,
            update_assets: config.updates,
            asset_types: false,
            create_fields: false,
            archive: false,
            restore: false,
            sites: false,
            assets_by_client: true,
            // The answer to a batch does not tell which of it was done.
            max_batch: 1,
            concurrency: TOGETHER,
            settles_within: config.deadline + config.settle,
        }
    }

    async fn target_fields(&self) -> Result<Vec<TargetField>, Error> {
        Ok(convert::target_fields())
    }

    async fn create_field(&self, field: &TargetField) -> Result<(), Error> {
        let doing = format!("creating the field {}", field.label);
        let what = "the API of Passportal adds no fields to a template";
        Err(Error::new(Kind::Invalid, doing, what).not_sent())
    }

    async fn clients(&self) -> Result<Vec<ClientRecord>, Error> {
        let list = self.client.clients().await?;
        let names = decode::names(list.iter().map(|client| client.name.clone()).collect());
        let client = |(client, name): (&super::wire::Client, String)| ClientRecord {
            id: convert::record(client.id),
            name,
            source_id: None,
        };
        Ok(list.iter().zip(names).map(client).collect())
    }

    async fn sites(&self, _clients: &[RecordId]) -> Result<Vec<Site>, Error> {
        Ok(Vec::new())
    }

    async fn asset_types(&self) -> Result<Vec<AssetType>, Error> {
        Ok(Vec::new())
    }

    async fn assets(&self, scope: AssetScope, pages: mpsc::Sender<Vec<Asset>>) -> Result<(), Error> {
        match scope {
            AssetScope::All => {
                let rows = self.client.assets(None).await?;
                self.send(&rows, &pages).await?;
            }
            AssetScope::Clients(clients) => {
                for client in clients.iter().filter_map(convert::id) {
                    let rows = self.client.assets(Some(client)).await?;
                    if !self.send(&rows, &pages).await? {
                        break;
                    }
                }
            }
            AssetScope::Ids(ids) => {
                let wanted: BTreeSet<Id> = ids.iter().filter_map(convert::id).collect();
                if wanted.is_empty() {
                    return Ok(());
                }
                // A document by itself does not say whose it is.
                let mut rows = self.client.assets(None).await?;
                rows.retain(|row| wanted.contains(&row.id));
                self.send(&rows, &pages).await?;
            }
        }
        Ok(())
    }

    /// No call finds a field's value for certain, so all documents are looked at; those this has seen already need no
    /// request of their own.
    async fn find(&self, kind: RecordKind, marker: &Marker) -> Result<Vec<RecordId>, Error> {
        if kind != RecordKind::Asset {
            return Ok(Vec::new());
        }
        let mark = convert::fingerprint(marker);
        let rows = self.client.assets(None).await?;
        let ids: Vec<Id> = rows.into_iter().map(|row| row.id).collect();
        let marks = stream::iter(ids.clone())
            .map(|id| self.mark_of(id))
            .buffered(TOGETHER)
            .try_collect::<Vec<_>>()
            .await?;
        let ours = ids
            .into_iter()
            .zip(marks)
            .filter(|(_, of)| of.as_deref() == Some(mark.as_str()));
        Ok(ours.map(|(id, _)| convert::record(id)).collect())
    }

    async fn write(&self, writes: &[Write], send_by: Instant) -> Vec<WriteResult> {
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            results.push(self.one(write, send_by).await);
        }
        results
    }

    async fn check(&self) -> Vec<CheckPoint> {
        check::check(self).await
    }
}
