//! Sharing one ascending list of ids among several requests at a time. Pure: it says what to ask next and is told
//! what came.
//!
//! The id space is cut into ranges that do not overlap and together leave nothing out; each is walked from its lower
//! to its upper end. On a later read the ids known from the last snapshot cut it into pages of the right size. On a
//! first read there is one open range, and free requests cut it further and further ahead, each step twice the last,
//! until one finds nothing there: that bounds the list. From then on a free request takes half of what the largest
//! range still has to do.
//!
//! Known ids are hints. Whatever they are, every id is in exactly one range, so a wrong hint costs requests and never
//! a device.

use crate::paging::{MAX_ID, Next, Stuck, advance, guard};

/// One part of the id space that is still to be read: ids above `after` up to `upper`.
#[derive(Debug)]
struct Range {
    key: u64,
    after: u64,
    upper: u64,
    busy: bool,
    /// How many ids one full page spans here, once a page has shown it.
    span: Option<u64>,
    /// Rows on its last page, when that was short.
    short: Option<usize>,
}

/// One request to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    key: u64,
    /// Ask for what follows this id.
    pub after: u64,
    /// How many to ask for.
    pub ask: usize,
}

/// What is still to be read.
#[derive(Debug)]
pub struct Ranges {
    page: usize,
    ranges: Vec<Range>,
    next_key: u64,
    /// Factor of the next step ahead into the open range.
    reach: u64,
    /// How many more steps ahead may be taken: every full page at the open end earns one, so that a small tenant
    /// costs no guesses.
    steps: u64,
    /// No id follows this one.
    end: Option<u64>,
    highest: u64,
    pages: u64,
    devices: u64,
    most: u64,
    /// Page size the server really uses, when it is smaller than asked for.
    cap: usize,
}

impl Ranges {
    /// The whole id space, cut along `known` ids (ascending) into pages of `page` devices. More than `most` devices
    /// are not believed.
    pub fn new(page: usize, known: &[u64], most: u64) -> Self {
        let mut ranges = Self {
            page,
            ranges: vec![],
            next_key: 0,
            reach: 1,
            steps: 0,
            end: None,
            highest: 0,
            pages: 0,
            devices: 0,
            most,
            cap: page,
        };
        let mut after = 0;
        for last in known.iter().skip(page.saturating_sub(1)).step_by(page.max(1)) {
            if *last > after && *last < MAX_ID {
                ranges.push(after, *last, None);
                after = *last;
            }
        }
        ranges.push(after, MAX_ID, None);
        ranges
    }

    fn push(&mut self, after: u64, upper: u64, span: Option<u64>) {
        self.ranges.push(Range {
            key: self.next_key,
            after,
            upper,
            busy: false,
            span,
            short: None,
        });
        self.next_key += 1;
    }

