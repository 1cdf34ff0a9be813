//! Answers that get lost, come late or lie: no document twice, and none that is taken for created.

use crate::stand::{Stand, id, marker};
use connect::{AssetScope, Kind, Write, WriteError};
use model::{Change, RecordKind};
use serde_json::json;
use simulators::directory::{Fault, Mode};
use std::time::Duration;

const CREATE: &str = "POST /documents";

#[tokio::test]
async fn a_new_document_is_read_back_since_its_answer_names_no_id() {
    let stand = Stand::start().await;
    let written = stand.create(7).await;
    let document = stand
        .sim
        .documents()
        .into_iter()
        .find(|document| document.id.to_string() == id(&written).as_str())
        .unwrap();
    // P37: the id pair stands in 31 and 32.
    assert_eq!(document.text(31), Some("7"));
    assert!(document.text(32).unwrap().starts_with("NinjaOne (rmmbridge "));
    assert_eq!(
        (document.label.as_str(), document.text(8)),
        ("PC-7", Some("SN-7"))
    );
    let found = stand.again().find(RecordKind::Asset, &marker(7)).await.unwrap();
    assert_eq!(found, [id(&written).clone()]);
    assert_eq!(
        stand.again().find(RecordKind::Asset, &marker(8)).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn an_answer_that_says_nothing_leaves_the_write_in_doubt_and_a_look_up_finds_it() {
    for (mode, arrives) in [
        (Mode::LostAnswer, true),
        (Mode::ErrorAfter { status: 500 }, true),
        (Mode::ErrorBefore { status: 502 }, false),
        (
            Mode::HtmlPage {
                status: 200,
                carried_out: true,
            },
            true,
        ),
        (
            Mode::LateCommit {
                commit_ms: 700,
                spread_ms: 0,
                close_ms: None,
            },
            true,
        ),
    ] {
        let stand = Stand::start().await;
        stand.sim.faults().add(Fault::once(CREATE, mode.clone())).unwrap();
        let written = stand.create(7).await;
        assert!(
            matches!(written, Err(WriteError::Unknown(_))),
            "{mode:?}: {written:?}"
        );
        // It is not sent a second time by itself.
        assert_eq!(stand.sim.requests()[CREATE], 1, "{mode:?}");
        tokio::time::sleep(stand.to.capabilities().settles_within).await;
        let found = stand.again().find(RecordKind::Asset, &marker(7)).await.unwrap();
        assert_eq!(found.len(), usize::from(arrives), "{mode:?}");
        assert_eq!(stand.made(), usize::from(arrives), "{mode:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_did_nothing_and_is_waited_out() {
    let stand = Stand::start().await;
    let limit = |times| Fault {
        times,
        ..Fault::always(CREATE, Mode::TooManyRequests { retry_after: None })
    };
    stand.sim.faults().add(limit(Some(1))).unwrap();
    id(&stand.create(7).await);
    assert_eq!((stand.sim.requests()[CREATE], stand.made()), (2, 1));
    stand
        .sim
        .faults()
        .add(Fault::always(
            CREATE,
            Mode::TooManyRequests {
                retry_after: Some("900".to_owned()),
            },
        ))
        .unwrap();
    let Err(WriteError::Refused(error)) = stand.create(8).await else {
        panic!("too long a wait is no reason to hold the record");
    };
    assert!(matches!(error.kind, Kind::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 900));
    assert_eq!(stand.made(), 1);
}

#[tokio::test]
async fn a_document_that_lists_do_not_show_yet_is_in_doubt_and_not_lost() {
    let stand = Stand::with(&["index-lag=3000"], &json!({ "settle_ms": 300 })).await;
    let written = stand.create(7).await;
    let Err(WriteError::Unknown(error)) = written else {
        panic!("{written:?}");
    };
    assert!(error.to_string().contains("does not list it yet"), "{error}");
    assert_eq!(stand.made(), 1);
    stand.sim.set_quirks(|quirks| quirks.index_lag_ms = 0);
    let found = stand.again().find(RecordKind::Asset, &marker(7)).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn a_reading_that_fails_in_between_is_no_shorter_list() {
    let stand = Stand::with(&["largest-page=2"], &json!({})).await;
    for number in 0..4 {
        id(&stand.create(number).await);
    }
    assert_eq!(stand.assets(AssetScope::All).await.unwrap().len(), 7);
    for on in ["GET /documents", "GET /documents/{id}"] {
        for mode in [Mode::ErrorBefore { status: 500 }, Mode::HalfBody] {
            let fault = Fault {
                skip: 2,
                ..Fault::always(on, mode.clone())
            };
            let number = stand.sim.faults().add(fault).unwrap();
            let read = tokio::time::timeout(Duration::from_secs(60), stand.assets(AssetScope::All)).await;
            let error = read.unwrap().unwrap_err();
            assert_eq!(error.kind, Kind::Unavailable, "{on} {mode:?}: {error}");
            stand.sim.faults().remove(number);
        }
    }
    // What is deleted while it is read is gone, and nothing else is.
    let gone = stand.sim.documents()[0].id;
    assert!(stand.sim.delete(gone));
    assert_eq!(stand.assets(AssetScope::All).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_replaced_document_keeps_what_people_put_there_and_links() {
    let stand = Stand::with(&[], &json!({ "updates": "replace" })).await;
    let client = stand.sim.clients()[0].0;
    let fields = [
        (8, "S-1"),
        (10, "Dell"),
        (13, "Head office"),
        (17, "by hand"),
        (22, "10.0.0.1"),
    ];
    let document = stand.sim.add_document(client, "front", &fields).unwrap();
    let update = |before: &str, after: &str| Write::UpdateAsset {
        id: document.to_string().as_str().into(),
        changes: vec![Change {
            field: "serialNumber".to_owned(),
            before: json!(before),
            after: json!(after),
        }],
        client: None,
        site: None,
        asset_type: None,
        source_id: Some(Some("7".to_owned())),
    };
    id(&stand.write(update("S-1", "S-2")).await);
    let kept = |at: u8| {
        let all = stand.sim.documents();
        let one = all.iter().find(|d| d.id == document).unwrap();
        one.fields.get(&at).cloned()
    };
    assert_eq!(kept(8).unwrap().text, "S-2");
    let link = kept(10).unwrap();
    assert_eq!((link.kind.as_str(), link.id), ("vendors", Some(9010)));
    assert!(!link.attribute.is_empty());
    assert_eq!(
        (kept(17).unwrap().text.as_str(), kept(22).unwrap().text.as_str()),
        ("by hand", "10.0.0.1")
    );
    assert_eq!(kept(31).unwrap().text, "7");
    // What somebody changed since is left alone.
    assert!(stand.sim.edit(document, 8, "typed"));
    let refused = stand.write(update("S-2", "S-3")).await;
    assert!(matches!(refused, Err(WriteError::Changed(_))), "{refused:?}");
    assert_eq!(kept(8).unwrap().text, "typed");
    // A lost answer is looked at, not sent again.
    stand
        .sim
        .faults()
        .add(Fault::once("PUT /documents/{id}", Mode::LostAnswer))
        .unwrap();
    let lost = stand.write(update("typed", "S-4")).await;
    assert!(matches!(lost, Err(WriteError::Unknown(_))), "{lost:?}");
    assert_eq!(kept(8).unwrap().text, "S-4");
}
