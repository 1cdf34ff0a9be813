//! What goes wrong, and what stands afterwards.

use super::Desk;
use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::directory::{Behaviour, Fault, Mode, Options};
use std::time::{Duration, Instant};

/// A desk with one client.
async fn desk() -> (Desk, Value) {
    let desk = Desk::open().await;
    let client = desk.client().await;
    (desk, json!({"client_id": client, "external_key": "k"}))
}

fn next(desk: &Desk, on: &str, mode: Mode) {
    desk.directory.faults().add(Fault::once(on, mode)).unwrap();
}

#[tokio::test]
async fn an_answer_that_is_lost_or_broken_leaves_the_record() {
    for mode in [Mode::LostAnswer, Mode::HalfBody] {
        let (desk, asset) = desk().await;
        next(&desk, "POST /assets", mode.clone());
        desk.post_in_vain("/assets", &asset).await;
        assert_eq!(desk.ids("/assets?external_key=k").await.len(), 1, "{mode:?}");
        assert_eq!(desk.directory.effects().answers("POST /assets", 0), 1, "{mode:?}");
        assert_eq!(desk.post("/assets", &asset).await.0, 201, "it strikes once");
        assert_eq!(desk.directory.effects().creates_received["k"], 2);
    }
}

#[tokio::test]
async fn a_status_or_page_comes_before_or_after_the_record() {
    for (mode, status, records) in [
        (Mode::ErrorBefore { status: 500 }, 500, 0),
        (Mode::ErrorAfter { status: 503 }, 503, 1),
        (Mode::ErrorHalf { status: 502 }, 502, 0),
        (
            Mode::HtmlPage {
                status: 200,
                carried_out: false,
            },
            200,
            0,
        ),
        (
            Mode::HtmlPage {
                status: 200,
                carried_out: true,
            },
            200,
            1,
        ),
        (
            Mode::TooManyRequests {
                retry_after: Some("7".to_owned()),
            },
            429,
            0,
        ),
    ] {
        let (desk, asset) = desk().await;
        next(&desk, "POST /assets", mode.clone());
        assert_eq!(desk.post("/assets", &asset).await.0, status, "{mode:?}");
        assert_eq!(desk.ids("/assets").await.len(), records, "{mode:?}");
    }
}

#[tokio::test]
async fn half_of_a_batch_is_carried_out() {
    let (desk, asset) = desk().await;
    next(&desk, "POST /assets/batch", Mode::ErrorHalf { status: 500 });
    let operations = vec![json!({"op": "create", "asset": asset}); 5];
    let (status, _) = desk
        .post("/assets/batch", &json!({ "operations": operations }))
        .await;
    assert_eq!(status, 500);
    assert_eq!(desk.ids("/assets").await.len(), 2);
    assert_eq!(desk.directory.effects().creates_received["k"], 5);
}

#[tokio::test]
async fn a_late_commit_lands_after_its_sender_has_gone() {
    for close_ms in [Some(20), None] {
        let (desk, asset) = desk().await;
        let mode = Mode::LateCommit {
            commit_ms: 300,
            spread_ms: 0,
            close_ms,
        };
        next(&desk, "POST /assets", mode);
        let start = Instant::now();
        let request = desk.request(reqwest::Method::POST, "/assets").json(&asset);
        assert!(request.timeout(Duration::from_millis(100)).send().await.is_err());
        assert!(start.elapsed() < Duration::from_millis(250));
        assert!(desk.ids("/assets").await.is_empty(), "it is a ghost still");
        assert_eq!(desk.directory.effects().late_pending, 1);
        assert!(desk.directory.settled(Duration::from_secs(5)).await);
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert_eq!(desk.ids("/assets").await.len(), 1, "it landed");
        let effects = desk.directory.effects();
        assert_eq!((effects.late, effects.late_pending), (1, 0));
    }
}

#[tokio::test]
async fn a_late_change_meets_what_stands_when_it_lands() {
    let (desk, asset) = desk().await;
    let id = desk.made("/assets", asset).await;
    let mode = Mode::LateCommit {
        commit_ms: 100,
        spread_ms: 0,
        close_ms: Some(0),
    };
    next(&desk, "PATCH /assets/{id}", mode);
    let ghost = desk
        .request(reqwest::Method::PATCH, &format!("/assets/{id}"))
        .header("if-match", "\"1\"");
    assert!(ghost.json(&json!({"name": "ghost"})).send().await.is_err());
    assert_eq!(desk.patch(&id, 1, &json!({"name": "first"})).await.0, 200);
    assert!(desk.directory.settled(Duration::from_secs(5)).await);
    assert_eq!(desk.get(&format!("/assets/{id}")).await.1["name"], "first");
}

#[tokio::test]
async fn a_write_is_carried_out_though_its_sender_hangs_up() {
    let desk = Desk::behaving(Behaviour {
        latency_ms: 200,
        ..Behaviour::default()
    })
    .await;
    let client = desk.client().await;
    for timeout in [50, 150] {
        let request = desk
            .request(reqwest::Method::POST, "/assets")
            .json(&json!({"client_id": client}));
        assert!(
            request
                .timeout(Duration::from_millis(timeout))
                .send()
                .await
                .is_err()
        );
    }
    assert!(desk.directory.settled(Duration::from_secs(5)).await);
    assert_eq!(desk.directory.effects().done("create assets"), 2);
}

