//! Sealed values by owner and name.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::micros;
use crate::open::Store;
use crate::vault::{Sealed, VaultError};
use secrecy::SecretString;

impl Store {
    /// A secret of `owner`.
    ///
    /// # Errors
    /// When the database fails or the value does not open.
    pub async fn secret(&self, owner: &str, name: &str) -> Result<Option<SecretString>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String, Vec<u8>, Vec<u8>),
            "SELECT key_id, wrapped, sealed FROM secret WHERE owner_id = $1 AND name = $2",
            owner,
            name
        )?;
        row.map(|(key_id, wrapped, sealed)| {
            self.unseal(
                owner,
                name,
                &Sealed {
                    key_id,
                    wrapped,
                    sealed,
                },
            )
        })
        .transpose()
    }

    /// Seals `value` as a secret of `owner`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_secret(&self, owner: &str, name: &str, value: &str) -> Result<()> {
        let mut tx = self.write().await?;
        self.put_secret_in(&mut tx, owner, name, value).await?;
        let note = Note::new("secret.set", owner).with(serde_json::json!({ "name": name }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    pub(crate) async fn put_secret_in(
        &self,
        tx: &mut Tx,
        owner: &str,
        name: &str,
        value: &str,
    ) -> Result<()> {
        self.seal_in(
            tx,
            (owner, name, value),
            "UPDATE SET key_id = excluded.key_id, wrapped = excluded.wrapped, sealed = excluded.sealed,
                 updated = excluded.updated",
        )
        .await
    }

    /// Seals `value` as a secret of `owner` unless there is one.
    pub(crate) async fn add_secret_in(
        &self,
        tx: &mut Tx,
        owner: &str,
        name: &str,
        value: &str,
    ) -> Result<()> {
        self.seal_in(tx, (owner, name, value), "NOTHING").await
    }

    /// Seals a value; `otherwise` is what happens to one that is there.
    async fn seal_in(
        &self,
        tx: &mut Tx,
        (owner, name, value): (&str, &str, &str),
        otherwise: &'static str,
    ) -> Result<()> {
        let key = self.sealing_key(tx).await?;
        let sealed = key.seal(owner, name, value.as_bytes(), self.random.as_ref());
        let sql = format!(
            "INSERT INTO secret (owner_id, name, key_id, wrapped, sealed, updated) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (owner_id, name) DO {otherwise}"
        );
        execute!(
            tx,
            sqlx::AssertSqlSafe(sql),
            owner,
            name,
            sealed.key_id.as_str(),
            sealed.wrapped.as_slice(),
            sealed.sealed.as_slice(),
            micros(self.clock.now())
        )?;
        Ok(())
    }

    fn unseal(&self, owner: &str, name: &str, sealed: &Sealed) -> Result<SecretString> {
        let bytes = self.keys.key(&sealed.key_id)?.open(owner, name, sealed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Error::Vault(VaultError::Broken {
                owner: owner.to_owned(),
                name: name.to_owned(),
            })
        })?;
        Ok(SecretString::from(text))
    }
}
