//! The hub's data, opened beside its processes.

use crate::scene::{DEADLINE_MS, SECRETS, SETTLE_MS, World};
use connect::budget::Quota;
use connect::{Connectors, Secrets};
use engine::connecting::ConnectionRequest;
use engine::{Engine, EngineOptions, Quiet, Work};
use jiff::{SignedDuration, Timestamp};
use jobs::{JobKind, NewSchedule, Queue};
use model::mapping::NewField;
use model::{
    Actor, Bridge, Clock, FieldRule, FieldType, Mapping, OrganizationMatch, Owner, Random, RuleValue,
    SiteRule, Verdict,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{AuditMark, DatabaseUrl, JobFilter, JobState, KeyRing, Scheduled, Store};
use tokio_util::sync::CancellationToken;

/// The clock of the machine, which the harness may read as of a while ago.
#[derive(Debug, Default)]
pub struct HarnessClock {
    /// By so many seconds.
    back: AtomicI64,
}

impl Clock for HarnessClock {
    #[expect(clippy::disallowed_methods, reason = "the harness runs in real time")]
    fn now(&self) -> Timestamp {
        Timestamp::now() - SignedDuration::from_secs(self.back.load(Ordering::SeqCst))
    }
}

/// The randomness of the machine.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::Rng::fill_bytes(&mut rand::rng(), bytes);
    }
}

/// The hub's data, opened beside its processes.
pub struct Hub {
    /// The use cases.
    pub engine: Engine,
    /// The data.
    pub store: Store,
    /// Who acts.
    pub actor: Actor,
    /// The queue.
    pub queue: Queue,
    /// One for each source, by the name of its bridge.
    pub bridges: Vec<Bridge>,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The registry is the destination, and not the reference directory; said before [`Hub::set_up`].
    pub to_registry: bool,
    /// How many assets the directory is sent in one request; said before [`Hub::set_up`].
    pub batch: u64,
    /// What all processes together may ask the directory; said before [`Hub::set_up`].
    pub quota: Option<Quota>,
    clock: Arc<HarnessClock>,
    stop: CancellationToken,
}

