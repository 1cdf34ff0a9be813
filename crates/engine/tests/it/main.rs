//! The use cases against the simulated NinjaOne and the built-in registry, on every database engine there is here.

mod conflicts;
mod connecting;
mod hub;
mod interrupted;
mod story;
