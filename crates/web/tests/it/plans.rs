//! Plans: looked through, taken apart, taken along, applied once.

use crate::tenant::{Estate, follow, hidden, work_off};
use crate::world::World;
use axum::http::StatusCode;
use model::{ActorRole, RunKind};
use testkit::TestStore;

/// What the page's list says of how many rows it has.
fn listed(text: &str) -> String {
    let at = text.find(" of ").unwrap_or_else(|| panic!("no list: {text}"));
    text[at + 4..].split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_plan_is_made_looked_through_and_applied_once() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "humanizeit").await;
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let path = format!("/bridges/{}/plan", estate.bridge.id);
        // Nothing yet: the way to a plan.
        let page = technician.get(&path).await;
        assert!(page.text().contains("No plan yet"), "{}", page.text());
        let answer = technician.post(&path, &[("once", "1")]).await;
        assert!(answer.to().unwrap().starts_with("/jobs/"), "{answer:?}");
        let waiting = follow(&mut technician, &answer).await;
        assert!(waiting.text().contains("In the queue"), "{}", waiting.text());
        work_off(&world).await;
        let newest = technician.get(&path).await;
        let page = follow(&mut technician, &newest).await;
        let text = page.text();
        for part in [
            "Create",
            "Apply",
            "The first 5 records only",
            "Serial number",
            "Why",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let plan = newest.to().unwrap().to_owned();
        // What an asset points to has a name, not an id.
        assert!(
            text.contains(", a new asset type") && !text.contains("of role"),
            "{text}"
        );
        let overview = technician.get("/").await;
        assert!(overview.text().contains("Review "), "{}", overview.text());
        assert!(
            overview.main().contains(&format!(r#"href="{plan}""#)),
            "{}",
            overview.main()
        );
        assert!(
            !overview.main().contains("<svg viewBox=\"0 0 300"),
            "no chart of nothing"
        );

        // Narrowed to a kind, a client, a text; each on the server.
        let clients = technician.get(&format!("{plan}?q=&f=create")).await.text();
        assert_ne!(listed(&clients), "0");
        let nothing = technician.get(&format!("{plan}?q=nobody-has-this")).await;
        assert!(nothing.text().contains("Nothing fits."), "{}", nothing.text());
        let none = technician.get(&format!("{plan}?f=archive")).await;
        assert!(none.text().contains("Nothing fits."), "{}", none.text());

        // A double click is one job, and what was applied is written once.
        let (once, selection) = (hidden(&page, "once"), hidden(&page, "selection"));
        let form = [("once", once.as_str()), ("selection", selection.as_str())];
        let first = technician.post(&format!("{plan}/apply"), &form).await;
        let second = technician.post(&format!("{plan}/apply"), &form).await;
        assert_eq!(first.to(), second.to(), "{first:?}");
        work_off(&world).await;
        let runs = world.engine.runs(&world.console, 10).await.unwrap();
        let applied: Vec<_> = runs
            .iter()
            .filter(|r| matches!(r.kind, RunKind::Apply { .. }))
            .collect();
        assert_eq!(applied.len(), 1, "{runs:#?}");
        assert!(
            applied[0].counts.done > 60 && applied[0].counts.failed == 0,
            "{applied:#?}"
        );
        let page = technician.get(&plan).await.text();
        assert!(page.contains("of it written already"), "{page}");
        // The overview leads to the run, and draws what it wrote.
        let overview = technician.get("/").await;
        let said = format!("{} written in 30 days", applied[0].counts.done);
        assert!(overview.text().contains(&said), "{said}: {}", overview.text());
        let run = format!(r#"href="/runs/{}""#, applied[0].id);
        assert!(overview.main().contains(&run), "{}", overview.main());
        assert!(
            overview.main().contains(r#"<rect class="chart-first""#),
            "{}",
            overview.main()
        );
        assert!(
            overview.text().contains("nothing left to write"),
            "{}",
            overview.text()
        );
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_taken_out_of_a_plan_stays_unwritten_and_a_plan_that_changed_is_refused() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "humanizeit").await;
        let plan = estate.plan(&world).await;
        let path = format!("/plans/{}", plan.id);
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let seen = technician.get(&path).await;
        // All assets out, but for those a search finds; clients stay in.
        let answer = technician
            .post(&format!("{path}/select"), &[("do", "none"), ("ask", "f=create")])
            .await;
        assert_eq!(answer.to(), Some(format!("{path}?f=create").as_str()));
        assert!(
            follow(&mut technician, &answer)
                .await
                .text()
                .contains("taken out of this plan.")
        );
        let some = technician.get(&format!("{path}?f=create")).await;
        let number = hidden(&some, "shown");
        let put_back = [
            ("do", "ticked"),
            ("ask", "f=create"),
            ("shown", &number),
            ("write", &number),
        ];
        technician.post(&format!("{path}/select"), &put_back).await;
        // Who looked before that is told, and nothing is written.
        let (once, selection) = (hidden(&seen, "once"), hidden(&seen, "selection"));
        let stale = technician
            .post(
                &format!("{path}/apply"),
                &[("once", &once), ("selection", &selection)],
            )
            .await;
        assert_eq!(stale.status, StatusCode::CONFLICT);
        assert!(
            stale.text().contains("changed after you looked at it"),
            "{}",
            stale.text()
        );
        let page = technician.get(&path).await;
        assert!(page.text().contains("Apply 1 change"), "{}", page.text());
        let (once, selection) = (hidden(&page, "once"), hidden(&page, "selection"));
        technician
            .post(
                &format!("{path}/apply"),
                &[("once", &once), ("selection", &selection)],
            )
            .await;
        work_off(&world).await;
        let runs = world.engine.runs(&world.console, 10).await.unwrap();
        let applied = runs
            .iter()
            .find(|run| matches!(run.kind, RunKind::Apply { .. }))
            .unwrap();
        assert_eq!(applied.counts.done, 1, "{applied:#?}");

        // A decision moves the bridge on: the plan is out of date, with a way to a new one.
        let bridge = estate.now(&world).await;
        let matching = world.engine.matching(&world.console, &bridge).await.unwrap();
        let one = matching.rows[0].organization.id.clone();
        let exclude = vec![(one, Some(model::Verdict::Exclude))];
        world
            .engine
            .decide(&world.console, &bridge, exclude)
            .await
            .unwrap();
        let page = technician.get(&path).await;
        let text = page.text();
        assert!(
            text.contains("cannot be applied any more") && text.contains("Plan anew"),
            "{text}"
        );
        assert!(!page.body.contains("/apply"), "{text}");
        let refused = technician
            .post(&format!("{path}/apply"), &[("once", "2"), ("selection", "9")])
            .await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text().contains("out of date"), "{}", refused.text());
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn warnings_are_agreed_to_in_words_that_say_the_number() {
    let world = World::new().await;
    let estate = Estate::read(&world, "humanizeit").await;
    let mut settings = estate.bridge.settings.clone();
    settings.brakes.create_most = Some(10);
    let bridge = estate.now(&world).await;
    world
        .engine
        .change_bridge(&world.console, &bridge, settings)
        .await
        .unwrap();
    let plan = estate.plan(&world).await;
    assert!(!plan.warnings.is_empty());
    let path = format!("/plans/{}", plan.id);
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let page = technician.get(&path).await;
    let text = page.text();
    assert!(text.contains("Stop and look:"), "{text}");
    assert!(
        text.contains("I have read the warnings. Go on and create 60 assets"),
        "{text}"
    );
    let (once, selection) = (hidden(&page, "once"), hidden(&page, "selection"));
    let form = [("once", once.as_str()), ("selection", selection.as_str())];
    let refused = technician.post(&format!("{path}/apply"), &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.text().contains("tick that you have read the warnings"),
        "{}",
        refused.text()
    );
    let agreed = [form[0], form[1], ("confirmed", "on"), ("first", "5")];
    technician.post(&format!("{path}/apply"), &agreed).await;
    work_off(&world).await;
    let runs = world.engine.runs(&world.console, 10).await.unwrap();
    let applied = runs
        .iter()
        .find(|run| matches!(run.kind, RunKind::Apply { .. }))
        .unwrap();
    assert_eq!(applied.counts.done, 5, "{applied:#?}");
    estate.ninja.shutdown().await;
}

#[tokio::test]
async fn a_plan_is_taken_along_as_a_file_and_on_paper() {
    let world = World::new().await;
    let evil = store::registry::NewRegistryClient {
        name: "=cmd|'/c calc'!A1".to_owned(),
        ..Default::default()
    };
    let clients = world.store.add_registry_clients(&[evil]).await.unwrap();
    let estate = Estate::read(&world, "humanizeit").await;
    let bridge = estate.now(&world).await;
    let matching = world.engine.matching(&world.console, &bridge).await.unwrap();
    let one = matching.rows[0].organization.id.clone();
    let client = clients[0].clone();
    let decision = vec![(one, Some(model::Verdict::Matched { client }))];
    world
        .engine
        .decide(&world.console, &bridge, decision)
        .await
        .unwrap();
    let plan = estate.plan(&world).await;
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    let file = viewer.get(&format!("/plans/{}/csv", plan.id)).await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(
        file.headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains(plan.id.as_str())
    );
    assert!(
        file.body.contains(r#""'=cmd|'/c calc'!A1""#),
        "{}",
        &file.body[..2000]
    );
    assert!(!file.body.contains(",=cmd") && file.body.lines().count() > 60);
    let paper = viewer.get(&format!("/plans/{}/print", plan.id)).await;
    let text = paper.text();
    for part in [plan.id.as_str(), "Assets to create", "Signature", "Every change"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Who may only look can do neither.
    let page = viewer.get(&format!("/plans/{}", plan.id)).await;
    assert!(!page.body.contains("/apply") && !page.body.contains("/select"));
    for action in ["apply", "select"] {
        let form = [("once", "1"), ("selection", "0"), ("do", "none")];
        let refused = viewer.post(&format!("/plans/{}/{action}", plan.id), &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{action}");
    }
    assert_eq!(viewer.get("/plans/nothing").await.status, StatusCode::NOT_FOUND);
    estate.ninja.shutdown().await;
}
