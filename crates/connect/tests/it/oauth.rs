//! Getting a grant: what is sent, and what comes of a good answer.

use crate::stand::*;
use base64::Engine;
use connect::http::Http;
use connect::oauth::{ClientAuth, CodeFlow, MachineFlow, OauthApp, OauthEndpoints, OauthFailure, revoke};
use connect::{Authorization, Kind, Mode, NewGrant, Pending};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

pub const REDIRECT: &str = "http://127.0.0.1:8790/ninja/oauth/resp";

pub const PAIR: &str = r#"{"access_token":"access-1","refresh_token":"refresh-1","expires_in":3600,
    "scope":"monitoring offline_access","token_type":"bearer"}"#;

/// The app of the tests; 404 is explained as a vendor would.
pub fn app(stand: &Stand) -> OauthApp {
    OauthApp {
        client_id: "app-id".to_owned(),
        client_secret: Some("app-secret".to_owned().into()),
        client_auth: ClientAuth::Form,
        scopes: vec!["monitoring".to_owned(), "offline_access".to_owned()],
        endpoints: OauthEndpoints {
            authorize: stand.url.join("/ws/oauth/authorize").unwrap(),
            token: stand.url.join("/ws/oauth/token").unwrap(),
            revoke: None,
        },
        dead_grant_errors: &["invalid_grant", "invalid_token", "expired_token"],
        explain: |failure: &OauthFailure| {
            (failure.status == Some(404)).then(|| "Is the app in this region?".to_owned())
        },
    }
}

pub fn flow(app: OauthApp, http: Http) -> CodeFlow {
    CodeFlow::new(
        app,
        http,
        Arc::new(TestClock::new()),
        Arc::new(Counting::default()),
    )
}

/// What the browser brings back when all is well.
pub fn good_query(pending: &Pending) -> String {
    format!(
        "code=the-code&state={}&iss=https%3A%2F%2Fissuer.test",
        pending.state.expose_secret()
    )
}

/// Finishes a consent against a stand that answers the exchange so.
pub async fn finish(answer: fn() -> Say) -> (Result<NewGrant, connect::Error>, Stand) {
    let stand = Stand::start(move |_, _| answer()).await;
    let flow = flow(app(&stand), stand.http());
    let pending = flow.begin(REDIRECT).unwrap();
    (flow.finish(&pending, &good_query(&pending)).await, stand)
}

