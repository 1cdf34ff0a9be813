//! The template of asset documents.
//!
//! Where a field stands is known of those that live accounts showed filled in; the others are known by name and put in
//! the places between, which is made up.

/// Its id.
pub(super) const ID: u32 = 59;
/// Its name.
pub(super) const NAME: &str = "Asset";

/// Every field by its position.
pub(super) const FIELDS: [&str; 35] = [
    "Name",
    "Type",
    "Status",
    "Assigned User",
    "Purchased By",
    "Asset Tag",
    "Platform",
    "OS Notes",
    "Serial Number",
    "Model",
    "Manufacturer",
    "Purchase Date",
    "Expiration Date",
    "Location",
    "Install Date",
    "Installed By",
    "Remote Launch URL",
    "Notes",
    "Warranty",
    "Hostname",
    "Primary IP",
    "MAC Address",
    "Default Gateway",
    "Domain",
    "Operating System",
    "Service Pack",
    "Processor",
    "Memory",
    "Storage",
    "Portal URL",
    "Antivirus",
    "ID",
    "Integration Type",
    "Last Logged in User",
    "Last Seen",
];

/// Fields that link to another document.
pub(super) const LINKS: [(u8, &str); 2] = [(10, "vendors"), (13, "locations")];

/// The name a field goes by in a document.
pub(super) fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "_")
}

/// The position a key of a body stands for: a number, or a name.
pub(super) fn position(key: &str) -> Option<u8> {
    if let Ok(position) = key.parse::<u8>() {
        return (usize::from(position) < FIELDS.len()).then_some(position);
    }
    let found = FIELDS.iter().position(|name| slug(name) == key)?;
    u8::try_from(found).ok()
}
