//! A destination that cannot be reached: what never left must not be taken for something that may have arrived.

use super::bench::{change, soon, update};
use super::{Breach, Breaches};
use crate::destination::{Destination, Marker, NewAsset, Write, WriteError};
use model::{Fields, RecordId};

const CLAUSE: &str = "what never left is refused and not in doubt";

/// Puts a destination to the test whose host does not answer at all. Every write must be refused, with an error that
/// says that nothing was sent: a record in doubt would wait out a quarantine for nothing.
///
/// # Errors
/// Every write that is answered otherwise.
pub async fn unreachable_contract(to: &dyn Destination) -> Result<(), Breaches> {
    let batch = to.capabilities().max_batch.clamp(1, 2);
    let mut breaches = Vec::new();
    let id = || RecordId::from("1");
    let creations: Vec<Write> = (0..batch)
        .map(|n| Write::CreateAsset {
            marker: Marker(format!("unreachable/{n}")),
            asset: NewAsset {
                client: id(),
                site: None,
                asset_type: None,
                source_id: n.to_string(),
                fields: Fields::new(),
            },
        })
        .collect();
    let mut calls = vec![
        creations,
        vec![update(&id(), vec![change("name", "before", "after")])],
        vec![Write::ArchiveAsset { id: id() }],
        vec![Write::CreateAssetType {
            marker: Marker("unreachable/type".to_owned()),
            name: "Server".to_owned(),
            group: None,
        }],
    ];
    if to.capabilities().create_clients {
        calls.push(vec![Write::CreateClient {
            marker: Marker("unreachable/client".to_owned()),
            name: "Client".to_owned(),
            source_id: "1".to_owned(),
        }]);
    }
    for writes in calls {
        let results = to.write(&writes, soon()).await;
        if results.len() != writes.len() {
            let what = format!("{} writes got {} answers", writes.len(), results.len());
            breaches.push(Breach { clause: CLAUSE, what });
        }
        for (write, result) in writes.iter().zip(results) {
            if !matches!(&result, Err(WriteError::Refused(error)) if error.is_unsent()) {
                let what =
                    format!("{write:?}: expected a refusal that says that nothing was sent, got {result:?}");
                breaches.push(Breach { clause: CLAUSE, what });
            }
        }
    }
    if breaches.is_empty() {
        Ok(())
    } else {
        Err(Breaches(breaches))
    }
}
