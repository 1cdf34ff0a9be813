//! What goes wrong on demand.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use simulators::faults::{Effect, Fault, Moment};

use super::{Stand, id_of};

const DEVICES: &str = "/v2/devices";

#[tokio::test]
async fn throttling_has_every_form() {
    let stand = Stand::of(30).await;
    let faults = stand.ninja.faults();
    for wait in [Some("3"), Some("-5"), Some("99999999999"), None] {
        faults.next(
            DEVICES,
            1,
            Effect::TooManyRequests {
                retry_after: wait.map(str::to_owned),
            },
        );
        let response = stand.send(Method::GET, DEVICES).await.unwrap();
        assert_eq!(response.status(), 429);
        assert_eq!(
            response
                .headers()
                .get("retry-after")
                .map(|value| value.to_str().unwrap()),
            wait
        );
    }
    for status in [200, 503] {
        faults.next(DEVICES, 1, Effect::ThrottlePage { status });
        let (seen, kind, body) = stand.get(DEVICES).await;
        assert_eq!(seen, status);
        assert!(
            kind.starts_with("text/html") && body.contains("Rate limit"),
            "{kind} {body}"
        );
    }
    assert_eq!(stand.get(DEVICES).await.0, 200);
}

#[tokio::test]
async fn errors_and_html_come_as_often_as_asked() {
    let stand = Stand::of(30).await;
    let faults = stand.ninja.faults();
    for status in [500, 502, 503] {
        faults.next("/v2/*", 2, Effect::Status { status });
        assert_eq!(stand.get(DEVICES).await.0, status);
        assert_eq!(stand.get("/v2/roles").await.0, status);
        assert_eq!(stand.get(DEVICES).await.0, 200);
    }
    faults.next(DEVICES, 1, Effect::LoginPage);
    let (status, kind, body) = stand.get(DEVICES).await;
    assert_eq!(status, 200);
    assert!(kind.starts_with("text/html") && body.contains("Sign in"));
}

#[tokio::test]
async fn connections_are_reset_at_three_moments() {
    let stand = Stand::of(300).await;
    let faults = stand.ninja.faults();
    faults.next(
        DEVICES,
        1,
        Effect::Reset {
            at: Moment::BeforeHeaders,
        },
    );
    assert!(stand.send(Method::GET, DEVICES).await.is_err());
    for at in [Moment::AfterHeaders, Moment::MidBody] {
        faults.next(DEVICES, 1, Effect::Reset { at });
        let response = stand.send(Method::GET, DEVICES).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.text().await.is_err(), "{at:?}");
    }
    assert_eq!(stand.get(DEVICES).await.0, 200);
}

#[tokio::test]
async fn bodies_break() {
    let stand = Stand::of(30).await;
    for effect in [Effect::TruncatedJson, Effect::InvalidJson] {
        stand.ninja.faults().next(DEVICES, 1, effect);
        let (status, _, body) = stand.get(DEVICES).await;
        assert_eq!(status, 200);
        assert!(serde_json::from_str::<Value>(&body).is_err());
    }
}

#[tokio::test]
async fn fields_hold_what_they_should_not() {
    let stand = Stand::of(60).await;
    let faults = stand.ninja.faults();
    let path = "/v2/devices-detailed";
    let field = "organizationId".to_owned();
    faults.next(
        path,
        1,
        Effect::WrongType {
            field: field.clone(),
            value: json!("seven"),
            every: 2,
        },
    );
    let rows = stand.rows(path).await;
    assert!(
        rows.iter()
            .enumerate()
            .all(|(at, row)| row["organizationId"].is_string() == (at % 2 == 0))
    );
    faults.next(path, 1, Effect::DropField { field, every: 1 });
    assert!(
        stand
            .rows(path)
            .await
            .iter()
            .all(|row| row.get("organizationId").is_none())
    );
    faults.next(path, 1, Effect::AbsurdValues { every: 1 });
    let rows = stand.rows(path).await;
    assert!(
        rows.iter()
            .all(|row| id_of(row) < 0 && row["created"] == json!(1e308))
    );
}

#[tokio::test]
async fn a_page_repeats_and_pages_never_end() {
    let stand = Stand::of(60).await;
    let faults = stand.ninja.faults();
    let first = stand.rows("/v2/devices?pageSize=10").await;
    let number = faults.always(DEVICES, Effect::RepeatPage);
    for after in [0, 15, 999_999] {
        assert_eq!(
            stand
                .rows(&format!("/v2/devices?pageSize=10&after={after}"))
                .await,
            first
        );
    }
    assert!(faults.remove(number));
    faults.always(DEVICES, Effect::EndlessPages);
    let mut seen = BTreeSet::new();
    let mut after = 0;
    for _ in 0..20 {
        let page = stand
            .rows(&format!("/v2/devices?pageSize=10&after={after}"))
            .await;
        assert_eq!(page.len(), 10);
        after = id_of(&page[9]);
        assert!(page.iter().all(|row| seen.insert(id_of(row))));
    }
    assert!(seen.len() > 60);
}

