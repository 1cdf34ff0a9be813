//! Views of lists that people keep: a name and what was asked.

use crate::error::Result;
use crate::json::plain;
use crate::open::Store;

impl Store {
    /// The views a person kept of a list, by name: each with what was asked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_views(&self, person: &str, list: &str) -> Result<Vec<(String, String)>> {
        let mut conn = self.read().await?;
        fetch_all!(
            conn,
            (String, String),
            "SELECT name, query FROM saved_view WHERE person_id = $1 AND list = $2 ORDER BY name",
            person,
            list
        )
    }

    /// Keeps a view of a list under a name; one of that name is replaced.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_view(&self, person: &str, list: &str, name: &str, query: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "INSERT INTO saved_view (person_id, list, name, query) VALUES ($1, $2, $3, $4)
             ON CONFLICT (person_id, list, name) DO UPDATE SET query = excluded.query",
            person,
            list,
            plain(name),
            plain(query)
        )?;
        tx.commit().await
    }

    /// Forgets a view.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_view(&self, person: &str, list: &str, name: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "DELETE FROM saved_view WHERE person_id = $1 AND list = $2 AND name = $3",
            person,
            list,
            plain(name)
        )?;
        tx.commit().await
    }
}
