//! Bridges and the decisions about their organizations.

use crate::audit::Note;
use crate::db::Tx;
use crate::decided::move_on;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use model::{Bridge, BridgeId, BridgeSettings, ConnectionId, Decision, SourceId, Verdict};
use serde_json::json;
use std::collections::BTreeMap;

const COLUMNS: &str =
    "SELECT id, name, source_id, destination_id, preset, settings, generation, paused FROM bridge";

type Row = (
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    Option<String>,
);

fn bridge(row: Row) -> Result<Bridge> {
    let (id, name, source, destination, preset, settings, generation, paused) = row;
    Ok(Bridge {
        id: BridgeId(id),
        name,
        source: ConnectionId(source),
        destination: ConnectionId(destination),
        preset,
        settings: parse("settings of a bridge", &settings)?,
        generation,
        paused,
    })
}

/// What somebody who decides about organizations saw of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenMatches {
    /// What was decided before, of those of which it was seen.
    pub verdicts: BTreeMap<SourceId, Option<Verdict>>,
    /// How far the destination's count of creations by name was ([`Store::names_created`]) when the clients were read:
    /// what another bridge created since could not be seen, and is asked about again.
    pub names_created: i64,
}

impl Store {
    /// All bridges, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bridges(&self) -> Result<Vec<Bridge>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(conn, Row, sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY name")))?;
        rows.into_iter().map(bridge).collect()
    }

    /// The bridge of that id.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn bridge(&self, id: &BridgeId) -> Result<Bridge> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1")),
            id.as_str()
        )?;
        bridge(row.ok_or_else(|| Error::Missing {
            what: "bridge",
            name: id.to_string(),
        })?)
    }

    /// Stores a new bridge.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::Missing`] for a connection, or when the database fails.
    pub async fn add_bridge(
        &self,
        name: &str,
        source: &ConnectionId,
        destination: &ConnectionId,
        preset: &str,
        settings: BridgeSettings,
    ) -> Result<Bridge> {
        let bridge = Bridge {
            id: self.new_id().into(),
            name: name.to_owned(),
            source: source.clone(),
            destination: destination.clone(),
            preset: preset.to_owned(),
            settings,
            generation: 1,
            paused: None,
        };
        let mut tx = self.write().await?;
        let added = execute!(
            tx,
            "INSERT INTO bridge (id, name, source_id, destination_id, preset, settings, generation)
             VALUES ($1, $2, $3, $4, $5, $6, 1)",
            bridge.id.as_str(),
            name,
            source.as_str(),
            destination.as_str(),
            preset,
            text("settings of a bridge", &bridge.settings)?
        );
        match added {
            Err(error) if error.is_unique_violation() => Err(Error::Taken {
                what: "bridge",
                name: name.to_owned(),
            }),
            Err(error) if error.is_foreign_key_violation() => {
                // PostgreSQL answers nothing more in this transaction.
                drop(tx);
                self.connection(source).await?;
                self.connection(destination).await?;
                Err(error)
            }
            Err(error) => Err(error),
            Ok(_) => {
                let note = note("bridge.added", &bridge);
                self.note(&mut tx, &[note]).await?;
                tx.commit().await?;
                Ok(bridge)
            }
        }
    }

    /// Stores a changed name and changed settings, which makes plans of the old generation unusable.
    ///
    /// # Errors
    /// [`Error::Taken`] when another bridge has the name, [`Error::Moved`] when the generation moved on since `bridge` was read.
    pub async fn update_bridge(&self, bridge: &Bridge) -> Result<()> {
        let mut tx = self.write().await?;
        let updated = execute!(
            tx,
            "UPDATE bridge SET name = $1, settings = $2, preset = $3, generation = generation + 1
             WHERE id = $4 AND generation = $5",
            bridge.name.as_str(),
            text("settings of a bridge", &bridge.settings)?,
            bridge.preset.as_str(),
            bridge.id.as_str(),
            bridge.generation
        );
        let rows = updated.map_err(|error| match error.is_unique_violation() {
            true => Error::Taken {
                what: "bridge",
                name: bridge.name.clone(),
            },
            false => error,
        })?;
        if rows == 0 {
            return Err(Error::Moved {
                what: format!("bridge `{}`", bridge.name),
            });
        }
        let note = note("bridge.changed", bridge);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Pauses the schedule of a bridge for that reason, or lets it go on. Plans stay usable.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such bridge, or when the database fails.
    pub async fn pause_bridge(&self, bridge: &BridgeId, reason: Option<&str>) -> Result<()> {
        let mut tx = self.write().await?;
        let rows = execute!(
            tx,
            "UPDATE bridge SET paused = $1 WHERE id = $2",
            reason.map(plain),
            bridge.as_str()
        )?;
        if rows == 0 {
            return Err(Error::Missing {
                what: "bridge",
                name: bridge.to_string(),
            });
        }
        let action = match reason {
            Some(_) => "bridge.paused",
            None => "bridge.resumed",
        };
        let note = Note::new(action, bridge.as_str()).with(json!({ "reason": reason }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// The decisions of a bridge, by organization.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decisions(&self, bridge: &BridgeId) -> Result<BTreeMap<SourceId, Decision>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String, String, i64),
            "SELECT organization_id, verdict, decided_by, decided_at FROM decision WHERE bridge_id = $1",
            bridge.as_str()
        )?;
        rows.into_iter()
            .map(|(organization, verdict, decided_by, at)| {
                let organization = SourceId(organization);
                let verdict = parse("decision", &verdict)?;
                Ok((
                    organization.clone(),
                    Decision {
                        organization,
                        verdict,
                        decided_by,
                        at: instant(at),
                    },
                ))
            })
            .collect()
    }

    /// Stores decisions, together; they move the bridge's generation on. `None` forgets one.
    ///
    /// # Errors
    /// [`Error::Moved`] with the organization's id when something else stands of one than was seen, [`Error::Missing`]
    /// when there is no such bridge, or when the database fails.
    pub async fn decide(
        &self,
        bridge: &BridgeId,
        decisions: &[(SourceId, Option<Decision>)],
        seen: &SeenMatches,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        // Whoever decides about the same bridge waits here, so that what is compared below cannot move.
        move_on(&mut tx, bridge).await?;
        for (organization, decision) in decisions {
            let Some(seen) = seen.verdicts.get(organization) else {
                continue;
            };
            let stands = fetch_optional!(
                tx,
                (String,),
                "SELECT verdict FROM decision WHERE bridge_id = $1 AND organization_id = $2",
                bridge.as_str(),
                organization.as_str()
            )?;
            let stands: Option<Verdict> = stands.map(|(verdict,)| parse("decision", &verdict)).transpose()?;
            // Who wants what stands already is no stranger to it: a double click.
            if stands != *seen && stands.as_ref() != decision.as_ref().map(|wanted| &wanted.verdict) {
                return Err(Error::Moved {
                    what: organization.to_string(),
                });
            }
        }
        for (organization, decision) in decisions {
            match decision {
                Some(decision) => put_decision(&mut tx, bridge, decision, seen.names_created).await?,
                None => {
                    execute!(
                        tx,
                        "DELETE FROM decision WHERE bridge_id = $1 AND organization_id = $2",
                        bridge.as_str(),
                        organization.as_str()
                    )?;
                }
            }
        }
        let notes: Vec<Note> = decisions
            .iter()
            .map(|(organization, decision)| {
                let verdict = decision.as_ref().map(|decision| &decision.verdict);
                Note::new("organization.decided", organization.as_str())
                    .with(json!({ "bridge": bridge, "verdict": verdict }))
            })
            .collect();
        self.note(&mut tx, &notes).await?;
        tx.commit().await
    }
}

fn note(action: &'static str, bridge: &Bridge) -> Note {
    Note::new(action, &bridge.name).with(json!({
        "id": bridge.id,
        "generation": bridge.generation,
        "preset": bridge.preset,
        "settings": bridge.settings,
    }))
}

async fn put_decision(tx: &mut Tx, bridge: &BridgeId, decision: &Decision, names_created: i64) -> Result<()> {
    // Nobody saw more than there is. Who says from an older page what stands already takes nothing from what was seen since.
    execute!(
        tx,
        "INSERT INTO decision (bridge_id, organization_id, verdict, decided_by, decided_at, names_seen)
         VALUES ($1, $2, $3, $4, $5,
                 COALESCE((SELECT CASE WHEN c.seq < $6 THEN c.seq ELSE $6 END FROM created_name_count c
                           JOIN bridge b ON b.destination_id = c.destination_id WHERE b.id = $1), 0))
         ON CONFLICT (bridge_id, organization_id) DO UPDATE SET verdict = excluded.verdict,
             decided_by = excluded.decided_by, decided_at = excluded.decided_at,
             names_seen = CASE WHEN decision.verdict = excluded.verdict AND decision.names_seen > excluded.names_seen
                               THEN decision.names_seen ELSE excluded.names_seen END",
        bridge.as_str(),
        decision.organization.as_str(),
        text("decision", &decision.verdict)?,
        decision.decided_by.as_str(),
        micros(decision.at),
        names_created
    )?;
    Ok(())
}
