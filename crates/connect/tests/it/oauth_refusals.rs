//! Getting a grant, when it does not work: each case names what happened and what to do.

use crate::oauth::*;
use crate::stand::*;
use connect::oauth::MachineFlow;
use connect::{Authorization, Kind};
use secrecy::ExposeSecret;
use std::sync::Arc;

#[tokio::test]
async fn h06_a_refused_consent_gives_no_grant_and_says_so() {
    let stand = Stand::start(|_, _| json(200, PAIR)).await;
    let flow = flow(app(&stand), stand.http());
    let pending = flow.begin(REDIRECT).unwrap();
    let state = pending.state.expose_secret();
    let query = format!("error=access_denied&error_description=The+user+said+%3Cno%3E&state={state}");
    let error = flow.finish(&pending, &query).await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
    let host = stand.url.authority();
    assert_eq!(
        error.what,
        format!(
            "the consent was refused: the browser came back from {host} with an error (access_denied: The user said <no>)"
        )
    );
    assert!(error.next.contains("choose Allow"), "{error}");
    assert_eq!(stand.count(), 0);
}

#[tokio::test]
async fn a_state_that_is_not_ours_ends_it_before_anything_is_sent() {
    let stand = Stand::start(|_, _| json(200, PAIR)).await;
    let flow = flow(app(&stand), stand.http());
    let pending = flow.begin(REDIRECT).unwrap();
    let state = pending.state.expose_secret();
    for query in [
        "code=c&state=other".to_owned(),
        "code=c".to_owned(),
        format!("code=c&state={}", &state[..42]),
        format!("code=c&state={state}x"),
        format!("code=c&state={state}&state={state}"),
        format!("code=c&code=d&state={state}"),
        format!("state={state}"),
        format!("code=&state={state}"),
        String::new(),
        "error=access_denied&state=other".to_owned(),
        format!("code={}&state={state}", "c".repeat(10_000)),
    ] {
        let error = flow.finish(&pending, &query).await.unwrap_err();
        assert_eq!(error.kind, Kind::Auth, "{query}");
        assert!(error.next.starts_with("Nothing was stored"), "{error}");
        assert!(!error.to_string().contains(state));
    }
    assert_eq!(stand.count(), 0);
}

#[tokio::test]
async fn what_the_browser_brings_back_is_explained() {
    let stand = Stand::start(|_, _| json(200, PAIR)).await;
    let flow = flow(app(&stand), stand.http());
    let pending = flow.begin(REDIRECT).unwrap();
    for (code, kind, next) in [
        (
            "invalid_scope",
            Kind::Configuration,
            "Tick these scopes on the app: monitoring, offline_access",
        ),
        (
            "unauthorized_client",
            Kind::Configuration,
            "Tick the grant type Authorization Code on the app",
        ),
        ("server_error", Kind::Unavailable, ""),
        ("temporarily_unavailable", Kind::Unavailable, ""),
        ("something_new", Kind::Auth, "Start again"),
    ] {
        let query = format!("error={code}&state={}", pending.state.expose_secret());
        let error = flow.finish(&pending, &query).await.unwrap_err();
        assert_eq!((error.kind.clone(), error.next.as_str()), (kind, next), "{code}");
        assert!(error.what.contains(code), "{error}");
    }
}

