//! The HTTP stack, OAuth, the callback listener and the destination contract against servers on the loopback.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

mod bearer;
mod bearer_trouble;
mod callback;
mod contract;
mod guard;
mod http_answers;
mod http_reads;
mod http_secrets;
mod http_writes;
mod ledger;
mod mail;
mod oauth;
mod oauth_refusals;
mod stand;
mod tls;
