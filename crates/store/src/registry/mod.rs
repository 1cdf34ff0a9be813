//! The built-in registry: clients, sites, contacts, asset types and groups, assets and their fields.
//!
//! These are the tables of the simplest destination; `connectors/registry` gives them the port's shape.

mod asset_list;
mod asset_types;
mod assets;
mod clients;
mod contacts;
mod fields;

pub use asset_list::{AssetOrder, AssetQuery};
pub use assets::{AssetFilter, AssetUpdate, NewRegistryAsset, RegistryAsset, UpdateRefused};
pub use clients::NewRegistryClient;
pub use contacts::{ListedContact, RegistryContact};
pub use fields::BUILT_IN;
