//! NinjaOne (formerly NinjaRMM) as a source of organizations and devices: API v2, and the legacy API v1 in `v1/`.
//!
//! [`connector()`] is all there is to register. Inside, a read goes `source` → `reader` (which pages, by `ranges` and
//! `paging`) → `client` (endpoints) → `rows` (one page, through `tree` and `digest`); `convert` makes a document of
//! a stored device, by the table in `fields`. The `README.md` beside this crate says what is read, with which
//! rights, and what is known of NinjaOne's quirks.

mod check;
mod client;
mod complete;
mod config;
mod connector;
mod convert;
mod digest;
mod explain;
mod fields;
#[doc(hidden)]
pub mod fuzzing;
mod guide;
mod paging;
mod ranges;
mod reader;
mod rows;
mod settings;
mod source;
mod tree;
mod v1;
mod wire;

use std::sync::Arc;

/// The connector, for the program's list.
pub fn connector() -> Arc<dyn connect::Connector> {
    Arc::new(connector::NinjaOne)
}

/// The connector of the legacy API v1, with an access key and a secret.
pub fn v1_connector() -> Arc<dyn connect::Connector> {
    Arc::new(v1::NinjaRmm)
}
