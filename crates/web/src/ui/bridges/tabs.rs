//! What all pages of a bridge share: where it leads from and to, how old its data is, and its tabs.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::time::When;
use crate::ui::{Frame, Section};
use engine::bridges::BridgeDetail;
use model::{ActorRole, BridgeId, ConnectionState};

/// A page of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Which organization is which client.
    Clients,
    /// Which part of a device goes into which field.
    Fields,
    /// Which devices come, and as what.
    Types,
    /// What would be written.
    Plan,
    /// What was written, and taken back.
    Runs,
    /// What waits for a person.
    Questions,
    /// Where the two sides differ.
    Differences,
    /// How it works.
    Settings,
}

/// The pages there are, in their order: which, what people see, and its address below the bridge's. One line a page.
const TABS: [(Tab, &str, &str); 8] = [
    (Tab::Clients, "Clients", "clients"),
    (Tab::Fields, "Fields", "fields"),
    (Tab::Types, "Types", "types"),
    (Tab::Plan, "Plan", "plan"),
    (Tab::Runs, "Runs", "runs"),
    (Tab::Questions, "Questions", "questions"),
    (Tab::Differences, "Differences", "differences"),
    (Tab::Settings, "Settings", "settings"),
];

/// The page one comes to first.
pub const FIRST: Tab = TABS[0].0;

/// What stands above every page of a bridge. Its template extends `bridges/bridge.html` and has it as `head`.
#[derive(Clone, Debug)]
pub struct Head {
    /// The bridge.
    pub id: String,
    /// The name of its source.
    pub source: String,
    /// The address of its source's page.
    pub source_address: String,
    /// Whether the source can be read as it stands.
    pub source_usable: bool,
    /// The name of its destination.
    pub destination: String,
    /// Why its schedule is paused.
    pub paused: Option<String>,
    /// When its source was last read; `None` before the first time.
    pub read: Option<When>,
    /// How many devices that brought.
    pub devices: u64,
    /// Whether this person may have it read.
    pub may_read: bool,
    /// Tells one press of a button from another, so that a double click is one.
    pub once: i64,
    /// Its pages: label, address, whether it is this one.
    pub tabs: Vec<(&'static str, String, bool)>,
}

/// The address of a bridge's page.
pub fn address(bridge: &BridgeId, tab: Tab) -> String {
    let word = TABS
        .iter()
        .find(|(of, _, _)| *of == tab)
        .map_or("settings", |(_, _, word)| word);
    format!("/bridges/{bridge}/{word}")
}

impl Head {
    /// The bridge of that id with its head, for the page `tab`.
    ///
    /// # Errors
    /// When there is no such bridge, or the store fails.
    pub async fn of(
        web: &Web,
        signed_in: &SignedIn,
        id: &BridgeId,
        tab: Tab,
    ) -> Result<(BridgeDetail, Self)> {
        let detail = web.engine.bridge_detail(&signed_in.actor, id).await?;
        let now = web.engine.clock().now();
        let tabs = TABS
            .iter()
            .map(|(of, label, _)| (*label, address(id, *of), *of == tab));
        let head = Self {
            id: id.to_string(),
            source: detail.source.name.clone(),
            source_address: format!("/connections/{}", detail.source.id),
            source_usable: detail.source.state == ConnectionState::Connected,
            destination: detail.destination.name.clone(),
            paused: detail.bridge.paused.clone(),
            read: detail.read.as_ref().map(|read| When::new(read.finished, now)),
            devices: detail.read.as_ref().map_or(0, |read| read.devices),
            may_read: signed_in.may(ActorRole::Technician),
            once: now.as_microsecond(),
            tabs: tabs.collect(),
        };
        Ok((detail, head))
    }
}

impl SignedIn {
    /// The frame of a page of a bridge.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn bridge_frame(&self, detail: &BridgeDetail) -> Result<Frame> {
        self.frame(detail.bridge.name.clone(), Section::Overview).await
    }
}
