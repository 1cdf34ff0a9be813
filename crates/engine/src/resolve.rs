//! From what a person types to the record they mean.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, Bridge, Client, Connection, Organization};

/// The one of `all` that is called `name`, by id first, then by name whatever the case.
pub(crate) fn pick<T: Clone>(
    what: &'static str,
    name: &str,
    all: &[T],
    id: impl Fn(&T) -> &str,
    label: impl Fn(&T) -> &str,
) -> Result<T> {
    if let Some(found) = all.iter().find(|t| id(t) == name) {
        return Ok(found.clone());
    }
    let folded = plan::fold::fold(name);
    let named: Vec<&T> = all
        .iter()
        .filter(|t| plan::fold::fold(label(t)) == folded)
        .collect();
    match named.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: Vec<&str> = all.iter().map(&label).collect();
            let known = (!names.is_empty() && names.len() <= 12).then(|| names.join(", "));
            Err(Error::Unknown {
                what,
                name: name.to_owned(),
                known,
            })
        }
        several => Err(Error::Ambiguous {
            what: plural(what),
            name: name.to_owned(),
            count: several.len(),
        }),
    }
}

fn plural(what: &'static str) -> &'static str {
    match what {
        "connection" => "connections",
        "bridge" => "bridges",
        "organization" => "organizations",
        _ => "clients",
    }
}

impl Engine {
    /// The connection of that name or id; without a name, the only one that is no registry.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub async fn find_connection(&self, actor: &Actor, name: Option<&str>) -> Result<Connection> {
        require(actor, ActorRole::Viewer, "see connections")?;
        let all = self.store.connections().await?;
        match name {
            Some(name) => pick("connection", name, &all, |c| c.id.as_str(), |c| c.name.as_str()),
            None => only_one(
                "connection",
                &all.into_iter()
                    .filter(|c| c.kind != "registry")
                    .collect::<Vec<_>>(),
                |c| c.name.as_str(),
            ),
        }
    }

    /// The bridge of that name or id; without a name, the only one there is.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub async fn find_bridge(&self, actor: &Actor, name: Option<&str>) -> Result<Bridge> {
        require(actor, ActorRole::Viewer, "see bridges")?;
        let all = self.store.bridges().await?;
        match name {
            Some(name) => pick("bridge", name, &all, |b| b.id.as_str(), |b| b.name.as_str()),
            None => only_one("bridge", &all, |b| b.name.as_str()),
        }
    }

    /// The organization of that name or id, in a bridge's last snapshot.
    ///
    /// # Errors
    /// When there is none or several have the name.
    pub async fn find_organization(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        name: &str,
    ) -> Result<Organization> {
        require(actor, ActorRole::Viewer, "see organizations")?;
        let all = self.organizations_read(bridge).await?;
        pick("organization", name, &all, |o| o.id.as_str(), |o| o.name.as_str())
    }

    /// The client of that name or id, in a bridge's destination.
    ///
    /// # Errors
    /// When there is none or several have the name.
    pub async fn find_client(&self, actor: &Actor, bridge: &Bridge, name: &str) -> Result<Client> {
        require(actor, ActorRole::Viewer, "see clients")?;
        let all = self.clients_of(bridge).await?;
        pick("client", name, &all, |c| c.id.as_str(), |c| c.name.as_str())
    }
}

fn only_one<T: Clone>(what: &'static str, all: &[T], label: impl Fn(&T) -> &str) -> Result<T> {
    match all {
        [one] => Ok(one.clone()),
        [] => Err(Error::NoneYet {
            what,
            command: if what == "bridge" { "bridge add" } else { "connect" },
        }),
        several => Err(Error::NotNamed {
            what: plural(what),
            known: several.iter().map(label).collect::<Vec<_>>().join(", "),
        }),
    }
}
