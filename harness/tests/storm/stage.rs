//! A simulated NinjaOne, a connection with a grant, and processes that use it.

use connect::callback::{CallbackListener, Ending};
use connect::{Connectors, Secrets};
use engine::connecting::ConnectionRequest;
use engine::{Engine, EngineOptions};
use jiff::{SignedDuration, Timestamp};
use model::{Actor, Clock as _, Connection, ConnectionId};
use secrecy::ExposeSecret as _;
use simulators::clock::SettableClock;
use simulators::ninjaone::oauth::{OauthOptions, Rotation};
use simulators::ninjaone::{NinjaOne, Options};
use simulators::technician::Technician;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use store::{DatabaseUrl, Store};
use testkit::TestStore;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const CALLBACK: &str = "/ninja/oauth/resp";
const PROCESSES: usize = 3;
/// Tasks of each process.
const TASKS: usize = 50;

/// What the tasks of all processes got.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Tokens, and how many tasks got each.
    pub tokens: BTreeMap<String, usize>,
    /// Kinds of failures, and how many tasks met each.
    pub failed: BTreeMap<String, usize>,
    /// Processes that ended.
    pub dead: usize,
}

/// One process of `token-user`.
struct Process {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

pub struct Stage {
    pub ninja: NinjaOne,
    pub engine: Engine,
    pub store: Store,
    pub actor: Actor,
    pub id: ConnectionId,
    vendor_clock: Arc<SettableClock>,
    processes: Vec<Process>,
    test: TestStore,
}

impl Stage {
    /// A connection a technician consented to, and the processes.
    pub async fn new(on: testkit::Engine, rotation: Rotation) -> Self {
        // Somebody else may have installed one already in this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let test = TestStore::new(on).await;
        let vendor_clock = Arc::new(SettableClock::new(test.clock().now()));
        let ninja = NinjaOne::start_on_loopback(Options {
            devices: 10,
            oauth: OauthOptions {
                rotation,
                ..OauthOptions::default()
            },
            clock: vendor_clock.clone(),
            ..Options::default()
        })
        .await
        .unwrap();
        let store = (*test).clone();
        let connectors = Connectors::new(vec![ninjaone::connector()]);
        let engine = Engine::new(store.clone(), connectors, EngineOptions::new("the storm"));
        let actor = Actor::Console {
            user: "storm".to_owned(),
        };
        let request = ConnectionRequest {
            kind: "ninjaone".to_owned(),
            name: "ninjaone".to_owned(),
            settings: serde_json::json!({
                "region": "custom", "base_url": ninja.base_url(), "client_id": "demo-web",
            }),
            secrets: Secrets::from([("client_secret".to_owned(), "demo-web-secret".into())]),
            allow_private_hosts: true,
        };
        let id = engine.save_connection(&actor, request).await.unwrap().id;
        let mut stage = Self {
            ninja,
            engine,
            store,
            actor,
            id,
            vendor_clock,
            processes: Vec::new(),
            test,
        };
        stage.consent().await;
        for _ in 0..PROCESSES {
            let process = stage.start().await;
            stage.processes.push(process);
        }
        stage
    }

    /// A technician agrees at the browser.
    pub async fn consent(&self) {
        let listener = CallbackListener::bind(0, &[CALLBACK]).await.unwrap();
        let redirect = listener.redirect();
        self.ninja.grants().add_redirect_uri("demo-web", &redirect);
        let begun = self.engine.begin_consent(&self.actor, &self.id, &redirect).await;
        let pending = begun.unwrap();
        let technician = Technician {
            email: "tech@example.test".to_owned(),
            password: "demo-password".to_owned(),
            agrees: true,
        };
        let waiting = listener.wait(&pending.state, Duration::from_secs(20));
        let (_page, ()) = tokio::join!(technician.consent(&pending.url, &redirect), async {
            let callback = waiting.await.unwrap();
            let finished = self
                .engine
                .finish_consent(&self.actor, &self.id, &pending, callback.query())
                .await;
            callback.answer(Ending::Complete).await;
            finished.unwrap();
        });
    }

