//! The built-in registry: clients, sites, contacts, asset types and groups, assets and their fields.
//!
//! These are the tables of the simplest destination; `connectors/registry` gives them the port's shape.

mod asset_list;
mod asset_types;
mod asset_writes;
mod assets;
mod clients;
mod contacts;
mod fields;

pub use asset_list::{AssetOrder, AssetQuery};
pub use asset_writes::{AssetUpdate, NewRegistryAsset, UpdateRefused};
pub use assets::{AssetFilter, RegistryAsset};
pub use clients::NewRegistryClient;
pub use contacts::{ListedContact, RegistryContact};
pub use fields::BUILT_IN;
