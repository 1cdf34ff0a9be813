//! Paging by id: NinjaOne lists records in ascending order of id, `after` is exclusive, and no answer says how many
//! there are. Pure; the rules are here so that data can test them.
//!
//! The end is proven by an empty page alone. A page shorter than asked for proves nothing: a server may cap the page
//! size. Every page must bring an id beyond `after`, so a list cannot go round in circles.

use std::collections::HashSet;

/// Largest id NinjaOne documents (`int32`).
pub const MAX_ID: u64 = i32::MAX as u64;

/// More records than any tenant has; a list that goes on beyond is not believed.
pub const MAX_RECORDS: u64 = 1_000_000;

/// What a page leads to.
#[derive(Debug, PartialEq, Eq)]
pub struct Advance {
    /// Which rows are new and within the range, as places in the page.
    pub keep: Vec<usize>,
    /// How to go on.
    pub next: Next,
    /// Largest id on the page; 0 without one.
    pub highest: u64,
}

/// How to go on after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for what follows this id.
    After(u64),
    /// The range's upper end was reached.
    RangeDone,
    /// No record follows.
    End,
}

/// Why a list does not come to an end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// Nothing new.
    #[error(
        "the answer repeats records up to id {highest} instead of going on after id {after}: NinjaOne's list goes round in circles"
    )]
    Repeats {
        /// What was asked for.
        after: u64,
        /// Largest id that came.
        highest: u64,
    },
    /// A full page without an id.
    #[error("none of the {rows} records after id {after} has a readable id, so the list cannot be continued")]
    NoIds {
        /// What was asked for.
        after: u64,
        /// How many rows came.
        rows: usize,
    },
    /// Two answers contradict each other.
    #[error("NinjaOne answered that nothing follows id {end}, and yet listed id {highest}")]
    Contradiction {
        /// Said to be the last.
        end: u64,
        /// Seen.
        highest: u64,
    },
    /// Not in order of id.
    #[error(
        "the records after id {after} do not come in ascending order of id, so it cannot be proven that none is missing"
    )]
    Disorder {
        /// What was asked for.
        after: u64,
    },
    /// Too many pages with too little on them, or too many records.
    #[error("the list does not end: {pages} pages brought {records} records")]
    Endless {
        /// Pages so far.
        pages: u64,
        /// Records so far.
        records: u64,
    },
}

/// Judges one page: `ids` of the rows in their order, `None` where unreadable; asked for were `asked` records after
/// id `after`, of which those up to `upper` are wanted.
///
/// Ids not beyond `after` and repeated ids are dropped: the first one wins. The page is believed up to its last id;
/// a stray larger one in front of it does not carry the list on, and comes again in its own place.
///
/// # Errors
/// [`Stuck`] when the page brings no progress.
pub fn advance(after: u64, upper: u64, asked: usize, ids: &[Option<u64>]) -> Result<Advance, Stuck> {
    let highest = ids.iter().flatten().copied().max().unwrap_or(0);
    if highest <= after {
        // An id that is not beyond `after` but is there means that the server does not go on.
        let next = match (ids.len(), highest) {
            (rows, 0) if rows >= asked && rows > 0 => return Err(Stuck::NoIds { after, rows }),
            // Nothing, or nothing but records without an id: they are reported, and nothing follows.
            (_, 0) => Next::End,
            _ => return Err(Stuck::Repeats { after, highest }),
        };
        return Ok(Advance {
            keep: (0..ids.len()).collect(),
            next,
            highest,
        });
    }
    let frontier = frontier(&fresh(after, ids)).unwrap_or(highest);
    let last = frontier.min(upper);
    let mut seen = HashSet::with_capacity(ids.len());
    let keep = ids
        .iter()
        .enumerate()
        .filter(|(_, id)| id.is_none_or(|id| id > after && id <= last && seen.insert(id)))
        .map(|(place, _)| place)
        .collect();
    let next = if frontier >= upper {
        Next::RangeDone
    } else {
        Next::After(frontier)
    };
    Ok(Advance { keep, next, highest })
}

/// The ids beyond `after`, each once, in the order they came.
fn fresh(after: u64, ids: &[Option<u64>]) -> Vec<u64> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter()
        .flatten()
        .copied()
        .filter(|id| *id > after && seen.insert(*id))
        .collect()
}

/// How far a page can be believed: to its last id, when at least the second half of it ascends. `None` when it does
/// not ascend.
fn frontier(fresh: &[u64]) -> Option<u64> {
    let descents = fresh.windows(2).rposition(|pair| pair[0] > pair[1]);
    let ascending = fresh.len() - descents.map_or(0, |place| place + 1);
    fresh.last().copied().filter(|_| ascending * 2 >= fresh.len())
}

/// The ids beyond `after`, each once and sorted, when the page does not ascend; `None` when it does.
pub fn disorder(after: u64, ids: &[Option<u64>]) -> Option<Vec<u64>> {
    let mut fresh = fresh(after, ids);
    if fresh.is_empty() || frontier(&fresh).is_some() {
        return None;
    }
    fresh.sort_unstable();
    Some(fresh)
}

