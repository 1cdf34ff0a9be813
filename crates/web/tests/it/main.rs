//! Pages and sign-in, in process: requests go to the router, no network is used. `world` has the hub and its visitors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod bridges;
mod client_source;
mod clients;
mod connections;
mod estate;
mod overview;
mod requests;
mod set_up;
mod signing_in;
mod tls;
mod wizard;
mod world;
