//! The destination port: where clients and assets are kept.

use crate::check::CheckPoint;
use crate::error::{Error, Kind};
use async_trait::async_trait;
use model::operation::Change;
use model::{Asset, AssetType, Client, Fields, RecordId, RecordKind, Site, TargetField};
use std::fmt;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What a destination can do. What it cannot is said to people and never silently kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Clients can be created.
    pub create_clients: bool,
    /// Assets can be changed, taken to another client, and given the source's id when they are adopted.
    pub update_assets: bool,
    /// Asset types are records of their own, which can be created.
    pub asset_types: bool,
    /// Custom fields can be created.
    pub create_fields: bool,
    /// Assets can be archived.
    pub archive: bool,
    /// An archived asset can be taken out of the archive again.
    pub restore: bool,
    /// Sites exist here.
    pub sites: bool,
    /// Assets of one client can be read cheaply; otherwise the engine reads all once.
    pub assets_by_client: bool,
    /// How many writes one call of [`Destination::write`] may hold.
    pub max_batch: usize,
    /// How many calls of [`Destination::write`] may be under way at once.
    pub concurrency: usize,
    /// The longest time from the moment a write has left until it either shows in [`Destination::find`] and
    /// [`Destination::assets`] or never will: our own deadline, the vendor's processing, and the lag of its index. A
    /// write whose outcome is not known is left alone for so long. Zero says that nothing arrives after its sender is
    /// gone and that no mark is taken twice, as in a database of our own.
    pub settles_within: Duration,
}

impl Capabilities {
    /// Whether a destination that can do this carries out a write of that sort. One that does not refuses it.
    pub fn carries_out(&self, write: &Write) -> bool {
        match write {
            Write::CreateClient { .. } => self.create_clients,
            Write::CreateSite { .. } => self.sites,
            Write::CreateAssetType { .. } => self.asset_types,
            Write::CreateAsset { .. } => true,
            Write::UpdateAsset { .. } => self.update_assets,
            Write::ArchiveAsset { .. } => self.archive,
            Write::RestoreAsset { .. } => self.archive && self.restore,
        }
    }
}

/// Our mark on a record we created: the natural key of its source record. The destination keeps it in a field that
/// can be searched, so that a create whose answer was lost is found again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Marker(pub String);

impl Marker {
    /// The mark of a source record: connection, kind and source id.
    pub fn new(connection: &model::ConnectionId, kind: RecordKind, source: &model::SourceId) -> Self {
        Self(format!("{connection}/{}/{source}", kind.as_str()))
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which assets to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssetScope {
    /// All of them.
    All,
    /// These clients'.
    Clients(Vec<RecordId>),
    /// These; ones that no longer exist are left out.
    Ids(Vec<RecordId>),
}

/// A new asset with everything it refers to resolved to records that exist.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAsset {
    /// The client it belongs to.
    pub client: RecordId,
    /// The site it stands at.
    pub site: Option<RecordId>,
    /// Its type.
    pub asset_type: Option<RecordId>,
    /// The source's device id, for destinations that keep one.
    pub source_id: String,
    /// Its fields.
    pub fields: Fields,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Create a client.
    CreateClient {
        /// Our mark.
        marker: Marker,
        /// Its name.
        name: String,
        /// The source's organization id, for destinations that keep one.
        source_id: String,
    },
    /// Create a site.
    CreateSite {
        /// Our mark.
        marker: Marker,
        /// The client it belongs to.
        client: RecordId,
        /// Its name.
        name: String,
    },
    /// Create an asset type, and its group when it is missing.
    CreateAssetType {
        /// Our mark.
        marker: Marker,
        /// Its name.
        name: String,
        /// Its group.
        group: Option<String>,
    },
    /// Create an asset.
    CreateAsset {
        /// Our mark.
        marker: Marker,
        /// Its content.
        asset: NewAsset,
    },
    /// Change an asset. The destination refuses with [`WriteError::Changed`] when a `before` no longer stands.
    UpdateAsset {
        /// The asset.
        id: RecordId,
        /// Fields to change.
        changes: Vec<Change>,
        /// Its new client.
        client: Option<RecordId>,
        /// Its new site; `Some(None)` takes it away.
        site: Option<Option<RecordId>>,
        /// Its new type.
        asset_type: Option<RecordId>,
        /// The source's device id, set when a record entered by hand is adopted; `Some(None)` takes it away.
        source_id: Option<Option<String>>,
    },
    /// Archive an asset; one that is archived already stays so.
    ArchiveAsset {
        /// The asset.
        id: RecordId,
    },
    /// Take an asset out of the archive; one that is not in it stays as it is.
    RestoreAsset {
        /// The asset.
        id: RecordId,
    },
}

/// What a write led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The record.
    pub id: RecordId,
}

/// Why a write did not lead to a record.
#[derive(Clone, Debug)]
pub enum WriteError {
    /// The destination refused it; nothing was written.
    Refused(Error),
    /// The record is not as the plan saw it; nothing was written.
    Changed(String),
    /// It was sent and no answer came: it may have been carried out.
    Unknown(Error),
}

impl WriteError {
    /// What it means that a write got no answer, or one that nobody can read.
    pub fn unanswered(error: Error) -> Self {
        match error.kind {
            Kind::Unavailable | Kind::Protocol if !error.is_unsent() => Self::Unknown(error),
            _ => Self::Refused(error),
        }
    }
}

/// The result of one write.
pub type WriteResult = Result<Written, WriteError>;

/// Where clients and assets are kept.
#[async_trait]
pub trait Destination: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The asset fields a rule may write.
    ///
    /// # Errors
    /// Any [`Error`].
    async fn target_fields(&self) -> Result<Vec<TargetField>, Error>;

    /// Adds a custom field; adding one that is there already changes nothing.
    ///
    /// # Errors
    /// [`crate::Kind::Invalid`] when the destination cannot.
    async fn create_field(&self, field: &TargetField) -> Result<(), Error>;

    /// All clients.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    async fn clients(&self) -> Result<Vec<Client>, Error>;

    /// The sites of some clients. Planning asks for several clients at once, for those who can answer so.
    ///
    /// # Errors
    /// Any [`Error`].
    async fn sites(&self, clients: &[RecordId]) -> Result<Vec<Site>, Error>;

    /// All asset types.
    ///
    /// # Errors
    /// Any [`Error`].
    async fn asset_types(&self) -> Result<Vec<AssetType>, Error>;

    /// Sends every asset of `scope`, archived ones included, into `pages`.
    ///
    /// # Errors
    /// Any [`Error`] when the end could not be proven.
    async fn assets(&self, scope: AssetScope, pages: mpsc::Sender<Vec<Asset>>) -> Result<(), Error>;

    /// Records that carry our mark.
    ///
    /// # Errors
    /// Any [`Error`].
    async fn find(&self, kind: RecordKind, marker: &Marker) -> Result<Vec<RecordId>, Error>;

    /// Carries out up to [`Capabilities::max_batch`] writes and answers each, in order. One failing write does not
    /// stop the others. What cannot be on its way by `send_by` is refused and not sent: after a wait that long (a rate
    /// limit, a machine that slept) somebody else may hold the records.
    async fn write(&self, writes: &[Write], send_by: Instant) -> Vec<WriteResult>;

    /// Where a person finds a record in the destination's own pages, where it has such and tells.
    fn record_url(&self, _kind: RecordKind, _record: &RecordId) -> Option<String> {
        None
    }

    /// Checks connection and rights, one point each.
    async fn check(&self) -> Vec<CheckPoint>;
}
