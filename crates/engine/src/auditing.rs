//! The audit log: looking at it, checking it, and keeping its end outside the database.

use crate::engine::{Engine, require};
use crate::error::Result;
use jiff::Timestamp;
use model::{Actor, ActorRole};
use serde::{Deserialize, Serialize};
use std::fmt;
pub use store::{AuditEntry, Verified};

/// What whoever is refused can do about it. There is no way to declare a broken log whole: writes go on when it is.
pub const WAY_OUT: &str = "Nothing is written until it is found whole again; where it stays broken, restore a \
                                  backup from before that (docs/backup.md)";

/// What entries of the log are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditTopic {
    /// Who signs in, and what they may do.
    People,
    /// What was written outside, and taken back.
    Writes,
    /// What people decided about records.
    Decisions,
    /// Connections, bridges and their schedules.
    Bridges,
    /// The hub itself: backups, keys, notifications, retention.
    Hub,
}

impl AuditTopic {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::People,
        Self::Writes,
        Self::Decisions,
        Self::Bridges,
        Self::Hub,
    ];

    /// The topic of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == word)
    }

    /// Its word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Writes => "writes",
            Self::Decisions => "decisions",
            Self::Bridges => "bridges",
            Self::Hub => "hub",
        }
    }

    /// What people call it.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::People => "People and keys",
            Self::Writes => "Plans and writes",
            Self::Decisions => "Decisions",
            Self::Bridges => "Connections and bridges",
            Self::Hub => "The hub",
        }
    }

    /// How the actions of it begin.
    fn actions(self) -> &'static [&'static str] {
        match self {
            Self::People => &["person.", "token.", "key.", "second_factor.", "provider."],
            Self::Writes => &[
                "plan.",
                "run.",
                "field.",
                "write.",
                "writes.",
                "undone.",
                "registry.",
            ],
            Self::Decisions => &["organization.", "conflict.", "record.", "difference."],
            Self::Bridges => &["bridge.", "connection.", "schedule.", "secret."],
            Self::Hub => &[
                "backup.",
                "instance.",
                "master_key.",
                "notify.",
                "retention.",
                "job.",
                "jobs.",
            ],
        }
    }
}

/// What a check of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditCheck {
    /// Whether it holds.
    #[serde(flatten)]
    pub verified: Verified,
    /// What its end was held against.
    pub end: AuditEnd,
}

/// What the end of the log was held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEnd {
    /// The end that was kept outside the database.
    Kept,
    /// Nothing, since none was kept: entries that were cut off would not show.
    NotKept,
    /// Nothing, since this hub waits for an Owner: what is kept may be the end of another log.
    Waits,
}

impl AuditEnd {
    /// What people have to know beside what was found; `None` where the end was compared.
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Kept => None,
            Self::NotKept => Some(
                "No end of it was kept outside the database (audit.head): had entries been cut off, it would not show.",
            ),
            Self::Waits => Some(
                "This rmmbridge waits for an Owner, so the end of its log was not held against the one that was kept \
                 (audit.head).",
            ),
        }
    }
}

/// A log that was found broken. Its words are `found broken on … (what is wrong)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenLog {
    /// What is wrong with it.
    pub what: String,
    /// Since when that is known.
    pub since: Timestamp,
}

impl fmt::Display for BrokenLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.strftime("%Y-%m-%d %H:%M UTC");
        write!(f, "found broken on {since} ({})", self.what)
    }
}

/// Which entries of the log are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// What they are about; `None` for everything.
    pub topic: Option<AuditTopic>,
    /// Part of who did it or of what it was done to, capitals or not.
    pub search: Option<String>,
}

