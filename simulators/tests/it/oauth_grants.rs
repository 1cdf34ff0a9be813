//! What ends a grant from outside: revocation, the simulator's own handles, another tenant, a changed secret.

use reqwest::StatusCode;
use serde_json::{Value, json};
use simulators::ninjaone::oauth::{OauthOptions, TokenProblem};

use super::site::{Answer, MACHINE, Site, WEB};

async fn connected() -> (Site, String, String) {
    let site = Site::start(OauthOptions::default()).await;
    let body = site.connect("monitoring offline_access").await;
    let field = |name: &str| body[name].as_str().unwrap().to_owned();
    (site, field("access_token"), field("refresh_token"))
}

async fn post_json(site: &Site, path: &str, body: Value) -> Answer {
    Answer::of(site.client.post(format!("{}{path}", site.base)).json(&body)).await
}

#[tokio::test]
async fn revoking_an_access_token_leaves_the_grant() {
    let (site, access, refresh) = connected().await;
    let answer = site
        .post("/ws/oauth/revoke", &[&WEB[..], &[("token", &access)]].concat())
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(site.grants.verify(&access), Err(TokenProblem::Revoked));
    assert_eq!(site.grants.issued()[0].revoked, None);
    assert_eq!(site.refresh(&WEB, &refresh).await.status, StatusCode::OK);
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_the_grant() {
    let (site, access, refresh) = connected().await;
    let form = [
        &WEB[..],
        &[("token", &refresh), ("token_type_hint", "access_token")],
    ]
    .concat();
    assert_eq!(site.post("/oauth/revoke", &form).await.status, StatusCode::OK);
    assert_eq!(site.grants.verify(&access), Err(TokenProblem::Revoked));
    assert!(site.grants.issued()[0].revoked.is_some());
    assert_eq!(
        site.refresh(&WEB, &refresh).await.refusal(),
        (400, "invalid_token".to_owned())
    );
    assert_eq!(
        site.post("/ws/oauth/revoke", &form).await.status,
        StatusCode::OK,
        "again is fine"
    );
}

#[tokio::test]
async fn revocation_needs_the_right_client_and_forgives_unknown_tokens() {
    let (site, access, refresh) = connected().await;
    let revoke = async |app: &[(&str, &str)], token: &str| {
        site.post("/ws/oauth/revoke", &[app, &[("token", token)]].concat())
            .await
    };
    assert_eq!(revoke(&WEB, "made-up").await.status, StatusCode::OK);
    for token in [&access, &refresh] {
        assert_eq!(
            revoke(&MACHINE, token).await.refusal(),
            (400, "invalid_grant".to_owned())
        );
        let wrong = [("client_id", "demo-web"), ("client_secret", "wrong")];
        assert_eq!(
            revoke(&wrong, token).await.refusal(),
            (401, "invalid_client".to_owned())
        );
    }
    assert_eq!(
        site.post("/ws/oauth/revoke", &WEB).await.refusal(),
        (400, "invalid_request".to_owned())
    );
    assert_eq!(
        site.get("/ws/oauth/revoke").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert!(site.grants.verify(&access).is_ok());
}

#[tokio::test]
async fn grants_can_be_listed_without_their_tokens() {
    let (site, access, refresh) = connected().await;
    site.token(
        &MACHINE,
        &[("grant_type", "client_credentials"), ("scope", "monitoring")],
    )
    .await;
    let answer = site.get("/simulator/grants").await;
    assert!(!answer.body.contains(&access) && !answer.body.contains(&refresh));
    let issued = site.grants.issued();
    let expected = json!({
        "grants": [
            { "id": issued[0].id, "clientId": "demo-web", "user": "tech@example.test",
              "scopes": ["monitoring", "offline_access"], "issued": "2026-03-02T08:00:00Z", "revoked": null },
            { "id": issued[1].id, "clientId": "demo-machine", "user": null,
              "scopes": ["monitoring"], "issued": "2026-03-02T08:00:00Z", "revoked": null },
        ],
        "tokenCalls": { "authorizationCode": 1, "refreshToken": 0, "clientCredentials": 1, "other": 0 },
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn one_grant_or_all_can_be_revoked_over_http() {
    let (site, access, _) = connected().await;
    let other = site
        .grants
        .access_token_for("demo-web", Some("tech@example.test"), &["monitoring"]);
    let path = "/simulator/grants/revoke";
    let id = site.grants.issued()[0].id.clone();
    assert_eq!(
        post_json(&site, path, json!({ "id": id })).await.json(),
        json!({ "revoked": 1 })
    );
    assert_eq!(site.grants.verify(&access), Err(TokenProblem::Revoked));
    assert!(site.grants.verify(&other).is_ok());

    let again = post_json(&site, path, json!({ "id": id })).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert!(again.json()["error"].as_str().unwrap().contains(&id));
    for bad in [
        json!({}),
        json!({ "id": id, "all": true }),
        json!({ "ids": [id] }),
        json!([]),
    ] {
        let answer = post_json(&site, path, bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(
            answer.json()["error"].as_str().unwrap().contains("send JSON"),
            "{}",
            answer.body
        );
    }
    assert!(site.grants.verify(&other).is_ok());
    assert_eq!(
        post_json(&site, path, json!({ "all": true })).await.json(),
        json!({ "revoked": 1 })
    );
    assert_eq!(site.grants.verify(&other), Err(TokenProblem::Revoked));
}

#[tokio::test]
async fn expiring_access_tokens_leaves_refresh_tokens_alive() {
    let (site, access, refresh) = connected().await;
    assert_eq!(
        site.post("/simulator/grants/expire", &[]).await.json(),
        json!({ "expired": 1 })
    );
    assert_eq!(site.grants.verify(&access), Err(TokenProblem::Expired));
    let renewed = site.refresh(&WEB, &refresh).await.json();
    assert!(
        site.grants
            .verify(renewed["access_token"].as_str().unwrap())
            .is_ok()
    );
    assert_eq!(site.grants.expire_access_tokens(), 1, "only live ones count");
}

#[tokio::test]
async fn a_new_secret_replaces_the_old_one() {
    let (site, access, refresh) = connected().await;
    let secret = site.grants.rotate_secret("demo-web").unwrap();
    assert_eq!(
        site.refresh(&WEB, &refresh).await.refusal(),
        (401, "invalid_client".to_owned())
    );
    assert!(site.grants.verify(&access).is_ok());
    let app = [("client_id", "demo-web"), ("client_secret", secret.as_str())];
    assert_eq!(site.refresh(&app, &refresh).await.status, StatusCode::OK);
    assert_eq!(site.grants.rotate_secret("demo-native"), None, "it has none");
    assert_eq!(site.grants.rotate_secret("nobody"), None);
}

#[tokio::test]
async fn another_tenant_knows_none_of_these_tokens() {
    let (_, access, refresh) = connected().await;
    let other = Site::start(OauthOptions {
        seed: 2,
        ..OauthOptions::default()
    })
    .await;
    other.connect("monitoring offline_access").await;
    assert_eq!(other.grants.verify(&access), Err(TokenProblem::Unknown));
    assert_eq!(
        other.refresh(&WEB, &refresh).await.refusal(),
        (400, "invalid_token".to_owned())
    );
}

#[tokio::test]
async fn the_metadata_names_this_servers_endpoints() {
    let path = "/.well-known/oauth-authorization-server";
    let site = Site::start(OauthOptions::default()).await;
    let (base, body) = (&site.base, site.get(path).await.json());
    let expected = json!({
        "issuer": format!("{base}/"),
        "authorization_endpoint": format!("{base}/ws/oauth/authorize"),
        "token_endpoint": format!("{base}/ws/oauth/token"),
        "revocation_endpoint": format!("{base}/ws/oauth/revoke"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["monitoring"],
    });
    assert_eq!(body, expected);
    let absent = site.get("/.well-known/openid-configuration").await;
    assert_eq!(
        (absent.status.as_u16(), &absent.json()["resultCode"]),
        (404, &"FAILURE".into())
    );

    let public_url = Some("https://ninja.example.test/".to_owned());
    let site = Site::start(OauthOptions {
        public_url,
        ..OauthOptions::default()
    })
    .await;
    assert_eq!(
        site.get(path).await.json()["issuer"],
        "https://ninja.example.test/"
    );
    assert!(
        site.get("/ws/oauth/sign-in")
            .await
            .header("set-cookie")
            .ends_with("; Secure")
    );
}
