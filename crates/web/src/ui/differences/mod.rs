//! Where the two sides of a bridge differ, as its newest plan found it, and what of that people accept.

mod act;
mod file;
mod show;

use crate::Web;
use crate::ui::plans::words;
use axum::Router;
use axum::routing::get;
use engine::drift::{Differing, DriftReport};
use model::{DifferenceKey, Drift, RecordKind, Side};

/// The page, its file and its buttons.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/bridges/{id}/differences", get(show::show).post(act::act))
        .route("/bridges/{id}/differences/csv", get(file::csv))
}

/// The filters of the list: what the address calls it, what people see, and how many it shows.
fn filters(report: &DriftReport) -> [(&'static str, &'static str, u64); 5] {
    let c = &report.counts;
    [
        ("source", "Only in the source", c.only_source),
        ("destination", "Only in the destination", c.only_destination),
        ("differs", "Differs", c.differing),
        ("unlinked", "Not linked", c.unlinked),
        ("accepted", "Accepted", c.accepted),
    ]
}

/// Whether the list shows it under this filter; without one it shows what nobody accepted.
fn shows(filter: &str, differing: &Differing) -> bool {
    let accepted = differing.accepted.is_some();
    match filter {
        "accepted" => accepted,
        _ if accepted => false,
        "source" => differing.difference.drift == Drift::OnlySource,
        "destination" => differing.difference.drift == Drift::OnlyDestination,
        "differs" => differing.difference.drift == Drift::Differs,
        "unlinked" => differing.difference.drift == Drift::Unlinked,
        _ => true,
    }
}

/// Whether it is about what is looked for.
fn fits(search: &str, client: &str, differing: &Differing) -> bool {
    let difference = &differing.difference;
    let holds = |text: &str| text.to_lowercase().contains(&search.to_lowercase());
    (client.is_empty() || difference.client == client)
        && (search.is_empty() || holds(&difference.label) || holds(&difference.client))
}

/// What sort of difference it is, in words.
fn sort(drift: Drift) -> &'static str {
    match drift {
        Drift::OnlySource => "Only in the source",
        Drift::OnlyDestination => "Only in the destination",
        Drift::Differs => "Differs",
        Drift::Unlinked => "Not linked",
    }
}

/// What differs, in words: the field, or the record as a whole.
fn what(differing: &Differing) -> String {
    let key = &differing.difference.key;
    match key.field.as_str() {
        "" => words::field(words::one(key.kind)),
        field => words::field(field),
    }
}

/// Which difference, as one value of a form.
fn pick(key: &DifferenceKey) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("side", key.side.as_str());
    pairs.append_pair(key.kind.as_str(), &key.record);
    if !key.field.is_empty() {
        pairs.append_pair("field", &key.field);
    }
    pairs.finish()
}

/// The difference that a form's value names.
fn picked(text: &str) -> Option<DifferenceKey> {
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    let (_, side) = pairs.next()?;
    let side = [Side::Source, Side::Destination]
        .into_iter()
        .find(|of| of.as_str() == side)?;
    let (kind, record) = pairs.next()?;
    Some(DifferenceKey {
        side,
        kind: RecordKind::named(&kind)?,
        record: record.into_owned(),
        field: pairs
            .next()
            .map_or_else(String::new, |(_, field)| field.into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_comes_back_whatever_is_in_its_names() {
        for (side, field) in [
            (Side::Source, "os"),
            (Side::Destination, ""),
            (Side::Source, "a=b&c %ü"),
        ] {
            let key = DifferenceKey {
                side,
                kind: RecordKind::AssetType,
                record: "x&y=1".to_owned(),
                field: field.to_owned(),
            };
            assert_eq!(picked(&pick(&key)), Some(key));
        }
        assert_eq!(picked(""), None);
        assert_eq!(picked("side=source"), None);
        assert_eq!(picked("side=elsewhere&asset=1"), None);
    }
}
