//! Technicians and end users, derived from seeds.

use super::organization::Organization;
use super::{Estate, names};
use crate::dice::{Dice, uuid_bits};

/// A technician or an end user.
#[derive(Clone, Debug)]
pub struct Person {
    /// `id`: technicians below 100, end users above.
    pub id: u32,
    /// `uid`
    pub uid: u128,
    /// `firstName`
    pub first_name: String,
    /// `lastName`
    pub last_name: String,
    /// `email`
    pub email: String,
    /// `phone`
    pub phone: Option<String>,
    /// An end user's organization; `None` for technicians.
    pub organization: Option<u32>,
    /// `administrator`
    pub administrator: bool,
    /// `enabled`
    pub enabled: bool,
    /// `invitationStatus`: REGISTERED, PENDING or EXPIRED.
    pub invitation: &'static str,
    /// Names of roles.
    pub roles: &'static [&'static str],
}

/// How many technicians a tenant has.
const TECHNICIANS: u32 = 6;

fn person(id: u32, seed: u64, domain: &str) -> Person {
    let mut dice = Dice::new(seed, 0x7065_7200 + u64::from(id));
    let first_name = (*dice.pick(&names::GIVEN_NAMES)).to_owned();
    let last_name = (*dice.pick(&names::FAMILY_NAMES)).to_owned();
    let ascii = |name: &str| {
        name.to_lowercase()
            .chars()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
    };
    Person {
        id,
        uid: uuid_bits(seed, 0x7075_6900 + u64::from(id)),
        email: format!("{}.{}{id}@{domain}", ascii(&first_name), ascii(&last_name)),
        first_name,
        last_name,
        // Numbers set aside for fiction.
        phone: dice
            .chance(600)
            .then(|| format!("+1 555 01{:02}", dice.below(100))),
        organization: None,
        administrator: false,
        enabled: !dice.chance(50),
        invitation: dice.word(&["REGISTERED", "REGISTERED", "PENDING", "EXPIRED"]),
        roles: &[],
    }
}

/// The end user `id` of `organization`, if it is one of its.
pub fn end_user(organization: &Organization, id: u32) -> Option<Person> {
    (organization.first_user..organization.first_user + organization.users)
        .contains(&id)
        .then(|| Person {
            organization: Some(organization.id),
            roles: &["End user"],
            ..person(id, organization.seed, &organization.domain)
        })
}

impl Estate {
    /// Every technician, ascending by id.
    pub fn technicians(&self) -> impl Iterator<Item = Person> {
        (0..TECHNICIANS).map(|place| {
            let id = 1 + place * 3;
            Person {
                administrator: place == 0,
                enabled: place != 5,
                invitation: if place == 4 { "PENDING" } else { "REGISTERED" },
                roles: if place == 0 {
                    &["System Administrator"]
                } else {
                    &["Technician"]
                },
                ..person(id, self.seed, "msp.example")
            }
        })
    }

    /// Every end user, ascending by id.
    pub fn end_users(&self) -> impl Iterator<Item = Person> {
        self.organizations().iter().flat_map(|organization| {
            (0..organization.users)
                .filter_map(|place| end_user(organization, organization.first_user + place))
        })
    }

    /// One person of either sort.
    pub fn person(&self, id: u32) -> Option<Person> {
        if let Some(technician) = self.technicians().find(|person| person.id == id) {
            return Some(technician);
        }
        let place = self
            .organizations()
            .partition_point(|organization| organization.first_user <= id);
        end_user(self.organizations().get(place.checked_sub(1)?)?, id)
    }
}
