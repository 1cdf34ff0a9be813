//! `undo`, as its help says it.

use crate::program::Program;
use crate::tenant::{bridged, counted, ninja};
use serde_json::Value;
use simulators::ninjaone::NinjaOne;

/// A program that has synced an estate, and the difference of a day; the id of that second run.
fn day_after(ninja: &NinjaOne) -> (Program, String) {
    let program = bridged(ninja, "humanizeit");
    program.ends(3, &["sync"]);
    program.works(&["match", "create", "--unmatched"]);
    program.works(&["sync"]);
    ninja.let_a_day_pass(0.1);
    let report = program.json(&["sync", "--confirm"]);
    let run = report["run"]["id"].as_str().unwrap().to_owned();
    assert!(
        report["plan"]["counts"]["updates"].as_u64().unwrap() > 0,
        "{report}"
    );
    (program, run)
}

fn applied(runs: &Value) -> Vec<&Value> {
    let all = runs.as_array().unwrap();
    all.iter().filter(|run| run["kind"] == "apply").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_undone_released_and_written_again() {
    let ninja = ninja(60).await;
    let (program, run) = day_after(&ninja);
    let written = program.json(&["assets", "--limit", "500"]);
    // Nothing is written before somebody says so.
    let shown = program.works(&["undo", &run]);
    let advice = format!("rmmbridge undo {run} --yes");
    assert!(
        shown.contains("Nothing was written") && shown.contains(&advice),
        "{shown}"
    );
    assert_eq!(program.json(&["assets", "--limit", "500"]), written);
    let undone = program.works(&["undo", &run, "--yes"]);
    assert!(undone.contains("(written by the run)"), "{undone}");
    assert!(
        undone.contains("rmmbridge undo --release all") && undone.contains("rmmbridge bridge resume"),
        "{undone}"
    );
    assert_ne!(program.json(&["assets", "--limit", "500"]), written);
    let runs = program.json(&["runs"]);
    assert_eq!(
        (&runs[0]["kind"], &runs[0]["run"]),
        (&"undo".into(), &run.as_str().into()),
        "{runs}"
    );
    assert!(program.works(&["runs"]).contains("undo"));

    program.refuses(&["undo", &run], &["undone by run", "already"]);
    program.refuses(
        &["undo", runs[0]["id"].as_str().unwrap()],
        &["it is the undo of run", "--release all"],
    );
    let held = program.works(&["plan", "--read"]);
    assert!(
        held.contains("Nothing to write.") && held.contains("rmmbridge undo --release"),
        "{held}"
    );
    let listed = program.json(&["undo", "--list"]);
    let first = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|u| u["kind"] == "asset")
        .unwrap();
    assert!(
        program
            .works(&["bridge", "show"])
            .contains("Its schedule is paused")
    );

    let one = first["source"].as_str().unwrap();
    assert!(
        program
            .works(&["undo", "--release", one])
            .contains("1 record(s) released")
    );
    program.refuses(
        &["undo", "--release", one],
        &[&format!("no undone record `asset:{one}`")],
    );
    let told = program.works(&["undo", "--release", "all"]);
    assert!(told.contains("still paused"), "{told}");
    assert!(program.works(&["bridge", "resume"]).contains("goes on"));
    assert!(program.works(&["bridge", "resume"]).contains("was not paused"));
    program.works(&["sync", "--confirm"]);
    assert!(program.works(&["plan"]).contains("Nothing to write."));
    assert_eq!(counted(&program).0, written.as_array().unwrap().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_is_undone_and_the_brakes_stop_what_would_archive_everything() {
    let ninja = ninja(60).await;
    let (program, run) = day_after(&ninja);
    let plan = program.json(&["undo", &run, "--all"]);
    let device = plan["operations"][0]["subject"]["source_id"].as_str().unwrap();
    let undone = program.json(&["undo", &run, "--record", device, "--yes"]);
    assert_eq!(undone["run"]["counts"]["done"], 1, "{undone}");
    program.refuses(
        &["undo", &run, "--record", device],
        &["that record was undone by run"],
    );
    program.refuses(
        &["undo", &run, "--record", "server:1"],
        &["client, site, asset_type or asset"],
    );
    program.ends(2, &["undo"]);

    let runs = program.json(&["runs"]);
    let first = applied(&runs).last().unwrap()["id"].as_str().unwrap().to_owned();
    let shown = program.works(&["undo", &first]);
    assert!(shown.contains("--confirm") && shown.contains("Stays:"), "{shown}");
    program.refuses_with(
        3,
        &["undo", &first, "--yes"],
        &["stops for a person", "--confirm"],
    );
    let (before, _) = counted(&program);
    let command = shown
        .lines()
        .find(|line| line.contains("rmmbridge apply "))
        .unwrap();
    let arguments: Vec<&str> = command.split("rmmbridge ").nth(1).unwrap().split(' ').collect();
    program.works(&arguments);
    assert!(counted(&program).0 < before);
}
