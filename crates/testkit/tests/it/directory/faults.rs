//! What comes of a write when something goes wrong, and that nothing is sent twice. Counted at the directory.

use super::{KEY, Stand, hasty, rename, soon, sort};
use connect::{AssetScope, Kind, Write, WriteError};
use simulators::directory::{Behaviour, Fault, Mode};
use std::time::{Duration, Instant};

/// What comes of a creation, and how many records stand when all has settled.
#[tokio::test]
async fn a_creation_goes_out_once_whatever_comes_back() {
    let late = |close_ms| Mode::LateCommit {
        commit_ms: 600,
        spread_ms: 0,
        close_ms,
    };
    let slow = Mode::Latency {
        ms: 1000,
        spread_ms: 0,
    };
    let page = |status, carried_out| Mode::HtmlPage { status, carried_out };
    for (mode, result, records) in [
        (Mode::LostAnswer, "unknown", 1),
        (Mode::HalfBody, "unknown", 1),
        (late(Some(10)), "unknown", 1),
        (late(None), "unknown", 1),
        (slow, "unknown", 1),
        (Mode::ErrorBefore { status: 500 }, "unknown", 0),
        (Mode::ErrorBefore { status: 502 }, "unknown", 0),
        (Mode::ErrorAfter { status: 500 }, "unknown", 1),
        (Mode::ErrorAfter { status: 503 }, "unknown", 1),
        (page(200, true), "unknown", 1),
        (page(200, false), "unknown", 0),
        (page(502, false), "unknown", 0),
        (page(403, false), "refused", 0),
        (page(302, false), "refused", 0),
        (Mode::ErrorBefore { status: 404 }, "refused", 0),
        (Mode::ErrorBefore { status: 408 }, "unknown", 0),
    ] {
        let stand = Stand::start(1).await;
        stand.next("POST /assets", mode.clone());
        let got = stand.write(stand.create("m")).await;
        assert_eq!(sort(&got), result, "{mode:?}: {got:?}");
        stand.settle().await;
        assert_eq!(stand.records("m"), records, "{mode:?}");
        assert_eq!(stand.arrived("m"), 1, "{mode:?}");
        assert_eq!(stand.find("m").await, records, "{mode:?}: found by its mark");
        if let Err(WriteError::Unknown(error)) = got {
            let text = error.to_string();
            assert!(text.starts_with("creating an asset: "), "{text}");
            assert!(!text.contains(KEY), "{text}");
        }
    }
}

#[tokio::test]
async fn other_creations_go_out_once_too() {
    for (route, write) in [
        (
            "POST /clients",
            Write::CreateClient {
                marker: connect::Marker("m".to_owned()),
                name: "Two".to_owned(),
                source_id: "2".to_owned(),
            },
        ),
        (
            "POST /asset_types",
            Write::CreateAssetType {
                marker: connect::Marker("m".to_owned()),
                name: "Server".to_owned(),
                group: None,
            },
        ),
    ] {
        for mode in [Mode::LostAnswer, Mode::ErrorAfter { status: 500 }, Mode::HalfBody] {
            let stand = Stand::start(50).await;
            stand.next(route, mode.clone());
            assert_eq!(
                sort(&stand.write(write.clone()).await),
                "unknown",
                "{route} {mode:?}"
            );
            assert_eq!(stand.arrived("m"), 1, "{route} {mode:?}");
        }
    }
}

#[tokio::test]
async fn a_ghost_lands_within_the_time_the_destination_names() {
    let stand = Stand::behaving(
        1,
        Behaviour {
            index_lag_ms: 100,
            ..Behaviour::default()
        },
    )
    .await;
    let within = stand.to.capabilities().settles_within;
    let start = Instant::now();
    stand.next(
        "POST /assets",
        Mode::LateCommit {
            commit_ms: 700,
            spread_ms: 0,
            close_ms: None,
        },
    );
    assert_eq!(sort(&stand.write(stand.create("m")).await), "unknown");
    assert_eq!(
        stand.find("m").await,
        0,
        "a look that comes too early finds nothing"
    );
    stand.settle().await;
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert_eq!(stand.find("m").await, 1);
    assert!(start.elapsed() < within);
}

