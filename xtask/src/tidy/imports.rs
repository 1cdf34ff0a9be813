//! Who may import whom, and which outside crates belong to one crate of ours.
//!
//! The table is that of ARCHITECTURE.md. Only normal and build dependencies count: a test may
//! use what it needs to look at a crate from outside.

use super::Finding;
use crate::workspace::Crate;

/// A product crate and the crates of ours it may import.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("plan", &["model"]),
    ("connect", &["model"]),
    ("store", &["model"]),
    ("engine", &["model", "plan", "connect", "store"]),
    ("jobs", &["engine", "model", "store"]),
    ("agent", &["engine", "model"]),
    ("web", &["engine", "model"]),
];

/// A product crate and the outside crates only it may use. A name stands for its family too:
/// `axum` for `axum-extra`, `apalis` for `apalis-sql`.
const OWNS: [(&str, &[&str]); 7] = [
    ("connect", &["reqwest", "oauth2", "openidconnect", "lettre"]),
    ("store", &["sqlx", "chacha20poly1305"]),
    ("plan", &["jmespath", "rapidfuzz"]),
    ("rmmbridge", &["clap", "confique", "opentelemetry"]),
    ("jobs", &["apalis"]),
    ("agent", &["rmcp"]),
    ("web", &["axum", "askama", "utoipa"]),
];

/// Crates that may import anything, but which no product crate may import.
const FREE: [&str; 5] = ["testkit", "e2e", "benches", "harness", "xtask"];

/// What a crate is, and so which rules bind it.
#[derive(Debug, PartialEq)]
enum Place {
    /// A crate of [`MAY_IMPORT`] with what it may import.
    Product(&'static [&'static str]),
    /// The binary: every product crate, the connectors and the simulators.
    Binary,
    /// A folder under `connectors/`.
    Connector,
    /// The stand-ins for the vendors: nothing of ours, or a wrong field name would be hidden.
    Simulators,
    /// One of [`FREE`].
    Free,
    /// In no table.
    Unknown,
}

fn place(member: &Crate) -> Place {
    let name = member.name.as_str();
    if member.folder.starts_with("connectors/") {
        return Place::Connector;
    }
    if let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == name) {
        return Place::Product(allowed);
    }
    match name {
        "rmmbridge" => Place::Binary,
        "simulators" => Place::Simulators,
        _ if FREE.contains(&name) => Place::Free,
        _ => Place::Unknown,
    }
}

/// Holds every crate's dependencies against the tables.
pub fn check(crates: &[Crate]) -> Vec<Finding> {
    crates
        .iter()
        .flat_map(|member| check_crate(member, crates))
        .collect()
}

fn check_crate(member: &Crate, crates: &[Crate]) -> Vec<Finding> {
    let manifest = format!("{}/Cargo.toml", member.folder);
    let place = place(member);
    if place == Place::Unknown {
        let message = format!(
            "crate `{}` is in no table of xtask/src/tidy/imports.rs: say there what it may import",
            member.name
        );
        return vec![Finding::file(manifest, message)];
    }
    if place == Place::Free {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for dependency in member.dependencies.iter().filter(|dependency| !dependency.dev) {
        let name = dependency.name.as_str();
        if let Some(ours) = crates.iter().find(|other| other.name == name) {
            if !may_import(member, &place, ours) {
                let message = format!(
                    "`{}` may not import `{name}`: {}",
                    member.name,
                    allowed(member, &place)
                );
                findings.push(Finding::file(&manifest, message));
            }
        } else if let Some(owner) = owner(name)
            && owner != member.name
            && place != Place::Simulators
        {
            let message = format!(
                "`{}` may not use `{name}`: that belongs to `{owner}` alone; add what is missing to `{owner}`",
                member.name
            );
            findings.push(Finding::file(&manifest, message));
        }
    }
    findings
}

fn may_import(member: &Crate, place: &Place, other: &Crate) -> bool {
    match place {
        Place::Product(allowed) => allowed.contains(&other.name.as_str()),
        Place::Connector => {
            connector_may(member).contains(&other.name.as_str()) && !other.folder.starts_with("connectors/")
        }
        Place::Binary => !FREE.contains(&other.name.as_str()),
        Place::Simulators | Place::Unknown => false,
        Place::Free => true,
    }
}

/// Connectors see the port and the nouns; the registry's tables are ours, so it sees the store.
fn connector_may(member: &Crate) -> &'static [&'static str] {
    if member.folder == "connectors/registry" {
        &["connect", "model", "store"]
    } else {
        &["connect", "model"]
    }
}

fn allowed(member: &Crate, place: &Place) -> String {
    let allowed = match place {
        Place::Product(allowed) => *allowed,
        Place::Connector => connector_may(member),
        Place::Binary => return "it ships with the product, which has no test code".to_owned(),
        _ => &[],
    };
    if allowed.is_empty() {
        "it imports nothing of ours".to_owned()
    } else {
        format!("of ours it may import {}", allowed.join(", "))
    }
}

