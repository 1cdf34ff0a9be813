//! NinjaOne's endpoints: one method each, with their paging.

use crate::complete::{Part, Report};
use crate::config::Config;
use crate::paging::{MAX_RECORDS, Next, Stuck, advance, disorder, guard, only_shuffled};
use crate::wire::{self, Listed};
use connect::http::{Answer, Bearer, Http};
use connect::{Error, Kind};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// How often a page that breaks off or is no valid JSON is asked for again: it may be a broken transfer.
pub const TRANSFERS: u32 = 3;
/// Records per page of the small lists and the reports; 1000 is what NinjaOne's clients use.
const PAGE: usize = 1000;
/// More rows than any report has; a report that goes on beyond is not believed.
const MAX_ROWS: u64 = 3_000_000;
/// More rows than devices have on average: a volume or a processor is one.
const ROWS_PER_DEVICE: u64 = 64;
/// No server's pages are smaller: the least that NinjaOne's document allows where it says so.
const SMALLEST_PAGE: usize = 10;

/// Rows of a report, each with its device.
type Rows = Vec<(u64, Map<String, Value>)>;

/// A report in pages of one size, as far as it came.
#[derive(Default)]
struct Pages {
    rows: Rows,
    /// Rows that came, also those that name no device.
    count: usize,
    /// Rows of the largest page, and of the last.
    largest: usize,
    last: usize,
    /// Why NinjaOne did not go on, where no empty page ended it.
    refused: Option<Error>,
}

impl Pages {
    fn take(&mut self, count: usize, rows: Rows) {
        self.rows.extend(rows);
        self.count += count;
        self.largest = self.largest.max(count);
        self.last = count;
    }

    /// The refusal, unless the last page was shorter than the others: then nothing was left.
    fn unproven(&self) -> Option<Error> {
        self.refused.clone().filter(|_| self.last == self.largest)
    }

    /// A page size at which these rows would end with a shorter page, if there is one.
    fn another_size(&self) -> Option<usize> {
        (2..self.largest)
            .rev()
            .find(|size| !self.count.is_multiple_of(*size))
    }
}

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

    /// A list that is paged by id, whole. One that is empty has to say so twice: a tenant without any would be new, and an
    /// answer that lost its records would take all of them out of the snapshot.
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
            if page.is_empty() && pages == 1 {
                continue;
            }
            let ids: Vec<_> = page.iter().map(|record| record.id).collect();
            let stuck = |stuck: Stuck| Error::new(Kind::Protocol, doing.as_str(), stuck.to_string());
            if let Some(sorted) = disorder(after, &ids)
                && !self.is_only_shuffled(&doing, path, after, &sorted).await?
            {
                return Err(stuck(Stuck::Disorder { after }));
            }
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

    /// Whether a page that does not ascend holds the smallest ids all the same; a smaller page of the same place tells.
    async fn is_only_shuffled(
        &self,
        doing: &str,
        path: &str,
        after: u64,
        sorted: &[u64],
    ) -> Result<bool, Error> {
        let size = (sorted.len() / 2).max(1);
        let query = [("pageSize", size.to_string()), ("after", after.to_string())];
        let smaller = self.get_parsed(doing, path, &query, wire::listed).await?;
        let ids: Vec<_> = smaller.iter().map(|record| record.id).collect();
        Ok(only_shuffled(after, sorted, &ids))
    }

    /// A list that comes in one answer. Of a record that comes twice the first counts, and an empty list has to say so
    /// twice.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn whole_list(&self, what: &str, path: &str) -> Result<Vec<Listed>, Error> {
        let doing = format!("reading {what}");
        let mut list = self.get_parsed(&doing, path, &[], wire::listed).await?;
        if list.is_empty() {
            list = self.get_parsed(&doing, path, &[], wire::listed).await?;
        }
        let mut seen = HashSet::new();
        list.retain(|record| record.id.is_none_or(|id| seen.insert(id)));
        Ok(list)
    }

    /// A `queries` report, whole. What a cursor brings when all rows have come is not documented: an empty page proves the
    /// end, and so does a refusal after a page that was shorter than the others. After any other the report is read once
    /// more, in pages that do not divide its rows.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the report.
    pub async fn report(&self, part: Part, df: Option<&str>) -> Result<Report, Error> {
        let first = self.report_by(part, df, PAGE).await?;
        let Some(refused) = first.unproven() else {
            return Ok(Report::new(part, first.rows));
        };
        let again = match first.another_size() {
            Some(size) => self.report_by(part, df, size).await,
            None if first.count <= SMALLEST_PAGE => return Ok(Report::new(part, first.rows)),
            None => return Err(refused),
        };
        match again {
            Ok(again) if again.refused.is_none() => Ok(Report::new(part, again.rows)),
            Ok(again) if again.unproven().is_none() && again.count == first.count => {
                Ok(Report::new(part, again.rows))
            }
            // A server that refuses a page so small would not have cut one off there.
            Err(error) if is_refusal(&error) && first.count <= SMALLEST_PAGE => {
                Ok(Report::new(part, first.rows))
            }
            Ok(_) => Err(refused),
            Err(error) if is_refusal(&error) => Err(refused),
            Err(error) => Err(error),
        }
    }

    /// A report in pages of this size. It goes on while rows come: the cursor's name may stay the same from page to page,
    /// and a page shorter than asked for proves nothing, since a server may cap the page size. It ends at an empty page,
    /// where the cursor is missing, or where NinjaOne refuses to go on: by its status, or by a page that came before.
    async fn report_by(&self, part: Part, df: Option<&str>, size: usize) -> Result<Pages, Error> {
        let path = format!("/queries/{}", part.report);
        let most = MAX_ROWS.min(self.config.max_devices.saturating_mul(ROWS_PER_DEVICE));
        let mut read = Pages::default();
        let (mut pages, mut cursor) = (0_u64, None::<String>);
        let mut seen = HashSet::new();
        loop {
            pages += 1;
            let doing = format!("reading page {pages} of the report {}", part.report);
            let goes_on = cursor.is_some();
            let mut query = vec![("pageSize", size.to_string())];
            query.extend(df.map(|df| ("df", df.to_owned())));
            query.extend(cursor.take().map(|name| ("cursor", name)));
            let page = match self.get_parsed(&doing, &path, &query, wire::report).await {
                Err(mut error) if goes_on && is_refusal(&error) => {
                    // A cursor that is not found is no report that is not there.
                    error.kind = Kind::Invalid;
                    read.refused = Some(error);
                    break;
                }
                page => page?,
            };
            if page.count == 0 {
                break;
            }
            if !seen.insert(<[u8; 32]>::from(Sha256::digest(page.text.as_bytes()))) {
                let what = "the page came before: NinjaOne's report goes round in circles";
                read.refused = Some(Error::new(Kind::Protocol, doing, what));
                break;
            }
            read.take(page.count, page.rows);
            guard(pages, read.count as u64, most)
                .map_err(|stuck| Error::new(Kind::Protocol, doing, stuck.to_string()))?;
            match page.cursor {
                Some(name) => cursor = Some(name),
                None => break,
            }
        }
        let nameless = read.count - read.rows.len();
        if nameless > 0 {
            tracing::warn!(
                report = part.report,
                rows = nameless,
                "some rows of a report name no device; what they say is left out"
            );
        }
        Ok(read)
    }
}

/// Whether NinjaOne does not want what it was asked for, rather than being unable to answer.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind, Kind::Invalid | Kind::NotFound)
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
