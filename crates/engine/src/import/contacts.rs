//! Contacts from CSV.

use super::csv_lines::read_lines;
use super::{ImportReport, Owners};
use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole, RecordId};
use std::collections::HashSet;
use std::io::Read;
use store::Note;
use store::registry::RegistryContact;

impl Engine {
    /// Imports contacts: columns `client` and `name`, and `email` and `phone` if wanted.
    ///
    /// # Errors
    /// When the file is no CSV with such columns, or the store fails.
    pub async fn import_contacts(&self, actor: &Actor, name: &str, file: impl Read) -> Result<ImportReport> {
        require(actor, ActorRole::Owner, "import contacts")?;
        let note = Note::new("registry.import_contacts", name);
        self.acting(actor).store.note_alone(note).await?;
        let columns = ["client", "name", "email", "phone"];
        let (lines, mut report) = read_lines(name, file, &columns, &["client", "name"])?;
        let clients = Owners::of(self.store.registry_clients().await?);
        let mut known: HashSet<(RecordId, Identity)> = self
            .store
            .registry_contacts(None, usize::MAX)
            .await?
            .into_iter()
            .map(|listed| (listed.contact.client.clone(), identity(&listed.contact)))
            .collect();
        let mut new = Vec::new();
        for (line, mut cells) in lines {
            let mut cell = |column: &str| cells.remove(column).filter(|text| !text.is_empty());
            let (client, name) = (
                cell("client").unwrap_or_default(),
                cell("name").unwrap_or_default(),
            );
            let (email, phone) = (cell("email"), cell("phone"));
            if let Some(email) = email.as_deref().filter(|email| !is_address(email)) {
                let why = format!("`{}` is no e-mail address", shorten(email));
                report.bad_lines.push((line, why));
                continue;
            }
            let client = match clients.named(&client) {
                Ok(owner) => owner.clone(),
                Err(why) => {
                    report.bad_lines.push((line, why));
                    continue;
                }
            };
            let contact = RegistryContact {
                id: RecordId(String::new()),
                client,
                name,
                email,
                phone,
            };
            if known.insert((contact.client.clone(), identity(&contact))) {
                new.push(contact);
            } else {
                report.present += 1;
            }
        }
        report.added = self.store.add_registry_contacts(&new).await?.len();
        report.bad_lines.sort_unstable();
        Ok(report)
    }
}

/// What tells one contact of a client from another.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Email(String),
    /// Where there is no address.
    Name(String),
}

fn identity(contact: &RegistryContact) -> Identity {
    match &contact.email {
        Some(email) => Identity::Email(plan::fold::fold(email)),
        None => Identity::Name(plan::fold::fold(&contact.name)),
    }
}

/// Whether a text may be an address: what stands in the wrong column is found, nothing more is promised.
fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(person, host)| !person.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.contains(char::is_whitespace)
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_wrong_column_is_no_address() {
        for good in [
            "ann@example.test",
            "o'neill+it@mail.example.test",
            "jürgen@exämple.test",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "Ann",
            "+49 30 1",
            "@example.test",
            "ann@",
            "ann lee@example.test",
            "a@b@c",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn the_address_tells_contacts_apart_and_the_name_where_there_is_none() {
        let contact = |name: &str, email: Option<&str>| {
            identity(&RegistryContact {
                id: "".into(),
                client: "1".into(),
                name: name.to_owned(),
                email: email.map(str::to_owned),
                phone: None,
            })
        };
        assert_eq!(
            contact("Ann", Some("A@x.test")),
            contact("Ann Lee", Some("a@x.test"))
        );
        assert_eq!(contact("Ann", None), contact("ANN", None));
        assert_ne!(contact("Ann", None), contact("Ann", Some("a@x.test")));
        assert_ne!(contact("a@x.test", None), contact("Ann", Some("a@x.test")));
    }
}