#[tokio::test]
async fn what_the_token_endpoint_says_is_explained() {
    type Case = (fn() -> Say, Kind, &'static str, &'static str);
    let cases: [Case; 11] = [
        (
            || {
                json(
                    401,
                    r#"{"error":"invalid_client","error_description":"Bad secret"}"#,
                )
            },
            Kind::Configuration,
            "the client ID or the client secret is not accepted: HOST answered 401 (invalid_client: Bad secret)",
            "Check client ID and client secret",
        ),
        (
            || json(401, "{}"),
            Kind::Configuration,
            "HOST answered 401 ({})",
            "Check client ID and client secret",
        ),
        (
            || json(404, r#"{"resultCode":"Client app not exist","incidentId":"X"}"#),
            Kind::Configuration,
            "this app is not known there: HOST answered 404 (Client app not exist)",
            "Is the app in this region?",
        ),
        (
            || json(400, r#"{"error":"invalid_grant"}"#),
            Kind::Auth,
            "the code was not accepted: HOST answered 400 (invalid_grant)",
            "a code works once",
        ),
        (
            || json(400, r#"{"error":"invalid_scope"}"#),
            Kind::Configuration,
            "HOST answered 400 (invalid_scope)",
            "Tick these scopes on the app: monitoring, offline_access",
        ),
        (
            || json(500, r#"{"error":"oops"}"#),
            Kind::Unavailable,
            "HOST answered 500 (oops)",
            "",
        ),
        (
            || html(200, "<html><h1>Sign in</h1></html>"),
            Kind::Protocol,
            "an HTML page came instead of JSON: HOST answered 200 (Sign in)",
            "A proxy or sign-in page?",
        ),
        (
            || html(503, "<html>busy</html>"),
            Kind::RateLimited { retry_after: None },
            "HOST answered 503 (busy)",
            "",
        ),
        (
            || answer(429, "Retry-After: 7\r\n", "{}"),
            Kind::RateLimited {
                retry_after: Some(std::time::Duration::from_secs(7)),
            },
            "HOST answered 429",
            "",
        ),
        (
            || Say::Nothing,
            Kind::Unavailable,
            "HOST broke off before the answer was complete",
            "",
        ),
        (
            || answer(302, "Location: /login?x=y\r\n", ""),
            Kind::Protocol,
            "HOST answered 302 and points to HOST/login",
            "Check the region or base URL",
        ),
    ];
    for (answer, kind, what, next) in cases {
        let (result, stand) = finish(answer).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        let what = what.replace("HOST", stand.url.authority());
        assert!(error.what.contains(&what), "{what} is not in {error}");
        assert!(error.next.contains(next), "{next} is not in {error}");
        assert_eq!(stand.count(), 1, "a code works once: {error}");
    }
}

#[tokio::test]
async fn a_grant_that_is_not_what_was_asked_for_is_refused() {
    let (result, _) = finish(|| json(200, r#"{"access_token":"a","scope":"monitoring"}"#)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert!(
        error
            .next
            .contains("Tick the grant type Refresh Token on the app"),
        "{error}"
    );

    let (result, _) = finish(|| {
        json(
            200,
            r#"{"access_token":"a","refresh_token":"r","scope":"offline_access"}"#,
        )
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
    assert_eq!(
        error.what,
        "the grant lacks the scope monitoring: it was given offline_access"
    );
    assert_eq!(error.next, "Tick monitoring on the app, then connect again");

    for (body, words) in [
        (
            r#"{"access_token":"a","refresh_token":"r","token_type":"mac"}"#,
            "its token_type is \"mac\", not Bearer",
        ),
        (r#"{"refresh_token":"r"}"#, "there is no access_token in it"),
        (r#"{"access_token":""}"#, "there is no access_token in it"),
        (r#"{"access_token":7}"#, "there is no access_token in it"),
        (
            r#"{"access_token":"one\nother","refresh_token":"r"}"#,
            "its access_token holds characters that no header shows",
        ),
        (
            r#"{"access_token":"tök","refresh_token":"r"}"#,
            "its access_token holds characters that no header shows",
        ),
        ("[]", "there is no access_token in it"),
        ("", "is empty where JSON belongs"),
        ("access_token=a", "is not the JSON expected"),
    ] {
        let stand = Stand::start(move |_, _| json(200, body)).await;
        let flow = flow(app(&stand), stand.http());
        let pending = flow.begin(REDIRECT).unwrap();
        let error = flow.finish(&pending, &good_query(&pending)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Protocol, "{error}");
        assert!(error.what.contains(words), "{error}");
    }
}

#[tokio::test]
async fn no_secret_is_in_an_error_even_when_it_is_echoed() {
    let stand = Stand::start(|_, seen| {
        let body = serde_json::json!({"error": "invalid_request", "error_description": format!("got {}", seen.body)});
        json(400, &body.to_string())
    })
    .await;
    let flow = flow(app(&stand), stand.http());
    let pending = flow.begin(REDIRECT).unwrap();
    let error = flow.finish(&pending, &good_query(&pending)).await.unwrap_err();
    for secret in [
        "app-secret",
        "the-code",
        pending.verifier.expose_secret(),
        pending.state.expose_secret(),
    ] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    assert!(error.what.contains("grant_type=authorization_code"), "{error}");
}

#[tokio::test]
async fn an_app_nobody_knows_fails_the_preflight() {
    type Case = (fn() -> Say, Kind, &'static str, &'static str);
    let cases: [Case; 5] = [
        (
            || json(404, r#"{"resultCode":"Client app not exist"}"#),
            Kind::Configuration,
            "this app is not known there",
            "Is the app in this region?",
        ),
        (
            || html(404, "<html>nginx</html>"),
            Kind::Configuration,
            "answered 404 (nginx)",
            "Is the app in this region?",
        ),
        (
            || json(400, r#"{"error":"invalid_scope"}"#),
            Kind::Configuration,
            "the app may not ask for these scopes",
            "Tick these scopes",
        ),
        (
            || {
                answer(
                    302,
                    &format!("Location: {REDIRECT}?error=invalid_scope&state=x\r\n"),
                    "",
                )
            },
            Kind::Configuration,
            "the app may not ask for these scopes",
            "Tick these scopes",
        ),
        (|| json(502, "{}"), Kind::Unavailable, "answered 502", ""),
    ];
    for (answer, kind, what, next) in cases {
        let stand = Stand::start(move |_, _| answer()).await;
        let flow = flow(app(&stand), stand.http());
        let pending = flow.begin(REDIRECT).unwrap();
        let error = flow.preflight(&pending).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.what.contains(what) && error.next.contains(next), "{error}");
    }
}

#[tokio::test]
async fn a_machine_app_that_is_refused_is_told_why() {
    let machine = async |status, body: &'static str| {
        let stand = Stand::start(move |_, _| json(status, body)).await;
        let mut app = app(&stand);
        app.scopes = vec!["monitoring".to_owned(), "control".to_owned()];
        MachineFlow::new(app, stand.http(), Arc::new(TestClock::new()))
            .machine_grant()
            .await
            .unwrap_err()
    };
    let error = machine(401, r#"{"error":"invalid_client"}"#).await;
    assert_eq!(error.kind, Kind::Configuration);
    let error = machine(400, r#"{"error":"unauthorized_client"}"#).await;
    assert_eq!(error.next, "Tick the grant type Client Credentials on the app");
    let error = machine(200, r#"{"access_token":"a","scope":"monitoring"}"#).await;
    assert_eq!(
        (error.kind, error.next.as_str()),
        (Kind::Forbidden, "Tick control on the app, then connect again")
    );
}
