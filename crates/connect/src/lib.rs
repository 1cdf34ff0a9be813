//! The port: what rmmbridge asks of an outside system, and the HTTP stack every connector speaks through.
//!
//! * [`Connector`] is what a connector registers; it opens a [`Source`], a [`Destination`], or both.
//! * [`Error`] has kinds, so that the engine decides without knowing the vendor.
//! * [`http`] sends requests: retries, adaptive concurrency, redaction, size caps, the guard against private hosts.
//! * [`budget`] is how many requests an account may be asked, by all processes together.
//! * [`oauth`] gets, keeps and refreshes grants; [`callback`] listens for the browser's return.
//! * [`oidc`] lets people sign in through an identity provider.
//!
//! To add a connector: a crate under `connectors/` that exports one [`Connector`], and one line in the
//! program's list. [`contract`] holds the tests each destination must pass.

pub mod budget;
pub mod callback;
pub mod check;
pub mod connector;
pub mod contract;
pub mod destination;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod grant;
pub mod http;
pub mod mail;
pub mod oauth;
pub mod oidc;
pub mod settings;
pub mod source;

pub use check::{CheckPoint, Verdict};
pub use connector::{
    Authorization, Connector, Connectors, GuideStep, Mode, OpenContext, Outbound, Pending, Secrets, Setting,
    SettingProblem,
};
pub use destination::{
    AssetScope, Capabilities, Destination, Marker, NewAsset, Write, WriteError, WriteResult, Written,
};
pub use error::{Error, Kind};
pub use grant::{Grant, GrantStore, GrantStoreError, NewGrant, RefreshTicket, RefreshTurn};
pub use source::{Converted, DevicePage, DevicesRead, DevicesRequest, Source, Unreadable};
