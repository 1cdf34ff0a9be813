//! Refresh tokens: what a refresh gives, what it ends, and how a dead one is refused.

use reqwest::StatusCode;
use serde_json::Value;
use simulators::ninjaone::oauth::{DeadRefresh, OauthOptions, Rotation};

use super::site::{Site, WEB};

const DAY: i64 = 24 * 3600;

async fn site_with(rotation: Rotation) -> Site {
    Site::start(OauthOptions {
        rotation,
        ..OauthOptions::default()
    })
    .await
}

/// Connects with `offline_access` and returns the refresh token.
async fn first_token(site: &Site) -> String {
    text(
        &site.connect("monitoring management offline_access").await,
        "refresh_token",
    )
}

fn text(body: &Value, field: &str) -> String {
    body[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {body}"))
        .to_owned()
}

/// A refresh that must work; returns the refresh token of the answer.
async fn renew(site: &Site, token: &str) -> String {
    let answer = site.refresh(&WEB, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["scope"], "management monitoring offline_access");
    let access = site.grants.verify(&text(&body, "access_token")).unwrap();
    assert_eq!(access.user.as_deref(), Some("tech@example.test"));
    text(&body, "refresh_token")
}

async fn assert_dead(site: &Site, token: &str) {
    let answer = site.refresh(&WEB, token).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body, "{\"error\":\"invalid_token\"}");
}

#[tokio::test]
async fn rotation_with_invalidation_ends_the_old_token_at_once() {
    let site = site_with(Rotation::Invalidate).await;
    let first = first_token(&site).await;
    let second = renew(&site, &first).await;
    assert_ne!(first, second);
    assert_dead(&site, &first).await;
    renew(&site, &second).await;
    assert_eq!(site.grants.issued().len(), 1, "a refresh opens no new grant");
}

#[tokio::test]
async fn rotation_with_grace_keeps_the_old_token_for_that_time() {
    let site = site_with(Rotation::Grace(30)).await;
    let first = first_token(&site).await;
    let second = renew(&site, &first).await;
    site.wait(29);
    let third = renew(&site, &first).await;
    assert!(first != second && second != third);
    site.wait(1);
    assert_dead(&site, &first).await;
    renew(&site, &second).await;
    renew(&site, &third).await;
}

#[tokio::test]
async fn static_tokens_come_back_unchanged() {
    let site = site_with(Rotation::Static).await;
    let first = first_token(&site).await;
    for _ in 0..3 {
        assert_eq!(renew(&site, &first).await, first);
    }
}

#[tokio::test]
async fn an_answer_without_refresh_token_leaves_the_old_one_alive() {
    let options = OauthOptions {
        refresh_answer_has_token: false,
        ..OauthOptions::default()
    };
    assert_eq!(options.rotation, Rotation::Invalidate);
    let site = Site::start(options).await;
    let first = first_token(&site).await;
    for _ in 0..2 {
        let body = site.refresh(&WEB, &first).await.json();
        assert!(
            body["access_token"].is_string() && body.get("refresh_token").is_none(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_refresh_narrows_but_never_widens() {
    let site = site_with(Rotation::Static).await;
    let token = text(&site.connect("monitoring offline_access").await, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let wider = site
        .token(&WEB, &[&form[..], &[("scope", "monitoring management")]].concat())
        .await;
    assert_eq!(
        wider.refusal(),
        (400, "invalid_scope".to_owned()),
        "management is ticked but was not consented to"
    );
    let narrower = site
        .token(&WEB, &[&form[..], &[("scope", "monitoring")]].concat())
        .await
        .json();
    assert_eq!(narrower["scope"], "monitoring");
    let access = site.grants.verify(&text(&narrower, "access_token")).unwrap();
    assert_eq!(access.scopes, ["monitoring".to_owned()].into());
}

#[tokio::test]
async fn a_refused_scope_does_not_spend_the_token() {
    let site = site_with(Rotation::Invalidate).await;
    let token = first_token(&site).await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.as_str()),
        ("scope", "control"),
    ];
    assert_eq!(
        site.token(&WEB, &form).await.refusal(),
        (400, "invalid_scope".to_owned())
    );
    renew(&site, &token).await;
}

#[tokio::test]
async fn dead_tokens_are_refused_with_the_chosen_error() {
    for (dead_refresh, error) in [
        (DeadRefresh::InvalidToken, "invalid_token"),
        (DeadRefresh::InvalidGrant, "invalid_grant"),
    ] {
        let site = Site::start(OauthOptions {
            dead_refresh,
            ..OauthOptions::default()
        })
        .await;
        let token = first_token(&site).await;
        let other = [
            ("client_id", "demo-monitoring"),
            ("client_secret", "demo-monitoring-secret"),
        ];
        assert_eq!(
            site.refresh(&other, &token).await.refusal(),
            (400, error.to_owned()),
            "of another client"
        );
        assert_eq!(
            site.refresh(&WEB, "made-up").await.refusal(),
            (400, error.to_owned())
        );
        site.grants.revoke_all();
        assert_eq!(
            site.refresh(&WEB, &token).await.refusal(),
            (400, error.to_owned()),
            "revoked"
        );
    }
}

#[tokio::test]
async fn a_refresh_token_dies_of_age_unless_told_otherwise() {
    let site = site_with(Rotation::Invalidate).await;
    let first = first_token(&site).await;
    site.wait(30 * DAY - 1);
    let second = renew(&site, &first).await;
    site.wait(30 * DAY - 1);
    let third = renew(&site, &second).await;
    site.wait(30 * DAY);
    assert_dead(&site, &third).await;

    let site = Site::start(OauthOptions {
        refresh_token_days: None,
        ..OauthOptions::default()
    })
    .await;
    let first = first_token(&site).await;
    site.wait(4000 * DAY);
    renew(&site, &first).await;
}
