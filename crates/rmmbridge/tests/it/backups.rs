//! `backup`, `restore`, `keys` and `instance` as commands, on the files an operator has.

use crate::program::Program;
use std::path::Path;

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_backup_is_made_checked_and_restored_with_the_key_it_needs() {
    let program = Program::new();
    program.works(&["runs"]);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("hub.backup");
    let file = file.to_str().unwrap();
    let made = program.works(&["backup", file]);
    assert!(
        made.contains("read back") && made.contains("master key"),
        "{}",
        made
    );
    let checked = program.works(&["backup", "verify", file]);
    assert!(checked.contains("is sound"), "{}", checked);
    let again = program.run(&["backup", file]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("--replace"), "{}", again.err);
    program.works(&["backup", file, "--replace"]);

    // Another machine with a key of its own: it says what it needs, and takes it.
    let other = Program::new();
    let refused = other.run(&["restore", file]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("--key-file"), "{}", refused.err);
    let key = program.data_dir().join("master.key");
    let restored = other.works(&["restore", file, "--key-file", key.to_str().unwrap()]);
    assert!(restored.contains("rmmbridge instance confirm"), "{}", restored);
    let shown = other.run(&["instance", "show"]);
    assert_eq!(shown.code, Some(3));
    assert!(shown.out.contains("restored from a backup"), "{}", shown.out);
    other.works(&["instance", "confirm"]);
    other.works(&["instance", "show"]);
    // A file that is no backup, and one that is not there.
    for (name, words) in [
        ("notes.txt", "no backup of rmmbridge"),
        ("missing", "Is the path right?"),
    ] {
        let path = files.path().join(name);
        if name == "notes.txt" {
            std::fs::write(&path, "notes").unwrap();
        }
        let refused = Program::new().run(&["restore", path.to_str().unwrap()]);
        assert!(refused.err.contains(words), "{}", refused.err);
    }
}

#[test]
fn the_key_is_rotated_and_older_backups_open_with_the_retired_one() {
    let program = Program::new();
    program.works(&["export"]);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("old.backup");
    let file = file.to_str().unwrap();
    program.works(&["backup", file]);
    program.works(&["keys", "rotate", "--prepare"]);
    let rotated = program.json(&["keys", "rotate"]);
    assert_eq!(rotated["resumed"], true);
    let retired = rotated["retired"][0].as_str().unwrap().to_owned();
    program.works(&["runs"]);
    let refused = program.run(&["backup", "verify", file]);
    assert!(refused.err.contains("--key-file"), "{}", refused.err);
    program.works(&["backup", "verify", file, "--key-file", &retired]);
    let missing = program.run(&["backup", "verify", file, "--key-file", "/no/such/key"]);
    assert!(missing.err.contains("/no/such/key"), "{}", missing.err);
    // A key from the environment cannot be changed by us.
    let fixed = Program::new().with("RMMBRIDGE_MASTER_KEY", crate::program::MASTER_KEY);
    fixed.works(&["export"]);
    let refused = fixed.run(&["keys", "rotate"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("openssl rand -hex 32"), "{}", refused.err);
}

#[test]
fn a_copied_data_directory_waits_until_an_owner_confirms_it() {
    let program = Program::new();
    program.works(&["runs"]);
    let copy = Program::new();
    copy_directory(program.data_dir(), copy.data_dir());
    let shown = copy.run(&["instance", "show"]);
    assert_eq!(shown.code, Some(3));
    assert!(shown.out.contains("copied from"), "{}", shown.out);
    program.works(&["instance", "show"]);
    copy.works(&["instance", "confirm"]);
    copy.works(&["instance", "show"]);
}
