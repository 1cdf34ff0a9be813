//! The source port on API v1.
//!
//! Lists are given ten times in ten minutes and come whole, so one read asks twice: customers, devices. What else the
//! engine wants to know (roles) is taken from the same list of devices.

use super::check;
use super::client::Client;
use super::convert::{self, VOLATILE};
use crate::wire::{self, Listed};
use async_trait::async_trait;
use connect::{
    CheckPoint, Converted, DevicePage, DevicesRead, DevicesRequest, Error, Kind, Source, Unreadable,
};
use model::{Location, Organization, RawDevice, Role, SourceId};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::{OnceCell, mpsc};

/// Devices handed over at a time.
const PAGE: usize = 500;

/// NinjaRMM, API v1, as a source.
pub struct NinjaRmmSource {
    client: Client,
    /// The list of devices as it came, asked for once in the life of this source.
    list: OnceCell<Vec<u8>>,
}

impl NinjaRmmSource {
    /// A source that has read nothing yet.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            list: OnceCell::new(),
        }
    }

    /// How many devices there are.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn count(&self) -> Result<usize, Error> {
        Ok(self.all(&BTreeSet::new()).await?.len())
    }

    async fn list(&self) -> Result<&[u8], Error> {
        let read = async || {
            let parse = |body: &[u8]| wire::elements(body).map(|_| body.to_vec());
            self.client.list("reading devices", "/v1/devices", parse).await
        };
        Ok(self.list.get_or_try_init(read).await?)
    }

    async fn all(&self, in_use: &BTreeSet<String>) -> Result<Vec<Result<RawDevice, Unreadable>>, Error> {
        let list = self.list().await?;
        convert::devices(list, in_use)
            .map_err(|problem| Error::new(Kind::Protocol, "reading devices", problem))
    }
}

#[async_trait]
impl Source for NinjaRmmSource {
    async fn organizations(&self) -> Result<Vec<Organization>, Error> {
        let list = self
            .client
            .list("reading customers", "/v1/customers", wire::listed)
            .await?;
        list.iter().map(customer).collect()
    }

    /// API v1 knows none.
    async fn locations(&self) -> Result<Vec<Location>, Error> {
        Ok(vec![])
    }

    async fn roles(&self) -> Result<Vec<Role>, Error> {
        Ok(convert::roles(&self.all(&BTreeSet::new()).await?))
    }

    async fn devices(
        &self,
        request: DevicesRequest,
        pages: mpsc::Sender<DevicePage>,
    ) -> Result<DevicesRead, Error> {
        let before = self.client.http.requests();
        let asked = self.list.initialized();
        let mut page = DevicePage::default();
        let mut devices = 0;
        for device in self.all(&request.volatile_in_use).await? {
            match device {
                Ok(device)
                    if request
                        .organization
                        .as_ref()
                        .is_some_and(|o| *o != device.organization) =>
                {
                    continue;
                }
                Ok(device) => page.devices.push(device),
                Err(unreadable) => page.unreadable.push(unreadable),
            }
            devices += 1;
            if page.devices.len() + page.unreadable.len() >= PAGE {
                send(&pages, std::mem::take(&mut page)).await?;
            }
        }
        if !(page.devices.is_empty() && page.unreadable.is_empty()) {
            send(&pages, page).await?;
        }
        Ok(DevicesRead {
            devices,
            // The list may have been asked for already, on behalf of the roles.
            requests: self.client.http.requests().saturating_sub(before) + u64::from(asked),
        })
    }

    /// API v1 knows no uids: one tenant is told from another by its customers' names.
    async fn device_uids(&self, _ids: &[SourceId]) -> Result<BTreeMap<SourceId, String>, Error> {
        Ok(BTreeMap::new())
    }

    fn document(&self, raw: &str) -> Result<Converted, Error> {
        convert::document(raw)
    }

    fn volatile(&self) -> &'static [&'static str] {
        VOLATILE
    }

    async fn check(&self) -> Vec<CheckPoint> {
        check::check(&self.client, self).await
    }

    fn device_url(&self, id: &SourceId) -> Option<String> {
        Some(format!(
            "{}#/deviceDashboard/{id}/overview",
            self.client.config.pages
        ))
    }

    fn organization_url(&self, id: &SourceId) -> Option<String> {
        Some(format!(
            "{}#/customerDashboard/{id}/overview",
            self.client.config.pages
        ))
    }
}

async fn send(pages: &mpsc::Sender<DevicePage>, page: DevicePage) -> Result<(), Error> {
    pages.send(page).await.map_err(|_| {
        let what = "nobody takes the devices any more; the read was stopped";
        Error::new(Kind::Storage, "reading devices", what)
    })
}

/// A list without exception: one record that cannot be read would leave a gap in it.
fn customer(record: &Listed) -> Result<Organization, Error> {
    wire::organization(&record.text).map_err(|problem| {
        let which = record
            .id
            .map_or_else(|| "without a readable id".to_owned(), |id| id.to_string());
        Error::new(
            Kind::Protocol,
            format!("reading customer {which}"),
            format!("its {problem}"),
        )
        .advise("Look at the customer in NinjaRMM; without it the list would have a gap")
    })
}
