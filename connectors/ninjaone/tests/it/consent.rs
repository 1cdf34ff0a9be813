//! From settings to a grant, and what becomes of it.

use crate::browser::Browser;
use crate::tenant::{Tenant, connector, knowing, options, read, read_all};
use connect::{Error, GrantStore, Kind, Mode};
use serde_json::{Value, json};
use simulators::faults::Effect;
use simulators::ninjaone::Options;
use simulators::ninjaone::oauth::{App, GrantType, OauthOptions, Rotation};

const REDIRECT: &str = "http://127.0.0.1:8411/ninja/oauth/resp";

/// Goes through consent and stores the grant.
async fn consent(tenant: &Tenant, decision: &str) -> Result<(), Error> {
    let authorization = connector().authorization(&tenant.cx).unwrap().unwrap();
    assert_eq!(authorization.mode(), Mode::Consent);
    let pending = authorization.begin(REDIRECT)?;
    authorization.preflight(&pending).await?;
    let back = Browser::default().decide(&pending.url, decision).await;
    let grant = authorization.finish(&pending, &back).await?;
    tenant.grants.replace(grant).await.unwrap();
    Ok(())
}

pub async fn consented(options: Options, more: Value) -> Tenant {
    let tenant = Tenant::without_grant(options, more).await;
    consent(&tenant, "approve").await.unwrap();
    tenant
}

fn oauth(options: OauthOptions) -> Options {
    Options {
        oauth: options,
        ..crate::tenant::options(300)
    }
}

#[tokio::test]
async fn h03_a_persons_consent_lets_devices_be_read() {
    // H15, H16, H24, H25, R02, R20: a Web app that has the scope monitoring alone, its id and secret, a code with PKCE.
    let tenant = Tenant::without_grant(options(300), json!({})).await;
    let tenant = tenant.through(json!({"client_id": "demo-monitoring"}), "demo-monitoring-secret");
    consent(&tenant, "approve").await.unwrap();
    assert_eq!(read_all(&tenant.source()).await.unwrap().devices.len(), 300);
    let kept = tenant.grants.load().await.unwrap().unwrap();
    assert!(kept.pair.refresh_token.is_some());
    let asked = tenant
        .sim
        .seen()
        .into_iter()
        .find(|seen| seen.path == "/ws/oauth/authorize")
        .unwrap();
    assert!(
        asked.query.contains("code_challenge_method=S256") && asked.query.contains("state="),
        "{}",
        asked.query
    );
    let issued = tenant.sim.grants().issued();
    let grant = issued.last().unwrap();
    assert_eq!(grant.user.as_deref(), Some("tech@example.test"));
    assert_eq!(
        grant.scopes,
        ["monitoring", "offline_access"].map(str::to_owned).into()
    );
}

