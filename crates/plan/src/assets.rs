//! Which asset a device is.
//!
//! The link decides; where there is none, the keys are tried in this order, each over all devices before the next:
//! the device id an asset stores, the bridge's matching field, serial number, MAC address, name. A key counts only
//! where it is unique on both sides among what is not paired yet. Where it is not, a person is asked, and neither
//! side is tried again: a weaker key must not decide what a stronger one left open.

use crate::coerce::number_text;
use crate::fold::fold;
use crate::keys::{fold_mac, fold_serial};
use model::{Asset, Cause, DeviceProjection, Fields, Presence, RecordId, SourceId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Key of the asset field that holds the serial number.
pub const SERIAL_FIELD: &str = "serialNumber";
/// Key of the asset field that holds the MAC address, where a destination has one; several are separated by commas.
pub const MAC_FIELD: &str = "macAddress";
/// Key of the asset field that holds the name.
pub const NAME_FIELD: &str = "name";

/// The remembered identity of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetLink {
    /// The asset.
    pub asset: RecordId,
    /// What this bridge last wrote into its fields.
    pub written: Fields,
}

/// What a device without a link turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// This asset (its place in the list), for this reason.
    Asset(usize, String),
    /// It cannot be told; the reason says why.
    Unclear(Cause, String),
    /// None of the client's assets.
    New,
}

/// What one side has under one key.
type Keys = Vec<BTreeSet<String>>;

/// Finds the assets of devices that have no link. `candidates` are the assets that may be adopted, `held` those that
/// are linked already, each with the device that has it; `foreign_ids` are assets whose stored id tells nothing.
pub(crate) fn identify(
    devices: &[&DeviceProjection],
    candidates: &[&Asset],
    match_field: Option<&str>,
    replaced: &[(&Asset, &DeviceProjection)],
    foreign_ids: &BTreeSet<RecordId>,
) -> Vec<Identity> {
    let mut pairing = Pairing {
        devices,
        assets: candidates,
        identities: vec![None; devices.len()],
        out: vec![false; candidates.len()],
        device_serials: devices.iter().map(|d| d.keys.serial.clone()).collect(),
        asset_serials: candidates.iter().map(|a| serial_of(a)).collect(),
    };
    pairing.run(
        "the asset stores this device's id",
        true,
        |d| one(Some(d.id.0.clone())),
        |a| one(a.source_id.clone().filter(|_| !foreign_ids.contains(&a.id))),
    );
    if let Some(field) = match_field {
        let what = format!("same {field}");
        pairing.run(
            &what,
            true,
            |d| one(key_of(d.fields.get(field))),
            |a| one(key_of(a.fields.get(field))),
        );
    }
    pairing.run(
        "same serial number",
        true,
        |d| one(d.keys.serial.clone()),
        |a| one(serial_of(a)),
    );
    pairing.run(
        "same MAC address",
        false,
        |d| d.keys.macs.iter().cloned().collect(),
        macs_of,
    );
    pairing.run(
        "same name",
        false,
        |d| one(d.keys.name.clone()),
        |a| one(name_of(a)),
    );
    let identities = pairing.identities;
    let settle = |(device, identity): (&&DeviceProjection, Option<Identity>)| {
        identity.unwrap_or_else(|| match predecessor(device, replaced) {
            Some((asset, reason)) => Identity::Unclear(Cause::Replaces { asset }, reason),
            None => Identity::New,
        })
    };
    devices.iter().zip(identities).map(settle).collect()
}

/// The link of a vanished device whose asset looks like this one: a reinstalled agent gets a new device id. Creating
/// a second asset would double the machine, taking over the first one would be a guess.
fn predecessor(
    device: &DeviceProjection,
    replaced: &[(&Asset, &DeviceProjection)],
) -> Option<(RecordId, String)> {
    let serial = device.keys.serial.as_ref()?;
    let (asset, gone) = replaced.iter().find(|(asset, gone)| {
        gone.keys.serial.as_ref() == Some(serial) || serial_of(asset).as_ref() == Some(serial)
    })?;
    let reason = format!(
        "asset {} has the same serial number and is linked to device {} ({}), which is gone: say whether this device \
         takes its place",
        asset.id, gone.id, gone.label
    );
    Some((asset.id.clone(), reason))
}

struct Pairing<'a> {
    devices: &'a [&'a DeviceProjection],
    assets: &'a [&'a Asset],
    identities: Vec<Option<Identity>>,
    /// Assets that are paired or in dispute.
    out: Vec<bool>,
    device_serials: Vec<Option<String>>,
    asset_serials: Vec<Option<String>>,
}

