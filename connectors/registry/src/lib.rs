//! The built-in registry as a destination: the simplest one, so read this connector first.
//!
//! It has no settings, no grant and no network. Its tables are in `crates/store/src/registry`; a write is one
//! transaction for a whole batch, and every marker is a unique column, so that a create repeated after a crash
//! finds what it made.

mod destination;

use connect::{Connector, Destination, Error, OpenContext, Secrets, Setting, SettingProblem};
use std::sync::Arc;
use store::Store;

/// The connector of the built-in registry.
pub fn connector(store: Store) -> Arc<dyn Connector> {
    Arc::new(RegistryConnector { store })
}

struct RegistryConnector {
    store: Store,
}

impl Connector for RegistryConnector {
    fn kind(&self) -> &'static str {
        "registry"
    }

    fn label(&self) -> &'static str {
        "Built-in registry"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn validate(
        &self,
        settings: &serde_json::Value,
        _secrets: &Secrets,
        _allow_private_hosts: bool,
    ) -> Result<(), Vec<SettingProblem>> {
        match settings {
            serde_json::Value::Null => Ok(()),
            serde_json::Value::Object(map) if map.is_empty() => Ok(()),
            _ => Err(vec![SettingProblem {
                key: String::new(),
                message: "the built-in registry has no settings".to_owned(),
            }]),
        }
    }

    fn destination(&self, _cx: &OpenContext) -> Result<Arc<dyn Destination>, Error> {
        Ok(Arc::new(destination::Registry {
            store: self.store.clone(),
        }))
    }
}
