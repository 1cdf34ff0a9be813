//! N-able Passportal as a destination, by the public API of its Documentation Manager: devices become asset documents of
//! their clients.
//!
//! [`connector()`] is all there is to register. Inside, `destination` reads, `writing` creates and replaces, `client`
//! has the endpoints and sorts what came of a request, `token` gets access tokens, `wire` has the vendor's words,
//! `convert` and `decode` translate. The `README.md` beside this crate says which rights are needed, what is read and
//! written, and what is not known of this API.
//!
//! Invariants: a new document goes out once, alone, and is read back, since the answer names no id; its mark tells it from
//! every other source's; what is not known to be done or not done is [`connect::WriteError::Unknown`].

mod check;
mod client;
mod config;
mod connector;
mod convert;
mod decode;
mod destination;
#[doc(hidden)]
pub mod fuzzing;
mod guide;
mod token;
mod wire;
mod writing;

use std::sync::Arc;

/// The connector, for the program's list.
pub fn connector() -> Arc<dyn connect::Connector> {
    Arc::new(connector::Passportal)
}
