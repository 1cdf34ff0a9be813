//! The rules of the layout, each a function from what it looks at to a list of findings.

mod files;
mod imports;
mod leftovers;
mod manifests;
mod migrations;

use std::fmt;

use anyhow::Result;

use crate::say;
use crate::source::Source;
use crate::workspace::Workspace;

/// The rules as `cargo xtask tidy --help` lists them.
pub const RULES_HELP: &str = "\
Rules:
  imports     who may import whom (normal and build dependencies of every crate), and which
              outside crates belong to one crate of ours; the table is in xtask/src/tidy/imports.rs
  files       no Rust file over 600 lines (fixtures/ and generated/ excepted); no module or file
              named core, common, util(s), helper(s), manager or types; every lib.rs and main.rs
              begins with `//!` and says what the crate is for
  leftovers   no #[ignore] without a reason, no todo!, no unimplemented!
  migrations  migrations are only added: crates/store/migrations/SHA256SUMS holds their checksums
  manifests   every crate has `[lints] workspace = true`; CHANGELOG.md exists";

/// A rule: its name and what checks it.
pub type Rule = (&'static str, fn(&Workspace) -> Result<Vec<Finding>>);

/// Every rule, in the order they are run.
pub const RULES: [Rule; 5] = [
    ("imports", |workspace| Ok(imports::check(&workspace.crates))),
    ("files", files::check),
    ("leftovers", leftovers::check),
    ("migrations", |workspace| {
        migrations::check(&migrations::folder(workspace))
    }),
    ("manifests", manifests::check),
];

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The file, relative to the root.
    pub file: String,
    /// The line, counted from 1; none when the whole file is meant.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    /// A finding about a whole file.
    pub fn file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            message: message.into(),
        }
    }

    /// A finding at one line.
    pub fn line(file: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: Some(line),
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Runs every rule and prints what it found; true when nothing was found.
pub fn run(workspace: &Workspace, accept_new_migrations: bool) -> Result<bool> {
    if accept_new_migrations {
        for name in migrations::accept(&migrations::folder(workspace))? {
            say(format_args!("accepted {}/{name}", migrations::FOLDER));
        }
    }
    let mut broken = 0;
    for (name, rule) in RULES {
        let findings = rule(workspace)?;
        for finding in &findings {
            say(format_args!("{name}: {finding}"));
        }
        broken += findings.len();
    }
    match broken {
        0 => say(format_args!("tidy: {} rules hold", RULES.len())),
        1 => say("tidy: 1 finding"),
        n => say(format_args!("tidy: {n} findings")),
    }
    Ok(broken == 0)
}

/// A file's path, relative to the root, and what is in it.
type Parsed = (String, Source);

/// Every Rust file of the tree, parsed; those that are not Rust become findings.
fn sources(workspace: &Workspace) -> Result<(Vec<Parsed>, Vec<Finding>)> {
    let mut parsed = Vec::new();
    let mut findings = Vec::new();
    for file in workspace.rust_files()? {
        match Source::parse(&workspace.read(&file)?) {
            Ok(source) => parsed.push((file, source)),
            Err(error) => findings.push(Finding::file(file, error.to_string())),
        }
    }
    Ok((parsed, findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule on the real tree.
    fn holds(name: &str) {
        let workspace = Workspace::here().unwrap();
        let (_, rule) = RULES.iter().find(|(rule, _)| *rule == name).unwrap();
        let findings = rule(&workspace).unwrap();
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "rule {name} is broken:\n{}", text.join("\n"));
    }

    #[test]
    fn this_tree_keeps_the_imports_rule() {
        holds("imports");
    }

    #[test]
    fn this_tree_keeps_the_files_rule() {
        holds("files");
    }

    #[test]
    fn this_tree_keeps_the_leftovers_rule() {
        holds("leftovers");
    }

    #[test]
    fn this_tree_keeps_the_migrations_rule() {
        holds("migrations");
    }

    #[test]
    fn this_tree_keeps_the_manifests_rule() {
        holds("manifests");
    }

    #[test]
    fn every_rule_is_in_the_help() {
        for (name, _) in RULES {
            assert!(RULES_HELP.contains(&format!("\n  {name} ")), "{name}");
        }
    }

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        assert_eq!(
            Finding::line("a.rs", 3, "too long").to_string(),
            "a.rs:3: too long"
        );
        assert_eq!(Finding::file("a.rs", "too long").to_string(), "a.rs: too long");
    }
}
