//! A directory and a destination on it.

mod contract;
mod faults;
mod reading;
mod updates;

use connect::{AssetScope, Destination, Marker, NewAsset, Write, WriteError, WriteResult};
use model::operation::Change;
use model::{Asset, Fields, RecordId, RecordKind};
use serde_json::{Value, json};
use simulators::directory::{Behaviour, Directory, Fault, Mode, Options};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

const KEY: &str = "directory-demo-key";

/// A directory with a destination on it and one client in it.
pub struct Stand {
    pub directory: Directory,
    pub to: Arc<dyn Destination>,
    pub client: RecordId,
}

/// A time by which every write of a test is on its way.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Settings of a connection that gives up soon.
fn hasty(batch: usize) -> Value {
    json!({ "batch": batch, "deadline_ms": 400, "settle_ms": 1500 })
}

impl Stand {
    /// `batch` assets go out in one request.
    pub async fn start(batch: usize) -> Self {
        Self::behaving(batch, Behaviour::default()).await
    }

    pub async fn behaving(batch: usize, behaviour: Behaviour) -> Self {
        let options = Options {
            behaviour,
            ..Options::default()
        };
        let directory = Directory::start(options).await.unwrap();
        let to = testkit::directory::open(&directory.base_url(), KEY, &hasty(batch));
        let write = Write::CreateClient {
            marker: Marker("client".to_owned()),
            name: "Acme".to_owned(),
            source_id: "1".to_owned(),
        };
        let client = to.write(&[write], soon()).await.pop().unwrap().unwrap().id;
        Self {
            directory,
            to,
            client,
        }
    }

    /// The next request to `on` meets `mode`.
    pub fn next(&self, on: &str, mode: Mode) {
        self.directory.faults().add(Fault::once(on, mode)).unwrap();
    }

    pub fn create(&self, marker: &str) -> Write {
        let name = Fields::from([("name".to_owned(), json!(marker))]);
        Write::CreateAsset {
            marker: Marker(marker.to_owned()),
            asset: NewAsset {
                client: self.client.clone(),
                site: None,
                asset_type: None,
                source_id: marker.to_owned(),
                fields: name,
            },
        }
    }

    pub async fn write(&self, write: Write) -> WriteResult {
        let mut results = self.to.write(&[write], soon()).await;
        assert_eq!(results.len(), 1);
        results.pop().unwrap()
    }

    pub async fn write_all(&self, writes: &[Write]) -> Vec<WriteResult> {
        self.to.write(writes, soon()).await
    }

    pub async fn created(&self, marker: &str) -> RecordId {
        self.write(self.create(marker)).await.unwrap().id
    }

    pub async fn find(&self, marker: &str) -> usize {
        let marker = Marker(marker.to_owned());
        self.to.find(RecordKind::Asset, &marker).await.unwrap().len()
    }

    /// How many records carry `marker`, counted at the directory.
    pub fn records(&self, marker: &str) -> usize {
        let records = self.directory.records();
        let assets = records["assets"].as_array().unwrap();
        assets
            .iter()
            .filter(|asset| asset["external_key"] == marker)
            .count()
    }

    /// How often a creation with `marker` arrived at the directory.
    pub fn arrived(&self, marker: &str) -> u64 {
        let effects = self.directory.effects();
        effects.creates_received.get(marker).copied().unwrap_or(0)
    }

    pub async fn settle(&self) {
        assert!(self.directory.settled(Duration::from_secs(10)).await);
    }

    pub async fn read(&self, scope: AssetScope) -> Result<Vec<Asset>, connect::Error> {
        let (pages, mut received) = mpsc::channel(1);
        let collect = async {
            let mut all = vec![];
            while let Some(page) = received.recv().await {
                all.extend(page);
            }
            all
        };
        let (ended, assets) = tokio::join!(self.to.assets(scope, pages), collect);
        ended.map(|()| assets)
    }

    pub async fn read_one(&self, id: &RecordId) -> Asset {
        self.read(AssetScope::Ids(vec![id.clone()]))
            .await
            .unwrap()
            .pop()
            .unwrap()
    }
}

/// An update of the field `name`.
pub fn rename(id: &RecordId, before: &str, after: &str) -> Write {
    Write::UpdateAsset {
        id: id.clone(),
        changes: vec![Change {
            field: "name".to_owned(),
            before: json!(before),
            after: json!(after),
        }],
        client: None,
        site: None,
        asset_type: None,
        source_id: None,
    }
}

/// What a result is, in a word.
pub fn sort(result: &WriteResult) -> &'static str {
    match result {
        Ok(_) => "written",
        Err(WriteError::Refused(_)) => "refused",
        Err(WriteError::Changed(_)) => "changed",
        Err(WriteError::Unknown(_)) => "unknown",
    }
}
