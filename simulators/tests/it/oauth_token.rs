//! The token endpoint: codes and client credentials.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use simulators::ninjaone::oauth::{App, GrantType, OauthOptions, TokenCalls, TokenProblem};

use super::site::{
    Answer, Browser, CALLBACK, CHALLENGE, CREDENTIALS, MACHINE, Site, VERIFIER, WEB, pair, refused,
    web_request, with,
};

#[tokio::test]
async fn a_code_becomes_tokens_of_the_documented_shape() {
    let site = Site::start(OauthOptions::default()).await;
    let code = site.code("monitoring offline_access").await;
    let answer = site.redeem(&WEB, &code, &[("redirect_uri", CALLBACK)]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let fields: BTreeSet<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "scope",
            "token_type"
        ]
        .into()
    );
    assert_eq!(
        (&body["expires_in"], &body["token_type"]),
        (&3600.into(), &"Bearer".into())
    );
    assert_eq!(body["scope"], "monitoring offline_access");
    let (id, rest) = body["refresh_token"].as_str().unwrap().split_once('.').unwrap();
    assert!(
        id.len() == 36 && id.parse::<uuid::Uuid>().is_ok() && rest.len() > 20,
        "{body}"
    );

    let access = site
        .grants
        .verify(body["access_token"].as_str().unwrap())
        .unwrap();
    assert_eq!(access.client_id, "demo-web");
    assert_eq!(access.user.as_deref(), Some("tech@example.test"));
    assert_eq!(
        access.scopes,
        ["monitoring".to_owned(), "offline_access".to_owned()].into()
    );
    assert_eq!(site.grants.verify("something else"), Err(TokenProblem::Unknown));
}

#[tokio::test]
async fn access_tokens_live_as_long_as_the_answer_says() {
    let site = Site::start(OauthOptions {
        access_token_seconds: 90,
        ..OauthOptions::default()
    })
    .await;
    let body = site.connect("monitoring").await;
    assert_eq!(body["expires_in"], 90);
    let token = body["access_token"].as_str().unwrap();
    site.wait(89);
    assert!(site.grants.verify(token).is_ok());
    site.wait(1);
    assert_eq!(site.grants.verify(token), Err(TokenProblem::Expired));
}

#[tokio::test]
async fn a_code_works_once_and_for_a_minute() {
    let site = Site::start(OauthOptions::default()).await;
    let uri = [("redirect_uri", CALLBACK)];
    let code = site.code("monitoring").await;
    site.wait(59);
    let first = site.redeem(&WEB, &code, &uri).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(
        site.redeem(&WEB, &code, &uri).await.refusal(),
        refused(400, "invalid_grant")
    );
    let token = first.json()["access_token"].as_str().unwrap().to_owned();
    assert!(
        site.grants.verify(&token).is_ok(),
        "by default the reuse harms nothing"
    );

    let code = site.code("monitoring").await;
    site.wait(60);
    assert_eq!(
        site.redeem(&WEB, &code, &uri).await.refusal(),
        refused(400, "invalid_grant")
    );
    assert_eq!(
        site.redeem(&WEB, "made-up", &uri).await.refusal(),
        refused(400, "invalid_grant")
    );
    assert_eq!(site.grants.issued().len(), 1);
}

#[tokio::test]
async fn reuse_of_a_code_can_revoke_what_was_made_from_it() {
    let site = Site::start(OauthOptions {
        reused_code_revokes_grant: true,
        ..OauthOptions::default()
    })
    .await;
    let code = site.code("monitoring").await;
    let body = site
        .redeem(&WEB, &code, &[("redirect_uri", CALLBACK)])
        .await
        .json();
    let token = body["access_token"].as_str().unwrap();
    assert!(site.grants.verify(token).is_ok());
    site.redeem(&WEB, &code, &[("redirect_uri", CALLBACK)]).await;
    assert_eq!(site.grants.verify(token), Err(TokenProblem::Revoked));
}

#[tokio::test]
async fn a_code_is_bound_to_client_and_redirect_uri_and_a_failed_attempt_spends_it() {
    let site = Site::start(OauthOptions::default()).await;
    let other = [
        ("client_id", "demo-monitoring"),
        ("client_secret", "demo-monitoring-secret"),
    ];
    let slash = format!("{CALLBACK}/");
    for (app, uri) in [(other, CALLBACK), (WEB, slash.as_str())] {
        let code = site.code("monitoring").await;
        let answer = site.redeem(&app, &code, &[("redirect_uri", uri)]).await;
        assert_eq!(answer.refusal(), refused(400, "invalid_grant"));
        let answer = site.redeem(&WEB, &code, &[("redirect_uri", CALLBACK)]).await;
        assert_eq!(answer.refusal(), refused(400, "invalid_grant"), "spent");
    }
    for incomplete in [vec![("code", "x")], vec![("redirect_uri", CALLBACK)]] {
        let form = [vec![("grant_type", "authorization_code")], incomplete].concat();
        assert_eq!(
            site.token(&WEB, &form).await.refusal(),
            refused(400, "invalid_request")
        );
    }
}

async fn redeem_with(site: &Site, challenged: bool, verifier: Option<&str>) -> Answer {
    let mut request = web_request("monitoring");
    if challenged {
        request = with(
            with(request, "code_challenge", CHALLENGE),
            "code_challenge_method",
            "S256",
        );
    }
    let code = pair(&Browser::new(site).approve(&request).await, "code").unwrap();
    let mut rest = vec![("redirect_uri", CALLBACK)];
    rest.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    site.redeem(&WEB, &code, &rest).await
}

