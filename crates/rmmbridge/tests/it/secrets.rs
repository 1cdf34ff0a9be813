//! Secrets stay in the vault: not on a screen, not in a log, not in the clear in any file.

use crate::program::{MASTER_KEY, Program};
use crate::tenant::{consented, ninja};
use secrecy::ExposeSecret as _;
use std::path::Path;

/// The tokens the program holds, read with its own key.
async fn tokens(program: &Program) -> Vec<String> {
    let store = program.store().await;
    let connection = store.connection_named("ninjaone").await.unwrap().unwrap();
    let grant = store.grants(&connection.id).load().await.unwrap().unwrap();
    store.close().await;
    let refresh = grant.refresh_token.unwrap();
    vec![
        grant.access_token.expose_secret().to_owned(),
        refresh.expose_secret().to_owned(),
    ]
}

/// Every file below a directory with its bytes.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_output_nor_log_nor_file_holds_a_secret() {
    let ninja = ninja(60).await;
    let program = Program::new()
        .with("RMMBRIDGE_MASTER_KEY", MASTER_KEY)
        .with("RMMBRIDGE_LOG", "trace");
    let mut printed = String::new();
    let mut told = |ran: crate::program::Ran| {
        printed.push_str(&ran.out);
        printed.push_str(&ran.err);
    };
    told(consented(&program, &ninja, &[]).await);
    let mut canaries = tokens(&program).await;
    program.works(&["bridge", "add"]);
    told(program.run(&["sync"]));
    // A refresh, and a log that really was written to.
    ninja.grants().expire_access_tokens();
    let refreshed = program.run(&["sync", "-vv"]);
    assert!(refreshed.err.contains("TRACE"), "{}", refreshed.err.len());
    told(refreshed);
    assert_eq!(ninja.grants().token_calls().refresh_token, 1);
    canaries.extend(tokens(&program).await);
    for arguments in [
        &["check", "ninjaone"][..],
        &["check", "--json"],
        &["doctor"],
        &["export"],
        &["runs", "--json"],
    ] {
        told(program.run(arguments));
    }
    // A grant that ended: its error must not quote it.
    ninja.grants().revoke_all();
    told(program.run(&["sync"]));
    canaries.extend(["demo-web-secret", "demo-password", MASTER_KEY].map(str::to_owned));
    assert_eq!(canaries.len(), 7);
    for canary in &canaries {
        assert!(canary.len() > 10, "{canary:?} would be found anywhere");
        assert!(!printed.contains(canary.as_str()), "{canary} was printed");
        for (file, bytes) in files(program.data_dir()) {
            assert!(!holds(&bytes, canary), "{canary} stands in {file}");
        }
    }
    // The search itself finds what is there in the clear.
    let database = std::fs::read(program.data_dir().join("rmmbridge.db")).unwrap();
    let log = std::fs::read(program.data_dir().join("rmmbridge.db-wal")).unwrap_or_default();
    assert!(holds(&database, "demo-web") || holds(&log, "demo-web"));
}

#[test]
fn the_master_key_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let program = Program::new();
    program.works(&["check"]);
    let key = program.data_dir().join("master.key");
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    program.refuses(&["check"], &["master.key", "chmod 600"]);
}

#[test]
fn a_systemd_credential_is_the_key_where_there_is_one() {
    let program = Program::new();
    let file = program.file("rmmbridge-master-key", MASTER_KEY);
    let directory = Path::new(&file).parent().unwrap().to_str().unwrap().to_owned();
    let program = program.with("CREDENTIALS_DIRECTORY", &directory);
    program.works(&["check"]);
    assert!(!program.data_dir().join("master.key").exists());
    // The same key from the environment opens the same secrets.
    let other = Program::in_directory(program.data_dir()).with("RMMBRIDGE_MASTER_KEY", MASTER_KEY);
    other.works(&["check"]);
}
