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

/// A hub with a bridge, two organizations decided differently, and its configuration as a file.
fn decided(program: &Program) -> (String, serde_json::Value) {
    program.ends(3, &["sync"]);
    program.works(&["match", "create", "--unmatched"]);
    let file = program.file("rmmbridge.yaml", "");
    program.works(&["export", &file]);
    (std::fs::read_to_string(&file).unwrap(), program.json(&["export"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_go_by_the_organizations_name_and_not_by_its_id_alone() {
    let ninja = ninja(60).await;
    let names: Vec<(u32, &str)> = vec![
        (1, "Acme Inc"),
        (2, "Borealis Dental Group"),
        (3, "Cordoba Logistics"),
        (4, "Delphi Partners"),
    ];
    let ids: Vec<u32> = ninja.organizations().iter().map(|(id, _)| *id).collect();
    let named: Vec<(u32, &str)> = ids
        .iter()
        .zip(&names)
        .map(|(id, (_, name))| (*id, *name))
        .collect();
    assert!(ninja.name_organizations(&named).is_empty());
    let first = bridged(&ninja, "default");
    let (yaml, document) = decided(&first);
    let decisions = document["bridges"]["assets"]["decisions"].as_object().unwrap();
    assert_eq!(decisions.len(), 4);
    for (id, name) in &named {
        let decision = &decisions[&id.to_string()];
        assert_eq!(
            (decision["organization"].as_str(), decision["verdict"].as_str()),
            (Some(*name), Some("create"))
        );
    }

    // The same tenant a while later: a spelling corrected, and one organization that is another by now.
    ninja.name_organizations(&[(ids[1], "Borealis Dental Groups"), (ids[3], "Zenith")]);
    let second = bridged(&ninja, "default");
    second.ends(3, &["sync"]);
    let file = second.file("rmmbridge.yaml", &yaml);
    let told = second.ends(3, &["import", "config", &file]).out;
    let left_out: Vec<&str> = told.lines().filter(|line| line.starts_with("Left out")).collect();
    assert_eq!(left_out.len(), 1, "{told}");
    let words = format!(
        "organization {} was `Delphi Partners` and is `Zenith` here",
        ids[3]
    );
    assert!(
        left_out[0].contains(&words) && left_out[0].contains("rmmbridge match"),
        "{told}"
    );
    assert_eq!(
        second.json(&["export"])["bridges"]["assets"]["decisions"]
            .as_object()
            .unwrap()
            .len(),
        3
    );

    // Another tenant: the same ids, and only one name by chance.
    let other = crate::tenant::ninja(60).await;
    other.name_organizations(&[(ids[0], "Acme Inc")]);
    let third = bridged(&other, "default");
    third.ends(3, &["sync"]);
    let file = third.file(
        "rmmbridge.yaml",
        yaml.replace(&ninja.base_url(), &other.base_url()),
    );
    let told = third.ends(3, &["import", "config", &file]).out;
    assert!(
        told.contains("another tenant's: 3 of 4") && told.contains("`Delphi Partners`"),
        "{told}"
    );
    assert_eq!(
        third.json(&["export"])["bridges"]["assets"]["decisions"],
        serde_json::json!({})
    );
    // Without names nothing can be compared, and nothing is taken over.
    let nameless: String = yaml
        .lines()
        .filter(|line| !line.trim().starts_with("organization:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let file = second.file("nameless.yaml", nameless);
    let told = second.ends(3, &["import", "config", &file]).out;
    assert!(told.contains("the document does not name organization"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_joins_other_connections_here_is_refused() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    let good = exported(&program);
    let moved = good.replacen("  ninjaone:\n", "  elsewhere:\n", 1).replacen(
        "source: ninjaone",
        "source: elsewhere",
        1,
    );
    assert_ne!(moved, good);
    let file = program.file("moved.yaml", moved);
    program.refuses(
        &["import", "config", &file],
        &[
            "bridge `assets` joins `ninjaone` to `registry` here",
            "`elsewhere` to `registry`",
            "another name",
        ],
    );
    assert_eq!(exported(&program), good, "nothing was stored");
    let other = good.replacen("kind: ninjaone", "kind: registry", 1);
    let file = program.file("kind.yaml", other);
    program.refuses(
        &["import", "config", &file],
        &["connection `ninjaone` is of kind ninjaone here"],
    );
    assert_eq!(exported(&program), good, "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_comes_along_and_is_left_alone_by_a_document_without_it() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    let good = exported(&program);
    assert_eq!(good.matches("read_only: false").count(), 2, "{good}");
    let file = program.file("locked.yaml", good.replace("read_only: false", "read_only: true"));
    program.works(&["import", "config", &file]);
    let locked = exported(&program);
    assert_eq!(locked.matches("read_only: true").count(), 2, "{locked}");
    let silent = good.lines().filter(|line| !line.contains("read_only"));
    let silent: Vec<&str> = silent.collect();
    let file = program.file("silent.yaml", silent.join("\n"));
    program.works(&["import", "config", &file]);
    assert_eq!(exported(&program), locked);
    // Nothing is written then, whatever a plan says.
    program.ends(3, &["sync"]);
    program.works(&["match", "create", "--unmatched"]);
    program.works(&["plan"]);
    program.refuses_with(3, &["apply"], &["read-only"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_to_a_file_has_a_word_for_programs_too() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    let file = program.file("rmmbridge.yaml", "");
    let told = program.json(&["export", &file]);
    assert_eq!(
        told,
        serde_json::json!({ "file": file, "connections": ["ninjaone", "registry"], "bridges": ["assets"] })
    );
    assert_eq!(
        std::fs::read_to_string(&file).unwrap().trim(),
        exported(&program).trim()
    );
}
