//! Finding all names within a few edits of one another, without comparing each with each.
//!
//! A partition index (Pass-Join: Li, Deng, Wang, Feng, VLDB 2012). With a limit of τ edits every name is cut into
//! τ + 1 pieces; a name within τ edits leaves at least one piece whole, and not far from where it stood. So names
//! that share no piece at nearly the same place are never compared. Real names share endings like "solutions inc" by
//! the thousand, so those that do are first told apart by which letters they have, and only then compared.

use rapidfuzz::distance::levenshtein::{Args, BatchComparator};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// The largest limit the index takes.
pub const LARGEST_LIMIT: u8 = 8;

/// An index over folded names that answers: which of them are at most `limit` edits away?
///
/// Distances are Levenshtein distances in Unicode scalar values.
pub struct NameIndex {
    limit: usize,
    /// The scalar values of all distinct names, one name after another.
    characters: Vec<char>,
    /// Where each distinct name stands in `characters`.
    names: Vec<Range<u32>>,
    /// Which letters each distinct name has.
    letters: Vec<Letters>,
    /// Where in the given order each distinct name occurs, one name after another.
    positions: Vec<u32>,
    /// Where each distinct name's occurrences stand in `positions`.
    occurrences: Vec<Range<u32>>,
    /// Distinct names with too few characters to be cut, by length.
    short: Vec<Vec<u32>>,
    /// Which lengths occur at all.
    lengths: Vec<bool>,
    /// Digest of (length, piece number, piece) → distinct names in `holders`.
    pieces: HashMap<u64, Range<u32>, BuildHasherDefault<AlreadyHashed>>,
    holders: Vec<u32>,
}

impl NameIndex {
    /// An index over `names`, which should be folded already. A limit above [`LARGEST_LIMIT`] counts as that.
    pub fn new(names: impl Iterator<Item = String>, limit: u8) -> Self {
        let limit = usize::from(limit.min(LARGEST_LIMIT));
        let mut numbered: Vec<(String, u32)> = names.zip(0_u32..).collect();
        numbered.sort_unstable();
        let mut index = Self {
            limit,
            characters: vec![],
            names: vec![],
            letters: vec![],
            positions: Vec::with_capacity(numbered.len()),
            occurrences: vec![],
            short: vec![vec![]; limit + 1],
            lengths: vec![],
            pieces: HashMap::default(),
            holders: vec![],
        };
        let mut cut: Vec<(u64, u32)> = vec![];
        for group in numbered.chunk_by(|a, b| a.0 == b.0) {
            index.add(group, &mut cut);
        }
        drop(numbered);
        cut.sort_unstable();
        for holders in cut.chunk_by(|a, b| a.0 == b.0) {
            let start = offset(index.holders.len());
            index.holders.extend(holders.iter().map(|&(_, name)| name));
            index
                .pieces
                .insert(holders[0].0, start..offset(index.holders.len()));
        }
        index
    }

    /// Adds one distinct name with all its occurrences.
    fn add(&mut self, group: &[(String, u32)], cut: &mut Vec<(u64, u32)>) {
        let id = offset(self.names.len());
        let start = self.characters.len();
        self.characters.extend(group[0].0.chars());
        self.names.push(offset(start)..offset(self.characters.len()));
        let first = offset(self.positions.len());
        self.positions.extend(group.iter().map(|&(_, position)| position));
        self.occurrences.push(first..offset(self.positions.len()));

        let name = &self.characters[start..];
        self.letters.push(Letters::of(name));
        if self.lengths.len() <= name.len() {
            self.lengths.resize(name.len() + 1, false);
        }
        self.lengths[name.len()] = true;
        if name.len() <= self.limit {
            self.short[name.len()].push(id);
        } else {
            for (number, piece) in pieces(name.len(), self.limit).enumerate() {
                cut.push((digest(name.len(), number, &name[piece]), id));
            }
        }
    }