#[tokio::test]
async fn too_many_requests_are_turned_away_until_time_passes() {
    let desk = Desk::behaving(Behaviour {
        requests_per_second: Some(3),
        ..Behaviour::default()
    })
    .await;
    let mut statuses = vec![];
    for n in 0..5 {
        statuses.push(
            desk.post("/clients", &json!({"name": "x", "external_key": n.to_string()}))
                .await
                .0
                .as_u16(),
        );
    }
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
    let answer = desk
        .request(reqwest::Method::GET, "/clients")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    desk.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(desk.ids("/clients").await.len(), 3);
    let effects = desk.directory.effects();
    assert_eq!(effects.answers("POST /clients", 429), 2);
    assert_eq!(
        effects.creates_received.len(),
        3,
        "one that is turned away never counts as a creation"
    );
}

#[tokio::test]
async fn everything_can_be_driven_over_http() {
    let (desk, asset) = desk().await;
    let base = desk.directory.base_url();
    let simulator = async |method: reqwest::Method, path: &str, body: Value| {
        let request = super::http().request(method, format!("{base}/simulator{path}"));
        super::taken(request.json(&body).send().await.unwrap()).await
    };
    use reqwest::Method;
    let fault = json!({"on": "POST /assets", "times": 1, "mode": {"kind": "error_before", "status": 502}});
    let (status, added) = simulator(Method::POST, "/faults", fault).await;
    assert_eq!((status.as_u16(), &added["number"]), (201, &json!(1)));
    assert_eq!(desk.post("/assets", &asset).await.0, 502);
    let (_, standing) = simulator(Method::GET, "/faults", Value::Null).await;
    assert_eq!(standing["faults"][0]["struck"], 1);
    assert_eq!(simulator(Method::DELETE, "/faults/1", Value::Null).await.0, 200);
    assert_eq!(simulator(Method::DELETE, "/faults/1", Value::Null).await.0, 404);
    for wrong in [
        json!({"on": "POST /asset", "mode": {"kind": "lost_answer"}}),
        json!({"on": "writes", "mode": {"kind": "nonsense"}}),
        json!({"on": "writes", "rate": 1, "mode": {"kind": "lost_answer"}}),
    ] {
        let (status, answer) = simulator(Method::POST, "/faults", wrong).await;
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().len() > 20);
    }

    desk.made("/assets", asset.clone()).await;
    desk.made("/assets", asset.clone()).await;
    let (_, effects) = simulator(Method::GET, "/effects", Value::Null).await;
    assert_eq!(effects["effects"]["received"]["POST /assets"], 3);
    assert_eq!(effects["duplicates"][0]["records"], 2);
    let (_, keys) = simulator(Method::GET, "/keys", Value::Null).await;
    assert_eq!(keys["assets"]["k"], 2);
    let (_, records) = simulator(Method::GET, "/records", Value::Null).await;
    assert_eq!(records["assets"].as_array().unwrap().len(), 2);

    let (status, behaviour) = simulator(Method::PUT, "/behaviour", json!({"index_lag_ms": 9})).await;
    assert_eq!((status.as_u16(), &behaviour["index_lag_ms"]), (200, &json!(9)));
    assert_eq!(desk.directory.behaviour().index_lag_ms, 9);
    assert_eq!(
        simulator(Method::PUT, "/behaviour", json!({"lag": 9})).await.0,
        400
    );
    assert_eq!(simulator(Method::POST, "/snapshot", Value::Null).await.0, 409);
    assert_eq!(simulator(Method::POST, "/reset", Value::Null).await.0, 204);
    assert_eq!(desk.directory.effects().writes(), 0);
    assert_eq!(desk.directory.records()["assets"], json!([]));
}

#[tokio::test]
async fn every_route_a_fault_can_name_exists() {
    let desk = Desk::open().await;
    let unknown = desk
        .directory
        .faults()
        .add(Fault::once("GET /nowhere", Mode::LostAnswer))
        .unwrap_err();
    let text = unknown.to_string();
    let routes: Vec<_> = text
        .split(", ")
        .filter(|part| part.contains(" /") && !part.contains("nowhere"))
        .collect();
    assert_eq!(routes.len(), 19, "{text}");
    for route in routes {
        let (method, path) = route.split_once(' ').unwrap();
        next(&desk, route, Mode::ErrorBefore { status: 507 });
        let request = desk.request(method.parse().unwrap(), &path.replace("{id}", "x"));
        assert_eq!(request.send().await.unwrap().status(), 507, "{route}");
    }
    let options = Options {
        faults: vec![Fault::once("GET /nowhere", Mode::LostAnswer)],
        ..Options::default()
    };
    assert!(simulators::directory::Directory::start(options).await.is_err());
}
