//! The second factor: setting it up, signing in with it, and losing it.

use crate::world::{Answer, PASSWORD, Visitor, World};
use axum::http::StatusCode;
use jiff::SignedDuration;
use model::ActorRole;
use testkit::{Authenticator, TestStore};

/// The app that was given the key a page shows.
fn scanned(page: &Answer) -> Authenticator {
    let before = r#"<code id="second-factor-key" aria-labelledby="second-factor-key-label" tabindex="0">"#;
    let start = page.body.find(before).unwrap_or_else(|| panic!("{}", page.body)) + before.len();
    Authenticator::new(&page.body[start..start + page.body[start..].find('<').unwrap()])
}

fn code(app: &Authenticator, world: &World) -> String {
    app.code(world.engine.clock().now().as_second())
}

async fn ada(world: &World) {
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

async fn first_half(world: &World) -> (Visitor, Answer) {
    let mut visitor = world.visitor();
    let form = [("name", "ada"), ("password", PASSWORD), ("next", "/runs")];
    let answer = visitor.post("/sign-in", &form).await;
    (visitor, answer)
}

async fn second_half(visitor: &mut Visitor, typed: &str) -> Answer {
    visitor
        .post("/sign-in/code", &[("secret.code", typed), ("next", "/runs")])
        .await
}

/// Signs ada in and sets her app up; her browser, her app, her recovery codes.
async fn with_app(world: &World) -> (Visitor, Authenticator, Vec<String>) {
    ada(world).await;
    let (mut visitor, answer) = first_half(world).await;
    assert_eq!(answer.to(), Some("/runs"));
    let page = "/settings/you/second-factor";
    let wrong = visitor.post(page, &[("secret.old", "not this one")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.text().contains("This is not your password"),
        "{}",
        wrong.text()
    );
    assert_eq!(
        visitor.post(page, &[("secret.old", PASSWORD)]).await.to(),
        Some(page)
    );
    let drawn = visitor.get(page).await;
    assert!(drawn.body.contains(r#"<svg class="qr""#));
    let app = scanned(&drawn);
    let wrong = visitor
        .post("/settings/you/second-factor/confirm", &[("secret.code", "12345")])
        .await;
    assert!(
        wrong.text().contains("not the code the app shows"),
        "{}",
        wrong.text()
    );
    let done = visitor
        .post(
            "/settings/you/second-factor/confirm",
            &[("secret.code", code(&app, world).as_str())],
        )
        .await;
    assert!(
        done.text().contains("Your second factor is on"),
        "{}",
        done.text()
    );
    let codes = done.body.split("<li><code>").skip(1);
    let codes: Vec<String> = codes
        .map(|rest| rest[..rest.find('<').unwrap()].to_owned())
        .collect();
    assert_eq!(codes.len(), 10);
    (visitor, app, codes)
}

#[tokio::test]
async fn a_password_alone_does_not_sign_in_and_a_code_is_taken_once() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let (_, app, _) = with_app(&world).await;
        let later = |seconds| world.store.clock().advance(SignedDuration::from_secs(seconds));
        later(60);
        let (mut visitor, asked) = first_half(&world).await;
        assert!(asked.text().contains("Your second factor"), "{}", asked.text());
        assert!(
            visitor
                .get("/runs")
                .await
                .to()
                .is_some_and(|to| to.starts_with("/sign-in"))
        );
        let shown = code(&app, &world);
        assert_eq!(second_half(&mut visitor, &shown).await.to(), Some("/runs"));
        assert_eq!(visitor.get("/runs").await.status, StatusCode::OK);

        // The same code again, within its half minute, from somebody who looked over her shoulder.
        let (mut thief, _) = first_half(&world).await;
        let again = second_half(&mut thief, &shown).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED);
        assert!(again.text().contains("each is taken once"), "{}", again.text());
        assert!(thief.get("/runs").await.to().is_some());
        // Nor one of an earlier step, nor one without the first half.
        later(30);
        let next = code(&app, &world);
        assert_eq!(
            second_half(&mut world.visitor(), &next).await.status,
            StatusCode::UNAUTHORIZED
        );
        assert_eq!(second_half(&mut thief, &next).await.to(), Some("/runs"));
        // The first half is not good for ever.
        let (mut slow, _) = first_half(&world).await;
        later(601);
        let over = second_half(&mut slow, &code(&app, &world)).await;
        assert!(over.text().contains("too long ago"), "{}", over.text());
    })
    .await;
}