#[tokio::test]
async fn pages_go_round_in_circles_of_any_length() {
    for length in [1, 2, 7] {
        let stand = Stand::of(60).await;
        let path = "/v2/devices?pageSize=3";
        stand
            .ninja
            .faults()
            .always(DEVICES, Effect::CursorLoop { length });
        let mut pages = Vec::new();
        let mut after = 0;
        for _ in 0..3 * length {
            let page = stand.rows(&format!("{path}&after={after}")).await;
            after = id_of(&page[2]);
            pages.push(after);
        }
        let different: BTreeSet<_> = pages.iter().collect();
        assert!(different.len() <= 7, "{length}: {pages:?}");
        assert_eq!(pages[length..2 * length], pages[2 * length..], "{length}");
    }
}

#[tokio::test]
async fn a_record_comes_again_with_other_content() {
    let stand = Stand::of(60).await;
    let effect = Effect::ChangedDuplicates {
        field: "organizationId".to_owned(),
        value: json!(999),
    };
    stand.ninja.faults().always(DEVICES, effect);
    let first = stand.rows("/v2/devices?pageSize=10").await;
    let last = id_of(&first[9]);
    let second = stand.rows(&format!("/v2/devices?pageSize=10&after={last}")).await;
    assert_eq!(
        (id_of(&second[0]), &second[0]["organizationId"]),
        (last, &json!(999))
    );
    assert_ne!(first[9]["organizationId"], json!(999));
}

#[tokio::test]
async fn what_is_said_of_a_body_is_not_true() {
    let stand = Stand::of(30).await;
    let faults = stand.ninja.faults();
    faults.next(DEVICES, 1, Effect::ErrorObject);
    let (status, kind, body) = stand.get(DEVICES).await;
    assert!(
        status == 200 && kind.starts_with("application/json") && body.contains("FAILURE"),
        "{body}"
    );

    faults.next(DEVICES, 1, Effect::GzipLie);
    let response = stand.send(Method::GET, DEVICES).await.unwrap();
    // A client that unpacks takes the header away, and cannot read the rest.
    let said = response.headers().contains_key("content-encoding");
    assert!(said || response.text().await.is_err());

    let field = "systemName".to_owned();
    faults.next(DEVICES, 1, Effect::LoneSurrogate { field, every: 1 });
    let (_, _, body) = stand.get(DEVICES).await;
    assert!(body.contains(r"half \ud800 of it"), "{body}");
    assert!(serde_json::from_str::<Value>(&body).is_err());

    faults.next(DEVICES, 1, Effect::SlowBody { ms: 20 });
    let begun = Instant::now();
    assert!(serde_json::from_str::<Value>(&stand.get(DEVICES).await.2).is_ok());
    assert!(begun.elapsed() >= Duration::from_millis(400));

    faults.next(DEVICES, 1, Effect::EndlessBody);
    let response = stand.send(Method::GET, DEVICES).await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_secs(4), response.text())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_proxy_answers_nothing_comes_and_a_good_body_is_mislabelled() {
    let stand = Stand::of(30).await;
    let faults = stand.ninja.faults();
    faults.next(DEVICES, 1, Effect::ProxyPage { status: 502 });
    let (status, kind, body) = stand.get(DEVICES).await;
    assert!(
        status == 502 && kind.starts_with("text/html") && body.contains("Bad Gateway"),
        "{status} {kind} {body}"
    );
    for status in [200, 204] {
        faults.next(DEVICES, 1, Effect::EmptyBody { status });
        let (seen, _, body) = stand.get(DEVICES).await;
        assert_eq!((seen, body.as_str()), (status, ""));
    }
    let value = "text/html; charset=utf-8".to_owned();
    faults.next(DEVICES, 1, Effect::ContentType { value });
    let (status, kind, body) = stand.get(DEVICES).await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(serde_json::from_str::<Value>(&body).unwrap().is_array());
}

#[tokio::test]
async fn rows_come_twice_in_reverse_with_each_others_names_and_in_capitals() {
    let stand = Stand::of(30).await;
    let faults = stand.ninja.faults();
    let path = "/v2/devices?pageSize=4";
    let honest = stand.rows(path).await;
    let bent = async |effect: Effect| {
        faults.next(DEVICES, 1, effect);
        stand.rows(path).await
    };
    let twice: Vec<_> = honest.iter().flat_map(|row| [row.clone(), row.clone()]).collect();
    assert_eq!(bent(Effect::DoubledRows).await, twice);
    let reversed: Vec<_> = honest.iter().rev().cloned().collect();
    assert_eq!(bent(Effect::ReversedRows).await, reversed);
    let field = "systemName".to_owned();
    let swapped = bent(Effect::SwappedRows { field: field.clone() }).await;
    for (at, row) in swapped.iter().enumerate() {
        assert_eq!(row["systemName"], honest[at ^ 1]["systemName"]);
        assert_eq!(row["id"], honest[at]["id"]);
    }
    for row in bent(Effect::Capitals { field, every: 1 }).await {
        let name = row["systemName"].as_str().unwrap();
        assert_eq!(name, name.to_uppercase());
    }
}

