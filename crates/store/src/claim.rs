//! Claims on destination records: who may write one now, and whether an earlier write of it may still arrive.

use crate::audit::Note;
use crate::created_name::{NewName, names_settle, take_names};
use crate::db::{ROWS_PER_STATEMENT, Tx, values_statement};
use crate::error::Result;
use crate::json::{instant, micros};
use crate::link::put_link;
use crate::open::Store;
use crate::pause::may_write;
use crate::run::{NewLink, put_found_out};
use jiff::Timestamp;
use model::{Bridge, ConnectionId, Moment, Outcome, PlanId, RunId, Steady};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is known of the writes of one destination record. Its default is that of a record never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Moves on with each write that is begun and with each outcome; 0 before the first.
    pub version: i64,
    /// The write whose outcome is not known, if there is one.
    pub open: Option<OpenWrite>,
}

/// A write that was begun and whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenWrite {
    /// When its intent was committed.
    pub sent: Moment,
    /// How long after that it may still arrive.
    pub settles: Duration,
    /// What was attempted, the newest first: more than one where the claim was taken while another attempt was in doubt.
    pub attempts: Vec<Attempt>,
}

/// Which operation a write carries out, and for which run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The run.
    pub run: RunId,
    /// The plan.
    pub plan: PlanId,
    /// The operation's number in it.
    pub number: u32,
}

/// What became of a write in doubt, found out after its run.
#[derive(Clone, Debug)]
pub struct FoundOut {
    /// The claim it settles.
    pub held: Settled,
    /// Whose write it was, where that is known: its run has the outcome in its books.
    pub attempt: Option<Attempt>,
    /// The link to the record it led to.
    pub link: NewLink,
}

/// A write about to be sent.
#[derive(Clone, Debug)]
pub struct NewIntent {
    /// The operation's number in its plan.
    pub number: u32,
    /// Our mark of the record.
    pub marker: String,
    /// The version its claim was read at.
    pub version: i64,
    /// The name it takes in the destination, when it creates a client, a site or an asset type.
    pub name: Option<NewName>,
}

/// Whose turn it is to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intended {
    /// This process's, by number.
    pub ours: BTreeSet<u32>,
    /// Nobody's, by number: another bridge created a record of that name, or is about to, and the plan could not see it.
    pub named: BTreeSet<u32>,
}

/// The claim an outcome settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Our mark of the record.
    pub marker: String,
    /// The version its writer holds.
    pub version: i64,
    /// Whether it was a creation that the destination refused: nothing came of it, and its name is free again.
    pub refused: bool,
}

