//! Lists are whole or an error, and what is read is what stands.

use super::Stand;
use connect::{AssetScope, Kind, Write};
use model::{FieldType, RecordId, TargetField};
use simulators::directory::{Behaviour, Fault, Mode};
use std::collections::BTreeSet;

async fn hundreds(stand: &Stand) -> BTreeSet<RecordId> {
    let writes: Vec<_> = (0..450).map(|n| stand.create(&format!("m{n}"))).collect();
    let mut made = BTreeSet::new();
    for some in writes.chunks(50) {
        made.extend(
            stand
                .write_all(some)
                .await
                .into_iter()
                .map(|result| result.unwrap().id),
        );
    }
    assert_eq!(made.len(), 450);
    made
}

#[tokio::test]
async fn a_list_of_many_pages_is_read_to_its_proven_end() {
    for short_pages in [false, true] {
        let behaviour = Behaviour {
            short_pages,
            ..Behaviour::default()
        };
        let stand = Stand::behaving(50, behaviour).await;
        let made = hundreds(&stand).await;
        for scope in [
            AssetScope::All,
            AssetScope::Clients(vec![stand.client.clone()]),
            AssetScope::Ids(made.iter().cloned().collect()),
        ] {
            let read = stand.read(scope.clone()).await.unwrap();
            assert_eq!(read.len(), 450, "{scope:?}");
            let ids: BTreeSet<_> = read.into_iter().map(|asset| asset.id).collect();
            assert_eq!(ids, made, "{scope:?}");
        }
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_is_an_error_and_no_part() {
    let stand = Stand::start(50).await;
    hundreds(&stand).await;
    for mode in [
        Mode::HtmlPage {
            status: 200,
            carried_out: true,
        },
        Mode::ErrorBefore { status: 404 },
    ] {
        let fault = Fault {
            skip: 1,
            ..Fault::once("GET /assets", mode.clone())
        };
        stand.directory.faults().add(fault).unwrap();
        let error = stand.read(AssetScope::All).await.unwrap_err();
        assert!(
            matches!(error.kind, Kind::Protocol | Kind::NotFound),
            "{mode:?}: {error}"
        );
    }
    // What passes is tried again.
    for mode in [
        Mode::HalfBody,
        Mode::LostAnswer,
        Mode::ErrorBefore { status: 503 },
        Mode::TooManyRequests { retry_after: None },
    ] {
        let fault = Fault {
            skip: 1,
            ..Fault::once("GET /assets", mode)
        };
        stand.directory.faults().add(fault).unwrap();
        assert_eq!(stand.read(AssetScope::All).await.unwrap().len(), 450);
    }
}

#[tokio::test]
async fn a_field_that_exists_with_another_type_is_refused() {
    let stand = Stand::start(1).await;
    let field = |field_type| TargetField {
        key: "rack".to_owned(),
        label: "Rack".to_owned(),
        field_type,
        custom: true,
    };
    stand.to.create_field(&field(FieldType::Integer)).await.unwrap();
    stand.to.create_field(&field(FieldType::Integer)).await.unwrap();
    let error = stand.to.create_field(&field(FieldType::Text)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.to_string().contains("holds integer, not text"), "{error}");
    assert_eq!(stand.directory.effects().of("POST /asset_fields"), 1);
}

#[tokio::test]
async fn an_archived_record_is_found_by_its_mark() {
    let stand = Stand::start(1).await;
    let id = stand.created("m").await;
    stand.write(Write::ArchiveAsset { id }).await.unwrap();
    assert_eq!(stand.find("m").await, 1);
}

#[tokio::test]
async fn creations_one_by_one_take_a_request_each_and_no_read() {
    let stand = Stand::start(1).await;
    let writes: Vec<_> = (0..100).map(|n| stand.create(&format!("m{n}"))).collect();
    let before = stand.directory.effects();
    let results = stand.write_all(&writes).await;
    assert!(results.iter().all(Result::is_ok));
    let after = stand.directory.effects();
    assert_eq!(after.of("POST /assets") - before.of("POST /assets"), 100);
    assert_eq!(
        after
            .received
            .keys()
            .filter(|route| route.starts_with("GET"))
            .count(),
        0
    );
    assert!(
        after.most_at_once > 1 && after.most_at_once <= 4,
        "{}",
        after.most_at_once
    );
}
