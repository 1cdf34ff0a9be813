//! One read of the device list: several pages at a time, each delivered as it comes, the end proven.
//!
//! One task holds the plan (`ranges`), starts a request for every ticket while the connection's limit allows, and
//! delivers what comes back. Because it alone delivers, a slow taker stops new requests, and at most one page per
//! request is in memory. When it is dropped, its requests are too.

use crate::client::{Client, TRANSFERS, broken};
use crate::complete::{Completion, Lookup, Part, Report};
use crate::digest::Stable;
use crate::paging::{Stuck, disorder, only_shuffled};
use crate::ranges::{Ranges, Ticket};
use crate::rows::{REFERENCES, Row, Sample, rows, sample};
use crate::wire::listed;
use connect::http::Answer;
use connect::{DevicePage, DevicesRead, DevicesRequest, Error, Kind};
use model::SourceId;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinSet;

/// Reads all devices of the requested scope.
///
/// # Errors
/// Any [`Error`]; then what was delivered is no snapshot.
pub async fn read(
    client: Arc<Client>,
    request: DevicesRequest,
    pages: mpsc::Sender<DevicePage>,
) -> Result<DevicesRead, Error> {
    let before = client.http.requests();
    let mut ranges = Ranges::new(
        client.config.page_size,
        &request.known_ids,
        client.config.max_devices,
    );
    let reading = Arc::new(Reading::new(client, &request));
    let mut delivery = Delivery::default();
    let mut under_way = JoinSet::new();
    while !ranges.finished() {
        while under_way.len() < reading.client.at_a_time() {
            let Some(ticket) = ranges.take() else { break };
            let reading = reading.clone();
            under_way.spawn(async move { (ticket, reading.page(ticket).await) });
        }
        let Some(joined) = under_way.join_next().await else {
            break;
        };
        let (ticket, page) = joined.map_err(|error| {
            Error::new(
                Kind::Protocol,
                "reading devices",
                format!("a page failed: {error}"),
            )
        })?;
        let page = page?;
        let ids: Vec<_> = page.iter().map(|row| row.id).collect();
        let keep = ranges
            .done(ticket, &ids)
            .map_err(|stuck| Error::new(Kind::Protocol, doing(ticket.after), stuck.to_string()))?;
        let page = delivery.of(page, &keep, reading.organization.as_ref());
        if !(page.devices.is_empty() && page.unreadable.is_empty()) {
            pages.send(page).await.map_err(|_| {
                Error::new(
                    Kind::Storage,
                    "reading devices",
                    "nobody takes the devices any more; the read was stopped",
                )
            })?;
        }
    }
    if delivery.foreign > 0 {
        tracing::warn!(
            devices = delivery.foreign,
            "NinjaOne ignored the filter for one organization; the others' devices were left out here"
        );
    }
    tracing::debug!(
        pages = ranges.pages(),
        devices = delivery.devices,
        "all devices were read"
    );
    Ok(DevicesRead {
        devices: delivery.devices,
        requests: reading.client.http.requests().saturating_sub(before),
    })
}

fn doing(after: u64) -> String {
    format!("reading devices after id {after}")
}

/// What of a page is handed over.
#[derive(Default)]
struct Delivery {
    devices: u64,
    foreign: u64,
    nameless: HashSet<[u8; 32]>,
}

impl Delivery {
    /// The rows that are to be kept and belong to the organization. The filter is not trusted: an unknown parameter
    /// is silently ignored by NinjaOne, and then every device comes.
    fn of(&mut self, rows: Vec<Row>, keep: &[usize], organization: Option<&SourceId>) -> DevicePage {
        let mut page = DevicePage::default();
        let mut keep = keep.iter().copied().peekable();
        for (place, row) in rows.into_iter().enumerate() {
            if keep.next_if_eq(&place).is_none() {
                continue;
            }
            match row.device {
                Ok(device) if organization.is_some_and(|only| *only != device.organization) => {
                    self.foreign += 1;
                    continue;
                }
                Ok(device) => page.devices.push(device),
                // Without an id the paging cannot tell repeats apart; the text does.
                Err(bad) if row.id.is_none() && !self.nameless.insert(bad.text) => continue,
                Err(bad) => page.unreadable.push(bad.unreadable),
            }
            self.devices += 1;
        }
        page
    }
}

