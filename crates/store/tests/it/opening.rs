//! Opening: what is made, what is brought up to date, and what is refused with which words.

use crate::estate;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::{DatabaseUrl, Error, Store};
use testkit::{CountingRandom, Engine, FixedClock, TestStore};

async fn open(url: &DatabaseUrl) -> Result<Store, Error> {
    Store::open(
        url,
        TestStore::key(),
        Arc::new(FixedClock::default()),
        Arc::new(CountingRandom::default()),
    )
    .await
}

async fn open_file(path: &Path) -> Result<Store, Error> {
    open(&DatabaseUrl::Sqlite(path.to_owned())).await
}

/// The error of opening a file, which names it, and what it says.
async fn refused(path: &Path, cause: &str, next_step: &str) -> String {
    let error = open_file(path).await.unwrap_err();
    let shown = error.to_string();
    for part in [&*path.to_string_lossy(), cause, next_step] {
        assert!(shown.contains(part), "`{part}` is missing in: {shown}");
    }
    shown
}

#[tokio::test]
async fn a_missing_directory_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a").join("b").join("rmmbridge.db");
    let store = open_file(&path).await.unwrap();
    let made = estate::source(&store).await;
    store.close().await;
    // And found again.
    let store = open_file(&path).await.unwrap();
    assert_eq!(store.connection(&made.id).await.unwrap(), made);
    assert_eq!(store.integrity().await.unwrap(), "ok");
    store.close().await;
}

