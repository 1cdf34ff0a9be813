//! What every crate's `Cargo.toml` has to say, and the files the root has to have.

use anyhow::Result;

use super::Finding;
use crate::workspace::Workspace;

/// Looks at every member's manifest and at the root.
pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for member in &workspace.crates {
        let file = format!("{}/Cargo.toml", member.folder);
        findings.extend(without_lints(&file, &workspace.read(&file)?));
    }
    if !workspace.root.join("CHANGELOG.md").is_file() {
        findings.push(Finding::file(
            "CHANGELOG.md",
            "is missing: users read there what changed for them",
        ));
    }
    Ok(findings)
}

fn without_lints(file: &str, text: &str) -> Option<Finding> {
    let mut section = "";
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            section = line;
        }
        let setting: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        let set = if section == "[lints]" {
            "workspace=true"
        } else {
            "lints.workspace=true"
        };
        if setting == set && (section == "[lints]" || section.is_empty()) {
            return None;
        }
    }
    Some(Finding::file(
        file,
        "add `[lints]` with `workspace = true`: the workspace's lints bind every crate",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_without_the_workspace_lints_is_said() {
        let without = [
            "[package]\nname = \"a\"\n",
            "[lints]\n# workspace = true\n",
            "[dependencies]\nworkspace = true\n[lints]\n",
            "[lints]\nworkspace = false\n",
            "[lints.rust]\nworkspace = true\n",
        ];
        for text in without {
            assert!(without_lints("a/Cargo.toml", text).is_some(), "{text}");
        }
        assert_eq!(
            without_lints("a/Cargo.toml", "[package]\n[lints]\nworkspace  = true # all\n"),
            None
        );
        assert_eq!(
            without_lints("a/Cargo.toml", "lints.workspace = true\n[package]\n"),
            None
        );
    }

    #[test]
    fn a_root_without_a_change_log_is_said() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace {
            root: root.path().to_owned(),
            target: root.path().join("target"),
            crates: Vec::new(),
        };
        assert_eq!(check(&workspace).unwrap()[0].file, "CHANGELOG.md");
        std::fs::write(root.path().join("CHANGELOG.md"), "# Changes\n").unwrap();
        assert_eq!(check(&workspace).unwrap(), []);
    }
}
