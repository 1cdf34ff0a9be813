//! The audit log's check: what its end was held against, and what a log that does not hold shows.

use crate::world::{Visitor, World, site};
use engine::{Engine, EngineOptions};
use jobs::Queue;
use model::ActorRole;
use std::sync::Arc;
use store::AuditMark;
use testkit::TestStore;
use web::{Web, router};

/// A hub that keeps the end of its log outside the database.
async fn keeping(store: TestStore) -> World {
    let mut world = World::on(store).await;
    let mark = world.store.directory().join("audit.head");
    let options = EngineOptions {
        audit_mark: Some(AuditMark::at(mark)),
        ..EngineOptions::new("a test")
    };
    let store = (*world.store).clone();
    world.engine = Engine::new(store.clone(), world.engine.connectors().clone(), options);
    let queue = Queue::open(store).await.unwrap();
    let site = site("http://127.0.0.1:8790");
    world.router = router(Web::new(world.engine.clone(), Arc::new(queue), site));
    world
}

/// What the page says after a check.
async fn verified(owner: &mut Visitor) -> String {
    let said = owner.post("/settings/audit/verify", &[]).await;
    assert_eq!(said.to(), Some("/settings/audit"));
    owner.get("/settings/audit").await.text()
}

#[tokio::test]
async fn a_check_says_what_the_end_of_the_log_was_held_against() {
    let world = keeping(TestStore::sqlite().await).await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let said = verified(&mut owner).await;
    assert!(
        said.contains("is whole") && said.contains("No end of it was kept outside the database (audit.head)"),
        "{said}"
    );
    world.engine.keep_audit_mark().await.unwrap();
    let said = verified(&mut owner).await;
    assert!(
        said.contains("its end is the one that was kept outside the database") && !said.contains("No end"),
        "{said}"
    );
}

#[tokio::test]
async fn a_broken_log_stands_on_every_page_until_it_is_found_whole() {
    TestStore::on_every_engine(async |store| {
        let world = keeping(store).await;
        let mut owner = world.signed_in(ActorRole::Owner).await;
        let mut viewer = world.signed_in(ActorRole::Viewer).await;
        let change = "UPDATE audit_entry SET subject = 'x' || subject WHERE seq = 2";
        world.store.sql(change).await;
        assert!(
            !viewer.get("/").await.text().contains("does not hold"),
            "nobody knows"
        );
        verified(&mut owner).await;
        for path in ["/", "/runs", "/clients", "/settings/you"] {
            let page = viewer.get(path).await;
            let text = page.text();
            for part in [
                "The audit log does not hold. It was found broken on ",
                "(entry 2: it, or what stood before it, was changed). Nothing is written until",
                "An Owner has to look at it.",
            ] {
                assert!(text.contains(part), "{path}: {text}");
            }
            assert!(
                !page.main().contains(r#"href="/settings/audit""#),
                "{path}: {}",
                page.main()
            );
        }
        let page = owner.get("/").await;
        assert!(
            page.main()
                .contains(r#"<a href="/settings/audit">See the audit log</a>"#)
        );
        // Somebody else still signs in, which is noted as ever.
        world.signed_in(ActorRole::Technician).await;
        let change_back = "UPDATE audit_entry SET subject = SUBSTR(subject, 2) WHERE seq = 2";
        world.store.sql(change_back).await;
        let said = verified(&mut owner).await;
        assert!(
            said.contains("is whole") && !said.contains("does not hold"),
            "{said}"
        );
        assert!(!viewer.get("/").await.text().contains("does not hold"));
    })
    .await;
}
