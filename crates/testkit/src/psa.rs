//! A PSA that is a source as well: machines somebody entered there by hand, each at a customer. Kept in memory, so that a
//! test can tell what was read of it.

use async_trait::async_trait;
use connect::{
    CheckPoint, Connector, Converted, DevicePage, DevicesRead, DevicesRequest, Error, Kind, OpenContext,
    Secrets, Setting, SettingProblem, Source,
};
use model::{Location, Organization, RawDevice, Role, SourceId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The stored name.
pub const KIND: &str = "testpsa";

/// A PSA with its customers and their machines.
#[derive(Clone, Debug, Default)]
pub struct TestPsa(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    customers: Vec<Organization>,
    /// Number, customer, name, serial number.
    machines: Vec<(u32, SourceId, String, String)>,
    reads: Vec<Option<SourceId>>,
}

impl TestPsa {
    /// A PSA with these customers, each with the names of its machines.
    pub fn with(customers: &[(&str, &[&str])]) -> Self {
        let psa = Self::default();
        {
            let mut kept = psa.kept();
            for (number, (name, machines)) in customers.iter().enumerate() {
                let id: SourceId = format!("{}", number + 1).into();
                kept.customers.push(Organization {
                    id: id.clone(),
                    name: (*name).to_owned(),
                    description: None,
                });
                for machine in *machines {
                    let number = u32::try_from(kept.machines.len()).unwrap_or(u32::MAX) + 1;
                    let serial = format!("PSA-{number:05}");
                    kept.machines
                        .push((number, id.clone(), (*machine).to_owned(), serial));
                }
            }
        }
        psa
    }

    /// Whose machines were read so far; `None` stands for everybody's.
    pub fn reads(&self) -> Vec<Option<SourceId>> {
        self.kept().reads.clone()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector for TestPsa {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn label(&self) -> &'static str {
        "Test PSA"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn validate(
        &self,
        _settings: &Value,
        _secrets: &Secrets,
        _allow_private_hosts: bool,
    ) -> Result<(), Vec<SettingProblem>> {
        Ok(())
    }

    fn is_source(&self) -> bool {
        true
    }

    fn is_destination(&self) -> bool {
        true
    }

    fn source(&self, _cx: &OpenContext) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Source for TestPsa {
    async fn organizations(&self) -> Result<Vec<Organization>, Error> {
        Ok(self.kept().customers.clone())
    }

    async fn locations(&self) -> Result<Vec<Location>, Error> {
        Ok(Vec::new())
    }

    async fn roles(&self) -> Result<Vec<Role>, Error> {
        Ok(Vec::new())
    }

    async fn devices(
        &self,
        request: DevicesRequest,
        pages: mpsc::Sender<DevicePage>,
    ) -> Result<DevicesRead, Error> {
        let devices: Vec<RawDevice> = {
            let mut kept = self.kept();
            kept.reads.push(request.organization.clone());
            let wanted = |of: &SourceId| request.organization.as_ref().is_none_or(|only| only == of);
            let machines = kept.machines.iter().filter(|machine| wanted(&machine.1));
            machines
                .map(|(number, of, name, serial)| raw(*number, of, name, serial))
                .collect()
        };
        let read = DevicesRead {
            devices: devices.len() as u64,
            requests: 1,
        };
        let page = DevicePage {
            devices,
            unreadable: Vec::new(),
        };
        let told = pages.send(page).await;
        told.map(|()| read).map_err(|_| {
            Error::new(
                Kind::Unavailable,
                "reading the test PSA's machines",
                "nobody listens any more",
            )
        })
    }

    async fn device_uids(&self, ids: &[SourceId]) -> Result<BTreeMap<SourceId, String>, Error> {
        Ok(ids.iter().map(|id| (id.clone(), uid(id.as_str()))).collect())
    }

    fn document(&self, raw: &str) -> Result<Converted, Error> {
        let document = serde_json::from_str(raw).map_err(|error| {
            Error::new(
                Kind::Protocol,
                "reading a machine of the test PSA",
                error.to_string(),
            )
        })?;
        Ok(Converted {
            document,
            faults: Vec::new(),
        })
    }

    fn volatile(&self) -> &'static [&'static str] {
        &[]
    }

    async fn check(&self) -> Vec<CheckPoint> {
        vec![CheckPoint::passed("It answers", "kept in memory")]
    }

    fn device_url(&self, _id: &SourceId) -> Option<String> {
        None
    }

    fn organization_url(&self, _id: &SourceId) -> Option<String> {
        None
    }
}

fn uid(number: &str) -> String {
    format!("psa-machine-{number}")
}

fn raw(number: u32, of: &SourceId, name: &str, serial: &str) -> RawDevice {
    let document = json!({
        "id": number, "uid": uid(&number.to_string()), "organizationId": of, "approvalStatus": "APPROVED",
        "systemName": name, "displayName": name,
        "system": { "serialNumber": serial, "manufacturer": "By hand", "model": "Entered in the PSA" },
    });
    let text = document.to_string();
    let mut digest = [0; 32];
    for (part, bytes) in digest.chunks_exact_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (part, &text).hash(&mut hasher);
        bytes.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    RawDevice {
        id: number.to_string().into(),
        uid: Some(uid(&number.to_string())),
        organization: of.clone(),
        raw: text.into_boxed_str(),
        digest,
        last_contact: None,
    }
}
