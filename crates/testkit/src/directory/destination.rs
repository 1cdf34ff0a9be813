//! The destination port on the directory's API.

use super::client::{Client, NotDone, PREFIX, Sending};
use super::convert;
use super::wire::{self, AnyRecord};
use async_trait::async_trait;
use connect::{AssetScope, Capabilities, CheckPoint, Destination, Error, Kind, Marker, Write, WriteResult};
use futures::{FutureExt as _, StreamExt as _, stream};
use http::Method;
use model::{Asset, AssetType, Client as ClientRecord, RecordId, RecordKind, Site, TargetField};
use serde_json::json;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Most ids of one question.
pub(super) const IDS: usize = 100;
/// One directory.
pub struct DirectoryDestination {
    /// Speaks to it.
    pub client: Client,
}

fn path_of(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Client => "/clients",
        RecordKind::Site => "/sites",
        RecordKind::AssetType => "/asset_types",
        RecordKind::Asset => "/assets",
    }
}

#[async_trait]
impl Destination for DirectoryDestination {
    fn capabilities(&self) -> Capabilities {
        let config = &self.client.config;
        Capabilities {
            create_clients: true,
            update_assets: true,
            asset_types: true,
            create_fields: true,
            archive: true,
            restore: true,
            sites: true,
            assets_by_client: true,
            max_batch: config.batch,
            concurrency: config.at_once,
            settles_within: config.deadline + config.settle,
        }
    }

    async fn target_fields(&self) -> Result<Vec<TargetField>, Error> {
        let fields = self
            .client
            .list("reading the directory's fields", "/asset_fields", vec![])
            .await?;
        Ok(fields.into_iter().filter_map(convert::field).collect())
    }

    async fn create_field(&self, field: &TargetField) -> Result<(), Error> {
        let doing = "adding a field to the directory";
        let there = async || {
            let fields = self.target_fields().await?;
            Ok::<_, Error>(fields.into_iter().find(|there| there.key == field.key))
        };
        let found = match there().await? {
            Some(found) => found,
            None => {
                let sending = Sending {
                    doing,
                    method: Method::POST,
                    path: "/asset_fields",
                    version: None,
                    body: Some(json!({
                        "key": field.key, "label": field.label, "type": convert::type_name(field.field_type)
                    })),
                    send_by: None,
                };
                match self.client.send(sending).await {
                    Ok(_) => return Ok(()),
                    // Somebody was faster.
                    Err(NotDone::Refused { code, error }) if code == "exists" => {
                        there().await?.ok_or(*error)?
                    }
                    Err(NotDone::Refused { error, .. }) => return Err(*error),
                    Err(NotDone::Unknown(error)) => return Err(error),
                    Err(NotDone::Changed(what) | NotDone::OtherVersion(what)) => {
                        return Err(Error::new(Kind::Conflict, doing, what));
                    }
                }
            }
        };
        if found.field_type == field.field_type {
            return Ok(());
        }
        let what = format!(
            "the field {:?} exists and holds {}, not {}",
            field.key,
            convert::type_name(found.field_type),
            convert::type_name(field.field_type)
        );
        Err(Error::new(Kind::Invalid, doing, what).advise("Choose another key, or map to the field there is"))
    }

    async fn clients(&self) -> Result<Vec<ClientRecord>, Error> {
        let clients = self
            .client
            .list("reading the directory's clients", "/clients", vec![])
            .await?;
        Ok(clients.into_iter().map(convert::client).collect())
    }

    async fn sites(&self, clients: &[RecordId]) -> Result<Vec<Site>, Error> {
        let mut all = Vec::new();
        for client in clients {
            let filter = vec![("client_id", client.0.clone())];
            let sites: Vec<wire::Site> = self
                .client
                .list("reading a client's sites", "/sites", filter)
                .await?;
            let sites = sites.into_iter().map(convert::site);
            all.extend(sites.filter(|site| site.client == *client));
        }
        Ok(all)
    }

    async fn asset_types(&self) -> Result<Vec<AssetType>, Error> {
        let types = self
            .client
            .list("reading the directory's asset types", "/asset_types", vec![])
            .await?;
        Ok(types.into_iter().map(convert::asset_type).collect())
    }

