//! What must not stay behind: tests switched off without a word, and code not written yet.

use anyhow::Result;
use proc_macro2::{Delimiter, TokenTree};

use super::{Finding, sources};
use crate::source::{Source, trees};
use crate::workspace::Workspace;

/// Macros that stand for code not written yet.
const UNWRITTEN: [&str; 2] = ["todo", "unimplemented"];

/// Looks through every Rust file of the tree, tests included.
pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let (parsed, mut findings) = sources(workspace)?;
    for (file, source) in &parsed {
        findings.extend(check_source(file, source));
    }
    Ok(findings)
}

fn check_source(file: &str, source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    look(source.tokens(), false, &mut found);
    found
        .into_iter()
        .map(|(byte, message)| Finding::line(file, source.line(byte), message))
        .collect()
}

fn look(tokens: &[TokenTree], in_attribute: bool, found: &mut Vec<(usize, String)>) {
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match token {
            TokenTree::Ident(word) if UNWRITTEN.iter().any(|name| *word == *name) && is_mark(next, '!') => {
                let message =
                    format!("`{word}!` stands for code not written yet: write it or return an error");
                found.push((word.span().byte_range().start, message));
            }
            TokenTree::Ident(word) if in_attribute && *word == "ignore" && !has_reason(tokens, at) => {
                let message = "`#[ignore]` without a reason: write `#[ignore = \"why\"]`".to_owned();
                found.push((word.span().byte_range().start, message));
            }
            TokenTree::Group(group) => {
                let attribute = group.delimiter() == Delimiter::Bracket
                    && at
                        .checked_sub(1)
                        .is_some_and(|before| is_mark(tokens.get(before), '#'));
                let inner = trees(group);
                // Inside an attribute only the path itself and what `cfg_attr` adds are attributes.
                let conditional = in_attribute
                    && at
                        .checked_sub(1)
                        .and_then(|before| tokens.get(before))
                        .is_some_and(
                            |before| matches!(before, TokenTree::Ident(word) if *word == "cfg_attr"),
                        );
                look(&inner, attribute || conditional, found);
            }
            _ => {}
        }
    }
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// `ignore = "why"`, with at least one letter in the reason.
fn has_reason(tokens: &[TokenTree], at: usize) -> bool {
    is_mark(tokens.get(at + 1), '=')
        && matches!(tokens.get(at + 2), Some(TokenTree::Literal(reason))
            if reason.to_string().chars().any(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        check_source("a.rs", &Source::parse(text).unwrap())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn an_ignored_test_needs_a_reason() {
        let bare = said("#[test]\n#[ignore]\nfn a() {}");
        assert_eq!(
            bare,
            ["a.rs:2: `#[ignore]` without a reason: write `#[ignore = \"why\"]`"]
        );
        assert_eq!(said("#[test]\n#[ignore = \"\"]\nfn a() {}").len(), 1);
        assert_eq!(said("#[cfg_attr(windows, ignore)]\nfn a() {}").len(), 1);
        assert!(said("#[ignore = \"needs a real account\"]\nfn a() {}").is_empty());
        assert!(said("#[cfg_attr(windows, ignore = \"no sockets\")]\nfn a() {}").is_empty());
    }

    #[test]
    fn a_word_that_only_looks_like_it_is_fine() {
        assert!(said("// #[ignore]\nfn ignore() { let ignore = [1]; x(ignore); }").is_empty());
        assert!(said("#[cfg(feature = \"ignore\")]\n#[serde(ignore)]\nstruct A;").is_empty());
        assert!(said("/// never `todo!()`\nfn todo() { let s = \"todo!()\"; }").is_empty());
    }

    #[test]
    fn unwritten_code_is_found_also_inside_tests_and_macros() {
        let text = format!(
            "fn a() {{\n    {}!()\n}}\nx! {{ {}!(\"later\") }}",
            "todo", "unimplemented"
        );
        let found = said(&text);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a.rs:2: `todo!`"), "{found:?}");
        assert!(found[1].starts_with("a.rs:4: `unimplemented!`"), "{found:?}");
    }
}
