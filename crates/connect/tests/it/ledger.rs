//! A destination in memory that keeps the contract, and breaks it in one point on demand.

use async_trait::async_trait;
use connect::destination::NewAsset;
use connect::{
    AssetScope, Capabilities, CheckPoint, Destination, Error, Kind, Marker, Write, WriteError, WriteResult,
    Written,
};
use jiff::Timestamp;
use model::operation::Change;
use model::{Asset, AssetType, Client, FieldType, Fields, RecordId, RecordKind, Site, TargetField};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// One point in which the contract is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    TrimsNames,
    FoldsUnicode,
    ForgetsMarks,
    MixesKindsOfMarks,
    HidesDuplicates,
    IgnoresBefore,
    HalfAnUpdate,
    UpdatesNothing,
    OverwritesTheRest,
    EmptyIsNotBlank,
    Deletes,
    HidesArchived,
    ArchivesTheUnknown,
    LeavesItInTheArchive,
    AcceptsAnyClient,
    StopsAtTheFirstError,
    AnswersOutOfOrder,
    MissingIsAnError,
    AnswersTwice,
    EverybodysAssets,
    NumbersFromText,
    CreatesFieldsTwice,
    NewIdsOnEveryReading,
    FailsItsCheck,
    WaitsForTheReader,
    IgnoresMoves,
    KeepsTheSite,
    LosesTheGroup,
    SitesEverywhere,
    SameKeyTwice,
    DoesWhatItCannot,
}

#[derive(Default)]
struct Books {
    clients: Vec<Client>,
    sites: Vec<Site>,
    types: Vec<AssetType>,
    assets: Vec<Asset>,
    fields: Vec<TargetField>,
    marks: Vec<(RecordKind, Marker, RecordId)>,
    next: u64,
}

pub struct Ledger {
    books: Mutex<Books>,
    fault: Option<Fault>,
    can: Capabilities,
}

impl Ledger {
    pub fn new(fault: Option<Fault>) -> Self {
        let field = |key: &str| TargetField {
            key: key.to_owned(),
            label: key.to_owned(),
            field_type: FieldType::Text,
            custom: false,
        };
        let mut books = Books {
            fields: vec![field("serial"), field("notes")],
            ..Books::default()
        };
        if fault == Some(Fault::SameKeyTwice) {
            books.fields.push(field("notes"));
        }
        let can = Capabilities {
            create_clients: true,
            update_assets: true,
            asset_types: true,
            create_fields: true,
            archive: true,
            restore: true,
            sites: true,
            assets_by_client: true,
            max_batch: 3,
            concurrency: 2,
            settles_within: Duration::ZERO,
        };
        Self {
            books: Mutex::new(books),
            fault,
            can,
        }
    }

    /// One that can do little: no new clients, no sites, no archive, one write at a time.
    pub fn modest() -> Self {
        let mut ledger = Self::new(None);
        ledger.can = Capabilities {
            create_clients: false,
            update_assets: true,
            asset_types: true,
            create_fields: true,
            archive: false,
            restore: false,
            sites: false,
            assets_by_client: false,
            max_batch: 1,
            concurrency: 1,
            settles_within: Duration::ZERO,
        };
        let id = RecordId::from("client-1");
        ledger.books().clients.push(Client {
            id,
            name: "Only".to_owned(),
            source_id: None,
        });
        ledger
    }

