//! The audit log: who did what. An entry is part of the transaction of what it speaks of, so neither stands without
//! the other, and where no entry can be written nothing is done.
//!
//! Rows form a chain of keyed hashes. The last one is also kept outside the database (`audit_mark.rs`): without that,
//! cutting rows off the end would leave a shorter chain that verifies.

use crate::audit_chain::{ChainKey, HASH, Link};
use crate::crash::{Point, point};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, plain, text};
use crate::open::Store;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use model::Actor;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

const OWNER: &str = "rmmbridge";
const KEY: &str = "audit-key";
/// Rows verified at a time.
const PAGE: i64 = 2_000;

/// What is noted of a change.
#[derive(Clone, Debug)]
pub struct Note {
    /// What was done, e.g. `bridge.changed`.
    pub action: &'static str,
    /// To what, as people call it.
    pub subject: String,
    /// More about it; never a secret.
    pub detail: Value,
}

impl Note {
    /// A note without further detail.
    pub fn new(action: &'static str, subject: impl Into<String>) -> Self {
        Self {
            action,
            subject: subject.into(),
            detail: Value::Null,
        }
    }

    /// The same with detail.
    #[must_use]
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More about it.
    pub detail: Value,
}

/// The end of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of the last entry; 0 for none.
    pub seq: i64,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// What checking the chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Verified {
    /// Every entry follows from the one before.
    Whole {
        /// How many entries there are.
        entries: i64,
    },
    /// An entry does not follow from the one before: it, or one before it, was changed, added or taken away.
    Broken {
        /// Its number.
        seq: i64,
        /// What is wrong.
        what: String,
    },
}

type Row = (i64, i64, String, String, String, String, Vec<u8>);

fn entry((seq, at, actor, action, subject, detail, _): Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        seq,
        at: instant(at),
        actor,
        action,
        subject,
        detail: crate::json::parse("audit entry", &detail)?,
    })
}

impl Store {
    /// The same store acting on behalf of `actor`: what is changed through it is noted as theirs.
    #[must_use]
    pub fn on_behalf_of(&self, actor: &Actor) -> Self {
        Self {
            actor: Arc::from(actor.to_string()),
            ..self.clone()
        }
    }

    /// Notes what `tx` does. It is called last: writers take turns from here to the commit.
    pub(crate) async fn note(&self, tx: &mut Tx, notes: &[Note]) -> Result<()> {
        if notes.is_empty() {
            return Ok(());
        }
        point(Point::BeforeAudit)?;
        let count = i64::try_from(notes.len()).unwrap_or(i64::MAX);
        let head = fetch_optional!(
            tx,
            (i64, Vec<u8>),
            "UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash",
            count
        )?;
        let Some((last, mut hash)) = head else {
            return Err(Error::AuditLog("its last line is missing".to_owned()));
        };
        let at = micros(self.clock.now());
        let mut rows: Vec<(i64, &Note, String, Vec<u8>)> = Vec::with_capacity(notes.len());
        for (seq, note) in (last - count + 1..).zip(notes) {
            let detail = text("audit entry", &note.detail)?;
            hash = self.audit_key.hash(
                &hash,
                &Link {
                    seq,
                    at,
                    actor: &self.actor,
                    action: note.action,
                    subject: &note.subject,
                    detail: &detail,
                },
            );
            rows.push((seq, note, detail, hash.clone()));
        }
        insert_many!(
            tx,
            "INSERT INTO audit_entry (seq, at, actor, action, subject, detail, hash)",
            7,
            "",
            rows,
            |q, r| q
                .bind(r.0)
                .bind(at)
                .bind(self.actor.as_ref())
                .bind(r.1.action)
                .bind(r.1.subject.as_str())
                .bind(r.2.as_str())
                .bind(r.3.as_slice())
        )?;
        execute!(tx, "UPDATE audit_head SET hash = $1 WHERE id = 1", hash)?;
        point(Point::Audited)?;
        Ok(())
    }

    /// Notes something that changes nothing in the database, such as a backup that was made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_alone(&self, note: Note) -> Result<()> {
        let mut tx = self.write().await?;
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Up to `limit` entries, newest first, with numbers below `before` where it is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_entries(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditEntry>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT seq, at, actor, action, subject, detail, hash FROM audit_entry WHERE seq < $1
             ORDER BY seq DESC LIMIT $2",
            before.unwrap_or(i64::MAX),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(entry).collect()
    }

