//! What waits for a person, answered on the page of a bridge's questions; and where its two sides differ.

use crate::tenant::{Estate, follow, hidden, work_off};
use crate::world::{Visitor, World};
use axum::http::StatusCode;
use engine::applying::ApplyOptions;
use engine::{Quiet, Work};
use model::{Action, ActorRole, Asset, Change, Operation, Owner, PlanSummary};
use serde_json::Value;
use store::registry::{AssetFilter, AssetUpdate, NewRegistryAsset};
use testkit::TestStore;
use tokio_util::sync::CancellationToken;

/// Writes a plan, whatever its size.
async fn apply(world: &World, plan: &PlanSummary) {
    let (engine, actor) = (&world.engine, &world.console);
    let runner = engine.become_runner(actor).await.unwrap();
    let stop = CancellationToken::new();
    let work = Work {
        progress: &Quiet,
        stop: &stop,
    };
    let options = ApplyOptions {
        confirmed: true,
        ..ApplyOptions::default()
    };
    let run = engine
        .apply(actor, &runner, &plan.id, options, work)
        .await
        .unwrap();
    assert_eq!(run.counts.failed, 0, "{run:?}");
    runner.leave().await;
}

async fn assets(world: &World) -> Vec<Asset> {
    let filter = AssetFilter {
        limit: 1000,
        ..AssetFilter::default()
    };
    let all = world.engine.assets(&world.console, &filter).await.unwrap();
    all.into_iter().map(|asset| asset.asset).collect()
}

/// A person types a name into an asset.
async fn type_name(world: &World, asset: &Asset, name: &str) {
    let before = world
        .store
        .registry_asset(&asset.id)
        .await
        .unwrap()
        .unwrap()
        .asset;
    let change = Change {
        field: "name".to_owned(),
        before: before.fields["name"].clone(),
        after: Value::from(name),
    };
    let update = AssetUpdate {
        changes: vec![change],
        ..AssetUpdate::default()
    };
    let answers = world
        .store
        .update_registry_assets(&[(asset.id.clone(), update)])
        .await
        .unwrap();
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
}

