//! Clients from CSV.

use super::ImportReport;
use super::csv_lines::read_lines;
use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole};
use std::collections::HashSet;
use std::io::Read;
use store::Note;
use store::registry::NewRegistryClient;

impl Engine {
    /// Imports clients: a column `name`.
    ///
    /// # Errors
    /// When the file is no CSV with such a column, or the store fails.
    pub async fn import_clients(&self, actor: &Actor, name: &str, file: impl Read) -> Result<ImportReport> {
        require(actor, ActorRole::Owner, "import clients")?;
        let note = Note::new("registry.import_clients", name);
        self.acting(actor).store.note_alone(note).await?;
        let (lines, mut report) = read_lines(name, file, &["name"], &["name"])?;
        let mut known: HashSet<String> = self
            .store
            .registry_clients()
            .await?
            .iter()
            .map(|c| plan::fold::fold(&c.name))
            .collect();
        let mut new = Vec::new();
        for (_, mut cells) in lines {
            let client = cells.remove("name").unwrap_or_default();
            if known.insert(plan::fold::fold(&client)) {
                new.push(NewRegistryClient {
                    name: client,
                    ..NewRegistryClient::default()
                });
            } else {
                report.present += 1;
            }
        }
        report.added = self.store.add_registry_clients(&new).await?.len();
        Ok(report)
    }
}
