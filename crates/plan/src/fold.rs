//! One spelling for names that people write in many ways.

use unicode_normalization::UnicodeNormalization;

/// Folds a name: NFKC, full case folding, invisible characters dropped, white space collapsed and trimmed.
///
/// Case is folded by lower → upper → lower, which gives what Unicode's full case folding gives for the letters
/// names are made of: `ß` and `ẞ` become `ss`, final sigma becomes `σ`. In one point it goes further: the four
/// letters i of Turkish (`I`, `ı`, `İ`, `i`) become one, since nobody keeps them apart in company names.
/// Folding a folded name changes nothing.
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return collapse(&name.to_ascii_lowercase());
    }
    let mut folded = String::with_capacity(name.len());
    let visible = name.nfkc().filter(|&c| !invisible(c));
    let lower = visible.flat_map(char::to_lowercase);
    for c in lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
        // `İ` folds to an i with a combining dot above; the dot says nothing an i does not say.
        if c == '\u{307}' && folded.ends_with('i') {
            continue;
        }
        folded.push(c);
    }
    collapse(&folded.nfkc().collect::<String>())
}

fn collapse(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// Soft hyphens, zero-width characters, byte order marks and direction marks: they come with pasted text.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(name: &str, folded: &str) {
        assert_eq!(fold(name), folded, "{name:?}");
    }

    #[test]
    fn names_fold_to_one_spelling() {
        check("", "");
        check(" \t\u{a0} ", "");
        check("  Brightwater \t LEGAL\n", "brightwater legal");
        check("Ａｃｍｅ ＧｍｂＨ", "acme gmbh");
        check("Weiß & Söhne", "weiss & söhne");
        check("WEISS & SÖHNE", "weiss & söhne");
        check("WEIẞ & SO\u{308}HNE", "weiss & söhne");
        check("ΟΔΥΣΣΕΥΣ", "οδυσσευσ");
        check("Οδυσσευς", "οδυσσευσ");
        check("İSTANBUL", "istanbul");
        check("ıstanbul", "istanbul");
        check("Istanbul", "istanbul");
        check("ﬁne №5", "fine no5");
        check("Ac\u{ad}me\u{200b} \u{202e}Ltd", "acme ltd");
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(name in "\\PC{0,24}") {
            let once = fold(&name);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
