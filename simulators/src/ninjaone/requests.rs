//! What arrived here, counted on this side, so that a test can hold a client to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How many requests are remembered one by one.
const REMEMBERED: usize = 10_000;

/// One request as it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path, with `/api/v2` and `/ws/api/v2` written as `/v2`.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The status of the answer; 0 while it is not given or when the connection was cut.
    pub status: u16,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// All requests but those to `/simulator`.
    pub total: u64,
    /// By method and path, ids written as `{id}`: `GET /v2/device/{id}`.
    pub by_path: BTreeMap<String, u64>,
    /// The most requests that were under way at the same time.
    pub most_at_once: usize,
}

impl Requests {
    /// How often `method` met `path`, ids written as `{id}`.
    pub fn of(&self, method: &str, path: &str) -> u64 {
        self.by_path
            .get(&format!("{method} {path}"))
            .copied()
            .unwrap_or(0)
    }
}

#[derive(Default)]
pub(super) struct RequestBook {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    counters: Requests,
    at_once: usize,
    first: u64,
    seen: VecDeque<Seen>,
}

/// A request that is under way; ends when dropped.
pub(super) struct UnderWay<'a> {
    book: &'a RequestBook,
    number: u64,
}

impl RequestBook {
    pub fn begin(&self, method: &str, path: &str, query: &str) -> UnderWay<'_> {
        let mut inner = self.lock();
        inner.counters.total += 1;
        *inner
            .counters
            .by_path
            .entry(format!("{method} {}", pattern(path)))
            .or_default() += 1;
        inner.at_once += 1;
        inner.counters.most_at_once = inner.counters.most_at_once.max(inner.at_once);
        if inner.seen.len() == REMEMBERED {
            inner.seen.pop_front();
            inner.first += 1;
        }
        let number = inner.first + inner.seen.len() as u64;
        inner.seen.push_back(Seen {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            status: 0,
        });
        UnderWay { book: self, number }
    }

    pub fn counters(&self) -> Requests {
        self.lock().counters.clone()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.iter().cloned().collect()
    }

    pub fn reset(&self) {
        let mut inner = self.lock();
        inner.counters = Requests::default();
        inner.first += inner.seen.len() as u64;
        inner.seen.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay<'_> {
    pub fn answered(&self, status: u16) {
        let mut inner = self.book.lock();
        let place = self.number.checked_sub(inner.first);
        if let Some(seen) = place.and_then(|place| inner.seen.get_mut(place as usize)) {
            seen.status = status;
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.book.lock().at_once -= 1;
    }
}

/// Writes ids as `{id}`: numbers and UUIDs.
fn pattern(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let id = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if id || uuid::Uuid::try_parse(part).is_ok() {
            "{id}"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_folded_and_requests_at_once_are_counted() {
        let book = RequestBook::default();
        let one = book.begin("GET", "/v2/device/12", "");
        let two = book.begin("GET", "/v2/device/13", "a=b");
        two.answered(200);
        drop(two);
        drop(one);
        drop(book.begin("DELETE", "/v2/alert/8d4f6f0e-9f53-4a7e-8d0a-1d5d3f0a8b11", ""));
        let counters = book.counters();
        assert_eq!(counters.of("GET", "/v2/device/{id}"), 2);
        assert_eq!(counters.of("DELETE", "/v2/alert/{id}"), 1);
        assert_eq!((counters.total, counters.most_at_once), (3, 2));
        assert_eq!(book.seen()[1].status, 200);
        book.reset();
        assert_eq!(book.counters().total, 0);
    }
}
