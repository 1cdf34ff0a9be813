//! Keeping a grant: one refresh per expiry, across tasks and stores.

use crate::oauth::app;
use crate::stand::*;
use connect::grant::{GrantStore, RefreshTurn};
use connect::http::Bearer;
use connect::oauth::{GrantBearer, MemoryGrants};
use connect::{Kind, Mode};
use futures::future::join_all;
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A vendor that rotates: each refresh token works once, and every pair is numbered.
pub async fn rotating(wait: Duration) -> Stand {
    let current = Mutex::new(1);
    Stand::start(move |_, seen| {
        let mut current = current.lock().unwrap();
        if seen.field("grant_type").as_deref() == Some("client_credentials") {
            *current += 1;
            return json(
                200,
                &format!(r#"{{"access_token":"machine-{}","expires_in":3600}}"#, *current),
            );
        }
        if seen.field("refresh_token") != Some(format!("refresh-{}", *current)) {
            return json(400, r#"{"error":"invalid_token"}"#);
        }
        *current += 1;
        let n = *current;
        let body =
            format!(r#"{{"access_token":"access-{n}","refresh_token":"refresh-{n}","expires_in":3600}}"#);
        Say::Late(wait, answer_bytes(200, "", body.as_bytes()))
    })
    .await
}

pub fn bearer<G: GrantStore + 'static>(
    stand: &Stand,
    grants: &Arc<G>,
    clock: &Arc<TestClock>,
) -> GrantBearer {
    let grants = Arc::<G>::clone(grants);
    GrantBearer::new(
        grants,
        app(stand),
        stand.http(),
        Arc::<TestClock>::clone(clock),
        Mode::Consent,
    )
}

pub async fn token_of(bearer: &GrantBearer) -> String {
    bearer.token().await.unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn a_fresh_token_is_used_and_nobody_is_asked() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::with(pair(
        "access-1",
        Some("refresh-1"),
        &clock,
        61,
    )));
    assert_eq!(token_of(&bearer(&stand, &grants, &clock)).await, "access-1");
    assert_eq!(stand.count(), 0);
}

#[tokio::test]
async fn h28_r22_access_is_kept_for_days_without_the_person() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::with(pair(
        "access-1",
        Some("refresh-1"),
        &clock,
        3600,
    )));
    let bearer = bearer(&stand, &grants, &clock);
    for n in 1..=48 {
        assert_eq!(token_of(&bearer).await, format!("access-{n}"));
        // A minute ahead of the end the next one is fetched.
        clock.advance(3539);
        assert_eq!(token_of(&bearer).await, format!("access-{n}"));
        clock.advance(1);
    }
    assert_eq!(stand.count(), 47);
    let form = stand.seen()[0].form();
    let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["grant_type", "refresh_token", "client_id", "client_secret"],
        "the scope is not sent again"
    );
    // What the answer left out is as it was.
    assert_eq!(
        grants.load().await.unwrap().unwrap().pair.scopes,
        ["monitoring", "offline_access"]
    );
}

#[tokio::test]
async fn many_tasks_and_several_stores_refresh_once() {
    let (stand, clock) = (
        rotating(Duration::from_millis(200)).await,
        Arc::new(TestClock::new()),
    );
    let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
    let bearers: Vec<_> = (0..3).map(|_| bearer(&stand, &grants, &clock)).collect();
    for round in 2..5 {
        let asked = bearers
            .iter()
            .flat_map(|bearer| (0..40).map(move |_| token_of(bearer)));
        for token in join_all(asked).await {
            assert_eq!(token, format!("access-{round}"));
        }
        assert_eq!(stand.count(), round - 1, "one refresh per expiry");
        clock.advance(3600);
    }
}