impl Pairing<'_> {
    /// Pairs by one key. A weak key (`decisive` false) does not pair what different serial numbers tell apart.
    fn run(
        &mut self,
        what: &str,
        decisive: bool,
        device_keys: impl Fn(&DeviceProjection) -> BTreeSet<String>,
        asset_keys: impl Fn(&Asset) -> BTreeSet<String>,
    ) {
        let open = |out: bool, keys: BTreeSet<String>| if out { BTreeSet::new() } else { keys };
        let of_devices: Keys = self.devices.iter().map(|d| device_keys(d)).collect();
        let of_devices: Keys = of_devices
            .into_iter()
            .zip(&self.identities)
            .map(|(k, i)| open(i.is_some(), k))
            .collect();
        let of_assets: Keys = self
            .assets
            .iter()
            .zip(&self.out)
            .map(|(a, &out)| open(out, asset_keys(a)))
            .collect();
        let mut holders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (asset, keys) in of_assets.iter().enumerate() {
            for key in keys {
                holders.entry(key).or_default().push(asset);
            }
        }
        let mut assets_of: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.devices.len()];
        let mut devices_of: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.assets.len()];
        for (device, keys) in of_devices.iter().enumerate() {
            for &asset in keys.iter().filter_map(|key| holders.get(key.as_str())).flatten() {
                if decisive || !self.are_different_machines(device, asset) {
                    assets_of[device].insert(asset);
                    devices_of[asset].insert(device);
                }
            }
        }
        for (device, assets) in assets_of.iter().enumerate() {
            let mut assets_found = assets.iter().copied();
            let (Some(asset), second) = (assets_found.next(), assets_found.next()) else {
                continue;
            };
            let ambiguous = || Cause::Ambiguous {
                assets: assets.iter().map(|&a| self.assets[a].id.clone()).collect(),
            };
            let identity = if second.is_some() {
                let ids: Vec<&str> = assets.iter().map(|&a| self.assets[a].id.as_str()).collect();
                let reason = format!(
                    "{what} as {} assets ({}): say which one it is",
                    ids.len(),
                    ids.join(", ")
                );
                Identity::Unclear(ambiguous(), reason)
            } else if devices_of[asset].len() > 1 {
                let reason = format!(
                    "{what} as asset {}, but {} devices have it: say which one it is",
                    self.assets[asset].id,
                    devices_of[asset].len()
                );
                Identity::Unclear(ambiguous(), reason)
            } else {
                Identity::Asset(asset, what.to_owned())
            };
            self.identities[device] = Some(identity);
            for &asset in assets {
                self.out[asset] = true;
            }
        }
    }

    fn are_different_machines(&self, device: usize, asset: usize) -> bool {
        match (&self.device_serials[device], &self.asset_serials[asset]) {
            (Some(device), Some(asset)) => device != asset,
            _ => false,
        }
    }
}

fn one(key: Option<String>) -> BTreeSet<String> {
    key.into_iter().collect()
}

/// A field's value as a key; placeholders are none, whichever field they stand in.
fn key_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => fold_serial(text).map(|_| fold(text)),
        Value::Number(number) => Some(number_text(number)),
        _ => None,
    }
}

fn serial_of(asset: &Asset) -> Option<String> {
    match asset.fields.get(SERIAL_FIELD)? {
        Value::String(text) => fold_serial(text),
        Value::Number(number) => fold_serial(&number_text(number)),
        _ => None,
    }
}

fn macs_of(asset: &Asset) -> BTreeSet<String> {
    let text = asset
        .fields
        .get(MAC_FIELD)
        .and_then(Value::as_str)
        .unwrap_or_default();
    text.split([',', ';', '|', '\n']).filter_map(fold_mac).collect()
}

fn name_of(asset: &Asset) -> Option<String> {
    let name = fold(asset.fields.get(NAME_FIELD)?.as_str()?);
    (!name.is_empty()).then_some(name)
}

/// Devices that are linked, by the asset they are linked to.
pub(crate) fn devices_by_asset(links: &BTreeMap<SourceId, AssetLink>) -> BTreeMap<&RecordId, Vec<&SourceId>> {
    let mut by_asset: BTreeMap<&RecordId, Vec<&SourceId>> = BTreeMap::new();
    for (device, link) in links {
        by_asset.entry(&link.asset).or_default().push(device);
    }
    by_asset
}

/// Whether the device is gone.
pub(crate) fn is_absent(device: &DeviceProjection) -> bool {
    matches!(device.presence, Presence::Absent { .. })
}

#[cfg(test)]
mod tests;
