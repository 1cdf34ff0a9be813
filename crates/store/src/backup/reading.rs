//! Reading a backup back: its head, its lines, and whether its rows are those of its manifest.

use super::{BackupReport, problem};
use crate::backup_file::{BackupReader, Head};
use crate::backup_rows::{Counted, Counter, Mark};
use crate::error::{Error, Result};
use crate::json::instant;
use crate::rotation_keys::KeyRing;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// More than any row has; a damaged backup in the clear must not ask for all memory.
const LONGEST_LINE: u64 = 1 << 30;

/// Opens a backup and finds the key it is sealed with; also those its secrets need.
pub(crate) fn open_backup(path: &Path, keys: &KeyRing) -> Result<(Head, impl BufRead + use<>)> {
    let file = File::open(path).map_err(|error| problem(path, &error))?;
    let reader = BackupReader::begin(BufReader::new(file)).map_err(|error| problem(path, &error))?;
    let head = reader.head.clone();
    for id in head.key.iter().chain(&head.secrets) {
        keys.key(id).map_err(|error| match error {
            crate::vault::VaultError::WrongKey { sealed_with, given } => Error::Backup {
                path: path.to_owned(),
                problem: format!(
                    "it needs the master key {sealed_with}, and the key given is {given}. Name the key file it was made with: --key-file FILE"
                ),
            },
            other => other.into(),
        })?;
    }
    let key = head.key.as_ref().map(|id| keys.key(id)).transpose()?;
    Ok((head, reader.lines(key.as_deref())))
}

/// One line, without reading more than a row can have.
pub(crate) fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    std::io::Read::take(&mut *from, LONGEST_LINE).read_until(b'\n', line)?;
    match line.last() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "a line of it has no end",
        )),
    }
}

/// Reads the whole file; what its head and its manifest say.
pub(crate) async fn verify(path: PathBuf, keys: KeyRing) -> Result<(BackupReport, Vec<Counted>)> {
    let named = path.clone();
    tokio::task::spawn_blocking(move || verify_now(&path, &keys))
        .await
        .map_err(|error| Error::Backup {
            path: named,
            problem: error.to_string(),
        })?
}

fn verify_now(path: &Path, keys: &KeyRing) -> Result<(BackupReport, Vec<Counted>)> {
    let damaged = |what: &str| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, format!("damaged: {what}"));
        problem(path, &error)
    };
    let (head, mut lines) = open_backup(path, keys)?;
    let mut found: Vec<Counted> = vec![];
    let mut table: Option<(String, Counter)> = None;
    let mut line = vec![];
    loop {
        if !read_line(&mut lines, &mut line).map_err(|error| problem(path, &error))? {
            return Err(damaged("its manifest is missing"));
        }
        if line.first() == Some(&b'[') {
            let Some((_, counter)) = &mut table else {
                return Err(damaged("a row stands outside of a table"));
            };
            counter.add(&line);
            continue;
        }
        if let Some((name, counter)) = table.take() {
            found.push(counter.counted(&name));
        }
        match serde_json::from_slice(&line).map_err(|_| damaged("a line cannot be read"))? {
            Mark::Table { name, .. } => table = Some((name, Counter::default())),
            Mark::End { tables } if tables == found => break,
            Mark::End { .. } => return Err(damaged("its rows are not those of its manifest")),
        }
    }
    // Also checks the end of the compressed stream.
    let mut rest = [0];
    if lines.read(&mut rest).map_err(|error| problem(path, &error))? != 0 {
        return Err(damaged("something follows its manifest"));
    }
    let bytes = std::fs::metadata(path)
        .map_err(|error| problem(path, &error))?
        .len();
    let report = BackupReport {
        schema: head.schema,
        created: instant(head.created),
        program: head.program,
        key: head.key,
        tables: found.iter().map(|t| (t.table.clone(), t.rows)).collect(),
        bytes,
    };
    Ok((report, found))
}
