//! A disk of a few megabytes, which is full now and then.

use anyhow::{Context as _, bail};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its size in megabytes.
const SIZE_MB: u64 = 24;

/// A file system in memory, with nothing else on it; it goes when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    at: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one, which takes root or a namespace of one's own.
    ///
    /// # Errors
    /// When this process may not mount.
    pub fn mount() -> anyhow::Result<Self> {
        let at = tempfile::tempdir()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={SIZE_MB}m"), "none"])
            .arg(at.path())
            .output()?;
        if !mounted.status.success() {
            bail!(
                "a small disk cannot be mounted here: {}",
                String::from_utf8_lossy(&mounted.stderr).trim()
            );
        }
        Ok(Self { at })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.at.path()
    }

    fn filler(&self) -> PathBuf {
        self.at.path().join("filler")
    }

    /// Fills it, but for `left` pages of 4 KiB.
    ///
    /// # Errors
    /// When that fails for another reason than that it is full.
    pub fn fill(&self, left: u64) -> anyhow::Result<()> {
        let mut file = std::fs::File::create(self.filler())?;
        let block = vec![7_u8; 64 * 1024];
        let mut written = 0_u64;
        for size in [block.len(), 4096] {
            while file
                .write(block.get(..size).unwrap_or(&block))
                .is_ok_and(|n| n > 0)
            {
                written = file.metadata()?.len();
            }
        }
        file.set_len(written.saturating_sub(4096 * left))?;
        Ok(())
    }

    /// Gives the space back.
    ///
    /// # Errors
    /// When the file that took it cannot be removed.
    pub fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.filler()).context("removing what filled the disk")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.at.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.at.path().display());
        }
    }
}
