//! The first Owner.

use crate::world::{PASSWORD, World};
use axum::http::StatusCode;
use model::ActorRole;
use secrecy::ExposeSecret as _;
use testkit::TestStore;

#[tokio::test]
async fn the_console_s_token_makes_the_first_owner_and_never_another() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let mut visitor = world.visitor();
        // Whatever is asked for leads there, and without the token nothing can be done there.
        assert_eq!(visitor.get("/runs").await.to(), Some("/set-up"));
        assert_eq!(visitor.get("/sign-in").await.to(), Some("/set-up"));
        let page = visitor.get("/set-up").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        assert!(page.text().contains("Set up from the console") && !page.body.contains("<form"));
        let wrong = [
            ("token", "00"),
            ("name", "ada"),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        assert_eq!(
            visitor.post("/set-up", &wrong).await.status,
            StatusCode::UNAUTHORIZED
        );

        // A new start of the program makes the old token worthless.
        let old = world.engine.set_up_token(&world.console).await.unwrap().unwrap();
        let token = world.engine.set_up_token(&world.console).await.unwrap().unwrap();
        let token = token.expose_secret();
        let stale = [
            ("token", old.expose_secret()),
            ("name", "ada"),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        assert_eq!(
            visitor.post("/set-up", &stale).await.status,
            StatusCode::UNAUTHORIZED
        );

        let page = visitor.get(&format!("/set-up?token={token}")).await;
        assert_eq!(page.status, StatusCode::OK);
        let form = [
            ("token", token),
            ("name", " Ada "),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        let answer = visitor.post("/set-up", &form).await;
        assert_eq!(answer.to(), Some("/"), "{answer:?}");
        let page = visitor.get("/").await;
        assert!(
            page.body.contains("<b>ada</b><small>Owner</small>"),
            "{}",
            page.body
        );

        // Over: for the token, for a new one, and for the page.
        let mut stranger = world.visitor();
        assert_eq!(stranger.post("/set-up", &form).await.to(), Some("/sign-in"));
        assert_eq!(
            stranger.get(&format!("/set-up?token={token}")).await.to(),
            Some("/sign-in")
        );
        assert!(world.engine.set_up_token(&world.console).await.unwrap().is_none());
        let people = world.engine.people(&world.console).await.unwrap();
        assert_eq!(people.len(), 1);
        assert_eq!(people[0].role, ActorRole::Owner);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_and_the_token_is_not_used_up() {
    let world = World::new().await;
    let mut visitor = world.visitor();
    let token = world.engine.set_up_token(&world.console).await.unwrap().unwrap();
    let token = token.expose_secret();
    let form = |name, password, again| {
        [
            ("token", token),
            ("name", name),
            ("password", password),
            ("again", again),
        ]
    };
    let answer = visitor.post("/set-up", &form("<script>", "short", "short")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains(r#"id="field-name-error">Letters, digits"#),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains(r#"id="field-password-error">At least 12"#),
        "{}",
        answer.body
    );
    // What was typed is shown as text, and a password never.
    assert!(
        answer.body.contains(r#"value="&#60;script&#62;""#) && !answer.body.contains("\"short\""),
        "{}",
        answer.body
    );
    let answer = visitor
        .post("/set-up", &form("ada", PASSWORD, "another one"))
        .await;
    assert!(
        answer
            .body
            .contains(r#"id="field-again-error">This is not the same"#),
        "{}",
        answer.body
    );
    assert_eq!(
        visitor
            .post("/set-up", &form("ada", PASSWORD, PASSWORD))
            .await
            .to(),
        Some("/")
    );
}
