//! Requirement ids (`H35`) and where a test may name them.

use std::fmt;

use anyhow::{Result, bail};

/// One requirement: a letter for the system and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    letter: char,
    number: u16,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02}", self.letter, self.number)
    }
}

impl Id {
    /// Reads `H35`: one capital letter and two or more digits, nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = Self::take(text)?;
        rest.is_empty().then_some(id)
    }

    /// Reads an id at the beginning of a text and returns what follows it.
    fn take(text: &str) -> Option<(Self, &str)> {
        let mut letters = text.chars();
        let letter = letters.next().filter(char::is_ascii_uppercase)?;
        let (number, rest) = take_number(letters.as_str())?;
        Some((Self { letter, number }, rest))
    }

    fn through(self, last: Self) -> impl Iterator<Item = Self> {
        (self.number..=last.number).map(move |number| Self {
            letter: self.letter,
            number,
        })
    }
}

/// Two or three digits that no letter or digit follows.
fn take_number(text: &str) -> Option<(u16, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let ends = rest
        .chars()
        .next()
        .is_none_or(|c| !c.is_alphanumeric() && c != '_');
    if !(2..=3).contains(&digits) || !ends {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

/// The ids a list such as `H01-H04,H06` names. Anything else in it is an error.
pub fn parse_list(parts: &[String]) -> Result<Vec<Id>> {
    let mut ids = Vec::new();
    for part in parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
    {
        match take_range(part) {
            Some((range, "")) => ids.extend(range),
            _ => bail!("`{part}` is neither an id (H35) nor a range of ids (H42-H54)"),
        }
    }
    Ok(ids)
}

/// One id, or a range of ids of one letter: `H42-H54`, `H42–H54`, `H42-54`, `H42 to H54`.
fn take_range(text: &str) -> Option<(Vec<Id>, &str)> {
    let (first, rest) = Id::take(text)?;
    for dash in ["-", "–", "—", "..=", " to "] {
        let Some(after) = rest.strip_prefix(dash) else {
            continue;
        };
        let last = Id::take(after).or_else(|| {
            take_number(after).map(|(number, rest)| {
                (
                    Id {
                        letter: first.letter,
                        number,
                    },
                    rest,
                )
            })
        });
        if let Some((last, rest)) = last
            && last.letter == first.letter
            && last.number > first.number
        {
            return Some((first.through(last).collect(), rest));
        }
    }
    Some((vec![first], rest))
}

/// The ids a comment begins with: `// H35`, `/// H34, H35: …`, `// H42-H54`.
///
/// Ids further on (`// unlike H35`) are talk about a requirement, not a claim to prove it.
pub fn at_head(comment: &str) -> Vec<Id> {
    let mut rest = comment.trim_start_matches(['/', '*', '!']).trim_start();
    let mut ids = Vec::new();
    while let Some((range, after)) = take_range(rest) {
        ids.extend(range);
        rest = after.trim_start_matches([',', ';', '/', '+', '&']).trim_start();
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    }
    ids
}

/// Every id a comment mentions anywhere.
pub fn mentioned(comment: &str) -> Vec<Id> {
    comment
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter_map(Id::parse)
        .collect()
}

/// The ids in the name of a test function, as words between underscores: `h35_distance_four`,
/// `h42_h43_serial_and_name`, `h42_to_h54_each_field`.
pub fn in_name(name: &str) -> Vec<Id> {
    let words: Vec<Option<Id>> = name
        .split('_')
        .map(|word| {
            if word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
                Id::parse(&word.to_ascii_uppercase())
            } else {
                None
            }
        })
        .collect();
    let mut ids = Vec::new();
    for (at, id) in words.iter().enumerate() {
        let Some(id) = id else { continue };
        ids.push(*id);
        let range_to = words.get(at + 2).copied().flatten();
        if let Some(last) = range_to
            && name.split('_').nth(at + 1) == Some("to")
            && last.letter == id.letter
        {
            ids.extend(id.through(last).skip(1));
        }
    }
    ids.sort();
    ids.dedup();
    ids
}

/// Ids as a short text: `H05, H07-H14, H18`.
pub fn condensed(ids: &[Id]) -> String {
    let mut parts: Vec<(Id, Id)> = Vec::new();
    for id in ids {
        match parts.last_mut() {
            Some((_, last)) if last.letter == id.letter && last.number + 1 == id.number => *last = *id,
            _ => parts.push((*id, *id)),
        }
    }
    let text = parts
        .iter()
        .map(|(first, last)| match last.number - first.number {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}-{last}"),
        });
    text.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ids: Vec<Id>) -> String {
        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_carry_ids_as_whole_words() {
        let cases = [
            ("h35_distance_four_does_not_match", "H35"),
            ("h42_h43_serial_and_name", "H42 H43"),
            ("refuses_c41", "C41"),
            ("h52_to_h54_each_field", "H52 H53 H54"),
            ("h54_to_h52_backwards", "H52 H54"),
            ("ah35_x", ""),
            ("h35x", ""),
            ("h5_x", ""),
            ("sha256_of_h", ""),
        ];
        for (name, ids) in cases {
            assert_eq!(text(in_name(name)), ids, "{name}");
        }
    }

    #[test]
    fn comments_claim_the_ids_they_begin_with() {
        let cases = [
            ("// H35", "H35"),
            ("//H35: exactly three", "H35"),
            ("/// H34, H35 and H36; the rule", "H34 H35 H36"),
            ("// H52-H54", "H52 H53 H54"),
            ("// H52–H54, H56", "H52 H53 H54 H56"),
            ("// H52-54", "H52 H53 H54"),
            ("/* C41/C42 */", "C41 C42"),
            ("// unlike H35, this one", ""),
            ("// H35b", ""),
            ("// SHA256 of it", ""),
            ("// H54-H52", "H54"),
            ("// H35 - the rule", "H35"),
        ];
        for (comment, ids) in cases {
            assert_eq!(text(at_head(comment)), ids, "{comment}");
        }
        assert_eq!(
            text(mentioned("// unlike H35 (and C41), UTF8 and h36")),
            "H35 C41"
        );
    }

    #[test]
    fn lists_take_ranges_and_refuse_anything_else() {
        let list = |text: &str| parse_list(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(text(list("H01-H03, H06").unwrap()), "H01 H02 H03 H06");
        for wrong in ["H1", "H01 H02", "H03-H01", "H01-C03", "h01"] {
            assert!(list(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn condensed_joins_neighbours() {
        let ids = parse_list(&["H05", "H07-H09", "H11", "H12", "L01"].map(str::to_owned)).unwrap();
        assert_eq!(condensed(&ids), "H05, H07-H09, H11, H12, L01");
    }
}
