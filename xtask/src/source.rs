//! Rust source read as tokens, with the comments between them.
//!
//! Reading tokens instead of lines means that a `todo!(` in a string or an id in a comment of
//! another function is never mistaken for the real thing, and that code inside macros
//! (`proptest! { #[test] fn … }`) is seen as well.

use std::ops::Range;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One parsed file.
pub struct Source {
    text: String,
    lines: Lines,
    tokens: Vec<TokenTree>,
    comments: Vec<Comment>,
}

/// A comment of any form: `//`, `///`, `//!`, `/* */`.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// Where it stands in the file, in bytes.
    pub range: Range<usize>,
    /// The line it begins on, counted from 1.
    pub line: usize,
    /// Its text, with the comment marks.
    pub text: String,
}

/// A function with a `#[test]` attribute (`#[tokio::test]` and the like included).
#[derive(Debug, PartialEq)]
pub struct TestFn {
    /// The inline modules around it within this file, outermost first.
    pub modules: Vec<String>,
    /// The function's name.
    pub name: String,
    /// The line of its first attribute or doc comment, counted from 1.
    pub line: usize,
    /// The comments in its body, among its attributes and directly above it.
    pub comments: Vec<Comment>,
}

impl Source {
    /// Reads the text of one Rust file.
    pub fn parse(text: &str) -> Result<Self> {
        let stream: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
            anyhow!("line {}: not valid Rust: {error}", error.span().start().line)
        })?;
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut code = Vec::new();
        spans(&tokens, &mut code);
        let lines = Lines::of(text);
        Ok(Self {
            comments: comments(text, &lines, &code),
            text: text.to_owned(),
            lines,
            tokens,
        })
    }

    /// The tokens outside every bracket; groups hold the rest.
    pub fn tokens(&self) -> &[TokenTree] {
        &self.tokens
    }

    /// The line a byte stands on, counted from 1.
    pub fn line(&self, byte: usize) -> usize {
        self.lines.at(byte)
    }

    /// Every test function of the file, those inside macro calls included.
    pub fn tests(&self) -> Vec<TestFn> {
        let mut found = Vec::new();
        self.find_tests(&self.tokens, &mut Vec::new(), &mut found);
        found
    }

    fn find_tests(&self, tokens: &[TokenTree], modules: &mut Vec<String>, found: &mut Vec<TestFn>) {
        let mut start: Option<usize> = None;
        let mut is_test = false;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1);
            match (token, next) {
                (TokenTree::Punct(mark), Some(TokenTree::Group(attribute)))
                    if mark.as_char() == '#' && attribute.delimiter() == Delimiter::Bracket =>
                {
                    start.get_or_insert(mark.span().byte_range().start);
                    is_test |= names_a_test(attribute);
                    at += 2;
                    continue;
                }
                (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if *word == "mod" => {
                    if let Some(TokenTree::Group(body)) = tokens.get(at + 2) {
                        modules.push(name.to_string());
                        self.find_tests(&trees(body), modules, found);
                        modules.pop();
                    }
                    at += 3;
                }
                (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if *word == "fn" => {
                    let first = start.unwrap_or(word.span().byte_range().start);
                    let rest = tokens.get(at..).unwrap_or_default();
                    let length = rest
                        .iter()
                        .position(ends_function)
                        .map_or(rest.len(), |end| end + 1);
                    if is_test && let Some(TokenTree::Group(body)) = rest.get(length - 1) {
                        let last = body.span_close().byte_range().end;
                        found.push(TestFn {
                            modules: modules.clone(),
                            name: name.to_string(),
                            line: self.line(first),
                            comments: self.comments_of(first..last),
                        });
                    }
                    at += length;
                }
                (TokenTree::Ident(word), _) if is_qualifier(&word.to_string()) => {
                    start.get_or_insert(word.span().byte_range().start);
                    // `pub(crate)`: the brackets belong to the word.
                    let bracket = matches!(next, Some(TokenTree::Group(group))
                        if group.delimiter() == Delimiter::Parenthesis);
                    at += if bracket { 2 } else { 1 };
                    continue;
                }
                (TokenTree::Literal(_), _) if start.is_some() => {
                    // `extern "C" fn`
                    at += 1;
                    continue;
                }
                (TokenTree::Group(group), _) => {
                    self.find_tests(&trees(group), modules, found);
                    at += 1;
                }
                _ => at += 1,
            }
            start = None;
            is_test = false;
        }
    }

    /// The comments within a range, and those that stand directly above it: on lines of their
    /// own, with no blank line between.
    fn comments_of(&self, range: Range<usize>) -> Vec<Comment> {
        let mut above = Vec::new();
        let mut top = range.start;
        for comment in self.comments.iter().rev().filter(|c| c.range.end <= range.start) {
            let between = self.text.get(comment.range.end..top).unwrap_or_default();
            let before = self.text.get(..comment.range.start).unwrap_or_default();
            let own_line = before
                .rsplit('\n')
                .next()
                .is_none_or(|start| start.trim().is_empty());
            if !own_line || !between.trim().is_empty() || between.matches('\n').count() > 1 {
                break;
            }
            top = comment.range.start;
            above.push(comment.clone());
        }
        above.reverse();
        let inside = |c: &&Comment| c.range.start >= range.start && c.range.end <= range.end;
        above.extend(self.comments.iter().filter(inside).cloned());
        above
    }
}

