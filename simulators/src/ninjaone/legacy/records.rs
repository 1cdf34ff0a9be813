//! Customers and devices as API v1 writes them.

use serde_json::{Map, Value, json};

use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::device::{Approval, Device};
use crate::ninjaone::estate::hardware;
use crate::ninjaone::estate::kind::Kind;
use crate::ninjaone::estate::organization::Organization;
use crate::ninjaone::tenant::Tenant;

/// `{id, name, description}`
pub(super) fn customer(one: &Organization) -> Value {
    json!({ "id": one.id, "name": one.name, "description": one.description })
}

/// Writes devices of one estate.
pub(super) struct Writer<'a> {
    pub tenant: &'a Tenant,
    pub estate: &'a Estate,
}

impl Writer<'_> {
    /// A device, if it is let in and of a type API v1 knows.
    pub fn device(&self, device: &Device) -> Option<Value> {
        if device.approval != Approval::Approved {
            return None;
        }
        let (kind, sub_kind) = kind_of(device.kind)?;
        let customer = self.estate.organization(device.organization)?;
        let mut json = Map::new();
        json.insert("id".to_owned(), device.id.into());
        json.insert("type".to_owned(), kind.into());
        json.insert("sub_type".to_owned(), sub_kind.into());
        if kind != "MONITOR_SERVER" {
            json.insert("role".to_owned(), device.kind.node_class().into());
        }
        let customer = json!({ "id": customer.id, "name": customer.name });
        json.insert("customer".to_owned(), customer);
        json.insert("display_name".to_owned(), device.shown_name().into());
        if device.kind.is_agent() && !device.lacks.system {
            json.insert("system".to_owned(), self.system(device));
        }
        let quirks = &self.tenant.quirks;
        if let Some(name) = &quirks.v1_dashboard_field {
            let url = format!(
                "{}/#/deviceDashboard/{}/overview",
                self.tenant.base_url, device.id
            );
            json.insert(name.clone(), url.into());
        }
        if quirks.v1_remote_control && device.kind.is_agent() {
            // A link with a token of its own, only while the integration is active.
            let url = format!("https://remote.example.test/s/{:016x}", device.seed);
            json.insert("remote_control_url".to_owned(), url.into());
        }
        Some(Value::Object(json))
    }

    fn system(&self, device: &Device) -> Value {
        let chassis = hardware::chassis(device);
        let mut system = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                system.insert(name.to_owned(), value.into());
            }
        };
        put("manufacturer", Some(chassis.manufacturer));
        put("name", Some(&device.system_name));
        put("model", Some(chassis.model));
        put("dns_host_name", Some(&device.system_name));
        put("bios_serial_number", chassis.bios_serial.as_deref());
        put("serial_number", chassis.serial.as_deref());
        let organization = self.estate.organization(device.organization);
        let domain = organization
            .map(|one| one.domain.as_str())
            .filter(|_| device.kind.is_windows() && !device.seed.is_multiple_of(5));
        put("domain", domain);
        Value::Object(system)
    }
}

/// `type` and `sub_type`.
fn kind_of(kind: Kind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        Kind::NmsServer => ("NMS_SERVER", "NMS_SERVER"),
        _ if kind.is_agent() => ("AGENT", "AGENT_GENERIC"),
        _ if kind.is_network_target() => ("NMS_TARGET", kind.node_class()),
        Kind::CloudPing => ("MONITOR_SERVER", "PING"),
        Kind::CloudHttp => ("MONITOR_SERVER", "HTTP"),
        Kind::CloudDns => ("MONITOR_SERVER", "DNS"),
        Kind::CloudPort => ("MONITOR_SERVER", "PORT_SCAN"),
        Kind::CloudEmail => ("MONITOR_SERVER", "EMAIL"),
        _ => return None,
    })
}
