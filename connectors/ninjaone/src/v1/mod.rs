//! NinjaRMM's legacy API v1, with an access key and a secret, as a source: customers and devices, converted into the same
//! document as API v2's.

mod check;
mod client;
mod config;
mod connector;
pub(crate) mod convert;
mod guide;
mod signature;
mod source;

pub use connector::NinjaRmm;
