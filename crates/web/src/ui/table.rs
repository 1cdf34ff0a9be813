//! Lists that are searched, sorted, filtered and paged on the server. All of it is in the address, so that a list can be
//! bookmarked and sent to somebody.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;

/// Rows of a page unless a list says otherwise.
pub const PER_PAGE: u64 = 50;
/// Most characters of a search that are looked at.
const LONGEST_SEARCH: usize = 200;

/// What was asked of a list: `?q=…&f=…&sort=-started&page=2`. Words a list does not know are left to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The list's address without its query.
    pub path: String,
    /// Text to look for.
    pub search: String,
    /// The chip that is chosen; empty for all.
    pub filter: String,
    /// The client the list is narrowed to; empty for all.
    pub client: String,
    /// The column to sort by; empty for the list's own order.
    pub sort: String,
    /// Whether from large to small.
    pub descending: bool,
    /// Page, from 1.
    pub page: u64,
}

impl Ask {
    /// Out of a query string.
    pub fn parse(path: &str, query: &str) -> Self {
        let mut ask = Self {
            path: path.to_owned(),
            search: String::new(),
            filter: String::new(),
            client: String::new(),
            sort: String::new(),
            descending: false,
            page: 1,
        };
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "q" => ask.search = value.trim().chars().take(LONGEST_SEARCH).collect(),
                "f" => ask.filter = value.into_owned(),
                "client" => ask.client = value.chars().take(LONGEST_SEARCH).collect(),
                "sort" => {
                    ask.descending = value.starts_with('-');
                    ask.sort = value.trim_start_matches('-').to_owned();
                }
                "page" => ask.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        ask
    }

    /// The rows to leave out before this page.
    pub fn offset(&self, per_page: u64) -> u64 {
        (self.page - 1).saturating_mul(per_page)
    }

    /// What was asked, as the address has it.
    pub fn query(&self) -> String {
        let address = self.address();
        address
            .split_once('?')
            .map_or_else(String::new, |(_, query)| query.to_owned())
    }

    /// The same for all clients.
    pub fn without_client(&self) -> String {
        Self {
            client: String::new(),
            page: 1,
            ..self.clone()
        }
        .address()
    }

    /// Its address.
    pub fn address(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        if !self.filter.is_empty() {
            query.append_pair("f", &self.filter);
        }
        if !self.client.is_empty() {
            query.append_pair("client", &self.client);
        }
        if !self.sort.is_empty() {
            let sort = if self.descending {
                format!("-{}", self.sort)
            } else {
                self.sort.clone()
            };
            query.append_pair("sort", &sort);
        }
        if self.page > 1 {
            query.append_pair("page", &self.page.to_string());
        }
        let query = query.finish();
        if query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{query}", self.path)
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(
            parts.uri.path(),
            parts.uri.query().unwrap_or_default(),
        ))
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What the address calls it; empty when one cannot sort by it.
    pub key: &'static str,
    /// What people see.
    pub label: &'static str,
    /// Whether it holds numbers, which stand at the right.
    pub number: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(key: &'static str, label: &'static str) -> Self {
        Self {
            key,
            label,
            number: false,
        }
    }

    /// A column of numbers.
    pub const fn number(key: &'static str, label: &'static str) -> Self {
        Self {
            key,
            label,
            number: true,
        }
    }
}

/// A filter one can choose.
#[derive(Clone, Debug)]
pub struct Chip {
    /// What the address calls it; empty for all.
    pub value: String,
    /// What people see.
    pub label: String,
    /// How many rows it shows, where that is known.
    pub count: Option<u64>,
}

/// What is around a table's rows, drawn by `parts::table`.
#[derive(Clone, Debug)]
pub struct Table {
    /// What is listed, in the plural: the caption.
    pub caption: &'static str,
    /// What was asked.
    pub ask: Ask,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its filters; may be none.
    pub chips: Vec<Chip>,
    /// Rows there are.
    pub total: u64,
    /// Rows of a page.
    pub per_page: u64,
    /// What one searches by, for the search box; empty for none.
    pub search_by: &'static str,
}

