//! The end of the audit log, kept in a file outside the database: a log that was cut shorter, or made anew without the
//! rest, no longer fits it.

use crate::audit::AuditHead;
use crate::crash::{Point, point};
use crate::error::{Error, Result};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file that keeps it.
#[derive(Clone, Debug)]
pub struct AuditMark {
    path: PathBuf,
}

impl AuditMark {
    /// Kept in `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was kept last; `None` when nothing was yet.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn kept(&self) -> Result<Option<AuditHead>> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        match head(&text) {
            Some(head) => Ok(Some(head)),
            None => Err(Error::AuditLog(format!(
                "`{}` does not hold the end of an audit log",
                self.path.display()
            ))),
        }
    }

    /// Keeps `head`, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, head: &AuditHead) -> Result<()> {
        let line = line(head);
        // Several processes keep it, and several threads of a worker: each writes a file of its own first.
        let thread = std::thread::current().id();
        let new = self
            .path
            .with_extension(format!("new-{}-{thread:?}", std::process::id()));
        let written = std::fs::File::create(&new).and_then(|mut file| {
            file.write_all(line.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| {
            // On a full disk each try would leave one.
            let _ = std::fs::remove_file(&new);
            self.failed(&error)
        })?;
        point(Point::BeforeAuditMark)?;
        std::fs::rename(&new, &self.path).map_err(|error| self.failed(&error))?;
        point(Point::AuditMarkKept)
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::AuditLog(format!(
            "its end cannot be kept in `{}`: {error}",
            self.path.display()
        ))
    }
}

/// The head that a mark's text holds; `None` when it holds something else.
pub(crate) fn head(text: &str) -> Option<AuditHead> {
    // Before the first entry the hash is empty, and the blank before it is the line's last character.
    let (seq, hash) = text.trim_end_matches('\n').split_once(' ')?;
    let bytes = (0..hash.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hash.get(at..at + 2)?, 16).ok());
    Some(AuditHead {
        seq: seq.parse().ok()?,
        hash: bytes.collect::<Option<_>>()?,
    })
}

/// The text that keeps a head.
pub(crate) fn line(head: &AuditHead) -> String {
    let mut line = format!("{} ", head.seq);
    for byte in &head.hash {
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    line
}
