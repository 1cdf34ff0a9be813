//! What a source holds: organizations, locations, roles and devices.

use crate::destination::Fields;
use crate::id::SourceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An organization: what an MSP calls a customer on the NinjaOne side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// The source's id.
    pub id: SourceId,
    /// Its name, as typed there.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
}

/// A location of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The source's id.
    pub id: SourceId,
    /// The organization it belongs to.
    pub organization: SourceId,
    /// Its name, as typed there.
    pub name: String,
}

/// A device role, e.g. "Windows Server"; it decides the asset type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The source's id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
}

/// One device as a source delivered it: the vendor's own JSON and what is needed to file it.
#[derive(Clone, Debug)]
pub struct RawDevice {
    /// The source's id.
    pub id: SourceId,
    /// An id that survives a rebuilt tenant, where the source has one.
    pub uid: Option<String>,
    /// The organization it belongs to.
    pub organization: SourceId,
    /// The vendor's JSON text, unchanged.
    pub raw: Box<str>,
    /// Digest of `raw` without what changes on every contact; equal digests mean nothing worth storing changed.
    pub digest: [u8; 32],
    /// When the device last spoke to the source. Not part of the digest.
    pub last_contact: Option<Timestamp>,
}

/// A part of a document that could not be read as the type the vendor documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// Where, e.g. `volumes[0].capacity`.
    pub path: String,
    /// What was expected and what stood there, without the value's full text.
    pub message: String,
}

/// The type of a value in the device document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// True or false.
    Boolean,
    /// A day, `yyyy-mm-dd`.
    Date,
    /// An instant, RFC 3339 in UTC.
    Instant,
    /// A whole number of bytes.
    Bytes,
    /// A whole number of hertz.
    Hertz,
}

/// Whether a device was in the last complete snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "presence", rename_all = "snake_case")]
pub enum Presence {
    /// It was there.
    Present,
    /// It was not.
    Absent {
        /// When the first complete snapshot without it was finished.
        since: Timestamp,
        /// How many complete snapshots in a row lacked it.
        snapshots: u32,
    },
}

/// What makes a device recognizable in a destination that has not heard of its id. Already folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeys {
    /// Serial number; `None` when it is blank or a manufacturer's placeholder.
    pub serial: Option<String>,
    /// MAC addresses as twelve lower-case hexadecimal digits.
    pub macs: Vec<String>,
    /// The name the device has on its network.
    pub name: Option<String>,
}

/// One device, seen through a bridge's mapping: all that the planner needs of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceProjection {
    /// The source's id.
    pub id: SourceId,
    /// The organization it belongs to.
    pub organization: SourceId,
    /// The location it stands at.
    pub location: Option<SourceId>,
    /// What people call it: display name, else system name, else DNS name, else its id.
    pub label: String,
    /// What makes it recognizable.
    pub keys: DeviceKeys,
    /// Its role.
    pub role: Option<Role>,
    /// The vendor's class, e.g. `WINDOWS_SERVER`.
    pub class: Option<String>,
    /// The vendor's approval state, e.g. `APPROVED`.
    pub approval: Option<String>,
    /// The vendor's tags.
    pub tags: Vec<String>,
    /// The mapped fields: target field → value. An absent value is missing or null.
    pub fields: Fields,
    /// Fields that were skipped, and why.
    pub faults: Vec<FieldFault>,
    /// Whether it was in the last complete snapshot.
    pub presence: Presence,
}

/// A device document: API v2's names, `references.*` lifted to the top, dates as dates, the vendor's original
/// under `raw`.
pub type DeviceDocument = Value;
