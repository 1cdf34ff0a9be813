//! The sign-in and consent pages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use simulators::ninjaone::oauth::OauthOptions;

use super::site::{Browser, CALLBACK, Form, Site, authorize, web_request, with};

#[tokio::test]
async fn without_a_session_the_browser_is_sent_to_sign_in_and_returns() {
    let site = Site::start(OauthOptions::default()).await;
    let mut browser = Browser::new(&site);
    let answer = browser.get(&authorize(&web_request("monitoring"))).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert!(
        answer.location().starts_with("/ws/oauth/sign-in?"),
        "{}",
        answer.location()
    );

    let page = browser
        .sign_in(
            &web_request("monitoring offline_access"),
            "TECH@example.test",
            "demo-password",
        )
        .await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Demo web app") && page.body.contains("Signed in as tech@example.test"));
    assert!(
        page.body.contains("<strong>monitoring</strong>")
            && page.body.contains("<strong>offline_access</strong>")
    );
    assert!(
        !page.body.contains("<strong>management</strong>"),
        "only what was asked for"
    );
    assert!(
        page.body.contains(CALLBACK),
        "the page says where the browser goes next"
    );
}

#[tokio::test]
async fn a_wrong_password_is_said_and_what_was_typed_stays() {
    let site = Site::start(OauthOptions::default()).await;
    let mut browser = Browser::new(&site);
    let typed = "\"><script>x</script>@example.test";
    let page = browser
        .sign_in(&web_request("monitoring"), typed, "demo-password")
        .await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        page.body.contains("role=\"alert\"") && page.body.contains("is wrong"),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("value=\"&quot;&gt;&lt;script&gt;x&lt;/script&gt;@example.test\"")
    );
    assert!(!page.body.contains("<script"), "{}", page.body);

    let form = Form::first(&page.body);
    let again = browser
        .submit(
            &form,
            &[("email", "tech@example.test"), ("password", "demo-password ")],
        )
        .await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    let again = browser
        .submit(
            &form,
            &[("email", "tech@example.test"), ("password", "demo-password")],
        )
        .await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn everything_from_outside_is_escaped() {
    let mut options = OauthOptions::default().with_technician("o'brien&co@example.test", "p");
    options.apps[0].name = "<b>Bold</b> & \"Co\"".to_owned();
    let site = Site::start(options).await;
    let request = with(web_request("monitoring"), "state", "\"><script>");
    let path = format!("{}&x='\"%22<script>", authorize(&request));
    let mut browser = Browser::new(&site);
    let page = browser.sign_in(&request, "o'brien&co@example.test", "p").await;
    assert!(
        page.body.contains("&lt;b&gt;Bold&lt;/b&gt; &amp; &quot;Co&quot;"),
        "{}",
        page.body
    );
    assert!(page.body.contains("o&#39;brien&amp;co@example.test"));
    for page in [page, browser.get(&path).await] {
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            !page.body.contains("<script") && !page.body.contains("<b>"),
            "{}",
            page.body
        );
        let style = page
            .body
            .split("<style>")
            .nth(1)
            .unwrap()
            .split("</style>")
            .next()
            .unwrap();
        let digest = STANDARD.encode(Sha256::digest(style));
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{digest}'; ")),
            "{policy}"
        );
        assert!(
            page.header("content-security-policy")
                .contains("frame-ancestors 'none'")
        );
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
}
