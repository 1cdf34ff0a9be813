//! The configuration as a file: out of one hub, into another.

use crate::program::Program;
use crate::tenant::{bridged, connect_machine, ninja};

/// The exported configuration of a program with a bridge whose mapping may be edited.
fn exported(program: &Program) -> String {
    program.works(&["export"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_is_set_up_from_the_first_ones_file() {
    let ninja = ninja(60).await;
    let first = bridged(&ninja, "humanizeit");
    first.ends(3, &["sync"]);
    first.works(&["match", "create", "--unmatched"]);
    let file = first.file("rmmbridge.yaml", "");
    assert!(first.works(&["export", &file]).contains("no secrets"));
    let yaml = std::fs::read_to_string(&file).unwrap();
    assert_eq!(yaml.trim(), exported(&first).trim());
    assert!(!yaml.contains("secret"), "{yaml}");

    let second = Program::new();
    // The secret is asked for: what depends on it is left out by name.
    let told = second.ends(3, &["import", "config", &file]).out;
    assert!(
        told.contains("Left out: connection `ninjaone`")
            && told.contains("rmmbridge connect --name ninjaone"),
        "{told}"
    );
    assert!(told.contains("Left out: bridge `assets`"), "{told}");
    let ran = connect_machine(&second, &ninja.base_url(), &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    // Decisions are about organizations, which this hub has not read yet.
    let told = second.ends(3, &["import", "config", &file]).out;
    assert!(
        told.contains("Bridges: assets") && told.contains("Left out: decisions of bridge `assets`"),
        "{told}"
    );
    assert!(told.contains("rmmbridge sync"), "{told}");
    second.ends(3, &["sync"]);
    assert!(!second.works(&["import", "config", &file]).contains("Left out"));
    assert_eq!(exported(&second).trim(), yaml.trim());
    // Nobody is asked again.
    assert!(second.works(&["sync"]).contains("60 assets to create"));
    // A second time it changes nothing.
    second.works(&["import", "config", &file]);
    assert!(second.works(&["plan"]).contains("Nothing to write"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_cannot_be_used_is_refused_and_changes_nothing() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    let good = exported(&program);
    let edited = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        program.file("edited.yaml", good.replacen(from, to, 1))
    };
    // Invalid JMESPath: the rule, what is wrong and where.
    let file = edited("system.serialNumber", "system.[serialNumber");
    program.refuses(
        &["import", "config", &file],
        &["bridge `assets`", "serialNumber", "system.[serialNumber"],
    );
    // One source field twice, written in two ways.
    let file = edited("system.manufacturer", "system . model");
    program.refuses(
        &["import", "config", &file],
        &["bridge `assets`", "manufacturer", "modelNumber", "once"],
    );
    // A target twice, and one that is not there.
    let file = edited("target: os", "target: name");
    program.refuses(&["import", "config", &file], &["bridge `assets`", "name"]);
    let file = edited("target: os", "target: nonsense");
    program.refuses(&["import", "config", &file], &["bridge `assets`", "nonsense"]);
    assert_eq!(exported(&program), good);

    // The same into a hub that has nothing: nothing is left there either.
    let fresh = Program::new();
    let file = edited("system.serialNumber", "system.[serialNumber");
    let text = std::fs::read_to_string(&file).unwrap();
    let consent = text.replace("      mode: machine\n", "");
    let file = fresh.file("edited.yaml", consent);
    fresh.refuses(
        &["import", "config", &file],
        &["bridge `assets`", "system.[serialNumber"],
    );
    assert_eq!(fresh.json(&["bridge", "list"]), serde_json::json!([]));
    assert_eq!(fresh.json(&["check"]), serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_mapping_is_read_only_until_it_is_made_ones_own() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "humanizeit");
    let good = exported(&program);
    let changed = good.replacen("os.name", "os.buildNumber", 1);
    let file = program.file("changed.yaml", &changed);
    program.refuses(
        &["import", "config", &file],
        &["fixed by the preset humanizeit", "fixed_by"],
    );
    assert_eq!(exported(&program), good);
    let own = changed.replacen("        fixed_by: humanizeit\n", "", 1);
    let file = program.file("own.yaml", own);
    program.works(&["import", "config", &file]);
    assert!(program.works(&["bridge", "show"]).contains("os.buildNumber"));
}

#[test]
fn a_file_that_is_no_configuration_is_explained() {
    let program = Program::new();
    program.refuses(
        &["import", "config", "/nowhere.yaml"],
        &["/nowhere.yaml", "No such file"],
    );
    for (text, words) in [
        ("just a sentence", &["is no configuration"][..]),
        (
            "rmmbridge: 1\nconnections: {}\nbridges: {}\nsurprise: 1\n",
            &["surprise"],
        ),
        (
            "rmmbridge: 2\nconnections: {}\nbridges: {}\n",
            &["format 2 is newer"],
        ),
        (
            "rmmbridge: 1\nconnections:\n  a: {kind: nonsense}\nbridges: {}\n",
            &["a", "nonsense"],
        ),
        ("rmmbridge: 1\nconnections: [\n", &["is no configuration"]),
    ] {
        let file = program.file("odd.yaml", text);
        program.refuses(&["import", "config", &file], words);
    }
    assert_eq!(program.json(&["check"]), serde_json::json!([]));
}
