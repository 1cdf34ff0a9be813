//! The identity provider people may sign in through, and which of its accounts is whom.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use crate::person::{COLUMNS, NewPerson, Row, person};
use jiff::Timestamp;
use model::Person;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// Where the provider's settings are kept, and whose its secret is.
const PROVIDER: &str = "sign_in_provider";
const CLIENT_SECRET: &str = "client_secret";

/// An account at a provider, to be joined to a person.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    /// The provider.
    pub issuer: String,
    /// What it calls them.
    pub subject: String,
    /// Their address there, for people to know it again.
    pub email: Option<String>,
}

/// The account of a person at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// The provider.
    pub issuer: String,
    /// Their address there, as it was when they were joined.
    pub email: Option<String>,
    /// Since when.
    pub linked: Timestamp,
}

impl Store {
    /// The settings of the provider people may sign in through.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_provider(&self) -> Result<Option<Value>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, (String,), "SELECT value FROM meta WHERE key = $1", PROVIDER)?;
        row.map(|(value,)| parse("settings of the sign-in provider", &value))
            .transpose()
    }

    /// The client secret for the provider.
    ///
    /// # Errors
    /// When the database fails or the secret does not open.
    pub async fn sign_in_provider_secret(&self) -> Result<Option<SecretString>> {
        self.secret(PROVIDER, CLIENT_SECRET).await
    }

    /// Stores the settings of the provider; without a secret the one there is stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_sign_in_provider(&self, settings: &Value, secret: Option<&SecretString>) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            PROVIDER,
            text("settings of the sign-in provider", settings)?
        )?;
        if let Some(secret) = secret {
            self.put_secret_in(&mut tx, PROVIDER, CLIENT_SECRET, secret.expose_secret())
                .await?;
        }
        let note = Note::new("provider.saved", "sign-in")
            .with(json!({ "settings": settings, "new_secret": secret.is_some() }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Removes the provider's settings and secret, and ends sign-ins on their way; whether there was one. Who is whom there
    /// stays, for the case that it comes back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_sign_in_provider(&self) -> Result<bool> {
        let mut tx = self.write().await?;
        let had = execute!(tx, "DELETE FROM meta WHERE key = $1", PROVIDER)?;
        execute!(tx, "DELETE FROM secret WHERE owner_id = $1", PROVIDER)?;
        self.end_provider_sign_ins(&mut tx).await?;
        if had > 0 {
            self.note(&mut tx, &[Note::new("provider.removed", "sign-in")])
                .await?;
        }
        tx.commit().await?;
        Ok(had > 0)
    }

    /// Whose account this is, whether they may sign in or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn person_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<Person>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!(
                "{COLUMNS} JOIN identity i ON i.person_id = p.id WHERE i.issuer = $1 AND i.subject = $2"
            )),
            plain(issuer),
            plain(subject)
        )?;
        row.map(person).transpose()
    }

    /// The accounts of a person, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn identities_of(&self, person: &str) -> Result<Vec<LinkedIdentity>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, Option<String>, i64),
            "SELECT issuer, email, linked FROM identity WHERE person_id = $1 ORDER BY linked DESC, issuer",
            person
        )?;
        let linked = rows.into_iter().map(|(issuer, email, linked)| LinkedIdentity {
            issuer,
            email,
            linked: instant(linked),
        });
        Ok(linked.collect())
    }

    /// Joins an account to a person; `how` says what made it theirs.
    ///
    /// # Errors
    /// [`Error::Taken`] when it is somebody's, or the person has another one there; or when the database fails.
    pub async fn link_identity(&self, person: &Person, new: &NewIdentity, how: &str) -> Result<()> {
        let mut tx = self.write().await?;
        self.link_identity_in(&mut tx, person, new, how).await?;
        tx.commit().await
    }

    async fn link_identity_in(
        &self,
        tx: &mut Tx,
        person: &Person,
        new: &NewIdentity,
        how: &str,
    ) -> Result<()> {
        let linked = execute!(
            tx,
            "INSERT INTO identity (issuer, subject, person_id, email, linked) VALUES ($1, $2, $3, $4, $5)",
            plain(&new.issuer),
            plain(&new.subject),
            person.id.as_str(),
            new.email.as_deref().map(plain),
            micros(self.clock.now())
        );
        match linked {
            Err(error) if error.is_unique_violation() => {
                return Err(Error::Taken {
                    what: "account at the provider",
                    name: new.email.clone().unwrap_or_else(|| new.subject.clone()),
                });
            }
            other => other?,
        };
        let note = Note::new("person.identity_linked", &person.name)
            .with(json!({ "issuer": new.issuer, "email": new.email, "how": how }));
        self.note(tx, &[note]).await
    }

    /// Adds a person with their account, both or neither.
    ///
    /// # Errors
    /// [`Error::Taken`], or when the database fails.
    pub async fn add_person_with_identity(&self, new: NewPerson, identity: &NewIdentity) -> Result<Person> {
        let mut tx = self.write().await?;
        let person = self.add_person_in(&mut tx, new).await?;
        self.link_identity_in(&mut tx, &person, identity, "admitted")
            .await?;
        tx.commit().await?;
        Ok(person)
    }

    /// Takes a person's accounts away; how many. Their sessions end, but for the one with the digest `keep`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlink_identities(&self, person: &Person, keep: Option<&str>) -> Result<u64> {
        let mut tx = self.write().await?;
        let had = execute!(
            tx,
            "DELETE FROM identity WHERE person_id = $1",
            person.id.as_str()
        )?;
        if had > 0 {
            execute!(
                tx,
                "DELETE FROM web_session WHERE person_id = $1 AND digest <> $2",
                person.id.as_str(),
                keep.unwrap_or_default()
            )?;
            self.note(&mut tx, &[Note::new("person.identity_unlinked", &person.name)])
                .await?;
        }
        tx.commit().await?;
        Ok(had)
    }
}
