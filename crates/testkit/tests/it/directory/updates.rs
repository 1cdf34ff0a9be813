//! Changes meet what others did meanwhile.

use super::{Stand, rename, sort};
use connect::{Kind, Write, WriteError};
use serde_json::json;
use simulators::directory::Mode;

#[tokio::test]
async fn a_change_of_another_field_meanwhile_does_no_harm() {
    for batch in [1, 50] {
        let stand = Stand::start(batch).await;
        let (id, other) = (stand.created("a").await, stand.created("b").await);
        // While our change is under way, somebody edits the notes: it meets another version.
        let slow = Mode::Latency {
            ms: 200,
            spread_ms: 0,
        };
        let route = if batch == 1 {
            "PATCH /assets/{id}"
        } else {
            "POST /assets/batch"
        };
        stand.next(route, slow);
        let writes = [rename(&id, "a", "ours"), rename(&other, "b", "ours too")];
        let person = async {
            while stand.directory.effects().of(route) == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            stand
                .directory
                .edit_asset(&id.0, &json!({"notes": "theirs"}))
                .unwrap();
        };
        let (results, ()) = tokio::join!(stand.write_all(&writes), person);
        assert_eq!(
            results.iter().map(sort).collect::<Vec<_>>(),
            ["written"; 2],
            "{results:?}"
        );
        let kept = stand.read_one(&id).await;
        assert_eq!(
            (&kept.fields["name"], &kept.fields["notes"]),
            (&json!("ours"), &json!("theirs"))
        );
        let met = stand.directory.effects();
        let refused = met.answers("PATCH /assets/{id}", 412);
        assert_eq!(refused, u64::from(batch == 1), "{met:?}");
        assert_eq!(met.done("update assets"), 2);
    }
}

#[tokio::test]
async fn a_change_of_the_same_field_meanwhile_is_told() {
    let stand = Stand::start(1).await;
    let id = stand.created("a").await;
    stand.next(
        "PATCH /assets/{id}",
        Mode::Latency {
            ms: 200,
            spread_ms: 0,
        },
    );
    let person = async {
        while stand.directory.effects().of("PATCH /assets/{id}") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        stand
            .directory
            .edit_asset(&id.0, &json!({"name": "theirs"}))
            .unwrap();
    };
    let (result, ()) = tokio::join!(stand.write(rename(&id, "a", "ours")), person);
    match result {
        Err(WriteError::Changed(what)) => {
            assert!(
                what.contains("\"theirs\"") && what.contains("\"a\"") && what.contains("name"),
                "{what}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stand.read_one(&id).await.fields["name"], "theirs");
}

#[tokio::test]
async fn two_changes_of_one_asset_in_a_batch_follow_each_other() {
    let stand = Stand::start(50).await;
    let id = stand.created("a").await;
    let writes = [
        rename(&id, "a", "b"),
        rename(&id, "a", "c"),
        stand.create("other"),
    ];
    let results = stand.write_all(&writes).await;
    assert_eq!(
        results.iter().map(sort).collect::<Vec<_>>(),
        ["written", "changed", "written"]
    );
    assert_eq!(stand.read_one(&id).await.fields["name"], "b");
}

#[tokio::test]
async fn an_archived_asset_is_not_changed() {
    for batch in [1, 50] {
        let stand = Stand::start(batch).await;
        let id = stand.created("a").await;
        assert_eq!(
            sort(&stand.write(Write::ArchiveAsset { id: id.clone() }).await),
            "written"
        );
        let results = stand
            .write_all(&[rename(&id, "a", "b"), rename(&id, "a", "b")])
            .await;
        assert!(
            results.iter().all(|result| sort(result) == "changed"),
            "{results:?}"
        );
        assert_eq!(stand.read_one(&id).await.fields["name"], "a");
    }
}

#[tokio::test]
async fn an_update_that_cannot_read_first_sends_nothing() {
    for batch in [1, 50] {
        let stand = Stand::start(batch).await;
        let id = stand.created("a").await;
        let broken = Mode::ErrorBefore { status: 404 };
        stand
            .directory
            .faults()
            .add(simulators::directory::Fault::always("GET /assets", broken))
            .unwrap();
        let results = stand
            .write_all(&[rename(&id, "a", "b"), rename(&id, "a", "b")])
            .await;
        for result in results {
            assert!(
                matches!(&result, Err(WriteError::Refused(error)) if error.kind == Kind::NotFound),
                "{result:?}"
            );
        }
        let effects = stand.directory.effects();
        assert_eq!(
            (effects.of("PATCH /assets/{id}"), effects.of("POST /assets/batch")),
            (0, 0)
        );
    }
}

#[tokio::test]
async fn what_cannot_be_an_id_is_not_sent() {
    let stand = Stand::start(1).await;
    let before = stand.directory.effects();
    for odd in ["", "..", "ast_1/restore", "ast_1?x", "ast_1,ast_2", "%2e%2e"] {
        for write in [
            Write::ArchiveAsset { id: odd.into() },
            rename(&odd.into(), "a", "b"),
        ] {
            let result = stand.write(write).await;
            assert!(
                matches!(&result, Err(WriteError::Refused(error)) if error.kind == Kind::NotFound),
                "{odd}: {result:?}"
            );
        }
    }
    assert_eq!(stand.directory.effects(), before);
}