#[tokio::test]
async fn the_pair_is_committed_before_its_token_is_used() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
    let token = token_of(&bearer(&stand, &grants, &clock)).await;
    let stored = grants.load().await.unwrap().unwrap();
    assert_eq!(
        (stored.pair.access_token.expose_secret(), stored.version),
        (token.as_str(), 2)
    );
    assert_eq!(stored.pair.refresh_token.unwrap().expose_secret(), "refresh-2");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_lose_the_rotated_token() {
    let (stand, clock) = (
        rotating(Duration::from_millis(200)).await,
        Arc::new(TestClock::new()),
    );
    let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
    let bearer = bearer(&stand, &grants, &clock);
    let gone = tokio::time::timeout(Duration::from_millis(80), bearer.token()).await;
    assert!(gone.is_err());
    assert_eq!(token_of(&bearer).await, "access-2");
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn a_rejected_token_is_replaced_before_its_time() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::with(pair(
        "access-1",
        Some("refresh-1"),
        &clock,
        3600,
    )));
    let bearers = [bearer(&stand, &grants, &clock), bearer(&stand, &grants, &clock)];
    let old = bearers[0].token().await.unwrap();
    bearers[1].token().await.unwrap();
    // Many requests met the same 401, in two processes.
    let rejected = join_all((0..20).map(|n| bearers[n % 2].rejected(&old))).await;
    for token in rejected {
        assert_eq!(token.unwrap().expose_secret(), "access-2");
    }
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn a_new_token_that_is_rejected_as_well_does_not_start_a_storm() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::with(pair(
        "access-1",
        Some("refresh-1"),
        &clock,
        3600,
    )));
    let bearer = bearer(&stand, &grants, &clock);
    let mut token = bearer.token().await.unwrap();
    token = bearer.rejected(&token).await.unwrap();
    for _ in 0..10 {
        let error = bearer.rejected(&token).await.unwrap_err();
        assert_eq!(error.kind, Kind::Auth);
        assert!(error.next.contains("Reconnect"), "{error}");
    }
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn a_request_that_meets_a_revoked_token_goes_on_with_the_next() {
    let api = Stand::start(|_, seen| match seen.header("authorization") {
        Some("Bearer access-2") => json(200, "1"),
        _ => json(401, "{}"),
    })
    .await;
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::with(pair(
        "access-1",
        Some("refresh-1"),
        &clock,
        3600,
    )));
    let bearer = bearer(&stand, &grants, &clock);
    let (http, gets) = (api.http(), 12);
    for answer in join_all((0..gets).map(|_| http.get("reading", "/x", &[], &bearer))).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn a_short_lived_token_is_used_for_most_of_its_life() {
    let count = Arc::new(AtomicUsize::new(0));
    let n = Arc::clone(&count);
    let stand = Stand::start(move |_, _| {
        let n = n.fetch_add(1, Ordering::Relaxed);
        json(
            200,
            &format!(r#"{{"access_token":"access-{n}","refresh_token":"r","expires_in":20}}"#),
        )
    })
    .await;
    let clock = Arc::new(TestClock::new());
    let grants = Arc::new(MemoryGrants::with(pair("old", Some("r"), &clock, 0)));
    let bearers = [bearer(&stand, &grants, &clock), bearer(&stand, &grants, &clock)];
    for second in 0..60 {
        for bearer in &bearers {
            token_of(bearer).await;
        }
        clock.advance(1);
        assert!(
            count.load(Ordering::Relaxed) <= 2 + second / 14,
            "at second {second}"
        );
    }
}

#[tokio::test]
async fn a_machine_app_asks_anew_instead_of_refreshing() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::default());
    let mut app = app(&stand);
    app.scopes = vec!["monitoring".to_owned()];
    let grants_dyn: Arc<dyn GrantStore> = Arc::<MemoryGrants>::clone(&grants);
    let bearer = GrantBearer::new(
        grants_dyn,
        app,
        stand.http(),
        Arc::<TestClock>::clone(&clock),
        Mode::Machine,
    );
    // The first token needs nothing stored.
    assert_eq!(token_of(&bearer).await, "machine-2");
    clock.advance(3600);
    assert_eq!(
        join_all((0..20).map(|_| token_of(&bearer))).await,
        vec!["machine-3"; 20]
    );
    assert_eq!(stand.count(), 2);
    assert_eq!(grants.load().await.unwrap().unwrap().version, 2);
}

#[tokio::test(start_paused = true)]
async fn grants_in_memory_keep_the_store_s_promises() {
    let clock = TestClock::new();
    let overdue = Duration::from_secs(10);
    let grants = MemoryGrants::default();
    assert!(grants.load().await.unwrap().is_none());
    assert!(grants.begin_refresh(1, overdue).await.is_err());
    grants.replace(pair("a", Some("r"), &clock, 1)).await.unwrap();
    let RefreshTurn::Ours(first) = grants.begin_refresh(1, overdue).await.unwrap() else {
        panic!("ours")
    };
    assert!(matches!(
        grants.begin_refresh(1, overdue).await.unwrap(),
        RefreshTurn::Theirs
    ));
    grants.abandon_refresh(&first).await.unwrap();
    let RefreshTurn::Ours(second) = grants.begin_refresh(1, overdue).await.unwrap() else {
        panic!("ours")
    };
    assert!(
        grants
            .commit_refresh(&first, pair("b", None, &clock, 1))
            .await
            .is_err(),
        "given back"
    );
    tokio::time::advance(overdue).await;
    assert!(
        grants
            .commit_refresh(&second, pair("b", None, &clock, 1))
            .await
            .is_err(),
        "overdue"
    );
    let RefreshTurn::Ours(third) = grants.begin_refresh(1, overdue).await.unwrap() else {
        panic!("ours")
    };
    grants.abandon_refresh(&second).await.unwrap();
    let grant = grants
        .commit_refresh(&third, pair("b", None, &clock, 1))
        .await
        .unwrap();
    assert_eq!(
        (grant.version, grant.pair.refresh_token.unwrap().expose_secret()),
        (2, "r")
    );
    let RefreshTurn::Done(done) = grants.begin_refresh(1, overdue).await.unwrap() else {
        panic!("done")
    };
    assert_eq!(done.version, 2);
    assert!(
        grants
            .commit_refresh(&third, pair("c", None, &clock, 1))
            .await
            .is_err(),
        "used"
    );
}
