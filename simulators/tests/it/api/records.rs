//! Custom fields, tags, tickets and organizations: what is written can be read.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{Stand, id_of, options};

#[tokio::test]
async fn custom_fields_take_what_they_should() {
    let stand = Stand::of(60).await;
    let device = id_of(&stand.rows("/v2/devices").await[0]);
    let path = format!("/v2/device/{device}/custom-fields");
    let definitions = stand.rows("/v2/device-custom-fields?scopes=node").await;
    let dropdown = definitions
        .iter()
        .find(|one| one["name"] == "backupStatus")
        .unwrap();
    let option = dropdown["content"]["values"][0]["id"].clone();
    let values = json!({
        "assetTag": "A-1", "isVip": true, "costPerMonth": 12.5, "rdsDrainModeTime": 1_759_136_768_000_i64,
        "documentation": {"html": "<p>x</p>"}, "backupStatus": option
    });
    assert_eq!(stand.send_json(Method::PATCH, &path, &values).await.0, 204);
    let seen = stand.json(&path).await;
    for (name, value) in values.as_object().unwrap() {
        assert_eq!(seen[name], *value, "{name}");
    }
    assert_eq!(
        stand
            .send_json(Method::PATCH, &path, &json!({"assetTag": null}))
            .await
            .0,
        204
    );
    assert!(stand.json(&path).await.get("assetTag").is_none());
    for (wrong, part) in [
        (json!({"cpuScore": 1}), "cannot be written"),
        (json!({"internalOnly": "x"}), "cannot be written"),
        (json!({"onboardingNote": "x"}), "does not exist"),
        (json!({"isVip": "yes"}), "does not take"),
        (json!({"backupStatus": "Good"}), "does not take"),
        (json!({"documentation": "plain"}), "does not take"),
    ] {
        let (status, body) = stand.send_json(Method::PATCH, &path, &wrong).await;
        assert!(status == 400 && body.contains(part), "{wrong}: {status} {body}");
    }
    let organization = stand.ninja.organizations()[0].0;
    let path = format!("/v2/organization/{organization}/custom-fields");
    assert_eq!(
        stand
            .send_json(Method::PATCH, &path, &json!({"portalToken": "t"}))
            .await
            .0,
        204
    );
    assert!(
        stand.json(&path).await.get("portalToken").is_none(),
        "it can only be written"
    );
}

#[tokio::test]
async fn values_are_inherited_and_secrets_hidden() {
    let stand = Stand::of(60).await;
    let device = &stand.rows("/v2/devices").await[0];
    let (id, organization) = (id_of(device), &device["organizationId"]);
    let tier = stand.rows("/v2/device-custom-fields?scopes=organization").await;
    let gold =
        tier.iter().find(|one| one["name"] == "supportTier").unwrap()["content"]["values"][0]["id"].clone();
    let clear = json!({"supportTier": null});
    assert_eq!(
        stand
            .send_json(Method::PATCH, &format!("/v2/device/{id}/custom-fields"), &clear)
            .await
            .0,
        204
    );
    let path = format!("/v2/organization/{organization}/custom-fields");
    assert_eq!(
        stand
            .send_json(Method::PATCH, &path, &json!({"supportTier": gold}))
            .await
            .0,
        204
    );
    let path = format!("/v2/device/{id}/custom-fields");
    assert!(stand.json(&path).await.get("supportTier").is_none());
    assert_eq!(
        stand.json(&format!("{path}?withInheritance=true")).await["supportTier"],
        gold
    );
    let rows = stand
        .json("/v2/queries/custom-fields?fields=localAdminPassword")
        .await;
    let first = &rows["results"][0]["fields"]["localAdminPassword"];
    assert_eq!(first, "************");
    let rows = stand
        .json("/v2/queries/custom-fields?fields=localAdminPassword&showSecureValues=true")
        .await;
    assert_ne!(&rows["results"][0]["fields"]["localAdminPassword"], first);
    let late = stand
        .json("/v2/queries/custom-fields-detailed?updatedAfter=1793609000000&scopes=all")
        .await;
    assert_eq!(late["results"], json!([]), "the clearing left nothing behind");
}

