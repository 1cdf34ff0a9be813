//! A day passes (also over HTTP).

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Stand, id_of};

async fn documents(stand: &Stand) -> BTreeMap<i64, Value> {
    let rows = stand.rows("/v2/devices-detailed?expand=warranty,location").await;
    rows.into_iter()
        .map(|mut row| {
            row.as_object_mut().unwrap().remove("lastContact");
            (id_of(&row), row)
        })
        .collect()
}

#[tokio::test]
async fn the_share_shows_in_the_documents() {
    let stand = Stand::of(400).await;
    let before = documents(&stand).await;
    let day = stand.ninja.let_a_day_pass(0.05);
    let after = documents(&stand).await;
    let changed: Vec<u32> = before
        .iter()
        .filter(|(id, old)| after.get(id).is_some_and(|new| new != *old))
        .map(|(id, _)| u32::try_from(*id).unwrap())
        .collect();
    assert_eq!(changed, day.changed);
    assert_eq!(changed.len(), 20);
    assert!(day.added.iter().all(|id| after.contains_key(&i64::from(*id))));
    assert!(day.removed.iter().all(|id| !after.contains_key(&i64::from(*id))));
    let renamed = day.renamed.unwrap();
    assert!(stand.ninja.organizations().contains(&(renamed.id, renamed.new)));
}

#[tokio::test]
async fn time_goes_on_by_a_day() {
    let stand = Stand::of(20).await;
    let before = stand.ninja.now();
    stand.ninja.let_a_day_pass(0.0);
    assert_eq!(stand.ninja.now().as_second() - before.as_second(), 86_400);
}

#[tokio::test]
async fn a_day_can_be_asked_for_over_http() {
    let stand = Stand::of(100).await;
    let (status, body) = stand
        .send_json(Method::POST, "/simulator/day", &json!({"share": 0.1}))
        .await;
    let day: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, day["changed"].as_array().unwrap().len()), (200, 10));
    for wrong in [json!({"share": 2.0}), json!({}), json!({"share": 0.1, "more": 1})] {
        let (status, body) = stand.send_json(Method::POST, "/simulator/day", &wrong).await;
        assert!(status == 400 || status == 422, "{status} {body}");
        assert!(body.contains("share"), "{body}");
    }
}

#[tokio::test]
async fn organizations_can_be_named() {
    let stand = Stand::of(100).await;
    let first = stand.ninja.organizations()[0].0;
    assert_eq!(
        stand
            .ninja
            .name_organizations(&[(first, "Brown & Co"), (999_999, "x")]),
        [999_999]
    );
    assert_eq!(
        stand.json(&format!("/v2/organization/{first}")).await["name"],
        "Brown & Co"
    );
    let body = json!([{"id": first, "name": "Green"}]);
    let (status, answer) = stand
        .send_json(Method::PUT, "/simulator/organizations", &body)
        .await;
    assert_eq!((status, answer.as_str()), (200, r#"{"unknown":[]}"#));
    assert_eq!(stand.ninja.organizations()[0].1, "Green");
}
