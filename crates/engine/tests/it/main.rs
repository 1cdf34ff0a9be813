//! The use cases against the simulated NinjaOne and the built-in registry, on every database engine there is here.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

mod adopting;
mod api_keys;
mod archiving;
mod audit_broken;
mod backing_up;
mod budgets;
mod conflicts;
mod connecting;
mod deciding;
mod excluded;
mod hub;
mod importing;
mod interrupted;
mod liar_elsewhere;
mod liar_source;
mod liar_telling;
mod new_fields;
mod notifying;
mod overtaken;
mod passportal;
mod provider_sign_in;
mod row_errors;
mod story;
mod switching;
mod tenants;
mod two_bridges;
mod undo_moments;
mod undo_seeds;
mod undoing;
mod why;
mod wizard;
