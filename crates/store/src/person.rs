//! People, the tokens that work once, and failed sign-ins.

use crate::audit::Note;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use jiff::Timestamp;
use model::{ActorRole, Person};
use serde_json::json;

pub(crate) const COLUMNS: &str =
    "SELECT p.id, p.name, p.role, p.disabled, p.created, p.seen, p.password IS NOT NULL,
     f.person_id IS NOT NULL FROM person p LEFT JOIN second_factor f ON f.person_id = p.id";

pub(crate) type Row = (String, String, String, bool, i64, Option<i64>, bool, bool);

/// A person to be added.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// What they sign in with, folded.
    pub name: String,
    /// What they may do.
    pub role: ActorRole,
    /// An Argon2id string; `None` when they sign in by a link first.
    pub password: Option<String>,
}

/// What a one-time token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPurpose {
    /// Adding the first person.
    SetUp,
    /// Signing in as a person.
    SignIn,
    /// Choosing a password.
    Invitation,
}

impl TokenPurpose {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::SignIn => "sign_in",
            Self::Invitation => "invitation",
        }
    }
}

/// How often somebody failed to sign in, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How often since the last success.
    pub count: u32,
    /// When last.
    pub last: Timestamp,
}

pub(crate) fn person(row: Row) -> Result<Person> {
    let (id, name, role, disabled, created, seen, has_password, second_factor) = row;
    Ok(Person {
        id,
        name,
        role: parse("role of a person", &role)?,
        disabled,
        created: instant(created),
        seen: seen.map(instant),
        has_password,
        second_factor,
    })
}