fn owner(outside: &str) -> Option<&'static str> {
    let of_family = |family: &&str| {
        outside
            .strip_prefix(*family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    };
    OWNS.iter()
        .find(|(_, families)| families.iter().any(of_family))
        .map(|(owner, _)| *owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    const OURS: [(&str, &str); 16] = [
        ("model", "crates/model"),
        ("plan", "crates/plan"),
        ("connect", "crates/connect"),
        ("store", "crates/store"),
        ("engine", "crates/engine"),
        ("jobs", "crates/jobs"),
        ("agent", "crates/agent"),
        ("web", "crates/web"),
        ("rmmbridge", "crates/rmmbridge"),
        ("testkit", "crates/testkit"),
        ("ninjaone", "connectors/ninjaone"),
        ("registry", "connectors/registry"),
        ("halopsa", "connectors/halopsa"),
        ("simulators", "simulators"),
        ("e2e", "e2e"),
        ("xtask", "xtask"),
    ];

    /// What is said when `member` has `dependency`, in a workspace of all the crates.
    fn said(member: &str, dependency: &str, dev: bool) -> Vec<String> {
        let mut crates: Vec<Crate> = OURS
            .iter()
            .map(|(name, folder)| Crate {
                name: (*name).to_owned(),
                folder: (*folder).to_owned(),
                dependencies: Vec::new(),
                roots: Vec::new(),
            })
            .collect();
        let it = crates.iter_mut().find(|c| c.name == member).unwrap();
        it.dependencies.push(Dependency {
            name: dependency.to_owned(),
            dev,
        });
        check(&crates).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ours_exactly_the_table() {
        let allowed: &[(&str, &[&str])] = &[
            ("model", &[]),
            ("plan", &["model"]),
            ("connect", &["model"]),
            ("store", &["model"]),
            ("engine", &["model", "plan", "connect", "store"]),
            ("jobs", &["engine", "model", "store"]),
            ("agent", &["engine", "model"]),
            ("web", &["engine", "model"]),
            ("ninjaone", &["connect", "model"]),
            ("halopsa", &["connect", "model"]),
            ("registry", &["connect", "model", "store"]),
            ("simulators", &[]),
            (
                "rmmbridge",
                &[
                    "model",
                    "plan",
                    "connect",
                    "store",
                    "engine",
                    "jobs",
                    "agent",
                    "web",
                    "ninjaone",
                    "registry",
                    "halopsa",
                    "simulators",
                ],
            ),
        ];
        for (member, may) in allowed {
            for (other, _) in OURS.iter().filter(|(other, _)| other != member) {
                let said = said(member, other, false);
                assert_eq!(
                    said.is_empty(),
                    may.contains(other),
                    "{member} -> {other}: {said:?}"
                );
            }
        }
        for free in ["testkit", "e2e", "xtask"] {
            assert!(
                OURS.iter().all(|(other, _)| said(free, other, false).is_empty()),
                "{free}"
            );
        }
    }

    #[test]
    fn outside_crates_belong_to_their_owner() {
        let owned = [
            ("reqwest", "connect"),
            ("oauth2", "connect"),
            ("openidconnect", "connect"),
            ("sqlx", "store"),
            ("chacha20poly1305", "store"),
            ("jmespath", "plan"),
            ("rapidfuzz", "plan"),
            ("clap", "rmmbridge"),
            ("clap_complete", "rmmbridge"),
            ("confique", "rmmbridge"),
            ("opentelemetry", "rmmbridge"),
            ("apalis", "jobs"),
            ("apalis-sqlite", "jobs"),
            ("rmcp", "agent"),
            ("axum", "web"),
            ("axum-extra", "web"),
            ("askama", "web"),
            ("utoipa", "web"),
        ];
        let free = ["simulators", "testkit", "e2e", "xtask"];
        for (outside, owner) in owned {
            for (member, _) in OURS {
                let fine = member == owner || free.contains(&member);
                assert_eq!(
                    said(member, outside, false).is_empty(),
                    fine,
                    "{member} -> {outside}"
                );
            }
        }
        assert!(
            said("plan", "clapper", false).is_empty(),
            "a family is not a bare prefix"
        );
    }

    #[test]
    fn the_message_names_the_crate_the_import_and_the_way_out() {
        assert_eq!(
            said("ninjaone", "store", false),
            [
                "connectors/ninjaone/Cargo.toml: `ninjaone` may not import `store`: of ours it may import connect, model"
            ]
        );
        assert_eq!(
            said("engine", "sqlx", false),
            [
                "crates/engine/Cargo.toml: `engine` may not use `sqlx`: that belongs to `store` alone; add what is missing to `store`"
            ]
        );
    }

    #[test]
    fn tests_may_use_what_they_need() {
        assert!(said("ninjaone", "simulators", true).is_empty());
        assert!(said("simulators", "reqwest", true).is_empty());
        assert!(!said("ninjaone", "simulators", false).is_empty());
    }

    #[test]
    fn a_crate_in_no_table_is_said() {
        let new = Crate {
            name: "mailer".to_owned(),
            folder: "crates/mailer".to_owned(),
            dependencies: Vec::new(),
            roots: Vec::new(),
        };
        let findings = check(&[new]);
        assert_eq!(findings[0].file, "crates/mailer/Cargo.toml");
        assert!(findings[0].message.contains("`mailer` is in no table"));
    }
}