#[tokio::test]
async fn what_a_rate_limit_turned_away_is_handed_in_again() {
    for retry_after in [None, Some("0.2"), Some("-1"), Some("soon")] {
        let stand = Stand::start(1).await;
        let mode = Mode::TooManyRequests {
            retry_after: retry_after.map(str::to_owned),
        };
        stand.next("POST /assets", mode);
        assert_eq!(
            sort(&stand.write(stand.create("m")).await),
            "written",
            "{retry_after:?}"
        );
        assert_eq!(
            (stand.records("m"), stand.arrived("m")),
            (1, 1),
            "{retry_after:?}"
        );
    }
}

#[tokio::test]
async fn a_rate_limit_that_outlasts_the_time_to_send_is_a_refusal() {
    let stand = Stand::start(1).await;
    let away = Mode::TooManyRequests {
        retry_after: Some("30".to_owned()),
    };
    stand
        .directory
        .faults()
        .add(Fault::always("POST /assets", away))
        .unwrap();
    let start = Instant::now();
    let error = match stand.write(stand.create("m")).await {
        Err(WriteError::Refused(error)) => error,
        other => panic!("{other:?}"),
    };
    let asked = Some(Duration::from_secs(30));
    assert_eq!(error.kind, Kind::RateLimited { retry_after: asked });
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(stand.directory.effects().answers("POST /assets", 429), 1);
    assert_eq!(stand.records("m"), 0);
}

#[tokio::test]
async fn what_cannot_leave_in_time_is_not_sent() {
    for batch in [1, 50] {
        let stand = Stand::start(batch).await;
        let id = stand.created("a").await;
        let before = stand.directory.effects().writes();
        let past = soon() - Duration::from_secs(60);
        let writes = [
            stand.create("m"),
            stand.create("n"),
            rename(&id, "a", "b"),
            Write::ArchiveAsset { id },
        ];
        for result in stand.to.write(&writes, past).await {
            assert!(
                matches!(&result, Err(WriteError::Refused(error)) if error.is_transient()),
                "{result:?}"
            );
        }
        assert_eq!(stand.directory.effects().writes(), before);
    }
}

#[tokio::test]
async fn all_of_a_batch_is_in_doubt_when_its_answer_is() {
    for (mode, records) in [
        (Mode::LostAnswer, 5),
        (Mode::ErrorHalf { status: 500 }, 2),
        (Mode::ErrorBefore { status: 500 }, 0),
        (Mode::ErrorAfter { status: 504 }, 5),
        (Mode::HalfBody, 5),
    ] {
        let stand = Stand::start(50).await;
        stand.next("POST /assets/batch", mode.clone());
        let writes: Vec<_> = (0..5).map(|n| stand.create(&format!("m{n}"))).collect();
        let results = stand.write_all(&writes).await;
        assert!(
            results.iter().all(|result| sort(result) == "unknown"),
            "{mode:?}: {results:?}"
        );
        stand.settle().await;
        let there: usize = (0..5).map(|n| stand.records(&format!("m{n}"))).sum();
        assert_eq!(there, records, "{mode:?}");
        assert!((0..5).all(|n| stand.arrived(&format!("m{n}")) == 1), "{mode:?}");
        assert_eq!(stand.directory.effects().of("POST /assets/batch"), 1);
    }
}

#[tokio::test]
async fn a_batch_the_directory_will_not_take_is_refused_with_advice() {
    let stand = Stand::start(50).await;
    let behaviour = Behaviour {
        batch_limit: 3,
        ..Behaviour::default()
    };
    stand.directory.set_behaviour(behaviour);
    let writes: Vec<_> = (0..5).map(|n| stand.create(&format!("m{n}"))).collect();
    for result in stand.write_all(&writes).await {
        match result {
            Err(WriteError::Refused(error)) => {
                assert!(error.to_string().contains("Lower the setting batch"), "{error}")
            }
            other => panic!("{other:?}"),
        }
    }
    let points = stand.to.check().await;
    assert!(points[2].detail.contains("50, but 3 are allowed"), "{points:?}");
}

