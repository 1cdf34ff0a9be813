//! The tests of the simulators over HTTP, in one binary.

mod api;
mod directory;
mod identity;
mod oauth;
mod passportal;
