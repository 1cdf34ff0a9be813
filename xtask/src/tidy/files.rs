//! How long a file may be, what it may be called, and that every crate says what it is for.

use std::path::Path;

use anyhow::Result;
use proc_macro2::TokenTree;

use super::{Finding, sources};
use crate::source::{Source, trees};
use crate::workspace::Workspace;

/// The longest a Rust file may be.
const MAX_LINES: usize = 600;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "core", "common", "util", "utils", "helper", "helpers", "manager", "types",
];

/// Folders whose files nobody reads from top to bottom.
const LONG_ALLOWED: [&str; 2] = ["fixtures", "generated"];

/// Runs the three rules over the tree.
pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let (parsed, mut findings) = sources(workspace)?;
    for (file, source) in &parsed {
        findings.extend(too_long(file, &workspace.read(file)?));
        findings.extend(empty_path(file));
        findings.extend(empty_modules(file, source));
    }
    for root in workspace.crates.iter().flat_map(|member| &member.roots) {
        findings.extend(without_purpose(root, &workspace.read(root)?));
    }
    Ok(findings)
}

fn too_long(file: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let allowed = file.split('/').any(|part| LONG_ALLOWED.contains(&part));
    (lines > MAX_LINES && !allowed).then(|| {
        let message = format!("{lines} lines, at most {MAX_LINES}: split it by purpose");
        Finding::line(file, MAX_LINES + 1, message)
    })
}

fn empty_path(file: &str) -> Option<Finding> {
    let mut parts: Vec<&str> = file.split('/').collect();
    let stem = Path::new(file)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    parts.pop();
    parts.push(stem);
    let name = parts.into_iter().find(|part| EMPTY_NAMES.contains(part))?;
    Some(Finding::file(file, says_nothing(name)))
}

fn empty_modules(file: &str, source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    modules(source.tokens(), &mut found);
    found
        .into_iter()
        .filter(|(name, _)| EMPTY_NAMES.contains(&name.as_str()))
        .map(|(name, byte)| Finding::line(file, source.line(byte), says_nothing(&name)))
        .collect()
}

fn says_nothing(name: &str) -> String {
    format!("the name `{name}` says nothing about what is inside: name it after its purpose")
}

/// Every `mod name`, with the byte it stands at.
fn modules(tokens: &[TokenTree], found: &mut Vec<(String, usize)>) {
    for (at, token) in tokens.iter().enumerate() {
        match (token, tokens.get(at + 1)) {
            (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if *word == "mod" => {
                found.push((name.to_string(), word.span().byte_range().start));
            }
            (TokenTree::Group(group), _) => modules(&trees(group), found),
            _ => {}
        }
    }
}

/// A crate root has to begin with `//!` and a few words at least.
fn without_purpose(file: &str, text: &str) -> Option<Finding> {
    let words = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//!"))
        .map(|line| {
            line.split_whitespace()
                .filter(|word| word.chars().any(char::is_alphabetic))
                .count()
        });
    let message = match words {
        None => "does not begin with `//!`: say what the crate is for",
        Some(0..=2) => "its first `//!` line does not say what the crate is for",
        Some(_) => return None,
    };
    Some(Finding::line(file, 1, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_601_lines_is_too_long_unless_it_is_a_fixture() {
        let long = "\n".repeat(601);
        let finding = too_long("crates/a/src/b.rs", &long).unwrap();
        assert_eq!(
            finding.to_string(),
            "crates/a/src/b.rs:601: 601 lines, at most 600: split it by purpose"
        );
        assert_eq!(too_long("crates/a/src/b.rs", &"\n".repeat(600)), None);
        assert_eq!(too_long("crates/a/fixtures/b.rs", &long), None);
        assert_eq!(too_long("crates/a/src/generated/b.rs", &long), None);
    }

    #[test]
    fn empty_names_are_refused_as_files_folders_and_modules() {
        for name in ["core", "common", "utils", "helpers", "manager", "types"] {
            assert!(
                empty_path(&format!("crates/a/src/{name}.rs")).is_some(),
                "{name}.rs"
            );
            assert!(
                empty_path(&format!("crates/a/src/{name}/mod.rs")).is_some(),
                "{name}/"
            );
            let source = Source::parse(&format!("mod fine;\n\nmod outer {{ pub mod {name} {{}} }}")).unwrap();
            let found = empty_modules("a.rs", &source);
            assert_eq!(
                found.iter().map(|f| f.line).collect::<Vec<_>>(),
                [Some(3)],
                "mod {name}"
            );
        }
        assert_eq!(empty_path("crates/a/src/asset_types.rs"), None);
        let source = Source::parse("// mod core\nconst A: &str = \"mod core\"; use core::fmt;").unwrap();
        assert_eq!(empty_modules("a.rs", &source), []);
    }

    #[test]
    fn a_crate_without_a_purpose_is_said() {
        assert!(without_purpose("src/lib.rs", "").is_some());
        assert!(without_purpose("src/lib.rs", "// The nouns.\n").is_some());
        assert!(
            without_purpose("src/lib.rs", "//! .\n")
                .unwrap()
                .message
                .contains("does not say")
        );
        assert_eq!(
            without_purpose("src/lib.rs", "//! The nouns of the whole program.\n"),
            None
        );
    }
}
