//! What is committed and made from the sources.

use crate::say;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::process::Command;

/// Makes it anew. Always `true`: what cannot be made is an error.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let path = workspace.root.join("docs/openapi.json");
    let made = Command::new("cargo")
        .args(["run", "--quiet", "-p", "web", "--example", "openapi"])
        .current_dir(&workspace.root)
        .output()
        .context("running cargo")?;
    ensure!(
        made.status.success() && !made.stdout.is_empty(),
        "the document could not be made:\n{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let changed = std::fs::read(&path).ok().as_deref() != Some(made.stdout.as_slice());
    if changed {
        std::fs::write(&path, made.stdout).with_context(|| format!("writing {}", path.display()))?;
    }
    say(format!(
        "docs/openapi.json: {}",
        if changed { "made anew" } else { "as it was" }
    ));
    Ok(true)
}
