//! The source port: where organizations and devices are read.

use crate::check::CheckPoint;
use crate::error::Error;
use async_trait::async_trait;
use model::{FieldFault, Location, Organization, RawDevice, Role, SourceId};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc;

/// What to read, and what is known from the last time.
#[derive(Clone, Debug, Default)]
pub struct DevicesRequest {
    /// Only this organization's devices.
    pub organization: Option<SourceId>,
    /// Ids of the last complete snapshot, ascending: readers share the id range along them. Empty on a first read.
    pub known_ids: Vec<u64>,
    /// Top-level names of the document that some mapping reads although they change on every contact
    /// (e.g. `lastContact`); they then count in the digest.
    pub volatile_in_use: BTreeSet<String>,
}

/// A device that is there but could not be read. It is present: nothing is archived for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its id, when at least that could be read.
    pub id: Option<SourceId>,
    /// Why, without the device's content.
    pub message: String,
}

/// Some devices, in no promised order. No id comes twice in one read.
#[derive(Clone, Debug, Default)]
pub struct DevicePage {
    /// Devices that could be read.
    pub devices: Vec<RawDevice>,
    /// Devices that could not.
    pub unreadable: Vec<Unreadable>,
}

/// A complete pass. A pass that could not be completed is an error, never a short `DevicesRead`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DevicesRead {
    /// Devices delivered, unreadable ones included.
    pub devices: u64,
    /// Requests it took.
    pub requests: u64,
}

/// A device as a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// The device document, with the vendor's original under `raw`.
    pub document: serde_json::Value,
    /// Parts that were not of the documented type; they are absent from the document.
    pub faults: Vec<FieldFault>,
}

/// Where organizations and devices are read.
#[async_trait]
pub trait Source: Send + Sync {
    /// All organizations.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    async fn organizations(&self) -> Result<Vec<Organization>, Error>;

    /// All locations of all organizations.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    async fn locations(&self) -> Result<Vec<Location>, Error>;

    /// All device roles.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    async fn roles(&self) -> Result<Vec<Role>, Error>;

    /// Sends every device of the requested scope into `pages`, as they come.
    ///
    /// # Errors
    /// Any [`Error`] when the end could not be proven: what was sent so far is then not a snapshot.
    async fn devices(
        &self,
        request: DevicesRequest,
        pages: mpsc::Sender<DevicePage>,
    ) -> Result<DevicesRead, Error>;

    /// The uids of some devices, to tell one tenant from another: small ids exist in every tenant. Devices that
    /// do not exist are left out.
    ///
    /// # Errors
    /// Any [`Error`].
    async fn device_uids(&self, ids: &[SourceId]) -> Result<BTreeMap<SourceId, String>, Error>;

    /// Turns a stored [`RawDevice::raw`] into a document. Pure: the same text gives the same document.
    ///
    /// # Errors
    /// [`crate::Kind::Protocol`] when the text is no device at all.
    fn document(&self, raw: &str) -> Result<Converted, Error>;

    /// Top-level document names that change on every contact and are left out of [`RawDevice::digest`].
    fn volatile(&self) -> &'static [&'static str];

    /// Checks connection, scopes and rights, one point each.
    async fn check(&self) -> Vec<CheckPoint>;

    /// Where a person finds a device in the vendor's own pages.
    fn device_url(&self, id: &SourceId) -> Option<String>;

    /// Where a person finds an organization in the vendor's own pages.
    fn organization_url(&self, id: &SourceId) -> Option<String>;
}
