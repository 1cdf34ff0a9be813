//! Assets from CSV.

use super::csv_lines::read_lines;
use super::{ImportReport, Owners};
use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole, Fields, RecordId};
use serde_json::Value;
use std::collections::HashSet;
use std::io::Read;
use store::Note;
use store::registry::{AssetFilter, NewRegistryAsset};

impl Engine {
    /// Imports assets: columns `client` and `name`, and any field of the registry by its key.
    ///
    /// # Errors
    /// When the file is no CSV with such columns, or the store fails.
    pub async fn import_assets(&self, actor: &Actor, name: &str, file: impl Read) -> Result<ImportReport> {
        require(actor, ActorRole::Owner, "import assets")?;
        let note = Note::new("registry.import_assets", name);
        self.acting(actor).store.note_alone(note).await?;
        let fields = self.store.registry_fields().await?;
        let mut columns: Vec<&str> = vec!["client"];
        columns.extend(fields.iter().map(|f| f.key.as_str()));
        let (lines, mut report) = read_lines(name, file, &columns, &["client", "name"])?;
        let clients = Owners::of(self.store.registry_clients().await?);
        let mut known = self.known_assets().await?;
        let (mut new, mut numbers) = (Vec::new(), Vec::new());
        for (line, mut cells) in lines {
            let client = cells.remove("client").unwrap_or_default();
            let owner = match clients.named(&client) {
                Ok(owner) => owner.clone(),
                Err(why) => {
                    report.bad_lines.push((line, why));
                    continue;
                }
            };
            let values: Result<Fields, String> = cells
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(key, text)| {
                    let field = fields
                        .iter()
                        .find(|f| f.key == key)
                        .ok_or_else(|| format!("unknown field `{key}`"))?;
                    let value = plan::coerce(&Value::String(text), field.field_type);
                    let value = value
                        .map_err(|why| format!("{key}: {why}"))?
                        .unwrap_or(Value::Null);
                    Ok((key, value))
                })
                .collect();
            let values = match values {
                Ok(values) => values,
                Err(why) => {
                    report.bad_lines.push((line, why));
                    continue;
                }
            };
            if !known.insert((owner.clone(), identity(&values))) {
                report.present += 1;
                continue;
            }
            numbers.push(line);
            new.push(NewRegistryAsset {
                client: owner,
                site: None,
                asset_type: None,
                source_id: None,
                marker: None,
                fields: values,
            });
        }
        for (line, added) in numbers
            .into_iter()
            .zip(self.store.add_registry_assets(&new).await?)
        {
            match added {
                Ok(_) => report.added += 1,
                Err(error) => report.bad_lines.push((line, error.to_string())),
            }
        }
        report.bad_lines.sort_unstable();
        Ok(report)
    }

    /// What every client's assets are known by, archived ones included.
    async fn known_assets(&self) -> Result<HashSet<(RecordId, Identity)>> {
        let mut known = HashSet::new();
        let mut filter = AssetFilter {
            archived: true,
            limit: 1000,
            ..AssetFilter::default()
        };
        loop {
            let page = self.store.registry_assets(&filter).await?;
            let Some(last) = page.last() else { return Ok(known) };
            filter.after = Some(last.asset.id.clone());
            known.extend(page.into_iter().map(|a| {
                let identity = identity(&a.asset.fields);
                (a.asset.client, identity)
            }));
        }
    }
}

/// What tells one asset of a client from another.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Serial(String),
    /// Where there is no serial number, or only a manufacturer's placeholder.
    Name(String),
}

fn identity(fields: &Fields) -> Identity {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    match plan::keys::fold_serial(text("serialNumber")) {
        Some(serial) => Identity::Serial(serial),
        None => Identity::Name(plan::fold::fold(text("name"))),
    }
}
