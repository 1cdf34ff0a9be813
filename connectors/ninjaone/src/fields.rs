//! The device document: every part with its type, meaning and an example. `docs/device-document.md` shows the same
//! table, and a test holds the two together.
//!
//! Names and shapes are those of NinjaOne's published API v2 document (`Device` with the sub-types its
//! `deviceType` selects, and `NodeReferences`, whose members stand at the top here).

use Shape::{Any, Boolean, Bytes, Date, Hertz, Instant, Integer, List, Object, Text};

/// The type of a part of the document.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A whole number of bytes, not negative.
    Bytes,
    /// A whole number of hertz, not negative.
    Hertz,
    /// True or false.
    Boolean,
    /// An instant; NinjaOne sends seconds since 1970 with a fraction.
    Instant,
    /// A day in UTC; NinjaOne sends seconds since 1970.
    Date,
    /// Whatever NinjaOne sends.
    Any,
    /// A list of one shape.
    List(&'static Shape),
    /// An object with these members, and perhaps others, which are kept as they are.
    Object(&'static [Field]),
}

/// One part of the document.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, as in API v2.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// What it says.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the page's table shows it"))]
    pub meaning: &'static str,
    /// A value, as JSON.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the page's table shows it"))]
    pub example: &'static str,
}

const fn f(name: &'static str, shape: Shape, meaning: &'static str, example: &'static str) -> Field {
    Field {
        name,
        shape,
        meaning,
        example,
    }
}

const fn group(name: &'static str, members: &'static [Field], meaning: &'static str) -> Field {
    f(name, Object(members), meaning, "")
}

