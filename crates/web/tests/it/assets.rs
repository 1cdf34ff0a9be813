//! Assets: views one keeps, the list as a file, and devices that are left alone.

use crate::tenant::{Estate, follow, hidden, work_off};
use crate::world::World;
use axum::http::StatusCode;
use engine::assets::AssetQuery;
use model::{ActorRole, RecordKind};

#[tokio::test]
async fn assets_are_excluded_unlinked_kept_in_views_and_taken_along() {
    let world = World::new().await;
    let estate = Estate::read(&world, "humanizeit").await;
    let plan = estate.plan(&world).await;
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let page = technician.get(&format!("/plans/{}", plan.id)).await;
    let (once, selection) = (hidden(&page, "once"), hidden(&page, "selection"));
    let form = [("once", once.as_str()), ("selection", selection.as_str())];
    technician.post(&format!("/plans/{}/apply", plan.id), &form).await;
    work_off(&world).await;

    let query = AssetQuery {
        limit: 3,
        ..AssetQuery::default()
    };
    let (assets, _) = world.engine.asset_list(&world.console, &query).await.unwrap();
    let ids: Vec<String> = assets.iter().map(|a| a.asset.id.to_string()).collect();
    // Several at once, for a reason.
    let form = [
        ("do", "exclude"),
        ("ask", ""),
        ("asset", &ids[0]),
        ("asset", &ids[1]),
        ("reason", ""),
    ];
    let answer = technician.post("/assets", &form).await;
    assert!(follow(&mut technician, &answer).await.text().contains("Say why"));
    let form = [
        ("do", "exclude"),
        ("ask", ""),
        ("asset", &ids[0]),
        ("asset", &ids[1]),
        ("reason", "a test bench"),
    ];
    let answer = technician.post("/assets", &form).await;
    let text = follow(&mut technician, &answer).await.text();
    assert!(text.contains("2 devices are left alone"), "{text}");
    let path = format!("/assets/{}", ids[0]);
    let text = technician.get(&path).await.text();
    assert!(
        text.contains("Excluded a test bench") && text.contains("Let it come again"),
        "{text}"
    );
    let answer = technician.post(&format!("{path}/include"), &[]).await;
    assert!(
        follow(&mut technician, &answer)
            .await
            .text()
            .contains("comes again")
    );
    // Unlinked, the next plan does not link it again.
    let answer = technician
        .post(&format!("{path}/unlink"), &[("reason", "another machine")])
        .await;
    let text = follow(&mut technician, &answer).await.text();
    assert!(
        text.contains("The link is gone") && text.contains("No device is linked to it"),
        "{text}"
    );
    let plan = estate.plan(&world).await;
    assert_eq!(
        (plan.counts.create_assets, plan.counts.links),
        (0, 0),
        "{plan:#?}"
    );
    let links = world
        .store
        .links(&estate.bridge.id, RecordKind::Asset)
        .await
        .unwrap();
    assert_eq!(links.len(), 59);

    // The list as a file, as it is narrowed.
    let all = technician.get("/assets/csv").await;
    assert_eq!(all.body.lines().count(), 61);
    let serial = assets[2].asset.fields["serialNumber"]
        .as_str()
        .unwrap_or("none")
        .to_owned();
    let one = technician.get(&format!("/assets/csv?q={serial}")).await;
    assert!(
        one.body.lines().count() < 61 && one.body.contains(&serial),
        "{}",
        one.body
    );

    // A view is one's own.
    let kept = [
        ("do", "keep"),
        ("ask", "q=srv&sort=-updated"),
        ("name", "New <servers>"),
    ];
    technician.post("/assets", &kept).await;
    let page = technician.get("/assets").await;
    assert!(
        page.body.contains("/assets?q=srv&#38;sort=-updated"),
        "{}",
        page.main()
    );
    assert!(
        page.text().contains("New <servers>") && !page.main().contains("<servers>"),
        "{}",
        page.text()
    );
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    assert!(!viewer.get("/assets").await.text().contains("Your views"));
    technician
        .post(
            "/assets",
            &[("do", "forget"), ("ask", ""), ("view", "New <servers>")],
        )
        .await;
    assert!(!technician.get("/assets").await.text().contains("Your views"));
    // Who may only look excludes nothing.
    let refused = viewer
        .post(
            "/assets",
            &[("do", "exclude"), ("asset", &ids[2]), ("reason", "x")],
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        !viewer
            .get("/assets")
            .await
            .body
            .contains("Exclude what is ticked")
    );
    estate.ninja.shutdown().await;
}
