//! Names under which bridges created clients, sites and asset types: two bridges into one destination must not create
//! the same one twice, each since its plan could not see the other's.
//!
//! A plan remembers how far the destination's count of such creations was before it read the destination. A creation
//! moves the count on when it is begun and when its outcome is known; each time it holds the count's row until the
//! commit, so whoever reads the count sees everything up to it. So a plan can see another bridge's creation if, and only
//! if, the creation's place is not above the plan's and it has an outcome. A person's decision to create a client is held to
//! the same: one that is older than the other bridge's creation has to be said again. It is as old as the list the person
//! looked at. What the destination refused to create takes no name.

use crate::claim::Settled;
use crate::db::Tx;
use crate::error::Result;
use crate::open::Store;
use model::{Bridge, ConnectionId, PlanId, RecordKind, SourceId};
use std::collections::{BTreeMap, BTreeSet};

/// The name a creation takes in its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName {
    /// What is created.
    pub kind: RecordKind,
    /// For what source record.
    pub source: SourceId,
    /// What the name is unique in: a site's client; empty for others.
    pub parent: String,
    /// The name as names are compared.
    pub name: String,
}

impl Store {
    /// How far a destination's count of creations by name is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn names_created(&self, destination: &ConnectionId) -> Result<i64> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64,),
            "SELECT seq FROM created_name_count WHERE destination_id = $1",
            destination.as_str()
        )?;
        Ok(row.map_or(0, |(seq,)| seq))
    }

    /// Which of these organizations another bridge has overtaken: since it was decided to create a client for one, a client
    /// of that name was created for another bridge, or its creation was begun. `names` says how their names are compared.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn overtaken_decisions(
        &self,
        bridge: &Bridge,
        names: &BTreeMap<SourceId, String>,
    ) -> Result<BTreeSet<SourceId>> {
        if names.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut conn = self.read().await?;
        let decided = fetch_all!(
            conn,
            (String, i64),
            "SELECT organization_id, names_seen FROM decision WHERE bridge_id = $1",
            bridge.id.as_str()
        )?;
        let decided: Vec<(SourceId, i64)> = decided
            .into_iter()
            .map(|(organization, seen)| (SourceId(organization), seen))
            .filter(|(organization, _)| names.contains_key(organization))
            .collect();
        let Some(oldest) = decided.iter().map(|(_, seen)| *seen).min() else {
            return Ok(BTreeSet::new());
        };
        let created = fetch_all!(
            conn,
            (String, i64),
            "SELECT name, seq FROM created_name
             WHERE destination_id = $1 AND kind = $2 AND bridge_id <> $3 AND seq > $4",
            bridge.destination.as_str(),
            RecordKind::Client.as_str(),
            bridge.id.as_str(),
            oldest
        )?;
        let created: BTreeMap<String, i64> = created.into_iter().collect();
        let overtaken = decided
            .into_iter()
            .filter(|(organization, seen)| created.get(&names[organization]).is_some_and(|seq| seq > seen));
        Ok(overtaken.map(|(organization, _)| organization).collect())
    }
}

/// Moves the count on and holds it until the commit.
async fn count_on(tx: &mut Tx, destination: &ConnectionId) -> Result<i64> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO created_name_count (destination_id, seq) VALUES ($1, 1)
         ON CONFLICT (destination_id) DO UPDATE SET seq = created_name_count.seq + 1 RETURNING seq",
        destination.as_str()
    )?;
    Ok(row.map_or(0, |(seq,)| seq))
}

/// Takes names for the creations of a plan; the markers of those that another bridge created, or is creating, since the
/// plan read the destination.
pub(crate) async fn take_names(
    tx: &mut Tx,
    destination: &ConnectionId,
    plan: &PlanId,
    names: &[(&str, &NewName)],
) -> Result<BTreeSet<String>> {
    let mut taken = BTreeSet::new();
    if names.is_empty() {
        return Ok(taken);
    }
    let seq = count_on(tx, destination).await?;
    let of_plan = fetch_optional!(
        tx,
        (String, i64),
        "SELECT bridge_id, names_seen FROM plan WHERE id = $1",
        plan.as_str()
    )?;
    let (bridge, seen) = of_plan.unwrap_or_default();
    for (marker, name) in names {
        let decided = match name.kind {
            RecordKind::Client => fetch_optional!(
                tx,
                (i64,),
                "SELECT names_seen FROM decision WHERE bridge_id = $1 AND organization_id = $2",
                bridge.as_str(),
                name.source.as_str()
            )?,
            _ => None,
        };
        let seen = decided.map_or(seen, |(decided,)| seen.min(decided));
        let rows = execute!(
            tx,
            "INSERT INTO created_name (destination_id, kind, parent, name, marker, bridge_id, seq)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (destination_id, kind, parent, name) DO UPDATE SET marker = excluded.marker,
                 bridge_id = excluded.bridge_id, seq = excluded.seq
             WHERE created_name.bridge_id = excluded.bridge_id
                OR (created_name.seq <= $8 AND NOT EXISTS (
                    SELECT 1 FROM write_claim c
                    WHERE c.destination_id = created_name.destination_id AND c.marker = created_name.marker
                      AND c.sent_at IS NOT NULL))",
            destination.as_str(),
            name.kind.as_str(),
            name.parent.as_str(),
            name.name.as_str(),
            *marker,
            bridge.as_str(),
            seq,
            seen
        )?;
        if rows == 0 {
            taken.insert((*marker).to_owned());
        }
    }
    Ok(taken)
}

/// Notes that the outcomes of creations by name become known: the names of those that were refused are free again, since
/// there is nothing of that name for anybody to see. Called before their claims are touched: everybody takes the count
/// before a claim.
pub(crate) async fn names_settle(tx: &mut Tx, destination: &ConnectionId, held: &[Settled]) -> Result<()> {
    let asset = format!("/{}/", RecordKind::Asset.as_str());
    // Nearly everything that is written is an asset, which has no name of this sort.
    let named = held.iter().filter(|held| !held.marker.contains(&asset));
    let mut seq = None;
    for Settled {
        marker,
        version,
        refused,
    } in named
    {
        let row = fetch_optional!(
            tx,
            (i64,),
            "SELECT COUNT(*) FROM created_name WHERE destination_id = $1 AND marker = $2",
            destination.as_str(),
            marker.as_str()
        )?;
        if row.is_none_or(|(count,)| count == 0) {
            continue;
        }
        let seq = match seq {
            Some(seq) => seq,
            None => *seq.insert(count_on(tx, destination).await?),
        };
        if *refused {
            // Whoever took the claim over since has an attempt of their own under way, of which nothing is known here; and
            // one that was sent before this one, and is in doubt, may be there all the same.
            execute!(
                tx,
                "DELETE FROM created_name WHERE destination_id = $1 AND marker = $2
                   AND EXISTS (SELECT 1 FROM write_claim c
                               WHERE c.destination_id = created_name.destination_id AND c.marker = created_name.marker
                                 AND c.version = $3 AND c.earlier IS NULL)",
                destination.as_str(),
                marker.as_str(),
                *version
            )?;
        }
        execute!(
            tx,
            "UPDATE created_name SET seq = $1 WHERE destination_id = $2 AND marker = $3",
            seq,
            destination.as_str(),
            marker.as_str()
        )?;
    }
    Ok(())
}
