//! Reading a source into a snapshot.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::presence::{Runner, source_lease};
use crate::progress::Work;
use connect::{DevicePage, DevicesRequest, Source};
use model::{
    Actor, ActorRole, Connection, ConnectionId, ConnectionState, Mapping, RuleValue, RunKind, RunState,
    SourceId,
};
use plan::TopLevel;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::crash::{Point, point};
use store::{Snapshot, SnapshotWriter};
use tokio::sync::mpsc;

/// Pages that may wait for the database: enough to keep readers busy, few enough to bound memory.
const WAITING_PAGES: usize = 4;

/// What a read brought.
#[derive(Clone, Debug)]
pub struct ReadReport {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Devices that were there but could not be read, each with the reason; the first hundred.
    pub unreadable: Vec<String>,
}

impl Engine {
    /// Reads a whole account, or one organization of it, into a snapshot.
    ///
    /// # Errors
    /// When anything kept the pass from being complete: the last snapshot then stands.
    pub async fn read(
        &self,
        actor: &Actor,
        runner: &Runner,
        id: &ConnectionId,
        organization: Option<SourceId>,
        work: Work<'_>,
    ) -> Result<ReadReport> {
        require(actor, ActorRole::Technician, "read a source")?;
        let hold = self.hold(runner, vec![source_lease(id)], &work).await?;
        let result = self
            .read_held(actor, runner, id, organization, hold.work(work))
            .await;
        hold.end(work, result).await
    }

    /// The same, where the source is held already.
    pub(crate) async fn read_held(
        &self,
        actor: &Actor,
        runner: &Runner,
        id: &ConnectionId,
        organization: Option<SourceId>,
        work: Work<'_>,
    ) -> Result<ReadReport> {
        self.require_confirmed_instance().await?;
        let (connection, source) = self.open_source(id).await?;
        // Without a grant that was tried, nobody knows whose account it is: reading could take one tenant's devices for
        // another's.
        if connection.state.is_unusable() {
            return Err(Error::NotUsable {
                connection: connection.name,
                state: connection.state,
            });
        }
        let store = &self.acting(actor).store;
        let mut run = store
            .begin_run(
                RunKind::Read {
                    connection: id.clone(),
                },
                &actor.to_string(),
                runner.holder(),
            )
            .await?;
        let result = self.read_pass(&connection, source, organization, work).await;
        let state = match &result {
            Ok(report) => {
                if connection.state.reason().is_some() {
                    store.observe_connection(id, &ConnectionState::Connected).await?;
                }
                run.counts.done = report.snapshot.devices;
                run.counts.failed = report.unreadable.len() as u64;
                RunState::Finished
            }
            Err(error) => RunState::Failed {
                reason: error.to_string(),
            },
        };
        store.end_run(&mut run, state).await?;
        crate::counting::run(&run);
        self.keep_audit_mark().await?;
        result
    }

    async fn read_pass(
        &self,
        connection: &Connection,
        source: Arc<dyn Source>,
        organization: Option<SourceId>,
        work: Work<'_>,
    ) -> Result<ReadReport> {
        work.progress.at("Reading organizations", 0, None);
        let lists = async { tokio::try_join!(source.organizations(), source.locations(), source.roles()) };
        let (organizations, locations, roles) = match work.unless_stopped(lists).await? {
            Ok(lists) => lists,
            Err(error) => return Err(self.met(connection, error).await),
        };
        let volatile_in_use = self.volatile_in_use(connection, source.as_ref()).await?;
        let mut writer = self
            .store
            .begin_snapshot(&connection.id, organization.clone())
            .await?;
        let known_ids = writer.known_ids();
        let expected = (!known_ids.is_empty()).then_some(known_ids.len() as u64);
        let (sender, mut pages) = mpsc::channel::<DevicePage>(WAITING_PAGES);
        let request = DevicesRequest {
            organization,
            known_ids,
            volatile_in_use,
        };
        let reader = source.clone();
        let mut reading = tokio::spawn(async move { reader.devices(request, sender).await });
        // Dropping this future must also end the readers.
        let _end_with_us = AbortOnDrop(reading.abort_handle());
        let mut unreadable = Vec::new();
        work.progress.at("Reading devices", 0, expected);
        loop {
            // A vendor that asks to wait must not keep somebody waiting who wants to stop.
            let Some(page) = work.unless_stopped(pages.recv()).await? else {
                break;
            };
            take_page(&mut writer, page, &mut unreadable).await?;
            work.progress.at("Reading devices", writer.seen(), expected);
        }
        let read = match (&mut reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Err(self.met(connection, error).await),
            Err(_) => {
                let error = connect::Error::new(
                    connect::Kind::Unavailable,
                    "reading devices",
                    "the reader stopped",
                );
                return Err(self.met(connection, error).await);
            }
        };
        work.check()?;
        work.progress
            .at("Storing the snapshot", read.devices, Some(read.devices));
        point(Point::BeforeSnapshot)?;
        let snapshot = writer
            .finish(&organizations, &locations, &roles, read.requests)
            .await?;
        point(Point::SnapshotStored)?;
        Ok(ReadReport { snapshot, unreadable })
    }

