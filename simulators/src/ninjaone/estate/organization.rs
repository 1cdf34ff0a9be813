//! Organizations and their locations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::names;
use crate::dice::Dice;

/// An organization.
#[derive(Clone, Debug)]
pub struct Organization {
    /// `id`
    pub id: u32,
    /// `name`
    pub name: String,
    /// `description`
    pub description: Option<String>,
    /// `nodeApprovalMode`: AUTOMATIC, MANUAL or REJECT.
    pub approval: String,
    /// `userData`
    pub user_data: Option<Map<String, Value>>,
    /// Policies by role where they differ from the class's default.
    pub policies: BTreeMap<u32, u32>,
    /// Short code its host names begin with; stays when the name changes.
    pub code: String,
    /// The Active Directory domain of its machines.
    pub domain: String,
    /// Where its people and settings come from.
    pub seed: u64,
    /// How many end users it has; their ids follow one another from `first_user`.
    pub users: u32,
    /// The id of its first end user.
    pub first_user: u32,
}

/// A location of an organization.
#[derive(Clone, Debug)]
pub struct Location {
    /// `id`
    pub id: u32,
    /// `organizationId`
    pub organization: u32,
    /// `name`
    pub name: String,
    /// `address`
    pub address: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `userData`
    pub user_data: Option<Map<String, Value>>,
}

/// Makes `count` organizations with their locations, both ascending by id. `same_names` of them carry exactly the
/// name of an earlier one.
pub(super) fn generate(seed: u64, count: usize, same_names: usize) -> (Vec<Organization>, Vec<Location>) {
    let mut organizations = Vec::with_capacity(count);
    let mut locations = Vec::with_capacity(count * 2);
    let (mut id, mut location_id, mut user_id) = (1_u32, 1_u32, 100_u32);
    for place in 0..count {
        let mut dice = Dice::new(seed, 0x6f72_6700 + place as u64);
        id += 1 + if dice.chance(200) { dice.below(6) as u32 } else { 0 };
        let from_end = count - 1 - place;
        let name = match from_end < same_names && place > from_end {
            true => names::organization(seed, same_names - 1 - from_end),
            false => names::organization(seed, place),
        };
        let code = names::code(&name, place);
        let users = dice.between(2, 9) as u32;
        organizations.push(Organization {
            id,
            description: dice
                .chance(300)
                .then(|| format!("Customer since {}", 2012 + dice.below(13))),
            approval: (*dice.pick(&["AUTOMATIC", "AUTOMATIC", "AUTOMATIC", "MANUAL", "REJECT"])).to_owned(),
            user_data: None,
            policies: BTreeMap::new(),
            domain: format!("{}.example", code.to_ascii_lowercase()),
            code,
            seed: dice.next(),
            users,
            first_user: user_id,
            name,
        });
        user_id += users + 3;
        let sites = [1, 1, 1, 2, 2, 3, 4][dice.below(7) as usize];
        let first = dice.below(names::LOCATIONS.len() as u64 - 1) as usize;
        for site in 0..sites {
            location_id += 1 + if dice.chance(100) { dice.below(5) as u32 } else { 0 };
            let name = match site {
                0 => names::LOCATIONS[0],
                _ => names::LOCATIONS[1 + (first + site) % (names::LOCATIONS.len() - 1)],
            };
            locations.push(Location {
                id: location_id,
                organization: id,
                name: name.to_owned(),
                address: (!dice.chance(150)).then(|| address(&mut dice)),
                description: dice.chance(100).then(|| "Opened this year".to_owned()),
                user_data: None,
            });
        }
    }
    (organizations, locations)
}

fn address(dice: &mut Dice) -> String {
    let number = dice.between(1, 240);
    format!(
        "{number} {}, {}",
        dice.pick(&names::STREETS),
        dice.pick(&names::TOWNS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knob_repeats_exact_names() {
        let (organizations, _) = generate(1, 24, 2);
        let name = |place: usize| organizations[place].name.as_str();
        assert_eq!((name(22), name(23)), (name(0), name(1)));
        let (plain, _) = generate(1, 24, 0);
        assert_ne!(plain[23].name, plain[1].name);
    }

    #[test]
    fn ids_ascend_with_gaps_and_every_organization_has_a_location() {
        let (organizations, locations) = generate(3, 200, 0);
        assert!(organizations.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(organizations.windows(2).any(|pair| pair[1].id - pair[0].id > 1));
        assert!(locations.windows(2).all(|pair| pair[0].id < pair[1].id));
        for organization in &organizations {
            assert!(
                locations
                    .iter()
                    .any(|location| location.organization == organization.id)
            );
        }
    }
}
