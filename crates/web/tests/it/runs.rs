//! Runs: what went wrong by cause, every record, the way back, and following them live.

use crate::tenant::{Estate, follow, hidden, work_off, worker};
use crate::world::{Visitor, World};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::StreamExt as _;
use model::{ActorRole, Change, PlanSummary, RecordId, Run, RunKind};
use simulators::faults::Effect;
use std::time::Duration;
use store::registry::{AssetFilter, AssetUpdate};
use testkit::TestStore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

async fn applied(world: &World, estate: &Estate, technician: &mut Visitor) -> Run {
    let plan = estate.plan(world).await;
    apply(world, &plan, technician).await
}

/// The run that writes a plan.
async fn apply(world: &World, plan: &PlanSummary, technician: &mut Visitor) -> Run {
    let page = technician.get(&format!("/plans/{}", plan.id)).await;
    let (once, selection) = (hidden(&page, "once"), hidden(&page, "selection"));
    let form = [("once", once.as_str()), ("selection", selection.as_str())];
    technician.post(&format!("/plans/{}/apply", plan.id), &form).await;
    work_off(world).await;
    let runs = world.engine.runs(&world.console, 10).await.unwrap();
    runs.into_iter()
        .find(|run| matches!(&run.kind, RunKind::Apply { plan: of, .. } if *of == plan.id))
        .unwrap()
}

/// A person types another name into an asset.
async fn type_name(world: &World, asset: &RecordId, name: &str) {
    let known = world.store.registry_asset(asset).await.unwrap().unwrap();
    let change = Change {
        field: "name".to_owned(),
        before: known.asset.fields["name"].clone(),
        after: name.into(),
    };
    let update = AssetUpdate {
        changes: vec![change],
        ..AssetUpdate::default()
    };
    let answers = world
        .store
        .update_registry_assets(&[(asset.clone(), update)])
        .await
        .unwrap();
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
}

