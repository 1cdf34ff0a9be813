//! The source port.

use crate::client::Client;
use crate::convert;
use crate::digest::VOLATILE;
use crate::rows::rows;
use crate::wire::{self, Listed};
use crate::{check, reader};
use async_trait::async_trait;
use connect::{
    CheckPoint, Converted, DevicePage, DevicesRead, DevicesRequest, Error, GrantStore, Kind, Source,
};
use model::{Location, Organization, Role, SourceId};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many ids go into one `df=id in (…)`: the URL stays below 2 KiB.
const IDS_AT_ONCE: usize = 100;

/// NinjaOne, API v2, as a source.
pub struct NinjaOneSource {
    /// Speaks to the tenant.
    pub client: Arc<Client>,
    /// Where the grant is kept; the check looks at its scopes.
    pub grants: Arc<dyn GrantStore>,
}

#[async_trait]
impl Source for NinjaOneSource {
    async fn organizations(&self) -> Result<Vec<Organization>, Error> {
        typed(
            "organization",
            self.client.list("organizations", "/organizations").await?,
            wire::organization,
        )
    }

    async fn locations(&self) -> Result<Vec<Location>, Error> {
        typed(
            "location",
            self.client.list("locations", "/locations").await?,
            wire::location,
        )
    }

    async fn roles(&self) -> Result<Vec<Role>, Error> {
        typed(
            "role",
            self.client.whole_list("roles", "/roles").await?,
            wire::role,
        )
    }

    async fn devices(
        &self,
        request: DevicesRequest,
        pages: mpsc::Sender<DevicePage>,
    ) -> Result<DevicesRead, Error> {
        reader::read(self.client.clone(), request, pages).await
    }

    async fn device_uids(&self, ids: &[SourceId]) -> Result<BTreeMap<SourceId, String>, Error> {
        let wanted: BTreeSet<u64> = ids
            .iter()
            .filter_map(|id| id.as_str().parse().ok())
            .filter(|id| *id > 0)
            .collect();
        let wanted: Vec<u64> = wanted.into_iter().collect();
        let mut uids = BTreeMap::new();
        for chunk in wanted.chunks(IDS_AT_ONCE) {
            self.uids(chunk, &mut uids).await?;
        }
        Ok(uids)
    }

    fn document(&self, raw: &str) -> Result<Converted, Error> {
        convert::document(raw)
    }

    fn volatile(&self) -> &'static [&'static str] {
        VOLATILE
    }

    async fn check(&self) -> Vec<CheckPoint> {
        check::check(&self.client, self.grants.as_ref()).await
    }

    fn device_url(&self, id: &SourceId) -> Option<String> {
        Some(self.client.config.page(&format!("deviceDashboard/{id}/overview")))
    }

    fn organization_url(&self, id: &SourceId) -> Option<String> {
        Some(
            self.client
                .config
                .page(&format!("customerDashboard/{id}/overview")),
        )
    }
}

impl NinjaOneSource {
    /// The uids of a few devices. If the filter is ignored, other devices come too; then each id is asked for by its
    /// place in the list.
    async fn uids(&self, ids: &[u64], uids: &mut BTreeMap<SourceId, String>) -> Result<(), Error> {
        let Some(first) = ids.first() else { return Ok(()) };
        let wanted: HashSet<u64> = ids.iter().copied().collect();
        let list: Vec<_> = ids.iter().map(u64::to_string).collect();
        let filter = Some(format!("id in ({})", list.join(",")));
        let page = match self.devices_after(first - 1, ids.len(), filter).await {
            Err(error) if error.kind == Kind::Invalid => vec![],
            page => page?,
        };
        let foreign = page.iter().any(|(id, _)| !wanted.contains(id));
        let found: HashSet<u64> = page.iter().map(|(id, _)| *id).collect();
        let mut keep = |page: Vec<(u64, Option<String>)>| {
            let known = page.into_iter().filter(|(id, _)| wanted.contains(id));
            uids.extend(known.filter_map(|(id, uid)| Some((SourceId(id.to_string()), uid?))));
        };
        keep(page);
        if foreign || found.is_empty() {
            for id in ids.iter().filter(|id| !found.contains(id)) {
                keep(self.devices_after(id - 1, 1, None).await?);
            }
        }
        Ok(())
    }

    async fn devices_after(
        &self,
        after: u64,
        count: usize,
        df: Option<String>,
    ) -> Result<Vec<(u64, Option<String>)>, Error> {
        let doing = format!("reading the uids of {count} devices from id {}", after + 1);
        let mut query = vec![("pageSize", count.to_string()), ("after", after.to_string())];
        query.extend(df.map(|df| ("df", df)));
        let none = Default::default();
        let stable = crate::digest::Stable::without(&BTreeSet::new());
        let page = self
            .client
            .get_parsed(&doing, "/devices", &query, |body| rows(body, &none, &stable))
            .await?;
        Ok(page
            .into_iter()
            .filter_map(|row| Some((row.id?, row.device.ok().and_then(|device| device.uid))))
            .collect())
    }
}

/// A list without exception: one record that cannot be read would leave a gap in it.
fn typed<T>(what: &str, list: Vec<Listed>, read: fn(&str) -> Result<T, String>) -> Result<Vec<T>, Error> {
    list.iter()
        .map(|record| {
            read(&record.text).map_err(|problem| {
                let which = record
                    .id
                    .map_or_else(|| "without a readable id".to_owned(), |id| id.to_string());
                Error::new(
                    Kind::Protocol,
                    format!("reading {what} {which}"),
                    format!("its {problem}"),
                )
                .advise(format!(
                    "Look at the {what} in NinjaOne; without it the list would have a gap"
                ))
            })
        })
        .collect()
}