/// What the boxes of that name would send.
fn boxes(body: &str, name: &str) -> Vec<String> {
    let begins = format!(r#"name="{name}" value=""#);
    let parts = body.split(&begins).skip(1);
    parts
        .map(|part| {
            part.split('"')
                .next()
                .unwrap()
                .replace("&#38;", "&")
                .replace("&amp;", "&")
        })
        .collect()
}

/// A bridge that asks about names, with everything written.
async fn that_asks(world: &World) -> Estate {
    let estate = Estate::read(world, "default").await;
    let mut settings = estate.bridge.settings.clone();
    for rule in settings
        .mapping
        .rules
        .iter_mut()
        .filter(|rule| rule.target == "name")
    {
        rule.owner = Owner::Ask;
    }
    let bridge = estate.now(world).await;
    let changed = world
        .engine
        .change_bridge(&world.console, &bridge, settings)
        .await;
    changed.unwrap();
    let plan = estate.plan(world).await;
    apply(world, &plan).await;
    estate
}

#[tokio::test]
async fn whose_values_stand_is_said_on_the_page() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = that_asks(&world).await;
        let path = format!("/bridges/{}/questions", estate.bridge.id);
        let values = format!("{path}/values");
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let page = technician.get(&path).await.text();
        assert!(page.contains("Nothing waits for an answer"), "{page}");

        let all = assets(&world).await;
        for (asset, name) in all.iter().zip(["Front <desk>", "Reception", "Workshop"]) {
            type_name(&world, asset, name).await;
        }
        let plan = estate.plan(&world).await;
        assert_eq!(plan.counts.reviews, 3);
        let page = technician.get(&path).await;
        let text = page.text();
        for part in ["Both sides changed", "Front <desk>", "Reception", "Written last"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!page.body.contains("Front <desk>"), "escaped");
        let boxes = boxes(&page.body, "value");
        assert_eq!(boxes.len(), 3, "{}", page.main());

        let said = async |visitor: &mut Visitor, form: &[(&str, &str)]| {
            let answer = visitor.post(&values, form).await;
            assert_eq!(answer.to(), Some(path.as_str()), "{answer:?}");
            visitor.get(&path).await.text()
        };
        let seen = hidden(&page, "plan");
        let nothing = said(&mut technician, &[("plan", &seen), ("do", "keep")]).await;
        assert!(nothing.contains("Nothing was ticked"), "{nothing}");
        let late = [("plan", "another"), ("do", "keep"), ("value", boxes[0].as_str())];
        let late = said(&mut technician, &late).await;
        assert!(late.contains("A newer plan was made since you looked"), "{late}");
        let kept = [
            ("plan", seen.as_str()),
            ("do", "keep"),
            ("value", boxes[0].as_str()),
        ];
        let text = said(&mut technician, &kept).await;
        assert!(
            text.contains("The value stays as the destination has it"),
            "{text}"
        );
        assert!(
            !text.contains("Front <desk>") && text.contains("Workshop"),
            "{text}"
        );
        let twice = said(&mut technician, &kept).await;
        assert!(twice.contains("Somebody decided that already"), "{twice}");
        let rest = said(&mut technician, &[("plan", &seen), ("do", "take-all")]).await;
        assert!(rest.contains("2 values are the source's now"), "{rest}");
        assert!(rest.contains("Nothing waits for an answer"), "{rest}");
        let next = estate.plan(&world).await;
        assert_eq!((next.counts.updates, next.counts.reviews), (2, 0));

        let mut viewer = world.signed_in(ActorRole::Viewer).await;
        assert_eq!(viewer.get(&path).await.status, StatusCode::OK);
        for action in ["values", "link", "retry", "ignore", "plan-again", "release"] {
            let form = [
                ("do", "keep-all"),
                ("plan", seen.as_str()),
                ("record", "asset:1"),
                ("is", "x"),
                ("reason", "no"),
            ];
            let refused = viewer.post(&format!("{path}/{action}"), &form).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{action}");
        }
        let odd = technician
            .post(&values, &[("plan", &seen), ("do", "shred")])
            .await;
        assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn of_several_assets_a_person_says_which_one_a_device_is() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "default").await;
        let (engine, actor) = (&world.engine, &world.console);
        // One of the devices was typed in twice by hand.
        let first = estate.plan(&world).await;
        let operations = engine.operations(actor, &first.id, 0, 1000).await.unwrap();
        let (label, serial) = operations
            .iter()
            .find_map(|operation| match &operation.action {
                Action::CreateAsset(draft) => {
                    let serial = draft.fields.get("serialNumber")?.as_str()?;
                    // Not a placeholder such as "Default string", nor one that several devices have.
                    let same = |o: &&Operation| match &o.action {
                        Action::CreateAsset(d) => {
                            d.fields.get("serialNumber") == draft.fields.get("serialNumber")
                        }
                        _ => false,
                    };
                    let is_own = !serial.contains(' ') && operations.iter().filter(same).count() == 1;
                    is_own.then(|| (operation.client_label.clone(), serial.to_owned()))
                }
                _ => None,
            })
            .unwrap();
        let names: Vec<String> = estate
            .ninja
            .organizations()
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        let csv = format!("name\n\"{}\"\n", names.join("\"\n\""));
        engine
            .import_clients(actor, "c.csv", csv.as_bytes())
            .await
            .unwrap();
        let clients = world.store.registry_clients().await.unwrap();
        let client = clients.into_iter().find(|client| client.name == label).unwrap();
        let typed = ["the old one", "the new one"].map(|name| NewRegistryAsset {
            client: client.id.clone(),
            site: None,
            asset_type: None,
            source_id: None,
            marker: None,
            fields: [
                ("name".to_owned(), name.into()),
                ("serialNumber".to_owned(), serial.clone().into()),
            ]
            .into(),
        });
        let added = world.store.add_registry_assets(&typed).await.unwrap();
        assert!(added.iter().all(|id| id.is_ok()));
        let bridge = estate.now(&world).await;
        let rows = engine.matching(actor, &bridge).await.unwrap().rows;
        let none = rows.into_iter().map(|row| (row.organization.id, None));
        engine.decide(actor, &bridge, none.collect()).await.unwrap();
        let plan = estate.plan(&world).await;
        apply(&world, &plan).await;
        estate.plan(&world).await;

        let path = format!("/bridges/{}/questions", estate.bridge.id);
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let page = technician.get(&path).await;
        let text = page.text();
        for part in ["Which one is it?", "the old one", "the new one"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let chosen = assets(&world)
            .await
            .into_iter()
            .find(|a| a.fields["name"] == "the new one")
            .unwrap();
        let record = hidden(&page, "record");
        let once = hidden(&page, "once");
        let nobody = technician
            .post(&format!("{path}/link"), &[("record", &record), ("once", &once)])
            .await;
        assert_eq!(nobody.to(), Some(path.as_str()));
        assert!(
            technician
                .get(&path)
                .await
                .text()
                .contains("Choose which record it is first")
        );
        let form = [
            ("record", record.as_str()),
            ("once", once.as_str()),
            ("is", chosen.id.as_str()),
        ];
        let first = technician.post(&format!("{path}/link"), &form).await;
        let second = technician.post(&format!("{path}/link"), &form).await;
        assert_eq!(first.to(), second.to(), "a double click is one job");
        work_off(&world).await;
        let job = follow(&mut technician, &first).await;
        assert!(job.text().contains("Link a record of assets"), "{}", job.text());
        let text = technician.get(&path).await.text();
        assert!(!text.contains("Which one is it?"), "{text}");
        // The other stays as it is, and nothing is created beside the two.
        let plan = estate.plan(&world).await;
        apply(&world, &plan).await;
        let with_serial = assets(&world)
            .await
            .into_iter()
            .filter(|a| a.fields.get("serialNumber") == Some(&Value::from(serial.as_str())));
        assert_eq!(with_serial.count(), 2);
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_left_alone_and_what_was_undone_can_be_let_go_again() {
    let world = World::new().await;
    let estate = that_asks(&world).await;
    let path = format!("/bridges/{}/questions", estate.bridge.id);
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let device = assets(&world).await[0].source_id.clone().unwrap();
    let record = format!("asset:{device}");
    let ignore = format!("{path}/ignore");
    technician
        .post(&ignore, &[("record", &record), ("reason", " ")])
        .await;
    let text = technician.get(&path).await.text();
    assert!(text.contains("Say why the record is left alone"), "{text}");
    technician
        .post(&ignore, &[("record", &record), ("reason", "a lab machine")])
        .await;
    let text = technician.get(&path).await.text();
    assert!(
        text.contains("1 left alone on purpose") && text.contains("a lab machine"),
        "{text}"
    );
    for _ in 0..2 {
        let answer = technician
            .post(&format!("{path}/plan-again"), &[("record", &record)])
            .await;
        assert_eq!(answer.to(), Some(path.as_str()));
    }
    let text = technician.get(&path).await.text();
    assert!(
        text.contains("planned again") && !text.contains("on purpose"),
        "{text}"
    );
    let odd = technician
        .post(&ignore, &[("record", "1042"), ("reason", "no")])
        .await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);

    // Everything is taken back, then one record is released, then the rest.
    let run = world.engine.runs(&world.console, 1).await.unwrap().remove(0);
    let undo = technician
        .post(&format!("/runs/{}/undo", run.id), &[("once", "1")])
        .await;
    work_off(&world).await;
    let job = undo.to().unwrap().trim_start_matches("/jobs/");
    let job = world.engine.job(&world.console, job).await.unwrap();
    let plan = engine::pending::plan_of(&job).unwrap();
    let plan = world.engine.plan(&world.console, &plan).await.unwrap();
    assert_eq!(plan.undoes.as_ref(), Some(&run.id), "{plan:?}");
    apply(&world, &plan).await;
    let page = technician.get(&path).await;
    assert!(page.text().contains("Taken back, and waiting"), "{}", page.text());
    let count = |text: &str| {
        let rest = text
            .split("Release all ")
            .nth(1)
            .unwrap_or_else(|| panic!("{text}"));
        rest.split_whitespace().next().unwrap().parse::<usize>().unwrap()
    };
    let before = count(&page.text());
    let record = hidden(&page, "record");
    let release = format!("{path}/release");
    technician.post(&release, &[("record", &record)]).await;
    let text = technician.get(&path).await.text();
    assert!(text.contains("One record is released"), "{text}");
    assert!(text.contains("still paused"), "{text}");
    assert_eq!(count(&text), before - 1);
    technician.post(&release, &[("record", &record)]).await;
    assert!(
        technician
            .get(&path)
            .await
            .text()
            .contains("It was released already")
    );
    technician.post(&release, &[("do", "all")]).await;
    let text = technician.get(&path).await.text();
    assert!(!text.contains("Taken back, and waiting"), "{text}");
    estate.ninja.shutdown().await;
}

