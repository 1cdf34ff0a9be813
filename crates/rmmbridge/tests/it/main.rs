//! The program as people run it: the built binary, a data directory of its own, and a simulated NinjaOne on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod backups;
mod bad_connections;
mod bad_data_dirs;
mod bad_estates;
mod bad_files;
mod browser;
mod caring;
mod command_line;
mod configuration;
mod consent;
mod demo;
mod everyday;
mod program;
mod provider;
mod secrets;
mod serving;
mod simulating;
mod stopping;
mod switching;
mod tenant;
mod undoing;
mod workers;
