//! A small estate behind a hub: a simulated NinjaOne joined to the registry, and a worker that runs what pages ask for.

use crate::world::{Answer, Visitor, World};
use connect::Secrets;
use engine::connecting::ConnectionRequest;
use engine::{Quiet, Work};
use jobs::{Queue, Worker, WorkerOptions};
use model::{Bridge, OrganizationMatch, PlanSummary, Verdict};
use simulators::ninjaone::{NinjaOne, Options};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub struct Estate {
    pub ninja: NinjaOne,
    pub bridge: Bridge,
}

impl Estate {
    /// 60 devices of four organizations were read, and a client is to be created for each; nothing was written.
    pub async fn read(world: &World, preset: &str) -> Self {
        let ninja = NinjaOne::start_on_loopback(Options {
            devices: 60,
            organizations: Some(4),
            ..Options::default()
        })
        .await
        .unwrap();
        let (engine, actor) = (&world.engine, &world.console);
        let request = |kind: &str, name: &str, settings, secrets| ConnectionRequest {
            kind: kind.to_owned(),
            name: name.to_owned(),
            settings,
            secrets,
            allow_private_hosts: true,
        };
        let settings = serde_json::json!({
            "region": "custom", "base_url": ninja.base_url(), "client_id": "demo-machine", "mode": "machine",
        });
        let secrets = Secrets::from([("client_secret".to_owned(), "demo-machine-secret".into())]);
        let source = engine
            .save_connection(actor, request("ninjaone", "our tenant", settings, secrets))
            .await
            .unwrap();
        engine.connect_machine(actor, &source.id).await.unwrap();
        let registry = request("registry", "registry", serde_json::json!({}), Secrets::new());
        let registry = engine.save_connection(actor, registry).await.unwrap();
        let bridge = engine
            .add_bridge(actor, "assets", &source.id, &registry.id, preset)
            .await
            .unwrap();
        let runner = engine.become_runner(actor).await.unwrap();
        let stop = CancellationToken::new();
        let work = Work {
            progress: &Quiet,
            stop: &stop,
        };
        engine
            .read(actor, &runner, &bridge.source, None, work)
            .await
            .unwrap();
        let matching = engine.matching(actor, &bridge).await.unwrap();
        let open = matching
            .rows
            .into_iter()
            .filter(|row| matches!(row.status, OrganizationMatch::Undecided { .. }))
            .map(|row| (row.organization.id, Some(Verdict::Create)));
        engine.decide(actor, &bridge, open.collect()).await.unwrap();
        runner.leave().await;
        Self {
            bridge: engine.find_bridge(actor, None).await.unwrap(),
            ninja,
        }
    }

    /// The bridge as it stands now.
    pub async fn now(&self, world: &World) -> Bridge {
        world.engine.find_bridge(&world.console, None).await.unwrap()
    }

    /// A plan of the whole bridge.
    pub async fn plan(&self, world: &World) -> PlanSummary {
        let (engine, actor) = (&world.engine, &world.console);
        let runner = engine.become_runner(actor).await.unwrap();
        let stop = CancellationToken::new();
        let work = Work {
            progress: &Quiet,
            stop: &stop,
        };
        let bridge = self.now(world).await;
        let plan = engine
            .make_plan(actor, &runner, &bridge, None, work)
            .await
            .unwrap();
        runner.leave().await;
        plan
    }
}

/// A worker that runs until `stop`.
pub async fn worker(world: &World, stop: &CancellationToken) -> JoinHandle<()> {
    let worker = Worker::begin(
        world.engine.clone(),
        Queue::open(world.store.clone()).await.unwrap(),
        &world.console,
        WorkerOptions { concurrency: 2 },
        stop.clone(),
    );
    tokio::spawn(worker.await.unwrap().run())
}

/// Runs the jobs that are in the queue now, one after the other, until none is left that could go on.
pub async fn work_off(world: &World) {
    let stop = CancellationToken::new();
    let worker = worker(world, &stop).await;
    let began = Instant::now();
    loop {
        let open = world.engine.open_jobs(&world.console).await.unwrap();
        let goes_on = open
            .iter()
            .any(|job| !matches!(job.state, jobs::JobState::Waiting));
        if !goes_on {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "jobs do not end: {open:#?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    worker.await.unwrap();
}

/// What a hidden field of a page holds.
pub fn hidden(page: &Answer, name: &str) -> String {
    let rest = page
        .body
        .split(&format!(r#"name="{name}" value=""#))
        .nth(1)
        .unwrap_or_else(|| panic!("no field {name}: {}", page.main()));
    rest.split('"').next().unwrap().to_owned()
}

/// Follows to the page an answer sends the browser to.
pub async fn follow(visitor: &mut Visitor, answer: &Answer) -> Answer {
    let to = answer
        .to()
        .unwrap_or_else(|| panic!("{} {}", answer.status, answer.body));
    let to = to.split('#').next().unwrap().to_owned();
    visitor.get(&to).await
}
