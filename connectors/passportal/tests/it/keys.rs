//! Keys, tokens, and an account without Documentation Manager.

use crate::stand::{Stand, id};
use connect::{AssetScope, Kind, Verdict, WriteError};
use jiff::SignedDuration;
use serde_json::json;

const TOKEN: &str = "POST /auth/client_token";

#[tokio::test]
async fn the_check_ticks_every_point() {
    let stand = Stand::start().await;
    let points = stand.to.check().await;
    assert_eq!(points.len(), 5);
    assert!(
        points.iter().all(|point| point.verdict == Verdict::Passed),
        "{points:?}"
    );
    assert!(points[4].detail.contains("tpl-59"), "{points:?}");
}

#[tokio::test]
async fn wrong_keys_are_told_with_passportal_s_own_answer_and_not_tried_again() {
    let mut stand = Stand::start().await;
    stand.cx.secrets = connect::Secrets::from([("secret_access_key".to_owned(), "not-it".into())]);
    let to = stand.again();
    let points = to.check().await;
    let (yes, no, not) = (Verdict::Passed, Verdict::Failed, Verdict::NotTried);
    let verdicts: Vec<_> = points.iter().map(|point| point.verdict).collect();
    assert_eq!(verdicts, [yes, no, not, not, not]);
    let said = &points[1].detail;
    assert!(
        said.contains("Key verification failed") && said.contains("Settings → API Keys"),
        "{said}"
    );
    assert!(!said.contains("not-it"));
    let authorization = stand.connector.authorization(&stand.cx).unwrap().unwrap();
    let error = authorization.machine_grant().await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
}

#[tokio::test]
async fn one_token_serves_until_it_ends_and_a_rejected_one_is_replaced_once() {
    let mut stand = Stand::with(&["token-seconds=100"], &json!({})).await;
    stand.to.clients().await.unwrap();
    stand.assets(AssetScope::All).await.unwrap();
    // Another process finds it in the store.
    stand.again().clients().await.unwrap();
    assert_eq!(stand.sim.requests()[TOKEN], 1);
    // Its end is known beforehand.
    stand.clock.advance(SignedDuration::from_secs(80));
    stand.to.clients().await.unwrap();
    assert_eq!(stand.sim.requests()[TOKEN], 2);
    // Or comes as a surprise to another process, before a write too.
    stand.sim.expire_tokens();
    stand.to = stand.again();
    id(&stand.create(7).await);
    assert_eq!((stand.sim.requests()[TOKEN], stand.made()), (3, 1));
}

#[tokio::test]
async fn p03_p04_an_account_without_documentation_manager_is_told_whom_to_contact() {
    for how in ["forbidden", "not-found", "no-scope", "told"] {
        let stand = Stand::with(&[&format!("documentation-manager={how}")], &json!({})).await;
        let points = stand.to.check().await;
        let failed: Vec<_> = points
            .iter()
            .filter(|point| point.verdict == Verdict::Failed)
            .collect();
        assert_eq!(failed.len(), 1, "{how}: {points:?}");
        assert_eq!(failed[0].point, "Documentation Manager is enabled", "{how}");
        assert_eq!(failed[0].lacks.as_deref(), Some("Documentation Manager"), "{how}");
        assert!(
            failed[0].detail.contains("Partner Development Manager"),
            "{how}: {}",
            failed[0].detail
        );
        for error in [
            stand.to.clients().await.unwrap_err(),
            stand.assets(AssetScope::All).await.unwrap_err(),
        ] {
            assert!(
                matches!(
                    error.kind,
                    Kind::NotEnabled {
                        part: "Documentation Manager"
                    }
                ),
                "{how}: {error}"
            );
        }
        let refused = stand.create(7).await;
        assert!(
            matches!(&refused, Err(WriteError::Refused(error)) if matches!(error.kind, Kind::NotEnabled { .. })),
            "{how}: {refused:?}"
        );
        assert_eq!(stand.made(), 0);
        // Once it is enabled, everything goes on.
        stand.sim.set_quirks(|quirks| {
            quirks.documentation_manager = simulators::passportal::DocumentationManager::On;
        });
        id(&stand.create(7).await);
    }
}

/// Passportal answers a missing document and an account without the part alike.
#[tokio::test]
async fn an_account_that_loses_documentation_manager_does_not_lose_its_documents() {
    let stand = Stand::start().await;
    let all = stand.assets(AssetScope::All).await.unwrap();
    let fault = simulators::directory::Fault::always(
        "GET /documents/{id}",
        simulators::directory::Mode::ErrorBefore { status: 403 },
    );
    stand.sim.faults().add(fault).unwrap();
    let ids = all.iter().map(|asset| asset.id.clone()).collect();
    let error = stand.assets(AssetScope::Ids(ids)).await.unwrap_err();
    assert!(
        error.to_string().contains("is listed, and cannot be read"),
        "{error}"
    );
}
