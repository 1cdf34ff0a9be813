//! Importing clients, assets and contacts one already has, from CSV.
//!
//! A file is read whole before anything is stored; bad lines are reported with their number and left out, good ones
//! are stored. What is there already is not added twice: a client by its folded name; an asset by its client and
//! serial number, or its name where there is none; a contact by its client and e-mail address, or its name where there
//! is none.

mod assets;
mod clients;
mod contacts;
mod csv_lines;

use model::{Client, RecordId};
use std::collections::HashMap;

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

/// The registry's clients by folded name, for lines that name the one they belong to.
struct Owners(HashMap<String, Vec<RecordId>>);

impl Owners {
    fn of(clients: Vec<Client>) -> Self {
        let mut owners: HashMap<String, Vec<RecordId>> = HashMap::new();
        for client in clients {
            owners
                .entry(plan::fold::fold(&client.name))
                .or_default()
                .push(client.id);
        }
        Self(owners)
    }

    /// The only client of that name, or what is wrong with a line that names it.
    fn named(&self, client: &str) -> Result<&RecordId, String> {
        match self.0.get(&plan::fold::fold(client)).map(Vec::as_slice) {
            Some([one]) => Ok(one),
            Some(several) => Err(format!("{} clients are named `{client}`", several.len())),
            None => Err(format!("there is no client `{client}`: import clients first")),
        }
    }
}

/// Reads the lines of a file as each of the imports does, for fuzzing (`fuzz/`) alone.
#[doc(hidden)]
pub fn fuzz_lines(bytes: &[u8]) {
    let clients = csv_lines::read_lines("clients.csv", bytes, &["name"], &["name"]);
    let assets = ["client", "name", "serial_number", "site"];
    let assets = csv_lines::read_lines("assets.csv", bytes, &assets, &["client", "name"]);
    for (lines, report) in [clients, assets].into_iter().flatten() {
        let bad = report.bad_lines.len();
        assert!(lines.len() + bad <= bytes.len() + 1, "more lines than bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_the_only_client_of_its_name() {
        let client = |id: &str, name: &str| Client {
            id: id.into(),
            name: name.to_owned(),
            source_id: None,
        };
        let owners = Owners::of(vec![
            client("1", "Acme  Inc"),
            client("2", "Zenith"),
            client("3", "ZENITH"),
        ]);
        assert_eq!(owners.named("acme inc"), Ok(&RecordId::from("1")));
        let told = owners.named("Zenith").unwrap_err();
        assert!(told.contains("2 clients are named `Zenith`"), "{told}");
        let told = owners.named("Nobody").unwrap_err();
        assert!(
            told.contains("no client `Nobody`: import clients first"),
            "{told}"
        );
    }
}
