//! Activities, alerts, scripts and other work.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::ninjaone::ScriptAnswer;

use super::{Stand, options};

async fn page(stand: &Stand, query: &str) -> Vec<Value> {
    stand.json(&format!("/v2/activities?{query}")).await["activities"]
        .as_array()
        .unwrap()
        .clone()
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// A Windows device that is offline or online.
fn windows(stand: &Stand, offline: bool) -> u32 {
    let estate = stand.ninja.estate();
    estate
        .devices()
        .iter()
        .find(|one| one.kind.is_windows() && one.offline == offline)
        .unwrap()
        .id
}

#[tokio::test]
async fn the_log_is_paged_backwards_and_forwards() {
    let stand = Stand::of(300).await;
    let all = ids(&page(&stand, "pageSize=1000").await);
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
    let mut seen = Vec::new();
    let mut query = "pageSize=50".to_owned();
    loop {
        let rows = ids(&page(&stand, &query).await);
        let Some(oldest) = rows.last() else { break };
        query = format!("pageSize=50&olderThan={oldest}");
        seen.extend(rows);
    }
    assert_eq!(seen, all);
    let newest = all[0];
    assert!(page(&stand, &format!("newerThan={newest}")).await.is_empty());
    stand.ninja.let_a_day_pass(0.1);
    let mut seen = Vec::new();
    let mut newest_seen = newest;
    loop {
        let rows = ids(&page(&stand, &format!("pageSize=10&newerThan={newest_seen}")).await);
        let Some(newest) = rows.first() else { break };
        newest_seen = *newest;
        seen.extend(rows);
    }
    assert!(seen.len() > 30 && seen.iter().all(|id| *id > newest));
    assert_eq!(stand.json("/v2/activities").await["lastActivityId"], newest_seen);
    for wrong in ["pageSize=5", "pageSize=1001", "class=NONE", "after=yesterday"] {
        assert_eq!(
            stand.get(&format!("/v2/activities?{wrong}")).await.0,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn the_log_is_filtered() {
    let stand = Stand::of(300).await;
    let rows = page(&stand, "type=CONDITION&status=in%20(TRIGGERED,RESET)").await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row["statusCode"] == "TRIGGERED"));
    let edge = 1_793_606_400 - 5 * 86_400;
    let late = page(&stand, &format!("after={edge}&pageSize=1000")).await;
    assert!(
        late.iter()
            .all(|row| row["activityTime"].as_f64().unwrap() > f64::from(edge))
    );
    let device = rows[0]["deviceId"].clone();
    let own = stand
        .json(&format!("/v2/device/{device}/activities?activityType=CONDITION"))
        .await;
    assert_eq!(own["lastNodeActivityId"], own["activities"][0]["id"]);
    let mut bare = options(60);
    bare.quirks.bare_activities = true;
    assert!(Stand::start(bare).await.json("/v2/activities").await.is_array());
}

#[tokio::test]
async fn an_alert_shares_its_uid_with_its_activities_and_ends_once() {
    let stand = Stand::of(300).await;
    let alerts = stand.rows("/v2/alerts").await;
    let uids: Vec<&str> = alerts
        .iter()
        .map(|alert| alert["uid"].as_str().unwrap())
        .collect();
    for (uid, method, path) in [
        (uids[0], Method::DELETE, format!("/v2/alert/{}", uids[0])),
        (uids[1], Method::POST, format!("/v2/alert/{}/reset", uids[1])),
    ] {
        let codes = |rows: Vec<Value>| {
            rows.iter()
                .map(|row| row["statusCode"].to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            codes(page(&stand, &format!("seriesUid={uid}")).await),
            [r#""TRIGGERED""#]
        );
        assert_eq!(
            stand
                .send_json(method.clone(), &path, &json!({"note": "checked"}))
                .await
                .0,
            204
        );
        assert_eq!(
            codes(page(&stand, &format!("seriesUid={uid}")).await),
            [r#""RESET""#, r#""TRIGGERED""#]
        );
        assert_eq!(stand.send_json(method, &path, &json!({})).await.0, 404);
    }
    assert_eq!(stand.rows("/v2/alerts").await.len(), alerts.len() - 2);
    let device = windows(&stand, false);
    let uid = stand.ninja.raise_alert(device, 0);
    let own = stand.rows(&format!("/v2/device/{device}/alerts")).await;
    assert!(
        own.iter()
            .any(|alert| alert["uid"] == uid.as_str() && alert["sourceType"] == "CONDITION_AGENT_MEMORY")
    );
}

#[tokio::test]
async fn a_script_leaves_its_steps_under_one_series() {
    let stand = Stand::of(300).await;
    let run = json!({"type": "SCRIPT", "id": 11, "parameters": "a b", "runAs": "system"});
    let steps = async |device: u32| {
        let path = format!("/v2/device/{device}/activities?activityType=SCRIPTING");
        stand.json(&path).await["activities"].as_array().unwrap().clone()
    };
    let online = windows(&stand, false);
    let path = format!("/v2/device/{online}/script/run");
    assert_eq!(
        stand.send_json(Method::POST, &path, &run).await,
        (204, String::new())
    );
    let rows = steps(online).await;
    let codes: Vec<&str> = rows
        .iter()
        .map(|row| row["statusCode"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["COMPLETED", "STARTED", "START_REQUESTED"]);
    assert!(rows.iter().all(|row| row["seriesUid"] == rows[0]["seriesUid"]));
    assert_eq!(rows[0]["activityResult"], "SUCCESS");

    let offline = windows(&stand, true);
    let path = format!("/v2/device/{offline}/script/run");
    assert_eq!(stand.send_json(Method::POST, &path, &run).await.0, 204);
    let jobs = stand.rows(&format!("/v2/device/{offline}/jobs")).await;
    assert_eq!(
        (jobs.len(), &jobs[0]["jobStatus"]),
        (1, &json!("START_REQUESTED"))
    );
    assert!(stand.ninja.bring_online(offline, true));
    assert!(stand.rows("/v2/jobs").await.is_empty());
    let rows = steps(offline).await;
    assert_eq!((rows.len(), &rows[0]["seriesUid"]), (3, &jobs[0]["uid"]));
}

#[tokio::test]
async fn scripts_are_refused_for_good_reasons() {
    let mut quirky = options(100);
    quirky.quirks.script_answer = ScriptAnswer::JobUid;
    let stand = Stand::start(quirky).await;
    let device = windows(&stand, false);
    let path = format!("/v2/device/{device}/script/run");
    let refuse = async |body: Value, part: &str| {
        let (status, text) = stand.send_json(Method::POST, &path, &body).await;
        assert!(status == 400 && text.contains(part), "{body}: {status} {text}");
    };
    refuse(
        json!({"type": "SCRIPT", "scriptId": 11}),
        "Unrecognized field 'scriptId'",
    )
    .await;
    refuse(json!({"type": "SCRIPT", "id": 999}), "does not exist").await;
    refuse(json!({"type": "ACTION"}), "needs uid").await;
    refuse(
        json!({"type": "SCRIPT", "id": 11, "runAs": "root"}),
        "Unknown credential",
    )
    .await;
    let (status, text) = stand
        .send_json(Method::POST, &path, &json!({"type": "SCRIPT", "id": 11}))
        .await;
    assert!(status == 200 && text.contains("jobUid"), "{text}");
    let machine = stand
        .ninja
        .grants()
        .access_token_for("demo-machine", None, &["monitoring", "management"]);
    let request = stand
        .client
        .post(format!("{}{path}", stand.ninja.base_url()))
        .bearer_auth(machine);
    let response = request
        .json(&json!({"type": "SCRIPT", "id": 11}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(
        response.json::<Value>().await.unwrap()["error"],
        "user_context_required"
    );
}

#[tokio::test]
async fn services_are_controlled_and_configured() {
    let stand = Stand::of(200).await;
    let device = windows(&stand, false);
    let spooler = async || {
        let rows = stand
            .rows(&format!("/v2/device/{device}/windows-services?name=Spooler"))
            .await;
        (
            rows[0]["state"].as_str().unwrap().to_owned(),
            rows[0]["startType"].as_str().unwrap().to_owned(),
        )
    };
    let path = format!("/v2/device/{device}/windows-service/Spooler");
    for (action, state) in [
        ("STOP", "STOPPED"),
        ("START", "RUNNING"),
        ("PAUSE", "PAUSED"),
        ("RESTART", "RUNNING"),
    ] {
        let answer = stand
            .send_json(
                Method::POST,
                &format!("{path}/control"),
                &json!({"action": action}),
            )
            .await;
        assert_eq!((answer.0, spooler().await.0.as_str()), (204, state), "{action}");
    }
    let body = json!({"startType": "DISABLED"});
    assert_eq!(
        stand
            .send_json(Method::POST, &format!("{path}/configure"), &body)
            .await
            .0,
        204
    );
    assert_eq!(spooler().await.1, "DISABLED");
    assert_eq!(
        stand
            .send_json(
                Method::POST,
                &format!("{path}/control"),
                &json!({"action": "KICK"})
            )
            .await
            .0,
        400
    );
    let unknown = format!("/v2/device/{device}/windows-service/Nope/control");
    assert_eq!(
        stand
            .send_json(Method::POST, &unknown, &json!({"action": "STOP"}))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn devices_are_rebooted_patched_and_kept_in_maintenance() {
    let stand = Stand::of(300).await;
    let device = windows(&stand, false);
    let path = format!("/v2/device/{device}");
    assert_eq!(
        stand
            .send_json(
                Method::POST,
                &format!("{path}/reboot/NORMAL"),
                &json!({"reason": "x"})
            )
            .await
            .0,
        204
    );
    let rows = stand
        .json(&format!("{path}/activities?status=SYSTEM_REBOOTED"))
        .await;
    assert!(
        rows["activities"][0]["message"]
            .as_str()
            .unwrap()
            .contains("rebooted")
    );
    assert_eq!(
        stand
            .send(Method::POST, &format!("{path}/reboot/GENTLE"))
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        stand
            .send(Method::POST, &format!("{path}/patch/os/scan"))
            .await
            .unwrap()
            .status(),
        204
    );
    let mac = stand.rows("/v2/devices?df=class%3DMAC").await[0]["id"].clone();
    let (status, body) = stand
        .send_json(
            Method::POST,
            &format!("/v2/device/{mac}/patch/os/apply"),
            &json!({}),
        )
        .await;
    assert!(
        status == 400 && body.contains("Device is not applicable for os apply"),
        "{body}"
    );

    let past = json!({"end": 1_600_000_000, "disabledFeatures": []});
    let (status, body) = stand
        .send_json(Method::PUT, &format!("{path}/maintenance"), &past)
        .await;
    assert!(
        status == 400 && body.contains("node_maintenance_date_in_past"),
        "{body}"
    );
    for end in [
        json!(2_000_000_000),
        json!(2_000_000_000_000_i64),
        json!("2033-05-18T03:33:20Z"),
    ] {
        let window = json!({"end": end, "disabledFeatures": ["ALERTS"], "reasonMessage": "move"});
        assert_eq!(
            stand
                .send_json(Method::PUT, &format!("{path}/maintenance"), &window)
                .await
                .0,
            204
        );
        let seen = stand.json(&path).await["maintenance"].clone();
        assert_eq!(
            (&seen["end"], &seen["status"]),
            (&json!(2_000_000_000.0), &json!("IN_MAINTENANCE"))
        );
    }
    assert_eq!(
        stand
            .send(Method::DELETE, &format!("{path}/maintenance"))
            .await
            .unwrap()
            .status(),
        204
    );
    assert!(stand.json(&path).await.get("maintenance").is_none());
}

#[tokio::test]
async fn devices_are_changed_and_let_in() {
    let stand = Stand::of(300).await;
    let device = windows(&stand, false);
    let path = format!("/v2/device/{device}");
    let warranty = json!({"displayName": "Front desk", "warranty": {"startDate": 1_700_000_000.0, "endDate": 1_800_000_000.0}});
    assert_eq!(stand.send_json(Method::PATCH, &path, &warranty).await.0, 204);
    let seen = stand.json(&format!("{path}?expand=warranty")).await;
    assert_eq!(seen["displayName"], "Front desk");
    assert_eq!(
        seen["references"]["warranty"],
        json!({"startDate": 1_700_000_000.0, "endDate": 1_800_000_000.0})
    );
    let foreign = json!({"organizationId": 999_999});
    assert_eq!(stand.send_json(Method::PATCH, &path, &foreign).await.0, 400);
    let (status, body) = stand.send_json(Method::PATCH, &path, &json!({"name": "x"})).await;
    assert!(
        status == 400 && body.contains("Unrecognized field 'name'"),
        "{body}"
    );

    let waiting = stand.rows("/v2/devices?df=status%3DPENDING").await;
    let ids: Vec<&Value> = waiting.iter().map(|row| &row["id"]).collect();
    let answer = stand
        .send_json(
            Method::POST,
            "/v2/devices/approval/APPROVE",
            &json!({"devices": ids}),
        )
        .await;
    assert_eq!(answer.0, 204);
    assert_eq!(stand.rows("/v2/devices").await.len(), 303);
}