fn query_of(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn the_browser_is_sent_with_pkce_state_and_exactly_the_scopes() {
    let stand = Stand::start(|_, _| json(200, "{}")).await;
    let flow = flow(app(&stand), stand.http());
    assert_eq!(flow.mode(), Mode::Consent);
    let pending = flow.begin(REDIRECT).unwrap();
    let verifier = pending.verifier.expose_secret();
    let challenge =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    assert_eq!(verifier.len(), 43);
    assert!(
        pending
            .url
            .as_str()
            .starts_with(stand.url.join("/ws/oauth/authorize?").unwrap().as_str())
    );
    let want: BTreeMap<String, String> = [
        ("response_type", "code"),
        ("client_id", "app-id"),
        ("redirect_uri", REDIRECT),
        ("scope", "monitoring offline_access"),
        ("state", pending.state.expose_secret()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    assert_eq!(query_of(&pending.url), want);
    // Neither secret is used twice, and the verifier stays here.
    let other = flow.begin(REDIRECT).unwrap();
    assert_ne!(other.state.expose_secret(), pending.state.expose_secret());
    assert_ne!(other.verifier.expose_secret(), verifier);
    assert!(!pending.url.as_str().contains(verifier));
}

#[tokio::test]
async fn a_redirect_uri_is_sent_byte_for_byte() {
    let stand = Stand::start(|_, _| json(200, "{}")).await;
    let flow = flow(app(&stand), stand.http());
    for redirect in [
        "http://localhost:8790",
        "https://hub.test/Ninja/%7Eresp/",
        "http://127.0.0.1:80/x?y=1",
    ] {
        let pending = flow.begin(redirect).unwrap();
        assert_eq!(
            (
                query_of(&pending.url)["redirect_uri"].as_str(),
                pending.redirect.as_str()
            ),
            (redirect, redirect)
        );
    }
    for redirect in ["/ninja/oauth/resp", "http://hub.test/#x", "", "not a url"] {
        let error = flow.begin(redirect).unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
        assert!(!error.next.is_empty());
    }
    let mut nameless = app(&stand);
    nameless.client_id = " ".to_owned();
    let error = self::flow(nameless, stand.http()).begin(REDIRECT).unwrap_err();
    assert!(error.what.contains("client ID is missing"), "{error}");
}

#[tokio::test]
async fn r20_a_code_is_exchanged_for_a_grant() {
    let stand = Stand::start(|_, _| json(200, PAIR)).await;
    let flow = flow(app(&stand), stand.http());
    let pending = flow.begin(REDIRECT).unwrap();
    // A leading question mark and unknown parts do no harm.
    let grant = flow
        .finish(&pending, &format!("?{}&x=y", good_query(&pending)))
        .await
        .unwrap();
    assert_eq!(grant.access_token.expose_secret(), "access-1");
    assert_eq!(grant.refresh_token.unwrap().expose_secret(), "refresh-1");
    assert_eq!(grant.scopes, ["monitoring", "offline_access"]);
    assert_eq!(grant.expires.to_string(), "2026-10-21T08:28:00Z");
    let seen = &stand.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/ws/oauth/token")
    );
    assert_eq!(
        seen.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(seen.header("authorization"), None);
    let want: Vec<(String, String)> = [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", pending.verifier.expose_secret()),
        ("client_id", "app-id"),
        ("client_secret", "app-secret"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    assert_eq!(seen.form(), want);
}

#[tokio::test]
async fn a_public_app_sends_no_secret_and_a_header_carries_one() {
    let stand = Stand::start(|_, _| json(200, PAIR)).await;
    let mut public = app(&stand);
    public.client_secret = None;
    let mut header = app(&stand);
    header.client_auth = ClientAuth::Header;
    header.client_secret = Some("s p:c&".to_owned().into());
    for app in [public, header] {
        let flow = flow(app, stand.http());
        let pending = flow.begin(REDIRECT).unwrap();
        flow.finish(&pending, &good_query(&pending)).await.unwrap();
    }
    let seen = stand.seen();
    assert_eq!(seen[0].field("client_id").as_deref(), Some("app-id"));
    assert_eq!(
        (seen[0].field("client_secret"), seen[0].header("authorization")),
        (None, None)
    );
    // RFC 6749 §2.3.1: form-encoded before they are joined.
    let basic = base64::engine::general_purpose::STANDARD.encode("app-id:s+p%3Ac%26");
    assert_eq!(
        seen[1].header("authorization"),
        Some(format!("Basic {basic}").as_str())
    );
    assert_eq!(
        (seen[1].field("client_id"), seen[1].field("client_secret")),
        (None, None)
    );
}

#[tokio::test]
async fn an_answer_may_leave_out_what_the_standard_lets_it() {
    let (grant, _) = finish(|| json(200, r#"{"access_token":"a","refresh_token":"r"}"#)).await;
    let grant = grant.unwrap();
    assert_eq!(
        grant.scopes,
        ["monitoring", "offline_access"],
        "an omitted scope means as asked"
    );
    assert_eq!(
        grant.expires.to_string(),
        "2026-10-21T08:28:00Z",
        "an omitted lifetime means an hour"
    );
    // A refresh token proves offline_access, listed or not.
    let (grant, _) = finish(|| {
        json(
            200,
            r#"{"access_token":"a","refresh_token":"r","scope":"monitoring"}"#,
        )
    })
    .await;
    assert_eq!(grant.unwrap().scopes, ["monitoring"]);
}

#[tokio::test]
async fn an_app_that_is_known_passes_the_preflight() {
    for answer in [
        || answer(302, "Location: /auth/login?next=x\r\n", ""),
        || html(200, "<html>Consent</html>"),
        || html(403, "<html>Only browsers</html>"),
    ] {
        let stand = Stand::start(move |_, _| answer()).await;
        let flow = flow(app(&stand), stand.http());
        let pending = flow.begin(REDIRECT).unwrap();
        flow.preflight(&pending).await.unwrap();
        assert_eq!(stand.count(), 1);
        assert!(
            stand.seen()[0]
                .target
                .starts_with("/ws/oauth/authorize?response_type=code&client_id=app-id")
        );
    }
}

#[tokio::test]
async fn a_machine_app_gets_its_token_without_anybody() {
    let stand = Stand::start(|_, _| {
        json(
            200,
            r#"{"access_token":"m","expires_in":60,"token_type":"Bearer"}"#,
        )
    })
    .await;
    let mut app = app(&stand);
    app.scopes = vec!["monitoring".to_owned(), "management".to_owned()];
    let flow = MachineFlow::new(app, stand.http(), Arc::new(TestClock::new()));
    assert_eq!(flow.mode(), Mode::Machine);
    let grant = flow.machine_grant().await.unwrap();
    assert_eq!(
        (grant.access_token.expose_secret(), grant.refresh_token.is_none()),
        ("m", true)
    );
    assert_eq!(grant.expires.to_string(), "2026-10-21T07:29:00Z");
    let want: Vec<(String, String)> = [
        ("grant_type", "client_credentials"),
        ("scope", "monitoring management"),
        ("client_id", "app-id"),
        ("client_secret", "app-secret"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    assert_eq!(stand.seen()[0].form(), want);
    assert_eq!(flow.begin(REDIRECT).unwrap_err().kind, Kind::Configuration);
}

#[tokio::test]
async fn a_grant_is_given_back_where_the_vendor_takes_it() {
    let stand = Stand::start(|n, _| {
        if n == 0 {
            json(200, "")
        } else {
            json(401, r#"{"error":"invalid_client"}"#)
        }
    })
    .await;
    let (mut app, grant) = (
        app(&stand),
        pair("access-1", Some("refresh-1"), &TestClock::new(), 60),
    );
    assert!(
        !revoke(&app, &stand.http(), &grant).await.unwrap(),
        "there is no place to ask"
    );
    app.endpoints.revoke = Some(stand.url.join("/ws/oauth/revoke").unwrap());
    assert!(revoke(&app, &stand.http(), &grant).await.unwrap());
    let seen = &stand.seen()[0];
    assert_eq!(seen.target, "/ws/oauth/revoke");
    assert_eq!(seen.field("token").as_deref(), Some("refresh-1"));
    assert_eq!(seen.field("token_type_hint").as_deref(), Some("refresh_token"));
    assert_eq!(
        revoke(&app, &stand.http(), &grant).await.unwrap_err().kind,
        Kind::Configuration
    );
}
