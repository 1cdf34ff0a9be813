//! NinjaOne's endpoints: one method each, with their paging.

use crate::complete::{Part, Report};
use crate::config::Config;
use crate::paging::{MAX_RECORDS, Next, advance, guard};
use crate::wire::{self, Listed};
use connect::http::{Answer, Bearer, Http};
use connect::{Error, Kind};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// How often a page that breaks off or is no valid JSON is asked for again: it may be a broken transfer.
pub const TRANSFERS: u32 = 3;
/// Records per page of the small lists and the reports; 1000 is what NinjaOne's clients use.
const PAGE: usize = 1000;
/// More rows than any report has; a report that goes on beyond is not believed.
const MAX_ROWS: usize = 3_000_000;

/// Speaks to one tenant.
pub struct Client {
    /// The settings.
    pub config: Config,
    /// Sends the requests.
    pub http: Http,
    /// Where tokens come from.
    pub bearer: Arc<dyn Bearer>,
}

impl Client {
    /// How many requests may be under way.
    pub fn at_a_time(&self) -> usize {
        self.http.limit().clamp(1, self.config.readers)
    }

    /// Reads `path` below the API path.
    ///
    /// # Errors
    /// Any [`Error`], with NinjaOne's habits explained.
    pub async fn get(&self, doing: &str, path: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        let path = format!("{}{path}", self.config.api_path);
        self.http
            .get(doing, &path, query, self.bearer.as_ref())
            .await
            .map_err(explain)
    }

    /// Reads `path` and takes the answer apart, asking again when it came broken.
    ///
    /// # Errors
    /// [`Kind::Protocol`] with what `parse` says, and any other [`Error`].
    pub async fn get_parsed<T>(
        &self,
        doing: &str,
        path: &str,
        query: &[(&str, String)],
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let mut transfer = 1;
        loop {
            let answer = self.get(doing, path, query).await?;
            match parse(&answer.body) {
                Ok(parsed) => return Ok(parsed),
                Err(problem) if transfer >= TRANSFERS => return Err(broken(doing, &problem, &answer)),
                Err(problem) => tracing::debug!(
                    doing,
                    problem,
                    transfer,
                    "a page came broken and is asked for again"
                ),
            }
            transfer += 1;
        }
    }

    /// A list that is paged by id, whole.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    pub async fn list(&self, what: &str, path: &str) -> Result<Vec<Listed>, Error> {
        let (mut after, mut pages, mut all) = (0, 0, Vec::new());
        loop {
            let doing = format!("reading {what} after id {after}");
            let query = [("pageSize", PAGE.to_string()), ("after", after.to_string())];
            let page = self.get_parsed(&doing, path, &query, wire::listed).await?;
            pages += 1;
            let ids: Vec<_> = page.iter().map(|record| record.id).collect();
            let stuck =
                |stuck: crate::paging::Stuck| Error::new(Kind::Protocol, doing.as_str(), stuck.to_string());
            let judged = advance(after, u64::MAX, PAGE, &ids).map_err(stuck)?;
            let mut page: Vec<_> = page.into_iter().map(Some).collect();
            all.extend(judged.keep.iter().filter_map(|place| page[*place].take()));
            guard(pages, all.len() as u64, MAX_RECORDS).map_err(stuck)?;
            match judged.next {
                Next::After(id) => after = id,
                Next::RangeDone | Next::End => return Ok(all),
            }
        }
    }

    /// A list that comes in one answer.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn whole_list(&self, what: &str, path: &str) -> Result<Vec<Listed>, Error> {
        self.get_parsed(&format!("reading {what}"), path, &[], wire::listed)
            .await
    }

    /// A `queries` report, whole. It goes on while rows come: the cursor's name may stay the same from page to page.
    /// It ends at an empty or short page, or where the cursor is missing.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the report.
    pub async fn report(&self, part: Part, df: Option<&str>) -> Result<Report, Error> {
        let path = format!("/queries/{}", part.report);
        let (mut rows, mut pages, mut cursor) = (Vec::new(), 0_u64, None::<String>);
        let mut seen = HashSet::new();
        loop {
            pages += 1;
            let doing = format!("reading page {pages} of the report {}", part.report);
            let mut query = vec![("pageSize", PAGE.to_string())];
            query.extend(df.map(|df| ("df", df.to_owned())));
            query.extend(cursor.take().map(|name| ("cursor", name)));
            let page = self.get_parsed(&doing, &path, &query, wire::report).await?;
            let looped =
                page.count > 0 && !seen.insert(<[u8; 32]>::from(Sha256::digest(page.text.as_bytes())));
            if looped {
                let what = "the page came before: NinjaOne's report goes round in circles";
                return Err(Error::new(Kind::Protocol, doing, what));
            }
            if rows.len() > MAX_ROWS {
                let what = format!("the report does not end: there are more than {MAX_ROWS} rows");
                return Err(Error::new(Kind::Protocol, doing, what));
            }
            rows.extend(page.rows);
            match page.cursor {
                Some(name) if page.count >= PAGE => cursor = Some(name),
                _ => return Ok(Report::new(part, rows)),
            }
        }
    }
}

/// The error for an answer that is not what the vendor documents.
pub fn broken(doing: &str, problem: &str, answer: &Answer) -> Error {
    let kind_of_page = if answer.is_html() { " (an HTML page)" } else { "" };
    Error::new(
        Kind::Protocol,
        doing,
        format!("{problem}{kind_of_page}, {TRANSFERS} times; it begins: {}", answer.excerpt()),
    )
    .advise("Try again later; if it stays so, check the base URL and what stands between this machine and NinjaOne")
}

/// NinjaOne answers 401 as well as 403 where the grant lives but lacks a scope.
fn explain(mut error: Error) -> Error {
    if error.what.contains("insufficient_privileges") {
        error.kind = Kind::Forbidden;
    }
    if error.what.contains("user_context_required") {
        return error.advise("This needs a person's consent: use mode consent instead of a machine app");
    }
    match error.kind {
        Kind::Forbidden => error.advise(
            "In NinjaOne, tick the scope Monitoring for the app (Administration → Apps → API), then reconnect; the \
             person who consents must be allowed to see all organizations that are to be read",
        ),
        Kind::NotFound => error.advise(
            "This NinjaOne instance does not have that part of the API; check api_path (default /v2) and the region",
        ),
        _ => error,
    }
}
