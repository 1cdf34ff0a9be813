//! Devices whose writes were undone: left alone until a person releases them, then taken up again.

use crate::client_plan::{ClientPlan, update_reason};
use crate::planner::{AssetLink, undone_by};
use model::{Action, Asset, Cause, DeviceProjection, Fields, Presence, Undone};

impl<'i> ClientPlan<'_, '_, 'i> {
    /// Says what an undone device waits for. What would be written is shown, and not written.
    pub(crate) fn held(
        &mut self,
        device: &DeviceProjection,
        link: Option<&AssetLink>,
        undone: Option<&Undone>,
    ) {
        let Some(undone) = undone else { return };
        let held = format!(
            "{}; it is left alone until somebody releases it: rmmbridge undo --release {}",
            undone_by(undone),
            device.id
        );
        let Some(link) = link else {
            if device.presence == Presence::Present {
                self.review(device, Cause::Undone, held);
            }
            return;
        };
        let asset = self.assets.get(&link.asset).copied();
        let alone = self.devices_by_asset.get(&link.asset).map_or(0, Vec::len) <= 1;
        match (asset, device.presence) {
            (Some(asset), Presence::Absent { since, snapshots }) if asset.archived.is_none() => {
                match self.absence(since, snapshots) {
                    absence if absence.is_over() => {
                        let reason = format!("{held}; then it is archived: {}", absence.reason());
                        self.review(device, Cause::Undone, reason);
                    }
                    absence => self.skip(device, Cause::Absent, absence.reason()),
                }
            }
            (Some(asset), Presence::Present) if asset.archived.is_none() && alone => {
                let found = self.compare(device, &asset.fields, &link.written);
                let changes = found.changes.into_iter().chain(found.conflicts).collect();
                self.leave(device, Action::Review { changes }, Cause::Undone, held);
            }
            // What needs a person for a reason of its own says that.
            _ => self.linked(device, link),
        }
    }

    /// The asset an undo archived, if it is in the archive still and nobody else's.
    pub(crate) fn archived_by<'u>(&self, undone: &'u Undone) -> Option<(&'i Asset, &'u Undone)> {
        let asset = *self.assets.get(&undone.record)?;
        let free = asset.archived.is_some() && !self.devices_by_asset.contains_key(&asset.id);
        free.then_some((asset, undone))
    }

    /// Takes up a released device again: a second asset beside the archived one would double the machine.
    pub(crate) fn restore(&mut self, device: &DeviceProjection, asset: &Asset, undone: &Undone) {
        let story = format!("{} and released since", undone_by(undone));
        if !self.input.can.restore {
            let by_hand = format!(
                "{story}: its asset {} is archived, and the destination offers no way out of the archive; take it out \
                 by hand",
                asset.id
            );
            self.review(device, Cause::RestoreByHand, by_hand);
            return;
        }
        let moved = self.moved(asset, device);
        let found = self.compare(device, &asset.fields, &Fields::new());
        self.planner.load.linked += 1;
        self.planner.load.changes += 1;
        let restore = Action::RestoreAsset {
            asset: asset.id.clone(),
        };
        self.push(device, restore, story);
        if !self.input.can.update {
            self.change_by_hand(device, &found, moved.as_ref());
            return;
        }
        if !found.changes.is_empty() || moved.is_some() {
            let reason = update_reason(found.changes.len(), moved.as_ref());
            let update = Action::UpdateAsset {
                asset: asset.id.clone(),
                changes: found.changes,
                moved,
            };
            self.push(device, update, reason);
        }
        self.review_conflicts(device, found.conflicts);
    }
}
