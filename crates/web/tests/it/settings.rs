//! The pages of Settings: who may do what, bad input at its field, and what each does.

mod broken_log;
mod roles;
mod typed;

use crate::estate;
use crate::world::{PASSWORD, Visitor, World};
use axum::http::StatusCode;
use jiff::SignedDuration;
use model::ActorRole;
use secrecy::ExposeSecret as _;
use testkit::TestStore;

async fn id_of(world: &World, name: &str) -> String {
    let people = world.engine.people(&world.console).await.unwrap();
    people.into_iter().find(|p| p.name == name).unwrap().id
}

/// A part of a page between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text
        .find(before)
        .unwrap_or_else(|| panic!("{before} is in {text}"))
        + before.len();
    &text[start..start + text[start..].find(after).unwrap()]
}

#[tokio::test]
async fn somebody_is_invited_chooses_a_password_and_signs_in() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let mut owner = world.signed_in(ActorRole::Owner).await;
        let made = owner
            .post(
                "/settings/people",
                &[("name", "Ada@Example.com"), ("role", "technician")],
            )
            .await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.text());
        let token = between(&made.body, "/sign-in/invitation?token=", "<").to_owned();
        assert_eq!(token.len(), 64);
        let list = owner.get("/settings/people").await;
        assert!(
            list.text()
                .contains("ada@example.com Technician Invited Off Never"),
            "{}",
            list.text()
        );
        assert!(!list.body.contains(&token), "it is shown once");

        let mut ada = world.visitor();
        let address = format!("/sign-in/invitation?token={token}");
        for _ in 0..2 {
            assert!(
                ada.get(&address)
                    .await
                    .text()
                    .contains("you sign in as ada@example.com")
            );
        }
        let typed = async |ada: &mut Visitor, password: &str, again: &str| {
            let form = [
                ("token", token.as_str()),
                ("password", password),
                ("again", again),
            ];
            ada.post("/sign-in/invitation", &form).await
        };
        let short = typed(&mut ada, "short", "short").await;
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            short.text().contains("At least 12 characters"),
            "{}",
            short.text()
        );
        let other = typed(&mut ada, PASSWORD, "something else entirely").await;
        assert!(other.text().contains("not the same password"), "{}", other.text());
        let named = typed(&mut ada, "ada@example.com is me", "ada@example.com is me").await;
        assert!(
            named.text().contains("The name must not be in it"),
            "{}",
            named.text()
        );
        assert_eq!(typed(&mut ada, PASSWORD, PASSWORD).await.to(), Some("/"));
        assert_eq!(ada.get("/").await.status, StatusCode::OK);
        let again = typed(&mut world.visitor(), PASSWORD, PASSWORD).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED, "once");
        assert!(again.text().contains("works no more"));
        let form = [("name", "ada@example.com"), ("password", PASSWORD)];
        assert_eq!(world.visitor().post("/sign-in", &form).await.to(), Some("/"));
        // A newer link takes the place of an older one, and all end after three days.
        let id = id_of(&world, "ada@example.com").await;
        let link = async |owner: &mut Visitor| {
            let page = owner
                .post(&format!("/settings/people/{id}/invitation"), &[])
                .await;
            between(&page.body, "/sign-in/invitation?token=", "<").to_owned()
        };
        let (first, second) = (link(&mut owner).await, link(&mut owner).await);
        let works = async |token: &str| world.engine.invited(token).await.unwrap().is_some();
        assert!(!works(&first).await && works(&second).await);
        world.store.clock().advance(SignedDuration::from_hours(73));
        assert!(!works(&second).await);
    })
    .await;
}

#[tokio::test]
async fn a_person_s_sessions_end_with_their_role_their_account_and_their_password() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let mut owner = world.signed_in(ActorRole::Owner).await;
        let mut tech = world.signed_in(ActorRole::Technician).await;
        let id = id_of(&world, "technician").await;
        let post = async |owner: &mut Visitor, what: &str, form: &[(&str, &str)]| {
            owner.post(&format!("/settings/people/{id}/{what}"), form).await
        };
        assert_eq!(tech.get("/").await.status, StatusCode::OK);
        post(&mut owner, "role", &[("role", "viewer")]).await;
        assert!(
            tech.get("/")
                .await
                .to()
                .is_some_and(|to| to.starts_with("/sign-in"))
        );

        let mut tech = world.signed_in(ActorRole::Technician).await;
        post(&mut owner, "off", &[]).await;
        assert!(tech.get("/").await.to().is_some());
        let refused = post(&mut owner, "invitation", &[]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
        post(&mut owner, "on", &[]).await;
        assert!(tech.get("/").await.to().is_some(), "an ended session stays ended");

        // Another browser of the same person ends with the password, this one goes on.
        let mut here = world.signed_in(ActorRole::Technician).await;
        let mut there = world.signed_in(ActorRole::Technician).await;
        let form = [("secret.password", PASSWORD), ("secret.again", PASSWORD)];
        assert_eq!(
            here.post("/settings/you", &form).await.to(),
            Some("/settings/you")
        );
        assert_eq!(here.get("/").await.status, StatusCode::OK);
        assert!(there.get("/").await.to().is_some());
        // From now on the old one is asked for.
        let form = [
            ("secret.old", "not this one"),
            ("secret.password", "five words in a row"),
            ("secret.again", "five words in a row"),
        ];
        let wrong = here.post("/settings/you", &form).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            wrong.text().contains("This is not your password"),
            "{}",
            wrong.text()
        );
        assert!(
            !wrong.body.contains("five words"),
            "a password is never sent back"
        );

        post(&mut owner, "remove", &[]).await;
        assert!(here.get("/").await.to().is_some());
        let form = [("name", "technician"), ("password", PASSWORD)];
        assert_eq!(
            world.visitor().post("/sign-in", &form).await.status,
            StatusCode::UNAUTHORIZED
        );
    })
    .await;
}

