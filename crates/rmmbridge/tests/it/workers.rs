//! Workers as people run them: what is given to them, what they share, and what is left when one is killed.

use crate::program::{MASTER_KEY, Program, Running};
use crate::tenant::{another_ninja, bridge, connect_machine, counted, ninja, typed_twice};
use jobs::{JobKind, Queue};
use model::{Actor, ConnectionState};
use serde_json::Value;
use simulators::faults::Effect;
use simulators::ninjaone::NinjaOne;
use std::time::{Duration, Instant};
use store::{DatabaseUrl, Store};
use testkit::{Engine, TestStore};

/// How long to wait for what a worker does by itself: far longer than it takes, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program on a database of one engine, and the same database as its tests see it.
struct Place {
    program: Program,
    store: Store,
    postgres: Option<TestStore>,
}

impl Place {
    async fn new(engine: Engine) -> Self {
        if engine == Engine::Sqlite {
            let program = Program::new();
            program.works(&["runs"]);
            let store = program.store().await;
            return Self {
                program,
                store,
                postgres: None,
            };
        }
        let test = TestStore::new(engine).await;
        Self {
            program: on(&test),
            store: (*test).clone(),
            postgres: Some(test),
        }
    }

    /// A bridge of that name from a connection of its own, which creates a client for every organization.
    fn bridge(&self, ninja: &NinjaOne, name: &str) {
        let ran = connect_machine(&self.program, &ninja.base_url(), &["--name", name]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        let add = ["bridge", "add", "--name", name, "--from", name];
        self.program
            .works(&[&add[..], &["--preset", "humanizeit"]].concat());
        let yaml = self
            .program
            .works(&["export"])
            .replace("new_organizations: ask", "new_organizations: create");
        let file = self.program.file("willing.yaml", yaml);
        self.program.works(&["import", "config", &file]);
    }

    async fn ask_for_sync(&self, bridge: &str, key: &str) -> String {
        let bridges = self.store.bridges().await.unwrap();
        let bridge = bridges.into_iter().find(|b| b.name == bridge).unwrap();
        let kind = JobKind::Sync {
            bridge: bridge.id,
            client: None,
            confirmed: true,
        };
        self.ask_for(&kind, key).await
    }

    async fn ask_for(&self, kind: &JobKind, key: &str) -> String {
        let queue = Queue::open(self.store.clone()).await.unwrap();
        let actor = Actor::Console {
            user: "tester".to_owned(),
        };
        queue.enqueue(&actor, key, kind).await.unwrap().id.unwrap()
    }

    /// Waits until a job is as it should be.
    fn until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let listed = self.program.json(&["jobs", "--last", "100"]);
            let jobs = listed["jobs"].as_array().unwrap();
            let job = jobs.iter().find(|job| job["id"] == id).unwrap();
            if wanted(job) {
                return job.clone();
            }
            assert!(began.elapsed() < PATIENCE, "{job:#}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn until_done(&self, id: &str) -> Value {
        self.until(id, |job| job["state"] == "done")
    }
}

/// A program on this PostgreSQL database, with a data directory of its own, as on a machine of its own.
fn on(test: &TestStore) -> Program {
    let DatabaseUrl::Postgres(address) = test.url() else {
        panic!("{:?} is PostgreSQL", test.url());
    };
    Program::new()
        .with("RMMBRIDGE_DATABASE", address)
        .with("RMMBRIDGE_MASTER_KEY", MASTER_KEY)
}

fn worker(program: &Program, more: &[&str]) -> Running {
    let running = program.start(&[&["worker"], more].concat());
    running.says("worker: ready");
    running
}

fn stop(worker: Running) {
    worker.signal("TERM");
    let ran = worker.end();
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.err.contains("worker: stopped"), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_may_pass_is_tried_again_after_a_pause() {
    for engine in Engine::available() {
        let (place, ninja) = (Place::new(engine).await, ninja(60).await);
        place.bridge(&ninja, "assets");
        ninja.faults().always("/v2/*", Effect::Status { status: 503 });
        let worker = worker(&place.program, &[]);
        let id = place.ask_for_sync("assets", "request:1").await;
        let job = place.until(&id, |job| job["state"] == "queued" && job["attempt"] == 1);
        let time = |name: &str| job[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let pause = time("started").duration_until(time("due"));
        assert!(pause.as_secs() >= 60, "{job:#}");
        assert!(job["reason"].as_str().unwrap().contains("503"), "{job:#}");
        // Whoever mended it need not wait.
        ninja.faults().clear();
        place.program.works(&["jobs", "retry", &id]);
        let job = place.until_done(&id);
        assert_eq!(job["result"]["read"]["devices"], 60, "{job:#}");
        assert_eq!(counted(&place.program).0, 60);
        stop(worker);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_for_its_connection_and_goes_on_when_it_is_back() {
    for engine in Engine::available() {
        let (place, ninja) = (Place::new(engine).await, ninja(60).await);
        place.bridge(&ninja, "assets");
        let connection = place.store.connection_named("assets").await.unwrap().unwrap();
        let state = async |state| {
            place
                .store
                .set_connection_state(&connection.id, &state)
                .await
                .unwrap()
        };
        state(ConnectionState::NeedsAuthorization).await;
        let worker = worker(&place.program, &[]);
        let id = place.ask_for_sync("assets", "request:1").await;
        let job = place.until(&id, |job| job["state"] == "waiting");
        assert!(
            job["reason"].as_str().unwrap().contains("Needs authorization"),
            "{job:#}"
        );
        state(ConnectionState::Connected).await;
        place.until_done(&id);
        stop(worker);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_job_is_taken_up_again_and_nothing_is_there_twice() {
    for engine in Engine::available() {
        let (place, ninja) = (Place::new(engine).await, ninja(600).await);
        place.bridge(&ninja, "assets");
        ninja.faults().always("/v2/*", Effect::Latency { ms: 100 });
        let first = worker(&place.program, &[]);
        let id = place.ask_for_sync("assets", "request:1").await;
        place.until(&id, |job| job["state"] != "queued");
        first.signal("KILL");
        assert_eq!(first.end().code, None);
        let left = place.until(&id, |_| true);
        assert_eq!(left["state"], "running", "killed in the middle: {left:#}");
        let again = worker(&place.program, &[]);
        let done = place.until_done(&id);
        assert_eq!(done["result"]["read"]["devices"], 600, "{done:#}");
        // What it left in doubt, if it came so far, is looked up by a job of its own.
        let listed = place.program.json(&["jobs"]);
        for job in listed["jobs"].as_array().unwrap() {
            place.until_done(job["id"].as_str().unwrap());
        }
        stop(again);
        assert_eq!(counted(&place.program), (600, 4));
        let runs = place.program.json(&["runs"]);
        assert!(
            runs.as_array()
                .unwrap()
                .iter()
                .all(|run| run["state"] != "running"),
            "{runs:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_hands_its_job_back() {
    let (place, ninja) = (Place::new(Engine::Sqlite).await, ninja(60).await);
    place.bridge(&ninja, "assets");
    ninja.faults().always("/v2/*", Effect::Latency { ms: 60_000 });
    let first = worker(&place.program, &[]);
    let id = place.ask_for_sync("assets", "request:1").await;
    place.until(&id, |job| job["state"] == "running");
    stop(first);
    let job = place.until(&id, |_| true);
    assert_eq!(
        (&job["state"], &job["attempt"]),
        (&"queued".into(), &0.into()),
        "{job:#}"
    );
    ninja.faults().clear();
    let again = worker(&place.program, &[]);
    place.until_done(&id);
    stop(again);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_two_bridges_and_never_one() {
    if !Engine::available().contains(&Engine::Postgres) {
        return;
    }
    let place = Place::new(Engine::Postgres).await;
    // Two tenants: one that is bridged twice would be adopted by whoever comes second.
    let (ninja, other) = (ninja(60).await, another_ninja(60).await);
    place.bridge(&ninja, "north");
    place.bridge(&other, "south");
    for tenant in [&ninja, &other] {
        tenant.faults().always("/v2/*", Effect::Latency { ms: 150 });
    }
    let test = place.postgres.as_ref().unwrap();
    let elsewhere = on(test);
    let workers = [
        worker(&place.program, &["--concurrency", "1"]),
        worker(&elsewhere, &["--concurrency", "1"]),
    ];
    let mut jobs = Vec::new();
    for n in 0..3 {
        for name in ["north", "south"] {
            jobs.push(place.ask_for_sync(name, &format!("request:{name}:{n}")).await);
        }
    }
    for id in &jobs {
        place.until_done(id);
    }
    assert_eq!(
        test.sql("SELECT COUNT(DISTINCT holder) FROM run").await,
        2,
        "both worked"
    );
    let at_once = |what: &str| {
        format!(
            "SELECT COUNT(*) FROM run a JOIN run b ON a.id < b.id AND a.{what} = b.{what} AND a.kind = b.kind
             WHERE a.started < b.finished AND b.started < a.finished"
        )
    };
    assert_eq!(test.sql(&at_once("connection_id")).await, 0);
    assert_eq!(test.sql(&at_once("bridge_id")).await, 0);
    assert_eq!(counted(&place.program).0, 120, "each bridge has its own 60");
    // A command works beside them, on a bridge that is free.
    place.program.works(&["sync", "--bridge", "north"]);
    // What a killed worker was at goes to the other.
    let id = place.ask_for_sync("south", "request:last").await;
    place.until(&id, |job| job["state"] == "running");
    let [one, two] = workers;
    one.signal("KILL");
    one.end();
    place.until_done(&id);
    stop(two);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_command_gives_its_work_to_the_worker_and_follows_it() {
    let (place, ninja) = (Place::new(Engine::Sqlite).await, ninja(60).await);
    place.bridge(&ninja, "assets");
    let program = &place.program;
    let worker = worker(program, &[]);
    program.refuses_with(
        5,
        &["worker"],
        &["another rmmbridge is at work", "rmmbridge worker"],
    );
    let planned = program.ends(0, &["plan", "--read"]);
    assert!(planned.err.contains("given to rmmbridge worker"), "{planned:#?}");
    assert!(planned.out.contains("60"), "{planned:#?}");
    let applied = program.ends(0, &["apply"]);
    assert!(applied.out.contains("written"), "{applied:#?}");
    assert_eq!(counted(program), (60, 4));
    let synced = program.ends(0, &["sync"]);
    assert!(synced.out.contains("Read 60 devices"), "{synced:#?}");
    assert_eq!(program.json(&["sync"])["read"]["devices"], 60);
    // What the worker cannot do either is said as it would have been.
    ninja.faults().always("/v2/*", Effect::Latency { ms: 60_000 });
    let following = program.start(&["sync"]);
    following.says("Reading");
    following.signal("INT");
    let left = following.end();
    assert_eq!(left.code, Some(130), "{left:#?}");
    assert!(left.err.contains("goes on at the worker"), "{left:#?}");
    stop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_set_listed_paused_and_removed() {
    let (place, ninja) = (Place::new(Engine::Sqlite).await, ninja(10).await);
    place.bridge(&ninja, "assets");
    let program = &place.program;
    let set = [
        "schedule",
        "set",
        "assets",
        "--cron",
        "0 */2 * * *",
        "--zone",
        "Europe/Berlin",
    ];
    assert!(program.works(&set).contains("Europe/Berlin"));
    program.works(&[&set[..], &["--plan-only"]].concat());
    let listed = program.json(&["schedule", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed:#}");
    assert!(listed[0]["next_tick"].is_string(), "{listed:#}");
    let told = program.works(&["schedule", "pause", "assets", "--reason", "the move"]);
    assert!(told.contains("paused: the move"), "{told}");
    assert!(
        !program
            .works(&["schedule", "resume", "assets"])
            .contains("paused")
    );
    program.works(&["schedule", "remove", "assets", "--plan-only"]);
    assert_eq!(program.json(&["schedule", "list"]).as_array().unwrap().len(), 1);
    program.refuses(
        &["schedule", "remove", "assets", "--plan-only"],
        &["plan_only", "schedule list"],
    );
    let wrong = ["schedule", "set", "assets", "--cron", "at night"];
    program.refuses(&wrong, &["at night", "0 */2 * * *"]);
    let wrong = [
        "schedule",
        "set",
        "assets",
        "--cron",
        "0 2 * * *",
        "--zone",
        "Berlin",
    ];
    program.refuses(&wrong, &["`Berlin`", "Europe/Berlin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_taken_back_while_a_worker_runs() {
    for engine in Engine::available() {
        let (place, ninja) = (Place::new(engine).await, ninja(60).await);
        place.bridge(&ninja, "assets");
        place.program.run(&["sync"]);
        let run = place.program.json(&["runs"])[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let device = place.program.json(&["assets", "--limit", "1"])[0]["asset"]["source_id"].clone();
        let worker = worker(&place.program, &[]);
        let looked = place.program.works(&["undo", &run]);
        assert!(looked.contains("Nothing was written"), "{looked}");
        let one = ["undo", &run, "--record", device.as_str().unwrap(), "--yes"];
        let ran = place.program.run(&one);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.out.contains("1 written"), "{ran:#?}");
        if engine == Engine::Sqlite {
            assert!(
                ran.err.contains("given to"),
                "the worker has the database: {ran:#?}"
            );
        }
        assert_eq!(counted(&place.program).0, 59, "one is archived");
        stop(worker);
        ninja.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn which_of_two_it_is_can_be_said_while_a_worker_runs() {
    for engine in Engine::available() {
        let (place, ninja) = (Place::new(engine).await, ninja(60).await);
        bridge(&place.program, &ninja, "humanizeit");
        place.program.run(&["plan", "--read"]);
        let (_, name) = ninja.organizations().remove(0);
        let (device, [kept, other]) = typed_twice(&place.program, &place.store, &name).await;
        let worker = worker(&place.program, &[]);
        let listed = place.program.run(&["duplicates"]);
        assert!(
            listed.out.contains(&kept) && listed.out.contains(&other),
            "{listed:#?}"
        );
        let ran = place.program.run(&["duplicates", "link", &device, &kept]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        if engine == Engine::Sqlite {
            assert!(
                ran.err.contains("given to"),
                "the worker has the database: {ran:#?}"
            );
        }
        place.program.works(&["duplicates"]);
        // Again: it is no question any more, and the command says so.
        let again = place.program.run(&["duplicates", "link", &device, &other]);
        assert_ne!(again.code, Some(0), "{again:#?}");
        assert!(again.err.contains("duplicate"), "{again:#?}");
        stop(worker);
        ninja.shutdown().await;
    }
}
