//! The destination port on the registry's tables.

use async_trait::async_trait;
use connect::{
    AssetScope, Capabilities, CheckPoint, Destination, Error, Kind, Marker, Write, WriteError, WriteResult,
    Written,
};
use model::{Asset, AssetType, Client, RecordId, RecordKind, Site, TargetField};
use std::time::Duration;
use store::Store;
use store::registry::{AssetUpdate, NewRegistryAsset, NewRegistryClient, UpdateRefused};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Assets a page holds that are asked for one by one.
const PAGE: usize = 1000;

/// Clients whose assets are asked for at once.
const CLIENTS: usize = 32;

pub(crate) struct Registry {
    pub(crate) store: Store,
}

fn failed(doing: &str) -> impl Fn(store::Error) -> Error + '_ {
    move |error| {
        let kind = match &error {
            store::Error::Missing { .. } => Kind::NotFound,
            _ => Kind::Storage,
        };
        Error::new(kind, doing, error.to_string())
    }
}

impl Registry {
    /// Sends a client's assets, or everybody's. False when nobody listens any more.
    async fn asset_pages(
        &self,
        client: Option<&RecordId>,
        pages: &mpsc::Sender<Vec<Asset>>,
    ) -> Result<bool, Error> {
        let mut after = None;
        loop {
            let page = self.store.registry_asset_page(client, after.as_ref());
            let (page, more) = page.await.map_err(failed("reading the registry's assets"))?;
            if pages.send(page).await.is_err() {
                return Ok(false);
            }
            if more.is_none() {
                return Ok(true);
            }
            after = more;
        }
    }

    async fn each_clients_assets(
        &self,
        clients: &[RecordId],
        pages: &mpsc::Sender<Vec<Asset>>,
    ) -> Result<bool, Error> {
        for client in clients {
            if !self.asset_pages(Some(client), pages).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[async_trait]
impl Destination for Registry {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            create_clients: true,
            update_assets: true,
            asset_types: true,
            create_fields: true,
            archive: true,
            restore: true,
            sites: true,
            assets_by_client: true,
            max_batch: 200,
            // One writer at a time is as quick: the database has one.
            concurrency: 1,
            // Its marker is unique, and a transaction of a process that is gone is gone with it.
            settles_within: Duration::ZERO,
        }
    }

    async fn target_fields(&self) -> Result<Vec<TargetField>, Error> {
        self.store
            .registry_fields()
            .await
            .map_err(failed("reading the registry's fields"))
    }

    async fn create_field(&self, field: &TargetField) -> Result<(), Error> {
        self.store
            .add_registry_field(field)
            .await
            .map_err(failed("adding a field to the registry"))
    }

    async fn clients(&self) -> Result<Vec<Client>, Error> {
        self.store
            .registry_clients()
            .await
            .map_err(failed("reading the registry's clients"))
    }

    async fn sites(&self, clients: &[RecordId]) -> Result<Vec<Site>, Error> {
        self.store
            .registry_sites(clients)
            .await
            .map_err(failed("reading the registry's sites"))
    }

    async fn asset_types(&self) -> Result<Vec<AssetType>, Error> {
        self.store
            .registry_asset_types()
            .await
            .map_err(failed("reading the registry's asset types"))
    }

    async fn assets(&self, scope: AssetScope, pages: mpsc::Sender<Vec<Asset>>) -> Result<(), Error> {
        let doing = "reading the registry's assets";
        match scope {
            AssetScope::Ids(mut ids) => {
                ids.sort_unstable();
                ids.dedup();
                for chunk in ids.chunks(PAGE) {
                    let mut page = Vec::with_capacity(chunk.len());
                    for id in chunk {
                        page.extend(
                            self.store
                                .registry_asset(id)
                                .await
                                .map_err(failed(doing))?
                                .map(|a| a.asset),
                        );
                    }
                    if pages.send(page).await.is_err() {
                        break;
                    }
                }
            }
            AssetScope::Clients(clients) => {
                for some in clients.chunks(CLIENTS) {
                    let together = self.store.registry_assets_of(some);
                    let goes_on = match together.await.map_err(failed(doing))? {
                        Some(page) => pages.send(page).await.is_ok(),
                        None => self.each_clients_assets(some, &pages).await?,
                    };
                    if !goes_on {
                        break;
                    }
                }
            }
            AssetScope::All => {
                self.asset_pages(None, &pages).await?;
            }
        }
        Ok(())
    }

    async fn find(&self, kind: RecordKind, marker: &Marker) -> Result<Vec<RecordId>, Error> {
        self.store
            .registry_find(kind, &marker.0)
            .await
            .map_err(failed("looking a marker up in the registry"))
    }

    async fn write(&self, writes: &[Write], _send_by: Instant) -> Vec<WriteResult> {
        let mut results = Vec::with_capacity(writes.len());
        let mut rest = writes;
        while let Some(first) = rest.first() {
            // Neighbours of one sort share a transaction.
            let same = rest
                .iter()
                .take_while(|w| std::mem::discriminant(*w) == std::mem::discriminant(first))
                .count();
            let (batch, after) = rest.split_at(same);
            match first {
                Write::CreateAsset { .. } => self.create_assets(batch, &mut results).await,
                Write::UpdateAsset { .. } | Write::ArchiveAsset { .. } | Write::RestoreAsset { .. } => {
                    self.change_assets(batch, &mut results).await
                }
                Write::CreateClient { .. } | Write::CreateSite { .. } | Write::CreateAssetType { .. } => {
                    for write in batch {
                        results.push(self.create_other(write).await);
                    }
                }
            }
            rest = after;
        }
        results
    }

    async fn check(&self) -> Vec<CheckPoint> {
        match self.store.registry_asset_count().await {
            Ok(count) => vec![CheckPoint::passed(
                "May read and write the registry",
                format!("{count} assets"),
            )],
            Err(error) => vec![CheckPoint::failed(
                "May read and write the registry",
                error.to_string(),
            )],
        }
    }
}

impl Registry {
    async fn create_assets(&self, writes: &[Write], results: &mut Vec<WriteResult>) {
        let new: Vec<NewRegistryAsset> = writes
            .iter()
            .filter_map(|write| match write {
                Write::CreateAsset { marker, asset } => Some(NewRegistryAsset {
                    client: asset.client.clone(),
                    site: asset.site.clone(),
                    asset_type: asset.asset_type.clone(),
                    source_id: Some(asset.source_id.clone()),
                    marker: Some(marker.0.clone()),
                    fields: asset.fields.clone(),
                }),
                _ => None,
            })
            .collect();
        let doing = "adding an asset to the registry";
        match self.store.add_registry_assets(&new).await {
            Ok(answers) => results.extend(answers.into_iter().map(|answer| match answer {
                Ok(id) => Ok(Written { id }),
                Err(error) => Err(WriteError::Refused(failed(doing)(error))),
            })),
            Err(error) => all_failed(results, new.len(), &failed(doing)(error)),
        }
    }

