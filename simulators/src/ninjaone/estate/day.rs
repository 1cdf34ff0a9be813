//! Lets a day pass: a share of the devices really changes, most of the others only report that they are alive.

use serde::Serialize;

use super::activity::{CLIENT_UPDATED, NODE_CREATED, NODE_DELETED, NODE_UPDATED};
use super::device::Approval;
use super::kind::Kind;
use super::population::{DAY_MS, letters};
use super::{Estate, names};
use crate::dice::Dice;

/// What a day changed, as ids and names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// Which day it was, from 1.
    pub number: u32,
    /// Devices whose document changed in more than `lastContact`, ascending. New ones are not among them.
    pub changed: Vec<u32>,
    /// Devices that are new.
    pub added: Vec<u32>,
    /// Devices that are gone.
    pub removed: Vec<u32>,
    /// Devices that only moved their `lastContact`.
    pub only_contact: usize,
    /// The organization that was renamed.
    pub renamed: Option<Renamed>,
    /// The device that went to another organization; it is among `changed`.
    pub moved: Option<Moved>,
}

/// An organization's new name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// The organization.
    pub id: u32,
    /// Its name until now.
    pub old: String,
    /// Its name from now on.
    pub new: String,
}

/// A device's new organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The device.
    pub id: u32,
    /// The organization it belonged to.
    pub from: u32,
    /// The organization it belongs to.
    pub to: u32,
}

impl Estate {
    /// Lets a day pass. `share` (0 to 1) of the approved devices really changes; with 0 nothing but `lastContact`
    /// moves. `present` is the estate's time in milliseconds after the day.
    pub fn pass_day(&mut self, share: f64, present: i64) -> Day {
        self.days += 1;
        let mut dice = Dice::new(self.seed, 0x6461_7900 + u64::from(self.days));
        let mut day = Day {
            number: self.days,
            ..Day::default()
        };
        let share = if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let places: Vec<usize> = (0..self.devices.len())
            .filter(|&place| self.devices[place].approval == Approval::Approved)
            .collect();
        let count = (places.len() as f64 * share).round() as usize;
        let mut chosen = draw_without_repeats(&mut dice, places, count);
        let mut alive = Vec::new();
        for device in &mut self.devices {
            // About nine in ten report: nearly all that are online, and some that were switched off.
            if dice.chance(if device.offline { 300 } else { 980 }) {
                device.last_contact = present - dice.below(600_000) as i64;
                alive.push(device.id);
            }
        }
        if count > 0 {
            self.rename_one(&mut dice, &mut day);
            if let Some(place) = chosen.pop() {
                self.move_one(&mut dice, place, present, &mut day);
            }
        }
        for place in chosen {
            self.change(&mut dice, place, present);
            day.changed.push(self.devices[place].id);
        }
        day.changed.sort_unstable();
        let few = if count > 0 { (count / 20).max(1) } else { 0 };
        self.remove_some(&mut dice, few, &mut day);
        for _ in 0..few {
            let drawn = self
                .population
                .draw(&self.organizations, &self.locations, present, true);
            if let Some(device) = drawn {
                day.added.push(device.id);
                self.devices.push(device);
            }
        }
        alive.retain(|id| day.changed.binary_search(id).is_err() && day.removed.binary_search(id).is_err());
        day.only_contact = alive.len();
        self.note_day(&day, present);
        day
    }

    /// Writes a day's changes into the log, and raises a few alerts on the changed devices.
    fn note_day(&mut self, day: &Day, present: i64) {
        for &id in &day.changed {
            let Some(device) = self.device(id) else { continue };
            let (time, name) = (device.last_update, device.shown_name().to_owned());
            self.log.push(
                time,
                Some(id),
                NODE_UPDATED,
                format!("Device '{name}' was updated").into(),
            );
        }
        for &id in &day.added {
            self.log
                .push(present, Some(id), NODE_CREATED, "Device was created".into());
        }
        for &id in &day.removed {
            self.log
                .push(present, Some(id), NODE_DELETED, "Device was deleted".into());
            self.alerts.retain(|alert| alert.device != id);
            self.jobs.retain(|job| job.device != id);
        }
        if let Some(Renamed { old, new, .. }) = &day.renamed {
            let message = format!("Organization '{old}' was renamed to '{new}'");
            self.log.push(present, None, CLIENT_UPDATED, message.into());
        }
        for &id in day.changed.iter().step_by(20) {
            if self.device(id).is_some_and(|device| device.kind.is_agent()) {
                self.raise_alert(id, 0, present);
            }
        }
    }

    /// Changes one thing about a device.
    fn change(&mut self, dice: &mut Dice, place: usize, present: i64) {
        let sites: Vec<u32> = self
            .locations_of(self.devices[place].organization)
            .map(|location| location.id)
            .collect();
        let device = &mut self.devices[place];
        device.last_contact = present - dice.below(600_000) as i64;
        device.last_update = device.last_contact;
        let other_sites: Vec<u32> = sites
            .into_iter()
            .filter(|&site| site != device.location)
            .collect();
        let agent = device.kind.is_agent();
        match dice.below(5) {
            0 if agent && !device.lacks.processors => device.memory_gib = device.memory_gib.saturating_mul(2),
            1 if agent && !device.lacks.os => device.os_updates = device.os_updates.wrapping_add(1),
            2 if !other_sites.is_empty() => device.location = *dice.pick(&other_sites),
            3 if device.warranty.is_some() => {
                if let Some(warranty) = &mut device.warranty {
                    let end = warranty.end_date.unwrap_or((present / DAY_MS) as f64 * 86_400.0);
                    warranty.end_date = Some(end + 365.0 * 86_400.0);
                }
            }
            _ if device.kind == Kind::WindowsWorkstation => {
                device.system_name = format!("DESKTOP-{}", letters(dice, 7)).into_boxed_str();
            }
            _ => {
                let suffix = letters(dice, 3);
                let base = device
                    .system_name
                    .split('~')
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                device.system_name = format!("{base}~{suffix}").into_boxed_str();
            }
        }
    }