/// The whole document, apart from `raw`.
#[rustfmt::skip] // one part a line
pub static FIELDS: &[Field] = &[
    f("id", Integer, "Device id, unique within the tenant", "1042"),
    f("uid", Text, "Device UUID, unique across tenants", "\"0b8f2c1e-6f0e-4f7e-9d57-3f6f0a4f1c22\""),
    f("organizationId", Integer, "Organization the device belongs to", "7"),
    f("locationId", Integer, "Location it stands at", "12"),
    f("nodeClass", Text, "Class, e.g. `WINDOWS_SERVER`", "\"WINDOWS_WORKSTATION\""),
    f("deviceType", Text, "Sub-type that decides which further parts exist", "\"AgentDevice\""),
    f("nodeRoleId", Integer, "Device role", "1002"),
    f("rolePolicyId", Integer, "Policy that follows from role, organization and location", "31"),
    f("policyId", Integer, "Policy assigned to the device itself", "33"),
    f("parentDeviceId", Integer, "Device it hangs on, e.g. the host of a guest", "1001"),
    f("assignedOwnerUid", Text, "UUID of the assigned owner", "\"5e1d7f5a-1b1f-4b1d-8a53-8f1f0e0c9f10\""),
    f("approvalStatus", Text, "`PENDING`, `STAGED`, `APPROVED` or `DECOMMISSIONED`", "\"APPROVED\""),
    f("offline", Boolean, "Whether it is offline now", "false"),
    f("displayName", Text, "Name a technician gave it; absent when nobody did", "\"Reception PC\""),
    f("systemName", Text, "Name the device has for itself", "\"RECEPTION-01\""),
    f("dnsName", Text, "Name in DNS", "\"reception-01.corp.example\""),
    f("netbiosName", Text, "NetBIOS name", "\"RECEPTION-01\""),
    f("created", Instant, "When NinjaOne first saw it", "\"2024-03-11T08:15:00Z\""),
    f("lastContact", Instant, "When it last spoke to NinjaOne", "\"2025-09-29T09:06:15.901Z\""),
    f("lastUpdate", Instant, "When it last submitted data", "\"2025-09-29T08:00:00Z\""),
    f("lastBootTime", Instant, "Last boot of a VM host or guest", "\"2025-09-01T04:00:00Z\""),
    f("lastLoggedInUser", Text, "Who logged in last", "\"CORP\\\\reception\""),
    f("userData", Any, "Custom attributes", "{}"),
    f("tags", List(&Text), "Tags", "[\"VIP\"]"),
    group("maintenance", MAINTENANCE, "Maintenance mode, when it is planned or on"),
    f("ipAddresses", List(&Text), "IP addresses", "[\"192.0.2.10\"]"),
    f("macAddresses", List(&Text), "MAC addresses", "[\"00:00:5E:00:53:01\"]"),
    f("publicIP", Text, "Address it is seen from", "\"198.51.100.4\""),
    f("notes", List(&Object(NOTE)), "Notes", ""),
    group("system", SYSTEM, "The computer; agents and mobile devices only"),
    group("os", OS, "The operating system; agents only"),
    group("memory", MEMORY, "Memory; agents and mobile devices only"),
    f("processors", List(&Object(PROCESSOR)), "Processors; agents only", ""),
    f("volumes", List(&Object(VOLUME)), "Disk volumes; agents and mobile devices only", ""),
    f("network", List(&Object(MOBILE_NETWORK)), "Mobile networks; mobile devices only", ""),
    group("organization", ORGANIZATION, "The organization (`references.organization`)"),
    group("location", LOCATION, "The location (`references.location`)"),
    group("role", ROLE, "The device role (`references.role`)"),
    group("policy", POLICY, "The policy assigned to the device itself (`references.policy`)"),
    group("rolePolicy", POLICY, "The policy that follows from the role (`references.rolePolicy`)"),
    group("warranty", WARRANTY, "The warranty (`references.warranty`)"),
    group("assignedOwner", OWNER, "The assigned owner (`references.assignedOwner`)"),
    f("backupUsage", Any, "Backup usage (`references.backupUsage`)", "{}"),
    f("name", Text, "Name of a VM host", "\"esx-02\""),
    f("model", Text, "Model of a VM host", "\"PowerEdge R650\""),
    f("vendor", Text, "Vendor of a VM host", "\"Dell Inc.\""),
    f("serviceTag", Text, "Service tag of a VM host", "\"7XQ2B13\""),
    f("memorySize", Bytes, "Memory of a VM host or guest", "274877906944"),
    f("cpuModel", Text, "Processor of a VM host", "\"Intel(R) Xeon(R) Gold 6338\""),
    f("cpuMhz", Integer, "Frequency of a VM host's processors, in MHz", "2000"),
    f("cpuCores", Integer, "Cores of a VM host or guest", "64"),
    f("cpuPackages", Integer, "Processors of a VM host", "2"),
    f("cpuThreads", Integer, "Logical cores of a VM host", "128"),
    f("coresPerSocket", Integer, "Cores per socket of a VM guest", "2"),
    f("htActive", Boolean, "Whether a VM host uses hyper-threading", "true"),
    f("htAvailable", Boolean, "Whether a VM host could", "true"),
    f("releaseName", Text, "Hypervisor", "\"VMware ESXi\""),
    f("version", Text, "Version of the hypervisor", "\"8.0.2\""),
    f("buildNumber", Text, "Build of the hypervisor", "\"23305546\""),
    f("fullName", Text, "Full name of a VM guest", "\"DC-01\""),
    f("files", Text, "Files of a VM guest", "\"[datastore1] DC-01/DC-01.vmx\""),
    f("powerState", Text, "Whether a VM guest is on", "\"POWERED_ON\""),
    f("guestOSFullName", Text, "Operating system of a VM guest", "\"Microsoft Windows Server 2022 (64-bit)\""),
    f("guestOSFamily", Text, "Family of that operating system", "\"windowsGuest\""),
    f("guestOSId", Text, "The hypervisor's id of it", "\"windows2019srvNext_64Guest\""),
    f("toolStatus", Text, "State of the guest tools", "\"TOOLS_OK\""),
    f("toolsVersion", Text, "Version of the guest tools", "\"12352\""),
    f("toolsVersionStatus", Text, "Whether that version is current", "\"CURRENT\""),
    f("toolsInstallType", Text, "How the guest tools were installed", "\"MSI\""),
    f("snapshotCount", Integer, "Snapshots of a VM guest", "1"),
    f("snapshotTotalSize", Bytes, "Their size", "1073741824"),
    f("enabled", Boolean, "Whether a cloud monitor runs", "true"),
    f("interval", Integer, "Seconds between two checks of a cloud monitor", "60"),
    f("timeout", Integer, "Seconds until a check of a cloud monitor fails", "10"),
    f("target", Text, "What a cloud monitor watches", "\"https://shop.example\""),
];