    async fn change_assets(&self, writes: &[Write], results: &mut Vec<WriteResult>) {
        let updates: Vec<(RecordId, AssetUpdate)> = writes
            .iter()
            .filter_map(|write| match write {
                Write::UpdateAsset {
                    id,
                    changes,
                    client,
                    site,
                    asset_type,
                    source_id,
                } => Some((
                    id.clone(),
                    AssetUpdate {
                        changes: changes.clone(),
                        client: client.clone(),
                        site: site.clone(),
                        asset_type: asset_type.clone(),
                        source_id: source_id.clone(),
                        archived: None,
                    },
                )),
                Write::ArchiveAsset { id } => Some((
                    id.clone(),
                    AssetUpdate {
                        archived: Some(true),
                        ..AssetUpdate::default()
                    },
                )),
                Write::RestoreAsset { id } => Some((
                    id.clone(),
                    AssetUpdate {
                        archived: Some(false),
                        ..AssetUpdate::default()
                    },
                )),
                _ => None,
            })
            .collect();
        let doing = "changing an asset of the registry";
        match self.store.update_registry_assets(&updates).await {
            Ok(answers) => {
                results.extend(
                    answers
                        .into_iter()
                        .zip(updates)
                        .map(|(answer, (id, _))| match answer {
                            Ok(()) => Ok(Written { id }),
                            Err(UpdateRefused::Changed(what)) => Err(WriteError::Changed(what)),
                            Err(UpdateRefused::Failed(error)) => {
                                Err(WriteError::Refused(failed(doing)(error)))
                            }
                        }),
                )
            }
            Err(error) => all_failed(results, updates.len(), &failed(doing)(error)),
        }
    }

    async fn create_other(&self, write: &Write) -> WriteResult {
        let written = match write {
            Write::CreateClient {
                marker,
                name,
                source_id,
            } => {
                let new = NewRegistryClient {
                    name: name.clone(),
                    source_id: Some(source_id.clone()),
                    marker: Some(marker.0.clone()),
                };
                let ids = self.store.add_registry_clients(std::slice::from_ref(&new)).await;
                ids.map(|mut ids| ids.pop().unwrap_or_else(|| RecordId::from("")))
            }
            Write::CreateSite { marker, client, name } => {
                self.store.add_registry_site(client, name, Some(&marker.0)).await
            }
            Write::CreateAssetType { marker, name, group } => {
                self.store
                    .add_registry_asset_type(name, group.as_deref(), Some(&marker.0))
                    .await
            }
            Write::CreateAsset { .. }
            | Write::UpdateAsset { .. }
            | Write::ArchiveAsset { .. }
            | Write::RestoreAsset { .. } => {
                return Err(WriteError::Refused(Error::new(
                    Kind::Invalid,
                    "writing to the registry",
                    "an asset was handed over as another record",
                )));
            }
        };
        written
            .map(|id| Written { id })
            .map_err(|error| WriteError::Refused(failed("adding a record to the registry")(error)))
    }
}

/// The transaction failed as a whole. A commit whose answer was lost may stand, so the outcome is unknown.
fn all_failed(results: &mut Vec<WriteResult>, count: usize, error: &Error) {
    results.extend(std::iter::repeat_with(|| Err(WriteError::Unknown(error.clone()))).take(count));
}