impl Store {
    /// Everybody, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people(&self) -> Result<Vec<Person>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY p.name"))
        )?;
        rows.into_iter().map(person).collect()
    }

    /// Whether nobody can sign in yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_no_people(&self) -> Result<bool> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, (String,), "SELECT id FROM person LIMIT 1")?;
        Ok(row.is_none())
    }

    /// The person of that id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn person(&self, id: &str) -> Result<Option<Person>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE p.id = $1")),
            id
        )?;
        row.map(person).transpose()
    }

    /// The person of that name with the Argon2id string of their password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn person_named(&self, name: &str) -> Result<Option<(Person, Option<String>)>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE p.name = $1")),
            plain(name)
        )?;
        let Some(row) = row else { return Ok(None) };
        let person = person(row)?;
        let row = fetch_optional!(
            conn,
            (Option<String>,),
            "SELECT password FROM person WHERE id = $1",
            person.id.as_str()
        )?;
        Ok(Some((person, row.and_then(|(password,)| password))))
    }

    /// Adds a person.
    ///
    /// # Errors
    /// [`Error::Taken`], or when the database fails.
    pub async fn add_person(&self, new: NewPerson) -> Result<Person> {
        let mut tx = self.write().await?;
        let person = self.add_person_in(&mut tx, new).await?;
        tx.commit().await?;
        Ok(person)
    }

    /// Adds the first person with the set-up token of that digest, which is used up by it. `None` when the token is
    /// not the one, is too old, or somebody is there already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_first_person(&self, token: &str, new: NewPerson) -> Result<Option<Person>> {
        let mut tx = self.write().await?;
        let used = execute!(
            tx,
            "DELETE FROM one_time_token WHERE digest = $1 AND purpose = $2 AND expires > $3
             AND NOT EXISTS (SELECT 1 FROM person)",
            token,
            TokenPurpose::SetUp.as_str(),
            micros(self.clock.now())
        )?;
        if used == 0 {
            return Ok(None);
        }
        let person = self.add_person_in(&mut tx, new).await?;
        tx.commit().await?;
        Ok(Some(person))
    }

    pub(crate) async fn add_person_in(&self, tx: &mut crate::db::Tx, new: NewPerson) -> Result<Person> {
        let person = Person {
            id: self.new_id().to_string(),
            name: plain(&new.name).into_owned(),
            role: new.role,
            disabled: false,
            created: self.clock.now(),
            seen: None,
            has_password: new.password.is_some(),
            second_factor: false,
        };
        let added = execute!(
            tx,
            "INSERT INTO person (id, name, role, password, disabled, created, version)
             VALUES ($1, $2, $3, $4, $5, $6, 1)",
            person.id.as_str(),
            person.name.as_str(),
            text("role of a person", &person.role)?,
            new.password.as_deref(),
            false,
            micros(person.created)
        );
        match added {
            Err(error) if error.is_unique_violation() => {
                return Err(Error::Taken {
                    what: "person",
                    name: person.name,
                });
            }
            other => other?,
        };
        let note =
            Note::new("person.added", &person.name).with(json!({ "id": person.id, "role": person.role }));
        self.note(tx, &[note]).await?;
        Ok(person)
    }

    /// Notes that a person signed in, from where and how, and forgets how often they failed before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn signed_in(&self, person: &Person, how: &str, failure_keys: &[String]) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "UPDATE person SET seen = $1 WHERE id = $2",
            micros(self.clock.now()),
            person.id.as_str()
        )?;
        for key in failure_keys {
            execute!(tx, "DELETE FROM sign_in_failure WHERE key = $1", plain(key))?;
        }
        let note = Note::new("person.signed_in", &person.name).with(json!({ "how": how }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Stores the digest of a token that works once. A set-up token takes the place of those made before, an invitation
    /// that of the same person's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_token(
        &self,
        digest: &str,
        purpose: TokenPurpose,
        person: Option<&str>,
        expires: Timestamp,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let now = micros(self.clock.now());
        execute!(
            tx,
            "DELETE FROM one_time_token WHERE expires <= $1 OR (purpose = $2 AND $2 = 'set_up')
             OR (purpose = $2 AND $2 = 'invitation' AND person_id = $3)",
            now,
            purpose.as_str(),
            person
        )?;
        execute!(
            tx,
            "INSERT INTO one_time_token (digest, purpose, person_id, expires) VALUES ($1, $2, $3, $4)",
            digest,
            purpose.as_str(),
            person,
            micros(expires)
        )?;
        let note =
            Note::new("token.made", purpose.as_str()).with(json!({ "person": person, "expires": expires }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Whether a token of that digest would work, without using it up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_works(&self, digest: &str, purpose: TokenPurpose) -> Result<bool> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String,),
            "SELECT digest FROM one_time_token WHERE digest = $1 AND purpose = $2 AND expires > $3",
            digest,
            purpose.as_str(),
            micros(self.clock.now())
        )?;
        Ok(row.is_some())
    }

    /// Uses a sign-in token up; the person it is for, once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_sign_in_token(&self, digest: &str) -> Result<Option<Person>> {
        let mut tx = self.write().await?;
        let row = fetch_optional!(
            tx,
            (Option<String>,),
            "DELETE FROM one_time_token WHERE digest = $1 AND purpose = $2 AND expires > $3 RETURNING person_id",
            digest,
            TokenPurpose::SignIn.as_str(),
            micros(self.clock.now())
        )?;
        let Some((Some(id),)) = row else { return Ok(None) };
        let row = fetch_optional!(
            tx,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE p.id = $1")),
            id.as_str()
        )?;
        tx.commit().await?;
        row.map(person).transpose()
    }

    /// How often signing in failed for a key since it last worked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_failures(&self, key: &str) -> Result<Option<Failures>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64, i64),
            "SELECT failures, last FROM sign_in_failure WHERE key = $1",
            plain(key)
        )?;
        Ok(row.map(|(count, last)| Failures {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            last: instant(last),
        }))
    }

    /// Counts a failed sign-in for each key, and forgets those last counted before `forget`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_sign_in_failure(&self, keys: &[String], forget: Timestamp) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(tx, "DELETE FROM sign_in_failure WHERE last < $1", micros(forget))?;
        for key in keys {
            execute!(
                tx,
                "INSERT INTO sign_in_failure (key, failures, last) VALUES ($1, 1, $2)
                 ON CONFLICT (key) DO UPDATE SET failures = sign_in_failure.failures + 1, last = excluded.last",
                plain(key),
                micros(self.clock.now())
            )?;
        }
        tx.commit().await
    }
}