#[tokio::test]
async fn the_code_verifier_must_fit_the_challenge() {
    let site = Site::start(OauthOptions::default()).await;
    assert_eq!(
        redeem_with(&site, true, Some(VERIFIER)).await.status,
        StatusCode::OK
    );
    let wrong = VERIFIER.replace('d', "e");
    for (challenged, verifier) in [
        (true, Some(wrong.as_str())),
        (true, None),
        (true, Some(CHALLENGE)),
        (false, Some(VERIFIER)),
    ] {
        let answer = redeem_with(&site, challenged, verifier).await;
        assert_eq!(
            answer.refusal(),
            refused(400, "invalid_grant"),
            "{challenged} {verifier:?}"
        );
    }
}

#[tokio::test]
async fn client_credentials_have_no_user_and_no_refresh_token() {
    let site = Site::start(OauthOptions::default()).await;
    let body = site.token(&MACHINE, &[CREDENTIALS]).await.json();
    assert_eq!(
        body["scope"], "control management monitoring",
        "no scope means all of the app's"
    );
    assert_eq!(body["refresh_token"], serde_json::Value::Null);
    let access = site
        .grants
        .verify(body["access_token"].as_str().unwrap())
        .unwrap();
    assert_eq!((access.client_id.as_str(), access.user), ("demo-machine", None));

    let body = site
        .token(&MACHINE, &[CREDENTIALS, ("scope", "monitoring offline_access")])
        .await
        .json();
    assert_eq!(
        (&body["scope"], body.get("refresh_token")),
        (&"monitoring".into(), None)
    );
    let answer = site
        .token(&MACHINE, &[CREDENTIALS, ("scope", "monitoring everything")])
        .await;
    assert_eq!(answer.refusal(), refused(400, "invalid_scope"));
    assert!(
        answer.json()["error_description"]
            .as_str()
            .unwrap()
            .contains("everything")
    );
}

#[tokio::test]
async fn grant_types_must_be_ticked_and_known() {
    let mut no_refresh = App::web("no-refresh", "s", "No refresh", &["monitoring"]);
    no_refresh.grant_types = [GrantType::AuthorizationCode].into();
    let mut options = OauthOptions::default();
    options.apps.push(no_refresh);
    let site = Site::start(options).await;
    assert_eq!(
        site.token(&WEB, &[CREDENTIALS]).await.refusal(),
        refused(400, "unauthorized_client")
    );
    assert_eq!(
        site.refresh(&MACHINE, "x").await.refusal(),
        refused(400, "unauthorized_client")
    );
    let answer = site.redeem(&MACHINE, "x", &[("redirect_uri", CALLBACK)]).await;
    assert_eq!(answer.refusal(), refused(400, "unauthorized_client"));
    let answer = site.token(&WEB, &[("grant_type", "password")]).await;
    assert_eq!(answer.refusal(), refused(400, "unsupported_grant_type"));
    assert_eq!(
        site.token(&WEB, &[]).await.refusal(),
        refused(400, "invalid_request")
    );
    let answer = site
        .token(
            &MACHINE,
            &[CREDENTIALS, ("scope", "monitoring"), ("scope", "control")],
        )
        .await;
    assert_eq!(answer.refusal(), refused(400, "invalid_request"));

    // Without the tick box, offline_access gives no refresh token; nor does the tick box without offline_access.
    let request = with(
        web_request("monitoring offline_access"),
        "client_id",
        "no-refresh",
    );
    let code = pair(&Browser::new(&site).approve(&request).await, "code").unwrap();
    let app = [("client_id", "no-refresh"), ("client_secret", "s")];
    let body = site
        .redeem(&app, &code, &[("redirect_uri", CALLBACK)])
        .await
        .json();
    assert!(
        body["access_token"].is_string() && body.get("refresh_token").is_none(),
        "{body}"
    );
    assert!(site.connect("monitoring").await.get("refresh_token").is_none());
}

#[tokio::test]
async fn calls_are_counted_by_grant_type_whatever_the_answer() {
    let site = Site::start(OauthOptions::default()).await;
    site.connect("monitoring").await;
    site.token(&MACHINE, &[CREDENTIALS]).await;
    site.token(
        &[("client_id", "demo-machine"), ("client_secret", "wrong")],
        &[CREDENTIALS],
    )
    .await;
    site.refresh(&WEB, "dead").await;
    site.token(&WEB, &[]).await;
    let expected = TokenCalls {
        authorization_code: 1,
        refresh_token: 1,
        client_credentials: 2,
        other: 1,
    };
    assert_eq!(site.grants.token_calls(), expected);
}

#[tokio::test]
async fn runs_with_the_same_seed_repeat() {
    let mut seen = BTreeSet::new();
    for (seed, distinct) in [(1, 1), (1, 1), (2, 2)] {
        let site = Site::start(OauthOptions {
            seed,
            ..OauthOptions::default()
        })
        .await;
        let body = site.connect("monitoring offline_access").await;
        seen.insert((body.to_string(), site.grants.issued()[0].id.clone()));
        assert_eq!(seen.len(), distinct, "seed {seed}");
    }
}