#[tokio::test]
async fn an_archive_whose_answer_was_lost_can_come_again() {
    let stand = Stand::start(1).await;
    let id = stand.created("m").await;
    for (write, route) in [
        (
            Write::ArchiveAsset { id: id.clone() },
            "POST /assets/{id}/archive",
        ),
        (
            Write::RestoreAsset { id: id.clone() },
            "POST /assets/{id}/restore",
        ),
    ] {
        stand.next(route, Mode::LostAnswer);
        assert_eq!(sort(&stand.write(write.clone()).await), "unknown");
        assert_eq!(sort(&stand.write(write).await), "written");
        assert_eq!(stand.directory.effects().of(route), 2);
    }
    assert_eq!(stand.read_one(&id).await.archived, None);
    assert_eq!(stand.directory.effects().done("archive assets"), 1);
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_done_when_it_comes_again() {
    for batch in [1, 50] {
        let stand = Stand::start(batch).await;
        let ids = [stand.created("a").await, stand.created("b").await];
        let writes = [rename(&ids[0], "a", "new"), rename(&ids[1], "b", "new")];
        let route = if batch == 1 {
            "PATCH /assets/{id}"
        } else {
            "POST /assets/batch"
        };
        stand
            .directory
            .faults()
            .add(Fault {
                times: Some(2),
                ..Fault::always(route, Mode::LostAnswer)
            })
            .unwrap();
        let first = stand.write_all(&writes).await;
        assert!(first.iter().all(|result| sort(result) == "unknown"), "{first:?}");
        stand.directory.faults().clear();
        let again = stand.write_all(&writes).await;
        assert!(again.iter().all(|result| sort(result) == "written"), "{again:?}");
        assert_eq!(
            stand.directory.effects().done("update assets"),
            2,
            "each was carried out once"
        );
    }
}

#[tokio::test]
async fn a_directory_that_is_gone_leaves_nothing_in_doubt() {
    let stand = Stand::start(1).await;
    let (base, write) = (stand.directory.base_url(), stand.create("m"));
    let id = stand.created("a").await;
    stand.directory.shutdown().await.unwrap();
    let to = testkit::directory::open(&base, KEY, &hasty(1));
    let results = to.write(&[write, rename(&id, "a", "b")], soon()).await;
    // Nothing left, and the HTTP stack says so.
    assert_eq!(
        results.iter().map(sort).collect::<Vec<_>>(),
        ["refused", "refused"]
    );
    assert!(to.clients().await.is_err());
}

#[tokio::test]
async fn a_key_that_is_not_valid_or_may_not_write_is_a_refusal() {
    let stand = Stand::start(1).await;
    let to = testkit::directory::open(&stand.directory.base_url(), "wrong", &hasty(1));
    match to.write(&[stand.create("m")], soon()).await.pop().unwrap() {
        Err(WriteError::Refused(error)) => {
            assert_eq!(error.kind, Kind::Auth);
            assert!(!error.to_string().contains("wrong"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let points = to.check().await;
    assert_eq!(points[0].verdict, connect::Verdict::Failed);
    assert_eq!(points[1].verdict, connect::Verdict::NotTried);
    assert_eq!(stand.records("m"), 0);
}

#[tokio::test]
async fn under_all_faults_at_once_no_creation_arrives_twice() {
    for batch in [1, 10] {
        let stand = Stand::start(batch).await;
        for mode in [
            Mode::LostAnswer,
            Mode::HalfBody,
            Mode::ErrorBefore { status: 500 },
            Mode::ErrorAfter { status: 502 },
            Mode::TooManyRequests { retry_after: None },
            Mode::LateCommit {
                commit_ms: 100,
                spread_ms: 300,
                close_ms: Some(5),
            },
        ] {
            stand
                .directory
                .faults()
                .add(Fault::at_rate("writes", 60, mode))
                .unwrap();
        }
        let writes: Vec<_> = (0..120).map(|n| stand.create(&format!("m{n}"))).collect();
        let results = stand.write_all(&writes).await;
        stand.settle().await;
        assert_eq!(results.len(), 120);
        let mut seen = std::collections::BTreeMap::new();
        for (n, result) in results.iter().enumerate() {
            let marker = format!("m{n}");
            *seen.entry(sort(result)).or_insert(0) += 1;
            assert_eq!(stand.arrived(&marker), 1, "{marker}: {result:?}");
            match result {
                Ok(_) => assert_eq!(stand.records(&marker), 1),
                Err(WriteError::Unknown(_)) => assert!(stand.records(&marker) <= 1),
                other => panic!("{marker}: {other:?}"),
            }
        }
        assert!(seen["written"] > 20 && seen["unknown"] > 5, "{seen:?}");
        assert!(stand.directory.duplicates().is_empty());
        let all = stand.read(AssetScope::All).await.unwrap();
        let there: usize = (0..120).map(|n| stand.records(&format!("m{n}"))).sum();
        assert_eq!(all.len(), there);
    }
}
