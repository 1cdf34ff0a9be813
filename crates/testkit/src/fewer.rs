//! A destination that can do less than the one behind it.

use async_trait::async_trait;
use connect::{
    AssetScope, Capabilities, CheckPoint, Destination, Error, Kind, Marker, Write, WriteError, WriteResult,
};
use model::{Asset, AssetType, Client, RecordId, RecordKind, Site, TargetField};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A destination with some of its capabilities taken away: it refuses what it no longer can, and has no records of a
/// kind that is gone. So a rule about such destinations can be tried on every one there is.
pub struct Fewer {
    inner: Arc<dyn Destination>,
    can: Capabilities,
}

impl Fewer {
    /// `inner` with what `take` leaves of its capabilities.
    pub fn new(inner: Arc<dyn Destination>, take: impl FnOnce(&mut Capabilities)) -> Self {
        let mut can = inner.capabilities();
        take(&mut can);
        Self { inner, can }
    }
}

fn cannot(doing: &str) -> Error {
    Error::new(
        Kind::Invalid,
        doing,
        "this destination was told that it cannot do that",
    )
    .not_sent()
}

#[async_trait]
impl Destination for Fewer {
    fn capabilities(&self) -> Capabilities {
        self.can
    }

    async fn target_fields(&self) -> Result<Vec<TargetField>, Error> {
        self.inner.target_fields().await
    }

    async fn create_field(&self, field: &TargetField) -> Result<(), Error> {
        match self.can.create_fields {
            true => self.inner.create_field(field).await,
            false => Err(cannot("creating a field")),
        }
    }

    async fn clients(&self) -> Result<Vec<Client>, Error> {
        self.inner.clients().await
    }

    async fn sites(&self, clients: &[RecordId]) -> Result<Vec<Site>, Error> {
        match self.can.sites {
            true => self.inner.sites(clients).await,
            false => Ok(Vec::new()),
        }
    }

    async fn asset_types(&self) -> Result<Vec<AssetType>, Error> {
        match self.can.asset_types {
            true => self.inner.asset_types().await,
            false => Ok(Vec::new()),
        }
    }

    async fn assets(&self, scope: AssetScope, pages: mpsc::Sender<Vec<Asset>>) -> Result<(), Error> {
        self.inner.assets(scope, pages).await
    }

    async fn find(&self, kind: RecordKind, marker: &Marker) -> Result<Vec<RecordId>, Error> {
        self.inner.find(kind, marker).await
    }

    async fn write(&self, writes: &[Write], send_by: Instant) -> Vec<WriteResult> {
        let mut results = Vec::with_capacity(writes.len());
        let mut rest = writes;
        while let Some(first) = rest.first() {
            let goes = self.can.carries_out(first);
            let same = rest
                .iter()
                .take_while(|write| self.can.carries_out(write) == goes)
                .count();
            let (some, after) = rest.split_at(same);
            match goes {
                true => results.extend(self.inner.write(some, send_by).await),
                false => results.extend(
                    some.iter()
                        .map(|_| Err(WriteError::Refused(cannot("writing a record")))),
                ),
            }
            rest = after;
        }
        results
    }

    async fn check(&self) -> Vec<CheckPoint> {
        self.inner.check().await
    }
}
