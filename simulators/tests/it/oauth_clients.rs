//! Who may call the token endpoint, and how it proves itself.

use reqwest::StatusCode;
use simulators::ninjaone::oauth::OauthOptions;

use super::site::{
    Answer, Browser, CHALLENGE, CREDENTIALS, MACHINE, Site, VERIFIER, pair, refused, web_request, with,
};

#[tokio::test]
async fn a_native_app_exchanges_without_a_secret() {
    let site = Site::start(OauthOptions::default()).await;
    let uri = "http://127.0.0.1:50123";
    let request = with(
        with(
            web_request("monitoring offline_access"),
            "client_id",
            "demo-native",
        ),
        "redirect_uri",
        uri,
    );
    let request = with(
        with(request, "code_challenge", CHALLENGE),
        "code_challenge_method",
        "S256",
    );
    let mut codes = Vec::new();
    for _ in 0..2 {
        codes.push(pair(&Browser::new(&site).approve(&request).await, "code").unwrap());
    }
    let rest = [("redirect_uri", uri), ("code_verifier", VERIFIER)];
    let with_secret = [("client_id", "demo-native"), ("client_secret", "anything")];
    assert_eq!(
        site.redeem(&with_secret, &codes[0], &rest).await.refusal(),
        refused(401, "invalid_client")
    );
    let body = site
        .redeem(&[("client_id", "demo-native")], &codes[1], &rest)
        .await
        .json();
    let refreshed = site
        .refresh(
            &[("client_id", "demo-native")],
            body["refresh_token"].as_str().unwrap(),
        )
        .await;
    assert_eq!(refreshed.status, StatusCode::OK);
}

#[tokio::test]
async fn the_app_proves_itself_by_header_or_body_but_not_both() {
    let site = Site::start(OauthOptions::default()).await;
    let url = format!("{}/ws/oauth/token", site.base);
    let basic = |id: &str, secret: &str| site.client.post(&url).basic_auth(id, Some(secret));
    let ok = Answer::of(basic("demo-machine", "demo-machine-secret").form(&[CREDENTIALS])).await;
    assert_eq!(ok.status, StatusCode::OK);
    let same_id = [CREDENTIALS, ("client_id", "demo-machine")];
    let ok = Answer::of(basic("demo-machine", "demo-machine-secret").form(&same_id)).await;
    assert_eq!(ok.status, StatusCode::OK);

    let wrong = Answer::of(basic("demo-machine", "wrong").form(&[CREDENTIALS])).await;
    assert_eq!(wrong.refusal(), refused(401, "invalid_client"));
    assert_eq!(wrong.header("www-authenticate"), "Basic realm=\"NinjaOne\"");
    let both = [MACHINE.to_vec(), vec![CREDENTIALS]].concat();
    let answer = Answer::of(basic("demo-machine", "demo-machine-secret").form(&both)).await;
    assert_eq!(answer.refusal(), refused(400, "invalid_request"));
    let other = [CREDENTIALS, ("client_id", "demo-web")];
    let answer = Answer::of(basic("demo-machine", "demo-machine-secret").form(&other)).await;
    assert_eq!(answer.refusal(), refused(400, "invalid_request"));
    let answer = Answer::of(site.client.post(&url).bearer_auth("x").form(&same_id)).await;
    assert_eq!(answer.refusal(), refused(401, "invalid_client"));

    for app in [
        vec![
            ("client_id", "demo-machine"),
            ("client_secret", "demo-web-secret"),
        ],
        vec![("client_id", "demo-machine")],
        vec![],
    ] {
        let answer = site.token(&app, &[CREDENTIALS]).await;
        assert_eq!(answer.refusal(), refused(401, "invalid_client"), "{app:?}");
        assert_eq!(answer.json(), serde_json::json!({"error": "invalid_client"}));
    }
    for answer in [
        Answer::of(basic("of-another-region", "s").form(&[CREDENTIALS])).await,
        site.token(
            &[("client_id", "of-another-region"), ("client_secret", "s")],
            &[CREDENTIALS],
        )
        .await,
    ] {
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["resultCode"]),
            (404, &"Client app not exist".into())
        );
    }
}

#[tokio::test]
async fn only_posted_forms_are_read() {
    let site = Site::start(OauthOptions::default()).await;
    let answer = site.get("/ws/oauth/token").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    let json = serde_json::json!({"grant_type": "client_credentials", "client_id": "demo-machine"});
    let answer = Answer::of(
        site.client
            .post(format!("{}/ws/oauth/token", site.base))
            .json(&json),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["resultCode"]),
        (415, &"FAILURE".into())
    );
}