#[tokio::test]
async fn differences_are_listed_accepted_for_a_reason_and_taken_along() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "default").await;
        let path = format!("/bridges/{}/differences", estate.bridge.id);
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let page = technician.get(&path).await.text();
        assert!(page.contains("Nothing was compared yet"), "{page}");
        let plan = estate.plan(&world).await;
        let page = technician.get(&path).await.text();
        assert!(
            page.contains("not there") && page.contains("Only in the source"),
            "{page}"
        );
        apply(&world, &plan).await;
        let asset = assets(&world).await.remove(0);
        type_name(&world, &asset, "=Front desk").await;
        estate.plan(&world).await;

        let page = technician.get(&path).await;
        let text = page.text();
        assert!(
            text.contains("=Front desk") && text.contains("1–1 of 1"),
            "{text}"
        );
        let boxes = boxes(&page.body, "difference");
        let act = async |visitor: &mut Visitor, form: &[(&str, &str)]| {
            let mut sent = vec![("ask", "f=differs")];
            sent.extend_from_slice(form);
            let answer = visitor.post(&path, &sent).await;
            let back = format!("{path}?f=differs");
            assert_eq!(answer.to(), Some(back.as_str()), "{answer:?}");
            visitor.get(&back).await.text()
        };
        let box_ = boxes[0].as_str();
        let none = act(&mut technician, &[("do", "accept"), ("reason", "known")]).await;
        assert!(none.contains("Nothing was ticked"), "{none}");
        let why = act(
            &mut technician,
            &[("do", "accept"), ("difference", box_), ("reason", "")],
        )
        .await;
        assert!(why.contains("Say why they are fine"), "{why}");
        let gone = act(
            &mut technician,
            &[
                ("do", "accept"),
                ("difference", "side=source&asset=nobody"),
                ("reason", "x"),
            ],
        )
        .await;
        assert!(gone.contains("has changed since you looked"), "{gone}");
        let accepted = act(
            &mut technician,
            &[
                ("do", "accept"),
                ("difference", box_),
                ("reason", "renamed <soon>"),
            ],
        )
        .await;
        assert!(accepted.contains("One difference is accepted"), "{accepted}");
        let open = technician.get(&path).await.text();
        assert!(open.contains("Both sides are the same"), "{open}");
        let listed = technician.get(&format!("{path}?f=accepted")).await;
        assert!(listed.text().contains("renamed <soon>"), "{}", listed.text());
        assert!(!listed.body.contains("renamed <soon>"), "escaped");
        let file = technician.get(&format!("{path}/csv?f=accepted")).await;
        assert!(
            file.body.contains("\"'=Front desk\""),
            "no formula: {}",
            file.body
        );
        let back = act(&mut technician, &[("do", "unaccept"), ("difference", box_)]).await;
        assert!(back.contains("counted as open again"), "{back}");

        let mut viewer = world.signed_in(ActorRole::Viewer).await;
        assert!(!viewer.get(&path).await.main().contains("<form method=\"post\""));
        let refused = viewer
            .post(&path, &[("do", "accept"), ("difference", box_), ("reason", "x")])
            .await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        estate.ninja.shutdown().await;
    })
    .await;
}