/// What all pages of one read share.
struct Reading {
    client: Arc<Client>,
    organization: Option<SourceId>,
    df: Option<String>,
    stable: Stable,
    /// Cleared when this instance refuses the parameter.
    expand: AtomicBool,
    /// Whether a page came with it: then no refusal is about it.
    expanded: AtomicBool,
    filter: AtomicBool,
    lookup: OnceCell<Option<Lookup>>,
    reports: OnceCell<Vec<Report>>,
}

impl Reading {
    fn new(client: Arc<Client>, request: &DevicesRequest) -> Self {
        Self {
            df: request.organization.as_ref().map(|id| format!("org = {id}")),
            organization: request.organization.clone(),
            stable: Stable::without(&request.volatile_in_use),
            expand: AtomicBool::new(!client.config.expand.is_empty()),
            expanded: AtomicBool::new(false),
            filter: AtomicBool::new(request.organization.is_some()),
            lookup: OnceCell::new(),
            reports: OnceCell::new(),
            client,
        }
    }

    /// The rows after an id. A page that breaks off or is no valid JSON is asked for again, and so is a first page without
    /// any device: an answer that lost its records looks like an empty tenant.
    async fn page(self: Arc<Self>, ticket: Ticket) -> Result<Vec<Row>, Error> {
        let doing = doing(ticket.after);
        let (mut transfer, mut empty) = (1, false);
        loop {
            let answer = self.fetch(&doing, ticket.after, ticket.ask).await?;
            match self.clone().take_apart(&answer).await? {
                Ok(rows) if rows.is_empty() && ticket.after == 0 && !empty => {
                    empty = true;
                    continue;
                }
                Ok(rows) => return self.in_order(ticket, rows).await,
                Err(problem) if transfer >= TRANSFERS => return Err(broken(&doing, &problem, &answer)),
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

    /// Asks for one page. Where the instance refuses `expand` or the filter (400), it goes on without. Without `expand`
    /// warranties are missing from the whole read, so it is given up for a second refusal alone, and never in a read of
    /// which some page came with it.
    async fn fetch(&self, doing: &str, after: u64, ask: usize) -> Result<Answer, Error> {
        let mut doubted = false;
        loop {
            let (expand, filter) = (
                self.expand.load(Ordering::Relaxed),
                self.filter.load(Ordering::Relaxed),
            );
            let mut query = vec![("pageSize", ask.to_string()), ("after", after.to_string())];
            if expand {
                query.push(("expand", self.client.config.expand.join(",")));
            }
            if let (true, Some(df)) = (filter, &self.df) {
                query.push(("df", df.clone()));
            }
            match self.client.get(doing, "/devices-detailed", &query).await {
                Err(error) if error.kind == Kind::Invalid && expand && !doubted => {
                    tracing::debug!(%error, "NinjaOne refused a page, and is asked once more");
                    doubted = true;
                }
                Err(error) if error.kind == Kind::Invalid && expand => {
                    if self.expanded.load(Ordering::Relaxed) {
                        return Err(error);
                    }
                    tracing::warn!(%error, "NinjaOne refused the references asked for; going on without");
                    self.expand.store(false, Ordering::Relaxed);
                }
                Err(error) if error.kind == Kind::Invalid && filter => {
                    tracing::warn!(%error, "NinjaOne refused the filter for one organization; reading all devices");
                    self.filter.store(false, Ordering::Relaxed);
                    // It may have been the filter all along.
                    self.expand
                        .store(!self.client.config.expand.is_empty(), Ordering::Relaxed);
                    doubted = false;
                }
                Ok(answer) if expand => {
                    self.expanded.store(true, Ordering::Relaxed);
                    if !self.expand.load(Ordering::Relaxed) {
                        let what = "NinjaOne refused the references for one page and gave them for another";
                        return Err(Error::new(Kind::Protocol, doing, what));
                    }
                    return Ok(answer);
                }
                answer => return answer,
            }
        }
    }

    /// The rows of an answer, completed where this tenant leaves parts out. The inner error is about the page as it
    /// came.
    async fn take_apart(self: Arc<Self>, answer: &Answer) -> Result<Result<Vec<Row>, String>, Error> {
        if !(self.lookup.initialized() && self.reports.initialized()) {
            let body = answer.body.clone();
            match blocking(move || sample(&body)).await? {
                Ok(sample) => self.learn(&sample).await?,
                Err(problem) => return Ok(Err(problem)),
            }
        }
        let body = answer.body.clone();
        blocking(move || {
            let completion = Completion {
                lookup: self.lookup.get().and_then(Option::as_ref),
                reports: self.reports.get().map(Vec::as_slice).unwrap_or_default(),
            };
            rows(&body, &completion, &self.stable)
        })
        .await
    }

    /// Decides from the first devices what this tenant leaves out, and gets it elsewhere: names from the lists,
    /// details from the reports. Both are decided once per read.
    async fn learn(&self, sample: &Sample) -> Result<(), Error> {
        if sample.devices > 0 {
            let asked = |name: &str| self.client.config.expand.iter().any(|asked| asked == name);
            let left_out = REFERENCES
                .iter()
                .zip(sample.references)
                .filter(|(name, _)| **name != "warranty" && asked(name))
                .map(|(_, count)| count)
                .collect::<Vec<_>>();
            let left_out = !left_out.is_empty() && left_out.iter().all(|count| *count == 0);
            self.lookup
                .get_or_try_init(|| async {
                    match left_out {
                        true => self.look_up().await.map(Some),
                        false => Ok(None),
                    }
                })
                .await?;
        }
        if sample.agents > 0 {
            self.reports
                .get_or_try_init(|| async {
                    let df = self.df.as_deref().filter(|_| self.filter.load(Ordering::Relaxed));
                    let mut reports = vec![];
                    for part in &sample.missing {
                        reports.extend(self.report(*part, df).await?);
                    }
                    Ok::<_, Error>(reports)
                })
                .await?;
        }
        Ok(())
    }

    /// A report; nothing where this instance has none. That, and a report without any row, leaves the part out of every
    /// device of this read, so it is believed when it was said twice.
    async fn report(&self, part: Part, df: Option<&str>) -> Result<Option<Report>, Error> {
        let mut said = false;
        loop {
            match self.client.report(part, df).await {
                Ok(report) if said || !report.by_device.is_empty() => return Ok(Some(report)),
                Err(error) if said && error.kind == Kind::NotFound => {
                    tracing::warn!(%error, "this NinjaOne instance has no such report; the part stays empty");
                    return Ok(None);
                }
                Err(error) if error.kind != Kind::NotFound => return Err(error),
                Ok(_) | Err(_) => said = true,
            }
        }
    }

    async fn look_up(&self) -> Result<Lookup, Error> {
        tracing::warn!(
            "NinjaOne left the references out; names come from the lists, and warranties are not known"
        );
        let by_id = |list: Vec<crate::wire::Listed>| {
            list.into_iter()
                .filter_map(|record| Some((record.id?, record.text)))
                .collect()
        };
        Ok(Lookup {
            organizations: by_id(self.client.list("organizations", "/organizations").await?),
            locations: by_id(self.client.list("locations", "/locations").await?),
            roles: by_id(self.client.whole_list("roles", "/roles").await?),
        })
    }

    /// Rows that are not in order of id are believed only if a smaller page of the same place holds the smallest
    /// of them: then the page was shuffled, and still nothing is missing between.
    async fn in_order(&self, ticket: Ticket, rows: Vec<Row>) -> Result<Vec<Row>, Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let Some(sorted) = disorder(ticket.after, &ids) else {
            return Ok(rows);
        };
        let doing = doing(ticket.after);
        let answer = self
            .fetch(&doing, ticket.after, (sorted.len() / 2).max(1))
            .await?;
        let smaller = listed(&answer.body).map_err(|problem| broken(&doing, &problem, &answer))?;
        let smaller: Vec<_> = smaller.iter().map(|record| record.id).collect();
        match only_shuffled(ticket.after, &sorted, &smaller) {
            true => Ok(rows),
            false => {
                let stuck = Stuck::Disorder { after: ticket.after };
                Err(Error::new(Kind::Protocol, doing, stuck.to_string()))
            }
        }
    }
}

/// Taking a page of some megabytes apart keeps a thread busy for tens of milliseconds.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(
            Kind::Protocol,
            "reading devices",
            format!("a page could not be taken apart: {error}"),
        )
    })
}
