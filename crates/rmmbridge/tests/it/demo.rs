//! `demo`: the whole way, on a machine that has nothing yet.

use crate::program::Program;
use serde_json::Value;

#[test]
fn it_ends_well_twice_in_a_row_with_nothing_left_to_do() {
    let program = Program::new();
    for _ in 0..2 {
        let told = program.works(&["demo", "--devices", "120"]);
        let step = |number: u32| {
            told.find(&format!("{number}. "))
                .unwrap_or_else(|| panic!("step {number}: {told}"))
        };
        assert!((1..9).all(|number| step(number) < step(number + 1)), "{told}");
        let (before, after) = told.split_at(step(7));
        assert!(
            before.contains("ninjaone: Connected") && before.contains("120 assets to create"),
            "{told}"
        );
        let (third, undo) = after.split_at(step(8) - step(7));
        assert!(third.contains("Nothing to write."), "{after}");
        let (undo, last) = undo.split_at(step(9) - step(8));
        assert!(
            undo.contains("(written by the run)") && undo.contains("records written"),
            "{undo}"
        );
        assert!(
            last.contains("Nothing to write.") && last.contains("rmmbridge undo --release"),
            "{last}"
        );
        // What to do next, with a real account and with what is there.
        assert!(
            after.contains("rmmbridge connect --region us --client-id"),
            "{after}"
        );
        // One command of the advice, as it stands there.
        let advice = after.lines().find(|line| line.contains(" runs")).unwrap();
        let arguments: Vec<&str> = advice.split_whitespace().skip(1).collect();
        assert!(program.works(&arguments).contains("apply"), "{advice}");
    }
}

#[test]
fn it_prints_one_json_document_when_asked() {
    let told = Program::new().json(&["demo", "--devices", "120"]);
    assert_eq!(told["devices"], 120);
    assert_eq!(told["first_plan"]["counts"]["create_assets"], 120, "{told}");
    let writes = |plan: &Value| {
        let kinds = [
            "create_clients",
            "create_asset_types",
            "create_assets",
            "links",
            "updates",
            "archives",
            "restores",
            "unlinks",
        ];
        kinds
            .iter()
            .map(|kind| plan["counts"][kind].as_u64().unwrap())
            .sum::<u64>()
    };
    assert!(writes(&told["second_plan"]) > 0, "{told}");
    assert_eq!(writes(&told["third_plan"]), 0, "{told}");
    assert!(writes(&told["undo_plan"]) > 0, "{told}");
    assert_eq!(writes(&told["last_plan"]), 0, "{told}");
}

#[test]
fn another_seed_and_size_is_another_estate() {
    let program = Program::new();
    let told = program.json(&["demo", "--devices", "300", "--seed", "7"]);
    assert_eq!(told["devices"], 300);
    assert_eq!(told["third_plan"]["counts"]["create_assets"], 0);
}

#[test]
fn it_leaves_a_directory_alone_that_no_demo_made() {
    let program = Program::new();
    let directory = program.data_dir().join("demo");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("thesis.txt"), "years of work").unwrap();
    let error = program.refuses(&["demo", "--devices", "120"], &["no demo made it", "--data-dir"]);
    assert!(error.contains(directory.to_str().unwrap()), "{error}");
    assert_eq!(
        std::fs::read_to_string(directory.join("thesis.txt")).unwrap(),
        "years of work"
    );
}

#[test]
fn a_second_demo_leaves_the_first_one_its_database() {
    let program = Program::new();
    let first = program.start(&["demo", "--devices", "2000"]);
    first.says("Reading devices");
    program.refuses_with(
        5,
        &["demo", "--devices", "120"],
        &["another rmmbridge is at work", "rmmbridge demo"],
    );
    assert_eq!(first.end().code, Some(0));
}

#[test]
fn it_does_not_touch_a_database_it_was_given() {
    let program = Program::new();
    program.refuses(
        &["demo", "--database", "postgres://nobody@127.0.0.1/hub"],
        &["--database"],
    );
    program.ends(2, &["demo", "--devices", "9"]);
}