#[tokio::test]
async fn guessing_codes_makes_one_wait_like_guessing_passwords() {
    let world = World::new().await;
    let (_, app, _) = with_app(&world).await;
    world.store.clock().advance(SignedDuration::from_secs(60));
    for _ in 0..5 {
        // The password is right each time: that must not give new tries.
        let (mut visitor, _) = first_half(&world).await;
        assert_eq!(
            second_half(&mut visitor, "000000").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let (_, refused) = first_half(&world).await;
    assert_eq!(
        refused.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        refused.text()
    );
    world.store.clock().advance(SignedDuration::from_secs(60));
    let (mut visitor, _) = first_half(&world).await;
    assert_eq!(
        second_half(&mut visitor, &code(&app, &world)).await.to(),
        Some("/runs")
    );
    // A success forgets the failures.
    for _ in 0..4 {
        let (mut visitor, _) = first_half(&world).await;
        second_half(&mut visitor, "000000").await;
    }
    assert_eq!(first_half(&world).await.1.status, StatusCode::OK);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_new_ones_take_the_place_of_the_old() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let (mut here, app, codes) = with_app(&world).await;
        let stored = format!("SELECT COUNT(*) FROM recovery_code WHERE digest = '{}'", codes[0]);
        assert_eq!(world.store.sql(&stored).await, 0);
        let (mut visitor, _) = first_half(&world).await;
        // As people type from paper.
        let typed = format!(" {} ", codes[0].to_uppercase().replace('-', " "));
        assert_eq!(second_half(&mut visitor, &typed).await.to(), Some("/runs"));
        let (mut again, _) = first_half(&world).await;
        assert_eq!(
            second_half(&mut again, &codes[0]).await.status,
            StatusCode::UNAUTHORIZED
        );
        assert!(
            here.get("/settings/you")
                .await
                .text()
                .contains("9 recovery codes are left")
        );
        world.store.clock().advance(SignedDuration::from_secs(60));
        let form = [("secret.code-2", code(&app, &world))];
        let form: Vec<_> = form.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let made = here.post("/settings/you/second-factor/codes", &form).await;
        assert!(
            made.text().contains("the old ones work no more"),
            "{}",
            made.text()
        );
        let (mut old, _) = first_half(&world).await;
        assert_eq!(
            second_half(&mut old, &codes[1]).await.status,
            StatusCode::UNAUTHORIZED
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_needs_a_second_factor_is_led_to_it_before_anything_else() {
    let world = World::new().await;
    ada(&world).await;
    let (mut visitor, _) = first_half(&world).await;
    world
        .engine
        .require_second_factor(&world.console, true)
        .await
        .unwrap();
    let page = "/settings/you/second-factor";
    for path in ["/", "/runs", "/settings/you", "/settings/keys"] {
        assert_eq!(visitor.get(path).await.to(), Some(page), "{path}");
    }
    let posted = visitor.post("/settings/you", &[("secret.old", PASSWORD)]).await;
    assert_eq!(posted.to(), Some(page), "nothing is done");
    assert!(
        visitor
            .get(page)
            .await
            .text()
            .contains("An Owner wants everybody to have a second factor")
    );
    visitor.post(page, &[("secret.old", PASSWORD)]).await;
    let app = scanned(&visitor.get(page).await);
    let form = [("secret.code", code(&app, &world))];
    let form: Vec<_> = form.iter().map(|(k, v)| (*k, v.as_str())).collect();
    visitor.post("/settings/you/second-factor/confirm", &form).await;
    assert_eq!(visitor.get("/").await.status, StatusCode::OK);
    world.store.clock().advance(SignedDuration::from_secs(60));
    let shown = code(&app, &world);
    let kept = visitor
        .post(
            "/settings/you/second-factor/remove",
            &[("secret.code-2", shown.as_str())],
        )
        .await;
    assert!(
        kept.text().contains("An Owner wants everybody to have"),
        "{}",
        kept.text()
    );

    // Lost: an Owner takes it away, and she is led to a new one.
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let people = world.engine.people(&world.console).await.unwrap();
    let id = &people.iter().find(|p| p.name == "ada").unwrap().id;
    world
        .engine
        .require_second_factor(&world.console, false)
        .await
        .unwrap();
    owner
        .post(&format!("/settings/people/{id}/second-factor"), &[])
        .await;
    let (_, in_again) = first_half(&world).await;
    assert_eq!(in_again.to(), Some("/runs"), "by password alone");
}

#[tokio::test]
async fn what_was_typed_before_the_session_ended_comes_back_after_the_code_too() {
    let world = World::new().await;
    let (_, app, _) = with_app(&world).await;
    world.store.clock().advance(SignedDuration::from_secs(60));
    let mut visitor = world.visitor();
    let form = [
        ("name", "ada"),
        ("password", PASSWORD),
        ("next", "/settings/pause"),
        ("typed", "reason=5+%26+more"),
    ];
    let asked = visitor.post("/sign-in", &form).await;
    assert!(
        asked.body.contains(r#"name="typed" value="reason=5+%26+more""#)
            || asked.body.contains("reason=5+%26+more"),
        "{}",
        asked.body
    );
    let shown = code(&app, &world);
    let form = [
        ("secret.code", shown.as_str()),
        ("next", "/settings/pause"),
        ("typed", "reason=5+%26+more"),
    ];
    let page = visitor.post("/sign-in/code", &form).await;
    assert!(
        page.body.contains(r#"name="reason" value="5 &#38; more""#),
        "{}",
        page.body
    );
}