#[tokio::test]
async fn what_is_no_database_file_is_refused_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let step = "--data-dir";
    refused(directory.path(), "Is a directory", step).await;
    let file = directory.path().join("notes.txt");
    std::fs::write(
        &file,
        "not a database, but long enough to look like one: ".repeat(50),
    )
    .unwrap();
    refused(&file, "file is not a database", step).await;
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("not a database")
    );
    // A file where the directory should be.
    let error = open_file(&file.join("rmmbridge.db")).await.unwrap_err();
    assert!(
        matches!(&error, Error::DataDirectory { path, .. } if *path == file),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("notes.txt` cannot be used: "),
        "{error}"
    );
    assert!(error.to_string().contains("--data-dir"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_or_directory_without_permission_is_refused_with_the_systems_reason() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let allow =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let probe = directory.path().join("probe");
    std::fs::write(&probe, "").unwrap();
    allow(&probe, 0o000);
    if std::fs::read(&probe).is_ok() {
        eprintln!("SKIPPED: this user (root) may read and write everything.");
        return;
    }
    let closed = directory.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    let old = closed.join("rmmbridge.db");
    open_file(&old).await.unwrap().close().await;

    // A directory one may not write to: neither a new database nor an old one.
    allow(&closed, 0o555);
    refused(&closed.join("new.db"), "Permission denied", "may write to").await;
    let error = open_file(&closed.join("sub").join("new.db")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("closed/sub` cannot be used: Permission denied"),
        "{error}"
    );
    refused(&old, "", "may write to").await;
    allow(&closed, 0o755);
    // A file one may not read, or not write.
    for mode in [0o000, 0o444] {
        allow(&old, mode);
        refused(&old, "Permission denied", "may write to").await;
    }
    allow(&old, 0o644);
    open_file(&old).await.unwrap().close().await;
}

/// A file system of its own, which root may mount on Linux.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(directory))
    }

    /// Fills it but for `room` bytes.
    fn fill(&self, room: u64) {
        let mut file = std::fs::File::create(self.0.path().join("other")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        file.set_len(file.metadata().unwrap().len().saturating_sub(room))
            .unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.0.path().join("other")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: an open store never gives its file back before its process ends.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_called_so_and_the_same_start_works_once_there_is_room() {
    for room in [0, 8, 40, 64, 100, 200] {
        let Some(disk) = SmallDisk::mount("4m") else {
            eprintln!("SKIPPED: this user may not mount a small file system.");
            return;
        };
        let path = disk.0.path().join("data").join("rmmbridge.db");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        disk.fill(room * 1024);
        let error = open_file(&path).await.unwrap_err();
        assert!(matches!(error, Error::DiskFull), "{room} KiB: {error:?}");
        disk.free();
        let store = open_file(&path).await.unwrap();
        estate::source(&store).await;
        assert_eq!(store.integrity().await.unwrap(), "ok");
        store.close().await;
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    TestStore::on_every_engine(async |test| {
        let bytes = match test.engine() {
            Engine::Sqlite => "x'00'",
            Engine::Postgres => r"'\x00'",
        };
        let known = test.sql("SELECT MAX(version) FROM _sqlx_migrations").await;
        let applied = test.sql("SELECT COUNT(*) FROM _sqlx_migrations").await;
        test.sql(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9000, 'of the future', TRUE, {bytes}, 1)"
        ))
        .await;
        let error = test.open_with(TestStore::key()).await.unwrap_err();
        assert!(
            matches!(error, Error::NewerDatabase { found: 9000, .. }),
            "{error:?}"
        );
        let shown = error.to_string();
        assert!(
            shown.contains(&format!("schema 9000, this program knows {known}")),
            "{shown}"
        );
        assert!(shown.contains("Use that version, or restore a backup"), "{shown}");
        // What stood there stands, and the refusal holds no lock.
        assert_eq!(
            test.sql("SELECT COUNT(*) FROM _sqlx_migrations").await,
            applied + 1
        );
        estate::source(&test).await;
        test.sql("DELETE FROM _sqlx_migrations WHERE version = 9000")
            .await;
        test.another().await.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_schema_that_was_changed_by_hand_is_refused() {
    TestStore::on_every_engine(async |test| {
        let bytes = match test.engine() {
            Engine::Sqlite => "x'00'",
            Engine::Postgres => r"'\x00'",
        };
        test.sql(&format!("UPDATE _sqlx_migrations SET checksum = {bytes}"))
            .await;
        let error = test.open_with(TestStore::key()).await.unwrap_err();
        assert!(matches!(error, Error::Migration(_)), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("bringing the database schema up to date"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_schema_is_the_same_on_both_engines() {
    let schemas = Mutex::new(vec![]);
    TestStore::on_every_engine(async |test| {
        let tables = match test.engine() {
            Engine::Sqlite => {
                "SELECT COUNT(*) FROM sqlite_schema s JOIN pragma_table_info(s.name) c
                 WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%' AND s.name NOT LIKE '_sqlx%'"
            }
            Engine::Postgres => {
                "SELECT COUNT(*) FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name NOT LIKE '_sqlx%'"
            }
        };
        let migrations = "SELECT COUNT(*) FROM _sqlx_migrations WHERE success";
        let schema = (test.sql(tables).await, test.sql(migrations).await);
        schemas.lock().unwrap().push(schema);
        // Opening again changes nothing.
        test.another().await.close().await;
        assert_eq!((test.sql(tables).await, test.sql(migrations).await), schema);
    })
    .await;
    let schemas = schemas.into_inner().unwrap();
    assert!(schemas[0].0 > 100 && schemas[0].1 > 0, "{schemas:?}");
    assert!(schemas.iter().all(|schema| *schema == schemas[0]), "{schemas:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_at_once_and_without_its_password() {
    // A port nobody listens on: it was ours a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = DatabaseUrl::parse(&format!("postgres://bridge:hunter2@127.0.0.1:{port}/rmm")).unwrap();
    let started = Instant::now();
    let error = open(&url).await.unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    let shown = error.to_string();
    assert!(
        shown.contains(&format!("PostgreSQL 127.0.0.1:{port}/rmm")),
        "{shown}"
    );
    assert!(shown.contains("refused"), "{shown}");
    assert!(!format!("{shown} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_database_or_user_the_server_does_not_know_is_named() {
    for engine in Engine::available() {
        let test = TestStore::new(engine).await;
        let DatabaseUrl::Postgres(address) = test.url() else {
            continue;
        };
        let (server, rest) = address.rsplit_once('/').unwrap();
        let parameters = rest.split_once('?').map_or("", |(_, parameters)| parameters);
        let url = DatabaseUrl::parse(&format!("{server}/no_such_database?{parameters}")).unwrap();
        let shown = open(&url).await.unwrap_err().to_string();
        assert!(shown.contains("/no_such_database cannot be opened"), "{shown}");
        assert!(shown.contains("does not exist"), "{shown}");
    }
}