    /// All names at most `limit` edits from `folded`, as (position in the given order, distance), the nearest first
    /// and equally near ones in the given order.
    pub fn similar(&self, folded: &str) -> Vec<(usize, u32)> {
        let name: Vec<char> = folded.chars().collect();
        let comparator = BatchComparator::new(name.iter().copied());
        let within = Args::default().score_cutoff(self.limit);
        let mut found = vec![];
        for candidate in self.candidates(&name) {
            let characters = &self.characters[whole(&self.names[candidate as usize])];
            let Some(distance) = comparator.distance_with_args(characters.iter().copied(), &within) else {
                continue;
            };
            let distance = offset(distance);
            for &position in &self.positions[whole(&self.occurrences[candidate as usize])] {
                found.push((position as usize, distance));
            }
        }
        found.sort_unstable_by_key(|&(position, distance)| (distance, position));
        found
    }

    /// Distinct names that may be near enough, each once.
    fn candidates(&self, name: &[char]) -> Vec<u32> {
        let mut candidates = vec![];
        let letters = Letters::of(name);
        for length in name.len().saturating_sub(self.limit)..=name.len() + self.limit {
            if !self.lengths.get(length).is_some_and(|&occurs| occurs) {
                continue;
            }
            // A replaced character changes two counts, an inserted or removed one changes one; of the latter there are
            // at least as many as the lengths differ.
            let most = 2 * self.limit - length.abs_diff(name.len());
            let resembles = |id: &&u32| letters.differ_by(self.letters[**id as usize]) as usize <= most;
            if length <= self.limit {
                candidates.extend(self.short[length].iter().filter(resembles));
                continue;
            }
            for (number, piece) in pieces(length, self.limit).enumerate() {
                for start in starts(&piece, number, length, name.len(), self.limit) {
                    let digest = digest(length, number, &name[start..start + piece.len()]);
                    if let Some(holders) = self.pieces.get(&digest) {
                        candidates.extend(self.holders[whole(holders)].iter().filter(resembles));
                    }
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }
}

/// How often each letter occurs in a name, counted up to four, over 32 classes of letters: one bit for "at least
/// once", one for "at least twice" and so on, so that one more or one less of a letter changes at most one bit.
#[derive(Clone, Copy)]
struct Letters(u128);

impl Letters {
    fn of(name: &[char]) -> Self {
        let mut bits = 0_u128;
        for &c in name {
            let class = 4 * (u32::from(c) % 32);
            let counted = bits >> class & 0b1111;
            bits |= (counted << 1 & 0b1111 | 1) << class;
        }
        Self(bits)
    }

    fn differ_by(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

/// Cuts `length` characters into `limit + 1` pieces of nearly equal size, the longer ones last.
fn pieces(length: usize, limit: usize) -> impl Iterator<Item = Range<usize>> {
    let count = limit + 1;
    let (size, longer) = (length / count, length % count);
    (0..count).map(move |number| {
        let start = number * size + (number + longer).saturating_sub(count);
        let end = start + size + usize::from(number + longer >= count);
        start..end
    })
}

/// Where in a name of `own_length` the piece with this number, taken from a name of `length`, can stand.
///
/// Of all whole pieces there is one with at most as many edits before it as pieces, and at most as many after it
/// as pieces there: so it is moved by at most `number` counted from the front, and by at most `limit - number`
/// counted from the back.
fn starts(
    piece: &Range<usize>,
    number: usize,
    length: usize,
    own_length: usize,
    limit: usize,
) -> Range<usize> {
    let room = own_length + 1;
    let latest = room.saturating_sub(piece.len());
    // `+ length` keeps the differences of lengths above zero.
    let from_front = (piece.start + length).saturating_sub(number)..=piece.start + length + number;
    let shifted = piece.start + own_length;
    let from_back = shifted.saturating_sub(limit - number)..=shifted + (limit - number);
    let low = (*from_front.start())
        .max(*from_back.start())
        .saturating_sub(length);
    let high = (*from_front.end()).min(*from_back.end());
    match high.checked_sub(length) {
        Some(high) if low < latest => low..(high + 1).min(latest),
        _ => 0..0,
    }
}

/// FNV-1a over the length, the piece number and the piece. Equal digests of different pieces only cost a comparison.
fn digest(length: usize, number: usize, piece: &[char]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |value: u64| state = (state ^ value).wrapping_mul(0x0000_0100_0000_01b3);
    eat(length as u64);
    eat(number as u64);
    for &c in piece {
        eat(u64::from(u32::from(c)));
    }
    // The table takes its place from the high bits, which the last factors reach; the low ones are mixed in.
    state ^ (state >> 29)
}

fn offset(length: usize) -> u32 {
    // Four thousand million characters of names do not occur; a saturated offset would end in a wrong slice, not
    // in a wrong match.
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn whole(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// The keys are digests already.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The textbook's table, to check the index and the library against.
    fn distance(a: &str, b: &str) -> u32 {
        let b: Vec<char> = b.chars().collect();
        let mut row: Vec<u32> = (0..).take(b.len() + 1).collect();
        for (i, x) in (1_u32..).zip(a.chars()) {
            let mut corner = row[0];
            row[0] = i;
            for j in 1..=b.len() {
                let replaced = corner + u32::from(x != b[j - 1]);
                corner = row[j];
                row[j] = replaced.min(row[j] + 1).min(row[j - 1] + 1);
            }
        }
        row[b.len()]
    }

    fn brute_force(names: &[String], wanted: &str, limit: u8) -> Vec<(usize, u32)> {
        let mut found: Vec<(usize, u32)> = (0..)
            .zip(names)
            .map(|(i, name)| (i, distance(name, wanted)))
            .filter(|&(_, d)| d <= u32::from(limit))
            .collect();
        found.sort_by_key(|&(i, d)| (d, i));
        found
    }

    #[track_caller]
    fn check(names: &[&str], limit: u8, wanted: &str, expected: &[(usize, u32)]) {
        let index = NameIndex::new(names.iter().map(|&n| n.to_owned()), limit);
        assert_eq!(
            index.similar(wanted),
            expected,
            "{wanted:?} among {names:?} within {limit}"
        );
    }

    #[test]
    fn names_near_and_far() {
        let names = ["acme inc", "acme llc", "brightwater legal", "acme inc"];
        check(&names, 3, "acme inc", &[(0, 0), (3, 0), (1, 2)]);
        check(&names, 1, "acme inc", &[(0, 0), (3, 0)]);
        check(&names, 3, "brightwater leagl", &[(2, 2)]);
        check(&names, 0, "acme llc", &[(1, 0)]);
        check(&[], 3, "acme", &[]);
    }

    #[test]
    fn names_shorter_than_the_pieces() {
        check(
            &["", "a", "ab", "abc", "abcd", "abcde"],
            3,
            "",
            &[(0, 0), (1, 1), (2, 2), (3, 3)],
        );
        check(
            &["", "a", "xyz", "wxyz", "vwxyz"],
            3,
            "xy",
            &[(2, 1), (0, 2), (1, 2), (3, 2), (4, 3)],
        );
        check(&["日本", "日本語", "中国"], 1, "日本", &[(0, 0), (1, 1)]);
    }

    #[test]
    fn h35_distance_counts_characters_not_bytes() {
        check(&["müller öl"], 2, "muller ol", &[(0, 2)]);
        check(&["müller öl"], 1, "muller ol", &[]);
    }

    proptest! {
        #[test]
        fn finds_what_comparing_each_with_each_finds(
            names in prop::collection::vec("[abß日 ]{0,12}", 0..20),
            wanted in "[abß日 ]{0,12}",
            limit in 0_u8..=8,
        ) {
            let index = NameIndex::new(names.iter().cloned(), limit);
            prop_assert_eq!(index.similar(&wanted), brute_force(&names, &wanted, limit));
        }

        #[test]
        fn finds_names_after_a_few_edits(
            name in "[a-z ]{8,80}",
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<char>()), 0..6),
            limit in 0_u8..=8,
        ) {
            let mut edited: Vec<char> = name.chars().collect();
            for (at, kind, c) in edits {
                let at = at.index(edited.len());
                match kind {
                    0 => { edited.remove(at); }
                    1 => edited.insert(at, c),
                    _ => edited[at] = c,
                }
            }
            let edited: String = edited.into_iter().collect();
            let index = NameIndex::new([name.clone()].into_iter(), limit);
            prop_assert_eq!(index.similar(&edited), brute_force(&[name], &edited, limit));
        }
    }
}
