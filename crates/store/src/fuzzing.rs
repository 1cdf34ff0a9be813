//! Parsers of foreign bytes, for fuzzing (`fuzz/`) alone.

use crate::audit_mark::{head, line};
use crate::backup_file::BackupReader;
use std::io::Read as _;

/// A file somebody says is a backup: its head, and as much of its lines as a small one has.
pub fn backup(bytes: &[u8]) {
    if let Ok(reader) = BackupReader::begin(bytes) {
        let mut lines = Vec::new();
        let _ = reader.lines(None).take(1 << 20).read_to_end(&mut lines);
    }
}

/// The file that keeps the end of the audit log: what is read out of it is kept as it was read.
pub fn audit_mark(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(read) = head(text) {
        assert_eq!(head(&line(&read)), Some(read));
    }
}

/// The file that says which hub a data directory belongs to.
pub fn instance_marker(bytes: &[u8]) {
    crate::instance::fuzz_marker(bytes);
}
