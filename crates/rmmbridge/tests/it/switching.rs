//! Switching off from the command line, and what a bridge stops for.

use crate::tenant::{bridged, counted, ninja};

#[tokio::test(flavor = "multi_thread")]
async fn one_switch_pauses_all_writes_and_every_command_says_so() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    program.works(&["plan", "--read"]);
    program.works(&["match", "create", "--unmatched"]);
    let paused = program.works(&["pause", "--reason", "prices move"]);
    assert!(
        paused.contains("prices move") && paused.contains("rmmbridge resume"),
        "{paused}"
    );
    program.refuses_with(
        3,
        &["apply"],
        &["prices move", "console:tester", "rmmbridge resume"],
    );
    let planned = program.works(&["plan"]);
    assert!(planned.contains("Note: all writes are paused"), "{planned}");
    let synced = program.ends(3, &["sync"]).out;
    assert!(
        synced.contains("all writes are paused") && synced.contains("Read 60 devices"),
        "{synced}"
    );
    let doctor = program.ends(3, &["doctor"]).out;
    assert!(doctor.contains("✗ Writes: all writes are paused"), "{doctor}");
    assert_eq!(counted(&program).0, 0);
    assert!(
        program
            .works(&["resume"])
            .contains("console:tester had paused them: prices move")
    );
    assert!(program.works(&["resume"]).contains("were not paused"));
    program.works(&["sync", "--confirm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_switched_by_name() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    program.works(&["connection", "read-only", "registry", "--reason", "audit"]);
    let listed = program.works(&["connection", "list"]);
    assert!(listed.contains("no (read-only)"), "{listed}");
    program.works(&["connection", "writable", "registry"]);
    program.works(&["connection", "pause", "ninjaone"]);
    program.refuses(
        &["plan", "--read"],
        &["ninjaone", "Paused", "rmmbridge connection resume ninjaone"],
    );
    program.works(&["connection", "resume", "ninjaone"]);
    program.works(&["plan", "--read"]);
    program.refuses(&["connection", "pause", "nobody"], &["nobody", "ninjaone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn brakes_are_set_by_command() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    let set = program.works(&[
        "bridge",
        "set",
        "--archive-share",
        "2.5%",
        "--archive-most",
        "20",
        "--change-most",
        "none",
        "--archive-after-reads",
        "3",
        "--archive-after-days",
        "14",
        "--create-most",
        "50",
    ]);
    for part in [
        "2.5 % of the linked assets, or more than 20",
        "50 % of them\n",
        "at most 50",
        "after 3 complete reads",
    ] {
        assert!(set.contains(part), "{part}: {set}");
    }
    program.works(&["plan", "--read"]);
    program.works(&["match", "create", "--unmatched"]);
    program.works(&["plan"]);
    program.refuses_with(3, &["apply"], &["60 assets would be created, more than the 50"]);
    let settings = &program.json(&["bridge", "show"])["bridge"]["settings"];
    assert_eq!(settings["brakes"]["change_most"], serde_json::Value::Null);
    assert_eq!(settings["archive"]["after_days"], 14);
    program.works(&["bridge", "set", "--create-most", "none"]);
    let all = program.json(&["plan"])["plan"]["counts"]["create_assets"].as_u64();
    let set = program.works(&["bridge", "set", "--classes", "WINDOWS_SERVER,MAC"]);
    assert!(
        set.contains("classes WINDOWS_SERVER, MAC; approval states APPROVED"),
        "{set}"
    );
    let some = program.json(&["plan"])["plan"]["counts"]["create_assets"].as_u64();
    assert!(some > Some(0) && some < all, "{some:?} of {all:?}");
    program.works(&["bridge", "set", "--classes", "all", "--devices", "no"]);
    let none = program.json(&["plan"])["plan"]["counts"]["create_assets"].as_u64();
    assert_eq!(none, Some(0));
    let why = program.works(&["why", "1"]);
    assert!(
        why.contains("without their devices") && why.contains("--devices yes"),
        "{why}"
    );
    program.works(&["bridge", "set", "--devices", "yes"]);
    program.refuses(&["bridge", "set", "--tags", "all,VIP"], &["--tags all"]);
    program.works(&["bridge", "set", "--archive-never"]);
    program.refuses(
        &["bridge", "set", "--archive-after-days", "3"],
        &["--archive-after-reads"],
    );
    program.ends(2, &["bridge", "set", "--archive-share", "0.05"]);
}