#[tokio::test]
async fn tags_are_made_given_merged_and_removed() {
    let stand = Stand::of(60).await;
    let device = id_of(&stand.rows("/v2/devices").await[0]);
    let tags_of = async || stand.json(&format!("/v2/device/{device}")).await["tags"].clone();
    let (status, body) = stand
        .send_json(
            Method::POST,
            "/v2/tag",
            &json!({"name": "Audit", "description": ""}),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    let tag = serde_json::from_str::<Value>(&body).unwrap()["id"].clone();
    let exactly = json!({"tagIds": [tag, 1]});
    assert_eq!(
        stand
            .send_json(Method::PUT, &format!("/v2/tag/device/{device}"), &exactly)
            .await
            .0,
        204
    );
    assert_eq!(tags_of().await, json!(["VIP", "Audit"]));
    assert_eq!(
        stand
            .rows(&format!("/v2/devices?df=tagId%20in%20({tag})"))
            .await
            .len(),
        1
    );
    let batch = json!({"assetIds": [device], "tagIdsToAdd": [2], "tagIdsToRemove": [1]});
    assert_eq!(
        stand.send_json(Method::POST, "/v2/tag/device", &batch).await.0,
        204
    );
    assert_eq!(tags_of().await, json!(["Loaner", "Audit"]));
    let merge = json!({"tagIds": [tag], "mergeMethod": "MERGE_INTO_EXISTING_TAG", "mergeIntoTagId": 2});
    assert_eq!(
        stand.send_json(Method::POST, "/v2/tag/merge", &merge).await.0,
        200
    );
    assert_eq!(tags_of().await, json!(["Loaner"]));
    let renamed = stand
        .send_json(Method::PUT, "/v2/tag/2", &json!({"name": "On loan"}))
        .await;
    assert_eq!((renamed.0, tags_of().await), (200, json!(["On loan"])));
    assert_eq!(
        stand
            .send_json(Method::POST, "/v2/tag/delete", &json!([2]))
            .await
            .0,
        204
    );
    assert_eq!(tags_of().await, json!([]));
    let long = json!({"name": "x".repeat(41)});
    assert_eq!(stand.send_json(Method::POST, "/v2/tag", &long).await.0, 400);
    assert_eq!(
        stand.send(Method::DELETE, "/v2/tag/99").await.unwrap().status(),
        404
    );
}

async fn new_ticket(stand: &Stand) -> Value {
    let device = &stand.rows("/v2/devices").await[0];
    let ticket = json!({
        "clientId": device["organizationId"], "ticketFormId": 1, "nodeId": device["id"], "subject": "No picture",
        "status": "1000", "description": {"public": true, "body": "Dark since noon"}, "priority": "HIGH",
        "attributes": [{"attributeId": 5, "value": true}], "tags": ["screen"]
    });
    let (status, body) = stand
        .send_json(Method::POST, "/v2/ticketing/ticket", &ticket)
        .await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_ticket_is_created_changed_and_commented() {
    let stand = Stand::of(60).await;
    let ticket = new_ticket(&stand).await;
    let path = format!("/v2/ticketing/ticket/{}", ticket["id"]);
    assert_eq!(stand.json(&path).await, ticket);
    assert_eq!(
        (&ticket["version"], &ticket["status"]["displayName"]),
        (&json!(1), &json!("New"))
    );
    let requester = stand.rows("/v2/users?userType=END_USER").await[0]["uid"].clone();
    let change = json!({
        "version": 1, "clientId": ticket["clientId"], "ticketFormId": 1, "subject": "Still no picture",
        "status": "2000", "requesterUid": requester
    });
    assert_eq!(stand.send_json(Method::PUT, &path, &change).await.0, 200);
    assert_eq!(
        stand.send_json(Method::PUT, &path, &change).await.0,
        409,
        "the version is old by now"
    );
    assert_eq!(stand.json(&path).await["version"], 2);

    let comment = json!({"public": false, "body": "Cable changed", "timeTracked": 120});
    assert_eq!(
        stand
            .send_json(Method::POST, &format!("{path}/comment"), &comment)
            .await
            .0,
        415
    );
    let form = Form::new()
        .part(
            "comment",
            Part::text(comment.to_string())
                .mime_str("application/json")
                .unwrap(),
        )
        .part("files", Part::bytes(vec![1, 2, 3]).file_name("photo.png"));
    let url = format!("{}{path}/comment", stand.ninja.base_url());
    let sent = stand
        .client
        .post(url)
        .bearer_auth(&stand.token)
        .multipart(form)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 204);
    let log = stand.rows(&format!("{path}/log-entry")).await;
    let kinds: Vec<&str> = log.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["DESCRIPTION", "SAVE", "COMMENT"]);
    assert_eq!(
        (&log[2]["body"], &log[2]["timeTracked"]),
        (&json!("Cable changed"), &json!(120))
    );
    let later = stand
        .rows(&format!(
            "{path}/log-entry?anchorId={}&type=COMMENT",
            log[1]["id"]
        ))
        .await;
    assert_eq!(later.len(), 1);
}