#[tokio::test]
async fn the_last_owner_stays_one_and_nobody_changes_their_own_rights() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let mut owner = world.signed_in(ActorRole::Owner).await;
        let id = id_of(&world, "owner").await;
        for (what, form) in [
            ("role", &[("role", "viewer")][..]),
            ("off", &[][..]),
            ("remove", &[][..]),
        ] {
            let own = owner.post(&format!("/settings/people/{id}/{what}"), form).await;
            assert_eq!(own.status, StatusCode::FORBIDDEN, "{what}");
            assert!(own.text().contains("This is your own account"), "{}", own.text());
        }
        // Not the console either, as long as no other Owner has signed in.
        world
            .engine
            .add_person(&world.console, "second", ActorRole::Owner, None)
            .await
            .unwrap();
        for refused in [
            world
                .engine
                .change_role(&world.console, &id, ActorRole::Viewer)
                .await
                .map(drop),
            world
                .engine
                .switch_person(&world.console, &id, true)
                .await
                .map(drop),
            world.engine.remove_person(&world.console, &id).await.map(drop),
        ] {
            assert!(
                refused
                    .unwrap_err()
                    .to_string()
                    .contains("Make somebody else an Owner first")
            );
        }
        assert_eq!(owner.get("/settings/people").await.status, StatusCode::OK);
        // Two who take the other's role away at once: one stays an Owner.
        let token = world
            .engine
            .sign_in_token(&world.console, "second")
            .await
            .unwrap();
        let form = [("token", token.expose_secret())];
        assert_eq!(world.visitor().post("/sign-in/link", &form).await.to(), Some("/"));
        let second = id_of(&world, "second").await;
        let (a, b) = tokio::join!(
            world.engine.change_role(&world.console, &id, ActorRole::Viewer),
            world
                .engine
                .change_role(&world.console, &second, ActorRole::Viewer),
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    })
    .await;
}