#[tokio::test]
async fn a_run_shows_every_record_and_is_undone_after_a_look_at_what_stays() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "humanizeit").await;
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let run = applied(&world, &estate, &mut technician).await;
        let path = format!("/runs/{}", run.id);
        let page = technician.get(&path).await;
        let text = page.text();
        for part in ["Done", "Written", "Every record", "Undo …", "Create asset"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let listed = technician.get("/runs").await;
        assert!(
            listed.body.contains(&format!(r#"href="{path}""#)),
            "{}",
            listed.main()
        );
        let file = technician.get(&format!("{path}/csv")).await;
        assert_eq!(file.body.lines().count() as u64, run.counts.done + 1);

        // Nothing is put back before somebody has looked at it.
        let once = hidden(&page, "once");
        let answer = technician.post(&format!("{path}/undo"), &[("once", &once)]).await;
        work_off(&world).await;
        let job = follow(&mut technician, &answer).await;
        let plan = job
            .body
            .split(r#"href="/plans/"#)
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let plan = format!("/plans/{plan}");
        let review = technician.get(&plan).await;
        let text = review.text();
        assert!(text.contains("takes back what a run wrote"), "{text}");
        assert!(text.contains("Archive asset") && text.contains("Undo "), "{text}");
        let stays = technician.get(&format!("{plan}?f=skipped")).await.text();
        assert!(stays.contains("Stays"), "{stays}");
        let (once, selection) = (hidden(&review, "once"), hidden(&review, "selection"));
        let mut form = vec![("once", once.as_str()), ("selection", selection.as_str())];
        if review.body.contains(r#"name="confirmed""#) {
            form.push(("confirmed", "on"));
        }
        technician.post(&format!("{plan}/apply"), &form).await;
        work_off(&world).await;
        let runs = world.engine.runs(&world.console, 10).await.unwrap();
        let undo = runs
            .iter()
            .find(|run| matches!(run.kind, RunKind::Undo { .. }))
            .unwrap();
        assert!(undo.counts.done >= 60, "{undo:#?}");
        let text = technician.get(&path).await.text();
        assert!(text.contains("undone"), "{text}");
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_not_written_leads_to_its_device_and_to_its_asset() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "humanizeit").await;
        let mut technician = world.signed_in(ActorRole::Technician).await;
        applied(&world, &estate, &mut technician).await;
        let filter = AssetFilter {
            limit: 1,
            ..AssetFilter::default()
        };
        let found = world.engine.assets(&world.console, &filter).await.unwrap();
        let asset = &found[0].asset;
        // The plan would take the first name back, and a person is faster with the second.
        type_name(&world, &asset.id, "Front desk").await;
        let plan = estate.plan(&world).await;
        type_name(&world, &asset.id, "Reception").await;
        let run = apply(&world, &plan, &mut technician).await;
        assert_eq!(run.counts.skipped, 1, "{run:?}");

        let page = technician.get(&format!("/runs/{}", run.id)).await;
        let here = format!("/assets/{}", asset.id);
        let link = format!(r#"<a href="{here}">"#);
        let (causes, every) = page.main().split_once("Every record").unwrap();
        assert!(causes.contains(&link), "{causes}");
        assert!(every.contains(&link), "{every}");
        let device = asset.source_id.as_deref().unwrap();
        let device = format!("#/deviceDashboard/{device}/overview\"");
        assert!(causes.contains(&device), "{causes}");
        let questions = technician
            .get(&format!("/bridges/{}/questions", estate.bridge.id))
            .await;
        let failed = questions.main();
        assert!(failed.contains(&link) && failed.contains(&device), "{failed}");
        assert_eq!(technician.get(&here).await.status, StatusCode::OK);
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_bridge_s_page_of_runs_has_what_it_wrote_and_no_reads() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "humanizeit").await;
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let path = format!("/bridges/{}/runs", estate.bridge.id);
        let page = technician.get(&path).await;
        assert!(page.text().contains("Nothing was written yet"), "{}", page.text());
        let run = applied(&world, &estate, &mut technician).await;
        let page = technician.get(&path).await;
        let link = format!(r#"href="/runs/{}""#, run.id);
        assert!(page.main().contains(&link), "{}", page.main());
        assert!(!page.text().contains("Read our tenant"), "{}", page.text());
        assert!(technician.get("/runs").await.text().contains("Read our tenant"));
        let undone = technician.get(&format!("{path}?f=undo")).await;
        assert!(undone.text().contains("Nothing fits"), "{}", undone.text());
    })
    .await;
}

#[tokio::test]
async fn who_may_only_look_neither_undoes_nor_stops() {
    let world = World::new().await;
    let estate = Estate::read(&world, "humanizeit").await;
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let run = applied(&world, &estate, &mut technician).await;
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    let page = viewer.get(&format!("/runs/{}", run.id)).await;
    assert!(!page.body.contains("/undo\""), "{}", page.main());
    let job = world.engine.open_jobs(&world.console).await.unwrap();
    assert!(job.is_empty());
    for path in ["undo", "retry", "ignore"] {
        let form = [("once", "1"), ("record", "asset:1"), ("reason", "because")];
        let refused = viewer.post(&format!("/runs/{}/{path}", run.id), &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let read = world.engine.runs(&world.console, 10).await.unwrap();
    let read = read
        .into_iter()
        .find(|run| matches!(run.kind, RunKind::Read { .. }))
        .unwrap();
    let text = viewer.get(&format!("/runs/{}", read.id)).await.text();
    assert!(
        text.contains("Devices read 60") && text.contains("writes nothing elsewhere"),
        "{text}"
    );
    estate.ninja.shutdown().await;
}

#[tokio::test]
async fn a_job_that_waits_is_in_the_queue_and_is_stopped_before_it_began() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "humanizeit").await;
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let path = format!("/bridges/{}/plan", estate.bridge.id);
        let answer = technician.post(&path, &[("once", "1"), ("read", "on")]).await;
        let job = answer.to().unwrap().to_owned();
        let runs = technician.get("/runs").await.text();
        assert!(
            runs.contains("In the queue Read and plan assets In the queue"),
            "{runs}"
        );
        let stopped = technician.post(&format!("{job}/stop"), &[]).await;
        assert!(
            follow(&mut technician, &stopped)
                .await
                .text()
                .contains("taken out of the queue")
        );
        work_off(&world).await;
        let plans = world
            .engine
            .newest_plan(&world.console, &estate.bridge)
            .await
            .unwrap();
        assert!(plans.is_none(), "{plans:?}");
        let text = technician.get(&job).await.text();
        assert!(
            text.contains("technician") && text.contains("took it out of the queue"),
            "{text}"
        );
        assert!(!technician.get("/runs").await.text().contains("In the queue"));
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_under_way_is_stopped_at_its_next_safe_point() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "humanizeit").await;
        let slow = Effect::Latency { ms: 30_000 };
        estate.ninja.faults().always("/v2/*", slow);
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let path = format!("/bridges/{}/plan", estate.bridge.id);
        let answer = technician.post(&path, &[("once", "1"), ("read", "on")]).await;
        let job = answer.to().unwrap().to_owned();
        let stop = CancellationToken::new();
        let worker = worker(&world, &stop).await;
        let state = async |word: &str| {
            for _ in 0..400 {
                let found = world
                    .engine
                    .job(&world.console, job.rsplit('/').next().unwrap())
                    .await
                    .unwrap();
                if found.state.as_str() == word {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("the job is not {word}");
        };
        state("running").await;
        let stopped = technician.post(&format!("{job}/stop"), &[]).await;
        let page = follow(&mut technician, &stopped).await;
        assert!(
            page.text().contains("stops at its next safe point"),
            "{}",
            page.text()
        );
        let over = state("done").await;
        assert!(
            over.reason
                .as_ref()
                .is_some_and(|r| r.contains("technician") && r.contains("stopped it")),
            "{over:#?}"
        );
        assert_eq!(over.result, None);
        stop.cancel();
        worker.await.unwrap();
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_is_followed_live_until_it_is_a_plan() {
    let world = World::new().await;
    let estate = Estate::read(&world, "humanizeit").await;
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let path = format!("/bridges/{}/plan", estate.bridge.id);
    let answer = technician.post(&path, &[("once", "1")]).await;
    let cookies: Vec<_> = technician
        .cookies
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let ask = || {
        Request::builder()
            .uri(format!("{}/live", answer.to().unwrap()))
            .header("host", "127.0.0.1:8790")
            .header("cookie", cookies.join("; "))
            .header("accept-encoding", "gzip")
            .body(Body::empty())
            .unwrap()
    };
    let followed = world.router.clone().oneshot(ask()).await.unwrap();
    assert_eq!(followed.headers()["content-type"], "text/event-stream");
    assert!(!followed.headers().contains_key("content-encoding"));
    let other = world.router.clone().oneshot(ask()).await.unwrap();
    let read = |response: axum::response::Response| async move {
        let mut told = String::new();
        let mut parts = response.into_body().into_data_stream();
        while let Some(part) = parts.next().await {
            told.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
        }
        told
    };
    let both = async { tokio::join!(read(followed), read(other), work_off(&world)) };
    let (one, two, ()) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    for told in [one, two] {
        assert!(told.contains("In the queue"), "{told}");
        let plan = world
            .engine
            .newest_plan(&world.console, &estate.bridge)
            .await
            .unwrap()
            .unwrap();
        let end = format!("event: end\ndata: /plans/{}", plan.id);
        assert!(told.contains(&end), "{told}");
    }
    estate.ninja.shutdown().await;
}

#[tokio::test]
async fn a_job_nobody_knows_is_no_page() {
    let world = World::new().await;
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    for path in [
        "/jobs/none",
        "/jobs/none/live",
        "/runs/none",
        "/runs/none/live",
        "/runs/none/csv",
    ] {
        assert_eq!(viewer.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
