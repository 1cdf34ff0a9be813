//! The authorization endpoint.

use reqwest::StatusCode;
use simulators::ninjaone::oauth::{App, GrantType, OauthOptions};

use super::site::{Browser, CALLBACK, CHALLENGE, Site, authorize, pair, web_request, with};

#[tokio::test]
async fn an_unknown_client_and_a_machine_app_do_not_exist_here() {
    let site = Site::start(OauthOptions::default()).await;
    for client_id in ["of-another-region", "demo-machine"] {
        let answer = site
            .get(&authorize(&with(
                web_request("monitoring"),
                "client_id",
                client_id,
            )))
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let body = answer.json();
        assert_eq!(body["resultCode"], "Client app not exist");
        assert!(
            body["incidentId"]
                .as_str()
                .unwrap()
                .starts_with("WEB_MGMT_SERVICE-"),
            "{body}"
        );
    }
    assert_eq!(
        site.get("/ws/oauth/authorize").await.json()["resultCode"],
        "Client app not exist"
    );
}

#[tokio::test]
async fn a_redirect_uri_must_match_byte_for_byte() {
    let site = Site::start(OauthOptions::default()).await;
    for uri in [
        format!("{CALLBACK}/"),
        CALLBACK.replace("8411", "8412"),
        CALLBACK.to_uppercase(),
        String::new(),
    ] {
        let answer = site
            .get(&authorize(&with(web_request("monitoring"), "redirect_uri", &uri)))
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{uri}");
        let body = answer.json();
        assert_eq!(
            (&body["resultCode"], &body["errorMessage"]),
            (&"FAILURE".into(), &"HTTP 404 Not Found".into())
        );
    }
    for uri in [
        "http://127.0.0.1:8411/dashboard/integrations/ninjaone-callback",
        "http://localhost:8411/ninja/oauth/resp",
        "http://localhost:8411/dashboard/integrations/ninjaone-callback",
    ] {
        let answer = site
            .get(&authorize(&with(web_request("monitoring"), "redirect_uri", uri)))
            .await;
        assert_eq!(answer.status, StatusCode::FOUND, "{uri}");
    }
}

#[tokio::test]
async fn redirect_uris_can_be_added_and_keep_their_own_query() {
    let uri = "https://bridge.example.test/back?tenant=7";
    let site = Site::start(OauthOptions::default().with_redirect_uri("demo-web", uri)).await;
    let back = Browser::new(&site)
        .approve(&with(web_request("monitoring"), "redirect_uri", uri))
        .await;
    assert!(back.starts_with(&format!("{uri}&code=")), "{back}");

    let later = "http://127.0.0.1:4000/later";
    let request = with(web_request("monitoring"), "redirect_uri", later);
    assert_eq!(site.get(&authorize(&request)).await.status, StatusCode::NOT_FOUND);
    assert!(site.grants.add_redirect_uri("demo-web", later));
    assert_eq!(site.get(&authorize(&request)).await.status, StatusCode::FOUND);
    assert!(!site.grants.add_redirect_uri("nobody", later));
}

