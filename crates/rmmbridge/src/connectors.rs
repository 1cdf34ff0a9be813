//! The connectors this program is built with: one line each.

use connect::Connectors;
use store::Store;

/// All of them.
pub fn all(store: Store) -> Connectors {
    Connectors::new(vec![
        ninjaone::connector(),
        ninjaone::v1_connector(),
        registry::connector(store),
        passportal::connector(),
    ])
}
