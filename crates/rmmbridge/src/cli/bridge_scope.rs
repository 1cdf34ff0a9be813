//! `bridge set`: which devices come, and as what.

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use model::{BridgeSettings, Scope, SiteRule};

#[derive(Debug, Default, Args)]
pub struct ScopeArguments {
    /// Whether devices are imported, or clients alone
    #[arg(long, value_enum)]
    devices: Option<Imported>,

    /// Only devices of these classes come, e.g. WINDOWS_SERVER,MAC; all lets every class through
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    classes: Option<Vec<String>>,

    /// Only devices of these roles, by id; or all
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Option<Vec<String>>,

    /// Only devices at these locations, by id; or all
    #[arg(long, value_name = "LOCATIONS", value_delimiter = ',')]
    locations: Option<Vec<String>>,

    /// Only devices with one of these tags; or all
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    tags: Option<Vec<String>>,

    /// Only devices in these approval states, e.g. APPROVED,PENDING; or all
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    approvals: Option<Vec<String>>,

    /// The group new asset types are created under; none for no group
    #[arg(long, value_name = "GROUP")]
    type_group: Option<String>,

    /// What devices of a role become: the role's id, =, the name of the asset type; without a name, the role's own
    #[arg(long, value_name = "ROLE=TYPE", value_parser = pair)]
    asset_type: Vec<(String, String)>,

    /// How locations become sites
    #[arg(long, value_enum)]
    sites: Option<Sites>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Imported {
    /// They are imported
    Yes,
    /// Clients alone are synchronised; assets stay as they are
    No,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sites {
    /// Assets get no site
    None,
    /// A location is the client's site of the same name, created when missing
    SameName,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let wrong = || "write a role's id, = and the name of an asset type, e.g. 4=Server".to_owned();
    let (role, name) = text.split_once('=').ok_or_else(wrong)?;
    match role.trim() {
        "" => Err(wrong()),
        role => Ok((role.to_owned(), name.trim().to_owned())),
    }
}

/// A list as it is stored: nothing where everything comes. A list that would let nothing through is refused.
fn list(option: &str, given: &[String]) -> anyhow::Result<Vec<String>> {
    let entries: Vec<String> = given.iter().map(|entry| entry.trim().to_owned()).collect();
    ensure!(
        entries.iter().all(|entry| !entry.is_empty()),
        "{option} without a value lets nothing through: say which, or all"
    );
    match entries.iter().any(|entry| entry == "all") {
        true if entries.len() > 1 => {
            bail!("{option} all lets everything through: leave it out, or leave the others out")
        }
        true => Ok(Vec::new()),
        false => Ok(entries),
    }
}

impl ScopeArguments {
    /// The settings with what was given in place of what stood there.
    ///
    /// # Errors
    /// When a list would let nothing through.
    pub fn over(&self, mut settings: BridgeSettings) -> anyhow::Result<BridgeSettings> {
        if let Some(imported) = self.devices {
            settings.devices = matches!(imported, Imported::Yes);
        }
        let Scope {
            classes,
            roles,
            locations,
            tags,
            approvals,
        } = &mut settings.scope;
        for (option, given, stored) in [
            ("--classes", &self.classes, classes),
            ("--roles", &self.roles, roles),
            ("--locations", &self.locations, locations),
            ("--tags", &self.tags, tags),
            ("--approvals", &self.approvals, approvals),
        ] {
            if let Some(given) = given {
                *stored = list(option, given)?;
            }
        }
        match self.type_group.as_deref().map(str::trim) {
            None => {}
            Some("" | "none") => settings.types.default_group = None,
            Some(group) => settings.types.default_group = Some(group.to_owned()),
        }
        for (role, name) in &self.asset_type {
            if name.is_empty() {
                settings.types.by_role.remove(role);
            } else {
                settings.types.by_role.insert(role.clone(), name.clone());
            }
        }
        match self.sites {
            Some(Sites::None) => settings.sites = SiteRule::None,
            Some(Sites::SameName) => settings.sites = SiteRule::SameName,
            None => {}
        }
        Ok(settings)
    }
}

/// Which devices come and as what, for people.
pub fn text(settings: &BridgeSettings) -> String {
    let scope = &settings.scope;
    let visible = |list: &[String]| plan::render::visible(&list.join(", "));
    let limits: Vec<String> = [
        ("classes", &scope.classes),
        ("roles", &scope.roles),
        ("locations", &scope.locations),
        ("tags", &scope.tags),
        ("approval states", &scope.approvals),
    ]
    .into_iter()
    .filter(|(_, list)| !list.is_empty())
    .map(|(what, list)| format!("{what} {}", visible(list)))
    .collect();
    let comes = match limits.is_empty() {
        _ if !settings.devices => "No devices come, clients alone are synchronised".to_owned(),
        true => "All devices come".to_owned(),
        false => format!("Devices come of {}", limits.join("; ")),
    };
    let group = settings.types.default_group.iter();
    let group: String = group
        .map(|group| {
            format!(
                "New asset types are listed under {}\n",
                plan::render::visible(group)
            )
        })
        .collect();
    let types = settings.types.by_role.iter();
    let types: String = types
        .map(|(role, name)| format!("Devices of role {role} become {}\n", plan::render::visible(name)))
        .collect();
    let sites = match settings.sites {
        SiteRule::None => "Assets get no site",
        SiteRule::SameName => "A location becomes the client's site of the same name",
    };
    format!("{comes}\n{group}{types}{sites}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_given_a_type_and_loses_it_again() {
        let mut settings = plan::presets::settings("default").unwrap();
        let given = |text: &str| ScopeArguments {
            asset_type: vec![pair(text).unwrap()],
            ..ScopeArguments::default()
        };
        settings = given("4=Our servers").over(settings).unwrap();
        assert_eq!(settings.types.by_role["4"], "Our servers");
        assert!(text(&settings).contains("Devices of role 4 become Our servers"));
        settings = given("4=").over(settings).unwrap();
        assert!(settings.types.by_role.is_empty());
        assert!(pair("=x").is_err() && pair("4").is_err());
    }

    #[test]
    fn all_lets_everything_through_and_what_is_not_given_stays() {
        let settings = plan::presets::settings("default").unwrap();
        assert_eq!(settings.scope.approvals, ["APPROVED"]);
        let given = ScopeArguments {
            approvals: Some(vec!["all".to_owned()]),
            tags: Some(vec!["vip".to_owned(), " lab ".to_owned()]),
            ..ScopeArguments::default()
        };
        let settings = given.over(settings).unwrap();
        assert!(settings.scope.approvals.is_empty());
        assert_eq!(settings.scope.tags, ["vip", "lab"]);
        assert!(text(&settings).contains("Devices come of tags vip, lab"));
        assert_eq!(
            ScopeArguments::default().over(settings.clone()).unwrap(),
            settings
        );
    }

    #[test]
    fn a_list_is_some_or_all_and_never_none() {
        let given = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
            list("--tags", &entries).map_err(|error| error.to_string())
        };
        assert!(given(&["all", "vip"]).unwrap_err().contains("--tags all"));
        assert!(given(&[" "]).unwrap_err().contains("--tags"));
    }

    #[test]
    fn clients_alone_is_said_in_words() {
        let mut settings = plan::presets::settings("default").unwrap();
        settings.devices = false;
        assert!(text(&settings).contains("clients alone"));
    }
}
