//! The commands of every day, one after the other, as the help advises them.

use crate::program::{MASTER_KEY, Program};
use crate::tenant::{bridge, bridged, counted, ninja};
use model::Change;
use serde_json::Value;
use simulators::faults::Effect;
use simulators::ninjaone::NinjaOne;
use store::DatabaseUrl;
use store::registry::AssetUpdate;
use testkit::{Engine, TestStore};

/// A program that has read the estate and decided about every organization but wrote nothing yet.
fn decided(ninja: &NinjaOne) -> Program {
    let program = bridged(ninja, "humanizeit");
    program.ends(3, &["sync"]);
    program.works(&["match", "create", "--unmatched"]);
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_before_a_plan_is_applied_and_then_what_it_said() {
    let ninja = ninja(60).await;
    let program = decided(&ninja);
    let shown = program.works(&["plan", "--read", "--show", "3"]);
    assert!(
        shown.contains("60 assets to create") && shown.contains("Nothing was written"),
        "{shown}"
    );
    assert_eq!(counted(&program), (0, 0));
    let advice = shown
        .lines()
        .find(|line| line.contains("rmmbridge apply "))
        .unwrap();
    let plan = advice.split_whitespace().last().unwrap();
    // The first few only, then the rest of the same plan.
    let counts = program.json(&["plan", plan])["plan"]["counts"].clone();
    let writes: u64 = counts
        .as_object()
        .unwrap()
        .iter()
        .filter(|(kind, _)| kind.starts_with("create"))
        .map(|(_, n)| n.as_u64().unwrap())
        .sum();
    assert!(
        program
            .works(&["apply", plan, "--first", "30"])
            .contains("30 written"),
        "{counts}"
    );
    let (some, _) = counted(&program);
    assert!(some < 30 && some > 0, "{some}");
    assert!(
        program
            .works(&["apply", plan])
            .contains(&format!("{} written", writes - 30)),
        "{counts}"
    );
    assert_eq!(counted(&program), (60, 4));
    let again = program.works(&["plan"]);
    assert!(
        again.contains("Nothing to write") && again.contains("60 assets unchanged"),
        "{again}"
    );
    // A device left out of a plan stays out of this run alone.
    ninja.let_a_day_pass(0.2);
    let plan = program.json(&["plan", "--read", "--all"]);
    let update = plan["operations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|o| o["action"] == "update_asset");
    assert!(update.is_some(), "{}", plan["operations"][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_questions_are_decided_one_by_one_and_taken_back() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    // What a person has to decide about is said, and what to do.
    let told = program.ends(3, &["sync"]).out;
    assert!(told.contains("rmmbridge match"), "{told}");
    let names: Vec<String> = ninja.organizations().into_iter().map(|(_, name)| name).collect();
    let clients = program.file("clients.csv", "name\nOne we know by another name\n");
    program.works(&["import", "clients", &clients]);
    program.ends(3, &["match", "set", &names[0], "One we know by another name"]);
    program.ends(3, &["match", "exclude", &names[1]]);
    program.ends(3, &["match", "create", &names[2]]);
    let told = program.works(&["match", "create", &names[3]]);
    assert!(
        told.contains("1 matched, 2 to create, 1 excluded, 0 open questions"),
        "{told}"
    );
    program.works(&["sync"]);
    let (assets, clients) = counted(&program);
    assert_eq!(clients, 3);
    assert!(assets < 60, "an excluded organization's devices are left alone");
    program.ends(3, &["match", "forget", &names[1]]);
    program.refuses(&["match", "set", &names[1], "Nobody"], &["no client `Nobody`"]);
    program.refuses(
        &["match", "exclude", "Nobody"],
        &["no organization `Nobody`", &names[0]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h40_one_client_is_synced_alone() {
    let ninja = ninja(60).await;
    let program = decided(&ninja);
    program.works(&["sync"]);
    ninja.let_a_day_pass(0.9);
    let (_, name) = ninja.organizations().remove(0);
    let before = ninja.requests().total;
    let report = program.json(&["sync", "--client", &name, "--confirm"]);
    let changed = report["run"]["counts"]["done"].as_u64().unwrap();
    assert!(changed > 0 && ninja.requests().total > before, "{report}");
    // The others wait for their own.
    let rest = program.json(&["plan", "--read"]);
    assert!(rest["plan"]["counts"]["updates"].as_u64().unwrap() > 0, "{rest}");
    program.refuses(&["sync", "--client", "Nobody"], &["no client `Nobody`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_changes_too_much_waits_for_a_person() {
    let ninja = ninja(60).await;
    let program = decided(&ninja);
    program.works(&["sync"]);
    // Every machine gets another name overnight.
    let ids: Vec<u32> = ninja.estate().devices().iter().map(|device| device.id).collect();
    for id in ids {
        ninja.estate_mut().device_mut(id).unwrap().system_name = format!("RENAMED-{id}").into();
    }
    let told = program.ends(3, &["sync"]).out;
    assert!(told.contains("--confirm"), "{told}");
    program.refuses_with(3, &["apply"], &["stops for a person", "--confirm"]);
    // What was looked at is what is confirmed: the plan is named.
    program.refuses(&["apply", "--confirm"], &["needs the plan you looked at"]);
    let plans = program.json(&["plan"]);
    let plan = plans["plan"]["id"].as_str().unwrap();
    assert!(
        program
            .works(&["apply", plan, "--confirm"])
            .contains("60 written"),
        "{plans}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_changed_since_the_plan_is_left_alone_and_named() {
    let ninja = ninja(60).await;
    let program = decided(&ninja);
    program.works(&["sync"]);
    let id = ninja.estate().devices()[0].id;
    ninja.estate_mut().device_mut(id).unwrap().system_name = "OF-THE-SOURCE".into();
    let document = program.json(&["plan", "--read", "--only", "update_asset"]);
    let (plan, update) = (&document["plan"]["id"], &document["operations"][0]);
    let asset = update["asset"].as_str().unwrap_or_else(|| panic!("{document}"));
    // Between the plan and its application, somebody writes another name.
    let store = program.store().await;
    let before = store.registry_asset(&asset.into()).await.unwrap().unwrap();
    let change = Change {
        field: "name".to_owned(),
        before: before.asset.fields["name"].clone(),
        after: "OF-A-PERSON".into(),
    };
    let edit = AssetUpdate {
        changes: vec![change],
        ..AssetUpdate::default()
    };
    let edited = store
        .update_registry_assets(&[(asset.into(), edit)])
        .await
        .unwrap();
    assert!(edited[0].is_ok());
    store.close().await;
    let ran = program.ends(4, &["apply", plan.as_str().unwrap()]);
    assert!(ran.out.contains("1 changed meanwhile and left alone"), "{ran:#?}");
    assert!(ran.out.contains("OF-A-PERSON"), "{ran:#?}");
    let found = program.json(&["assets", asset]);
    assert_eq!(found["asset"]["fields"]["name"], "OF-A-PERSON", "{found}");
    let run = program.json(&["runs"])[0]["id"].clone();
    let told = program.works(&["runs", run.as_str().unwrap()]);
    assert!(told.contains("left alone: #"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_commands_work_on_postgresql() {
    if !Engine::available().contains(&Engine::Postgres) {
        return;
    }
    let (store, ninja) = (TestStore::new(Engine::Postgres).await, ninja(60).await);
    let DatabaseUrl::Postgres(address) = store.url() else {
        panic!("{:?} is PostgreSQL", store.url());
    };
    let on = |program: Program| {
        program
            .with("RMMBRIDGE_DATABASE", address)
            .with("RMMBRIDGE_MASTER_KEY", MASTER_KEY)
    };
    let program = on(Program::new());
    bridge(&program, &ninja, "humanizeit");
    program.ends(3, &["sync"]);
    program.works(&["match", "create", "--unmatched"]);
    program.works(&["sync"]);
    assert_eq!(counted(&program), (60, 4));
    // From another machine, with another data directory, it is the same database with one runner.
    let elsewhere = on(Program::new());
    assert!(elsewhere.works(&["plan"]).contains("Nothing to write"));
    ninja
        .faults()
        .next("/v2/devices-detailed", 1, Effect::Latency { ms: 60_000 });
    let first = program.start(&["sync"]);
    first.says("Reading devices");
    elsewhere.refuses_with(5, &["sync"], &["another rmmbridge is at work", "rmmbridge sync"]);
    first.signal("INT");
    assert_eq!(first.end().code, Some(130));
    ninja.faults().clear();
    elsewhere.works(&["sync"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_plan_is_refused_once_there_is_a_newer_one() {
    let ninja = ninja(60).await;
    let program = decided(&ninja);
    let old = program.json(&["plan"])["plan"]["id"].clone();
    program.works(&["plan"]);
    let error = program.refuses(
        &["apply", old.as_str().unwrap()],
        &["was made since", "rmmbridge plan"],
    );
    assert!(error.contains(old.as_str().unwrap()), "{error}");
    // Made before a decision, it is older than what people decided.
    let old = program.json(&["plan"])["plan"]["id"].clone();
    let (_, name) = ninja.organizations().remove(0);
    program.works(&["match", "exclude", &name]);
    program.refuses(
        &["apply", old.as_str().unwrap()],
        &["decisions changed", "rmmbridge plan"],
    );
    assert_eq!(counted(&program), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let ninja = ninja(60).await;
    let program = decided(&ninja);
    program.works(&["sync"]);
    let mut child = program.command(&["assets", "--json"]).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_says_where_it_came_from_and_every_run_what_it_did() {
    let ninja = ninja(60).await;
    let program = decided(&ninja);
    program.works(&["sync"]);
    let assets = program.json(&["assets", "--limit", "1"]);
    let id = assets[0]["asset"]["id"].as_str().unwrap();
    let shown = program.works(&["assets", id]);
    assert!(
        shown.contains("Open in NinjaOne: http") && shown.contains("run "),
        "{shown}"
    );
    let detail = program.json(&["assets", id]);
    let runs = program.json(&["runs"]);
    let applied = runs
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["kind"] == "apply")
        .unwrap();
    let field = |key: &str| {
        detail["fields"]
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["field"] == key)
            .unwrap()
            .clone()
    };
    assert_eq!(field("name")["run"], applied["id"], "{detail}");
    let listed = program.works(&["runs"]);
    assert!(
        listed.contains("read") && listed.contains("apply") && listed.contains("console:tester"),
        "{listed}"
    );
    let run = applied["id"].as_str().unwrap();
    assert!(program.works(&["runs", &run[..30]]).contains("finished"));
    // Searching and limiting.
    let name = field("name")["value"].as_str().unwrap().to_owned();
    let found = program.json(&["assets", "--search", &name]);
    assert!(
        found
            .as_array()
            .unwrap()
            .iter()
            .any(|asset| asset["asset"]["id"] == id),
        "{found}"
    );
    assert!(
        program
            .works(&["assets", "--limit", "5"])
            .contains("there are more")
    );
    let preview = program.json(&[
        "bridge",
        "show",
        "--device",
        detail["device"]["device"].as_str().unwrap(),
    ]);
    assert_eq!(preview["preview"]["fields"]["name"], Value::from(name));
}
