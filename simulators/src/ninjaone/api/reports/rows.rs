//! Writes the rows of a page and remembers where the next one begins.

use crate::json::Json;
use crate::ninjaone::api::cursors::Place;

/// A page of rows that is being written.
pub(in crate::ninjaone::api) struct Rows<'a> {
    json: &'a mut Json,
    /// The record whose rows come now.
    record: i64,
    /// `deviceId`, if the rows carry it.
    device: Option<u32>,
    /// `timestamp` in milliseconds, if the rows carry it.
    stamp: Option<i64>,
    /// The record the page begins with.
    first: i64,
    /// How many of its rows were on the page before.
    skip: usize,
    left: usize,
    written: usize,
    /// Rows of the present record so far, skipped ones included.
    of_record: usize,
    /// Where the next page begins, once this one is full and a further row came.
    overflow: Option<(i64, usize)>,
    /// Rows with a BitLocker status vanish.
    pub loses_bitlocker: bool,
}

impl<'a> Rows<'a> {
    /// All rows.
    pub fn all(json: &'a mut Json) -> Self {
        Self::page(json, usize::MAX, Place::default())
    }

    /// At most `size` rows from `place` on.
    pub fn page(json: &'a mut Json, size: usize, place: Place) -> Self {
        Self {
            json,
            record: 0,
            device: None,
            stamp: None,
            first: place.record,
            skip: place.rows,
            left: size,
            written: 0,
            of_record: 0,
            overflow: None,
            loses_bitlocker: false,
        }
    }

    /// The rows of another record follow.
    pub fn begin(&mut self, record: i64, device: Option<u32>, stamp: Option<i64>) {
        // What was to be skipped belonged to the record the page began with, which may be gone by now.
        if record != self.first {
            self.skip = 0;
        }
        (self.record, self.device, self.stamp, self.of_record) = (record, device, stamp, 0);
    }

    /// Writes one row.
    pub fn row(&mut self, fields: impl FnOnce(&mut Json)) {
        self.of_record += 1;
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if self.left == 0 {
            self.overflow.get_or_insert((self.record, self.of_record - 1));
            return;
        }
        self.left -= 1;
        self.written += 1;
        let (device, stamp) = (self.device, self.stamp);
        self.json.object(|json| {
            fields(json);
            if let Some(device) = device {
                json.int_at("deviceId", device);
            }
            if let Some(stamp) = stamp {
                json.time_at("timestamp", stamp);
            }
        });
    }

    /// Whether a row was left over.
    pub fn is_full(&self) -> bool {
        self.overflow.is_some()
    }

    /// How many rows were written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Where the next page begins, if this one began at `from`.
    pub fn place(&self, from: Place) -> Place {
        let (record, rows) = self.overflow.unwrap_or((self.record.max(from.record) + 1, 0));
        Place {
            record,
            rows,
            offset: from.offset + self.written,
        }
    }
}