    /// A page of the log, newest first, and how many entries fit: those whose action begins with one of `actions`, where
    /// there are any, and that hold `search` in who did it, in what it was done to, or in what that bridge or connection is
    /// called now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_page(
        &self,
        actions: &'static [&'static str],
        search: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<AuditEntry>, u64)> {
        let begins: Vec<_> = actions
            .iter()
            .map(|action| format!("action LIKE '{action}%'"))
            .collect();
        let begins = match begins.is_empty() {
            true => String::new(),
            false => format!("AND ({})", begins.join(" OR ")),
        };
        let fits = format!(
            "FROM audit_entry WHERE (CAST($1 AS TEXT) IS NULL OR LOWER(actor) LIKE $1 ESCAPE '!'
                 OR LOWER(subject) LIKE $1 ESCAPE '!'
                 OR subject IN (SELECT id FROM bridge WHERE LOWER(name) LIKE $1 ESCAPE '!')
                 OR subject IN (SELECT id FROM connection WHERE LOWER(name) LIKE $1 ESCAPE '!')) {begins}"
        );
        let like = search.map(|text| {
            let mut like = String::from("%");
            for c in plain(&text.to_lowercase()).chars() {
                if matches!(c, '!' | '%' | '_') {
                    like.push('!');
                }
                like.push(c);
            }
            like.push('%');
            like
        });
        let mut conn = self.read().await?;
        // Safe: built of our own literals.
        // The numbers have no gaps, and the last is that of the whole.
        let count = match (like.as_deref(), actions) {
            (None, []) => {
                "SELECT COALESCE(MAX(seq), 0) FROM audit_entry WHERE CAST($1 AS TEXT) IS NULL".to_owned()
            }
            _ => format!("SELECT COUNT(*) {fits}"),
        };
        let sql = sqlx::AssertSqlSafe(count);
        let total = fetch_optional!(conn, (i64,), sql, like.as_deref())?.map_or(0, |(total,)| total);
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT seq, at, actor, action, subject, detail, hash {fits} ORDER BY seq DESC LIMIT $2 OFFSET $3"
        ));
        let rows = fetch_all!(
            conn,
            Row,
            sql,
            like.as_deref(),
            i64::try_from(limit).unwrap_or(i64::MAX),
            i64::try_from(offset).unwrap_or(i64::MAX)
        )?;
        let entries: Result<Vec<_>> = rows.into_iter().map(entry).collect();
        Ok((entries?, total.unsigned_abs()))
    }

    /// When this was last noted of that subject.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_noted(&self, action: &str, subject: &str) -> Result<Option<Timestamp>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64,),
            "SELECT at FROM audit_entry WHERE action = $1 AND subject = $2 ORDER BY seq DESC LIMIT 1",
            action,
            subject
        )?;
        Ok(row.map(|(at,)| instant(at)))
    }

    /// When the log begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_noted(&self) -> Result<Option<Timestamp>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, (i64,), "SELECT at FROM audit_entry WHERE seq = 1")?;
        Ok(row.map(|(at,)| instant(at)))
    }

    /// The end of the chain.
    ///
    /// # Errors
    /// When the database fails, or the line that holds it is gone.
    pub async fn audit_head(&self) -> Result<AuditHead> {
        let mut conn = self.read().await?;
        let head = fetch_optional!(
            conn,
            (i64, Vec<u8>),
            "SELECT seq, hash FROM audit_head WHERE id = 1"
        )?;
        let (seq, hash) = head.ok_or_else(|| Error::AuditLog("its last line is missing".to_owned()))?;
        Ok(AuditHead { seq, hash })
    }

    /// The hash of one entry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_hash(&self, seq: i64) -> Result<Option<Vec<u8>>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (Vec<u8>,),
            "SELECT hash FROM audit_entry WHERE seq = $1",
            seq
        )?;
        Ok(row.map(|(hash,)| hash))
    }

    /// Checks every entry against the one before it and the head, and that the entry `kept` outside is in the chain.
    ///
    /// # Errors
    /// When the database fails. A chain that does not hold is an answer and no error.
    pub async fn verify_audit(&self, kept: Option<&AuditHead>) -> Result<Verified> {
        // The head first: entries that are added meanwhile come after it.
        let head = self.audit_head().await?;
        let broken = |seq, what: &str| {
            Ok(Verified::Broken {
                seq,
                what: what.to_owned(),
            })
        };
        if let Some(kept) = kept.filter(|kept| kept.seq > head.seq) {
            return broken(
                head.seq + 1,
                &format!(
                    "entries up to {} were written, and the log ends before that",
                    kept.seq
                ),
            );
        }
        let (mut last, mut hash) = (0, Vec::new());
        let mut conn = self.read().await?;
        while last < head.seq {
            let rows = fetch_all!(
                conn,
                Row,
                "SELECT seq, at, actor, action, subject, detail, hash FROM audit_entry
                 WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
                last,
                head.seq,
                PAGE
            )?;
            if rows.is_empty() {
                return broken(last + 1, "it is missing");
            }
            for (seq, at, actor, action, subject, detail, stored) in rows {
                if seq != last + 1 {
                    return broken(last + 1, "it is missing");
                }
                let link = Link {
                    seq,
                    at,
                    actor: &actor,
                    action: &action,
                    subject: &subject,
                    detail: &detail,
                };
                hash = self.audit_key.hash(&hash, &link);
                if hash != stored {
                    return broken(seq, "it, or what stood before it, was changed");
                }
                if kept.is_some_and(|kept| kept.seq == seq && kept.hash != hash) {
                    return broken(
                        seq,
                        "the log was made anew up to here: the end kept outside is another",
                    );
                }
                last = seq;
            }
        }
        if hash != head.hash {
            return broken(last, "the log's last line does not belong to it");
        }
        Ok(Verified::Whole { entries: head.seq })
    }

    /// The key of the chain, made when the database is new. Whoever opens it at the same moment gets the same.
    pub(crate) async fn open_audit_key(&mut self) -> Result<()> {
        if self.secret(OWNER, KEY).await?.is_none() {
            let mut bytes = zeroize::Zeroizing::new([0_u8; HASH]);
            self.random.fill(bytes.as_mut());
            let mut tx = self.write().await?;
            self.add_secret_in(&mut tx, OWNER, KEY, &BASE64.encode(bytes.as_ref()))
                .await?;
            tx.commit().await?;
        }
        let broken = || Error::AuditLog("its key cannot be read".to_owned());
        let stored = self.secret(OWNER, KEY).await?.ok_or_else(broken)?;
        let bytes = BASE64.decode(stored.expose_secret()).map_err(|_| broken())?;
        self.audit_key = Arc::new(ChainKey::new(bytes.try_into().map_err(|_| broken())?));
        Ok(())
    }
}
