//! Data directories and databases that cannot be used.

use crate::program::{MASTER_KEY, Program, Running};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::TestStore;

/// Runs `export` as somebody permissions hold for: whoever runs the tests or, where that is root, `nobody`.
fn export_as_an_ordinary_user(program: &Program) -> String {
    let command = if is_root() {
        as_nobody(program)
    } else {
        program.command(&["export"])
    };
    let ran = Running::of(command).end();
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    ran.err
        .lines()
        .find(|line| line.starts_with("error: "))
        .unwrap()
        .to_owned()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// The same program through util-linux's `setpriv`; a copy of it, since nobody can look into root's directories.
fn as_nobody(program: &Program) -> Command {
    let inner = program.command(&["export"]);
    let copy = program.data_dir().with_file_name("rmmbridge");
    std::fs::copy(inner.get_program(), &copy).unwrap();
    mode(&copy, 0o755);
    mode(copy.parent().unwrap(), 0o755);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .arg("export");
    command
        .env_clear()
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes everything below `path` the ordinary user's.
fn give_away(path: &Path) {
    if is_root() {
        let given = Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(path)
            .status()
            .unwrap();
        assert!(given.success());
    }
}

#[test]
fn a_file_where_the_directory_should_be_is_named() {
    let program = Program::new();
    let file = program.file("data", "not a directory");
    let error = program.refuses(&["check"], &["data directory", &file, "--data-dir"]);
    assert!(
        error.contains("exists") || error.contains("Not a directory"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), "not a directory");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    // Not even root makes directories there.
    let program = Program::in_directory(Path::new("/proc/rmmbridge"));
    program.refuses(&["check"], &["data directory `/proc/rmmbridge`", "--data-dir"]);
}

#[test]
fn a_directory_without_rights_is_named_with_the_reason() {
    let program = Program::new();
    std::fs::create_dir(program.data_dir()).unwrap();
    mode(program.data_dir(), 0o000);
    let error = export_as_an_ordinary_user(&program);
    mode(program.data_dir(), 0o755);
    let directory = program.data_dir().to_str().unwrap();
    assert!(
        error.contains(directory) && error.contains("Permission denied"),
        "{error}"
    );
    assert!(error.contains("--data-dir"), "{error}");
}

#[test]
fn a_read_only_directory_is_named_with_the_reason_and_stays_as_it_is() {
    let program = Program::new();
    program.works(&["check"]);
    let before = std::fs::read(program.data_dir().join("rmmbridge.db")).unwrap();
    give_away(program.data_dir());
    for file in std::fs::read_dir(program.data_dir()).unwrap() {
        mode(&file.unwrap().path(), 0o400);
    }
    mode(program.data_dir(), 0o555);
    let error = export_as_an_ordinary_user(&program);
    mode(program.data_dir(), 0o755);
    assert!(
        error.contains("Permission denied") && error.contains("--data-dir"),
        "{error}"
    );
    assert!(error.contains("rmmbridge.db"), "{error}");
    assert_eq!(
        std::fs::read(program.data_dir().join("rmmbridge.db")).unwrap(),
        before
    );
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let program = Program::new();
    std::fs::create_dir(program.data_dir()).unwrap();
    let file = program.data_dir().join("rmmbridge.db");
    let text = "this is a letter to somebody, and not a database at all\n".repeat(100);
    std::fs::write(&file, &text).unwrap();
    program.refuses(
        &["check"],
        &[file.to_str().unwrap(), "not a database", "Move that file away"],
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_left_alone() {
    let store = TestStore::sqlite().await;
    let program = Program::in_directory(store.directory()).with("RMMBRIDGE_MASTER_KEY", MASTER_KEY);
    program.works(&["check"]);
    store
        .sql(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9000, 'of the future', TRUE, x'00', 1)",
        )
        .await;
    program.refuses(
        &["check"],
        &[
            "newer rmmbridge",
            "schema 9000",
            "Use that version, or restore a backup",
        ],
    );
    assert_eq!(
        store
            .sql("SELECT COUNT(*) FROM _sqlx_migrations WHERE version = 9000")
            .await,
        1
    );
}

#[test]
fn another_master_key_is_noticed_at_once() {
    let program = Program::new();
    program.works(&["check"]);
    let file = program.data_dir().join("master.key");
    let key = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "0".repeat(64)).unwrap();
    program.refuses(&["check"], &["master key", "master.key"]);
    std::fs::write(&file, key).unwrap();
    program.works(&["check"]);
}

#[test]
fn a_master_key_that_is_none_is_named_with_what_it_is_and_what_to_do() {
    let program = Program::new();
    program.works(&["check"]);
    let file = program.data_dir().join("master.key");
    let key = std::fs::read_to_string(&file).unwrap();
    let name = format!("`{}`", file.display());
    for (text, cause) in [
        (&b"not-a-key"[..], "it has 9 characters"),
        (&key.as_bytes()[..63], "it has 63 characters"),
        (b"", "it is empty"),
        (&[b'z'; 64], "not all of them are 0 to 9 and a to f"),
        (b"\xff\xfe\x00", "It is no text of 64 hexadecimal digits"),
    ] {
        std::fs::write(&file, text).unwrap();
        for command in ["check", "export"] {
            let told = program.refuses(&[command], &[&name, cause, "Put back the copy of the key"]);
            assert!(!told.contains(&key[..20]) && !told.contains("zzz"), "{told}");
        }
        let told = program.ends(3, &["doctor"]).out;
        assert!(told.contains(&name) && told.contains(cause), "{told}");
        assert_eq!(std::fs::read(&file).unwrap(), text, "it is left as it is");
    }
    std::fs::write(&file, &key).unwrap();
    for open in [0o644, 0o640, 0o604] {
        mode(&file, open);
        let told = program.refuses(&["check"], &[&name, &format!("mode {open:o}"), "chmod 600"]);
        assert!(!told.contains(key.trim()), "{told}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    program.refuses(&["check"], &[&name, "directory", "put the key there as a file"]);
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, key).unwrap();
    mode(&file, 0o600);
    program.works(&["check"]);
    let program = Program::new().with("RMMBRIDGE_MASTER_KEY", "abc");
    program.refuses(
        &["check"],
        &[
            "RMMBRIDGE_MASTER_KEY",
            "64 hexadecimal digits",
            "it has 3 characters",
            "Put back",
        ],
    );
}

#[test]
fn a_master_key_that_may_not_be_read_is_named_with_the_reason() {
    let program = Program::new();
    program.works(&["check"]);
    let file = program.data_dir().join("master.key");
    give_away(program.data_dir());
    mode(&file, 0o000);
    let error = export_as_an_ordinary_user(&program);
    for part in [
        &format!("`{}`", file.display()),
        "Permission denied",
        "chown",
        "chmod 600",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_database_address_that_makes_no_sense_is_explained() {
    let program = Program::new();
    program.refuses(
        &["check", "--database", "mysql://host/db"],
        &["mysql", "postgres://user@host/database"],
    );
    let error = program.refuses(
        &[
            "check",
            "--database",
            "postgres://somebody:pass-of-hers@127.0.0.1:9/hub",
        ],
        &["127.0.0.1:9/hub", "that the server runs"],
    );
    assert!(!error.contains("pass-of-hers"), "{error}");
}

#[test]
fn a_backup_of_a_hub_that_is_elsewhere_is_refused_instead_of_made_of_an_empty_one() {
    let program = Program::new();
    let file = program.data_dir().with_file_name("hub.backup");
    let file = file.to_str().unwrap();
    for command in [
        &["backup", file][..],
        &["keys", "rotate"],
        &["instance", "confirm"],
        &["instance", "show"],
    ] {
        program.refuses(command, &["there is no hub in", "--data-dir", "docs/install.md"]);
        assert!(!program.data_dir().join("rmmbridge.db").exists(), "{command:?}");
    }
    assert!(!Path::new(file).exists());
    program.works(&["export"]);
    program.works(&["backup", file]);
    program.works(&["backup", "verify", file]);
}
