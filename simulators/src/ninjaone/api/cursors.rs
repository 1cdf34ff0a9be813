//! The cursors of reports.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Where a report goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ninjaone) struct Place {
    /// The record whose rows come next; records before it are done.
    pub record: i64,
    /// How many of its rows are done.
    pub rows: usize,
    /// How many rows of the whole report are done.
    pub offset: usize,
}

struct Cursor {
    report: String,
    place: Place,
    /// Milliseconds.
    expires: i64,
}

/// The cursors in use.
#[derive(Default)]
pub(in crate::ninjaone) struct Cursors {
    inner: Mutex<(u64, HashMap<String, Cursor>)>,
}

impl Cursors {
    /// The place a cursor stands at, if it belongs to `report` and has not expired.
    pub fn place(&self, name: &str, report: &str, now: i64) -> Option<Place> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner
            .1
            .get(name)
            .filter(|cursor| cursor.report == report && cursor.expires > now)
            .map(|cursor| cursor.place)
    }

    /// Puts the cursor `name` at `place`; without a name a new one is made. Returns its name.
    pub fn put(&self, name: Option<&str>, report: &str, place: Place, now: i64, expires: i64) -> String {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.1.retain(|_, cursor| cursor.expires > now);
        let name = name.map_or_else(
            || {
                inner.0 += 1;
                uuid::Uuid::from_u128(crate::dice::uuid_bits(inner.0, 0x6375_7273)).to_string()
            },
            str::to_owned,
        );
        inner.1.insert(
            name.clone(),
            Cursor {
                report: report.to_owned(),
                place,
                expires,
            },
        );
        name
    }
}
