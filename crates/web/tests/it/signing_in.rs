//! Signing in and out, sessions and their limits.

use crate::world::{PASSWORD, World};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use jiff::SignedDuration;
use model::ActorRole;
use secrecy::ExposeSecret as _;
use testkit::TestStore;

async fn with_ada(world: &World) {
    world
        .engine
        .add_person(
            &world.console,
            "ada",
            ActorRole::Technician,
            Some(PASSWORD.into()),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn a_password_signs_in_with_a_new_session_and_leads_where_one_wanted_to_go() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        with_ada(&world).await;
        let mut visitor = world.visitor();
        assert_eq!(
            visitor.get("/runs?page=2").await.to(),
            Some("/sign-in?next=%2Fruns%3Fpage%3D2")
        );
        // A session somebody planted before is worth nothing afterwards.
        visitor
            .cookies
            .insert("rmmbridge".to_owned(), "AAAAAAAAAAAAAAAAAAAAAA".to_owned());
        let form = [("name", "ADA"), ("password", PASSWORD), ("next", "/runs?page=2")];
        let answer = visitor.post("/sign-in", &form).await;
        assert_eq!(answer.to(), Some("/runs?page=2"), "{answer:?}");
        let cookie = answer.headers.get(SET_COOKIE).unwrap().to_str().unwrap();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        assert_ne!(visitor.cookies["rmmbridge"], "AAAAAAAAAAAAAAAAAAAAAA");
        // The cookie opens the session; what the database holds does not.
        let stored = format!(
            "SELECT COUNT(*) FROM web_session WHERE digest = '{}'",
            visitor.cookies["rmmbridge"]
        );
        assert_eq!(world.store.sql(&stored).await, 0);
        assert!(
            visitor
                .get("/")
                .await
                .body
                .contains("<b>ada</b><small>Technician</small>")
        );

        let before = visitor.cookies.clone();
        assert_eq!(visitor.post("/sign-out", &[]).await.to(), Some("/sign-in"));
        visitor.cookies = before;
        assert_eq!(
            visitor.get("/").await.to(),
            Some("/sign-in"),
            "the old cookie opens nothing"
        );
    })
    .await;
}

#[tokio::test]
async fn wrong_passwords_and_names_sound_alike_and_soon_one_waits() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        with_ada(&world).await;
        let mut visitor = world.visitor();
        let wrong = [("name", "ada"), ("password", "not this one"), ("next", "/runs")];
        let unknown = [("name", "eve"), ("password", "not this one"), ("next", "/runs")];
        let (a, b) = (
            visitor.post("/sign-in", &wrong).await,
            visitor.post("/sign-in", &unknown).await,
        );
        assert_eq!(
            (a.status, b.status),
            (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED)
        );
        assert_eq!(a.text(), b.text());
        assert!(
            a.body.contains(r#"value="ada""#) && !a.body.contains("not this one"),
            "{}",
            a.body
        );
        for _ in 0..4 {
            visitor.post("/sign-in", &wrong).await;
        }
        let right = [("name", "ada"), ("password", PASSWORD)];
        let waits = visitor.post("/sign-in", &right).await;
        assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS, "{}", waits.text());
        assert!(waits.text().contains("Try again in 2 s"), "{}", waits.text());
        world.store.clock().advance(SignedDuration::from_secs(2));
        assert_eq!(visitor.post("/sign-in", &right).await.to(), Some("/"));
        // A success forgets the failures.
        assert_eq!(
            visitor.post("/sign-in", &wrong).await.status,
            StatusCode::UNAUTHORIZED
        );
    })
    .await;
}

#[tokio::test]
async fn a_link_signs_in_once_by_its_button_and_only_for_an_hour() {
    let world = World::new().await;
    with_ada(&world).await;
    let link = async || world.engine.sign_in_token(&world.console, "ada").await.unwrap();
    let token = link().await;
    let mut visitor = world.visitor();
    let address = format!("/sign-in/link?token={}", token.expose_secret());
    // Looked at twice, as a mail scanner would, it still works.
    for _ in 0..2 {
        let page = visitor.get(&address).await;
        assert!(page.text().contains("signs you in once"), "{}", page.text());
    }
    let form = [("token", token.expose_secret())];
    assert_eq!(visitor.post("/sign-in/link", &form).await.to(), Some("/"));
    let again = world.visitor().post("/sign-in/link", &form).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(again.text().contains("works no more"), "{}", again.text());

    let late = link().await;
    world.store.clock().advance(SignedDuration::from_mins(61));
    let answer = world
        .visitor()
        .post("/sign-in/link", &[("token", late.expose_secret())])
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sessions_end_after_eight_idle_hours_and_after_a_week_of_use() {
    let world = World::new().await;
    let mut visitor = world.signed_in(ActorRole::Viewer).await;
    let mut here = async |hours| {
        world.store.clock().advance(SignedDuration::from_hours(hours));
        visitor.get("/").await.status == StatusCode::OK
    };
    assert!(here(7).await && here(7).await, "use keeps it");
    for _ in 0..21 {
        assert!(here(7).await);
    }
    assert!(!here(7).await, "a week is over");
    let mut idle = world.signed_in(ActorRole::Viewer).await;
    world.store.clock().advance(SignedDuration::from_hours(8));
    assert_eq!(idle.get("/").await.to(), Some("/sign-in"));
    assert_eq!(
        world.engine.sweep_web_sessions().await.unwrap(),
        0,
        "both were removed when they were asked for"
    );
}

#[tokio::test]
async fn what_was_typed_when_the_session_ended_comes_back_but_no_secret() {
    let world = World::new().await;
    with_ada(&world).await;
    let mut visitor = world.visitor();
    let sent = [
        ("back", "/runs"),
        ("theme", "dark"),
        ("secret.key", "hush"),
        ("note", "\"><b>5 € & more"),
    ];
    let page = visitor.post("/theme", &sent).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.text().contains("what you typed is kept"), "{}", page.text());
    assert!(!page.body.contains("hush"));
    let start = page.body.find(r#"name="typed" value=""#).unwrap() + 20;
    let typed = &page.body[start..start + page.body[start..].find('"').unwrap()];
    let typed = typed.replace("&#38;", "&");
    let form = [
        ("name", "ada"),
        ("password", PASSWORD),
        ("next", "/theme"),
        ("typed", typed.as_str()),
    ];
    let again = visitor.post("/sign-in", &form).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert!(again.body.contains(r#"action="/theme""#), "{}", again.body);
    assert!(
        again
            .body
            .contains(r#"name="note" value="&#34;&#62;&#60;b&#62;5 € &#38; more""#),
        "{}",
        again.body
    );
    assert_eq!(
        visitor.post("/theme", &sent).await.to(),
        Some("/runs"),
        "now it is sent for real"
    );
}
