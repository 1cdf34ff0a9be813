//! What is around every page: navigation, who is signed in, colours, what was just done.

use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::{Flash, Theme};
use engine::auditing::BrokenLog;
use model::{ActorRole, WritePause};

/// A part of the program in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// How everything stands.
    Overview,
    /// Whose machines there are.
    Clients,
    /// The machines.
    Assets,
    /// The outside systems.
    Connections,
    /// What was read and written.
    Runs,
    /// One's own account, people, keys, the hub.
    Settings,
}

/// A line of the navigation.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which part.
    pub section: Section,
    /// What people see.
    pub label: &'static str,
    /// Where it is.
    pub path: &'static str,
    /// Its icon (`icon.rs`).
    pub icon: &'static str,
    /// Who sees it.
    pub role: ActorRole,
}

/// The navigation, in this order.
const NAVIGATION: [Entry; 6] = [
    Entry {
        section: Section::Overview,
        label: "Overview",
        path: "/",
        icon: "overview",
        role: ActorRole::Viewer,
    },
    Entry {
        section: Section::Clients,
        label: "Clients",
        path: "/clients",
        icon: "clients",
        role: ActorRole::Viewer,
    },
    Entry {
        section: Section::Assets,
        label: "Assets",
        path: "/assets",
        icon: "device",
        role: ActorRole::Viewer,
    },
    Entry {
        section: Section::Connections,
        label: "Connections",
        path: "/connections",
        icon: "plug",
        role: ActorRole::Viewer,
    },
    Entry {
        section: Section::Runs,
        label: "Runs",
        path: "/runs",
        icon: "runs",
        role: ActorRole::Viewer,
    },
    Entry {
        section: Section::Settings,
        label: "Settings",
        path: "/settings",
        icon: "settings",
        role: ActorRole::Viewer,
    },
];

/// What is around a page. A page's template has it as `frame` and extends `frame.html`.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The page's heading, and the window's title.
    pub title: String,
    /// The part of the program it is in.
    pub section: Section,
    /// Who is signed in.
    pub person: String,
    /// What they may do, in a word.
    pub role: &'static str,
    /// Their colours.
    pub theme: Theme,
    /// What was just done.
    pub flash: Option<Flash>,
    /// The address of this page.
    pub asked: String,
    /// Why nothing is written, while all writes are paused.
    pub paused: Option<WritePause>,
    /// What is wrong with the audit log, where it was found broken.
    pub broken_log: Option<BrokenLog>,
    /// Whether they may look at the audit log.
    pub sees_log: bool,
    navigation: Vec<Entry>,
}

impl Frame {
    /// The navigation as this person sees it.
    pub fn navigation(&self) -> &[Entry] {
        &self.navigation
    }

    /// Whether this is the part one is in.
    pub fn is_in(&self, entry: &Entry) -> bool {
        entry.section == self.section
    }

    /// What stands in the mark of the person: the first letter of their name.
    pub fn initial(&self) -> String {
        self.person.chars().take(1).flat_map(char::to_uppercase).collect()
    }
}

impl SignedIn {
    /// What they may do, in a word.
    pub fn role_in_words(&self) -> &'static str {
        role_in_words(self.person.role)
    }

    /// The frame of a page for this person.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn frame(&self, title: impl Into<String>, section: Section) -> Result<Frame> {
        Ok(Frame {
            title: title.into(),
            section,
            person: self.person.name.clone(),
            role: role_in_words(self.person.role),
            theme: self.theme,
            flash: self.take_flash().await?,
            asked: self.asked.clone(),
            paused: self.paused.clone(),
            broken_log: self.broken_log.clone(),
            sees_log: self.may(ActorRole::Owner),
            navigation: NAVIGATION.into_iter().filter(|e| self.may(e.role)).collect(),
        })
    }
}

/// A role as people call it.
pub fn role_in_words(role: ActorRole) -> &'static str {
    match role {
        ActorRole::Owner => "Owner",
        ActorRole::Technician => "Technician",
        ActorRole::Viewer => "Viewer",
    }
}

/// A page of ours to go back to: an address that leads elsewhere leads home.
pub fn back_to(address: &str) -> &str {
    let ours =
        address.starts_with('/') && !address.starts_with("//") && !address.contains(['\\', '\r', '\n', '\t']);
    if ours { address } else { "/" }
}