#[tokio::test]
async fn a_key_is_shown_once_and_its_page_says_what_it_is() {
    let world = World::new().await;
    let mut tech = world.signed_in(ActorRole::Technician).await;
    let empty = tech.get("/settings/keys").await;
    assert!(
        !empty.body.contains(r#"value="connections""#),
        "only what one may oneself"
    );
    let form = [
        ("name", "Grafana"),
        ("scope", "read"),
        ("scope", "plan"),
        ("days", "90"),
    ];
    let made = tech.post("/settings/keys", &form).await;
    let secret = between(
        &made.body,
        r#"<code id="key" aria-labelledby="key-label" tabindex="0">"#,
        "<",
    )
    .to_owned();
    assert!(
        world
            .engine
            .key_actor(&secret, model::KeyScope::Plan)
            .await
            .is_ok()
    );
    let list = tech.get("/settings/keys").await;
    assert!(!list.body.contains(&secret));
    assert!(list.text().contains("Grafana technician rmb_"), "{}", list.text());
    let id = between(&list.body, "/settings/keys/", "/revoke").to_owned();
    assert_eq!(
        tech.post(&format!("/settings/keys/{id}/revoke"), &[]).await.to(),
        Some("/settings/keys")
    );
    assert!(
        world
            .engine
            .key_actor(&secret, model::KeyScope::Plan)
            .await
            .is_err()
    );
    // Somebody else's is none of theirs.
    let mut owner = world.signed_in(ActorRole::Owner).await;
    owner
        .post(
            "/settings/keys",
            &[
                ("name", "hub"),
                ("scope", "settings"),
                ("days", "30"),
                ("hub", "on"),
            ],
        )
        .await;
    let list = owner.get("/settings/keys").await;
    let id = between(&list.body, "/settings/keys/", "/revoke").to_owned();
    assert_eq!(
        tech.post(&format!("/settings/keys/{id}/revoke"), &[])
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_pause_stands_on_every_page_until_an_owner_ends_it() {
    let world = World::new().await;
    let mut tech = world.signed_in(ActorRole::Technician).await;
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    tech.post("/settings/pause", &[("reason", "prices <move>")]).await;
    for path in ["/", "/runs", "/clients", "/settings/you", "/settings/pause"] {
        let page = viewer.get(path).await;
        assert!(
            page.text().contains("All writes are paused. prices <move>"),
            "{path}: {}",
            page.text()
        );
    }
    assert_eq!(
        tech.post("/settings/pause/end", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    let mut owner = world.signed_in(ActorRole::Owner).await;
    owner.post("/settings/pause/end", &[]).await;
    assert!(
        owner
            .get("/settings/pause")
            .await
            .text()
            .contains("Writes go on. Jobs")
    );
    assert!(!viewer.get("/").await.text().contains("paused"));
}

#[tokio::test]
async fn the_audit_log_calls_bridges_and_connections_by_their_names_and_finds_them_by_those() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = estate::bridged(&world, "default", &["Acme"], &[]).await;
        let mut owner = world.signed_in(ActorRole::Owner).await;
        let pause = format!("/bridges/{}/pause", estate.bridge.id);
        owner.post(&pause, &[]).await;
        let found = owner.get("/settings/audit?f=bridges&q=ASSETS").await;
        let link = format!(r#"<a href="/bridges/{}">assets</a>"#, estate.bridge.id);
        assert!(
            found.text().contains("Bridge paused assets") && found.main().contains(&link),
            "{}",
            found.main()
        );
        let found = owner.get("/settings/audit?q=our+tenant").await.text();
        assert!(found.contains("Connection state our tenant"), "{found}");
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_is_searched_filtered_and_verified() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let mut owner = world.signed_in(ActorRole::Owner).await;
        owner.post("/settings/pause", &[("reason", "100 % sure_")]).await;
        let rows = async |owner: &mut Visitor, query: &str| {
            let page = owner.get(&format!("/settings/audit?{query}")).await;
            page.text()
        };
        let all = rows(&mut owner, "").await;
        assert!(
            all.contains("Writes paused all writes") && all.contains("Person signed in owner"),
            "{all}"
        );
        let writes = rows(&mut owner, "f=writes").await;
        assert!(
            writes.contains("Writes paused") && !writes.contains("Person signed in"),
            "{writes}"
        );
        let found = rows(&mut owner, "q=ALL+writes").await;
        assert!(
            found.contains("Writes paused") && found.contains("1–1 of 1"),
            "{found}"
        );
        assert!(
            rows(&mut owner, "q=%25").await.contains("Nothing fits"),
            "a sign of the database's is only text"
        );
        let said = owner.post("/settings/audit/verify", &[]).await;
        assert_eq!(said.to(), Some("/settings/audit"));
        assert!(rows(&mut owner, "").await.contains("The audit log is whole"));
        world
            .store
            .sql("UPDATE audit_entry SET subject = 'x' WHERE seq = 2 RETURNING seq")
            .await;
        owner.post("/settings/audit/verify", &[]).await;
        let broken = rows(&mut owner, "").await;
        assert!(
            broken.contains("does not hold. Entry 2: it, or what stood before it, was changed"),
            "{broken}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_backup_is_made_checked_downloaded_and_removed() {
    let world = World::new().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    owner.post("/settings/hub/backups", &[]).await;
    let page = owner.get("/settings/hub").await;
    assert!(
        page.text().contains("Backed up as rmmbridge-") && page.text().contains("read back"),
        "{}",
        page.text()
    );
    let name = between(&page.body, "/settings/hub/backups/", "\"").to_owned();
    // Pressed again in the same second.
    let again = owner.post("/settings/hub/backups", &[]).await;
    assert_eq!(again.to(), Some("/settings/hub"), "{again:?}");
    let second = name.replace(".backup", "_2.backup");
    let page = owner.get("/settings/hub").await.body;
    assert_eq!(
        between(&page, "/settings/hub/backups/", "\""),
        second,
        "the newest comes first"
    );
    owner
        .post(&format!("/settings/hub/backups/{name}/check"), &[])
        .await;
    assert!(
        owner
            .get("/settings/hub")
            .await
            .text()
            .contains(&format!("{name} is sound"))
    );
    let file = world.store.directory().join("backups").join(&name);
    std::fs::write(&file, b"not a backup").unwrap();
    owner
        .post(&format!("/settings/hub/backups/{name}/check"), &[])
        .await;
    assert!(
        owner
            .get("/settings/hub")
            .await
            .text()
            .contains(&format!("{name} is not sound"))
    );
    let downloaded = owner.get(&format!("/settings/hub/backups/{name}")).await;
    assert_eq!(downloaded.body, "not a backup");
    for other in ["..%2Frmmbridge.db", "rmmbridge.db", "%2Fetc%2Fpasswd"] {
        let answer = owner.get(&format!("/settings/hub/backups/{other}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{other}");
    }
    owner
        .post(&format!("/settings/hub/backups/{name}/remove"), &[])
        .await;
    assert!(!file.exists());
    let yaml = owner.get("/settings/hub/export").await;
    assert!(yaml.body.starts_with("rmmbridge: 1\n"), "{}", yaml.body);
}
