//! What changes about people, and what ends with it: their sessions and links.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{micros, parse, text};
use crate::open::Store;
use crate::person::{COLUMNS, Row, TokenPurpose, person};
use crate::second_factor;
use model::{ActorRole, Person};
use serde_json::json;

impl Store {
    /// Gives a person another role; their sessions end, so that no page goes on with the old one.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::LastOwner`], or when the database fails; nothing was changed then.
    pub async fn set_person_role(&self, id: &str, role: ActorRole) -> Result<Person> {
        let mut tx = self.write().await?;
        let before = person_in(&mut tx, id).await?;
        execute!(
            tx,
            "UPDATE person SET role = $1, version = version + 1 WHERE id = $2",
            text("role of a person", &role)?,
            id
        )?;
        end_sessions(&mut tx, id, None).await?;
        let note = Note::new("person.role_changed", &before.name)
            .with(json!({ "id": id, "from": before.role, "to": role }));
        self.note(&mut tx, &[note]).await?;
        require_owner(&mut tx, &before).await?;
        let after = person_in(&mut tx, id).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Lets a person sign in no more, or again. Sessions and links of one who may not are gone.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::LastOwner`], or when the database fails; nothing was changed then.
    pub async fn set_person_disabled(&self, id: &str, disabled: bool) -> Result<Person> {
        let mut tx = self.write().await?;
        let before = person_in(&mut tx, id).await?;
        execute!(
            tx,
            "UPDATE person SET disabled = $1, version = version + 1 WHERE id = $2",
            disabled,
            id
        )?;
        if disabled {
            end_sessions(&mut tx, id, None).await?;
            execute!(tx, "DELETE FROM one_time_token WHERE person_id = $1", id)?;
        }
        let action = if disabled {
            "person.disabled"
        } else {
            "person.enabled"
        };
        let note = Note::new(action, &before.name).with(json!({ "id": id }));
        self.note(&mut tx, &[note]).await?;
        require_owner(&mut tx, &before).await?;
        let after = person_in(&mut tx, id).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Removes a person with their sessions, links, keys and second factor. What they did stays in the audit log.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::LastOwner`], or when the database fails; nothing was changed then.
    pub async fn remove_person(&self, id: &str) -> Result<()> {
        let mut tx = self.write().await?;
        let before = person_in(&mut tx, id).await?;
        execute!(
            tx,
            "DELETE FROM secret WHERE owner_id = $1",
            second_factor::owner(id)
        )?;
        execute!(tx, "DELETE FROM person WHERE id = $1", id)?;
        let note = Note::new("person.removed", &before.name).with(json!({ "id": id, "role": before.role }));
        self.note(&mut tx, &[note]).await?;
        require_owner(&mut tx, &before).await?;
        tx.commit().await
    }

    /// Stores the Argon2id string of a person's new password, or takes the old one away. All their sessions end, but for
    /// the one with the digest `keep`, and so do links that were made for them.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn set_password(&self, id: &str, password: Option<&str>, keep: Option<&str>) -> Result<()> {
        let mut tx = self.write().await?;
        let before = person_in(&mut tx, id).await?;
        self.set_password_in(&mut tx, &before, password, keep).await?;
        tx.commit().await
    }

    async fn set_password_in(
        &self,
        tx: &mut Tx,
        person: &Person,
        password: Option<&str>,
        keep: Option<&str>,
    ) -> Result<()> {
        execute!(
            tx,
            "UPDATE person SET password = $1, version = version + 1 WHERE id = $2",
            password,
            person.id.as_str()
        )?;
        end_sessions(tx, &person.id, keep).await?;
        execute!(
            tx,
            "DELETE FROM one_time_token WHERE person_id = $1",
            person.id.as_str()
        )?;
        let action = match password {
            Some(_) => "person.password_set",
            None => "person.password_taken_away",
        };
        self.note(tx, &[Note::new(action, &person.name)]).await
    }

    /// Who the invitation of that digest is for, while it works.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invited(&self, digest: &str) -> Result<Option<Person>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String,),
            "SELECT person_id FROM one_time_token WHERE digest = $1 AND purpose = $2 AND expires > $3",
            digest,
            TokenPurpose::Invitation.as_str(),
            micros(self.clock.now())
        )?;
        drop(conn);
        match row {
            Some((id,)) => Ok(self.person(&id).await?.filter(|person| !person.disabled)),
            None => Ok(None),
        }
    }

    /// Uses an invitation up and stores the password its person chose; who that is, once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept_invitation(&self, digest: &str, password: &str) -> Result<Option<Person>> {
        let mut tx = self.write().await?;
        let row = fetch_optional!(
            tx,
            (Option<String>,),
            "DELETE FROM one_time_token WHERE digest = $1 AND purpose = $2 AND expires > $3 RETURNING person_id",
            digest,
            TokenPurpose::Invitation.as_str(),
            micros(self.clock.now())
        )?;
        let Some((Some(id),)) = row else { return Ok(None) };
        let person = person_in(&mut tx, &id).await?;
        if person.disabled {
            return Ok(None);
        }
        self.set_password_in(&mut tx, &person, Some(password), None)
            .await?;
        tx.commit().await?;
        Ok(Some(person))
    }

    /// Ends the sessions of a person: one by its digest, or all but the one of the digest `keep`. How many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions_of(
        &self,
        person: &Person,
        one: Option<&str>,
        keep: Option<&str>,
    ) -> Result<u64> {
        let mut tx = self.write().await?;
        let ended = match one {
            Some(digest) => execute!(
                tx,
                "DELETE FROM web_session WHERE person_id = $1 AND digest = $2",
                person.id.as_str(),
                digest
            )?,
            None => end_sessions(&mut tx, &person.id, keep).await?,
        };
        if ended > 0 {
            let note = Note::new("person.sessions_ended", &person.name).with(json!({ "sessions": ended }));
            self.note(&mut tx, &[note]).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}

async fn person_in(tx: &mut Tx, id: &str) -> Result<Person> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE p.id = $1"));
    let row = fetch_optional!(tx, Row, sql, id)?;
    let found = row.map(person).transpose()?;
    found.ok_or_else(|| Error::Missing {
        what: "person",
        name: id.to_owned(),
    })
}

async fn end_sessions(tx: &mut Tx, id: &str, keep: Option<&str>) -> Result<u64> {
    execute!(
        tx,
        "DELETE FROM web_session WHERE person_id = $1 AND digest <> $2",
        id,
        keep.unwrap_or_default()
    )
}

/// Refuses to leave the hub without an Owner who has signed in. Asked after the note, from which on writers take turns: of
/// two who each take the other's role away, the second is refused.
async fn require_owner(tx: &mut Tx, changed: &Person) -> Result<()> {
    if changed.role != ActorRole::Owner {
        return Ok(());
    }
    let rows = fetch_all!(
        tx,
        (String,),
        "SELECT role FROM person WHERE disabled = $1 AND seen IS NOT NULL",
        false
    )?;
    for (role,) in rows {
        if parse::<ActorRole>("role of a person", &role)? == ActorRole::Owner {
            return Ok(());
        }
    }
    Err(Error::LastOwner)
}
