//! The inverse of one operation.

use super::{Done, UndoInput};
use crate::changes::value_or_null;
use crate::own::same_or_both_blank_values as same;
use model::operation::Move;
use model::{
    Action, Asset, AssetDraft, Cause, Change, ClientTarget, LinkBefore, Place, Reason, RecordId, RecordKind,
    SiteTarget, SourceId, TypeTarget,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Finds the inverse of one operation.
pub(super) struct Inverse<'a> {
    pub input: &'a UndoInput<'a>,
    pub done: &'a Done,
}

/// An action, why, and why not more where there is more than that it stays.
pub(super) type Step = (Action, Reason, Option<Cause>);

/// Fields by what becomes of them.
#[derive(Default)]
struct Fields {
    /// They go back to what stood before.
    back: Vec<Change>,
    /// They were changed since; `after` is what would have been put back.
    kept: Vec<Change>,
}

/// What becomes of an asset's place.
#[derive(Default)]
struct Moved {
    back: Option<Move>,
    stays: Vec<String>,
}

fn skip(reason: impl Into<String>) -> Vec<Step> {
    vec![(Action::Skip, reason.into(), None)]
}

fn step(action: Action, reason: impl Into<String>) -> Step {
    (action, reason.into(), None)
}

impl Inverse<'_> {
    /// What takes the operation back, and what of it stays.
    pub(super) fn steps(&self) -> Vec<Step> {
        match &self.done.operation.action {
            Action::CreateClient(_) => self.made("client"),
            Action::CreateSite(_) => self.made("site"),
            Action::CreateAssetType(_) => self.made("asset type"),
            Action::CreateAsset(AssetDraft { fields, client, .. }) => {
                self.asset().map_or_else(skip, |asset| {
                    self.taken_up("created", fields, self.client(client), asset)
                })
            }
            Action::RestoreAsset { .. } => self.asset().map_or_else(skip, |asset| {
                self.taken_up("taken out of the archive", &model::Fields::new(), None, asset)
            }),
            Action::UpdateAsset { changes, moved, .. } => self
                .asset()
                .map_or_else(skip, |asset| self.updated(changes, moved.as_ref(), asset)),
            Action::ArchiveAsset { .. } => self.asset().map_or_else(skip, |asset| self.archived(asset)),
            Action::Link { changes, before, .. } => {
                match self.done.operation.subject.kind {
                    RecordKind::Asset => self
                        .asset()
                        .map_or_else(skip, |asset| self.adopted(changes, before.as_ref(), asset)),
                    RecordKind::Client => self.linked(before.as_ref()),
                    // Other devices stand on it as well, and it would be found by its name again.
                    RecordKind::Site | RecordKind::AssetType => skip(format!(
                        "it was remembered by its name as {}; nothing was written, so that stays",
                        self.done.record
                    )),
                }
            }
            Action::Unlink { .. } | Action::Review { .. } | Action::Skip => vec![],
        }
    }

    fn made(&self, what: &str) -> Vec<Step> {
        skip(format!(
            "{what} {} was created by the run; nothing is deleted, so it stays, and stays linked",
            self.done.record
        ))
    }

    fn is_linked(&self) -> bool {
        let subject = &self.done.operation.subject;
        self.record(subject.kind, &subject.source_id) == Some(&self.done.record)
    }

    fn record(&self, kind: RecordKind, source: &SourceId) -> Option<&RecordId> {
        self.input
            .links
            .get(&(kind, source.clone()))
            .map(|link| &link.record)
    }

    /// The asset as it is now, or why there is nothing to take back.
    fn asset(&self) -> Result<&Asset, String> {
        let record = &self.done.record;
        if !self.is_linked() {
            return Err(format!("the device is not linked to asset {record} any more"));
        }
        let asset = self.input.assets.get(record);
        asset.ok_or_else(|| format!("asset {record} no longer exists"))
    }

    /// The inverse of what put an asset in use.
    fn taken_up(
        &self,
        how: &str,
        drafted: &model::Fields,
        client: Option<&RecordId>,
        asset: &Asset,
    ) -> Vec<Step> {
        if asset.archived.is_none()
            && let Some(stays) = self.worked_on(how, drafted, client, asset)
        {
            return vec![stays];
        }
        let by_run = match asset.archived {
            Some(_) => format!("{how} by the run, and archived since"),
            None => format!("{how} by the run"),
        };
        // Also one that is in the archive: its link would go with a write that the destination refuses.
        if !self.input.archive {
            let linked = match asset.archived {
                Some(_) => ", and stays linked",
                None => "",
            };
            return skip(format!(
                "{by_run}; the destination cannot archive assets, so asset {} stays{linked}",
                asset.id
            ));
        }
        let reason = match asset.archived {
            Some(_) => format!("{by_run}: its link is taken back"),
            None => by_run,
        };
        let asset = asset.id.clone();
        vec![step(Action::ArchiveAsset { asset }, reason)]
    }

    /// What somebody has made of an asset stays.
    fn worked_on(
        &self,
        how: &str,
        drafted: &model::Fields,
        client: Option<&RecordId>,
        asset: &Asset,
    ) -> Option<Step> {
        // What later runs wrote is the bridge's as well.
        let mut ours: BTreeMap<&String, &Value> = drafted.iter().collect();
        ours.extend(self.written().into_iter().flatten());
        let changed: Vec<Change> = ours
            .into_iter()
            .filter(|(field, ours)| !same(Some(*ours), asset.fields.get(*field)))
            .map(|(field, ours)| Change {
                field: field.clone(),
                before: value_or_null(asset.fields.get(field)),
                after: ours.clone(),
            })
            .collect();
        let elsewhere = client.is_some_and(|client| client != &asset.client);
        let fields = changed.iter().map(|c| c.field.as_str());
        let what: Vec<&str> = fields.chain(elsewhere.then_some("its client")).collect();
        if what.is_empty() {
            return None;
        }
        let what = what.join(", ");
        let reason = format!("{how} by the run, and {what} was changed since: it stays");
        Some(step(Action::Review { changes: changed }, reason))
    }

    fn archived(&self, asset: &Asset) -> Vec<Step> {
        if asset.archived.is_none() {
            return skip("archived by the run, and taken out of the archive since");
        }
        if !self.input.restore {
            let reason = format!(
                "archived by the run; the destination offers no way out of its archive: take asset {} out by hand",
                asset.id
            );
            return vec![(Action::Skip, reason, Some(Cause::RestoreByHand))];
        }
        let asset = asset.id.clone();
        vec![step(Action::RestoreAsset { asset }, "archived by the run")]
    }

    fn updated(&self, changes: &[Change], moved: Option<&Move>, asset: &Asset) -> Vec<Step> {
        let fields = self.fields(changes, asset);
        let place = moved.map(|moved| self.moved(moved, asset)).unwrap_or_default();
        let mut steps = vec![];
        if asset.archived.is_some() {
            return self.in_the_archive(fields);
        }
        if !fields.back.is_empty() || place.back.is_some() {
            steps.push(match self.input.update {
                true => {
                    let update = Action::UpdateAsset {
                        asset: asset.id.clone(),
                        changes: fields.back,
                        moved: place.back,
                    };
                    step(update, "written by the run")
                }
                false => by_hand(fields.back, place.back.as_ref().map(whither).as_deref(), asset),
            });
        }
        steps.extend(self.what_stays(fields.kept, place.stays, asset));
        if steps.is_empty() {
            return skip("stands already as before the run");
        }
        steps
    }

    fn adopted(&self, changes: &[Change], before: Option<&LinkBefore>, asset: &Asset) -> Vec<Step> {
        let fields = self.fields(changes, asset);
        if asset.archived.is_some() {
            return self.in_the_archive(fields);
        }
        let stored = before.and_then(|before| before.source_id.clone());
        let ours = Some(&self.done.operation.subject.source_id.0);
        let back = (asset.source_id.as_ref() == ours && stored.as_ref() != ours).then_some(LinkBefore {
            record: None,
            source_id: stored,
        });
        let (mut changes, mut back) = (fields.back, back);
        let mut left = None;
        if !self.input.update {
            // The link is ours alone, and goes without a write.
            let id = back.take().map(|back| match back.source_id {
                Some(id) => format!("device id: {id}"),
                None => "device id: none".to_owned(),
            });
            let changes = std::mem::take(&mut changes);
            left = (id.is_some() || !changes.is_empty()).then(|| by_hand(changes, id.as_deref(), asset));
        }
        let unlink = Action::Unlink {
            record: asset.id.clone(),
            changes,
            back,
        };
        let mut steps = vec![step(unlink, "linked by the run")];
        steps.extend(left);
        steps.extend(self.what_stays(fields.kept, vec![], asset));
        steps
    }

    fn linked(&self, before: Option<&LinkBefore>) -> Vec<Step> {
        if !self.is_linked() {
            return skip(format!("it is not linked to {} any more", self.done.record));
        }
        let unlink = Action::Unlink {
            record: self.done.record.clone(),
            changes: vec![],
            back: before.filter(|before| before.record.is_some()).cloned(),
        };
        vec![step(unlink, "linked by the run")]
    }

    /// What was archived is not written to: whoever archived it wants it as it is.
    fn in_the_archive(&self, fields: Fields) -> Vec<Step> {
        let changes = fields.back.into_iter().chain(fields.kept).collect();
        let reason = "written by the run, and archived since: it stays as it is";
        vec![step(Action::Review { changes }, reason)]
    }

    fn what_stays(&self, kept: Vec<Change>, mut stays: Vec<String>, asset: &Asset) -> Option<Step> {
        let written = self.written();
        for change in &kept {
            let later = written.and_then(|w| w.get(&change.field));
            let by = match later {
                Some(later) if same(Some(later), asset.fields.get(&change.field)) => "by a later run",
                _ => "by somebody",
            };
            stays.push(format!("{} was changed {by} since", change.field));
        }
        if stays.is_empty() {
            return None;
        }
        let reason = format!("stays as it is: {}", stays.join("; "));
        Some(step(Action::Review { changes: kept }, reason))
    }

    fn written(&self) -> Option<&model::Fields> {
        let subject = &self.done.operation.subject;
        let link = self.input.links.get(&(subject.kind, subject.source_id.clone()))?;
        Some(&link.written)
    }

    fn fields(&self, changes: &[Change], asset: &Asset) -> Fields {
        let mut fields = Fields::default();
        for change in changes {
            let now = asset.fields.get(&change.field);
            if same(now, Some(&change.before)) {
                continue;
            }
            let list = match same(now, Some(&change.after)) {
                true => &mut fields.back,
                false => &mut fields.kept,
            };
            list.push(Change {
                field: change.field.clone(),
                before: value_or_null(now),
                after: change.before.clone(),
            });
        }
        fields
    }

    /// Client and site go back together, since a site belongs to its client.
    fn moved(&self, moved: &Move, asset: &Asset) -> Moved {
        let mut found = Moved::default();
        let Some(before) = &moved.before else {
            let stays = "the plan was made by an earlier version, which did not note where the asset stood";
            found.stays.push(stays.to_owned());
            return found;
        };
        let mut back = Move::default();
        if moved.client.is_some() || moved.site.is_some() || moved.leaves_site {
            let stands = (Some(&asset.client), asset.site.as_ref());
            if stands == self.put(moved, before) {
                if asset.client != before.client {
                    back.client = Some(ClientTarget::Existing(before.client.clone()));
                }
                if asset.client != before.client || asset.site != before.site {
                    back.site = before.site.clone().map(SiteTarget::Existing);
                    back.leaves_site = before.site.is_none();
                }
            } else if stands != (Some(&before.client), before.site.as_ref()) {
                found.stays.push("it was moved on since".to_owned());
            }
        }
        if let Some(target) = &moved.asset_type
            && asset.asset_type != before.asset_type
        {
            let put = self.asset_type(target);
            match &before.asset_type {
                _ if asset.asset_type.as_ref() != put => {
                    found.stays.push("its type was changed since".to_owned())
                }
                Some(before) => back.asset_type = Some(TypeTarget::Existing(before.clone())),
                None => found
                    .stays
                    .push("it had no type before, and a type cannot be taken away".to_owned()),
            }
        }
        if back != Move::default() {
            back.before = Some(Place {
                client: asset.client.clone(),
                site: asset.site.clone(),
                asset_type: asset.asset_type.clone(),
            });
            found.back = Some(back);
        }
        found
    }

    /// Where the run put the asset, as far as that can be told.
    fn put<'b>(&'b self, moved: &'b Move, before: &'b Place) -> (Option<&'b RecordId>, Option<&'b RecordId>) {
        let client = match &moved.client {
            Some(client) => self.client(client),
            None => Some(&before.client),
        };
        match &moved.site {
            Some(SiteTarget::Existing(site)) => (client, Some(site)),
            // A site that is not known matches nothing.
            Some(SiteTarget::Of(location)) => match self.record(RecordKind::Site, location) {
                Some(site) => (client, Some(site)),
                None => (None, None),
            },
            None if moved.client.is_some() || moved.leaves_site => (client, None),
            None => (client, before.site.as_ref()),
        }
    }

    fn client<'b>(&'b self, target: &'b ClientTarget) -> Option<&'b RecordId> {
        match target {
            ClientTarget::Existing(client) => Some(client),
            ClientTarget::Of(organization) => self.record(RecordKind::Client, organization),
        }
    }

    fn asset_type<'b>(&'b self, target: &'b TypeTarget) -> Option<&'b RecordId> {
        match target {
            TypeTarget::Existing(asset_type) => Some(asset_type),
            TypeTarget::Of(role) => self.record(RecordKind::AssetType, role),
        }
    }
}

/// What would go back, where the destination changes no assets, or does not any more. A value that was updated can be put
/// back once it does; an adoption cannot, since its link is gone.
fn by_hand(changes: Vec<Change>, to: Option<&str>, asset: &Asset) -> Step {
    let to = to.map(|to| format!(" ({to})")).unwrap_or_default();
    let reason = format!(
        "written by the run; the destination cannot change assets, so asset {} stays as it is: put it back by hand{to}",
        asset.id
    );
    (Action::Review { changes }, reason, Some(Cause::ChangeByHand))
}

/// Where an asset would go back to, for people.
fn whither(back: &Move) -> String {
    let mut to = vec![];
    if let Some(ClientTarget::Existing(client)) = &back.client {
        to.push(format!("client {client}"));
    }
    match &back.site {
        Some(SiteTarget::Existing(site)) => to.push(format!("site {site}")),
        _ if back.leaves_site => to.push("no site".to_owned()),
        _ => {}
    }
    if let Some(TypeTarget::Existing(asset_type)) = &back.asset_type {
        to.push(format!("type {asset_type}"));
    }
    to.join(", ")
}