    async fn assets(&self, scope: AssetScope, pages: mpsc::Sender<Vec<Asset>>) -> Result<(), Error> {
        let doing = "reading the directory's assets";
        // The whole list, or one list for each client.
        let whose = match scope {
            AssetScope::Ids(ids) => {
                let distinct: BTreeSet<_> = ids.into_iter().collect();
                for some in Vec::from_iter(distinct).chunks(IDS) {
                    let found = self.by_ids(doing, some).await?;
                    if pages
                        .send(found.into_iter().map(convert::asset).collect())
                        .await
                        .is_err()
                    {
                        return Ok(());
                    }
                }
                return Ok(());
            }
            AssetScope::Clients(clients) => clients.into_iter().map(Some).collect(),
            AssetScope::All => vec![None],
        };
        for client in whose {
            let mut filter = vec![("include_archived", "true".to_owned())];
            filter.extend(client.map(|client| ("client_id", client.0)));
            let mut read = self.client.pages::<wire::Asset>(doing, "/assets", filter);
            while let Some(page) = read.next().await? {
                let page: Vec<Asset> = page.into_iter().map(convert::asset).collect();
                // A receiver that is gone wants no more.
                if !page.is_empty() && pages.send(page).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn find(&self, kind: RecordKind, marker: &Marker) -> Result<Vec<RecordId>, Error> {
        let mut filter = vec![("external_key", marker.0.clone())];
        if kind == RecordKind::Asset {
            filter.push(("include_archived", "true".to_owned()));
        }
        let doing = "looking a marker up in the directory";
        let found: Vec<AnyRecord> = self.client.list(doing, path_of(kind), filter).await?;
        // A filter that compares otherwise than we do must not make us adopt a stranger's record.
        let ours = found
            .iter()
            .filter(|record| record.external_key.as_deref() == Some(&marker.0));
        Ok(ours.map(|record| record.id.as_str().into()).collect())
    }

    async fn write(&self, writes: &[Write], send_by: Instant) -> Vec<WriteResult> {
        let config = &self.client.config;
        let batchable =
            |write: &Write| matches!(write, Write::CreateAsset { .. } | Write::UpdateAsset { .. });
        let mut results = Vec::with_capacity(writes.len());
        let mut rest = writes;
        while let Some(first) = rest.first() {
            let together = config.batch > 1 && batchable(first);
            let alike = rest
                .iter()
                .take_while(|write| (config.batch > 1 && batchable(write)) == together)
                .count();
            let (some, after) = rest.split_at(if together { alike.min(config.batch) } else { alike });
            match some {
                [alone] => results.push(self.one(alone, send_by).await),
                many if together => results.extend(self.many(many, send_by).await),
                many => {
                    let each: Vec<_> = many
                        .iter()
                        .map(|write| self.one(write, send_by).boxed())
                        .collect();
                    results.extend(
                        stream::iter(each)
                            .buffered(config.at_once)
                            .collect::<Vec<_>>()
                            .await,
                    );
                }
            }
            rest = after;
        }
        results
    }

    /// The address of the record in the API, which answers to requests with the key only: the directory has no pages
    /// for people.
    fn record_url(&self, kind: RecordKind, record: &RecordId) -> Option<String> {
        if !is_plain(record) {
            return None;
        }
        let path = format!("{PREFIX}{}/{record}", path_of(kind));
        self.client.config.base.join(&path).ok().map(String::from)
    }

    async fn check(&self) -> Vec<CheckPoint> {
        let (reach, may_write, batch) = (
            "Accepts the API key",
            "May write",
            "Takes as many assets in one request as this connection sends",
        );
        let account: wire::Account = match self.client.read("checking the API key", "/account").await {
            Ok(account) => account,
            Err(error) => {
                let later = "The API key comes first";
                return vec![
                    CheckPoint::failed(reach, error.to_string()),
                    CheckPoint::not_tried(may_write, later),
                    CheckPoint::not_tried(batch, later),
                ];
            }
        };
        let writes = account.permissions.iter().any(|permission| permission == "write");
        let (sends, takes) = (self.client.config.batch, account.limits.batch);
        vec![
            CheckPoint::passed(reach, account.name),
            match writes {
                true => CheckPoint::passed(may_write, "the key has the permission write"),
                false => CheckPoint::failed(
                    may_write,
                    "the key may only read. Enter one with the permission write",
                ),
            },
            match sends <= takes {
                true => CheckPoint::passed(batch, format!("{sends}, and {takes} are allowed")),
                false => {
                    let detail =
                        format!("{sends}, but {takes} are allowed. Lower the setting batch to {takes}");
                    CheckPoint::failed(batch, detail)
                }
            },
        ]
    }
}

impl DirectoryDestination {
    /// At most [`IDS`] assets as they stand; the index is not asked.
    pub(super) async fn by_ids(&self, doing: &str, ids: &[RecordId]) -> Result<Vec<wire::Asset>, Error> {
        let plain = ids.iter().filter(|id| is_plain(id)).map(RecordId::as_str);
        let ids = plain.collect::<Vec<_>>().join(",");
        if ids.is_empty() {
            return Ok(vec![]);
        }
        self.client.list(doing, "/assets", vec![("ids", ids)]).await
    }
}

/// Whether an id has the shape all of the directory's have, so that it can stand in a path or among others.
pub(super) fn is_plain(id: &RecordId) -> bool {
    !id.0.is_empty()
        && id
            .0
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
