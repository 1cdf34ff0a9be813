//! Views of lists that people keep for themselves: a name, and what was asked of the list.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::label;
use connect::SettingProblem;
use model::{Actor, ActorRole, Person};

/// Most views of one list: more would hide each other.
const MOST: usize = 30;

impl Engine {
    /// The views a person kept of a list, by name: each with what was asked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn saved_views(&self, person: &Person, list: &str) -> Result<Vec<(String, String)>> {
        Ok(self.store.saved_views(&person.id, list).await?)
    }

    /// Keeps what a person asked of a list under a name; a view of that name is replaced.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that is missing or too long, and when there are too many.
    pub async fn save_view(
        &self,
        actor: &Actor,
        person: &Person,
        list: &str,
        name: &str,
        query: &str,
    ) -> Result<()> {
        require(actor, ActorRole::Viewer, "keep views")?;
        let problem = |problem| Error::Input {
            problems: vec![problem],
        };
        let name = label::judge("name", name, "Give the view a name").map_err(problem)?;
        let known = self.store.saved_views(&person.id, list).await?;
        if known.len() >= MOST && known.iter().all(|(taken, _)| *taken != name) {
            return Err(problem(SettingProblem {
                key: "name".to_owned(),
                message: format!("There are {MOST} views already; forget one first"),
            }));
        }
        Ok(self.store.save_view(&person.id, list, &name, query).await?)
    }

    /// Forgets a view.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_view(&self, person: &Person, list: &str, name: &str) -> Result<()> {
        Ok(self.store.forget_view(&person.id, list, name).await?)
    }
}
