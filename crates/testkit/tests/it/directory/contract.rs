//! The contract every destination must pass, in every way the directory may behave when all is well.

use super::{KEY, Stand, hasty};
use connect::contract::{self, Trial};
use connect::{Capabilities, Destination};
use serde_json::json;
use simulators::directory::{Behaviour, Directory, Fault, Mode, Options};
use std::sync::Arc;
use testkit::Fewer;
use tokio::net::TcpListener;

async fn holds(what: &str, behaviour: Behaviour, faults: Vec<Fault>, batch: usize) {
    let options = Options {
        behaviour,
        faults,
        ..Options::default()
    };
    let directory = Directory::start(options).await.unwrap();
    let mut settings = hasty(batch);
    settings["deadline_ms"] = json!(5000);
    let make = async || testkit::directory::open(&directory.base_url(), KEY, &settings);
    if let Err(breaches) = contract::destination_contract(make).await {
        panic!("{what}: {breaches}");
    }
    assert!(
        directory.effects().done("create assets") > 30,
        "{what}: {:?}",
        directory.effects()
    );
}

#[tokio::test]
async fn the_destination_contract_holds() {
    for batch in [1, 3, 50] {
        holds(
            &format!("batches of {batch}"),
            Behaviour::default(),
            vec![],
            batch,
        )
        .await;
    }
}

/// What is taken away of the capabilities.
type Takes = fn(&mut Capabilities);

/// Without any of what newer destinations may lack: no clause may count on it.
#[tokio::test]
async fn it_holds_whatever_of_it_is_taken_away() {
    let directory = Directory::start(Options::default()).await.unwrap();
    let takes: [(&str, Takes); 4] = [
        ("updates", |can| can.update_assets = false),
        ("types", |can| can.asset_types = false),
        ("fields", |can| can.create_fields = false),
        ("all three", |can| {
            (can.update_assets, can.asset_types, can.create_fields) = (false, false, false);
        }),
    ];
    for (without, take) in takes {
        let trial = Trial {
            suffix: format!(" without {without}"),
            ..Trial::default()
        };
        let make = async || {
            let to = testkit::directory::open(&directory.base_url(), KEY, &hasty(50));
            Arc::new(Fewer::new(to, take)) as Arc<dyn Destination>
        };
        if let Err(breaches) = contract::destination_contract_with(make, &trial).await {
            panic!("without {without}: {breaches}");
        }
    }
    let done = directory.effects();
    assert!(
        done.done("create assets") > 100 && done.done("update assets") > 0,
        "{done:?}"
    );
}

#[tokio::test]
async fn it_holds_with_short_and_empty_pages() {
    let behaviour = Behaviour {
        short_pages: true,
        ..Behaviour::default()
    };
    holds("short pages", behaviour, vec![], 50).await;
}

#[tokio::test]
async fn it_holds_where_requests_are_turned_away_and_reads_fail() {
    let away = Mode::TooManyRequests { retry_after: None };
    let faults = vec![
        Fault::at_rate("*", 50, away),
        Fault::at_rate("reads", 50, Mode::HalfBody),
        Fault::at_rate("reads", 50, Mode::ErrorBefore { status: 503 }),
    ];
    holds("rate limits and broken reads", Behaviour::default(), faults, 50).await;
}

/// A contract test that could not fail would prove nothing: each of these breaks a clause.
#[tokio::test]
async fn it_does_not_hold_where_something_is_broken() {
    let lag = Behaviour {
        index_lag_ms: 60_000,
        ..Behaviour::default()
    };
    let no_archive = Fault::always("POST /assets/{id}/archive", Mode::ErrorAfter { status: 500 });
    for (behaviour, faults, clause) in [
        (lag, vec![], "a client is created, listed and found by its mark"),
        (
            Behaviour::default(),
            vec![no_archive],
            "an asset is archived, not deleted",
        ),
    ] {
        let options = Options {
            behaviour,
            faults,
            ..Options::default()
        };
        let directory = Directory::start(options).await.unwrap();
        let make = async || testkit::directory::open(&directory.base_url(), KEY, &hasty(50));
        let breaches = contract::destination_contract(make).await.unwrap_err();
        assert!(
            breaches.0.iter().any(|breach| breach.clause == clause),
            "{clause}: {breaches}"
        );
    }
}

#[tokio::test]
async fn it_says_how_long_a_write_may_take_to_settle() {
    let stand = Stand::start(7).await;
    let can = stand.to.capabilities();
    assert_eq!(can.settles_within.as_millis(), 400 + 1500);
    assert_eq!((can.max_batch, can.concurrency), (7, 4));
}

/// Nobody listens, nobody knows the name, nobody speaks TLS there, and nobody answers the handshake.
#[tokio::test]
async fn what_never_left_is_refused_and_not_in_doubt() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = Directory::start(Options::default()).await.unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = gone.local_addr().unwrap();
    drop(gone);
    for base in [
        format!("http://{nobody}"),
        "https://directory.invalid".to_owned(),
        plain.base_url().replace("http://", "https://"),
        format!("https://{}", silent.local_addr().unwrap()),
    ] {
        for batch in [1, 50] {
            let to = testkit::directory::open(&base, KEY, &hasty(batch));
            if let Err(breaches) = contract::unreachable_contract(to.as_ref()).await {
                panic!("{base}, batches of {batch}: {breaches}");
            }
        }
    }
    assert_eq!(plain.records()["assets"], json!([]));
}

/// It would be no proof if any failure passed: an answer that was lost after the request arrived does not.
#[tokio::test]
async fn what_may_have_arrived_does_not_pass_for_unsent() {
    let stand = Stand::start(1).await;
    stand
        .directory
        .faults()
        .add(Fault::always("writes", Mode::LostAnswer))
        .unwrap();
    let breaches = contract::unreachable_contract(stand.to.as_ref())
        .await
        .unwrap_err();
    assert!(breaches.to_string().contains("Unknown"), "{breaches}");
}