#[tokio::test]
async fn a_refused_consent_and_an_unknown_app_are_explained() {
    let tenant = Tenant::without_grant(options(10), json!({})).await;
    let error = consent(&tenant, "deny").await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(tenant.grants.load().await.unwrap().is_none());

    // R12: the app of another region.
    let tenant = Tenant::without_grant(options(10), json!({"client_id": "of-another-region"})).await;
    let error = consent(&tenant, "approve").await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert!(
        error.to_string().contains("region") && error.to_string().contains("eu.ninjarmm.com"),
        "{error}"
    );

    let tenant = Tenant::without_grant(options(10), json!({})).await;
    let error = consent(&tenant.through(json!({}), "wrong"), "approve")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_scope_the_app_lacks_is_explained() {
    let apps = vec![App::web("demo-web", "demo-web-secret", "No scopes", &["control"])];
    let tenant = Tenant::without_grant(
        oauth(OauthOptions {
            apps,
            ..OauthOptions::default()
        }),
        json!({}),
    )
    .await;
    let authorization = connector().authorization(&tenant.cx).unwrap().unwrap();
    let pending = authorization.begin(REDIRECT).unwrap();
    let error = match authorization.preflight(&pending).await {
        Err(error) => error,
        Ok(()) => {
            let back = Browser::default().decide(&pending.url, "approve").await;
            authorization.finish(&pending, &back).await.unwrap_err()
        }
    };
    assert!(error.to_string().contains("Monitoring"), "{error}");
}

#[tokio::test]
async fn h17_an_app_without_both_grant_types_is_told_to_tick_them() {
    for (missing, named) in [
        (GrantType::AuthorizationCode, "Authorization Code"),
        (GrantType::RefreshToken, "Refresh Token"),
    ] {
        let mut app = App::web("demo-web", "demo-web-secret", "One box ticked", &["monitoring"]);
        app.grant_types.remove(&missing);
        let apps = vec![app];
        let tenant = Tenant::without_grant(
            oauth(OauthOptions {
                apps,
                ..OauthOptions::default()
            }),
            json!({}),
        )
        .await;
        let error = match consent(&tenant, "approve").await {
            Err(error) => error,
            Ok(()) => {
                // Without Refresh Token the access lasts an hour.
                tenant.clock.forward(4000);
                read_all(&tenant.source()).await.unwrap_err()
            }
        };
        assert!(error.to_string().contains(named), "{missing:?}: {error}");
    }
}

#[tokio::test]
async fn h28_r22_an_expired_token_is_refreshed_between_pages_whatever_becomes_of_refresh_tokens() {
    for rotation in [Rotation::Invalidate, Rotation::Static] {
        for refresh_answer_has_token in [true, false] {
            let options = oauth(OauthOptions {
                rotation,
                refresh_answer_has_token,
                ..OauthOptions::default()
            });
            let tenant = consented(options, json!({"page_size": 50})).await;
            let source = tenant.source();
            let known = read_all(&source).await.unwrap().ids();
            for round in 1..=3 {
                tenant
                    .sim
                    .faults()
                    .once_after("/v2/devices-detailed", 2, Effect::ExpireTokens);
                assert_eq!(read(&source, knowing(known.clone())).await.unwrap().ids(), known);
                // Several requests met the expired token; it was refreshed once.
                assert_eq!(tenant.sim.grants().token_calls().refresh_token, round);
                // A token is not renewed twice within seconds: that would not cure it.
                tenant.clock.forward(60);
            }
            // Another process with the same store goes on with the newest pair.
            assert_eq!(read_all(&tenant.source()).await.unwrap().ids(), known);
        }
    }
}

#[tokio::test]
async fn h04_a_withdrawn_grant_stops_the_read_and_asks_for_a_person() {
    let tenant = consented(options(300), json!({"page_size": 50})).await;
    let source = tenant.source();
    tenant
        .sim
        .faults()
        .once_after("/v2/devices-detailed", 2, Effect::RevokeGrants);
    let error = read_all(&source).await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
    assert!(error.to_string().contains("econnect"), "{error}");
    assert_eq!(source.organizations().await.unwrap_err().kind, Kind::Auth);
    // A new consent cures it, without opening the connection anew.
    consent(&tenant, "approve").await.unwrap();
    assert_eq!(read_all(&source).await.unwrap().devices.len(), 300);
}

#[tokio::test]
async fn h02_id_and_secret_alone_read_nothing_before_a_person_consented() {
    let tenant = Tenant::without_grant(options(10), json!({})).await;
    assert!(tenant.cx.secrets.contains_key("client_secret"));
    assert!(tenant.cx.connection.settings.get("client_id").is_some());
    assert_eq!(read_all(&tenant.source()).await.unwrap_err().kind, Kind::Auth);
}

#[tokio::test]
async fn a_machine_app_reads_without_a_person_and_asks_for_another_token_in_time() {
    let more = json!({"mode": "machine", "client_id": "demo-machine", "page_size": 50});
    let tenant = Tenant::without_grant(options(300), json!({}))
        .await
        .through(more, "demo-machine-secret");
    let authorization = connector().authorization(&tenant.cx).unwrap().unwrap();
    assert_eq!(authorization.mode(), Mode::Machine);
    let grant = authorization.machine_grant().await.unwrap();
    assert!(grant.refresh_token.is_none());
    assert_eq!(grant.scopes, ["monitoring"]);
    tenant.cx.grants.replace(grant).await.unwrap();
    let source = tenant.source();
    tenant
        .sim
        .faults()
        .once_after("/v2/devices-detailed", 2, Effect::ExpireTokens);
    assert_eq!(read_all(&source).await.unwrap().devices.len(), 300);
    assert_eq!(tenant.sim.grants().token_calls().client_credentials, 2);
}

#[tokio::test]
async fn older_oauth_paths_can_be_configured() {
    let more = json!({"authorize_path": "/oauth/authorize", "token_path": "/oauth/token", "revoke_path": "/oauth/revoke"});
    let tenant = consented(options(60), more).await;
    assert_eq!(read_all(&tenant.source()).await.unwrap().devices.len(), 60);
    let paths: Vec<_> = tenant.sim.seen().into_iter().map(|seen| seen.path).collect();
    assert!(
        paths.iter().any(|path| path == "/oauth/token")
            && !paths.iter().any(|path| path == "/ws/oauth/token")
    );
}
