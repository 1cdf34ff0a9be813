//! What a tenant may hold or answer: an empty one, names twice, lists without an end, absurd values.

use crate::tenant::{bridged, counted, ninja, small};
use serde_json::Value;
use simulators::faults::Effect;
use simulators::ninjaone::NinjaOne;
use std::time::Instant;

const LIST: &str = "/v2/devices-detailed";

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_tenant_is_read_and_archives_nothing_unasked() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    program.ends(3, &["sync"]);
    program.works(&["match", "create", "--unmatched"]);
    program.works(&["sync"]);
    let before = counted(&program);
    assert_eq!(before.0, 60);
    ninja.faults().always("/v2/*", Effect::EmptyTenant);
    // It is said, not passed over: an estate that was there yesterday and is empty today is a finding.
    let told = program.works(&["sync"]);
    for part in ["Read 0 devices", "Nothing to write", "60 records left alone"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(counted(&program), before);
    // With a rule that would archive them at once, a person has to look.
    let rule = ["--archive-after-reads", "1", "--archive-after-days", "0"];
    program.works(&[&["bridge", "set"][..], &rule].concat());
    let told = program.ends(3, &["sync"]).out;
    for part in [
        "Read 0 devices",
        "60 assets to archive",
        "60 of 60 linked assets (100 %) would be archived",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(counted(&program), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_was_always_empty_has_nothing_to_write() {
    let ninja = ninja(60).await;
    ninja.faults().always("/v2/*", Effect::EmptyTenant);
    let program = bridged(&ninja, "default");
    let told = program.works(&["sync"]);
    assert!(
        told.contains("Read 0 devices") && told.contains("Nothing to write"),
        "{told}"
    );
    assert!(program.works(&["match"]).contains("0 organizations"));
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_of_one_name_are_never_guessed_between() {
    let options = simulators::ninjaone::Options {
        same_names: 1,
        ..small(60)
    };
    let ninja = NinjaOne::start_on_loopback(options).await.unwrap();
    let organizations = ninja.organizations();
    let twice = organizations
        .iter()
        .find(|(id, name)| {
            organizations
                .iter()
                .any(|(other, same)| other != id && same == name)
        })
        .unwrap();
    let program = bridged(&ninja, "humanizeit");
    let clients = program.file("clients.csv", format!("name\n\"{}\"\n", twice.1));
    program.works(&["import", "clients", &clients]);
    program.ends(3, &["sync"]);
    let open = program.ends(3, &["match", "--open", "--json"]).out;
    let open: Value = serde_json::from_str(&open).unwrap();
    let named = |row: &&Value| row["organization"]["name"] == twice.1.as_str();
    assert_eq!(open.as_array().unwrap().iter().filter(named).count(), 2, "{open}");
    // A name that two have is no name: the id is.
    program.refuses(
        &["match", "create", &twice.1],
        &["2 organizations are named", "Give the id"],
    );
    let id = twice.0.to_string();
    program.ends(3, &["match", "create", &id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_candidates_for_one_organization_are_an_open_question_with_both_names() {
    let ninja = ninja(60).await;
    let (id, name) = ninja.organizations().remove(0);
    let program = bridged(&ninja, "humanizeit");
    let clients = program.file("clients.csv", format!("name\n\"{name}1\"\n\"{name}2\"\n"));
    program.works(&["import", "clients", &clients]);
    program.ends(3, &["sync"]);
    let open = program.ends(3, &["match", "--open"]).out;
    let line = open.lines().find(|line| line.contains(&name)).unwrap();
    assert!(
        line.contains(&format!("{name}1")) && line.contains(&format!("{name}2")),
        "{line}"
    );
    // Decided by a person, it is decided.
    let chosen = format!("{name}2");
    program.run(&["match", "set", &id.to_string(), &chosen]);
    let matched = program.run(&["match"]).out;
    let line = matched.lines().find(|line| line.contains(&name)).unwrap();
    assert!(line.contains("matched") && line.contains(&chosen), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_goes_round_in_circles_or_never_ends_is_an_error_and_soon() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    let settings = ["--set", "page_size=10", "--set", "max_devices=500"];
    let ran = crate::tenant::connect_machine(&program, &ninja.base_url(), &settings);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for (effect, word) in [
        (Effect::RepeatPage, "round in circles"),
        (Effect::StuckCursor, "round in circles"),
        (Effect::EndlessPages, "does not end"),
    ] {
        ninja.faults().clear();
        ninja.faults().always(LIST, effect);
        let began = Instant::now();
        program.refuses(&["sync"], &["ninjaone", "reading devices", word]);
        assert!(began.elapsed().as_secs() < 20);
        // The failed pass left no snapshot, and the run's reason stays.
        program.refuses(&["plan"], &["nothing was read", "rmmbridge sync"]);
        let runs = program.json(&["runs"]);
        assert!(runs[0]["reason"].as_str().unwrap().contains(word), "{runs}");
    }
    ninja.faults().clear();
    program.ends(3, &["sync"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_values_are_listed_and_skip_their_field_or_device_alone() {
    let ninja = ninja(120).await;
    let program = bridged(&ninja, "humanizeit");
    ninja.faults().always(LIST, Effect::AbsurdValues { every: 7 });
    let ran = program.run(&["sync"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:#?}");
    assert!(
        ran.out
            .contains("not readable: a device without a usable id: id is -"),
        "{ran:#?}"
    );
    let listed = ran.out.matches("not readable: ").count();
    assert!((1..=20).contains(&listed), "{ran:#?}");
    program.works(&["match", "create", "--unmatched"]);
    let ran = program.run(&["sync"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let (assets, _) = counted(&program);
    assert_eq!(assets, 120 - listed, "{ran:#?}");
    // Fields of the wrong type: the device comes, the field is named.
    ninja.faults().clear();
    let wrong = Effect::WrongType {
        field: "system.serialNumber".into(),
        value: serde_json::json!({"a": 1}),
        every: 5,
    };
    ninja.faults().always(LIST, wrong);
    let told = program.works(&["sync"]);
    assert!(told.contains("field(s) left out, since not readable"), "{told}");
    assert!(told.contains(": system.serialNumber: "), "{told}");
    let plan = program.json(&["plan"]);
    assert!(plan["skipped_fields"]["count"].as_u64().unwrap() >= 20, "{plan}");
    // What cannot be read overwrites nothing.
    assert_eq!(plan["plan"]["counts"]["updates"], 0, "{plan}");
}
