//! The first page.

use crate::world::World;
use model::ActorRole;

#[tokio::test]
async fn a_fresh_hub_leads_to_connecting_ninjaone() {
    let world = World::new().await;
    let page = world.signed_in(ActorRole::Owner).await.get("/").await;
    insta::assert_snapshot!(page.text());
    assert!(
        page.body.contains(r#"href="/connections/new?kind=ninjaone""#),
        "{}",
        page.main()
    );
    // Who may not connect is not sent there.
    let page = world.signed_in(ActorRole::Technician).await.get("/").await;
    assert!(
        page.text().contains("An Owner connects it.") && !page.body.contains("/connections/new"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn colours_are_chosen_without_script_and_stay() {
    let world = World::new().await;
    let mut visitor = world.signed_in(ActorRole::Viewer).await;
    assert!(
        visitor
            .get("/")
            .await
            .body
            .contains(r#"<html lang="en" data-theme="auto">"#)
    );
    let answer = visitor
        .post("/theme", &[("theme", "dark"), ("back", "//evil.example")])
        .await;
    assert_eq!(answer.to(), Some("/"));
    assert!(visitor.get("/runs").await.body.contains(r#"data-theme="dark""#));
}
