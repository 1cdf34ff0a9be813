//! What holds for every answer: headers, other sites' forms, problems.

use crate::world::World;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use model::ActorRole;
use testkit::TestStore;

#[tokio::test]
async fn every_answer_forbids_inline_script_other_hosts_and_frames() {
    let world = World::new().await;
    let mut visitor = world.signed_in(ActorRole::Owner).await;
    for path in [
        "/",
        "/runs",
        "/nowhere",
        "/api/v1/nothing",
        "/health",
        "/ready",
        "/sign-in",
    ] {
        let answer = visitor.get(path).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        // What the policy would stop is not there in the first place.
        for inline in [
            "<script>",
            " style=",
            " onclick=",
            "<style",
            "http://",
            "https://",
        ] {
            assert!(!answer.body.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn another_site_s_form_is_refused_and_our_own_is_not() {
    let world = World::at(TestStore::sqlite().await, "https://bridge.example.com").await;
    let mut visitor = world.signed_in(ActorRole::Owner).await;
    assert!(
        visitor.cookies.contains_key("__Host-rmmbridge"),
        "{:?}",
        visitor.cookies
    );
    let mut send = async |headers: &[(&str, &str)]| {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        let body = Body::from("theme=dark&back=/runs");
        visitor.send(Method::POST, "/theme", body, &all).await.status
    };
    let evil = ("origin", "https://evil.example");
    assert_eq!(
        send(&[("sec-fetch-site", "cross-site"), evil]).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(send(&[evil]).await, StatusCode::FORBIDDEN);
    assert_eq!(
        send(&[("sec-fetch-site", "same-origin")]).await,
        StatusCode::SEE_OTHER
    );
    // A proxy that changes Host: our public address counts.
    assert_eq!(
        send(&[("origin", "https://bridge.example.com")]).await,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn problems_are_pages_for_people_and_documents_for_programs() {
    let world = World::new().await;
    let mut visitor = world.signed_in(ActorRole::Viewer).await;
    let page = visitor.get("/nowhere/%3Cb%3E").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.text().contains("There is no page /nowhere/"),
        "{}",
        page.text()
    );
    let document = visitor.get("/api/v1/nothing").await;
    assert_eq!(document.status, StatusCode::NOT_FOUND);
    assert_eq!(document.headers["content-type"], "application/problem+json");
    let document: serde_json::Value = serde_json::from_str(&document.body).unwrap();
    assert_eq!(document["status"], 404);
    let wrong = visitor.get("/sign-out").await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    let long = "x".repeat(2 << 20);
    let answer = visitor.post("/theme", &[("back", &long)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn assets_are_kept_for_a_year_under_an_address_that_changes_with_them() {
    let world = World::new().await;
    let mut visitor = world.signed_in(ActorRole::Viewer).await;
    let page = visitor.get("/").await;
    let mut compressed = 0;
    for name in ["app.css", "live.js", "mark.svg"] {
        let end = page.body.find(name).unwrap() + name.len();
        let start = page.body[..end].rfind('"').unwrap() + 1;
        let asset = visitor.get(&page.body[start..end]).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert!(
            asset.headers["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable"),
            "{name}"
        );
        compressed += asset.body.len();
    }
    // Before compression already far below the 150 KB a page may have after it.
    assert!(compressed + page.body.len() < 80_000, "{compressed}");
    let old = visitor.get("/assets/000000000000/app.css").await;
    assert_eq!(old.headers["cache-control"], "no-cache");
    assert!(include_str!("../../assets/live.js").lines().count() <= 200);
}
