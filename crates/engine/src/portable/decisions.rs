//! Which decisions of a document hold here.
//!
//! A decision goes by an organization's id, and every tenant has the same small ids. So the name tells whether it is
//! the organization that was meant: the same after folding, or similar as the guarded matching rule has it, as after
//! a corrected spelling. Where most names differ, it is another tenant and none of the decisions holds.

use super::PortableDecision;
use model::{Organization, RecordId, SourceId, Verdict};
use plan::fold::fold;
use plan::names::NameIndex;
use std::collections::{BTreeMap, BTreeSet};

/// How many edits a name may have been corrected by; the guard makes it less for short names.
const LIMIT: u8 = 3;
/// How many organizations are named as evidence of another tenant.
const NAMED: usize = 3;

/// The decisions that hold, and a line for each that does not.
pub(super) fn sift(
    decisions: BTreeMap<String, PortableDecision>,
    organizations: &[Organization],
    clients: &BTreeSet<&RecordId>,
) -> (Vec<(SourceId, Verdict)>, Vec<String>) {
    let here: BTreeMap<&str, &str> = organizations
        .iter()
        .map(|o| (o.id.as_str(), o.name.as_str()))
        .collect();
    let compared: Vec<(&str, &str, &str)> = decisions
        .iter()
        .filter_map(|(id, decision)| {
            Some((
                id.as_str(),
                decision.organization.as_deref()?,
                *here.get(id.as_str())?,
            ))
        })
        .collect();
    let other: Vec<_> = compared
        .iter()
        .filter(|(_, was, is)| !is_alike(was, is))
        .collect();
    if !other.is_empty() && compared.len() <= 2 * other.len() {
        let named: Vec<String> = other
            .iter()
            .take(NAMED)
            .map(|(id, was, is)| format!("{id} was `{was}` and is `{is}` here"))
            .collect();
        let line = format!(
            "none was taken over, since they seem to be another tenant's: {} of {} organizations have another name under their id ({}{})",
            other.len(),
            compared.len(),
            named.join(", "),
            if other.len() > NAMED { ", ..." } else { "" }
        );
        return (Vec::new(), vec![line]);
    }
    let (mut held, mut left_out) = (Vec::new(), Vec::new());
    for (id, decision) in decisions {
        let objection = match (&decision.organization, here.get(id.as_str()), &decision.verdict) {
            (Some(was), None, _) => Some(format!("organization {id} (`{was}`) was not read here")),
            (None, None, _) => Some(format!("organization {id} was not read here")),
            (None, Some(is), _) => Some(format!(
                "the document does not name organization {id}, which is `{is}` here. Decide it again: rmmbridge match"
            )),
            (Some(was), Some(is), _) if !is_alike(was, is) => Some(format!(
                "organization {id} was `{was}` and is `{is}` here. Decide it again: rmmbridge match"
            )),
            (Some(was), _, Verdict::Matched { client }) if !clients.contains(client) => Some(format!(
                "organization {id} (`{was}`) was matched to client {client}, which is not there. Decide it again: rmmbridge match"
            )),
            _ => None,
        };
        match objection {
            Some(line) => left_out.push(line),
            None => held.push((SourceId(id), decision.verdict)),
        }
    }
    (held, left_out)
}

/// Whether two names may be one organization's, before and after a correction.
fn is_alike(was: &str, is: &str) -> bool {
    let (was, is) = (fold(was), fold(is));
    was == is
        || NameIndex::new([was.clone()].into_iter(), LIMIT)
            .similar(&is)
            .iter()
            .any(|(_, distance)| plan::organizations::within_guard(*distance, &was, &is))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(rows: &[(&str, Option<&str>, Verdict)]) -> BTreeMap<String, PortableDecision> {
        let one = |(id, name, verdict): &(&str, Option<&str>, Verdict)| {
            let decision = PortableDecision {
                organization: name.map(str::to_owned),
                verdict: verdict.clone(),
            };
            ((*id).to_owned(), decision)
        };
        rows.iter().map(one).collect()
    }

    fn read(rows: &[(&str, &str)]) -> Vec<Organization> {
        let one = |(id, name): &(&str, &str)| Organization {
            id: (*id).into(),
            name: (*name).to_owned(),
            description: None,
        };
        rows.iter().map(one).collect()
    }

    fn check(
        decisions: &[(&str, Option<&str>, Verdict)],
        organizations: &[(&str, &str)],
    ) -> (Vec<String>, Vec<String>) {
        let client = RecordId::from("c-1");
        let (held, left_out) = sift(decided(decisions), &read(organizations), &[&client].into());
        (held.into_iter().map(|(id, _)| id.0).collect(), left_out)
    }

    #[test]
    fn the_same_and_corrected_names_hold() {
        let (held, left_out) = check(
            &[
                ("1", Some("Acme Inc"), Verdict::Create),
                ("2", Some("Northwind Dental Grup"), Verdict::Exclude),
                ("3", Some("Zenith"), Verdict::Matched { client: "c-1".into() }),
            ],
            &[
                ("1", "ACME  Inc"),
                ("2", "Northwind Dental Group"),
                ("3", "Zenith"),
            ],
        );
        assert_eq!(held, ["1", "2", "3"]);
        assert!(left_out.is_empty(), "{left_out:?}");
    }

    #[test]
    fn another_name_under_the_same_id_is_left_out_by_name() {
        let (held, left_out) = check(
            &[
                ("1", Some("Acme Inc"), Verdict::Create),
                ("2", Some("Borealis"), Verdict::Create),
                ("3", Some("Acme LLC"), Verdict::Create),
            ],
            &[("1", "Acme Inc"), ("2", "Borealis"), ("3", "Acme Inc")],
        );
        assert_eq!(held, ["1", "2"]);
        assert_eq!(left_out.len(), 1, "{left_out:?}");
        assert!(
            left_out[0].contains("organization 3 was `Acme LLC` and is `Acme Inc` here"),
            "{left_out:?}"
        );
    }

    #[test]
    fn where_half_the_names_differ_it_is_another_tenant_and_none_holds() {
        let verdict = Verdict::Create;
        let (held, left_out) = check(
            &[
                ("1", Some("Internal"), verdict.clone()),
                ("2", Some("Acme"), verdict.clone()),
            ],
            &[("1", "Internal"), ("2", "Zenith")],
        );
        assert!(held.is_empty(), "{held:?}");
        assert_eq!(left_out.len(), 1);
        assert!(
            left_out[0].contains("another tenant's: 1 of 2")
                && left_out[0].contains("2 was `Acme` and is `Zenith`"),
            "{left_out:?}"
        );
        let (held, _) = check(&[("7", Some("Acme"), verdict)], &[("7", "Zenith")]);
        assert!(held.is_empty());
    }

    #[test]
    fn what_cannot_be_compared_is_left_out() {
        let (held, left_out) = check(
            &[
                ("1", None, Verdict::Create),
                ("2", Some("Gone"), Verdict::Create),
                ("3", None, Verdict::Exclude),
                ("4", Some("Zenith"), Verdict::Matched { client: "c-9".into() }),
            ],
            &[("1", "Acme"), ("4", "Zenith")],
        );
        assert!(held.is_empty());
        let words = [
            "does not name organization 1, which is `Acme`",
            "organization 2 (`Gone`) was not read here",
            "organization 3 was not read here",
            "matched to client c-9, which is not there",
        ];
        assert_eq!(left_out.len(), words.len());
        for (line, words) in left_out.iter().zip(words) {
            assert!(line.contains(words), "{line}");
        }
    }
}