    async fn start(&self) -> Process {
        let database = match self.test.url() {
            DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseUrl::Postgres(address) => address.clone(),
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_token-user"))
            .args([database.as_str(), self.id.as_str(), &self.ninja.base_url()])
            .arg(TASKS.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(from.next_line().await.unwrap().as_deref(), Some("done"));
        Process { child, to, from }
    }

    /// An hour passes, so that the token has ended, and every task of every process wants one. With a crash point, the
    /// process that comes to it ends there, the turn it held runs out, and another process takes its place.
    pub async fn round(&mut self, point: Option<&str>) -> Outcome {
        let now = self.test.clock().advance(SignedDuration::from_secs(3601));
        self.vendor_clock.set(now);
        self.again(point).await
    }

    /// The same without the hour.
    pub async fn again(&mut self, point: Option<&str>) -> Outcome {
        let now: Timestamp = self.test.clock().now();
        let line = format!("round {} {}\n", now.as_second(), point.unwrap_or("-"));
        for process in &mut self.processes {
            process.to.write_all(line.as_bytes()).await.unwrap();
        }
        let mut outcome = Outcome::default();
        if point.is_some() {
            let dead = timeout(crate::LIMIT, first_to_end(&mut self.processes)).await;
            drop(
                self.processes
                    .remove(dead.expect("a process comes to its crash point")),
            );
            outcome.dead = 1;
            for process in &mut self.processes {
                process.to.write_all(b"disarm\n").await.unwrap();
            }
            self.let_the_turn_run_out().await;
        }
        for process in &mut self.processes {
            let read = timeout(crate::LIMIT, process.read(&mut outcome)).await;
            read.expect("a process answers");
        }
        while self.processes.len() < PROCESSES {
            let process = self.start().await;
            self.processes.push(process);
        }
        outcome
    }

    /// A round in which the answer to the refresh is lost after the vendor has rotated.
    pub async fn lose_the_answer(&mut self) -> Outcome {
        let fault = self.ninja.faults().next("*/oauth/token", 1, crate::LOST);
        let outcome = self.round(None).await;
        assert_eq!(self.struck(fault), 1);
        outcome
    }

    /// What would take a minute and a half of the database's time.
    async fn let_the_turn_run_out(&self) {
        let expire = "UPDATE connection_grant SET refresh_until = refresh_until - 91000000";
        self.test.sql(expire).await;
    }

    /// How often the vendor was asked for a refresh.
    pub fn calls(&self) -> u64 {
        self.ninja.grants().token_calls().refresh_token
    }

    /// How often a fault struck.
    pub fn struck(&self, number: u64) -> u64 {
        let standing = self.ninja.faults().standing();
        let found = standing.iter().find(|one| one.number == number);
        found.map_or(0, |one| one.struck)
    }

    /// The stored access token.
    pub async fn stored(&self) -> String {
        let grant = self.store.grants(&self.id).load().await.unwrap().unwrap();
        grant.access_token.expose_secret().to_owned()
    }

    pub async fn connection(&self) -> Connection {
        self.store.connection(&self.id).await.unwrap()
    }

    /// Lets every process end by itself.
    pub async fn end(self) {
        for process in self.processes {
            let Process { mut child, to, from } = process;
            drop(to);
            drop(from);
            assert!(child.wait().await.unwrap().success());
        }
    }
}

impl Process {
    async fn read(&mut self, outcome: &mut Outcome) {
        loop {
            let line = self.from.next_line().await.unwrap().expect("it goes on");
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["done"] => return,
                [what, which, tasks] => {
                    let place = match *what {
                        "token" => &mut outcome.tokens,
                        _ => &mut outcome.failed,
                    };
                    *place.entry((*which).to_owned()).or_default() += tasks.parse::<usize>().unwrap();
                }
                _ => panic!("{line}"),
            }
        }
    }
}

/// The place of the process that ends first.
async fn first_to_end(processes: &mut [Process]) -> usize {
    loop {
        for (place, process) in processes.iter_mut().enumerate() {
            if process.child.try_wait().unwrap().is_some() {
                return place;
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