    /// One whose records and fields stay as they were made.
    pub fn fixed(fault: Option<Fault>) -> Self {
        let mut ledger = Self::new(fault);
        ledger.can = Capabilities {
            update_assets: false,
            asset_types: false,
            create_fields: false,
            archive: false,
            restore: false,
            ..ledger.can
        };
        ledger
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn carry_out(&self, write: &Write) -> WriteResult {
        let mut books = self.books();
        books.next += 1;
        let id = RecordId(format!("{:08x}", books.next));
        let refused = |what: &str| Err(WriteError::Refused(Error::new(Kind::Invalid, "writing", what)));
        if !self.can.carries_out(write) && !self.has(Fault::DoesWhatItCannot) {
            return refused("this ledger cannot");
        }
        let (kind, marker) = match write {
            Write::CreateClient {
                marker,
                name,
                source_id,
            } => {
                let name = match self.fault {
                    Some(Fault::TrimsNames) => name.split_whitespace().collect::<Vec<_>>().join(" "),
                    Some(Fault::FoldsUnicode) => name.replace("e\u{301}", "\u{e9}"),
                    _ => name.clone(),
                };
                books.clients.push(Client {
                    id: id.clone(),
                    name,
                    source_id: Some(source_id.clone()),
                });
                (RecordKind::Client, marker)
            }
            Write::CreateSite { marker, client, name } => {
                if !books.clients.iter().any(|c| c.id == *client) {
                    return refused("no such client");
                }
                books.sites.push(Site {
                    id: id.clone(),
                    client: client.clone(),
                    name: name.clone(),
                });
                (RecordKind::Site, marker)
            }
            Write::CreateAssetType { marker, name, group } => {
                let group = if self.has(Fault::LosesTheGroup) {
                    Some("Other".to_owned())
                } else {
                    group.clone()
                };
                books.types.push(AssetType {
                    id: id.clone(),
                    name: name.clone(),
                    group,
                });
                (RecordKind::AssetType, marker)
            }
            Write::CreateAsset { marker, asset } => {
                if !books.clients.iter().any(|c| c.id == asset.client) && !self.has(Fault::AcceptsAnyClient) {
                    return refused("no such client");
                }
                books.assets.push(self.new_asset(&id, asset));
                (RecordKind::Asset, marker)
            }
            Write::UpdateAsset {
                id,
                changes,
                client,
                site,
                asset_type,
                source_id,
            } => {
                let Some(asset) = books.assets.iter_mut().find(|asset| asset.id == *id) else {
                    return refused("no such asset");
                };
                self.change(asset, changes)?;
                if !self.has(Fault::IgnoresMoves) {
                    asset.client = client.clone().unwrap_or(asset.client.clone());
                    asset.asset_type = asset_type.clone().or(asset.asset_type.clone());
                    match site {
                        Some(None) if self.has(Fault::KeepsTheSite) => {}
                        Some(site) => asset.site.clone_from(site),
                        None => {}
                    }
                }
                if let Some(source_id) = source_id {
                    asset.source_id.clone_from(source_id);
                }
                return Ok(Written { id: id.clone() });
            }
            Write::ArchiveAsset { id } => {
                let place = books.assets.iter().position(|asset| asset.id == *id);
                match place {
                    None if self.has(Fault::ArchivesTheUnknown) => {}
                    None => return refused("no such asset"),
                    Some(place) if self.has(Fault::Deletes) => drop(books.assets.remove(place)),
                    Some(place) => books.assets[place].archived = Some(Timestamp::UNIX_EPOCH),
                }
                return Ok(Written { id: id.clone() });
            }
            Write::RestoreAsset { id } => {
                let Some(asset) = books.assets.iter_mut().find(|asset| asset.id == *id) else {
                    return refused("no such asset");
                };
                if !self.has(Fault::LeavesItInTheArchive) {
                    asset.archived = None;
                }
                return Ok(Written { id: id.clone() });
            }
        };
        if !self.has(Fault::ForgetsMarks) {
            books.marks.push((kind, marker.clone(), id.clone()));
        }
        Ok(Written { id })
    }

    fn new_asset(&self, id: &RecordId, new: &NewAsset) -> Asset {
        let mut fields: Fields = new.fields.clone();
        if self.has(Fault::NumbersFromText) {
            for value in fields.values_mut() {
                if let Some(number) = value.as_str().and_then(|text| text.parse::<i64>().ok()) {
                    *value = number.into();
                }
            }
        }
        Asset {
            id: id.clone(),
            client: new.client.clone(),
            site: new.site.clone(),
            asset_type: new.asset_type.clone(),
            source_id: Some(new.source_id.clone()),
            fields,
            archived: None,
        }
    }

    fn change(&self, asset: &mut Asset, changes: &[Change]) -> Result<(), WriteError> {
        let blank = |value: &Value| value.is_null() || value.as_str() == Some("");
        let stands = |asset: &Asset, change: &Change| {
            let now = asset.fields.get(&change.field).unwrap_or(&Value::Null);
            let both_blank = blank(now) && blank(&change.before) && !self.has(Fault::EmptyIsNotBlank);
            self.has(Fault::IgnoresBefore) || both_blank || *now == change.before
        };
        if !self.has(Fault::HalfAnUpdate)
            && let Some(stale) = changes.iter().find(|change| !stands(asset, change))
        {
            return Err(WriteError::Changed(format!("{} is not as planned", stale.field)));
        }
        for change in changes {
            if !stands(asset, change) {
                return Err(WriteError::Changed(format!("{} is not as planned", change.field)));
            }
            if self.has(Fault::OverwritesTheRest) {
                asset.fields.clear();
            }
            if !self.has(Fault::UpdatesNothing) {
                asset.fields.insert(change.field.clone(), change.after.clone());
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Destination for Ledger {
    fn capabilities(&self) -> Capabilities {
        self.can
    }

    async fn target_fields(&self) -> Result<Vec<TargetField>, Error> {
        Ok(self.books().fields.clone())
    }

    async fn create_field(&self, field: &TargetField) -> Result<(), Error> {
        if !self.can.create_fields && !self.has(Fault::DoesWhatItCannot) {
            let error = Error::new(Kind::Invalid, "creating a field", "the fields are fixed");
            return Err(error);
        }
        let mut books = self.books();
        if self.has(Fault::CreatesFieldsTwice) || !books.fields.iter().any(|known| known.key == field.key) {
            books.fields.push(field.clone());
        }
        Ok(())
    }

    async fn clients(&self) -> Result<Vec<Client>, Error> {
        Ok(self.books().clients.clone())
    }

    async fn sites(&self, clients: &[RecordId]) -> Result<Vec<Site>, Error> {
        let all = self.has(Fault::SitesEverywhere);
        Ok(self
            .books()
            .sites
            .iter()
            .filter(|site| all || clients.contains(&site.client))
            .cloned()
            .collect())
    }

    async fn asset_types(&self) -> Result<Vec<AssetType>, Error> {
        Ok(self.books().types.clone())
    }

    async fn assets(&self, scope: AssetScope, pages: mpsc::Sender<Vec<Asset>>) -> Result<(), Error> {
        let mut found: Vec<Asset> = Vec::new();
        for asset in &self.books().assets {
            let wanted = match &scope {
                AssetScope::All => true,
                AssetScope::Clients(clients) => {
                    self.has(Fault::EverybodysAssets) || clients.contains(&asset.client)
                }
                AssetScope::Ids(ids) => ids.contains(&asset.id),
            };
            if wanted && !(asset.archived.is_some() && self.has(Fault::HidesArchived)) {
                found.push(asset.clone());
            }
        }
        if let AssetScope::Ids(ids) = &scope
            && self.has(Fault::MissingIsAnError)
            && ids.iter().any(|id| !found.iter().any(|asset| asset.id == *id))
        {
            return Err(Error::new(Kind::NotFound, "reading assets", "one is missing"));
        }
        if self.has(Fault::AnswersTwice) {
            found.extend(found.clone().into_iter().take(1));
        }
        if self.has(Fault::NewIdsOnEveryReading) {
            let mut books = self.books();
            for asset in &mut found {
                books.next += 1;
                asset.id = RecordId(format!("{:08x}", books.next));
            }
        }
        for page in found.chunks(2) {
            if pages.send(page.to_vec()).await.is_err() && self.has(Fault::WaitsForTheReader) {
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }

    async fn find(&self, kind: RecordKind, marker: &Marker) -> Result<Vec<RecordId>, Error> {
        let any_kind = self.has(Fault::MixesKindsOfMarks);
        let books = self.books();
        let found = books
            .marks
            .iter()
            .filter(|(k, m, _)| (any_kind || *k == kind) && m == marker);
        let limit = if self.has(Fault::HidesDuplicates) {
            1
        } else {
            usize::MAX
        };
        Ok(found.map(|(_, _, id)| id.clone()).take(limit).collect())
    }

    async fn write(&self, writes: &[Write], _send_by: Instant) -> Vec<WriteResult> {
        assert!(writes.len() <= self.can.max_batch);
        let mut results = Vec::new();
        for write in writes {
            let result = self.carry_out(write);
            let stop = result.is_err() && self.has(Fault::StopsAtTheFirstError);
            results.push(result);
            if stop {
                break;
            }
        }
        if self.has(Fault::AnswersOutOfOrder) {
            results.reverse();
        }
        results
    }

    async fn check(&self) -> Vec<CheckPoint> {
        if self.has(Fault::FailsItsCheck) {
            return vec![CheckPoint::failed("May write", "no")];
        }
        vec![CheckPoint::passed("May write", "yes")]
    }
}
