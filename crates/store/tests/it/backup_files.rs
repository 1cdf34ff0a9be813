//! The file a backup is written to: whole or not there at all, and never in the place of something else.

use crate::backups::{back_up, furnish, options};
use std::path::Path;
use store::{BackupOptions, DatabaseUrl};
use testkit::TestStore;

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn no_half_file_stands_under_the_name() {
    let test = TestStore::sqlite().await;
    furnish(&test, 2000).await;
    let directory = test.directory().join("backups");
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("hub.backup");
    // Dropped midway, as when the process ends.
    for micros in [10, 500, 3000, 9000] {
        let time = std::time::Duration::from_micros(micros);
        let ended = tokio::time::timeout(time, test.backup(&path, &options(), &|_| {})).await;
        if ended.is_err() {
            assert!(!path.exists());
        } else {
            std::fs::remove_file(&path).unwrap();
        }
    }
    // The next one does not mind what lies there.
    std::fs::write(directory.join("hub.backup.partial"), "x".repeat(1 << 20)).unwrap();
    back_up(&test, &path).await;
    assert_eq!(names(&directory), ["hub.backup"]);
    let good = std::fs::read(&path).unwrap();
    // Not replaced unless asked, and nothing but a backup is replaced at all.
    let error = test
        .backup(&path, &options(), &|_| {})
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("--replace"), "{error}");
    let notes = directory.join("notes.txt");
    std::fs::write(&notes, "mine").unwrap();
    let replace = BackupOptions {
        replace: true,
        ..options()
    };
    let error = test
        .backup(&notes, &replace, &|_| {})
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("is no backup"), "{error}");
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "mine");
    test.backup(&path, &replace, &|_| {}).await.unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), good);
    for (bad, cause) in [
        (directory.join("no").join("hub.backup"), "Is the path right?"),
        (directory.clone(), "that is no file"),
    ] {
        let error = test
            .backup(&bad, &options(), &|_| {})
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(cause) && error.contains(&*bad.to_string_lossy()),
            "{error}"
        );
    }
    assert_eq!(names(&directory), ["hub.backup", "notes.txt"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_or_a_closed_directory_is_called_so() {
    let test = TestStore::sqlite().await;
    furnish(&test, 3000).await;
    if let Some(disk) = SmallDisk::mount() {
        let path = disk.0.path().join("hub.backup");
        let error = test
            .backup(&path, &options(), &|_| {})
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("Free some space"), "{error}");
        assert!(names(disk.0.path()).is_empty());
    } else {
        eprintln!("SKIPPED: this user may not mount a small file system.");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let closed = test.directory().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        eprintln!("SKIPPED: this user (root) may write everywhere.");
        return;
    }
    let error = test
        .backup(&closed.join("hub.backup"), &options(), &|_| {})
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Permission denied") && error.contains("may use"),
        "{error}"
    );
}

/// A file system of 16 KiB, which root may mount on Linux.
#[cfg(unix)]
struct SmallDisk(tempfile::TempDir);

#[cfg(unix)]
impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
            .arg(directory.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|s| s.success()).then_some(Self(directory))
    }
}

#[cfg(unix)]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
    }
}

/// Opened and closed past SQLite, it would be without this process's locks.
#[tokio::test]
async fn the_database_itself_is_no_file_for_a_backup() {
    let test = TestStore::sqlite().await;
    let DatabaseUrl::Sqlite(database) = test.url() else {
        panic!("a SQLite database")
    };
    furnish(&test, 3).await;
    let log = database.with_file_name(format!("{}-wal", database.file_name().unwrap().display()));
    let [soft, hard] = ["another name", "and another"].map(|name| database.with_file_name(name));
    std::os::unix::fs::symlink(database, &soft).unwrap();
    std::fs::hard_link(database, &hard).unwrap();
    for path in [database.clone(), log, soft, hard] {
        let options = BackupOptions {
            replace: true,
            ..options()
        };
        let refused = [
            test.backup(&path, &options, &|_| {}).await.map(drop),
            test.verify_backup(&path, None).await.map(drop),
            test.restore(&path, None, &|_| {}).await.map(drop),
        ];
        for refused in refused {
            let said = refused.unwrap_err().to_string();
            assert!(
                said.contains("this hub's database itself"),
                "{}: {said}",
                path.display()
            );
        }
    }
    assert_eq!(test.integrity().await.unwrap(), "ok");
}

#[tokio::test]
async fn a_damaged_database_is_not_backed_up() {
    let test = TestStore::sqlite().await;
    furnish(&test, 400).await;
    let path = test.directory().join("rmmbridge.db");
    test.close().await;
    // A page in the middle of the file.
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 200].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    let Ok(store) = test.open_with(TestStore::key()).await else {
        return;
    };
    let file = test.directory().join("hub.backup");
    assert!(store.backup(&file, &options(), &|_| {}).await.is_err());
    assert_eq!(
        names(test.directory())
            .iter()
            .filter(|n| n.contains("backup"))
            .count(),
        0
    );
}