    /// Whether everything was read.
    pub fn finished(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Pages so far.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// The next request to make; `None` while all that is left is being asked for.
    pub fn take(&mut self) -> Option<Ticket> {
        let idle = self
            .ranges
            .iter()
            .filter(|range| !range.busy)
            .min_by_key(|range| range.after);
        let key = match idle {
            Some(range) => range.key,
            None => {
                let (at, cut) = self.cut_ahead().or_else(|| self.cut_in_half())?;
                let (upper, span) = (self.ranges[at].upper, self.ranges[at].span);
                self.ranges[at].upper = cut;
                self.push(cut, upper, span);
                self.next_key - 1
            }
        };
        let page = self.page;
        let range = self.ranges.iter_mut().find(|range| range.key == key)?;
        range.busy = true;
        let room = usize::try_from(range.upper - range.after).unwrap_or(page);
        Some(Ticket {
            key,
            after: range.after,
            ask: page.min(room),
        })
    }

    /// Where to cut the open range, well ahead of the page that is under way.
    fn cut_ahead(&mut self) -> Option<(usize, u64)> {
        if self.end.is_some() || self.steps == 0 {
            return None;
        }
        let (at, range) = self
            .ranges
            .iter()
            .enumerate()
            .find(|(_, range)| range.upper == MAX_ID)?;
        let span = range.span?;
        let cut = range.after.checked_add(span.checked_mul(1 + self.reach)?)?;
        if cut >= MAX_ID {
            return None;
        }
        self.reach *= 2;
        self.steps -= 1;
        Some((at, cut))
    }

    /// Where to halve the range with the most pages left, not counting the page that is under way.
    fn cut_in_half(&self) -> Option<(usize, u64)> {
        let left = |range: &Range| {
            let span = range.span.unwrap_or(u64::MAX).max(1);
            range.upper.saturating_sub(range.after).saturating_sub(span) / span
        };
        let (at, range) = self
            .ranges
            .iter()
            .enumerate()
            .filter(|(_, range)| range.upper < MAX_ID)
            .max_by_key(|(_, range)| left(range))?;
        if left(range) < 2 {
            return None;
        }
        let begin = range.after + range.span?;
        Some((at, begin + (range.upper - begin) / 2))
    }

    /// Takes in the answer to a ticket: which rows to keep, as places in the page.
    ///
    /// # Errors
    /// [`Stuck`] when the list cannot be read to its end.
    pub fn done(&mut self, ticket: Ticket, ids: &[Option<u64>]) -> Result<Vec<usize>, Stuck> {
        self.pages += 1;
        let Some(at) = self.ranges.iter().position(|range| range.key == ticket.key) else {
            // Its range lay beyond the end and was given up meanwhile.
            self.highest = self.highest.max(ids.iter().flatten().copied().max().unwrap_or(0));
            self.contradiction()?;
            return Ok(vec![]);
        };
        let range = &mut self.ranges[at];
        let page = advance(range.after, range.upper, ticket.ask, ids)?;
        self.devices += page.keep.len() as u64;
        guard(self.pages, self.devices, self.most)?;
        self.highest = self.highest.max(page.highest);
        match page.next {
            Next::RangeDone => {
                self.ranges.remove(at);
            }
            Next::After(id) => {
                if let Some(short) = range.short.take() {
                    self.cap = short.max(ids.len());
                }
                let full = ids.len() >= ticket.ask.min(self.cap);
                self.steps += u64::from(full && self.end.is_none());
                range.short = (!full).then_some(ids.len());
                let per_page = self.cap.min(self.page) as u64;
                range.span = Some(((id - range.after) * per_page / ids.len() as u64).max(1));
                range.after = id;
                range.busy = false;
            }
            Next::End => {
                let end = range.after;
                self.ranges.remove(at);
                self.end = Some(self.end.map_or(end, |known| known.min(end)));
                self.give_up_beyond(end);
            }
        }
        self.contradiction()?;
        Ok(page.keep)
    }

    /// Nothing follows `end`: ranges above it hold nothing.
    fn give_up_beyond(&mut self, end: u64) {
        self.ranges.retain(|range| range.after < end);
        for range in &mut self.ranges {
            range.upper = range.upper.min(end);
        }
    }

    fn contradiction(&self) -> Result<(), Stuck> {
        match self.end {
            Some(end) if self.highest > end => Err(Stuck::Contradiction {
                end,
                highest: self.highest,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paging::MAX_RECORDS;
    use std::collections::BTreeSet;

    /// Plays a server with these devices and a page size it never exceeds, and a reader with a number of requests at
    /// a time; each round answers them in the order given by `shuffle`. Returns what was read, requests and rounds.
    fn play(
        devices: &[u64],
        page: usize,
        cap: usize,
        known: &[u64],
        at_a_time: usize,
        shuffle: u64,
    ) -> (Vec<u64>, usize, usize) {
        let mut ranges = Ranges::new(page, known, MAX_RECORDS);
        let (mut read, mut requests, mut rounds, mut dice) = (vec![], 0, 0, shuffle);
        let mut under_way: Vec<Ticket> = vec![];
        while !ranges.finished() {
            rounds += 1;
            while under_way.len() < at_a_time {
                let Some(ticket) = ranges.take() else { break };
                assert!(ticket.ask >= 1 && ticket.ask <= page);
                requests += 1;
                under_way.push(ticket);
            }
            assert!(
                !under_way.is_empty(),
                "nothing to do and not finished: {ranges:?}"
            );
            for place in (1..under_way.len()).rev() {
                dice = dice
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                if shuffle > 0 {
                    under_way.swap(place, (dice >> 33) as usize % (place + 1));
                }
            }
            // With a shuffle only some answers arrive in a round.
            let arriving = if shuffle > 0 {
                under_way.len().div_ceil(2)
            } else {
                under_way.len()
            };
            for ticket in under_way.drain(..arriving).collect::<Vec<_>>() {
                let from = devices.partition_point(|id| *id <= ticket.after);
                let rows: Vec<_> = devices[from..]
                    .iter()
                    .take(ticket.ask.min(cap))
                    .map(|id| Some(*id))
                    .collect();
                for place in ranges.done(ticket, &rows).unwrap() {
                    read.push(rows[place].unwrap());
                }
            }
        }
        read.sort_unstable();
        (read, requests, rounds)
    }

    fn dense(count: u64) -> Vec<u64> {
        (1..=count).collect()
    }

    #[test]
    fn one_request_at_a_time_walks_page_by_page() {
        for (count, requests) in [(0, 1), (1, 2), (10, 2), (11, 3), (100, 11)] {
            let (read, made, _) = play(&dense(count), 10, 10, &[], 1, 0);
            assert_eq!(read, dense(count));
            assert_eq!(made, requests, "{count}");
        }
    }

    #[test]
    fn any_list_is_read_whole_whatever_is_known_of_it() {
        let sparse: Vec<u64> = (1..=700).map(|n| n * n).collect();
        let late: Vec<u64> = (0..500).map(|n| 2_000_000_000 + n * 3).collect();
        let clustered: Vec<u64> = (0..900)
            .map(|n| n % 300 + 1 + (n / 300) * 1_000_000)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let edge = vec![1, 2, MAX_ID - 1, MAX_ID];
        for devices in [dense(0), dense(1), dense(999), sparse, late, clustered, edge] {
            for at_a_time in [1, 3, 8] {
                for cap in [20, 7] {
                    for known in [
                        vec![],
                        devices.clone(),
                        dense(400),
                        vec![5, 5, 5, MAX_ID, MAX_ID],
                        devices.iter().copied().step_by(2).collect(),
                    ] {
                        for shuffle in [0, 1, 77] {
                            let (read, ..) = play(&devices, 20, cap, &known, at_a_time, shuffle);
                            assert_eq!(
                                read,
                                devices,
                                "at a time {at_a_time}, cap {cap}, {} known",
                                known.len()
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_first_read_of_a_hundred_pages_takes_a_quarter_of_the_rounds() {
        let (_, _, one) = play(&dense(100_000), 1000, 1000, &[], 1, 0);
        assert_eq!(one, 101);
        let (_, requests, rounds) = play(&dense(100_000), 1000, 1000, &[], 8, 0);
        assert!(rounds * 4 <= one, "{rounds} rounds");
        assert!(requests <= 140, "{requests} requests");
        let gaps: Vec<u64> = (1..=100_000).map(|n| n * 3 + (n / 30_000) * 50_000).collect();
        let (_, requests, rounds) = play(&gaps, 1000, 1000, &[], 8, 0);
        assert!(rounds * 4 <= one, "{rounds} rounds with gaps");
        assert!(requests <= 160, "{requests} requests with gaps");
    }

    #[test]
    fn a_later_read_takes_a_fifth() {
        let known = dense(100_000);
        let now: Vec<u64> = (1..=100_500).filter(|id| id % 100 != 7).collect();
        let (read, requests, rounds) = play(&now, 1000, 1000, &known, 8, 0);
        assert_eq!(read, now);
        assert!(rounds * 5 <= 101, "{rounds} rounds");
        assert!(requests <= 104, "{requests} requests");
    }

    #[test]
    fn a_small_tenant_costs_no_guesses() {
        let (_, requests, _) = play(&dense(400), 1000, 1000, &[], 8, 0);
        assert_eq!(requests, 2);
        let (_, requests, _) = play(&dense(400), 1000, 1000, &dense(400), 8, 0);
        assert_eq!(requests, 2);
    }

    #[test]
    fn a_server_that_repeats_itself_is_noticed_wherever_it_is_asked() {
        let mut ranges = Ranges::new(10, &[], MAX_RECORDS);
        let first: Vec<_> = (1..=10).map(Some).collect();
        let ticket = ranges.take().unwrap();
        assert_eq!(ranges.done(ticket, &first).unwrap().len(), 10);
        let (a, b) = (ranges.take().unwrap(), ranges.take().unwrap());
        assert!(b.after > a.after);
        assert!(matches!(ranges.done(b, &first), Err(Stuck::Repeats { .. })));
        assert!(matches!(ranges.done(a, &first), Err(Stuck::Repeats { .. })));
    }

    #[test]
    fn an_end_that_other_answers_contradict_is_no_end() {
        let known = dense(30);
        let mut ranges = Ranges::new(10, &known, MAX_RECORDS);
        let (first, second) = (ranges.take().unwrap(), ranges.take().unwrap());
        ranges
            .done(second, &(11..=20).map(Some).collect::<Vec<_>>())
            .unwrap();
        assert_eq!(
            ranges.done(first, &[]),
            Err(Stuck::Contradiction { end: 0, highest: 20 })
        );
    }

    #[test]
    fn an_endless_list_is_stopped() {
        let mut ranges = Ranges::new(1000, &[], 50_000);
        let stuck = loop {
            let ticket = ranges.take().unwrap();
            let rows: Vec<_> = (ticket.after + 1..=ticket.after + 1000).map(Some).collect();
            if let Err(stuck) = ranges.done(ticket, &rows) {
                break stuck;
            }
        };
        assert!(matches!(stuck, Stuck::Endless { .. }));
    }
}
