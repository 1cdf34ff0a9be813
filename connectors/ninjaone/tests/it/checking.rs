//! The configuration check, point by point.

use crate::standin::{StandIn, page};
use crate::tenant::{Tenant, connector, context, options, secrets, settings};
use connect::{CheckPoint, NewGrant, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulators::faults::Effect;
use simulators::ninjaone::{Options, Part, Quirks};

async fn check(tenant: &Tenant) -> Vec<CheckPoint> {
    tenant.source().check().await
}

/// Ticks up to the first cross: its place and what it says. What follows is not tried.
fn cross(points: &[CheckPoint]) -> (usize, &str) {
    let at = points
        .iter()
        .position(|point| point.verdict == Verdict::Failed)
        .unwrap_or_else(|| panic!("{points:#?}"));
    assert!(
        points[at + 1..]
            .iter()
            .all(|point| point.verdict == Verdict::NotTried),
        "{points:#?}"
    );
    assert!(
        points[..at].iter().all(|point| point.verdict == Verdict::Passed),
        "{points:#?}"
    );
    (at, &points[at].detail)
}

#[tokio::test]
async fn a_healthy_connection_gets_a_tick_at_every_point() {
    let tenant = Tenant::of(300).await;
    let points = check(&tenant).await;
    assert_eq!(points.len(), 8);
    assert!(
        points.iter().all(|point| point.verdict == Verdict::Passed),
        "{points:#?}"
    );
    assert!(points[3].detail.contains("monitoring"));
    assert!(tenant.sim.requests().total <= 5);
}

#[tokio::test]
async fn an_empty_tenant_leaves_only_what_needs_a_device() {
    let tenant = Tenant::of(10).await;
    tenant.sim.faults().always("/v2/*", Effect::EmptyTenant);
    let points = check(&tenant).await;
    let tried: Vec<_> = points.iter().map(|point| point.verdict).collect();
    assert_eq!(tried[..6], [Verdict::Passed; 6]);
    assert_eq!(tried[6..], [Verdict::NotTried; 2]);
}

#[tokio::test]
async fn an_unreachable_host_fails_the_first_point() {
    let tenant = Tenant::of(10).await;
    let cx = context(
        settings("http://127.0.0.1:9", json!({})),
        secrets("x"),
        tenant.grants.clone(),
    );
    let points = check(&Tenant { cx, ..tenant }).await;
    assert_eq!(cross(&points).0, 0);
    assert!(points[0].detail.contains("127.0.0.1"), "{points:#?}");
}

#[tokio::test]
async fn an_app_of_another_region_and_a_wrong_secret_fail_the_second_point() {
    for (client_id, secret, word) in [("elsewhere", "x", "region"), ("demo-web", "wrong", "secret")] {
        let tenant = Tenant::of(10).await;
        let points = check(&tenant.through(json!({"client_id": client_id}), secret)).await;
        let (at, detail) = cross(&points);
        assert!(at == 1 && detail.contains(word), "{points:#?}");
    }
    let more = json!({"mode": "machine", "client_id": "demo-machine"});
    let tenant = Tenant::of(10).await;
    for (secret, verdict) in [
        ("demo-machine-secret", Verdict::Passed),
        ("wrong", Verdict::Failed),
    ] {
        let cx = context(
            settings(&tenant.sim.base_url(), more.clone()),
            secrets(secret),
            tenant.grants.clone(),
        );
        let points = connector().source(&cx).unwrap().check().await;
        assert_eq!(points[1].verdict, verdict, "{points:#?}");
    }
}

#[tokio::test]
async fn a_dead_grant_fails_the_third_point() {
    let tenant = Tenant::of(10).await;
    tenant.sim.grants().revoke_all();
    let points = check(&tenant).await;
    let (at, detail) = cross(&points);
    assert!(at == 2 && detail.contains("econnect"), "{points:#?}");
}

#[tokio::test]
async fn a_missing_scope_fails_the_fourth_point() {
    for missing_scope_status in [401, 403] {
        let quirks = Quirks {
            missing_scope_status,
            ..Quirks::default()
        };
        let tenant = Tenant::start(
            Options {
                quirks,
                ..options(10)
            },
            json!({}),
        )
        .await;
        let token = tenant
            .sim
            .grants()
            .access_token_for("demo-web", Some("tech@example.test"), &["control"]);
        let pair = NewGrant {
            access_token: token.into(),
            refresh_token: None,
            scopes: vec!["control".to_owned()],
            expires: Timestamp::MAX - SignedDuration::from_hours(1),
        };
        tenant.cx.grants.replace(pair).await.unwrap();
        let points = check(&tenant).await;
        let (at, detail) = cross(&points);
        assert!(at == 3 && detail.contains("Monitoring"), "{points:#?}");
    }
}

#[tokio::test]
async fn rights_on_organizations_and_devices_are_told_apart() {
    for (path, place) in [("/v2/organizations", 4), ("/v2/devices-detailed", 5)] {
        let tenant = Tenant::of(10).await;
        tenant.sim.faults().always(path, Effect::Status { status: 404 });
        let points = check(&tenant).await;
        let (at, detail) = cross(&points);
        assert!(at == place && detail.contains("404"), "{points:#?}");
    }
}

#[tokio::test]
async fn what_a_tenant_leaves_out_is_said() {
    let without = [Part::System, Part::Volumes].into();
    let quirks = Quirks {
        without,
        ..Quirks::default()
    };
    let tenant = Tenant::start(
        Options {
            quirks,
            ..options(300)
        },
        json!({}),
    )
    .await;
    let points = check(&tenant).await;
    assert_eq!(points[6].verdict, Verdict::Passed);
    assert!(
        points[6].detail.contains("system") && points[6].detail.contains("reports"),
        "{points:#?}"
    );

    let quirks = Quirks {
        without: [Part::References].into(),
        ..Quirks::default()
    };
    let tenant = Tenant::start(
        Options {
            quirks,
            ..options(300)
        },
        json!({}),
    )
    .await;
    let points = check(&tenant).await;
    let (at, detail) = cross(&points);
    assert!(at == 7 && detail.contains("warranty"), "{points:#?}");
}

#[tokio::test]
async fn reports_that_are_missing_too_fail_the_point() {
    let server = StandIn::start(|path, query| match path {
        "/ws/oauth/token" => (400, json!({"error": "invalid_token"}).to_string()),
        "/v2/devices-detailed" => {
            let rows = [json!({"id": 1, "organizationId": 1, "deviceType": "AgentDevice"})];
            (200, page(&rows, query))
        }
        "/v2/organizations" => (200, Value::Array(vec![]).to_string()),
        _ => (
            404,
            json!({"resultCode": "FAILURE", "errorMessage": "HTTP 404 Not Found"}).to_string(),
        ),
    })
    .await;
    let points = server.source(json!({})).check().await;
    let (at, detail) = cross(&points);
    assert!(at == 6 && detail.contains("computer-systems"), "{points:#?}");
    assert_eq!(server.count("/v2/queries/computer-systems"), 1);
}
