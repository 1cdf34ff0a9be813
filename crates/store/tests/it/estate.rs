//! Connections, a bridge, and devices to pass over.

use model::{
    Bridge, BridgeId, BridgeSettings, Connection, ConnectionState, Location, Mapping, MatchingRules,
    NewOrganizations, Organization, RawDevice, Role, RunId, RunKind, Scope, SiteRule, SourceId, TypeRule,
};
use std::collections::BTreeMap;
use store::{NewConnection, Snapshot, Store};

/// A new connection without secrets.
pub async fn connection(store: &Store, kind: &str, name: &str) -> Connection {
    let new = NewConnection {
        kind: kind.to_owned(),
        name: name.to_owned(),
        state: ConnectionState::NeedsAuthorization,
        settings: serde_json::json!({"region": "eu"}),
        allow_private_hosts: false,
    };
    store.add_connection(new, &BTreeMap::new()).await.unwrap()
}

/// A new source.
pub async fn source(store: &Store) -> Connection {
    connection(store, "ninjaone", "NinjaOne").await
}

/// Settings with nothing mapped.
pub fn settings() -> BridgeSettings {
    BridgeSettings {
        matching: MatchingRules::default(),
        new_organizations: NewOrganizations::Ask,
        devices: true,
        scope: Scope::default(),
        asset_match_field: None,
        sites: SiteRule::None,
        types: TypeRule::default(),
        mapping: Mapping::default(),
        archive: None,
        brakes: model::Brakes::default(),
    }
}

/// A bridge between two new connections.
pub async fn bridge(store: &Store) -> Bridge {
    let source = source(store).await;
    let destination = connection(store, "registry", "Registry").await;
    store
        .add_bridge("main", &source.id, &destination.id, "humanizeit", settings())
        .await
        .unwrap()
}

/// A run that applies some plan of the bridge.
pub async fn run(store: &Store, bridge: &BridgeId, plan: &str) -> RunId {
    let kind = RunKind::Apply {
        bridge: bridge.clone(),
        plan: plan.into(),
    };
    store
        .begin_run(kind, "console:test", "a holder")
        .await
        .unwrap()
        .id
}

/// A device of organization `organization` whose raw text is `raw`, seen `contact` seconds after 1970.
pub fn device_seen(id: u32, organization: &str, raw: &str, contact: Option<i64>) -> RawDevice {
    // The texts of these tests differ in their first bytes or in nothing.
    let mut digest = [0_u8; 32];
    for (place, byte) in raw.bytes().take(100).enumerate() {
        let cell = &mut digest[place % 32];
        *cell = cell.wrapping_mul(31).wrapping_add(byte);
    }
    RawDevice {
        id: id.to_string().into(),
        uid: Some(format!("uid-{id}")),
        organization: organization.into(),
        raw: raw.into(),
        digest,
        last_contact: contact.map(|at| jiff::Timestamp::from_second(at).unwrap()),
    }
}

/// A device that was in touch lately.
pub fn device(id: u32, organization: &str, raw: &str) -> RawDevice {
    device_seen(id, organization, raw, Some(1_768_000_000))
}

/// An organization.
pub fn organization(id: &str, name: &str) -> Organization {
    Organization {
        id: id.into(),
        name: name.to_owned(),
        description: None,
    }
}

/// A location.
pub fn location(id: &str, organization: &str, name: &str) -> Location {
    Location {
        id: id.into(),
        organization: organization.into(),
        name: name.to_owned(),
    }
}

/// Organizations 1 and 2.
pub fn organizations() -> Vec<Organization> {
    vec![organization("1", "Zeta Works"), organization("2", "Alpha Dental")]
}

/// One location of each.
pub fn locations() -> Vec<Location> {
    vec![
        location("11", "1", "Head office"),
        location("21", "2", "Practice"),
    ]
}

/// One role.
pub fn roles() -> Vec<Role> {
    vec![Role {
        id: "5".into(),
        name: "Windows Server".to_owned(),
    }]
}

/// One complete pass over the whole account that meets these devices.
pub async fn pass(
    store: &Store,
    connection: &Connection,
    devices: impl IntoIterator<Item = RawDevice>,
) -> Snapshot {
    let mut writer = store.begin_snapshot(&connection.id, None).await.unwrap();
    for device in devices {
        writer.device(device).await.unwrap();
    }
    writer
        .finish(&organizations(), &locations(), &roles(), 7)
        .await
        .unwrap()
}

/// The raw text stored of a device.
pub async fn raw(store: &Store, connection: &Connection, id: &str) -> String {
    store
        .device(&connection.id, &SourceId::from(id))
        .await
        .unwrap()
        .unwrap()
        .raw
}