#[rustfmt::skip] // one part a line
static MAINTENANCE: &[Field] = &[
    f("status", Text, "`PENDING`, `IN_MAINTENANCE` or `FAILED`", "\"PENDING\""),
    f("start", Instant, "When it begins", "\"2025-10-01T20:00:00Z\""),
    f("end", Instant, "When it ends", "\"2025-10-01T22:00:00Z\""),
    f("reasonMessage", Text, "Why", "\"Disk swap\""),
];

#[rustfmt::skip] // one part a line
static NOTE: &[Field] = &[f("text", Text, "The note", "\"Spare power supply in rack 2\"")];

#[rustfmt::skip] // one part a line
static SYSTEM: &[Field] = &[
    f("name", Text, "Name", "\"RECEPTION-01\""),
    f("displayName", Text, "Display name of a mobile device", "\"Front desk tablet\""),
    f("manufacturer", Text, "Manufacturer", "\"Dell Inc.\""),
    f("model", Text, "Model", "\"OptiPlex 7090\""),
    f("serialNumber", Text, "Serial number; placeholders are common", "\"7XQ2B13\""),
    f("biosSerialNumber", Text, "Serial number in the BIOS", "\"7XQ2B13\""),
    f("assetSerialNumber", Text, "Asset tag in the BIOS", "\"A-00417\""),
    f("domain", Text, "Domain or workgroup", "\"corp.example\""),
    f("domainRole", Text, "Role in the domain", "\"Member Workstation\""),
    f("numberOfProcessors", Integer, "Processors", "1"),
    f("totalPhysicalMemory", Bytes, "Memory", "17179869184"),
    f("virtualMachine", Boolean, "Whether it is virtual", "false"),
    f("chassisType", Text, "`DESKTOP`, `LAPTOP`, `UNKNOWN`, …", "\"DESKTOP\""),
    f("build", Text, "Build of a mobile device", "\"21F90\""),
];

#[rustfmt::skip] // one part a line
static OS: &[Field] = &[
    f("name", Text, "Name", "\"Windows 11 Professional Edition\""),
    f("manufacturer", Text, "Manufacturer", "\"Microsoft Corporation\""),
    f("architecture", Text, "Architecture", "\"64-bit\""),
    f("buildNumber", Text, "Build", "\"26100\""),
    f("releaseId", Text, "Release", "\"24H2\""),
    f("servicePackMajorVersion", Integer, "Service pack, major version", "0"),
    f("servicePackMinorVersion", Integer, "Service pack, minor version", "0"),
    f("locale", Text, "Locale", "\"en-US\""),
    f("language", Text, "Language", "\"en\""),
    f("lastBootTime", Instant, "Last boot", "\"2025-09-28T06:12:44Z\""),
    f("needsReboot", Boolean, "Whether a reboot is pending", "false"),
];

#[rustfmt::skip] // one part a line
static MEMORY: &[Field] = &[f("capacity", Bytes, "Memory", "17179869184")];

#[rustfmt::skip] // one part a line
static PROCESSOR: &[Field] = &[
    f("name", Text, "Name", "\"Intel(R) Core(TM) i7-10700\""),
    f("architecture", Text, "Architecture", "\"x64\""),
    f("maxClockSpeed", Hertz, "Highest frequency", "2900000000"),
    f("clockSpeed", Hertz, "Frequency now", "2900000000"),
    f("numCores", Integer, "Cores", "8"),
    f("numLogicalCores", Integer, "Logical cores", "16"),
];

