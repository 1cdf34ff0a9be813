//! Telling one tenant from another after a new grant.

use crate::engine::Engine;
use crate::error::{Error, Result};
use connect::Source;
use model::{Connection, Organization, SourceId};
use std::collections::BTreeMap;

/// How many device uids are compared.
const SAMPLE: usize = 50;

/// What speaks for or against the same tenant.
#[derive(Debug, Default, PartialEq, Eq)]
struct Evidence {
    same_uids: usize,
    other_uids: usize,
    same_names: usize,
    other_names: usize,
    stored_organizations: usize,
}

impl Evidence {
    /// Why this is another tenant, if it is. Device uids are random and decide alone where any could be compared;
    /// organizations can be renamed, so for them the majority speaks.
    fn objection(&self) -> Option<String> {
        if self.same_uids + self.other_uids > 0 {
            return (self.other_uids > self.same_uids).then(|| {
                format!(
                    "{} of {} devices compared carry other uids",
                    self.other_uids,
                    self.same_uids + self.other_uids
                )
            });
        }
        if self.stored_organizations > 0 && self.same_names <= self.other_names {
            return Some(format!(
                "of {} known organizations, {} still have their name under their id",
                self.stored_organizations, self.same_names
            ));
        }
        None
    }
}

fn compare(
    stored: &[Organization],
    found: &[Organization],
    stored_uids: &BTreeMap<SourceId, String>,
    found_uids: &BTreeMap<SourceId, String>,
) -> Evidence {
    let names: BTreeMap<_, _> = found.iter().map(|o| (&o.id, &o.name)).collect();
    let same_names = stored
        .iter()
        .filter(|o| names.get(&o.id) == Some(&&o.name))
        .count();
    let compared = stored_uids
        .iter()
        .filter_map(|(id, uid)| Some((uid, found_uids.get(id)?)));
    let (same, other): (Vec<_>, Vec<_>) = compared.partition(|(a, b)| a == b);
    Evidence {
        same_uids: same.len(),
        other_uids: other.len(),
        same_names,
        other_names: stored.len() - same_names,
        stored_organizations: stored.len(),
    }
}

impl Engine {
    /// Refuses a source that is not the tenant the connection's snapshot came from. Reading the organizations also
    /// proves that the grant works at all.
    pub(crate) async fn check_tenant(&self, connection: &Connection, source: &dyn Source) -> Result<()> {
        let outside = Error::outside(&connection.name);
        let found = source.organizations().await.map_err(&outside)?;
        let stored = self.store.organizations(&connection.id).await?;
        let stored_uids = self.store.uid_sample(&connection.id, SAMPLE).await?;
        if stored.is_empty() && stored_uids.is_empty() {
            return Ok(());
        }
        let ids: Vec<SourceId> = stored_uids.keys().cloned().collect();
        let found_uids = if ids.is_empty() {
            BTreeMap::new()
        } else {
            source.device_uids(&ids).await.map_err(&outside)?
        };
        match compare(&stored, &found, &stored_uids, &found_uids).objection() {
            None => Ok(()),
            Some(evidence) => Err(Error::OtherTenant {
                connection: connection.name.clone(),
                evidence,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organizations(names: &[&str]) -> Vec<Organization> {
        let one = |(i, name): (usize, &&str)| Organization {
            id: SourceId((i + 1).to_string()),
            name: (*name).to_owned(),
            description: None,
        };
        names.iter().enumerate().map(one).collect()
    }

    fn uids(pairs: &[(&str, &str)]) -> BTreeMap<SourceId, String> {
        pairs
            .iter()
            .map(|(id, uid)| (SourceId::from(*id), (*uid).to_owned()))
            .collect()
    }

    fn check(stored: &[&str], found: &[&str], a: &[(&str, &str)], b: &[(&str, &str)]) -> bool {
        compare(&organizations(stored), &organizations(found), &uids(a), &uids(b))
            .objection()
            .is_none()
    }

    #[test]
    fn the_same_uids_are_the_same_tenant_whatever_was_renamed() {
        assert!(check(
            &["A", "B"],
            &["X", "Y"],
            &[("1", "u1"), ("2", "u2")],
            &[("1", "u1"), ("2", "u2")]
        ));
    }

    #[test]
    fn other_uids_under_the_same_ids_are_another_tenant() {
        assert!(!check(
            &["A", "B"],
            &["A", "B"],
            &[("1", "u1"), ("2", "u2")],
            &[("1", "z1"), ("2", "z2")]
        ));
    }

    #[test]
    fn without_devices_most_organizations_must_have_kept_their_names() {
        assert!(check(&["A", "B", "C"], &["A", "B", "renamed"], &[], &[]));
        assert!(!check(&["A", "B", "C"], &["X", "Y", "Z"], &[], &[]));
    }

    #[test]
    fn devices_that_are_all_gone_leave_the_names_to_speak() {
        assert!(check(&["A", "B"], &["A", "B"], &[("1", "u1")], &[]));
        assert!(!check(&["A", "B"], &["X", "Y"], &[("1", "u1")], &[]));
    }
}
