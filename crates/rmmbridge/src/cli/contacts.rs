//! `contacts`: the people at the registry's clients.

use crate::output::{Output, table};
use crate::session::Session;
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ContactsArguments {
    /// Only this client's, by name or id
    #[arg(long)]
    client: Option<String>,

    /// How many to list
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

pub async fn run(
    session: &Session,
    arguments: ContactsArguments,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let limit = arguments.limit.saturating_add(1);
    let mut contacts = session
        .engine
        .contacts(&session.actor, arguments.client.as_deref(), limit)
        .await?;
    let more = contacts.len() > arguments.limit;
    contacts.truncate(arguments.limit);
    let document: Vec<Value> = contacts
        .iter()
        .map(|listed| {
            let contact = &listed.contact;
            json!({
                "id": contact.id, "client": contact.client, "client_name": listed.client_name,
                "name": contact.name, "email": contact.email, "phone": contact.phone,
            })
        })
        .collect();
    output.show(&document, || {
        if contacts.is_empty() {
            return "No contacts. Import some with: rmmbridge import contacts FILE".to_owned();
        }
        let rows = contacts.iter().map(|listed| {
            let contact = &listed.contact;
            vec![
                listed.client_name.clone(),
                contact.name.clone(),
                contact.email.clone().unwrap_or_default(),
                contact.phone.clone().unwrap_or_default(),
            ]
        });
        let mut shown = table(&["client", "name", "e-mail", "phone"], rows);
        if more {
            shown.push_str("... there are more: --limit, --client\n");
        }
        shown
    })?;
    Ok(ExitCode::SUCCESS)
}