#[rustfmt::skip] // one part a line
static VOLUME: &[Field] = &[
    f("name", Text, "Name", "\"C:\""),
    f("driveLetter", Text, "Drive letter", "\"C:\""),
    f("label", Text, "Label", "\"System\""),
    f("deviceType", Text, "Kind of drive", "\"Local Disk\""),
    f("fileSystem", Text, "File system", "\"NTFS\""),
    f("autoMount", Boolean, "Whether it is mounted by itself", "true"),
    f("compressed", Boolean, "Whether it is compressed", "false"),
    f("capacity", Bytes, "Size", "511101108224"),
    f("freeSpace", Bytes, "Free", "289301422080"),
    f("serialNumber", Text, "Serial number of the volume", "\"9C2E1F77\""),
    f("nodeId", Integer, "The device, once more", "1042"),
    group("bitLockerStatus", BITLOCKER, "BitLocker; only where NinjaOne includes it"),
];

#[rustfmt::skip] // one part a line
static BITLOCKER: &[Field] = &[
    f("conversionStatus", Text, "How far it is encrypted", "\"FULLY_ENCRYPTED\""),
    f("encryptionMethod", Text, "Algorithm", "\"XTS_AES_256\""),
    f("protectionStatus", Text, "Whether the key is secured", "\"PROTECTED\""),
    f("lockStatus", Text, "Whether Windows can read it", "\"UNLOCKED\""),
    f("initializedForProtection", Boolean, "Whether it was prepared", "true"),
];

#[rustfmt::skip] // one part a line
static MOBILE_NETWORK: &[Field] = &[
    f("imei", Text, "IMEI", "\"490154203237518\""),
    f("eid", Text, "eUICC identifier", "\"89049032000001000000012345678901\""),
    f("meid", Text, "MEID", "\"A0000000002329\""),
    f("phoneNumber", Text, "Phone number", "\"+1 555 0100\""),
    f("carrier", Text, "Carrier", "\"Example Mobile\""),
    f("iccId", Text, "SIM identifier", "\"8901260852290000000\""),
];

#[rustfmt::skip] // one part a line
static ORGANIZATION: &[Field] = &[
    f("id", Integer, "Organization id; always there", "7"),
    f("name", Text, "Name", "\"Harbor Dental\""),
    f("description", Text, "Description", "\"Two practices\""),
    f("userData", Any, "Custom attributes", "{}"),
    f("nodeApprovalMode", Text, "`AUTOMATIC`, `MANUAL` or `REJECT`", "\"AUTOMATIC\""),
];

#[rustfmt::skip] // one part a line
static LOCATION: &[Field] = &[
    f("id", Integer, "Location id; always there", "12"),
    f("name", Text, "Name", "\"Main Office\""),
    f("address", Text, "Address", "\"1 Quay Street\""),
    f("description", Text, "Description", "\"Ground floor\""),
    f("userData", Any, "Custom attributes", "{}"),
];

#[rustfmt::skip] // one part a line
static ROLE: &[Field] = &[
    f("id", Integer, "Role id; always there", "1002"),
    f("name", Text, "Name", "\"Kiosk\""),
    f("description", Text, "Description", "\"Public terminals\""),
    f("nodeClass", Text, "Class of its devices", "\"WINDOWS_WORKSTATION\""),
    f("custom", Boolean, "Whether somebody added it", "true"),
    f("chassisType", Text, "`UNKNOWN`, `DESKTOP`, `LAPTOP` or `MOBILE`", "\"DESKTOP\""),
    f("created", Instant, "When it was added", "\"2023-01-10T12:00:00Z\""),
    f("nodeRoleParentId", Integer, "Role it derives from", "101"),
    f("icon", Text, "Icon", "\"desktop\""),
];

