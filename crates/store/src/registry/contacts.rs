//! The people at a client.

use super::clients::must_exist;
use crate::error::Result;
use crate::json::{micros, plain};
use crate::open::Store;
use model::RecordId;
use std::collections::BTreeSet;

/// A person at a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryContact {
    /// Our id; empty for one to be added.
    pub id: RecordId,
    /// The client.
    pub client: RecordId,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
}

/// A contact with what a list shows besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedContact {
    /// The contact.
    pub contact: RegistryContact,
    /// The name of its client.
    pub client_name: String,
}

type Row = (String, String, String, Option<String>, Option<String>, String);

impl Store {
    /// Up to `limit` contacts, of one client or of all, by the client's name and their own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_contacts(
        &self,
        client: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<ListedContact>> {
        let whose = if client.is_some() {
            "p.client_id = $1"
        } else {
            "$1 = ''"
        };
        let sql = format!(
            "SELECT p.id, p.client_id, p.name, p.email, p.phone, c.name
             FROM registry_contact p JOIN registry_client c ON c.id = p.client_id
             WHERE {whose} ORDER BY c.name, p.name, p.id LIMIT $2"
        );
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            sqlx::AssertSqlSafe(sql),
            client.map_or("", RecordId::as_str),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        let listed = |(id, client, name, email, phone, client_name): Row| ListedContact {
            contact: RegistryContact {
                id: RecordId(id),
                client: RecordId(client),
                name,
                email,
                phone,
            },
            client_name,
        };
        Ok(rows.into_iter().map(listed).collect())
    }

    /// Adds contacts, all or none; their ids in the same order.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] when there is no such client, or when the database fails.
    pub async fn add_registry_contacts(&self, new: &[RegistryContact]) -> Result<Vec<RecordId>> {
        let mut tx = self.write().await?;
        let clients: BTreeSet<&RecordId> = new.iter().map(|contact| &contact.client).collect();
        for client in clients {
            must_exist(&mut tx, client).await?;
        }
        let now = micros(self.clock.now());
        let rows: Vec<(String, &RegistryContact)> = new
            .iter()
            .map(|contact| (self.new_id().to_string(), contact))
            .collect();
        insert_many!(
            tx,
            "INSERT INTO registry_contact (id, client_id, name, email, phone, created)",
            6,
            "",
            rows,
            |q, r| q
                .bind(r.0.as_str())
                .bind(r.1.client.as_str())
                .bind(plain(&r.1.name))
                .bind(r.1.email.as_deref().map(plain))
                .bind(r.1.phone.as_deref().map(plain))
                .bind(now)
        )?;
        tx.commit().await?;
        Ok(rows.into_iter().map(|(id, _)| RecordId(id)).collect())
    }
}
