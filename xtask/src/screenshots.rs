//! The pictures of the README: a real browser's, of a hub with a simulated estate.

use crate::say;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::process::Command;

/// What is taken, and what it becomes.
const PICTURES: [(&str, &str); 2] = [
    ("readme-plan-1280-light.png", "plan.png"),
    ("readme-asset-1280-dark.png", "asset.png"),
];

/// Takes them. Always `true`: what cannot be taken is an error.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let taken = workspace.target.join("screenshots");
    let status = Command::new("cargo")
        .args([
            "test",
            "-p",
            "rmmbridge",
            "--test",
            "it",
            "--",
            "--ignored",
            "screenshots_of_the_readme",
        ])
        .env("RMMBRIDGE_SCREENSHOTS", &taken)
        .current_dir(&workspace.root)
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "the pictures could not be taken: {status}");
    let folder = workspace.root.join("docs/screenshots");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for (picture, name) in PICTURES {
        let from = taken.join(picture);
        std::fs::copy(&from, folder.join(name)).with_context(|| format!("copying {}", from.display()))?;
        say(format!("docs/screenshots/{name}"));
    }
    Ok(true)
}
