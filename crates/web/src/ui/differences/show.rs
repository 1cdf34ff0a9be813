//! The page of the differences.

use super::{filters, fits, pick, shows, what};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::bridges::tabs::{Head, Tab, address};
use crate::ui::plans::words;
use crate::ui::table::{Ask, Chip, Column, PER_PAGE, Table};
use crate::ui::time::When;
use crate::ui::words::plainly;
use crate::ui::{Frame, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::Error;
use engine::drift::Differing;
use jiff::Timestamp;
use model::{ActorRole, BridgeId};

const COLUMNS: [Column; 5] = [
    Column::text("", "Chosen"),
    Column::text("", "Record"),
    Column::text("", "What"),
    Column::text("", "The source has"),
    Column::text("", "The destination has"),
];

#[derive(Template)]
#[template(path = "differences/show.html")]
struct DifferencesPage {
    frame: Frame,
    head: Head,
    /// `None` before the first plan.
    report: Option<Report>,
    may_act: bool,
    once: i64,
}

struct Report {
    planned: When,
    same: bool,
    table: Table,
    rows: Vec<Row>,
    /// Whether what is listed was accepted.
    accepted: bool,
    file: String,
    query: String,
}

/// A difference as a line.
struct Row {
    pick: String,
    label: String,
    client: String,
    what: String,
    /// Whether it is about one field, so that both sides have a value.
    of_field: bool,
    source: String,
    destination: String,
    reason: String,
    accepted: Option<(String, String, When)>,
    source_url: Option<String>,
    record_url: Option<String>,
}

impl Row {
    fn new(differing: Differing, now: Timestamp) -> Self {
        let what = what(&differing);
        let difference = differing.difference;
        let of_field = !difference.key.field.is_empty();
        let side = |value: &serde_json::Value| match (of_field, value.as_bool()) {
            (false, Some(true)) => "there".to_owned(),
            (false, Some(false)) => "not there".to_owned(),
            _ => words::value(value),
        };
        Self {
            pick: pick(&difference.key),
            what,
            of_field,
            source: side(&difference.source_value),
            destination: side(&difference.destination_value),
            reason: plainly(&difference.reason),
            accepted: differing
                .accepted
                .map(|a| (a.reason, plainly(&a.by), When::new(a.at, now))),
            source_url: differing.source_url,
            record_url: differing.record_url,
            label: difference.label,
            client: difference.client,
        }
    }
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    ask: Ask,
) -> Result<Response> {
    let (detail, head) = Head::of(&web, &signed_in, &id, Tab::Differences).await?;
    let now = web.engine.clock().now();
    let report = match web.engine.drift(&signed_in.actor, &detail.bridge).await {
        Ok(report) => Some(report),
        Err(Error::NoneYet { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let report = report.map(|report| {
        let chips = filters(&report).map(|(value, label, count)| Chip {
            value: value.to_owned(),
            label: label.to_owned(),
            count: Some(count),
        });
        let (same, planned) = (report.counts.is_none(), report.planned);
        let mut listed = report.differences;
        listed.retain(|d| shows(&ask.filter, d) && fits(&ask.search, &ask.client, d));
        let total = listed.len() as u64;
        let first = usize::try_from(ask.offset(PER_PAGE)).unwrap_or(usize::MAX);
        let rows = listed
            .into_iter()
            .skip(first)
            .take(usize::try_from(PER_PAGE).unwrap_or(usize::MAX));
        let rows = rows.map(|d| Row::new(d, now)).collect();
        let query = ask.query();
        let path = address(&id, Tab::Differences);
        let mut table = Table::new("Differences", ask, &COLUMNS, total).searched_by("record or client");
        table.chips = chips.to_vec();
        table.chips.insert(
            0,
            Chip {
                value: String::new(),
                label: "Open".to_owned(),
                count: None,
            },
        );
        Report {
            planned: When::new(planned, now),
            same,
            accepted: table.ask.filter == "accepted",
            rows,
            file: match query.is_empty() {
                true => format!("{path}/csv"),
                false => format!("{path}/csv?{query}"),
            },
            table,
            query,
        }
    });
    page(&DifferencesPage {
        frame: signed_in.bridge_frame(&detail).await?,
        head,
        report,
        may_act: signed_in.may(ActorRole::Technician),
        once: now.as_microsecond(),
    })
}
