//! Roles, policies and groups: what an instance has before the first device.

use super::kind::NODE_CLASSES;

/// A device role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Built-in roles from 1, custom roles from 1000.
    pub id: u32,
    /// The class's name for a built-in role.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The node class it belongs to.
    pub node_class: &'static str,
    /// `UNKNOWN`, `DESKTOP`, `LAPTOP` or `MOBILE`.
    pub chassis: &'static str,
    /// The built-in role a custom one was made from.
    pub parent: Option<u32>,
}

impl Role {
    /// Whether a technician made it.
    pub fn custom(&self) -> bool {
        self.parent.is_some()
    }
}

/// A policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Identifier.
    pub id: u32,
    /// The policy it inherits from.
    pub parent: Option<u32>,
    /// Its name.
    pub name: String,
    /// The node class it applies to.
    pub node_class: &'static str,
    /// Whether it is the class's default.
    pub default: bool,
}

/// A saved search, which the API calls a group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Identifier.
    pub id: u32,
    /// Its name.
    pub name: &'static str,
    /// The device filter it stands for.
    pub filter: &'static str,
    /// Whether everyone sees it.
    pub shared: bool,
}

/// Custom roles: id, name, description, class, chassis. The ids have gaps, as roles get deleted.
const CUSTOM_ROLES: [(u32, &str, &str, &str, &str); 8] = [
    (
        1000,
        "Domain Controller",
        "Active Directory",
        "WINDOWS_SERVER",
        "UNKNOWN",
    ),
    (
        1001,
        "SQL Server",
        "Database servers",
        "WINDOWS_SERVER",
        "UNKNOWN",
    ),
    (
        1002,
        "Remote Desktop Host",
        "Session hosts",
        "WINDOWS_SERVER",
        "UNKNOWN",
    ),
    (
        1004,
        "Laptop",
        "Travelling staff",
        "WINDOWS_WORKSTATION",
        "LAPTOP",
    ),
    (
        1005,
        "Kiosk",
        "Reception and meeting rooms",
        "WINDOWS_WORKSTATION",
        "DESKTOP",
    ),
    (1009, "Point of Sale", "Tills", "WINDOWS_WORKSTATION", "DESKTOP"),
    (1010, "MacBook", "Travelling staff", "MAC", "LAPTOP"),
    (
        1013,
        "Web Server",
        "Public web servers",
        "LINUX_SERVER",
        "UNKNOWN",
    ),
];

/// Every role, ascending by id.
pub(super) fn roles() -> Vec<Role> {
    let mut roles: Vec<Role> = NODE_CLASSES
        .iter()
        .zip(1..)
        .map(|(&class, id)| Role {
            id,
            name: class,
            description: class,
            node_class: class,
            chassis: "UNKNOWN",
            parent: None,
        })
        .collect();
    let custom = CUSTOM_ROLES.map(|(id, name, description, node_class, chassis)| Role {
        id,
        name,
        description,
        node_class,
        chassis,
        parent: built_in_role(node_class),
    });
    roles.extend(custom);
    roles
}

/// The id of the built-in role of a class.
pub(super) fn built_in_role(class: &str) -> Option<u32> {
    NODE_CLASSES
        .iter()
        .zip(1..)
        .find(|&(&name, _)| name == class)
        .map(|(_, id)| id)
}

/// The id of the default policy of a class.
pub(super) fn default_policy(class: &str) -> Option<u32> {
    built_in_role(class).map(|role| 10 + role)
}

/// The stricter child policies some organizations chose: id, name, class.
pub(super) const STRICT_POLICIES: [(u32, &str, &str); 3] = [
    (61, "Windows Server – strict patching", "WINDOWS_SERVER"),
    (62, "Windows Workstation – strict patching", "WINDOWS_WORKSTATION"),
    (65, "Mac – strict patching", "MAC"),
];

/// Every policy, ascending by id.
pub(super) fn policies() -> Vec<Policy> {
    let mut policies: Vec<Policy> = NODE_CLASSES
        .iter()
        .zip(11..)
        .map(|(&class, id)| Policy {
            id,
            parent: None,
            name: format!("{} (default)", class.replace('_', " ")),
            node_class: class,
            default: true,
        })
        .collect();
    policies.extend(STRICT_POLICIES.map(|(id, name, node_class)| Policy {
        id,
        parent: default_policy(node_class),
        name: name.to_owned(),
        node_class,
        default: false,
    }));
    policies
}

/// Every group, ascending by id.
pub(super) const GROUPS: [Group; 4] = [
    Group {
        id: 1,
        name: "All devices",
        filter: "status eq APPROVED",
        shared: true,
    },
    Group {
        id: 2,
        name: "Windows servers",
        filter: "class = WINDOWS_SERVER",
        shared: true,
    },
    Group {
        id: 5,
        name: "Workstations that are offline",
        filter: "class in (WINDOWS_WORKSTATION,MAC,LINUX_WORKSTATION) AND offline",
        shared: false,
    },
    Group {
        id: 8,
        name: "Domain controllers",
        filter: "role = 1000",
        shared: true,
    },
];
