//! What an account may be asked holds across processes, counted where it arrives: two workers, each at a bridge of its own
//! into one directory, and one of them killed on the way.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use connect::budget::Quota;
use harness::child::{Program, Running};
use harness::hub::Hub;
use harness::scene::World;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use store::{DatabaseUrl, JobFilter, JobState};
use testkit::{Engine, TestDatabase};
use tokio::time::{Instant, sleep};

const QUOTA: Quota = Quota {
    requests: 20,
    per: Duration::from_secs(3),
};
/// More than the quota lets through in the time a test may take: both workers are at it all the while.
const DEVICES: usize = 150;

fn worker(of: &TestDatabase, address: &str) -> Running {
    let program = Program {
        path: Path::new(env!("CARGO_BIN_EXE_under-test")).to_owned(),
        data_dir: of.directory().to_owned(),
        database: Some(address.to_owned()),
        told: vec![
            // What the one that is killed was at goes on with the next soon.
            ("RMMBRIDGE_LEASE_MS", "2000".to_owned()),
            // A write waits for its turn, however long that takes.
            ("RMMBRIDGE_SEND_WITHIN_MS", "20000".to_owned()),
        ],
        jumps: None,
    };
    program.start(&["worker", "--concurrency", "1"], None).unwrap()
}

/// Who is at a sync at this moment.
async fn at_work(hub: &Hub) -> BTreeSet<String> {
    let jobs = hub.queue.jobs(&JobFilter::default(), 100).await.unwrap();
    jobs.into_iter()
        .filter(|job| job.kind == "sync" && job.state == JobState::Running)
        .filter_map(|job| job.holder)
        .collect()
}

/// Waits until so many are at work of whom nobody is among `but`; who they are.
async fn until_at_work(hub: &Hub, count: usize, but: &BTreeSet<String>) -> BTreeSet<String> {
    let since = Instant::now();
    loop {
        let found = at_work(hub).await;
        if found.len() == count && (but.is_empty() || found != *but) {
            return found;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "at work: {found:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_and_the_next_of_one_that_was_killed_ask_no_more_than_the_account_may_be_asked() {
    if !Engine::available().contains(&Engine::Postgres) {
        eprintln!("skipped: several workers need PostgreSQL (RMMBRIDGE_TEST_POSTGRES)");
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let database = TestDatabase::new(Engine::Postgres).await;
    let DatabaseUrl::Postgres(address) = database.url() else {
        panic!("{database:?}")
    };
    let world = World::start(2, DEVICES, 7).await.unwrap();
    let mut hub = Hub::open(database.directory(), Some(address)).await.unwrap();
    hub.quota = Some(QUOTA);
    hub.set_up(&world).await.unwrap();
    hub.give_work().await.unwrap();

    let (mut first, mut second) = (worker(&database, address), worker(&database, address));
    let both = until_at_work(&hub, 2, &BTreeSet::new()).await;
    sleep(QUOTA.per).await;
    first.kill().unwrap();
    first.end().await.unwrap();
    let third = worker(&database, address);
    until_at_work(&hub, 2, &both).await;
    sleep(QUOTA.per).await;
    second.kill().unwrap();
    second.end().await.unwrap();
    let before = world.directory.arrivals().len();
    sleep(2 * QUOTA.per).await;
    drop(third);

    let arrivals = world.directory.arrivals();
    // What a busy machine holds up between its turn and its arrival comes closer to the next. Two budgets would be twice as
    // much.
    let stretch = QUOTA.per - Duration::from_millis(300);
    let most = QUOTA.requests as usize * 5 / 4;
    for (at, first) in arrivals.iter().enumerate() {
        let within = arrivals[at..]
            .iter()
            .take_while(|other| **other - *first < stretch);
        let within = within.count();
        assert!(
            within <= most,
            "{within} from request {at} of {} on",
            arrivals.len()
        );
    }
    assert!(before > 2 * QUOTA.requests as usize, "{before}");
    assert!(arrivals.len() > before + 5, "the third was let through, too");
}