type Row = (
    String,
    i64,
    Option<i64>,
    Option<String>,
    Option<i64>,
    i64,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

/// An attempt of its own columns or of a line of `earlier`.
fn attempt(run: &str, plan: &str, number: &str) -> Option<Attempt> {
    Some(Attempt {
        run: RunId::from(run),
        plan: PlanId::from(plan),
        number: number.parse().ok()?,
    })
}

fn claim((marker, version, sent_at, boot, up, settles, run, plan, number, earlier): Row) -> (String, Claim) {
    let last = || attempt(run.as_deref()?, plan.as_deref()?, &number?.to_string());
    let before = earlier.as_deref().unwrap_or_default().lines().rev();
    let before = before.filter_map(|line| {
        let mut parts = line.split(' ');
        attempt(parts.next()?, parts.next()?, parts.next()?)
    });
    let open = sent_at.map(|at| OpenWrite {
        sent: Moment {
            at: instant(at),
            steady: boot.zip(up).map(|(boot, up)| Steady {
                boot,
                up: Duration::from_micros(u64::try_from(up).unwrap_or(0)),
            }),
        },
        settles: Duration::from_micros(u64::try_from(settles).unwrap_or(0)),
        attempts: last().into_iter().chain(before).collect(),
    });
    (marker, Claim { version, open })
}

fn whole_micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Store {
    /// The claims on the records with these marks; one that is not in the answer was never written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claims(
        &self,
        destination: &ConnectionId,
        markers: &[String],
    ) -> Result<BTreeMap<String, Claim>> {
        let mut conn = self.read().await?;
        let mut found = BTreeMap::new();
        for chunk in markers.chunks(ROWS_PER_STATEMENT) {
            let sql = values_statement(
                "SELECT marker, version, sent_at, sent_boot, sent_up, settles, run_id, plan_id, number, earlier
                 FROM write_claim WHERE (destination_id, marker) IN (",
                2,
                chunk.len(),
                ")",
            );
            let rows: Vec<Row> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sql);
                for marker in chunk {
                    query = query.bind(destination.as_str()).bind(marker.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            found.extend(rows.into_iter().map(claim));
        }
        Ok(found)
    }

    /// The claims of a bridge's destination whose writes have no known outcome, by mark; but for those of another bridge,
    /// which finds out for itself and links what it finds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_claims(&self, bridge: &Bridge) -> Result<BTreeMap<String, Claim>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT c.marker, c.version, c.sent_at, c.sent_boot, c.sent_up, c.settles, c.run_id, c.plan_id, c.number,
                    c.earlier
             FROM write_claim c
             WHERE c.destination_id = $1 AND c.sent_at IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM run r JOIN bridge b ON b.id = r.bridge_id
                               WHERE r.id = c.run_id AND b.id <> $2)",
            bridge.destination.as_str(),
            bridge.id.as_str()
        )?;
        Ok(rows.into_iter().map(claim).collect())
    }

    /// The marks of every record of a destination that was ever written, or meant to be, and that begin so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn marks_written(&self, destination: &ConnectionId, prefix: &str) -> Result<BTreeSet<String>> {
        let mut conn = self.read().await?;
        // Not LIKE: what it makes of case and of `_` is not the same in both engines.
        let rows = fetch_all!(
            conn,
            (String,),
            "SELECT marker FROM write_claim WHERE destination_id = $1 AND substr(marker, 1, CAST($2 AS INTEGER)) = $3",
            destination.as_str(),
            i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX),
            prefix
        )?;
        Ok(rows.into_iter().map(|(marker,)| marker).collect())
    }

    /// Closes claims that were found out to need nothing more, but for those another writer has moved on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close_claims(&self, destination: &ConnectionId, held: &[Settled]) -> Result<()> {
        let mut tx = self.write().await?;
        let closed = settle(&mut tx, destination, held).await?;
        let notes: Vec<Note> = closed
            .iter()
            .map(|marker| Note::new("write.found_out", marker))
            .collect();
        self.note(&mut tx, &notes).await?;
        tx.commit().await
    }

    /// Records what became of writes in doubt: the link, the end of the claim and the item in the books of the run whose
    /// write it was, together; but for those another writer has moved on.
    ///
    /// # Errors
    /// When the database fails; then nothing of it stands.
    pub async fn found_out(&self, bridge: &Bridge, found: Vec<FoundOut>) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let held: Vec<Settled> = found.iter().map(|found| found.held.clone()).collect();
        let now = self.clock.now();
        let mut tx = self.write().await?;
        let closed = settle(&mut tx, &bridge.destination, &held).await?;
        let mut notes = Vec::new();
        for FoundOut { held, attempt, link } in found {
            if !closed.contains(&held.marker) {
                continue;
            }
            if let Some(attempt) = &attempt {
                let outcome = Outcome::Done {
                    record: link.destination.clone(),
                };
                put_found_out(&mut tx, attempt, &outcome, now).await?;
            }
            let run = attempt.map(|attempt| attempt.run);
            let detail = json!({ "adopted": link.destination, "run": run });
            notes.push(Note::new("write.found_out", held.marker).with(detail));
            // Found out now: what later runs met while it was in doubt is over as well.
            put_link(&mut tx, &bridge.id, None, link, now).await?;
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await
    }

    /// How many writes to a destination have no known outcome.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_writes(&self, destination: &ConnectionId) -> Result<u64> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64,),
            "SELECT COUNT(*) FROM write_claim WHERE destination_id = $1 AND sent_at IS NOT NULL",
            destination.as_str()
        )?;
        Ok(row.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0)))
    }

    /// When the last write of a run whose outcome is not known can no longer arrive; `None` when all are known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn doubt_ends(&self, run: &RunId) -> Result<Option<Timestamp>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (Option<i64>,),
            "SELECT MAX(sent_at + settles) FROM write_claim WHERE run_id = $1 AND sent_at IS NOT NULL",
            run.as_str()
        )?;
        Ok(row.and_then(|(end,)| end).map(instant))
    }

    /// Commits the intent to write these records, and says for which of them, by number, it is this process's turn:
    /// those whose claim still stood at the version it was read at. Only for those may anything be sent, and their
    /// version is one higher now.
    ///
    /// `despite_pause` is a person's word that holds for an undo.
    ///
    /// # Errors
    /// [`crate::Error::WritesPaused`] or [`crate::Error::WritesOff`] while writes are switched off, and when the
    /// database fails.
    pub async fn intend(
        &self,
        run: &RunId,
        plan: &PlanId,
        destination: &ConnectionId,
        intents: &[NewIntent],
        settles: Duration,
        despite_pause: bool,
    ) -> Result<Intended> {
        let mut tx = self.write().await?;
        may_write(&mut tx, destination, despite_pause).await?;
        let names: Vec<(&str, &NewName)> = intents
            .iter()
            .filter_map(|intent| Some((intent.marker.as_str(), intent.name.as_ref()?)))
            .collect();
        let taken = take_names(&mut tx, destination, plan, &names).await?;
        let (named, intents): (Vec<&NewIntent>, Vec<&NewIntent>) =
            intents.iter().partition(|intent| taken.contains(&intent.marker));
        let now = self.moment(&mut tx).await?;
        let (boot, up) = match &now.steady {
            Some(Steady { boot, up }) => (Some(boot.as_str()), Some(whole_micros(*up))),
            None => (None, None),
        };
        let mut turns = BTreeSet::new();
        for chunk in intents.chunks(ROWS_PER_STATEMENT) {
            let sql = values_statement(
                "INSERT INTO write_claim (destination_id, marker, version, sent_at, sent_boot, sent_up, settles, run_id,
                                          plan_id, number)",
                10,
                chunk.len(),
                "ON CONFLICT (destination_id, marker) DO UPDATE SET version = excluded.version,
                     sent_at = excluded.sent_at, sent_boot = excluded.sent_boot, sent_up = excluded.sent_up,
                     settles = excluded.settles, run_id = excluded.run_id, plan_id = excluded.plan_id,
                     number = excluded.number,
                     earlier = CASE WHEN write_claim.sent_at IS NULL OR write_claim.run_id IS NULL THEN NULL
                         ELSE COALESCE(write_claim.earlier, '') || write_claim.run_id || ' ' || write_claim.plan_id
                              || ' ' || CAST(write_claim.number AS TEXT) || '\n' END
                 WHERE write_claim.version = excluded.version - 1
                 RETURNING number",
            );
            let rows: Vec<(i64,)> = on_either!(tx, c => {
                let mut query = sqlx::query_as(sql);
                for intent in chunk {
                    query = query
                        .bind(destination.as_str())
                        .bind(intent.marker.as_str())
                        .bind(intent.version + 1)
                        .bind(micros(now.at))
                        .bind(boot)
                        .bind(up)
                        .bind(whole_micros(settles))
                        .bind(run.as_str())
                        .bind(plan.as_str())
                        .bind(i64::from(intent.number));
                }
                query.fetch_all(&mut *c).await
            })?;
            turns.extend(
                rows.into_iter()
                    .filter_map(|(number,)| u32::try_from(number).ok()),
            );
        }
        let notes: Vec<Note> = intents
            .iter()
            .filter(|intent| turns.contains(&intent.number))
            .map(|intent| {
                let detail = json!({ "run": run, "plan": plan, "number": intent.number });
                Note::new("write.begun", &intent.marker).with(detail)
            })
            .collect();
        self.note(&mut tx, &notes).await?;
        tx.commit().await?;
        Ok(Intended {
            ours: turns,
            named: named.iter().map(|intent| intent.number).collect(),
        })
    }

    /// The moment waits are measured by: the database's time on PostgreSQL, where machines with clocks of their own
    /// meet, else this machine's two clocks.
    pub(crate) async fn moment(&self, tx: &mut Tx) -> Result<Moment> {
        let at = self.database_time(tx).await?;
        let steady = match tx {
            Tx::Sqlite(_) => self.clock.steady(),
            Tx::Postgres(_) => None,
        };
        Ok(Moment { at, steady })
    }

    /// The same, now.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn now(&self) -> Result<Moment> {
        let mut tx = self.write().await?;
        self.moment(&mut tx).await
    }
}

/// Closes these claims, but for those another writer has moved on; the marks of those it closed. Their versions move on
/// as well: whoever read one while it was in doubt knows nothing of the outcome and its link, and may not take it.
pub(crate) async fn settle(
    tx: &mut Tx,
    destination: &ConnectionId,
    held: &[Settled],
) -> Result<BTreeSet<String>> {
    names_settle(tx, destination, held).await?;
    let mut closed = BTreeSet::new();
    for chunk in held.chunks(ROWS_PER_STATEMENT) {
        let sql = values_statement(
            "UPDATE write_claim SET version = version + 1, sent_at = NULL, sent_boot = NULL, sent_up = NULL,
                 earlier = NULL
             WHERE (destination_id, marker, version) IN (",
            3,
            chunk.len(),
            ") RETURNING marker",
        );
        let rows: Vec<(String,)> = on_either!(tx, c => {
            let mut query = sqlx::query_as(sql);
            for held in chunk {
                query = query
                    .bind(destination.as_str())
                    .bind(held.marker.as_str())
                    .bind(held.version);
            }
            query.fetch_all(&mut *c).await
        })?;
        closed.extend(rows.into_iter().map(|(marker,)| marker));
    }
    Ok(closed)
}
