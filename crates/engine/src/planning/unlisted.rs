//! Organizations that devices name and the source's list of organizations lacks: it is read before the devices, and the
//! account may see more of these than of those.

use super::clients::Group;
use model::{Organization, SourceId};
use std::collections::{BTreeMap, BTreeSet};

/// Those of them that no group holds, each with how many devices are in it. One that was linked while it was listed is
/// planned as the client it is.
pub(super) fn unlisted<'g>(
    devices: &BTreeMap<SourceId, u64>,
    listed: &BTreeSet<&SourceId>,
    groups: impl Iterator<Item = &'g Group>,
) -> Vec<(Organization, u64)> {
    let planned: BTreeSet<&SourceId> = groups.flat_map(|group| &group.organizations).collect();
    let mut found = Vec::new();
    for (id, count) in devices {
        if !listed.contains(id) && !planned.contains(id) {
            found.push((nameless(id), *count));
        }
    }
    found
}

/// The list would have had its name.
fn nameless(id: &SourceId) -> Organization {
    Organization {
        id: id.clone(),
        name: format!("organization {id}"),
        description: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ClientTarget;

    #[test]
    fn what_is_neither_listed_nor_planned_is_found_with_its_devices() {
        let ids: Vec<SourceId> = ["1", "2", "3"].into_iter().map(SourceId::from).collect();
        let devices = ids.iter().cloned().zip([4, 5, 6]).collect();
        let linked = Group {
            target: ClientTarget::Existing("c".into()),
            label: "Acme".to_owned(),
            organizations: vec![ids[1].clone()],
        };
        let found = unlisted(&devices, &BTreeSet::from([&ids[0]]), [linked].iter());
        assert_eq!(found, [(nameless(&ids[2]), 6)]);
    }
}
