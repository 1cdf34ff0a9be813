//! Second factors: the sealed key of each person's app, the last code that was taken, and recovery codes.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros};
use crate::open::Store;
use jiff::Timestamp;
use model::Person;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

/// The key that codes are made with.
const KEY: &str = "totp";
/// One that is being set up: it counts once a code of it was shown.
const NEW_KEY: &str = "totp-new";
/// Where it is remembered that everybody needs one.
const REQUIRED: &str = "second_factor_required";

/// A person's second factor.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// The key of their app, as text.
    pub key: SecretString,
    /// Since when.
    pub since: Timestamp,
    /// Recovery codes that are left.
    pub codes_left: u32,
}

/// Whose secrets a person's are.
pub(crate) fn owner(person: &str) -> String {
    format!("person:{person}")
}

impl Store {
    /// The second factor of a person, if they have one.
    ///
    /// # Errors
    /// When the database fails or the key does not open.
    pub async fn second_factor(&self, person: &str) -> Result<Option<SecondFactor>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64, i64),
            "SELECT since, (SELECT COUNT(*) FROM recovery_code c WHERE c.person_id = f.person_id)
             FROM second_factor f WHERE f.person_id = $1",
            person
        )?;
        drop(conn);
        let (Some((since, left)), Some(key)) = (row, self.secret(&owner(person), KEY).await?) else {
            return Ok(None);
        };
        Ok(Some(SecondFactor {
            key,
            since: instant(since),
            codes_left: u32::try_from(left).unwrap_or(u32::MAX),
        }))
    }

    /// The key a person is setting up.
    ///
    /// # Errors
    /// When the database fails or the key does not open.
    pub async fn new_second_factor(&self, person: &str) -> Result<Option<SecretString>> {
        self.secret(&owner(person), NEW_KEY).await
    }

    /// Keeps the key a person is setting up; one they have stands until [`Store::finish_second_factor`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_second_factor(&self, person: &Person, key: &SecretString) -> Result<()> {
        let mut tx = self.write().await?;
        self.put_secret_in(&mut tx, &owner(&person.id), NEW_KEY, key.expose_secret())
            .await?;
        self.note(&mut tx, &[Note::new("person.second_factor_begun", &person.name)])
            .await?;
        tx.commit().await
    }

    /// Makes the key that was being set up the person's second factor, with the step of the code that proved it and new
    /// recovery codes. Their other sessions end.
    ///
    /// # Errors
    /// [`Error::Moved`] when the key is not the one that was being set up any more, or when the database fails.
    pub async fn finish_second_factor(
        &self,
        person: &Person,
        key: &SecretString,
        step: i64,
        codes: &[String],
        keep: Option<&str>,
    ) -> Result<()> {
        let id = person.id.as_str();
        let mut tx = self.write().await?;
        let taken = execute!(
            tx,
            "DELETE FROM secret WHERE owner_id = $1 AND name = $2",
            owner(id),
            NEW_KEY
        )?;
        if taken == 0 {
            return Err(Error::Moved {
                what: "the second factor".to_owned(),
            });
        }
        self.put_secret_in(&mut tx, &owner(id), KEY, key.expose_secret())
            .await?;
        execute!(
            tx,
            "INSERT INTO second_factor (person_id, since, step) VALUES ($1, $2, $3)
             ON CONFLICT (person_id) DO UPDATE SET since = excluded.since, step = excluded.step",
            id,
            micros(self.clock.now()),
            step
        )?;
        put_codes(&mut tx, id, codes).await?;
        execute!(
            tx,
            "DELETE FROM web_session WHERE person_id = $1 AND digest <> $2",
            id,
            keep.unwrap_or_default()
        )?;
        self.note(&mut tx, &[Note::new("person.second_factor_on", &person.name)])
            .await?;
        tx.commit().await
    }

    /// Takes the code of a step, if none of it or of a later one was taken before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_code_step(&self, person: &str, step: i64) -> Result<bool> {
        let mut tx = self.write().await?;
        let taken = execute!(
            tx,
            "UPDATE second_factor SET step = $1 WHERE person_id = $2 AND step < $1",
            step,
            person
        )?;
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Uses up a recovery code; whether it was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_recovery_code(&self, person: &Person, digest: &str) -> Result<bool> {
        let mut tx = self.write().await?;
        let used = execute!(
            tx,
            "DELETE FROM recovery_code WHERE person_id = $1 AND digest = $2",
            person.id.as_str(),
            digest
        )?;
        if used == 1 {
            self.note(&mut tx, &[Note::new("person.recovery_code_used", &person.name)])
                .await?;
        }
        tx.commit().await?;
        Ok(used == 1)
    }

    /// Puts new recovery codes in the place of those there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_recovery_codes(&self, person: &Person, codes: &[String]) -> Result<()> {
        let mut tx = self.write().await?;
        put_codes(&mut tx, &person.id, codes).await?;
        let note =
            Note::new("person.recovery_codes_made", &person.name).with(json!({ "codes": codes.len() }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Takes a person's second factor away; whether they had one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_second_factor(&self, person: &Person) -> Result<bool> {
        let id = person.id.as_str();
        let mut tx = self.write().await?;
        let had = execute!(tx, "DELETE FROM second_factor WHERE person_id = $1", id)?;
        execute!(tx, "DELETE FROM recovery_code WHERE person_id = $1", id)?;
        execute!(
            tx,
            "DELETE FROM secret WHERE owner_id = $1 AND name IN ($2, $3)",
            owner(id),
            KEY,
            NEW_KEY
        )?;
        if had > 0 {
            self.note(&mut tx, &[Note::new("person.second_factor_off", &person.name)])
                .await?;
        }
        tx.commit().await?;
        Ok(had > 0)
    }

    /// Whether everybody needs a second factor.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn second_factor_required(&self) -> Result<bool> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, (String,), "SELECT value FROM meta WHERE key = $1", REQUIRED)?;
        Ok(row.is_some_and(|(value,)| value == "true"))
    }

    /// Says whether everybody needs a second factor.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn require_second_factor(&self, required: bool) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            REQUIRED,
            required.to_string()
        )?;
        let note = Note::new("second_factor.required", "everybody").with(json!({ "required": required }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }
}

async fn put_codes(tx: &mut Tx, person: &str, codes: &[String]) -> Result<()> {
    execute!(tx, "DELETE FROM recovery_code WHERE person_id = $1", person)?;
    for digest in codes {
        execute!(
            tx,
            "INSERT INTO recovery_code (person_id, digest) VALUES ($1, $2)",
            person,
            digest.as_str()
        )?;
    }
    Ok(())
}
