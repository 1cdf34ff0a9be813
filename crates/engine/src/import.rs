//! Importing clients and assets one already has, from CSV.
//!
//! A file is read whole before anything is stored; bad lines are reported with their number and left out, good ones
//! are stored. A client that is there already (the same folded name) is not added twice, and neither is an asset its
//! client already has: the same serial number, or the same name where there is none.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, Fields, RecordId};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use store::registry::{AssetFilter, NewRegistryAsset, NewRegistryClient};

/// The largest cell that is taken: far above any name, far below what would be a file pasted into a cell.
const MAX_CELL: usize = 10_000;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Records added.
    pub added: usize,
    /// Records that were there already.
    pub present: usize,
    /// Lines that were left out: number (the heading is line 1) and reason.
    pub bad_lines: Vec<(u64, String)>,
}

/// One good line: its number and its cells by column.
type Line = (u64, BTreeMap<String, String>);

impl Engine {
    /// Imports clients: a column `name`.
    ///
    /// # Errors
    /// When the file is no CSV with such a column, or the store fails.
    pub async fn import_clients(&self, actor: &Actor, name: &str, file: impl Read) -> Result<ImportReport> {
        require(actor, ActorRole::Owner, "import clients")?;
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

    /// Imports assets: columns `client` and `name`, and any field of the registry by its key.
    ///
    /// # Errors
    /// When the file is no CSV with such columns, or the store fails.
    pub async fn import_assets(&self, actor: &Actor, name: &str, file: impl Read) -> Result<ImportReport> {
        require(actor, ActorRole::Owner, "import assets")?;
        let fields = self.store.registry_fields().await?;
        let mut columns: Vec<&str> = vec!["client"];
        columns.extend(fields.iter().map(|f| f.key.as_str()));
        let (lines, mut report) = read_lines(name, file, &columns, &["client", "name"])?;
        let mut clients: HashMap<String, Vec<RecordId>> = HashMap::new();
        for client in self.store.registry_clients().await? {
            clients
                .entry(plan::fold::fold(&client.name))
                .or_default()
                .push(client.id);
        }
        let mut known = self.known_assets().await?;
        let (mut new, mut numbers) = (Vec::new(), Vec::new());
        for (line, mut cells) in lines {
            let client = cells.remove("client").unwrap_or_default();
            let owner = match clients.get(&plan::fold::fold(&client)).map(Vec::as_slice) {
                Some([one]) => one.clone(),
                Some(several) => {
                    report
                        .bad_lines
                        .push((line, format!("{} clients are named `{client}`", several.len())));
                    continue;
                }
                None => {
                    report.bad_lines.push((
                        line,
                        format!("there is no client `{client}`: import clients first"),
                    ));
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

/// Reads a CSV file whose heading names `allowed` columns, `needed` among them. A byte order mark is skipped.
fn read_lines(
    name: &str,
    mut file: impl Read,
    allowed: &[&str],
    needed: &[&str],
) -> Result<(Vec<Line>, ImportReport)> {
    let bad = |problem: String| Error::File {
        file: name.to_owned(),
        problem,
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| bad(error.to_string()))?;
    let content = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(content);
    let heading = reader
        .headers()
        .map_err(|error| bad(format!("the first line is no heading: {error}")))?
        .clone();
    let expected = || format!("Expected: {}", allowed.join(", "));
    let columns: Vec<&str> = heading
        .iter()
        .map(|column| {
            let found = allowed.iter().find(|a| a.eq_ignore_ascii_case(column));
            found
                .copied()
                .ok_or_else(|| bad(format!("unknown column `{}`. {}", shorten(column), expected())))
        })
        .collect::<Result<_>>()?;
    if let Some(twice) = columns
        .iter()
        .enumerate()
        .find(|(i, c)| columns[..*i].contains(c))
        .map(|(_, c)| c)
    {
        return Err(bad(format!("the column `{twice}` stands there twice")));
    }
    if let Some(missing) = needed.iter().find(|n| !columns.contains(n)) {
        return Err(bad(format!("the column `{missing}` is missing. {}", expected())));
    }
    let mut lines = Vec::new();
    let mut report = ImportReport::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                report
                    .bad_lines
                    .push((line, "it is not valid UTF-8 or not valid CSV".to_owned()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let problem = if record.len() != columns.len() {
            Some(format!(
                "it has {} cells, the heading {}",
                record.len(),
                columns.len()
            ))
        } else if let Some((column, cell)) = columns
            .iter()
            .zip(&record)
            .find(|(_, cell)| cell.len() > MAX_CELL)
        {
            Some(format!(
                "the cell `{column}` holds {} bytes; {MAX_CELL} are the most",
                cell.len()
            ))
        } else {
            let blank = needed.iter().find(|n| {
                columns
                    .iter()
                    .zip(&record)
                    .any(|(c, cell)| c == *n && cell.is_empty())
            });
            blank.map(|column| format!("the cell `{column}` is empty"))
        };
        match problem {
            Some(problem) => report.bad_lines.push((line, problem)),
            None => {
                let cells = columns
                    .iter()
                    .zip(&record)
                    .map(|(c, cell)| ((*c).to_owned(), cell.to_owned()))
                    .collect();
                lines.push((line, cells));
            }
        }
    }
    Ok((lines, report))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Result<(Vec<Line>, ImportReport)> {
        read_lines("clients.csv", text, &["name", "client"], &["name"])
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_heading() {
        let (lines, report) = lines(b"\xef\xbb\xbfName\r\nAcme\r\n").unwrap();
        assert_eq!(lines[0].1["name"], "Acme");
        assert!(report.bad_lines.is_empty());
    }

    #[test]
    fn wrong_columns_are_named_with_the_right_ones() {
        let error = lines(b"company\nAcme\n").unwrap_err().to_string();
        assert!(
            error.contains("unknown column `company`") && error.contains("Expected: name, client"),
            "{error}"
        );
        let error = lines(b"name,Name\nAcme,Zenith\n").unwrap_err().to_string();
        assert!(error.contains("`name` stands there twice"), "{error}");
        let error = lines(b"client\nAcme\n").unwrap_err().to_string();
        assert!(error.contains("`name` is missing"), "{error}");
    }

    #[test]
    fn bad_lines_are_reported_by_number_and_the_others_stay() {
        let huge = "x".repeat(1 << 20);
        let text = format!("name\nAcme\n{huge}\n\"\"\nA,B\nZenith\n");
        let (lines, report) = lines(text.as_bytes()).unwrap();
        assert_eq!(
            lines.iter().map(|(_, c)| c["name"].as_str()).collect::<Vec<_>>(),
            ["Acme", "Zenith"]
        );
        assert_eq!(
            report.bad_lines.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            [3, 4, 5]
        );
        assert!(
            report.bad_lines[0].1.contains("1048576 bytes"),
            "{:?}",
            report.bad_lines
        );
    }

    #[test]
    fn a_line_that_is_no_text_is_a_bad_line() {
        let (lines, report) = lines(b"name\nAc\xff\xfeme\nZenith\n").unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(report.bad_lines[0].0, 2);
    }
}