#[rustfmt::skip] // one part a line
static POLICY: &[Field] = &[
    f("id", Integer, "Policy id", "31"),
    f("parentPolicyId", Integer, "Policy it derives from", "3"),
    f("name", Text, "Name", "\"Workstations\""),
    f("description", Text, "Description", "\"Patching on Thursdays\""),
    f("nodeClass", Text, "Class it is for", "\"WINDOWS_WORKSTATION\""),
    f("updated", Instant, "When it was last changed", "\"2025-05-02T10:00:00Z\""),
    f("nodeClassDefault", Boolean, "Whether it is the default of its class", "false"),
];

#[rustfmt::skip] // one part a line
static WARRANTY: &[Field] = &[
    f("startDate", Date, "First day", "\"2023-04-01\""),
    f("endDate", Date, "Last day", "\"2026-03-31\""),
    f("manufacturerFulfillmentDate", Date, "Day the manufacturer delivered", "\"2023-03-28\""),
];

#[rustfmt::skip] // one part a line
static OWNER: &[Field] = &[
    f("id", Integer, "User id", "58"),
    f("uid", Text, "User UUID", "\"5e1d7f5a-1b1f-4b1d-8a53-8f1f0e0c9f10\""),
    f("firstName", Text, "First name", "\"Robin\""),
    f("lastName", Text, "Last name", "\"Field\""),
    f("email", Text, "E-mail address", "\"robin@client.example\""),
    f("phone", Text, "Phone", "\"+1 555 0101\""),
    f("userType", Text, "`TECHNICIAN` or `END_USER`", "\"END_USER\""),
    f("organizationId", Integer, "Organization of an end user", "7"),
    f("enabled", Boolean, "Whether the account is enabled", "true"),
];

/// The member of that name.
pub fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == name)
}

/// The table of `docs/device-document.md`: one line per part, in the order of [`FIELDS`].
#[cfg(test)]
pub fn table() -> String {
    let mut lines = vec![
        "| path | type | meaning | example |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    rows(FIELDS, "", &mut lines);
    lines.push("| `raw` | any | The device as NinjaOne sent it | |".to_owned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
fn rows(fields: &[Field], prefix: &str, lines: &mut Vec<String>) {
    for field in fields {
        let path = format!("{prefix}{}", field.name);
        let (type_name, members, below) = match field.shape {
            Object(members) => ("object".to_owned(), members, format!("{path}.")),
            List(Object(members)) => ("list of objects".to_owned(), *members, format!("{path}[].")),
            List(item) => (format!("list of {}s", word(*item)), &[][..], String::new()),
            other => (word(other).to_owned(), &[][..], String::new()),
        };
        let example = match field.example {
            "" => String::new(),
            example => format!("`{example}`"),
        };
        lines.push(format!(
            "| `{path}` | {type_name} | {} | {example} |",
            field.meaning
        ));
        rows(members, &below, lines);
    }
}

#[cfg(test)]
fn word(shape: Shape) -> &'static str {
    match shape {
        Text => "text",
        Integer => "integer",
        Bytes => "bytes",
        Hertz => "hertz",
        Boolean => "boolean",
        Instant => "instant",
        Date => "date",
        Any => "any",
        List(_) => "list",
        Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_page_shows_this_table() {
        let page = include_str!("../../../docs/device-document.md");
        let (_, parts) = page.split_once("## Parts\n").unwrap();
        let shown: String = parts
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| format!("{line}\n"))
            .collect();
        let expected = table();
        assert!(
            shown == expected,
            "docs/device-document.md is not current; its table should read:\n{expected}"
        );
    }

    #[test]
    fn no_name_comes_twice_and_every_example_is_json() {
        fn walk(fields: &[Field]) {
            for (at, field) in fields.iter().enumerate() {
                assert!(
                    fields[..at].iter().all(|f| f.name != field.name),
                    "{}",
                    field.name
                );
                match field.shape {
                    Object(members) => walk(members),
                    List(Object(members)) => walk(members),
                    _ => {
                        serde_json::from_str::<serde_json::Value>(field.example)
                            .unwrap_or_else(|error| panic!("{}: {error}", field.name));
                    }
                }
            }
        }
        walk(FIELDS);
    }
}
