//! Writes: what each needs to know first, and what came of it.

use super::client::{NotDone, Sending, parse};
use super::convert::{self, Moves};
use super::destination::{DirectoryDestination, IDS, is_plain};
use super::wire::{self, BatchAnswer, Saved};
use connect::{Error, Kind, Write, WriteError, WriteResult, Written};
use http::Method;
use model::operation::Change;
use model::{Asset, RecordId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// How often an asset that others change meanwhile is read again.
const ROUNDS: u32 = 4;

/// The parts of an update.
struct Update<'a> {
    id: &'a RecordId,
    changes: &'a [Change],
    moves: Moves<'a>,
}

impl<'a> Update<'a> {
    fn of(write: &'a Write) -> Option<Self> {
        match write {
            Write::UpdateAsset {
                id,
                changes,
                client,
                site,
                asset_type,
                source_id,
            } => Some(Self {
                id,
                changes,
                moves: Moves {
                    client: client.as_ref(),
                    site: site.as_ref().map(Option::as_ref),
                    asset_type: asset_type.as_ref(),
                    source_id: source_id.as_ref().map(Option::as_deref),
                },
            }),
            _ => None,
        }
    }

    fn body(&self) -> Value {
        convert::changed_asset(self.changes, self.moves)
    }

    /// What is already known from the asset as it stands: nothing to do, or not as the plan saw it.
    fn judge(&self, asset: &Asset) -> Option<WriteResult> {
        if convert::stands_already(asset, self.changes, self.moves) {
            return Some(Ok(Written { id: self.id.clone() }));
        }
        convert::stale(asset, self.changes).map(|what| Err(WriteError::Changed(what)))
    }
}

const CREATING: &str = "creating an asset";
const UPDATING: &str = "updating an asset";

fn missing(doing: &str, id: &RecordId) -> WriteError {
    WriteError::Refused(Error::new(
        Kind::NotFound,
        doing,
        format!("asset {id} does not exist"),
    ))
}

fn written(id: String) -> Written {
    Written { id: id.into() }
}

impl DirectoryDestination {
    /// A write in a request of its own.
    pub(super) async fn one(&self, write: &Write, send_by: Instant) -> WriteResult {
        let create = async |doing: &str, path: &str, body: Value| {
            let sending = Sending {
                doing,
                method: Method::POST,
                path,
                version: None,
                body: Some(body),
                send_by: Some(send_by),
            };
            let answer = self.client.send(sending).await?;
            let saved: Saved = parse(doing, &answer)?;
            Ok(written(saved.id))
        };
        match write {
            Write::CreateClient {
                marker,
                name,
                source_id,
            } => {
                let body = json!({ "external_key": marker.0, "name": name, "source_id": source_id });
                create("creating a client", "/clients", body).await
            }
            Write::CreateSite { marker, client, name } => {
                let body = json!({ "external_key": marker.0, "client_id": client, "name": name });
                create("creating a site", "/sites", body).await
            }
            Write::CreateAssetType { marker, name, group } => {
                let body = json!({ "external_key": marker.0, "name": name, "group": group });
                create("creating an asset type", "/asset_types", body).await
            }
            Write::CreateAsset { marker, asset } => {
                create(CREATING, "/assets", convert::new_asset(marker, asset)).await
            }
            Write::UpdateAsset { .. } => match Update::of(write) {
                Some(update) => self.update(&update, send_by).await,
                None => Err(missing(UPDATING, &RecordId::from(""))),
            },
            Write::ArchiveAsset { id } => {
                self.archive(id, "archiving an asset", "archive", "already_archived", send_by)
                    .await
            }
            Write::RestoreAsset { id } => {
                self.archive(id, "restoring an asset", "restore", "not_archived", send_by)
                    .await
            }
        }
    }

    /// Archives or restores; `done` is the vendor's word for an asset that is so already.
    async fn archive(
        &self,
        id: &RecordId,
        doing: &str,
        what: &str,
        done: &str,
        send_by: Instant,
    ) -> WriteResult {
        if !is_plain(id) {
            return Err(missing(doing, id));
        }
        let sending = Sending {
            doing,
            method: Method::POST,
            path: &format!("/assets/{id}/{what}"),
            version: None,
            body: None,
            send_by: Some(send_by),
        };
        match self.client.send(sending).await {
            Ok(_) => Ok(Written { id: id.clone() }),
            Err(NotDone::Refused { code, .. }) if code == done => Ok(Written { id: id.clone() }),
            Err(not) => Err(not.into()),
        }
    }