    /// Parts of the document that change at every contact and that a mapping reads all the same: they must count.
    async fn volatile_in_use(
        &self,
        connection: &Connection,
        source: &dyn Source,
    ) -> Result<BTreeSet<String>> {
        let mut used = BTreeSet::new();
        for bridge in self
            .store
            .bridges()
            .await?
            .into_iter()
            .filter(|b| b.source == connection.id)
        {
            let mapping = self.compiled_mapping(&bridge).await?;
            let reads = mapping.compiled.uses_top_level();
            let expressions: Vec<&str> = expressions(&bridge.settings.mapping).collect();
            let names = source
                .volatile()
                .iter()
                .filter(|name| is_read(name, reads, &expressions));
            used.extend(names.map(|name| (*name).to_owned()));
        }
        Ok(used)
    }
}

fn expressions(mapping: &Mapping) -> impl Iterator<Item = &str> {
    mapping.rules.iter().filter_map(|rule| match &rule.value {
        RuleValue::Expression(text) => Some(text.as_str()),
        RuleValue::Constant(_) => None,
    })
}

/// Whether a volatile part (`lastContact`, `volumes.freeSpace`) may be read. An inner part is taken as read unless
/// every mention of the outer one goes on to another member, as `volumes[0].capacity` does.
fn is_read(part: &str, reads: &TopLevel, expressions: &[&str]) -> bool {
    match part.split_once('.') {
        None => reads.reads(part),
        Some((outer, inner)) => {
            matches!(reads, TopLevel::All)
                || reads.reads(outer) && expressions.iter().any(|text| reaches(text, outer, inner))
        }
    }
}

fn reaches(expression: &str, outer: &str, inner: &str) -> bool {
    expression.match_indices(outer).any(|(at, _)| {
        let rest = &expression[at + outer.len()..];
        let rest = match rest.strip_prefix('[') {
            Some(index) => index.split_once(']').map_or("", |(_, rest)| rest),
            None => rest,
        };
        let member = rest.strip_prefix('.').unwrap_or("");
        let end = member
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(member.len());
        let member = &member[..end];
        member.is_empty() || member == inner
    })
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn take_page(
    writer: &mut SnapshotWriter,
    page: DevicePage,
    unreadable: &mut Vec<String>,
) -> Result<(), Error> {
    for device in page.devices {
        writer.device(device).await?;
    }
    for device in page.unreadable {
        writer.unreadable(device.id.as_ref());
        if unreadable.len() < 100 {
            let name = device.id.map_or_else(
                || "a device without a usable id".to_owned(),
                |id| format!("device {id}"),
            );
            unreadable.push(format!("{name}: {}", device.message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(part: &str, expression: &str) -> bool {
        let top: BTreeSet<String> = ["volumes".to_owned(), "lastContact".to_owned()].into();
        is_read(part, &TopLevel::Names(top), &[expression])
    }

    #[test]
    fn a_volatile_part_counts_only_where_a_rule_may_read_it() {
        assert!(check("lastContact", "lastContact"));
        assert!(!check("volumes.freeSpace", "volumes[0].capacity"));
        assert!(check("volumes.freeSpace", "volumes[0].freeSpace"));
        assert!(check("volumes.freeSpace", "volumes"));
        assert!(check("volumes.freeSpace", "to_string(volumes[0])"));
        assert!(check("volumes.freeSpace", "volumes[?name=='C:'] | [0]"));
        assert!(!check("volumes.freeSpace", "volumes[?name=='C:'].capacity | [0]"));
        assert!(
            !check("os.lastBootTime", "os.lastBootTime"),
            "`os` is not among the names that are read"
        );
        assert!(is_read("os.lastBootTime", &TopLevel::All, &["@.*"]));
    }
}