#[tokio::test]
async fn ids_come_twice_and_the_list_still_ends() {
    let stand = Stand::of(60).await;
    let whole = stand.walk(DEVICES, 10).await;
    stand.ninja.faults().always(DEVICES, Effect::DuplicateIds);
    let seen = stand.walk(DEVICES, 10).await;
    assert!(seen.len() > whole.len());
    assert_eq!(
        seen.into_iter().collect::<BTreeSet<_>>(),
        whole.into_iter().collect()
    );
}

#[tokio::test]
async fn records_go_missing_with_and_without_a_short_page() {
    let stand = Stand::of(60).await;
    let whole = stand.walk(DEVICES, 10).await;
    let gone = whole[4];
    for short_page in [false, true] {
        stand.ninja.faults().clear();
        stand.ninja.faults().always(
            DEVICES,
            Effect::MissingRecords {
                ids: vec![gone],
                short_page,
            },
        );
        let page = stand.rows("/v2/devices?pageSize=10").await;
        assert_eq!(page.len(), if short_page { 9 } else { 10 });
        assert!(page.iter().all(|row| id_of(row) != gone));
    }
}

#[tokio::test]
async fn an_empty_tenant_has_no_rows_and_no_records() {
    let stand = Stand::of(60).await;
    stand.ninja.faults().always("/v2/*", Effect::EmptyTenant);
    assert!(stand.rows("/v2/organizations").await.is_empty());
    assert!(stand.rows("/v2/devices-detailed?expand=role").await.is_empty());
    let organization = stand.ninja.organizations()[0].0;
    assert_eq!(
        stand.get(&format!("/v2/organization/{organization}")).await.0,
        404
    );
}

#[tokio::test]
async fn tokens_end_between_pages() {
    let stand = Stand::of(60).await;
    stand.ninja.faults().once_after(DEVICES, 2, Effect::ExpireTokens);
    for expected in [200, 200, 401] {
        assert_eq!(stand.get(DEVICES).await.0, expected);
    }
    let stand = Stand::of(60).await;
    stand.ninja.faults().once_after(DEVICES, 1, Effect::RevokeGrants);
    assert_eq!(
        (stand.get(DEVICES).await.0, stand.get(DEVICES).await.0),
        (200, 401)
    );
    assert!(stand.ninja.grants().issued()[0].revoked.is_some());
}

#[tokio::test]
async fn latency_holds_requests_back_at_the_same_time() {
    let stand = Stand::of(30).await;
    stand.ninja.faults().always("*", Effect::Latency { ms: 120 });
    let begun = Instant::now();
    let all = futures::future::join_all((0..8).map(|_| stand.get(DEVICES))).await;
    let took = begun.elapsed();
    assert!(all.iter().all(|answer| answer.0 == 200));
    assert!(
        took >= Duration::from_millis(120) && took < Duration::from_millis(700),
        "{took:?}"
    );
    assert_eq!(stand.ninja.requests().most_at_once, 8);
}

#[tokio::test]
async fn faults_can_be_set_over_http() {
    let stand = Stand::of(30).await;
    let fault = Fault {
        path: DEVICES.to_owned(),
        method: None,
        skip: 0,
        times: Some(1),
        effect: Effect::Status { status: 502 },
    };
    let (status, body) = stand
        .send_json(Method::POST, "/simulator/faults", &json!(fault))
        .await;
    assert_eq!((status, body.as_str()), (201, r#"{"number":1}"#));
    assert_eq!(
        (stand.get(DEVICES).await.0, stand.get(DEVICES).await.0),
        (502, 200)
    );
    let listed: Value = serde_json::from_str(&stand.get("/simulator/faults").await.2).unwrap();
    assert_eq!(listed["faults"][0]["struck"], 1);
    let wrong = json!({"path": "*", "effect": {"kind": "meteor"}});
    let (status, body) = stand.send_json(Method::POST, "/simulator/faults", &wrong).await;
    assert!(status == 400 && body.contains("meteor"), "{status} {body}");
    assert_eq!(
        stand
            .send(Method::DELETE, "/simulator/faults/7")
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        stand
            .send(Method::DELETE, "/simulator/faults")
            .await
            .unwrap()
            .status(),
        204
    );
    let counted: Value = serde_json::from_str(&stand.get("/simulator/requests").await.2).unwrap();
    assert_eq!(counted["byPath"]["GET /v2/devices"], 2);
}
