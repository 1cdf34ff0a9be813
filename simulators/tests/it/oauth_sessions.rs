//! Browser sessions: cookies, form tokens, changing the account.

use reqwest::StatusCode;
use simulators::ninjaone::oauth::OauthOptions;

use super::site::{Browser, CALLBACK, Form, Site, WEB, authorize, pair, web_request};

const COOKIE: &str = "ninjaone_simulator_session";

#[tokio::test]
async fn the_cookie_is_out_of_reach_for_scripts_and_changes_at_sign_in() {
    let site = Site::start(OauthOptions::default()).await;
    let mut browser = Browser::new(&site);
    let page = browser.get("/ws/oauth/sign-in?x=1").await;
    let cookie = page.header("set-cookie");
    assert!(
        cookie.starts_with(COOKIE) && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let before = browser.cookies[COOKIE].clone();

    let fields = [("email", "tech@example.test"), ("password", "demo-password")];
    let answer = browser.submit(&Form::first(&page.body), &fields).await;
    assert_eq!(answer.location(), "/ws/oauth/authorize?x=1");
    assert_ne!(browser.cookies[COOKIE], before);

    // Signing in once more ends the session there was: its id is worth nothing now.
    let mut left_behind = Browser::new(&site);
    left_behind.cookies = browser.cookies.clone();
    assert_eq!(
        left_behind
            .get(&authorize(&web_request("monitoring")))
            .await
            .status,
        StatusCode::OK
    );
    let page = browser.get("/ws/oauth/sign-in?x=1").await;
    browser.submit(&Form::first(&page.body), &fields).await;
    let answer = left_behind.get(&authorize(&web_request("monitoring"))).await;
    assert_eq!(answer.status, StatusCode::FOUND, "sent to sign in");
}

#[tokio::test]
async fn forms_without_the_sessions_token_change_nothing() {
    let site = Site::start(OauthOptions::default()).await;
    let mut browser = Browser::new(&site);
    let page = browser
        .sign_in(&web_request("monitoring"), "tech@example.test", "demo-password")
        .await;
    let [consent, sign_out] = Form::all(&page.body).try_into().ok().unwrap();

    let approve = ("decision", "approve");
    for fields in [
        vec![approve],
        vec![("form_token", "guess"), approve],
        vec![("form_token", ""), approve],
    ] {
        let answer = browser.post(&consent.action, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{fields:?}");
        assert!(answer.body.contains("start again") && !answer.headers.contains_key("location"));
    }
    assert_eq!(
        browser.post(&sign_out.action, &[]).await.status,
        StatusCode::FORBIDDEN
    );

    // Another browser's token is no good either, for consent or for signing in.
    let mut other = Browser::new(&site);
    other
        .sign_in(&web_request("monitoring"), "tech@example.test", "demo-password")
        .await;
    assert_eq!(
        other.submit(&consent, &[approve]).await.status,
        StatusCode::FORBIDDEN
    );
    let fields = [
        ("email", "tech@example.test"),
        ("password", "demo-password"),
        ("form_token", &*consent.token),
    ];
    assert_eq!(
        other.post("/ws/oauth/sign-in?", &fields).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        site.post("/ws/oauth/sign-in?", &fields).await.status,
        StatusCode::FORBIDDEN,
        "no cookie"
    );

    // An undecided form is asked for again; the right one still works.
    assert_eq!(
        browser.submit(&consent, &[]).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        browser.submit(&consent, &[approve]).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn the_consent_form_is_held_against_the_app_again() {
    let site = Site::start(OauthOptions::default()).await;
    let mut browser = Browser::new(&site);
    let page = browser
        .sign_in(&web_request("monitoring"), "tech@example.test", "demo-password")
        .await;
    let mut form = Form::first(&page.body);
    form.action = form.action.replace("scope=monitoring", "scope=everything");
    let answer = browser.submit(&form, &[("decision", "approve")]).await;
    assert_eq!(pair(answer.location(), "error").as_deref(), Some("invalid_scope"));
    form.action = form.action.replace("8411", "8412");
    assert_eq!(
        browser.submit(&form, &[("decision", "approve")]).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_session_ends_after_eight_hours() {
    let site = Site::start(OauthOptions::default()).await;
    let mut browser = Browser::new(&site);
    let request = web_request("monitoring");
    let page = browser
        .sign_in(&request, "tech@example.test", "demo-password")
        .await;
    site.wait(8 * 3600 - 1);
    assert_eq!(browser.get(&authorize(&request)).await.status, StatusCode::OK);
    site.wait(1);
    assert!(
        browser
            .get(&authorize(&request))
            .await
            .location()
            .starts_with("/ws/oauth/sign-in?")
    );
    let answer = browser
        .submit(&Form::first(&page.body), &[("decision", "approve")])
        .await;
    assert!(
        answer.location().starts_with("/ws/oauth/sign-in?"),
        "no code for an ended session"
    );
}

#[tokio::test]
async fn another_technician_can_take_over_in_the_same_browser() {
    let site =
        Site::start(OauthOptions::default().with_technician("other@example.test", "other-password")).await;
    let mut browser = Browser::new(&site);
    let request = web_request("monitoring");
    let page = browser
        .sign_in(&request, "tech@example.test", "demo-password")
        .await;
    let [_, sign_out] = Form::all(&page.body).try_into().ok().unwrap();
    let answer = browser.submit(&sign_out, &[]).await;
    assert!(answer.location().starts_with("/ws/oauth/sign-in?"));

    let page = browser
        .sign_in(&request, "other@example.test", "other-password")
        .await;
    assert!(
        page.body.contains("Signed in as other@example.test"),
        "{}",
        page.body
    );
    let back = browser
        .submit(&Form::first(&page.body), &[("decision", "approve")])
        .await;
    let code = pair(back.location(), "code").unwrap();
    let tokens = site
        .redeem(&WEB, &code, &[("redirect_uri", CALLBACK)])
        .await
        .json();
    let access = site
        .grants
        .verify(tokens["access_token"].as_str().unwrap())
        .unwrap();
    assert_eq!(access.user.as_deref(), Some("other@example.test"));
}
