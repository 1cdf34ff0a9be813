//! `pageSize` and `after`.

use super::{Params, Refusal};
use crate::ninjaone::quirks::Quirks;

/// Which page of an entity list is wanted.
pub(super) struct Page {
    /// Only ids greater than this.
    pub after: i64,
    /// At most so many rows.
    pub size: usize,
}

impl Page {
    /// # Errors
    /// 400 when a parameter is no number, or the size is not positive.
    pub fn of(params: &Params, quirks: &Quirks) -> Result<Self, Refusal> {
        let size = params
            .size("pageSize", 1, i64::from(i32::MAX))?
            .unwrap_or(quirks.default_page_size);
        Ok(Self {
            after: params.int("after")?.unwrap_or(0),
            size: size.min(quirks.largest_page_size.unwrap_or(usize::MAX)),
        })
    }

    /// The rows of the page out of all rows, which must be in ascending order.
    pub fn cut<'a, T: 'a>(
        &self,
        rows: impl Iterator<Item = &'a T>,
        id: impl Fn(&T) -> u32,
    ) -> impl Iterator<Item = &'a T> {
        rows.filter(move |row| i64::from(id(row)) > self.after)
            .take(self.size)
    }
}
