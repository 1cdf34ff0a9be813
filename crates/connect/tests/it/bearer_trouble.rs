//! Keeping a grant when things go wrong: dead grants, dying processes, failing stores and endpoints.

use crate::bearer::{bearer, rotating, token_of};
use crate::stand::*;
use async_trait::async_trait;
use connect::grant::{GrantStore, RefreshTicket, RefreshTurn};
use connect::http::Bearer;
use connect::oauth::MemoryGrants;
use connect::{Grant, GrantStoreError, Kind, NewGrant};
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A store in memory that fails as a test says.
struct Frail {
    grants: MemoryGrants,
    /// Commits that fail before one works.
    failing_commits: AtomicU32,
    /// How long a turn lasts, in place of what is asked for.
    overdue: Duration,
}

impl Frail {
    fn new(pair: NewGrant, failing_commits: u32, overdue: Duration) -> Arc<Self> {
        let (grants, failing_commits) = (MemoryGrants::with(pair), AtomicU32::new(failing_commits));
        Arc::new(Self {
            grants,
            failing_commits,
            overdue,
        })
    }
}

#[async_trait]
impl GrantStore for Frail {
    async fn load(&self) -> Result<Option<Grant>, GrantStoreError> {
        self.grants.load().await
    }

    async fn begin_refresh(&self, version: i64, _: Duration) -> Result<RefreshTurn, GrantStoreError> {
        self.grants.begin_refresh(version, self.overdue).await
    }

    async fn commit_refresh(&self, ticket: &RefreshTicket, pair: NewGrant) -> Result<Grant, GrantStoreError> {
        let left = self.failing_commits.load(Ordering::Relaxed);
        if left > 0 {
            self.failing_commits.store(left - 1, Ordering::Relaxed);
            return Err(GrantStoreError("the database is locked".to_owned()));
        }
        self.grants.commit_refresh(ticket, pair).await
    }

    async fn abandon_refresh(&self, ticket: &RefreshTicket) -> Result<(), GrantStoreError> {
        self.grants.abandon_refresh(ticket).await
    }

    async fn replace(&self, pair: NewGrant) -> Result<Grant, GrantStoreError> {
        self.grants.replace(pair).await
    }
}