    /// Sends a device to another organization.
    fn move_one(&mut self, dice: &mut Dice, place: usize, present: i64, day: &mut Day) {
        let from = self.devices[place].organization;
        let others: Vec<(u32, u32)> = self
            .locations
            .iter()
            .filter(|location| location.organization != from)
            .map(|location| (location.organization, location.id))
            .collect();
        if others.is_empty() {
            return;
        }
        let (to, location) = *dice.pick(&others);
        let device = &mut self.devices[place];
        (device.organization, device.location) = (to, location);
        // Its host and its owner stayed behind.
        (device.parent, device.owner) = (None, None);
        device.last_contact = present;
        device.last_update = present;
        day.changed.push(device.id);
        day.moved = Some(Moved {
            id: device.id,
            from,
            to,
        });
    }

    /// Gives one organization another name.
    fn rename_one(&mut self, dice: &mut Dice, day: &mut Day) {
        let place = dice.below(self.organizations.len() as u64) as usize;
        let Some(organization) = self.organizations.get_mut(place) else {
            return;
        };
        let old = organization.name.clone();
        let new = match old.strip_suffix(" Group") {
            Some(shorter) => shorter.to_owned(),
            None if dice.chance(500) => format!("{old} Group"),
            None => format!("{old} {}", dice.pick(&names::TOWNS)),
        };
        organization.name = new.clone();
        day.renamed = Some(Renamed {
            id: organization.id,
            old,
            new,
        });
    }

    /// Takes `few` devices out that nothing depends on.
    fn remove_some(&mut self, dice: &mut Dice, few: usize, day: &mut Day) {
        let free: Vec<usize> = (0..self.devices.len())
            .filter(|&place| {
                let device = &self.devices[place];
                device.approval == Approval::Approved
                    && !matches!(device.kind, Kind::VmwareHost | Kind::HypervHost)
                    && day.changed.binary_search(&device.id).is_err()
            })
            .collect();
        let mut gone: Vec<u32> = draw_without_repeats(dice, free, few)
            .into_iter()
            .map(|place| self.devices[place].id)
            .collect();
        gone.sort_unstable();
        self.devices
            .retain(|device| gone.binary_search(&device.id).is_err());
        day.removed = gone;
    }
}

/// `count` of `items`, each at most once; all of them if there are no more.
fn draw_without_repeats<T>(dice: &mut Dice, mut items: Vec<T>, count: usize) -> Vec<T> {
    let count = count.min(items.len());
    for place in 0..count {
        let other = place + dice.below((items.len() - place) as u64) as usize;
        items.swap(place, other);
    }
    items.truncate(count);
    items
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{EPOCH_MS, Plan};
    use super::*;
    use crate::ninjaone::estate::device::Device;

    fn estate() -> Estate {
        Estate::generate(
            &Plan {
                devices: 1000,
                organizations: None,
                seed: 3,
                same_names: 0,
            },
            EPOCH_MS,
        )
    }

    fn shown(device: &Device) -> String {
        format!(
            "{:?}",
            Device {
                last_contact: 0,
                ..device.clone()
            }
        )
    }

    #[test]
    fn the_share_really_changes_and_the_rest_only_moves_its_last_contact() {
        let mut estate = estate();
        let before: BTreeMap<u32, Device> = estate
            .devices()
            .iter()
            .map(|device| (device.id, device.clone()))
            .collect();
        let day = estate.pass_day(0.05, EPOCH_MS + DAY_MS);
        assert_eq!(
            (day.changed.len(), day.added.len(), day.removed.len()),
            (50, 2, 2)
        );
        let mut contacts = 0;
        for device in estate.devices() {
            let Some(old) = before.get(&device.id) else {
                assert!(day.added.contains(&device.id));
                continue;
            };
            assert_eq!(
                shown(old) != shown(device),
                day.changed.contains(&device.id),
                "{}",
                device.id
            );
            contacts += usize::from(old.last_contact != device.last_contact);
        }
        assert!(
            (850..950).contains(&contacts),
            "{contacts} of 1000 moved their lastContact"
        );
        assert!(day.removed.iter().all(|&id| estate.device(id).is_none()));
        let moved = day.moved.unwrap();
        assert_eq!(estate.device(moved.id).unwrap().organization, moved.to);
        let renamed = day.renamed.unwrap();
        assert_eq!(estate.organization(renamed.id).unwrap().name, renamed.new);
        assert_ne!(renamed.old, renamed.new);
        assert!(estate.devices().windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn a_quiet_day_moves_last_contact_alone() {
        let mut estate = estate();
        let before: Vec<String> = estate.devices().iter().map(shown).collect();
        let day = estate.pass_day(0.0, EPOCH_MS + DAY_MS);
        assert_eq!(before, estate.devices().iter().map(shown).collect::<Vec<_>>());
        assert!(day.only_contact > 700 && day.renamed.is_none() && day.added.is_empty());
    }

    #[test]
    fn days_repeat_with_the_seed() {
        let (mut one, mut two) = (estate(), estate());
        for number in 1..4 {
            let present = EPOCH_MS + number * DAY_MS;
            assert_eq!(one.pass_day(0.02, present), two.pass_day(0.02, present));
        }
    }
}