impl Hub {
    /// Opens the data in `data_dir`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(data_dir: &Path, database: Option<&str>) -> anyhow::Result<Self> {
        let keys = KeyRing::from_file(&data_dir.join("master.key"), &SystemRandom)?;
        let url = match database {
            Some(address) => DatabaseUrl::parse(address)?,
            None => DatabaseUrl::Sqlite(data_dir.join("rmmbridge.db")),
        };
        let clock = Arc::new(HarnessClock::default());
        let store = Store::open(&url, keys, clock.clone(), Arc::new(SystemRandom)).await?;
        let connectors = Connectors::new(vec![
            ninjaone::connector(),
            registry::connector(store.clone()),
            testkit::directory::connector(),
        ]);
        let options = EngineOptions {
            audit_mark: Some(AuditMark::at(data_dir.join("audit.head"))),
            ..EngineOptions::new("the harness")
        };
        Ok(Self {
            engine: Engine::new(store.clone(), connectors, options),
            queue: Queue::open(store.clone()).await?,
            bridges: vec![],
            to_registry: false,
            batch: 1,
            quota: None,
            data_dir: data_dir.to_owned(),
            clock,
            store,
            actor: Actor::Console {
                user: "harness".to_owned(),
            },
            stop: CancellationToken::new(),
        })
    }

    /// Connects both sides, reads once, and decides that every organization becomes a client.
    ///
    /// # Errors
    /// When one of them does not answer as it should.
    pub async fn set_up(&mut self, world: &World) -> anyhow::Result<()> {
        let destination = match self.to_registry {
            true => self.engine.registry_connection(&self.actor).await?.id,
            false => {
                self.save("directory", "destination", &world.directory.base_url())
                    .await?
            }
        };
        for (number, ninja) in world.ninjas.iter().enumerate() {
            let source = self
                .save("ninjaone", &format!("source {number}"), &ninja.base_url())
                .await?;
            self.engine.connect_machine(&self.actor, &source).await?;
            let bridge = self
                .engine
                .add_bridge(
                    &self.actor,
                    &format!("assets {number}"),
                    &source,
                    &destination,
                    "default",
                )
                .await?;
            let bridge = self.map_fields(&bridge).await?;
            let runner = self.engine.become_runner(&self.actor).await?;
            let work = Work {
                progress: &Quiet,
                stop: &self.stop,
            };
            self.engine
                .read(&self.actor, &runner, &bridge.source, None, work)
                .await?;
            runner.leave().await;
            self.decide_all(&bridge).await?;
            let schedule = NewSchedule {
                bridge: bridge.id.clone(),
                what: Scheduled::PlanOnly,
                cron: "* * * * *".to_owned(),
                zone: "UTC".to_owned(),
            };
            self.queue.set_schedule(&self.actor, &schedule).await?;
            self.bridges.push(bridge);
        }
        Ok(())
    }

    /// Lets the next worker that looks find a tick of each schedule due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn let_schedules_tick(&self) -> anyhow::Result<()> {
        self.clock.back.store(600, Ordering::SeqCst);
        for schedule in self.store.schedules().await? {
            // Setting one counts its ticks from now on: from ten minutes ago, here.
            self.store
                .set_schedule(&schedule.bridge, schedule.what, &schedule.cron, &schedule.zone)
                .await?;
        }
        self.clock.back.store(0, Ordering::SeqCst);
        Ok(())
    }

    /// Sees to it that a worker finds something to do on every bridge: a sync that nobody asked for yet is asked for,
    /// and one that pauses goes on now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_work(&self) -> anyhow::Result<()> {
        for bridge in &self.bridges {
            let mut tx = self.store.transaction().await?;
            let open = self.store.open_jobs(&mut tx, &bridge.id, "sync").await?;
            drop(tx);
            if open.is_empty() {
                let kind = JobKind::Sync {
                    bridge: bridge.id.clone(),
                    client: None,
                    confirmed: true,
                };
                let key = format!("harness:{}", self.store.new_id());
                self.queue.enqueue(&self.actor, &key, &kind).await?;
            }
        }
        self.hurry().await
    }

    /// Lets jobs that pause after a failure go on now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hurry(&self) -> anyhow::Result<()> {
        let soon = self.store.clock().now() + SignedDuration::from_millis(1500);
        for job in self.queue.jobs(&JobFilter::default(), 100).await? {
            if job.state == JobState::Queued && job.due > soon {
                // An error says that it went on meanwhile.
                let _ = self.queue.retry(&self.actor, &job.id).await;
            }
        }
        Ok(())
    }

    /// The directory's fields are its own, and it has not all of them yet; neither has the registry.
    async fn map_fields(&self, bridge: &Bridge) -> anyhow::Result<Bridge> {
        let rule = |target: &str, expression: &str| FieldRule {
            target: target.to_owned(),
            value: RuleValue::Expression(expression.to_owned()),
            transform: None,
            owner: Owner::Source,
            clear: false,
            create: None,
        };
        let mut settings = bridge.settings.clone();
        settings.sites = SiteRule::SameName;
        // An undo archives what its run created, however much that is: that the brakes would stop it is tested elsewhere.
        settings.brakes.archive_share = 1.0;
        settings.mapping = Mapping {
            fixed_by: None,
            rules: vec![
                rule("name", "displayName || systemName || dnsName"),
                rule(
                    if self.to_registry {
                        "serialNumber"
                    } else {
                        "serial_number"
                    },
                    "system.serialNumber",
                ),
                FieldRule {
                    create: Some(NewField {
                        label: "Device class".to_owned(),
                        field_type: FieldType::Text,
                    }),
                    ..rule("device_class", "nodeClass")
                },
            ],
        };
        Ok(self.engine.change_bridge(&self.actor, bridge, settings).await?)
    }

    async fn save(&self, kind: &str, name: &str, base_url: &str) -> anyhow::Result<model::ConnectionId> {
        let (settings, secret) = match kind {
            "ninjaone" => (
                serde_json::json!({ "region": "custom", "base_url": base_url, "client_id": "demo-machine", "mode": "machine" }),
                ("client_secret", SECRETS[0]),
            ),
            _ => {
                let mut settings = serde_json::json!({
                    "base_url": base_url, "batch": self.batch, "requests_at_once": 4,
                    "deadline_ms": DEADLINE_MS, "settle_ms": SETTLE_MS,
                });
                if let Some(quota) = self.quota {
                    settings["quota"] = quota.requests.into();
                    settings["quota_ms"] = u64::try_from(quota.per.as_millis())?.into();
                }
                (settings, ("api_key", SECRETS[1]))
            }
        };
        let request = ConnectionRequest {
            kind: kind.to_owned(),
            name: name.to_owned(),
            settings,
            secrets: Secrets::from([(secret.0.to_owned(), secret.1.into())]),
            allow_private_hosts: true,
        };
        Ok(self.engine.save_connection(&self.actor, request).await?.id)
    }

    /// Decides that every organization that is nobody's yet becomes a client.
    ///
    /// # Errors
    /// When the store fails or the directory does not answer.
    pub async fn decide_all(&self, bridge: &Bridge) -> anyhow::Result<()> {
        let matching = self.engine.matching(&self.actor, bridge).await?;
        let open: Vec<_> = matching
            .rows
            .into_iter()
            .filter(|row| matches!(row.status, OrganizationMatch::Undecided { .. }))
            .map(|row| (row.organization.id, Some(Verdict::Create)))
            .collect();
        if !open.is_empty() {
            self.engine.decide(&self.actor, bridge, open).await?;
        }
        Ok(())
    }
}
