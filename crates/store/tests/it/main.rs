//! The store's story: every function of it, on SQLite always and on PostgreSQL where `RMMBRIDGE_TEST_POSTGRES` names
//! a server. A module tells what one source file promises; `estate` and `assets` hold the records they share.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod address;
mod assets;
mod audit;
mod audit_coverage;
mod backup_files;
mod backups;
mod bridges;
mod claims;
mod connections;
mod created_names;
mod estate;
mod forgetting;
mod grants;
mod instances;
mod leases;
mod links;
mod opening;
mod outages;
mod passes;
mod plans;
mod projections;
mod registry;
mod registry_asset_list;
mod registry_assets;
mod registry_contacts;
mod registry_updates;
mod rotation;
mod run_reading;
mod runs;
mod snapshots;
mod undone;
mod upgrades;
mod writers;
