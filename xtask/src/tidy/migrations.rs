//! Migrations are only added.
//!
//! A database in the field has run the migrations that were released, so one that changes or
//! disappears later would leave two kinds of database with the same version. Their checksums
//! are committed beside them, in the format of `sha256sum`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::Finding;
use crate::workspace::Workspace;

/// Where the migrations are, relative to the root.
pub const FOLDER: &str = "crates/store/migrations";

const SUMS: &str = "SHA256SUMS";
const ACCEPT: &str = "cargo xtask tidy --accept-new-migrations";

/// The migrations' folder of a workspace.
pub fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(FOLDER)
}

/// Holds the migrations against the list.
pub fn check(folder: &Path) -> Result<Vec<Finding>> {
    let present = present(folder)?;
    let (listed, mut findings) = listed(folder)?;
    for (at, (name, sum)) in &listed {
        match present.get(name) {
            None => findings.push(Finding::line(
                format!("{FOLDER}/{SUMS}"),
                *at,
                format!("{name} is gone: put it back, databases in use have run it"),
            )),
            Some(now) if now != sum => findings.push(Finding::file(
                format!("{FOLDER}/{name}"),
                "changed after it was accepted: take the change back and write a new migration",
            )),
            Some(_) => {}
        }
    }
    let newest = listed
        .values()
        .map(|(name, _)| name.as_str())
        .max()
        .unwrap_or_default();
    for name in new_ones(&present, &listed) {
        let message = if name < newest {
            format!("comes before {newest}, which databases in use have run: give it a later version")
        } else {
            format!("not in {SUMS} yet: when it is finished, run `{ACCEPT}`")
        };
        findings.push(Finding::file(format!("{FOLDER}/{name}"), message));
    }
    Ok(findings)
}

/// Appends what is new to the list and returns its names; what is listed stays as it is.
pub fn accept(folder: &Path) -> Result<Vec<String>> {
    let present = present(folder)?;
    let (listed, broken) = listed(folder)?;
    if let Some(finding) = broken.first() {
        bail!("{finding}");
    }
    let newest = listed
        .values()
        .map(|(name, _)| name.as_str())
        .max()
        .unwrap_or_default();
    let new: Vec<&str> = new_ones(&present, &listed).collect();
    if let Some(early) = new.iter().find(|name| **name < newest) {
        bail!("{FOLDER}/{early} comes before {newest}, which is accepted: give it a later version");
    }
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let path = folder.join(SUMS);
    let mut text = if path.exists() {
        std::fs::read_to_string(&path)?
    } else {
        String::new()
    };
    for name in &new {
        let sum = present.get(*name).map_or("", String::as_str);
        writeln!(text, "{sum}  {name}")?;
    }
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(new.into_iter().map(str::to_owned).collect())
}

/// Line number → (name, checksum).
type Listed = BTreeMap<usize, (String, String)>;

fn new_ones<'a>(present: &'a BTreeMap<String, String>, listed: &'a Listed) -> impl Iterator<Item = &'a str> {
    let known = |name: &str| listed.values().any(|(listed, _)| listed == name);
    present
        .keys()
        .map(String::as_str)
        .filter(move |name| !known(name))
}

/// The name and checksum of every `.sql` file.
fn present(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".sql") {
            let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            found.insert(name, hex(&Sha256::digest(bytes)));
        }
    }
    Ok(found)
}

fn listed(folder: &Path) -> Result<(Listed, Vec<Finding>)> {
    let path = folder.join(SUMS);
    let text = if path.exists() {
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?
    } else {
        String::new()
    };
    let mut listed = Listed::new();
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match line.split_once("  ") {
            Some((sum, name)) if sum.len() == 64 && name.ends_with(".sql") => {
                listed.insert(at + 1, (name.to_owned(), sum.to_owned()));
            }
            _ => findings.push(Finding::line(
                format!("{FOLDER}/{SUMS}"),
                at + 1,
                "not a line of `sha256sum`: a checksum, two spaces, a file name",
            )),
        }
    }
    Ok((listed, findings))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn said(folder: &tempfile::TempDir) -> Vec<String> {
        check(folder.path())
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn accepted_migrations_hold_and_the_list_is_that_of_sha256sum() {
        let folder = folder_with(&[("0001_first.sql", "abc"), ("notes.txt", "not one")]);
        assert!(said(&folder)[0].contains("0001_first.sql: not in SHA256SUMS yet"));
        assert_eq!(accept(folder.path()).unwrap(), ["0001_first.sql"]);
        assert_eq!(said(&folder), [""; 0]);
        assert_eq!(
            std::fs::read_to_string(folder.path().join(SUMS)).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  0001_first.sql\n"
        );
        std::fs::write(folder.path().join("0002_second.sql"), "def").unwrap();
        assert_eq!(accept(folder.path()).unwrap(), ["0002_second.sql"]);
        assert_eq!(
            accept(folder.path()).unwrap(),
            [""; 0],
            "nothing new the second time"
        );
        assert_eq!(said(&folder), [""; 0]);
    }

    #[test]
    fn a_changed_or_removed_migration_fails_and_cannot_be_accepted() {
        let folder = folder_with(&[("0001_first.sql", "abc"), ("0002_second.sql", "def")]);
        accept(folder.path()).unwrap();
        std::fs::write(folder.path().join("0001_first.sql"), "abd").unwrap();
        std::fs::remove_file(folder.path().join("0002_second.sql")).unwrap();
        assert_eq!(accept(folder.path()).unwrap(), [""; 0]);
        let said = said(&folder);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].contains("0001_first.sql: changed after it was accepted"),
            "{said:?}"
        );
        assert!(
            said[1].contains("SHA256SUMS:2: 0002_second.sql is gone"),
            "{said:?}"
        );
    }

    #[test]
    fn a_new_migration_must_come_last() {
        let folder = folder_with(&[("0002_second.sql", "def")]);
        accept(folder.path()).unwrap();
        std::fs::write(folder.path().join("0001_late.sql"), "x").unwrap();
        assert!(said(&folder)[0].contains("comes before 0002_second.sql"));
        assert!(
            accept(folder.path())
                .unwrap_err()
                .to_string()
                .contains("0001_late.sql")
        );
    }

    #[test]
    fn a_broken_list_is_said_with_its_line() {
        let folder = folder_with(&[(SUMS, "nonsense\n")]);
        assert!(said(&folder)[0].contains("SHA256SUMS:1: not a line of `sha256sum`"));
        assert!(accept(folder.path()).is_err());
    }
}
