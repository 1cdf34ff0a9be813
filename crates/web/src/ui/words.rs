//! Names and numbers in the middle of a sentence.

use crate::ui::time::count;

/// Most letters of a name in a sentence.
const LONGEST: usize = 80;

/// Marks that turn the direction of what follows: a name with one reads as another.
pub fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name as a sentence can hold it: what turns the direction of writing is left out, and a very long one is cut. In a
/// template, `<bdi>` does better.
pub fn in_sentence(name: &str) -> String {
    let mut kept: String = name
        .chars()
        .filter(|c| !is_direction(*c) && !c.is_control())
        .take(LONGEST + 1)
        .collect();
    if kept.chars().count() > LONGEST {
        kept = kept.chars().take(LONGEST).chain(['…']).collect();
    }
    kept
}

/// A number with the words that follow it: `one` for a single one, with its own noun.
pub fn so_many(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => one.to_owned(),
        n => format!("{} {many}", count(n)),
    }
}

/// A reason, or who did something, as people say it: the audit log tells persons from keys and schedules, here a name is
/// enough; and names stand between the marks people write. What has several lines shows something as it was typed, and is
/// left as it is.
pub fn plainly(reason: &str) -> String {
    let reason = reason.replace("person:", "");
    if reason.contains('\n') {
        return reason;
    }
    let mut opens = true;
    let marks = reason.chars().map(|c| match c {
        '`' => {
            let mark = if opens { '“' } else { '”' };
            opens = !opens;
            mark
        }
        other => other,
    });
    marks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_as_people_write() {
        assert_eq!(plainly("asked for by person:ana"), "asked for by ana");
        assert_eq!(plainly("there is no bridge `new`"), "there is no bridge “new”");
        assert_eq!(plainly("a[?b==`1`\n   ^"), "a[?b==`1`\n   ^");
    }

    #[test]
    fn a_name_neither_turns_a_sentence_nor_fills_a_page() {
        assert_eq!(in_sentence("\u{202e}gpj.exe"), "gpj.exe");
        assert_eq!(in_sentence("Acme"), "Acme");
        let long = in_sentence(&"a".repeat(300));
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with('…'));
    }
}
