//! The pure heart of rmmbridge: who is who, what goes where, and what is to be done about it.
//!
//! Nothing here waits, reads a clock or draws a number: the same input gives the same plan, byte for byte. The data
//! walk through it like this:
//!
//! 1. [`organizations`]: [`match_organizations`] says which client each organization is. [`fold`] and [`names`] find
//!    names that are the same or similar.
//! 2. [`mapping`]: [`CompiledMapping`] checks a bridge's field rules once; [`project()`] sees every device document
//!    through them and takes along what makes the device recognizable ([`keys`]).
//! 3. [`planner`]: [`Planner`] compares projections with what stands in the destination. [`assets`] pairs devices
//!    with assets, [`own`] says who may write a field, and the brakes say when a person must look first.
//! 4. [`render`]: the one text of a plan, for all who show it.
//! 5. [`drift`]: a plan read as a report of where the two sides differ.
//! 6. [`undo`]: [`plan_undo()`] is the way back: the inverse of what a run wrote, as far as it still stands.
//!
//! Invariants, each held by a property test: the order of input does not matter; a plan that was applied leaves
//! nothing to write; an asset belongs to one device at most; nothing is archived without a rule; a field is written
//! only where its owner lets it.
//!
//! To add a matching rule: a step in `organizations` (or a key in `assets`), its place in the order, a reason in
//! plain words, and cases in the tests beside it. To add a transform: `model::Transform`, then `coerce`.

pub mod assets;
pub mod drift;
pub mod fold;
pub mod keys;
pub mod mapping;
pub mod names;
pub mod narrow;
pub mod organizations;
pub mod own;
pub mod planner;
pub mod presets;
pub mod project;
pub mod render;
pub mod undo;

mod absence;
mod brakes;
mod changes;
mod client_plan;
mod coerce;
mod expression;
mod held;
mod named;
mod scope;
mod suggestions;

pub use coerce::coerce;
pub use mapping::{CompiledMapping, MappingError, TopLevel};
pub use narrow::narrow;
pub use organizations::{OrganizationsInput, SharedSerials, match_organizations};
pub use planner::{AssetLink, Can, ClientInput, Planner, PlannerInput};
pub use project::project;
pub use undo::{Done, LinkNow, UndoInput, UndoPlan, plan_undo};
