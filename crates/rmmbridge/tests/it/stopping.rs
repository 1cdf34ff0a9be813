//! One at a time, and stopped at any moment: by a second process, by Ctrl-C, by a kill.

use crate::program::Program;
use crate::tenant::{bridged, connect_web, counted, free_port, ninja};
use simulators::faults::Effect;
use simulators::ninjaone::NinjaOne;
use std::time::{Duration, Instant};

const LIST: &str = "/v2/devices-detailed";

/// A program whose bridge creates a client for every organization, before its first sync.
fn willing(ninja: &NinjaOne) -> Program {
    let program = bridged(ninja, "humanizeit");
    let yaml = program
        .works(&["export"])
        .replace("new_organizations: ask", "new_organizations: create");
    let file = program.file("willing.yaml", yaml);
    program.works(&["import", "config", &file]);
    program
}

/// Ends with the whole estate, each device once, and nothing left to do.
fn is_whole(program: &Program, ninja: &NinjaOne, devices: usize) {
    program.works(&["sync", "--confirm"]);
    assert_eq!(counted(program), (devices, ninja.organizations().len()));
    let plan = program.works(&["plan", "--read"]);
    assert!(plan.contains("Nothing to write"), "{plan}");
    let runs = program.json(&["runs", "--last", "1000"]);
    assert!(
        runs.as_array()
            .unwrap()
            .iter()
            .all(|run| run["state"] != "running"),
        "{runs}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_runner_is_refused_and_told_who_is_at_work() {
    let ninja = ninja(60).await;
    let program = willing(&ninja);
    program.works(&["sync"]);
    // One answer does not come: the first stays at work for as long as it takes.
    ninja.faults().next(LIST, 1, Effect::Latency { ms: 60_000 });
    let first = program.start(&["sync"]);
    first.says("Reading devices");
    while ninja.faults().standing()[0].struck == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    for command in [&["sync"][..], &["plan"], &["apply"]] {
        let error = program.refuses_with(
            5,
            command,
            &["another rmmbridge is at work", "rmmbridge sync, process "],
        );
        assert!(error.contains("Wait for it to finish, or stop it"), "{error}");
    }
    // Looking is allowed meanwhile.
    program.works(&["runs"]);
    program.works(&["assets"]);
    let told = program.works(&["doctor"]);
    assert!(told.contains("rmmbridge sync, process "), "{told}");
    // Whoever is stopped or done makes room.
    first.signal("INT");
    assert_eq!(first.end().code, Some(130));
    is_whole(&program, &ninja, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_a_read_at_once_and_leaves_the_last_snapshot() {
    let ninja = ninja(60).await;
    let program = willing(&ninja);
    program.works(&["sync"]);
    // An answer that does not come: waiting for it would be no safe point but a long wait.
    ninja.faults().always(LIST, Effect::Latency { ms: 20_000 });
    let running = program.start(&["sync"]);
    running.says("Reading devices");
    let asked = Instant::now();
    running.signal("INT");
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{ran:#?}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(
        ran.err.contains("stopping at the next safe point") && ran.err.contains("error: stopped"),
        "{ran:#?}"
    );
    ninja.faults().clear();
    let runs = program.json(&["runs"]);
    assert!(runs[0]["reason"].as_str().unwrap().contains("stopped"), "{runs}");
    is_whole(&program, &ninja, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_while_applying_keeps_what_was_finished() {
    let ninja = ninja(800).await;
    let program = willing(&ninja);
    let running = program.start(&["sync"]);
    running.says("Applying");
    running.signal("INT");
    let ran = running.end();
    // A machine fast enough may have finished first.
    assert!(matches!(ran.code, Some(130 | 0)), "{ran:#?}");
    is_whole(&program, &ninja, 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_wait_for_a_consent() {
    let (program, ninja) = (Program::new(), ninja(10).await);
    let (running, _) = connect_web(&program, &ninja, free_port(), "/ninja/oauth/resp", &[]);
    running.signal("INT");
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{ran:#?}");
    assert_eq!(
        program.json(&["check"])[0]["state"]["state"],
        "needs_authorization"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_ctrl_c_ends_check_and_doctor() {
    let ninja = ninja(10).await;
    let program = bridged(&ninja, "default");
    for command in [&["check", "ninjaone"][..], &["doctor"]] {
        // An answer that does not come.
        ninja.faults().clear();
        ninja.faults().always("*", Effect::Latency { ms: 60_000 });
        let running = program.start(command);
        while ninja.faults().standing()[0].struck == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let asked = Instant::now();
        running.signal("INT");
        let ran = running.end();
        assert_eq!(ran.code, Some(130), "{command:?}: {ran:#?}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        assert!(
            ran.out.is_empty() && ran.err.contains("error: stopped"),
            "{ran:#?}"
        );
    }
    // Not knowing is no finding.
    ninja.faults().clear();
    assert_eq!(program.json(&["check"])[0]["state"]["state"], "connected");
    program.works(&["check", "ninjaone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_simulator() {
    let program = Program::new();
    let running = program.start(&["simulate", "ninjaone", "--port", "0", "--devices", "10"]);
    std::thread::sleep(Duration::from_millis(500));
    running.signal("INT");
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.out.contains("demo-web / demo-web-secret"), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sync_makes_no_duplicates_when_it_is_run_again() {
    let ninja = ninja(600).await;
    let program = willing(&ninja);
    ninja.faults().always("/v2/*", Effect::Latency { ms: 20 });
    // Killed while reading, and ever later while writing. How far it came differs from run to run, as in life.
    for (part, pause) in [
        ("Reading", 10),
        ("Storing", 0),
        ("Applying", 0),
        ("Applying", 40),
        ("Applying", 90),
    ] {
        let mut running = program.start(&["sync", "--confirm"]);
        running.says(part);
        std::thread::sleep(Duration::from_millis(pause));
        let under_way = running.runs();
        running.signal("KILL");
        let ran = running.end();
        assert!(!under_way || ran.code.is_none(), "{ran:#?}");
        let (assets, _) = counted(&program);
        eprintln!("killed {pause} ms into {part:?}: {assets} assets");
        if assets == 600 {
            break;
        }
        assert!(program.works(&["doctor"]).contains("Database integrity: ok"));
    }
    is_whole(&program, &ninja, 600);
}
