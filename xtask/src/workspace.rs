//! The workspace as `cargo metadata` and the file system show it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Folders that hold no source of ours.
const NOT_OURS: [&str; 3] = ["target", "mutants.out", "node_modules"];

/// Where the workspace is and which crates it has.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo puts what it builds (`CARGO_TARGET_DIR` included).
    pub target: PathBuf,
    /// The member crates, sorted by name.
    pub crates: Vec<Crate>,
}

/// One member crate.
#[derive(Debug, Clone, PartialEq)]
pub struct Crate {
    /// The package's name.
    pub name: String,
    /// Its folder, relative to the root, with `/` between parts.
    pub folder: String,
    /// What its `Cargo.toml` asks for, of every kind.
    pub dependencies: Vec<Dependency>,
    /// The root files of its library and binaries (`src/lib.rs`), relative to the root.
    pub roots: Vec<String>,
}

/// One line under `[dependencies]` and its relatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// The package's real name, also when it is renamed.
    pub name: String,
    /// True for `[dev-dependencies]`: only tests, examples and benches see it.
    pub dev: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<PackageDependency>,
    targets: Vec<PackageTarget>,
}

#[derive(Deserialize)]
struct PackageDependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct PackageTarget {
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Workspace {
    /// Asks cargo about the workspace of the current folder.
    ///
    /// Not of the folder this program was compiled in: two checkouts may share a target folder,
    /// and then cargo runs the program that was built in the other one.
    pub fn here() -> Result<Self> {
        let output = Command::new("cargo")
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .output()
            .context("running `cargo metadata`")?;
        if !output.status.success() {
            bail!(
                "`cargo metadata` failed; run this inside the project:\n{}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        Self::from_metadata(&String::from_utf8(output.stdout).context("`cargo metadata` wrote no UTF-8")?)
    }

    /// Reads the JSON that `cargo metadata --format-version 1` prints.
    pub fn from_metadata(json: &str) -> Result<Self> {
        let metadata: Metadata =
            serde_json::from_str(json).context("reading the JSON of `cargo metadata`")?;
        let root = metadata.workspace_root;
        let relative = |path: &Path| slashes(path.strip_prefix(&root).unwrap_or(path));
        let mut crates: Vec<Crate> = metadata
            .packages
            .iter()
            .filter(|package| metadata.workspace_members.contains(&package.id))
            .map(|package| Crate {
                name: package.name.clone(),
                folder: relative(package.manifest_path.parent().unwrap_or(&package.manifest_path)),
                dependencies: package
                    .dependencies
                    .iter()
                    .map(|dependency| Dependency {
                        name: dependency.name.clone(),
                        dev: dependency.kind.as_deref() == Some("dev"),
                    })
                    .collect(),
                roots: package
                    .targets
                    .iter()
                    .filter(|target| target.kind.iter().any(|kind| kind == "lib" || kind == "bin"))
                    .map(|target| relative(&target.src_path))
                    .collect(),
            })
            .collect();
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root,
            target: metadata.target_directory,
            crates,
        })
    }

    /// Every file of the tree that ends in `.rs`, relative to the root, sorted.
    pub fn rust_files(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        self.walk(&self.root, &mut found)?;
        found.sort();
        Ok(found)
    }

    /// The text of a file named relative to the root.
    pub fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("reading {path}"))
    }

    fn walk(&self, folder: &Path, found: &mut Vec<String>) -> Result<()> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let kind = entry
                .file_type()
                .with_context(|| format!("looking at {}", path.display()))?;
            if kind.is_dir() {
                if !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) && path != self.target {
                    self.walk(&path, found)?;
                }
            } else if name.ends_with(".rs") {
                found.push(slashes(path.strip_prefix(&self.root).unwrap_or(&path)));
            }
        }
        Ok(())
    }
}

fn slashes(path: &Path) -> String {
    path.components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_gives_members_with_real_names_kinds_and_roots() {
        let json = r#"{
            "workspace_root": "/w", "target_directory": "/t", "workspace_members": ["a 1", "b 1"],
            "packages": [
                {"id": "b 1", "name": "b", "manifest_path": "/w/crates/b/Cargo.toml", "targets": [
                    {"kind": ["bin"], "src_path": "/w/crates/b/src/main.rs"},
                    {"kind": ["test"], "src_path": "/w/crates/b/tests/it.rs"}],
                 "dependencies": [{"name": "a", "kind": null}, {"name": "x", "kind": "dev"},
                                  {"name": "y", "kind": "build"}]},
                {"id": "a 1", "name": "a", "manifest_path": "/w/crates/a/Cargo.toml", "targets": [],
                 "dependencies": []},
                {"id": "z 1", "name": "z", "manifest_path": "/elsewhere/z/Cargo.toml", "targets": [],
                 "dependencies": []}
            ]}"#;
        let workspace = Workspace::from_metadata(json).unwrap();
        let names: Vec<_> = workspace.crates.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["a", "b"], "members only, sorted");
        let b = &workspace.crates[1];
        assert_eq!(b.folder, "crates/b");
        assert_eq!(b.roots, ["crates/b/src/main.rs"]);
        let dev: Vec<_> = b.dependencies.iter().map(|d| (d.name.as_str(), d.dev)).collect();
        assert_eq!(dev, [("a", false), ("x", true), ("y", false)]);
    }

    #[test]
    fn this_workspace_is_found_and_has_this_crate() {
        let workspace = Workspace::here().unwrap();
        assert!(
            workspace
                .crates
                .iter()
                .any(|c| c.name == "xtask" && c.folder == "xtask")
        );
        let files = workspace.rust_files().unwrap();
        assert!(files.contains(&"xtask/src/workspace.rs".to_owned()));
        assert!(!files.iter().any(|f| f.starts_with("target/")));
    }
}
