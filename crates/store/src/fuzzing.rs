//! Parsers of foreign bytes, for fuzzing (`fuzz/`) alone.

use crate::backup_file::BackupReader;
use std::io::Read as _;

/// A file somebody says is a backup: its head, and as much of its lines as a small one has.
pub fn backup(bytes: &[u8]) {
    if let Ok(reader) = BackupReader::begin(bytes) {
        let mut lines = Vec::new();
        let _ = reader.lines(None).take(1 << 20).read_to_end(&mut lines);
    }
}