#[tokio::test]
async fn h04_a_revoked_grant_asks_for_a_reconnect_and_works_again_after_it() {
    for error in ["invalid_grant", "invalid_token", "expired_token"] {
        for status in [400, 401] {
            let body = format!(r#"{{"error":"{error}"}}"#);
            let stand = Stand::start(move |_, _| json(status, &body)).await;
            let clock = Arc::new(TestClock::new());
            let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
            let bearer = bearer(&stand, &grants, &clock);
            for _ in 0..5 {
                let error = bearer.token().await.unwrap_err();
                assert_eq!(
                    (error.kind.clone(), error.next.as_str()),
                    (Kind::Auth, "Reconnect this connection")
                );
                assert!(error.what.starts_with("the grant is no longer valid"), "{error}");
                assert!(!error.to_string().contains("refresh-1"));
            }
            assert_eq!(stand.count(), 1, "a dead grant is not asked for again and again");
            // R24: a person reconnects, and the same bearer goes on.
            grants
                .replace(pair("access-9", Some("refresh-9"), &clock, 3600))
                .await
                .unwrap();
            assert_eq!(token_of(&bearer).await, "access-9");
        }
    }
}

#[tokio::test]
async fn r23_a_renewed_secret_or_a_deleted_app_asks_for_a_reconnect() {
    type Case = (fn() -> Say, &'static str);
    let cases: [Case; 2] = [
        (
            || json(401, r#"{"error":"invalid_client"}"#),
            "the client ID or the client secret is not accepted",
        ),
        (
            || json(404, r#"{"resultCode":"Client app not exist"}"#),
            "this app is not known there",
        ),
    ];
    for (answer, words) in cases {
        let stand = Stand::start(move |_, _| answer()).await;
        let clock = Arc::new(TestClock::new());
        let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
        let error = bearer(&stand, &grants, &clock).token().await.unwrap_err();
        assert_eq!(error.kind, Kind::Auth);
        assert!(
            error.what.starts_with(words) && error.next.ends_with("Then reconnect this connection"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_store_is_read_again_before_a_grant_is_called_dead() {
    let clock = Arc::new(TestClock::new());
    let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
    let stored: Arc<OnceLock<Arc<MemoryGrants>>> = Arc::default();
    stored.set(Arc::clone(&grants)).ok();
    let (newer, slot) = (
        pair("access-9", Some("refresh-9"), &clock, 3600),
        Arc::clone(&stored),
    );
    let stand = Stand::start(move |_, _| {
        // While the vendor thinks, a person reconnects.
        let (grants, newer) = (Arc::clone(slot.get().unwrap()), newer.clone());
        tokio::spawn(async move { grants.replace(newer).await });
        Say::Late(
            Duration::from_millis(100),
            answer_bytes(400, "", br#"{"error":"invalid_grant"}"#),
        )
    })
    .await;
    assert_eq!(token_of(&bearer(&stand, &grants, &clock)).await, "access-9");
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn a_process_that_died_between_answer_and_commit_costs_a_reconnect_not_a_loop() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Frail::new(
        pair("access-1", Some("refresh-1"), &clock, 0),
        0,
        Duration::from_millis(300),
    );
    // The other process took its turn, got access-2, and died.
    grants.begin_refresh(1, Duration::ZERO).await.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", "refresh-1")];
    let url = stand.url.join("/ws/oauth/token").unwrap();
    stand
        .http()
        .form("dying", &url, http::HeaderMap::new(), &form)
        .await
        .unwrap();
    // This one waits until the turn is overdue, and finds the old token dead.
    let began = std::time::Instant::now();
    let error = bearer(&stand, &grants, &clock).token().await.unwrap_err();
    assert!(
        began.elapsed() >= Duration::from_millis(250),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(error.kind, Kind::Auth);
    assert_eq!(stand.count(), 2);
}

#[tokio::test]
async fn a_turn_that_was_not_used_is_taken_over() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Frail::new(
        pair("access-1", Some("refresh-1"), &clock, 0),
        0,
        Duration::from_millis(300),
    );
    grants.begin_refresh(1, Duration::ZERO).await.unwrap();
    assert_eq!(token_of(&bearer(&stand, &grants, &clock)).await, "access-2");
}

#[tokio::test]
async fn while_somebody_else_refreshes_a_living_token_serves() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Arc::new(MemoryGrants::with(pair(
        "access-1",
        Some("refresh-1"),
        &clock,
        30,
    )));
    grants.begin_refresh(1, Duration::from_secs(90)).await.unwrap();
    assert_eq!(token_of(&bearer(&stand, &grants, &clock)).await, "access-1");
    assert_eq!(stand.count(), 0);
}

#[tokio::test]
async fn a_store_that_is_locked_for_a_moment_does_not_lose_the_pair() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    // The turn passes while the store is locked, and has to be taken again.
    let grants = Frail::new(
        pair("access-1", Some("refresh-1"), &clock, 0),
        2,
        Duration::from_millis(60),
    );
    assert_eq!(token_of(&bearer(&stand, &grants, &clock)).await, "access-2");
    assert_eq!(
        grants
            .load()
            .await
            .unwrap()
            .unwrap()
            .pair
            .refresh_token
            .unwrap()
            .expose_secret(),
        "refresh-2"
    );
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn a_store_that_stays_locked_gives_no_token() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let grants = Frail::new(
        pair("access-1", Some("refresh-1"), &clock, 0),
        u32::MAX,
        Duration::from_secs(60),
    );
    let error = bearer(&stand, &grants, &clock).token().await.unwrap_err();
    assert_eq!(error.kind, Kind::Storage);
    assert!(
        error.what.contains("could not be stored: the database is locked"),
        "{error}"
    );
    assert!(!error.to_string().contains("access-2"));
}

#[tokio::test]
async fn a_token_endpoint_that_fails_for_now_is_not_a_dead_grant() {
    type Case = (fn() -> Say, Kind);
    let cases: [Case; 5] = [
        (|| json(503, "{}"), Kind::Unavailable),
        (|| json(429, "{}"), Kind::RateLimited { retry_after: None }),
        (
            || html(200, "<html>Too many requests</html>"),
            Kind::RateLimited { retry_after: None },
        ),
        (|| Say::Nothing, Kind::Unavailable),
        (|| html(404, "<html>nginx</html>"), Kind::Protocol),
    ];
    for (answer, kind) in cases {
        let stand = Stand::start(move |n, _| match n {
            0 | 1 => answer(),
            _ => json(
                200,
                r#"{"access_token":"access-2","refresh_token":"refresh-2","expires_in":3600}"#,
            ),
        })
        .await;
        let clock = Arc::new(TestClock::new());
        let grants = Arc::new(MemoryGrants::with(pair(
            "access-1",
            Some("refresh-1"),
            &clock,
            30,
        )));
        let bearer = bearer(&stand, &grants, &clock);
        if kind != Kind::Protocol {
            // Ahead of the end the old token still serves.
            assert_eq!(token_of(&bearer).await, "access-1");
            assert_eq!(stand.count(), 1);
        }
        clock.advance(30);
        while stand.count() < 2 {
            assert_eq!(bearer.token().await.unwrap_err().kind, kind);
        }
        assert_eq!(token_of(&bearer).await, "access-2");
    }
}

#[tokio::test]
async fn a_read_waits_out_a_token_endpoint_that_fails_for_now() {
    let stand = Stand::start(|n, _| match n {
        0 => json(503, "{}"),
        1 => json(200, r#"{"access_token":"access-2","refresh_token":"refresh-2"}"#),
        _ => json(200, "1"),
    })
    .await;
    let clock = Arc::new(TestClock::new());
    let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
    let bearer = bearer(&stand, &grants, &clock);
    stand.http().get("reading", "/x", &[], &bearer).await.unwrap();
    assert_eq!(stand.seen()[2].header("authorization"), Some("Bearer access-2"));
}

#[tokio::test]
async fn without_a_grant_or_a_refresh_token_a_person_is_needed() {
    let (stand, clock) = (rotating(Duration::ZERO).await, Arc::new(TestClock::new()));
    let none = Arc::new(MemoryGrants::default());
    let error = bearer(&stand, &none, &clock).token().await.unwrap_err();
    assert_eq!(
        (error.kind, error.next.as_str()),
        (Kind::Auth, "Authorize this connection")
    );
    let ended = Arc::new(MemoryGrants::with(pair("access-1", None, &clock, 0)));
    let error = bearer(&stand, &ended, &clock).token().await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
    assert!(error.next.contains("Refresh Token"), "{error}");
    assert_eq!(stand.count(), 0);
}

#[tokio::test]
async fn a_refresh_token_beside_an_access_token_that_cannot_be_used_is_kept() {
    for access in [
        r#""access_token":"one\nother""#,
        r#""access_token":"""#,
        r#""scope":"monitoring""#,
    ] {
        // The vendor rotates: each refresh token works once.
        let stand = Stand::start(move |n, seen| {
            let shown = seen.field("refresh_token").unwrap();
            match (n, shown.as_str()) {
                (0, "refresh-1") => json(200, &format!(r#"{{{access},"refresh_token":"refresh-2"}}"#)),
                (1, "refresh-2") => json(200, r#"{"access_token":"access-3","refresh_token":"refresh-3"}"#),
                _ => json(400, r#"{"error":"invalid_grant"}"#),
            }
        })
        .await;
        let clock = Arc::new(TestClock::new());
        let grants = Arc::new(MemoryGrants::with(pair(
            "access-1",
            Some("refresh-1"),
            &clock,
            30,
        )));
        let bearer = bearer(&stand, &grants, &clock);
        // Ahead of its end the old token still serves; what is stored is the only way on.
        assert_eq!(token_of(&bearer).await, "access-1", "{access}");
        let stored = grants.load().await.unwrap().unwrap().pair;
        assert_eq!(stored.refresh_token.unwrap().expose_secret(), "refresh-2");
        clock.advance(25);
        assert_eq!(token_of(&bearer).await, "access-3", "{access}");
    }
}

#[tokio::test]
async fn a_token_answer_without_a_token_that_works_is_told_and_the_next_try_goes_on_from_it() {
    let stand = Stand::start(|n, seen| match (n, seen.field("refresh_token").as_deref()) {
        (0, Some("refresh-1")) => json(200, r#"{"access_token":7,"refresh_token":"refresh-2"}"#),
        // Nothing came beside the second: the one that was shown stays.
        (1, Some("refresh-2")) => json(200, "{}"),
        (2, Some("refresh-2")) => json(200, r#"{"access_token":"access-4"}"#),
        _ => json(400, r#"{"error":"invalid_grant"}"#),
    })
    .await;
    let clock = Arc::new(TestClock::new());
    let grants = Arc::new(MemoryGrants::with(pair("access-1", Some("refresh-1"), &clock, 0)));
    let bearer = bearer(&stand, &grants, &clock);
    for _ in 0..2 {
        let error = bearer.token().await.unwrap_err();
        assert_eq!(error.kind, Kind::Protocol);
        assert!(error.what.contains("there is no access_token in it"), "{error}");
        assert!(!format!("{error:?}").contains("refresh-2"), "{error:?}");
    }
    assert_eq!(token_of(&bearer).await, "access-4");
}