/// The tokens inside a bracket.
pub fn trees(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(flavor = "…")]`: the last word of the path.
fn names_a_test(attribute: &Group) -> bool {
    let path = trees(attribute);
    let words = path.iter().take_while(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(mark) => mark.as_char() == ':',
        _ => false,
    });
    words
        .last()
        .is_some_and(|token| matches!(token, TokenTree::Ident(word) if *word == "test"))
}

fn ends_function(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    }
}

fn is_qualifier(word: &str) -> bool {
    ["pub", "async", "const", "unsafe", "extern"].contains(&word)
}

/// Where every token stands; a bracket gives its two ends and what is between.
fn spans(tokens: &[TokenTree], found: &mut Vec<Range<usize>>) {
    for token in tokens {
        if let TokenTree::Group(group) = token {
            found.push(group.span_open().byte_range());
            spans(&trees(group), found);
            found.push(group.span_close().byte_range());
        } else {
            found.push(token.span().byte_range());
        }
    }
}

/// What is neither token nor white space is a comment. Doc comments do have tokens (`#[doc]`),
/// which all stand where the comment stands.
fn comments(text: &str, lines: &Lines, code: &[Range<usize>]) -> Vec<Comment> {
    let mut found: Vec<Comment> = Vec::new();
    let mut position = 0;
    for span in code.iter().chain([&(text.len()..text.len())]) {
        if span.start < position {
            continue; // another token of a doc comment
        }
        gap(text, lines, position..span.start, &mut found);
        position = span.end;
        let here = text.get(span.clone()).unwrap_or_default();
        if here.starts_with("//") || here.starts_with("/*") {
            push(text, lines, span.clone(), &mut found);
        }
    }
    found
}

fn gap(text: &str, lines: &Lines, range: Range<usize>, found: &mut Vec<Comment>) {
    let mut position = range.start;
    while let Some(rest) = text.get(position..range.end).filter(|rest| !rest.is_empty()) {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_length(rest)
        } else {
            position += rest.find('/').unwrap_or(rest.len()).max(1);
            continue;
        };
        push(text, lines, position..position + length, found);
        position += length;
    }
}

/// The length of a block comment; they nest.
fn block_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while position < text.len() {
        let rest = text.as_bytes().get(position..position + 2).unwrap_or_default();
        match rest {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                position += 1;
                continue;
            }
        }
        position += 2;
        if depth == 0 {
            break;
        }
    }
    position
}

fn push(text: &str, lines: &Lines, range: Range<usize>, found: &mut Vec<Comment>) {
    let comment = text.get(range.clone()).unwrap_or_default().to_owned();
    found.push(Comment {
        line: lines.at(range.start),
        range,
        text: comment,
    });
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests_of(text: &str) -> Vec<TestFn> {
        Source::parse(text).unwrap().tests()
    }

    fn texts(test: &TestFn) -> Vec<&str> {
        test.comments.iter().map(|c| c.text.as_str()).collect()
    }

    #[test]
    fn finds_tests_in_modules_and_macros_with_their_names() {
        let found = tests_of(
            "fn helper() {}\n\
             mod tests {\n  mod deep {\n    #[test]\n    fn one() {}\n  }\n\
               #[tokio::test(flavor = \"multi_thread\")]\n  pub(crate) async fn two() -> Result<(), E> { Ok(()) }\n}\n\
             proptest! { #![proptest_config(x)]\n  #[test] fn three(n in 0..9) {} }\n\
             #[cfg(test)] fn no() {}\n#[test_helper] fn neither() {}",
        );
        let names: Vec<_> = found
            .iter()
            .map(|t| (t.modules.join("::"), t.name.as_str(), t.line))
            .collect();
        assert_eq!(
            names,
            [
                ("tests::deep".to_owned(), "one", 4),
                ("tests".to_owned(), "two", 7),
                (String::new(), "three", 11)
            ]
        );
    }

    #[test]
    fn a_test_has_the_comments_inside_and_directly_above_and_no_others() {
        let found = tests_of(
            "// far away\n\n// above 1\n// above 2\n#[test]\n// among\nfn a() {\n  let x = \"// not a comment\"; // trailing\n\
             /* block /* nested */ */ let y = 'c';\n  let z = r#\"/* nor this \"# ;\n}\n// between\n\nfn helper() { /* helper */ }\n\
             /// doc of b\n#[test]\nfn b() { } // after b\n",
        );
        assert_eq!(
            texts(&found[0]),
            [
                "// above 1",
                "// above 2",
                "// among",
                "// trailing",
                "/* block /* nested */ */"
            ]
        );
        assert_eq!(texts(&found[1]), ["/// doc of b"]);
        assert_eq!(found[0].comments[3].line, 8);
    }

    #[test]
    fn a_comment_behind_other_code_is_not_above_the_next_test() {
        let found = tests_of("const A: u8 = 1; // H35\n#[test]\nfn a() {}\n");
        assert_eq!(found[0].comments, []);
    }

    #[test]
    fn text_beyond_ascii_keeps_positions_right() {
        let found = tests_of("// ä – ö\n\n#[test]\nfn a() { let s = \"…ß…\"; /* ü */ } // end\n");
        assert_eq!(texts(&found[0]), ["/* ü */"]);
        assert_eq!(found[0].line, 3);
    }

    #[test]
    fn what_is_not_rust_says_where() {
        let error = Source::parse("fn a() {}\nfn b( {").err().unwrap().to_string();
        assert!(error.starts_with("line 2"), "{error}");
    }
}
