//! Pages and sign-in, in process: requests go to the router, no network is used. `world` has the hub and its visitors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod assets;
mod bent_forms;
mod bridges;
mod client_source;
mod clients;
mod connections;
mod estate;
mod fields;
mod overview;
mod plans;
mod provider;
mod questions;
mod requests;
mod runs;
mod second_factor;
mod set_up;
mod settings;
mod signing_in;
mod tenant;
mod tls;
mod wizard;
mod world;
