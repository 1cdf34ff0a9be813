//! The estate: organizations, locations, devices and what hangs on them, made from a seed and kept small.
//!
//! Only what can change is stored; everything else is derived from the seed when a document is written. The same seed,
//! number of devices and epoch give the same documents (but for `lastContact`, which follows the clock).

pub mod activity;
pub mod catalog;
pub mod condition;
pub mod day;
pub mod device;
pub mod fields;
pub mod hardware;
pub mod inventory;
pub mod kind;
mod names;
pub mod organization;
pub mod people;
mod population;
pub mod tags;
pub mod tickets;
pub mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::{Group, Policy, Role};
use device::{Approval, Device};
use organization::{Location, Organization};
pub use population::EPOCH_MS;
use population::Population;

/// How large an estate is to be and what is odd about it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Devices that are approved; about one in a hundred more waits for approval.
    pub devices: usize,
    /// Organizations; `None` takes a fiftieth of the devices, at least 3.
    pub organizations: Option<usize>,
    /// The seed.
    pub seed: u64,
    /// How many organizations carry exactly the name of an earlier one.
    pub same_names: usize,
}

/// One tenant's inventory.
pub struct Estate {
    seed: u64,
    organizations: Vec<Organization>,
    locations: Vec<Location>,
    devices: Vec<Device>,
    population: Population,
    /// Days that were let pass.
    days: u32,
    roles: Vec<Role>,
    policies: Vec<Policy>,
    tags: BTreeMap<u32, tags::Tag>,
    log: activity::Log,
    alerts: Vec<condition::Alert>,
    /// How many alerts were ever raised, and how much work was ever started: their uids are made from it.
    raised: u64,
    started: u64,
    jobs: Vec<work::Job>,
    services: HashMap<(u32, &'static str), work::Touched>,
    /// Values of custom fields that were written.
    written: fields::Written,
    tickets: tickets::Tickets,
}

impl Estate {
    /// Makes an estate. `present` is the clock's time in milliseconds.
    pub fn generate(plan: &Plan, present: i64) -> Self {
        let count = plan
            .organizations
            .unwrap_or(plan.devices / 50)
            .max(if plan.organizations.is_some() { 1 } else { 3 });
        let (mut organizations, locations) = organization::generate(plan.seed, count, plan.same_names);
        for organization in &mut organizations {
            // One in five chose the stricter policies.
            if organization.seed.is_multiple_of(5) {
                let strict = catalog::STRICT_POLICIES;
                organization.policies = strict
                    .into_iter()
                    .filter_map(|(policy, _, class)| Some((catalog::built_in_role(class)?, policy)))
                    .collect();
            }
        }
        let mut population = Population::new(plan.seed, count);
        let waiting = plan.devices / 100;
        let total = plan.devices + waiting;
        let mut devices = Vec::with_capacity(total);
        let mut marked = 0;
        for place in 0..total {
            let Some(mut device) = population.draw(&organizations, &locations, present, false) else {
                break;
            };
            // Spread evenly; a guest stays with its host.
            let due = ((place + 51) / 101).min(waiting);
            if marked < due && device.parent.is_none() {
                device.approval = Approval::Pending;
                marked += 1;
            }
            devices.push(device);
        }
        let mut estate = Self {
            seed: plan.seed,
            log: activity::Log::of(plan.seed, &devices),
            alerts: Vec::new(),
            raised: 0,
            started: 0,
            jobs: Vec::new(),
            services: HashMap::new(),
            written: fields::Written::new(),
            tickets: tickets::Tickets::default(),
            organizations,
            locations,
            devices,
            population,
            days: 0,
            roles: catalog::roles(),
            policies: catalog::policies(),
            tags: tags::first_tags(),
        };
        estate.raise_first_alerts();
        if !estate.devices.is_empty() {
            estate.tickets = tickets::Tickets::of(plan.seed, &estate);
        }
        estate
    }

    /// Days that were let pass.
    pub fn days(&self) -> u32 {
        self.days
    }

    /// Every organization, ascending by id.
    pub fn organizations(&self) -> &[Organization] {
        &self.organizations
    }

    /// One organization.
    pub fn organization(&self, id: u32) -> Option<&Organization> {
        self.organizations
            .binary_search_by_key(&id, |one| one.id)
            .ok()
            .map(|at| &self.organizations[at])
    }

    /// One organization, to be changed.
    pub fn organization_mut(&mut self, id: u32) -> Option<&mut Organization> {
        let at = self.organizations.binary_search_by_key(&id, |one| one.id).ok()?;
        self.organizations.get_mut(at)
    }

    /// Every location, ascending by id. An organization's own are not always neighbours: later ones come at the end.
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// One location.
    pub fn location(&self, id: u32) -> Option<&Location> {
        self.locations
            .binary_search_by_key(&id, |one| one.id)
            .ok()
            .map(|at| &self.locations[at])
    }

    /// The locations of one organization.
    pub fn locations_of(&self, organization: u32) -> impl Iterator<Item = &Location> {
        self.locations
            .iter()
            .filter(move |location| location.organization == organization)
    }

