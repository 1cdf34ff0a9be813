//! Where a device's asset belongs, and what that place needs first.

use super::{ClientPlan, is_existing};
use crate::named::News;
use crate::planner::ignored_by;
use model::operation::Move;
use model::{
    Action, Asset, Cause, DeviceProjection, LinkBefore, Location, RecordKind, Role, SiteDraft, SiteRule,
    SiteTarget, Subject, TypeTarget,
};

/// Where a device's asset belongs.
pub(crate) struct Place {
    pub(crate) site: Option<SiteTarget>,
    pub(crate) asset_type: Option<TypeTarget>,
}

impl<'i> ClientPlan<'_, '_, 'i> {
    /// Where the device belongs, with the operations that place needs first.
    pub(crate) fn place(&mut self, device: &DeviceProjection) -> Place {
        let asset_type = self.role(device).and_then(|role| {
            let (target, operation) = self.planner.asset_type(role);
            self.operations.extend(operation);
            target
        });
        let site = self.location(device).and_then(|location| self.site(location));
        Place { site, asset_type }
    }

    /// The same with no operations, for an asset that cannot be put there.
    fn place_seen(&self, device: &DeviceProjection) -> Place {
        Place {
            site: self
                .location(device)
                .and_then(|location| self.site_seen(location)),
            asset_type: self
                .role(device)
                .and_then(|role| self.planner.asset_type_seen(role)),
        }
    }

    /// The device's role, where that becomes an asset type.
    fn role<'d>(&self, device: &'d DeviceProjection) -> Option<&'d Role> {
        device.role.as_ref().filter(|_| self.input.can.asset_types)
    }

    /// The device's location, where that becomes a site.
    fn location(&self, device: &DeviceProjection) -> Option<&'i Location> {
        match self.planner.input.settings.sites {
            SiteRule::None => None,
            SiteRule::SameName if !self.input.can.sites => None,
            SiteRule::SameName => self.locations.get(device.location.as_ref()?).copied(),
        }
    }

    fn site_seen(&self, location: &Location) -> Option<SiteTarget> {
        let decided = self.planner.input.decided;
        if decided.ignored(RecordKind::Site, &location.id).is_some() {
            return None;
        }
        let link = self.input.site_links.get(&location.id);
        let settled = self.sites.seen(&location.id, &location.name, link);
        settled.target(SiteTarget::Existing, SiteTarget::Of)
    }

    fn site(&mut self, location: &'i Location) -> Option<SiteTarget> {
        let subject = || Subject {
            kind: RecordKind::Site,
            source_id: location.id.clone(),
            label: location.name.clone(),
        };
        let decided = self.planner.input.decided;
        if let Some(ignored) = decided.ignored(RecordKind::Site, &location.id) {
            if self.ignored_sites.insert(&location.id) {
                let reason = ignored_by(ignored);
                let label = &self.input.label;
                let skip =
                    self.planner
                        .operation(label, subject(), Action::Skip, reason, Some(Cause::Ignored));
                self.operations.push(skip);
            }
            return None;
        }
        let link = self.input.site_links.get(&location.id);
        let (settled, news) = self.sites.settle(&location.id, &location.name, link);
        let review = Action::Review { changes: vec![] };
        let said = match news {
            News::None => None,
            News::Link(record) => Some((
                Action::Link {
                    record,
                    changes: vec![],
                    before: Some(LinkBefore::default()),
                },
                "the site has the location's name".to_owned(),
                None,
            )),
            News::Create => {
                let draft = SiteDraft {
                    client: self.input.target.clone(),
                    name: location.name.trim().to_owned(),
                };
                Some((
                    Action::CreateSite(draft),
                    "devices at this location need a site".to_owned(),
                    None,
                ))
            }
            News::Gone(record) => Some((
                review,
                format!(
                    "it was linked to site {record}, which this client no longer has; choose another, or create it anew"
                ),
                Some(Cause::RecordGone),
            )),
            News::Several(n) => Some((
                review,
                format!("{n} sites of this client have this name; say which one the location is"),
                Some(Cause::SeveralNamed),
            )),
        };
        if let Some((action, reason, cause)) = said {
            let operation = self
                .planner
                .operation(&self.input.label, subject(), action, reason, cause);
            self.operations.push(operation);
        }
        settled.target(SiteTarget::Existing, SiteTarget::Of)
    }

    /// What of an asset's place differs from its device's, with the operations that place needs first; what is not
    /// known stays.
    pub(crate) fn moved(&mut self, asset: &Asset, device: &DeviceProjection) -> Option<Move> {
        // A site or a type that no asset can be put into would stand empty.
        let place = match self.input.can.update {
            true => self.place(device),
            false => self.place_seen(device),
        };
        let elsewhere = !is_existing(&self.input.target, &asset.client);
        let stands = asset.site.clone().map(SiteTarget::Existing);
        let is = asset.asset_type.clone().map(TypeTarget::Existing);
        let moved = Move {
            client: elsewhere.then(|| self.input.target.clone()),
            // Whoever leaves the client leaves its site, so a new client always comes with its site.
            site: place
                .site
                .filter(|site| elsewhere || stands.as_ref() != Some(site)),
            asset_type: place
                .asset_type
                .filter(|asset_type| is.as_ref() != Some(asset_type)),
            ..Move::default()
        };
        (moved != Move::default()).then(|| Move {
            before: Some(model::Place {
                client: asset.client.clone(),
                site: asset.site.clone(),
                asset_type: asset.asset_type.clone(),
            }),
            ..moved
        })
    }
}