/// Whether a smaller page of the same place shows that the page is shuffled but still holds the smallest ids:
/// then the list is in order of id after all. `sorted` is what [`disorder`] gave.
pub fn only_shuffled(after: u64, sorted: &[u64], smaller: &[Option<u64>]) -> bool {
    let mut ids: Vec<u64> = smaller
        .iter()
        .flatten()
        .copied()
        .filter(|id| *id > after)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    !ids.is_empty() && sorted.starts_with(&ids)
}

/// Stops a list that never ends: at most `most` records are believed.
///
/// # Errors
/// [`Stuck::Endless`]. A page may be nearly empty, but on average there are ten records on one.
pub fn guard(pages: u64, records: u64, most: u64) -> Result<(), Stuck> {
    match records > most || pages > 200 + records / 10 {
        true => Err(Stuck::Endless { pages, records }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u64]) -> Vec<Option<u64>> {
        ids.iter().map(|id| Some(*id)).collect()
    }

    fn check(after: u64, upper: u64, asked: usize, rows: &[u64], keep: &[usize], next: Next) {
        let advance = advance(after, upper, asked, &ids(rows)).unwrap();
        assert_eq!((advance.keep.as_slice(), advance.next), (keep, next), "{rows:?}");
    }

    #[test]
    fn a_page_is_followed_by_its_largest_id_and_only_an_empty_one_ends() {
        check(0, MAX_ID, 3, &[1, 2, 5], &[0, 1, 2], Next::After(5));
        check(5, MAX_ID, 3, &[7], &[0], Next::After(7));
        check(7, MAX_ID, 3, &[], &[], Next::End);
    }

    #[test]
    fn duplicates_within_and_across_pages_are_dropped() {
        check(5, MAX_ID, 5, &[4, 5, 6, 6, 8], &[2, 4], Next::After(8));
    }

    #[test]
    fn a_stray_larger_id_in_front_does_not_carry_the_list_on() {
        check(5, MAX_ID, 4, &[90, 6, 7, 8], &[1, 2, 3], Next::After(8));
        check(5, 20, 4, &[90, 6, 7, 8], &[1, 2, 3], Next::After(8));
        check(5, MAX_ID, 4, &[7, 6, 8, 9], &[0, 1, 2, 3], Next::After(9));
        assert_eq!(disorder(5, &ids(&[90, 6, 7, 8])), None);
    }

    #[test]
    fn a_range_ends_at_its_upper_id() {
        check(0, 6, 3, &[2, 6, 9], &[0, 1], Next::RangeDone);
        check(0, 6, 3, &[7, 8, 9], &[], Next::RangeDone);
        check(0, 6, 3, &[1, 2, 3], &[0, 1, 2], Next::After(3));
    }

    #[test]
    fn a_page_without_progress_is_an_error_that_names_it() {
        let error = advance(5, MAX_ID, 3, &ids(&[3, 4, 5])).unwrap_err();
        assert_eq!(error, Stuck::Repeats { after: 5, highest: 5 });
        assert!(error.to_string().contains("after id 5"));
    }

    #[test]
    fn records_without_an_id_are_kept_and_cannot_carry_a_list_on() {
        let page = advance(5, MAX_ID, 3, &[None, Some(6), None]).unwrap();
        assert_eq!((page.keep, page.next), (vec![0, 1, 2], Next::After(6)));
        let last = advance(6, MAX_ID, 3, &[None]).unwrap();
        assert_eq!((last.keep, last.next), (vec![0], Next::End));
        assert_eq!(
            advance(6, MAX_ID, 2, &[None, None]),
            Err(Stuck::NoIds { after: 6, rows: 2 })
        );
    }

    #[test]
    fn disorder_is_noticed_and_a_smaller_page_tells_a_shuffled_one_from_a_list_in_another_order() {
        assert_eq!(disorder(0, &ids(&[1, 2, 2, 9])), None);
        assert_eq!(disorder(5, &ids(&[6, 3, 7])), None);
        let sorted = disorder(0, &ids(&[4, 9, 2, 1])).unwrap();
        assert_eq!(sorted, [1, 2, 4, 9]);
        // Should it be believed all the same, the largest id carries it on.
        check(0, MAX_ID, 4, &[4, 9, 2, 1], &[0, 1, 2, 3], Next::After(9));
        assert!(only_shuffled(0, &sorted, &ids(&[2, 1])));
        assert!(!only_shuffled(0, &sorted, &ids(&[4, 2])));
        assert!(!only_shuffled(0, &sorted, &[]));
    }

    #[test]
    fn a_list_that_never_ends_is_stopped() {
        assert!(guard(100, 100_000, MAX_RECORDS).is_ok());
        assert!(guard(200, 0, MAX_RECORDS).is_ok());
        assert!(guard(201, 0, MAX_RECORDS).is_err());
        assert!(guard(1, MAX_RECORDS + 1, MAX_RECORDS).is_err());
    }
}
