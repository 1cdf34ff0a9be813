//! What an account may be asked, by two processes together: counted where it arrives.

use connect::{Connectors, Secrets};
use engine::connecting::ConnectionRequest;
use engine::{Engine, EngineOptions};
use jiff::Timestamp;
use model::{Actor, Clock, ConnectionId};
use simulators::directory::{Directory, Fault, Mode, Options};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use testkit::{CountingRandom, TestStore};
use tokio::time::{Instant, sleep};

/// The clock of the machine: what is measured here is real time.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

const QUOTA: usize = 20;
const PER: Duration = Duration::from_secs(3);

struct Pair {
    engines: [Engine; 2],
    actor: Actor,
    id: ConnectionId,
    directory: Directory,
}

/// Two engines, with pools and ids of their own on one database, and a connection to a directory.
async fn pair(test: &TestStore, settings: &[(&str, u64)]) -> Pair {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = Directory::start(Options::default()).await.unwrap();
    let mut engines = Vec::new();
    for who in [7_u64, 8] {
        let random = Arc::new(CountingRandom::counting_from(who << 40));
        let store = Store::open(test.url(), TestStore::key(), Arc::new(SystemClock), random);
        let connectors = Connectors::new(vec![testkit::directory::connector()]);
        let options = EngineOptions::new(format!("process {who}"));
        engines.push(Engine::new(store.await.unwrap(), connectors, options));
    }
    let actor = crate::hub::owner();
    let mut all = serde_json::json!({ "base_url": directory.base_url() });
    for (key, value) in settings {
        all[*key] = (*value).into();
    }
    let request = ConnectionRequest {
        kind: "directory".to_owned(),
        name: "directory".to_owned(),
        settings: all,
        secrets: Secrets::from([("api_key".to_owned(), "directory-demo-key".into())]),
        allow_private_hosts: true,
    };
    let id = engines[0].save_connection(&actor, request).await.unwrap().id;
    let Ok(engines) = <[Engine; 2]>::try_from(engines) else {
        panic!("two were made")
    };
    Pair {
        engines,
        actor,
        id,
        directory,
    }
}

impl Pair {
    /// Asks as fast as it is let until `end`, from every engine with four tasks at once; how often each engine asked.
    async fn ask_until(&self, end: Instant) -> [usize; 2] {
        let ask = async |engine: &Engine| {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let (engine, actor, id) = (engine.clone(), self.actor.clone(), self.id.clone());
                    tokio::spawn(async move {
                        let mut asked = 0;
                        while Instant::now() < end {
                            engine.check(&actor, &id).await.unwrap();
                            asked += 1;
                        }
                        asked
                    })
                })
                .collect();
            let mut asked = 0;
            for task in tasks {
                asked += task.await.unwrap();
            }
            asked
        };
        let [one, other] = &self.engines;
        let (one, other) = tokio::join!(ask(one), ask(other));
        [one, other]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stretch_of_time_sees_more_requests_than_the_account_may_be_asked() {
    TestStore::on_every_engine(async |test| {
        let settings = [("quota", QUOTA as u64), ("quota_ms", 3_000)];
        let pair = pair(&test, &settings).await;
        let begun = Instant::now();
        let asked = pair.ask_until(begun + 3 * PER).await;
        let arrivals = pair.directory.arrivals();
        for (at, first) in arrivals.iter().enumerate() {
            let within = arrivals[at..].iter().take_while(|other| **other - *first < PER);
            assert!(
                within.count() <= QUOTA,
                "from request {at} on, after {:?}",
                *first - begun
            );
        }
        assert!(asked.iter().all(|asked| *asked > 0), "both get some: {asked:?}");
        // Without a budget this would be hundreds; with one that gave nothing back, no more than the first 20.
        assert!(
            arrivals.len() > QUOTA,
            "{} requests in {:?}",
            arrivals.len(),
            begun.elapsed()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_asked_of_one_process_is_kept_by_the_other() {
    TestStore::on_every_engine(async |test| {
        let pair = pair(&test, &[]).await;
        // Both are at work, and one of them is asked to wait.
        let asking = pair.ask_until(Instant::now() + Duration::from_secs(2));
        let interrupt = async {
            sleep(Duration::from_millis(500)).await;
            let away = Mode::TooManyRequests {
                retry_after: Some("3".to_owned()),
            };
            pair.directory.faults().add(Fault::once("*", away)).unwrap();
            while pair
                .directory
                .faults()
                .standing()
                .iter()
                .any(|one| one.struck == 0)
            {
                sleep(Duration::from_millis(1)).await;
            }
            Instant::now()
        };
        let (_, told) = tokio::join!(asking, interrupt);
        let late: Vec<_> = pair
            .directory
            .arrivals()
            .into_iter()
            .filter_map(|at| at.checked_duration_since(told))
            .collect();
        // Whoever was not told looks once a second; what was under way arrives.
        let quiet = Duration::from_millis(1_200)..Duration::from_millis(2_950);
        assert!(!late.iter().any(|after| quiet.contains(after)), "{late:?}");
        assert!(
            late.iter().any(|after| *after >= quiet.end),
            "it goes on afterwards"
        );
    })
    .await;
}
