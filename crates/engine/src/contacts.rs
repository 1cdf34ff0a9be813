//! Looking at the registry's contacts.

use crate::engine::{Engine, require};
use crate::error::Result;
use crate::resolve::pick;
use model::{Actor, ActorRole, RecordId};
use store::registry::ListedContact;

impl Engine {
    /// Up to `limit` contacts of the registry, of the client of that name or id, or of all.
    ///
    /// # Errors
    /// When there is no such client or several have the name, or the store fails.
    pub async fn contacts(
        &self,
        actor: &Actor,
        client: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ListedContact>> {
        require(actor, ActorRole::Viewer, "see contacts")?;
        let client = match client {
            Some(name) => Some(self.registry_client(name).await?),
            None => None,
        };
        Ok(self.store.registry_contacts(client.as_ref(), limit).await?)
    }

    async fn registry_client(&self, name: &str) -> Result<RecordId> {
        let all = self.store.registry_clients().await?;
        pick("client", name, &all, |c| c.id.as_str(), |c| c.name.as_str()).map(|client| client.id)
    }
}