impl Table {
    /// A table of `total` rows.
    pub fn new(caption: &'static str, ask: Ask, columns: &[Column], total: u64) -> Self {
        Self {
            caption,
            ask,
            columns: columns.to_vec(),
            chips: Vec::new(),
            total,
            per_page: PER_PAGE,
            search_by: "",
        }
    }

    /// The same with a search box.
    #[must_use]
    pub fn searched_by(mut self, what: &'static str) -> Self {
        self.search_by = what;
        self
    }

    /// The same with filters.
    #[must_use]
    pub fn with_chips(mut self, chips: Vec<Chip>) -> Self {
        self.chips = chips;
        self
    }

    /// How many pages there are.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(self.per_page).max(1)
    }

    /// The first and last row shown, from 1.
    pub fn shown(&self) -> (u64, u64) {
        let first = self.ask.offset(self.per_page) + 1;
        (first.min(self.total), (first + self.per_page - 1).min(self.total))
    }

    /// The address of another page.
    pub fn page(&self, page: u64) -> String {
        Ask {
            page,
            ..self.ask.clone()
        }
        .address()
    }

    /// The address of the same list sorted by a column, or the other way round.
    pub fn sorted_by(&self, column: &Column) -> String {
        let again = self.ask.sort == column.key;
        Ask {
            sort: column.key.to_owned(),
            descending: again && !self.ask.descending,
            page: 1,
            ..self.ask.clone()
        }
        .address()
    }

    /// How the rows are sorted by a column, in the word of `aria-sort`.
    pub fn sorting(&self, column: &Column) -> &'static str {
        match (
            self.ask.sort == column.key && !column.key.is_empty(),
            self.ask.descending,
        ) {
            (true, false) => "ascending",
            (true, true) => "descending",
            (false, _) => "none",
        }
    }

    /// The address of the list with a filter chosen.
    pub fn filtered_by(&self, chip: &Chip) -> String {
        Ask {
            filter: chip.value.clone(),
            page: 1,
            ..self.ask.clone()
        }
        .address()
    }

    /// Whether a filter is the chosen one.
    pub fn is_chosen(&self, chip: &Chip) -> bool {
        chip.value == self.ask.filter
    }

    /// The address of the whole list.
    pub fn cleared(&self) -> String {
        self.ask.path.clone()
    }

    /// Whether rows may be missing because of what was asked.
    pub fn is_narrowed(&self) -> bool {
        !self.ask.search.is_empty() || !self.ask.filter.is_empty() || !self.ask.client.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(query: &str, total: u64) -> Table {
        Table::new(
            "Runs",
            Ask::parse("/runs", query),
            &[Column::text("started", "Started")],
            total,
        )
    }

    #[test]
    fn what_was_asked_is_in_the_address_and_back() {
        let ask = Ask::parse("/runs", "q=+a%26b+&f=failed&sort=-started&page=3&stranger=1");
        assert_eq!(
            (ask.search.as_str(), ask.filter.as_str(), ask.page),
            ("a&b", "failed", 3)
        );
        assert_eq!(ask.address(), "/runs?q=a%26b&f=failed&sort=-started&page=3");
        assert_eq!(Ask::parse("/runs", "page=0&sort=").address(), "/runs");
        assert_eq!(Ask::parse("/runs", "page=nonsense").page, 1);
    }

    #[test]
    fn sorting_again_turns_the_order_and_a_new_order_begins_at_the_first_page() {
        let first = table("page=4", 500);
        let column = first.columns[0];
        assert_eq!(first.sorted_by(&column), "/runs?sort=started");
        let second = table("sort=started", 500);
        assert_eq!(second.sorted_by(&column), "/runs?sort=-started");
        assert_eq!(second.sorting(&column), "ascending");
    }

    #[test]
    fn pages_and_rows_are_counted_from_one() {
        assert_eq!(table("", 0).pages(), 1);
        assert_eq!(table("", 0).shown(), (0, 0));
        assert_eq!(table("page=2", 51).shown(), (51, 51));
        assert_eq!(table("", 51).pages(), 2);
        assert_eq!(table("page=99999999999999999999", 51).shown(), (1, 50));
        assert_eq!(Ask::parse("/", "page=18446744073709551615").offset(50), u64::MAX);
    }
}
