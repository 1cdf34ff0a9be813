//! What becomes of one device and its asset: nothing, a change, an adoption, a creation, or a question.

use super::ClientPlan;
use crate::absence::Absence;
use crate::assets::AssetLink;
use crate::changes::{FieldChanges, compare, new_fields};
use crate::coerce::is_blank;
use model::operation::Move;
use model::{Action, Asset, AssetDraft, Cause, ClientTarget, DeviceProjection, Fields, LinkBefore, Presence};

impl ClientPlan<'_, '_, '_> {
    pub(crate) fn linked(&mut self, device: &DeviceProjection, link: &AssetLink) {
        let holders = self.devices_by_asset.get(&link.asset).map_or(0, Vec::len);
        let asset = self.assets.get(&link.asset).copied();
        match (asset, device.presence) {
            (None, Presence::Absent { .. }) => {
                let reason = format!("the device is gone, and so is its asset {}", link.asset);
                self.skip(device, Cause::BothGone, reason);
            }
            (None, Presence::Present) => self.review(
                device,
                Cause::RecordGone,
                format!(
                    "its asset {} no longer exists: it was deleted by hand; say whether to create it anew or to leave \
                     the device out",
                    link.asset
                ),
            ),
            (Some(asset), Presence::Absent { since, snapshots }) => match asset.archived {
                Some(_) => self.planner.unchanged(),
                None => self.vanished(device, asset, &self.absence(since, snapshots)),
            },
            (Some(_), Presence::Present) if holders > 1 => {
                let reason = format!("{holders} devices are linked to asset {}; unlink all but one", link.asset);
                self.review(device, Cause::SharedAsset, reason);
            }
            (Some(asset), Presence::Present) => match asset.archived {
                Some(archived) => {
                    let on = archived.to_zoned(jiff::tz::TimeZone::UTC).date();
                    let reason = format!("the device is back, and its asset was archived on {on}; restore it");
                    self.review(device, Cause::Archived, reason);
                }
                None => self.update(device, asset, &link.written),
            },
        }
    }

    fn vanished(&mut self, device: &DeviceProjection, asset: &Asset, absence: &Absence) {
        if !absence.is_over() {
            self.skip(device, Cause::Absent, absence.reason());
            return;
        }
        if !self.input.can.archive {
            let reason = format!(
                "{}; this destination's API cannot archive it: do that there",
                absence.reason()
            );
            self.skip(device, Cause::ArchiveByHand, reason);
            return;
        }
        self.planner.load.archives += 1;
        let archive = Action::ArchiveAsset {
            asset: asset.id.clone(),
        };
        self.push(device, archive, absence.reason());
    }

    pub(super) fn update(&mut self, device: &DeviceProjection, asset: &Asset, written: &Fields) {
        let moved = self.moved(asset, device);
        let found = self.compare(device, &asset.fields, written);
        if found.changes.is_empty() && found.conflicts.is_empty() && moved.is_none() {
            self.planner.unchanged();
            return;
        }
        if !self.input.can.update {
            self.change_by_hand(device, &found, moved.as_ref());
            return;
        }
        if !found.changes.is_empty() || moved.is_some() {
            self.planner.load.changes += 1;
            let reason = with_faults(update_reason(found.changes.len(), moved.as_ref()), device);
            let update = Action::UpdateAsset {
                asset: asset.id.clone(),
                changes: found.changes,
                moved,
            };
            self.push(device, update, reason);
        }
        self.review_conflicts(device, found.conflicts);
    }

    /// Says what differs where the destination's API cannot change it, if anything does.
    pub(crate) fn change_by_hand(
        &mut self,
        device: &DeviceProjection,
        found: &FieldChanges,
        moved: Option<&Move>,
    ) {
        let differs = found.changes.len() + found.conflicts.len();
        if differs == 0 && moved.is_none() {
            return;
        }
        let reason = format!(
            "{}; this destination's API cannot change assets: change it there",
            update_reason(differs, moved)
        );
        self.skip(device, Cause::ChangeByHand, reason);
    }

    pub(crate) fn review_conflicts(&mut self, device: &DeviceProjection, conflicts: Vec<model::Change>) {
        if conflicts.is_empty() {
            return;
        }
        let fields: Vec<&str> = conflicts.iter().map(|c| c.field.as_str()).collect();
        let reason = format!(
            "changed in the destination since the last write: {}; say which value stays",
            fields.join(", ")
        );
        self.leave(
            device,
            Action::Review { changes: conflicts },
            Cause::Conflict,
            reason,
        );
    }

    pub(super) fn adopt(&mut self, device: &DeviceProjection, asset: &Asset, how: &str) {
        let found = self.compare(device, &asset.fields, &Fields::new());
        if !self.input.can.update {
            self.link_alone(device, asset, how, found.changes.len());
            return;
        }
        let moved = self.moved(asset, device);
        // Overwriting what a person typed is a change of an asset, whether it was linked before or not.
        self.planner.load.linked += 1;
        let overwrites = found.changes.iter().any(|change| !is_blank(&change.before));
        self.planner.load.changes += u32::from(overwrites);
        let reason = with_faults(format!("asset {} is this device: {how}", asset.id), device);
        let link = Action::Link {
            record: asset.id.clone(),
            changes: found.changes,
            before: Some(LinkBefore {
                record: None,
                source_id: asset.source_id.clone(),
            }),
        };
        self.push(device, link, reason);
        if moved.is_some() {
            let update = Action::UpdateAsset {
                asset: asset.id.clone(),
                changes: vec![],
                moved: moved.clone(),
            };
            self.push(device, update, update_reason(0, moved.as_ref()));
        }
        self.review_conflicts(device, found.conflicts);
    }

    /// An adoption that only we remember, since the record itself cannot be changed.
    fn link_alone(&mut self, device: &DeviceProjection, asset: &Asset, how: &str, differs: usize) {
        let mut reason = format!("asset {} is this device: {how}", asset.id);
        if differs > 0 {
            let differ = update_reason(differs, None);
            reason = format!("{reason}; {differ}, and this destination's API cannot change assets");
        }
        self.planner.load.linked += 1;
        let link = Action::Link {
            record: asset.id.clone(),
            changes: vec![],
            before: Some(LinkBefore {
                record: None,
                source_id: asset.source_id.clone(),
            }),
        };
        self.push(device, link, with_faults(reason, device));
    }

    pub(super) fn create(&mut self, device: &DeviceProjection) {
        let place = self.place(device);
        let draft = AssetDraft {
            client: self.input.target.clone(),
            site: place.site,
            asset_type: place.asset_type,
            fields: new_fields(self.planner.input.mapping, device),
        };
        let reason = match self.input.target {
            ClientTarget::Of(_) => "its client is new".to_owned(),
            ClientTarget::Existing(_) => "no asset of this client is this device".to_owned(),
        };
        self.push(device, Action::CreateAsset(draft), with_faults(reason, device));
    }

    /// What differs between a device and its asset, given what people decided.
    pub(crate) fn compare(
        &self,
        device: &DeviceProjection,
        current: &Fields,
        written: &Fields,
    ) -> FieldChanges {
        let input = &self.planner.input;
        let decided = input.decided.conflicts.get(&device.id);
        compare(input.mapping, device, current, written, decided)
    }
}

pub(crate) fn update_reason(changes: usize, moved: Option<&Move>) -> String {
    let mut said = vec![];
    if let Some(moved) = moved {
        let parts = [
            (moved.client.is_some(), "its device is with another client now"),
            (moved.site.is_some(), "its device stands at another location"),
            (moved.asset_type.is_some(), "its device has another role"),
        ];
        said.extend(
            parts
                .into_iter()
                .filter(|(is, _)| *is)
                .map(|(_, text)| text.to_owned()),
        );
    }
    match changes {
        0 => {}
        1 => said.push("1 field differs".to_owned()),
        n => said.push(format!("{n} fields differ")),
    }
    said.join("; ")
}

/// Fields that could not be read are left as they are, and said so.
fn with_faults(reason: String, device: &DeviceProjection) -> String {
    let faults: Vec<&str> = device.faults.iter().map(|f| f.path.as_str()).collect();
    match faults.len() {
        0 => reason,
        _ => format!("{reason}; left out, since not readable: {}", faults.join(", ")),
    }
}
