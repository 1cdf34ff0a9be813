//! The differences as a CSV file, narrowed as the list is.

use super::{fits, shows, sort, what};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::csv;
use crate::ui::plans::words;
use crate::ui::table::Ask;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::drift::Differing;
use futures::stream;
use model::{BridgeId, Side};

/// The file.
pub async fn csv(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    ask: Ask,
) -> Result<Response> {
    let bridge = web.engine.bridge_detail(&signed_in.actor, &id).await?.bridge;
    let report = web.engine.drift(&signed_in.actor, &bridge).await?;
    let name = format!("rmmbridge-differences-{}.csv", report.plan);
    let head = [
        "sort",
        "record",
        "client",
        "kind",
        "source id",
        "destination record",
        "what",
        "source",
        "destination",
        "why",
        "accepted by",
        "accepted because",
    ];
    let mut listed = report.differences;
    listed.retain(|d| shows(&ask.filter, d) && fits(&ask.search, &ask.client, d));
    let lines = listed.into_iter().map(|d| Ok::<_, Problem>(written(&d)));
    Ok(csv::file(&name, &head, stream::iter(lines)))
}

fn written(differing: &Differing) -> String {
    let difference = &differing.difference;
    let key = &difference.key;
    let (source, record) = match key.side {
        Side::Source => (key.record.as_str(), ""),
        Side::Destination => ("", key.record.as_str()),
    };
    let (by, because) = differing
        .accepted
        .as_ref()
        .map_or(("", ""), |a| (a.by.as_str(), a.reason.as_str()));
    csv::line([
        sort(difference.drift),
        &difference.label,
        &difference.client,
        key.kind.as_str(),
        source,
        record,
        &what(differing),
        &words::value(&difference.source_value),
        &words::value(&difference.destination_value),
        &difference.reason,
        by,
        because,
    ])
}
