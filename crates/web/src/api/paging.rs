//! Lists, a page at a time.

use super::failure::Failure;

/// Items of a page unless the caller says otherwise.
pub const PER_PAGE: u64 = 50;
/// Most items of a page.
pub const MOST_PER_PAGE: u64 = 200;
/// Most characters of a search.
const LONGEST_SEARCH: usize = 200;

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its number, from 1.
    pub page: u64,
    /// Items of a page.
    pub per_page: u64,
}

impl Page {
    /// The page that was asked for.
    ///
    /// # Errors
    /// When there is none of that number, or it would be too large.
    pub fn asked(page: Option<u64>, per_page: Option<u64>) -> Result<Self, Failure> {
        let (page, per_page) = (page.unwrap_or(1), per_page.unwrap_or(PER_PAGE));
        if page == 0 {
            return Err(Failure::field("page", "Pages are counted from 1."));
        }
        if !(1..=MOST_PER_PAGE).contains(&per_page) {
            return Err(Failure::field("per_page", format!("1 to {MOST_PER_PAGE}.")));
        }
        Ok(Self { page, per_page })
    }

    /// Items to leave out before it.
    pub fn offset(self) -> u64 {
        (self.page - 1).saturating_mul(self.per_page)
    }

    /// Items of it, for what counts by machine words.
    pub fn limit(self) -> usize {
        usize::try_from(self.per_page).unwrap_or(usize::MAX)
    }
}

/// How many items were asked for, at most `most`.
///
/// # Errors
/// When it is none, or more.
pub fn limit(asked: Option<u32>, unless: u32, most: u32) -> Result<usize, Failure> {
    match asked.unwrap_or(unless) {
        n if (1..=most).contains(&n) => Ok(n as usize),
        _ => Err(Failure::field("limit", format!("1 to {most}."))),
    }
}

/// Text to look for.
///
/// # Errors
/// When it is too long.
pub fn search(asked: Option<String>) -> Result<String, Failure> {
    let text = asked.unwrap_or_default();
    match text.chars().count() > LONGEST_SEARCH {
        true => Err(Failure::field(
            "q",
            format!("At most {LONGEST_SEARCH} characters."),
        )),
        false => Ok(text.trim().to_owned()),
    }
}