#[tokio::test]
async fn tickets_are_refused_for_good_reasons() {
    let mut quirky = options(60);
    quirky.quirks.stale_ticket_status = 400;
    let stand = Stand::start(quirky).await;
    let good = json!({"clientId": stand.ninja.organizations()[0].0, "ticketFormId": 1, "subject": "x", "status": "1000"});
    for (key, value, part) in [
        ("clientId", json!(999_999), "clientId"),
        ("status", json!("1234"), "status"),
        ("subject", json!("x".repeat(201)), "subject"),
        ("priority", json!("URGENT"), "priority"),
        ("nodeId", json!(999_999), "nodeId"),
        ("version", json!(1), "Unrecognized field 'version'"),
        ("colour", json!("red"), "Unrecognized field 'colour'"),
    ] {
        let mut wrong = good.clone();
        wrong[key] = value;
        let (status, body) = stand
            .send_json(Method::POST, "/v2/ticketing/ticket", &wrong)
            .await;
        assert!(status == 400 && body.contains(part), "{wrong}: {status} {body}");
    }
    let machine = stand
        .ninja
        .grants()
        .access_token_for("demo-machine", None, &["monitoring", "management"]);
    let url = format!("{}/v2/ticketing/ticket", stand.ninja.base_url());
    let response = stand
        .client
        .post(&url)
        .bearer_auth(&machine)
        .json(&good)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    let read = stand
        .client
        .get(format!("{}/v2/ticketing/trigger/boards", stand.ninja.base_url()));
    assert_eq!(
        read.bearer_auth(&machine).send().await.unwrap().status(),
        200,
        "reading needs no user"
    );
}

#[tokio::test]
async fn boards_are_paged_sorted_and_filtered() {
    let stand = Stand::of(1500).await;
    let path = "/v2/ticketing/trigger/board/2/run";
    let run = async |body: Value| -> Value {
        let (status, text) = stand.send_json(Method::POST, path, &body).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let sort = json!([{"field": "lastUpdated", "direction": "DESC"}]);
    let whole = run(json!({"pageSize": 1000, "sortBy": sort})).await["data"]
        .as_array()
        .unwrap()
        .clone();
    assert!(whole.len() > 70);
    let times: Vec<f64> = whole
        .iter()
        .map(|row| row["lastUpdated"].as_f64().unwrap())
        .collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]));
    let (mut seen, mut cursor) = (Vec::new(), json!(0));
    loop {
        let page = run(json!({"pageSize": 20, "sortBy": sort, "lastCursorId": cursor})).await;
        let rows = page["data"].as_array().unwrap().clone();
        if rows.is_empty() {
            break;
        }
        cursor = page["metadata"]["lastCursorId"].clone();
        seen.extend(rows);
    }
    assert_eq!(seen, whole);
    let filters = json!([{"field": "priority", "operator": "in", "value": ["HIGH", "LOW"]}, {"field": "status", "operator": "is_not", "value": "6000"}]);
    let rows = run(json!({"pageSize": 1000, "filters": filters, "searchCriteria": "printer"})).await;
    let rows = rows["data"].as_array().unwrap();
    assert!(!rows.is_empty());
    let priorities: BTreeSet<&str> = rows.iter().map(|row| row["priority"].as_str().unwrap()).collect();
    assert_eq!(priorities, BTreeSet::from(["HIGH", "LOW"]));
    assert!(
        rows.iter()
            .all(|row| row["summary"].as_str().unwrap().contains("rinter"))
    );
    let unknown = json!({"filters": [{"field": "colour", "operator": "is", "value": "red"}]});
    assert_eq!(stand.send_json(Method::POST, path, &unknown).await.0, 400);
}

#[tokio::test]
async fn an_organization_is_renamed() {
    let stand = Stand::of(60).await;
    let id = stand.ninja.organizations()[0].0;
    let path = format!("/v2/organization/{id}");
    assert_eq!(
        stand
            .send_json(Method::PATCH, &path, &json!({"name": "New name"}))
            .await
            .0,
        204
    );
    assert_eq!(stand.json(&path).await["name"], "New name");
    let log = stand.json("/v2/activities?status=CLIENT_UPDATED").await;
    assert!(
        log["activities"][0]["message"]
            .as_str()
            .unwrap()
            .contains("New name")
    );
}
