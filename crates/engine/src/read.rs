//! Reading a source into a snapshot.

use crate::engine::{Engine, Runner, require};
use crate::error::{Error, Result};
use crate::progress::Work;
use connect::{DevicePage, DevicesRequest, Source};
use model::{Actor, ActorRole, Connection, ConnectionId, RunKind, RunState, SourceId};
use std::collections::BTreeSet;
use std::sync::Arc;
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
        _runner: &Runner,
        id: &ConnectionId,
        organization: Option<SourceId>,
        work: Work<'_>,
    ) -> Result<ReadReport> {
        require(actor, ActorRole::Technician, "read a source")?;
        let (connection, source) = self.open_source(id).await?;
        let mut run = self
            .store
            .begin_run(
                RunKind::Read {
                    connection: id.clone(),
                },
                &actor.to_string(),
            )
            .await?;
        let result = self.read_pass(&connection, source, organization, work).await;
        let state = match &result {
            Ok(report) => {
                run.counts.done = report.snapshot.devices;
                run.counts.failed = report.unreadable.len() as u64;
                RunState::Finished
            }
            Err(error) => RunState::Failed {
                reason: error.to_string(),
            },
        };
        self.store.end_run(&mut run, state).await?;
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
        let (organizations, locations, roles) = match lists.await {
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
        while let Some(page) = pages.recv().await {
            work.check()?;
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
        let snapshot = writer
            .finish(&organizations, &locations, &roles, read.requests)
            .await?;
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
            let names = source
                .volatile()
                .iter()
                .filter(|name| mapping.compiled.uses_top_level().reads(name));
            used.extend(names.map(|name| (*name).to_owned()));
        }
        Ok(used)
    }
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