#[tokio::test]
async fn approve_gives_a_code_and_deny_an_error_both_with_the_state() {
    let site = Site::start(OauthOptions::default()).await;
    let back = Browser::new(&site).approve(&web_request("monitoring")).await;
    assert!(back.starts_with(&format!("{CALLBACK}?code=")), "{back}");
    assert_eq!(pair(&back, "state").as_deref(), Some("a state & more"));
    assert_eq!(pair(&back, "error"), None);

    let back = Browser::new(&site)
        .decide(&web_request("monitoring"), "deny")
        .await;
    assert_eq!(pair(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(pair(&back, "state").as_deref(), Some("a state & more"));
    assert_eq!(pair(&back, "code"), None);

    let request: Vec<_> = web_request("monitoring")
        .into_iter()
        .filter(|(name, _)| *name != "state")
        .collect();
    assert_eq!(
        pair(&Browser::new(&site).approve(&request).await, "state"),
        None,
        "no state was sent"
    );
    assert!(
        site.grants.issued().is_empty(),
        "a grant begins with the exchange of the code"
    );
}

#[tokio::test]
async fn requests_the_app_may_not_make_go_back_as_errors_with_the_state() {
    let mut no_code = App::web("no-code", "s", "No code", &["monitoring"]);
    no_code.grant_types = [GrantType::ClientCredentials].into();
    let mut options = OauthOptions::default();
    options.apps.push(no_code);
    let site = Site::start(options).await;
    let usual = || web_request("monitoring");
    let native = with(
        with(usual(), "client_id", "demo-native"),
        "redirect_uri",
        "http://127.0.0.1:5000",
    );
    let mut twice = usual();
    twice.push(("scope", "management"));
    let cases = [
        (
            "invalid_scope",
            with(
                with(usual(), "client_id", "demo-monitoring"),
                "scope",
                "monitoring management",
            ),
        ),
        ("invalid_scope", with(usual(), "scope", "everything")),
        ("invalid_scope", with(usual(), "scope", "")),
        ("unauthorized_client", with(usual(), "client_id", "no-code")),
        (
            "unsupported_response_type",
            with(usual(), "response_type", "token"),
        ),
        ("invalid_request", with(usual(), "response_type", "")),
        ("invalid_request", twice),
        (
            "invalid_request",
            with(
                with(usual(), "code_challenge", CHALLENGE),
                "code_challenge_method",
                "plain",
            ),
        ),
        ("invalid_request", with(usual(), "code_challenge", CHALLENGE)),
        ("invalid_request", with(usual(), "code_challenge_method", "S256")),
        (
            "invalid_request",
            with(
                with(usual(), "code_challenge", "short"),
                "code_challenge_method",
                "S256",
            ),
        ),
        ("invalid_request", native),
    ];
    for (error, request) in cases {
        let answer = site.get(&authorize(&request)).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{request:?}");
        let back = answer.location();
        assert_eq!(pair(back, "error").as_deref(), Some(error), "{request:?}");
        assert_eq!(
            pair(back, "state").as_deref(),
            Some("a state & more"),
            "{request:?}"
        );
        assert!(
            pair(back, "error_description").is_some_and(|text| !text.is_empty()),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn a_native_app_may_use_any_loopback_port_with_pkce() {
    let site = Site::start(OauthOptions::default()).await;
    let request = with(
        with(web_request("monitoring"), "client_id", "demo-native"),
        "code_challenge",
        CHALLENGE,
    );
    let request = with(request, "code_challenge_method", "S256");
    for (uri, expected) in [
        ("http://127.0.0.1:49152", StatusCode::FOUND),
        ("http://localhost:1024/", StatusCode::FOUND),
        ("http://127.0.0.1:49152/callback", StatusCode::NOT_FOUND),
        ("http://192.0.2.1:49152", StatusCode::NOT_FOUND),
    ] {
        let answer = site
            .get(&authorize(&with(request.clone(), "redirect_uri", uri)))
            .await;
        assert_eq!(answer.status, expected, "{uri}");
    }
    let request = with(request, "redirect_uri", "http://localhost:49152");
    let back = Browser::new(&site).approve(&request).await;
    assert!(back.starts_with("http://localhost:49152/?code="), "{back}");
}

#[tokio::test]
async fn the_older_paths_work_or_answer_with_the_web_servers_404() {
    let site = Site::start(OauthOptions::default()).await;
    let older = authorize(&web_request("monitoring")).replace("/ws/oauth/", "/oauth/");
    assert_eq!(site.get(&older).await.status, StatusCode::FOUND);
    let token = site
        .post(
            "/oauth/token",
            &[("grant_type", "client_credentials"), ("client_id", "x")],
        )
        .await;
    assert_eq!(token.json()["resultCode"], "Client app not exist");

    let site = Site::start(OauthOptions {
        older_paths: false,
        ..OauthOptions::default()
    })
    .await;
    for answer in [site.get(&older).await, site.post("/oauth/token", &[]).await] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.header("content-type").starts_with("text/html"));
        assert!(answer.body.contains("<center>nginx</center>"), "{}", answer.body);
    }
    assert_eq!(
        site.get(&authorize(&web_request("monitoring"))).await.status,
        StatusCode::FOUND
    );
}
