//! Organizations whose devices this bridge's plans pass by, whatever the newest of them says: the source does not list
//! them, or the assets of their client come over another bridge.

use super::{Answer, Known};
use crate::engine::Engine;
use crate::error::Result;
use model::operation::Action;
use model::{Cause, RecordId, RecordKind, SourceId, Verdict};

impl Engine {
    /// Why plans pass the devices of an organization by; `None` when they do not.
    pub(super) async fn bypassed(&self, known: &Known, organization: &SourceId) -> Result<Option<Answer>> {
        let link = self
            .store
            .link(&known.bridge.id, RecordKind::Client, organization)
            .await?;
        let linked = link.map(|link| link.destination);
        // One that was linked while it was listed is planned as the client it is.
        if linked.is_none() && !known.organizations.contains_key(organization) {
            return Ok(Some(Answer::OrganizationLeftAlone {
                cause: Cause::Unlisted,
                reason: format!("the source lists no organization {organization}"),
            }));
        }
        // Seldom is one chosen, so the client is seldom looked for.
        if known.sources.is_empty() {
            return Ok(None);
        }
        match self.client_of(known, organization, linked).await? {
            Some(client) => self.other_source(known, client).await,
            None => Ok(None),
        }
    }

    /// The other bridge a client's assets come over.
    async fn other_source(&self, known: &Known, client: RecordId) -> Result<Option<Answer>> {
        let chosen = known.sources.get(&client);
        let Some(other) = chosen.filter(|bridge| **bridge != known.bridge.id) else {
            return Ok(None);
        };
        // Sources are chosen for clients of the registry alone. Of one that is gone the plan has more to say.
        let Some(of) = self.store.registry_client(&client).await? else {
            return Ok(None);
        };
        let other = self.store.bridge(other).await?;
        Ok(Some(Answer::OtherSource {
            client,
            client_name: of.name,
            bridge: other.id,
            bridge_name: other.name,
        }))
    }

    /// The client an organization is: as somebody decided, as it is linked, or as the newest plan would link it.
    async fn client_of(
        &self,
        known: &Known,
        organization: &SourceId,
        linked: Option<RecordId>,
    ) -> Result<Option<RecordId>> {
        match known.matches.get(organization).map(|decision| &decision.verdict) {
            Some(Verdict::Matched { client }) => return Ok(Some(client.clone())),
            Some(Verdict::Exclude) => return Ok(None),
            Some(Verdict::Create) | None => {}
        }
        let Some(whole) = known.whole.as_ref().filter(|_| linked.is_none()) else {
            return Ok(linked);
        };
        let operations = self
            .store
            .operations_about(&whole.id, RecordKind::Client, organization)
            .await?;
        Ok(operations
            .into_iter()
            .find_map(|operation| match operation.action {
                Action::Link { record, .. } => Some(record),
                _ => None,
            }))
    }
}