    /// Changes an asset that is as the plan saw it. Its version guards what lies between reading and writing; when
    /// somebody changed something else meanwhile, it is read again.
    async fn update(&self, update: &Update<'_>, send_by: Instant) -> WriteResult {
        let mut changed = String::new();
        for _ in 0..ROUNDS {
            // Nothing was sent yet, so whatever goes wrong here is a refusal.
            let found = self.by_ids(UPDATING, std::slice::from_ref(update.id)).await;
            let Some(wire) = found.map_err(WriteError::Refused)?.pop() else {
                return Err(missing(UPDATING, update.id));
            };
            let version = wire.version;
            if let Some(known) = update.judge(&convert::asset(wire)) {
                return known;
            }
            let sending = Sending {
                doing: UPDATING,
                method: Method::PATCH,
                path: &format!("/assets/{}", update.id),
                version: Some(version),
                body: Some(update.body()),
                send_by: Some(send_by),
            };
            match self.client.send(sending).await {
                Ok(_) => {
                    return Ok(Written {
                        id: update.id.clone(),
                    });
                }
                Err(NotDone::OtherVersion(what)) => changed = what,
                Err(not) => return Err(not.into()),
            }
        }
        Err(WriteError::Changed(changed))
    }

    /// Creations and changes of assets in one request.
    pub(super) async fn many(&self, writes: &[Write], send_by: Instant) -> Vec<WriteResult> {
        let ids: BTreeSet<_> = writes
            .iter()
            .filter_map(Update::of)
            .map(|update| update.id.clone())
            .collect();
        let mut stand = BTreeMap::new();
        let mut unread = None;
        for some in Vec::from_iter(ids).chunks(IDS) {
            match self.by_ids(UPDATING, some).await {
                Ok(found) => stand.extend(found.into_iter().map(|asset| (asset.id.clone(), asset))),
                Err(error) => unread = Some(error),
            }
        }
        let mut results: Vec<Option<WriteResult>> = Vec::with_capacity(writes.len());
        let (mut operations, mut places) = (Vec::new(), Vec::new());
        for (place, write) in writes.iter().enumerate() {
            let operation = match (write, Update::of(write)) {
                (Write::CreateAsset { marker, asset }, _) => {
                    Ok(json!({ "op": "create", "asset": convert::new_asset(marker, asset) }))
                }
                (_, Some(update)) => match stand.get(update.id.as_str()) {
                    Some(wire) => match update.judge(&convert::asset(wire.clone())) {
                        Some(known) => Err(known),
                        None => Ok(json!({
                            "op": "update", "id": update.id, "version": wire.version, "changes": update.body()
                        })),
                    },
                    None => Err(Err(match &unread {
                        Some(error) => WriteError::Refused(error.clone()),
                        None => missing(UPDATING, update.id),
                    })),
                },
                _ => Err(self.one(write, send_by).await),
            };
            results.push(match operation {
                Ok(operation) => {
                    operations.push(operation);
                    places.push(place);
                    None
                }
                Err(known) => Some(known),
            });
        }
        if !operations.is_empty() {
            let answers = self.batch(operations, send_by).await;
            for (place, answer) in places.into_iter().zip(answers) {
                results[place] = Some(match (answer, Update::of(&writes[place])) {
                    // Somebody else, or an earlier write of this batch, was there first: it gets a look of its own.
                    (Err(NotDone::OtherVersion(_)), Some(update)) => self.update(&update, send_by).await,
                    (answer, _) => answer.map_err(WriteError::from),
                });
            }
        }
        let nothing = || Err(missing("writing assets", &RecordId::from("")));
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(nothing))
            .collect()
    }

    /// Sends a batch; one answer for each operation.
    async fn batch(&self, operations: Vec<Value>, send_by: Instant) -> Vec<Result<Written, NotDone>> {
        let doing = "writing assets";
        let count = operations.len();
        let sending = Sending {
            doing,
            method: Method::POST,
            path: "/assets/batch",
            version: None,
            body: Some(json!({ "operations": operations })),
            send_by: Some(send_by),
        };
        let answer = match self.client.send(sending).await {
            Ok(answer) => parse::<BatchAnswer>(doing, &answer),
            Err(not) => Err(not),
        };
        let all = |not: &dyn Fn() -> NotDone| (0..count).map(|_| Err(not())).collect::<Vec<_>>();
        match answer {
            Ok(answer) if answer.results.len() == count => {
                let one = |item: wire::BatchItem| match (item.status, item.asset) {
                    (200..=299, Some(saved)) => Ok(written(saved.id)),
                    (200..=299, None) => {
                        let what = "an operation was carried out and its asset is not named";
                        Err(NotDone::Unknown(Error::new(Kind::Protocol, doing, what)))
                    }
                    (status, _) => Err(self
                        .client
                        .sort_item(doing, status, &item.error.unwrap_or_default())),
                };
                answer.results.into_iter().map(one).collect()
            }
            Ok(answer) => {
                let what = format!("{count} operations got {} answers", answer.results.len());
                all(&|| NotDone::Unknown(Error::new(Kind::Protocol, doing, what.as_str())))
            }
            Err(NotDone::Unknown(error)) => all(&|| NotDone::Unknown(error.clone())),
            Err(NotDone::Refused { code, mut error }) => {
                if code == "too_many" {
                    error.next = "Lower the setting batch of this connection".to_owned();
                }
                all(&|| NotDone::Refused {
                    code: code.clone(),
                    error: error.clone(),
                })
            }
            Err(NotDone::Changed(what) | NotDone::OtherVersion(what)) => {
                all(&|| NotDone::Changed(what.clone()))
            }
        }
    }
}
