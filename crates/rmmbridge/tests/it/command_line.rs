//! The command line itself: help, exit codes, completions, `doctor`.

use crate::program::Program;
use std::process::{Command, Stdio};

const COMMANDS: [&str; 39] = [
    "demo",
    "serve",
    "people",
    "api-keys",
    "errors",
    "why",
    "conflicts",
    "duplicates",
    "drift",
    "connect",
    "check",
    "connection",
    "bridge",
    "match",
    "plan",
    "apply",
    "sync",
    "undo",
    "status",
    "notify",
    "retention",
    "pause",
    "resume",
    "runs",
    "worker",
    "jobs",
    "schedule",
    "assets",
    "audit",
    "contacts",
    "export",
    "import",
    "backup",
    "restore",
    "keys",
    "instance",
    "simulate",
    "doctor",
    "completions",
];

#[test]
fn every_command_explains_itself() {
    let program = Program::new();
    let all = program.works(&["--help"]);
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command}")), "{command}: {all}");
        let help = program.works(&[command, "--help"]);
        assert!(
            help.contains("Usage: rmmbridge ") && help.contains("--data-dir"),
            "{command}: {help}"
        );
        assert!(
            help.contains("--json") && help.lines().all(|line| line.chars().count() <= 130),
            "{command}: {help}"
        );
    }
    // What the list above does not know would go untested.
    let listed = all
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("Options:")
        .next()
        .unwrap();
    assert_eq!(
        listed
            .trim()
            .lines()
            .filter(|line| !line.contains("  help "))
            .count(),
        COMMANDS.len(),
        "{listed}"
    );
    for nested in [
        "backup verify",
        "keys rotate",
        "instance show",
        "instance confirm",
        "bridge add",
        "bridge show",
        "errors retry",
        "errors ignore",
        "conflicts take",
        "duplicates link",
        "drift accept",
        "people add",
        "notify add",
        "notify add mail",
        "notify test",
        "connection pause",
        "connection read-only",
        "bridge set",
        "bridge resume",
        "match set",
        "match create",
        "import config",
        "import contacts",
        "simulate ninjaone",
    ] {
        let arguments: Vec<&str> = nested.split(' ').chain(["--help"]).collect();
        assert!(
            program.works(&arguments).contains("Usage: rmmbridge "),
            "{nested}"
        );
    }
    // Asking for help makes nothing.
    assert!(!program.data_dir().exists());
}

#[test]
fn exit_codes_and_variables_are_documented() {
    let help = Program::new().works(&["--help"]);
    for code in [0, 1, 2, 3, 4, 5, 130] {
        assert!(help.contains(&format!("\n  {code}  ")), "{code}: {help}");
    }
    for variable in ["DATA_DIR", "DATABASE", "MASTER_KEY", "LOG", "PROXY", "EXTRA_CA"] {
        assert!(
            help.contains(&format!("RMMBRIDGE_{variable}")),
            "{variable}: {help}"
        );
    }
}

#[test]
fn a_wrong_command_line_is_code_2() {
    let program = Program::new();
    for wrong in [
        &["nonsense"][..],
        &[],
        &["sync", "--nonsense"],
        &["apply", "--first", "many"],
        &["plan", "id", "--read"],
        &["match", "create"],
        &["import", "nonsense", "file"],
        &["simulate", "ninjaone", "--devices", "5"],
        &["completions", "nonsense"],
    ] {
        let ran = program.ends(2, wrong);
        assert!(
            ran.out.is_empty() && ran.err.contains("try '--help'"),
            "{wrong:?}: {ran:?}"
        );
    }
    assert!(!program.data_dir().exists());
}

#[test]
fn what_is_not_there_yet_says_how_it_is_made() {
    let program = Program::new();
    assert!(program.works(&["check"]).contains("rmmbridge connect"));
    assert!(
        program
            .works(&["bridge", "list"])
            .contains("rmmbridge bridge add")
    );
    assert!(program.works(&["runs"]).contains("No runs yet"));
    assert!(program.works(&["assets"]).contains("No assets"));
    assert!(program.works(&["contacts"]).contains("rmmbridge import contacts"));
    program.refuses(&["contacts", "--client", "nonsense"], &["no client `nonsense`"]);
    program.refuses(&["bridge", "add"], &["no connection", "rmmbridge connect"]);
    for command in ["sync", "plan", "apply", "match"] {
        program.refuses(&[command], &["no bridge", "rmmbridge bridge add"]);
    }
    program.refuses(&["plan", "nonsense"], &["no plan `nonsense`"]);
    program.refuses(&["runs", "nonsense"], &["no run `nonsense`"]);
    program.refuses(&["assets", "nonsense"], &["no asset `nonsense`"]);
    program.refuses(&["check", "nonsense"], &["no connection `nonsense`"]);
    // The same as a document: nothing else on standard output.
    let ran = program.ends(1, &["sync", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(
        document["error"].as_str().unwrap().contains("no bridge"),
        "{document}"
    );
}

#[test]
fn completions_are_scripts_their_shells_accept() {
    let program = Program::new();
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef rmmbridge"),
        ("fish", "complete -c rmmbridge"),
    ] {
        let script = program.works(&["completions", shell]);
        assert!(
            script.contains(mark) && COMMANDS.iter().all(|command| script.contains(command)),
            "{shell}"
        );
        let file = program.file(&format!("completions.{shell}"), &script);
        let checked = Command::new(shell)
            .args(["-n", &file])
            .stderr(Stdio::inherit())
            .status();
        // A shell that is not installed cannot be asked.
        assert!(checked.map_or(true, |status| status.success()), "{shell}");
    }
    assert!(!program.data_dir().exists());
}

#[test]
fn doctor_passes_a_new_installation_and_names_what_is_broken() {
    let program = Program::new();
    let told = program.works(&["doctor"]);
    assert!(
        told.contains("✓ Database integrity: ok") && !told.contains('✗'),
        "{told}"
    );
    let points = program.json(&["doctor"]);
    assert!(
        points
            .as_array()
            .unwrap()
            .iter()
            .all(|point| point["verdict"] == "passed"),
        "{points}"
    );

    // Another master key than the one the secrets were sealed with.
    std::fs::write(program.data_dir().join("master.key"), "0".repeat(64)).unwrap();
    let told = program.ends(3, &["doctor"]).out;
    assert!(
        told.contains('✗') && told.contains("master key") && told.contains("master.key"),
        "{told}"
    );
}