    /// Every device, whatever its approval, ascending by id.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The devices whose id is greater than `after`.
    pub fn devices_after(&self, after: i64) -> &[Device] {
        &self.devices[self
            .devices
            .partition_point(|device| i64::from(device.id) <= after)..]
    }

    /// One device, whatever its approval.
    pub fn device(&self, id: u32) -> Option<&Device> {
        self.devices
            .binary_search_by_key(&id, |one| one.id)
            .ok()
            .map(|at| &self.devices[at])
    }

    /// One device, to be changed.
    pub fn device_mut(&mut self, id: u32) -> Option<&mut Device> {
        let at = self.devices.binary_search_by_key(&id, |one| one.id).ok()?;
        self.devices.get_mut(at)
    }

    /// Every role, ascending by id.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// One role.
    pub fn role(&self, id: u32) -> Option<&Role> {
        self.roles
            .binary_search_by_key(&id, |one| one.id)
            .ok()
            .map(|at| &self.roles[at])
    }

    /// Every policy, ascending by id.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// One policy.
    pub fn policy(&self, id: u32) -> Option<&Policy> {
        self.policies
            .binary_search_by_key(&id, |one| one.id)
            .ok()
            .map(|at| &self.policies[at])
    }

    /// The policy an organization maps a role to: its own choice for the role, for the role's parent, or the default.
    pub fn role_policy(&self, organization: u32, role: u32) -> Option<u32> {
        let role = self.role(role)?;
        let own = self.organization(organization).map(|one| &one.policies);
        let chosen = own.and_then(|own| own.get(&role.id).or_else(|| own.get(&role.parent?)));
        chosen
            .copied()
            .or_else(|| catalog::default_policy(role.node_class))
    }

    /// Every group, ascending by id.
    pub fn groups(&self) -> &'static [Group] {
        &catalog::GROUPS
    }

    /// Names organizations, for tests that need certain names: each pair is an id and its new name. Returns the ids
    /// that do not exist.
    pub fn name_organizations<'a>(
        &mut self,
        names: impl IntoIterator<Item = (u32, &'a str)>,
    ) -> BTreeSet<u32> {
        let mut unknown = BTreeSet::new();
        for (id, name) in names {
            match self.organization_mut(id) {
                Some(organization) => organization.name = name.to_owned(),
                None => {
                    unknown.insert(id);
                }
            }
        }
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estate(devices: usize, seed: u64) -> Estate {
        Estate::generate(
            &Plan {
                devices,
                organizations: None,
                seed,
                same_names: 0,
            },
            EPOCH_MS,
        )
    }

    fn approved(estate: &Estate) -> usize {
        estate
            .devices()
            .iter()
            .filter(|device| device.approval == Approval::Approved)
            .count()
    }

    #[test]
    fn sizes_are_as_asked() {
        for (devices, organizations) in [(10, 3), (100, 3), (1200, 24), (5000, 100)] {
            let estate = estate(devices, 7);
            assert_eq!(estate.organizations().len(), organizations);
            assert_eq!(approved(&estate), devices);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_estate() {
        let print = |estate: &Estate| format!("{:?}{:?}", estate.devices(), estate.organizations());
        assert_eq!(print(&estate(300, 5)), print(&estate(300, 5)));
        assert_ne!(print(&estate(300, 5)), print(&estate(300, 6)));
    }

    #[test]
    fn ids_ascend_and_everything_referred_to_exists() {
        let estate = estate(3000, 1);
        assert!(estate.devices().windows(2).all(|pair| pair[0].id < pair[1].id));
        for device in estate.devices() {
            let location = estate.location(device.location).unwrap();
            assert_eq!(location.organization, device.organization);
            assert_eq!(
                estate.role(device.role).unwrap().node_class,
                device.kind.node_class()
            );
            assert!(estate.role_policy(device.organization, device.role).is_some());
            if let Some(host) = device.parent {
                assert_eq!(estate.device(host).unwrap().organization, device.organization);
            }
        }
    }

    #[test]
    fn every_kind_and_every_oddity_occurs() {
        let estate = estate(4000, 1);
        let kinds: BTreeSet<_> = estate.devices().iter().map(|device| device.kind).collect();
        assert_eq!(kinds.len(), kind::SHARES.len());
        let serials: Vec<_> = estate
            .devices()
            .iter()
            .filter(|device| device.kind.is_agent())
            .map(|device| hardware::chassis(device).serial)
            .collect();
        let has = |wanted: &str| serials.iter().any(|serial| serial.as_deref() == Some(wanted));
        assert!(has("") && has("None") && has("To Be Filled By O.E.M.") && serials.contains(&None));
        let real: Vec<&str> = serials
            .iter()
            .flatten()
            .map(AsRef::as_ref)
            .filter(|s: &&str| s.len() == 7 || s.len() == 10)
            .collect();
        let distinct: BTreeSet<_> = real.iter().collect();
        assert!(distinct.len() < real.len(), "no duplicate serial");
        assert!(
            estate
                .devices()
                .iter()
                .any(|device| device.display_name.is_none())
        );
        assert!(estate.devices().iter().any(|device| device.warranty.is_none()));
        assert!(estate.devices().iter().any(|device| device.lacks.system));
        assert!(estate.devices().iter().any(|device| device.lacks.volumes));
    }
}