impl Engine {
    /// Up to `limit` entries of the audit log, newest first, with numbers below `before` where it is given.
    ///
    /// # Errors
    /// When the actor may not see it, or the store fails.
    pub async fn audit_log(
        &self,
        actor: &Actor,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>> {
        require(actor, ActorRole::Owner, "see the audit log")?;
        Ok(self.store.audit_entries(before, limit).await?)
    }

    /// A page of the audit log, newest first, and how many entries fit in all.
    ///
    /// # Errors
    /// When the actor may not see it, or the store fails.
    pub async fn audit_page(
        &self,
        actor: &Actor,
        filter: &AuditFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<AuditEntry>, u64)> {
        require(actor, ActorRole::Owner, "see the audit log")?;
        let actions = filter.topic.map(AuditTopic::actions).unwrap_or_default();
        Ok(self
            .store
            .audit_page(actions, filter.search.as_deref(), offset, limit)
            .await?)
    }

    /// Since when the master key is the one it is, as far as the log tells.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn master_key_since(&self, actor: &Actor) -> Result<Option<Timestamp>> {
        require(actor, ActorRole::Owner, "see how old the master key is")?;
        let rotated = self.store.last_noted("master_key.rotation", "begun").await?;
        match rotated {
            Some(at) => Ok(Some(at)),
            None => Ok(self.store.first_noted().await?),
        }
    }

    /// Checks that every entry of the audit log follows from the one before, and that its end is the one that was kept
    /// outside the database. What is found is remembered: nothing is written while the log does not hold, and writes go
    /// on once it is found whole.
    ///
    /// # Errors
    /// When it cannot be read. A log that does not hold is an answer and no error.
    pub async fn verify_audit(&self, actor: &Actor) -> Result<Verified> {
        Ok(self.watch_audit_log(actor).await?.verified)
    }

    /// The check alone, of which nothing is remembered.
    pub(crate) async fn check_audit_log(&self) -> Result<AuditCheck> {
        let waits = self.store.instance().await?.waits.is_some();
        let kept = match &self.options.audit_mark {
            Some(mark) if !waits => mark.kept()?,
            _ => None,
        };
        let end = match &kept {
            _ if waits => AuditEnd::Waits,
            Some(_) => AuditEnd::Kept,
            None => AuditEnd::NotKept,
        };
        let verified = self.store.verify_audit(kept.as_ref()).await?;
        Ok(AuditCheck { verified, end })
    }

    /// Keeps the present end of the audit log outside the database.
    ///
    /// # Errors
    /// When the log no longer holds the end that was kept before: entries were taken away or made anew. Then nothing
    /// more may be written, and what was kept stays as the proof. Also when the end cannot be kept.
    pub async fn keep_audit_mark(&self) -> Result<()> {
        match self.follow_audit_log().await? {
            None => Ok(()),
            Some(lost) => Err(store::Error::AuditLog(format!("{lost}. {WAY_OUT}")).into()),
        }
    }

    /// The same, which tells a log that no longer holds what was kept (what is wrong with it) from one whose end cannot
    /// be kept (an error).
    pub(crate) async fn follow_audit_log(&self) -> Result<Option<String>> {
        let Some(mark) = &self.options.audit_mark else {
            return Ok(None);
        };
        // Until an Owner confirms a restored hub, nobody knows whether its log is the one that goes on.
        if self.store.instance().await?.waits.is_some() {
            return Ok(None);
        }
        let kept = mark.kept()?;
        let head = self.store.audit_head().await?;
        if let Some(kept) = &kept {
            if kept == &head {
                return Ok(None);
            }
            let stands = self.store.audit_hash(kept.seq).await?;
            if kept.seq > 0 && stands.as_ref() != Some(&kept.hash) {
                return Ok(Some(format!(
                    "entry {} is not the one that was written",
                    kept.seq
                )));
            }
        }
        mark.keep(&head)?;
        Ok(None)
    }

    /// Keeps the present end of the log, whatever was kept before.
    pub(crate) async fn begin_audit_mark(&self) -> Result<()> {
        let Some(mark) = &self.options.audit_mark else {
            return Ok(());
        };
        Ok(mark.keep(&self.store.audit_head().await?)?)
    }
}
