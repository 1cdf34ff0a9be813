//! The form of a connection's settings, made out of what its connector asks for.

use crate::auth::SECRET;
use crate::ui::form::Field;
use engine::{Connector, PRIVATE_HOSTS, Setting, SettingProblem};
use model::Connection;
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const SETTING: &str = "setting.";

/// What a person typed, or what is stored.
#[derive(Clone, Debug, Default)]
pub struct Typed(BTreeMap<String, String>);

/// The fields of a connection's form.
#[derive(Clone, Debug)]
pub struct Fields {
    /// What it is called; `None` once it has a name.
    pub name: Option<Field>,
    /// The fields everybody fills in.
    pub main: Vec<Field>,
    /// Those hardly anybody changes.
    pub rare: Vec<Field>,
    /// Whether one of those has a problem, so that they must be shown.
    pub rare_open: bool,
    /// Whether private and loopback hosts are allowed.
    pub private_hosts: Field,
    /// A problem of no field.
    pub problem: Option<String>,
}

/// A stored setting as its field shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

impl Typed {
    /// Out of a form that was sent.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// What is stored of a connection.
    pub fn stored(connection: &Connection) -> Self {
        let settings = connection.settings.as_object().into_iter().flatten();
        let mut typed: BTreeMap<_, _> = settings
            .map(|(key, value)| (format!("{SETTING}{key}"), shown(value)))
            .collect();
        if connection.allow_private_hosts {
            typed.insert(PRIVATE_HOSTS.to_owned(), "on".to_owned());
        }
        Self(typed)
    }

    /// The same with what a field holds before anybody typed.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.0.insert(key.to_owned(), value.to_owned());
        self
    }

    /// What a field holds.
    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// Whether private and loopback hosts are allowed.
    pub fn private_hosts(&self) -> bool {
        !self.get(PRIVATE_HOSTS).is_empty()
    }

    /// The settings, over those that are stored: what a field did not change stays as it was written.
    pub fn settings(&self, connector: &dyn Connector, stored: Option<&Value>) -> Value {
        let stored = stored.and_then(Value::as_object).cloned().unwrap_or_default();
        let mut settings: Map<String, Value> = stored.clone();
        for setting in connector.settings().iter().filter(|s| !s.secret) {
            let typed = self.get(&format!("{SETTING}{}", setting.key)).trim();
            let before = stored.get(setting.key).map(shown).unwrap_or_default();
            if typed.is_empty() {
                settings.remove(setting.key);
            } else if typed != before {
                settings.insert(setting.key.to_owned(), Value::String(typed.to_owned()));
            }
        }
        Value::Object(settings)
    }

    /// The secrets that were typed; those left blank stay as they are.
    pub fn secrets(&self, connector: &dyn Connector) -> BTreeMap<String, SecretString> {
        let secrets = connector.settings().iter().filter(|s| s.secret);
        secrets
            .filter_map(|setting| {
                let typed = self.get(&format!("{SECRET}{}", setting.key)).trim();
                (!typed.is_empty()).then(|| (setting.key.to_owned(), typed.to_owned().into()))
            })
            .collect()
    }
}

impl Fields {
    /// The form of a connector, holding `typed`, each problem at its field. `is_new` asks for a name too.
    pub fn new(connector: &dyn Connector, typed: &Typed, is_new: bool, problems: &[SettingProblem]) -> Self {
        let known = |key: &str| {
            connector.settings().iter().any(|s| s.key == key) || matches!(key, "name" | PRIVATE_HOSTS)
        };
        let others: Vec<_> = problems
            .iter()
            .filter(|p| !known(&p.key))
            .map(|p| p.message.clone())
            .collect();
        let (rare, main): (Vec<_>, Vec<_>) = connector
            .settings()
            .iter()
            .partition(|s| connector.is_rare(s.key));
        let draw = |settings: Vec<&Setting>| -> Vec<Field> {
            let fields = settings.into_iter();
            fields
                .map(|s| field(connector, s, typed, is_new).problem_of(s.key, problems))
                .collect()
        };
        let rare = draw(rare);
        let private_hosts = Field::tick(
            PRIVATE_HOSTS,
            "Allow private and loopback hosts",
            typed.private_hosts(),
        )
        .help("For a simulator, or a system in your own network. Leave it off otherwise")
        .problem_of(PRIVATE_HOSTS, problems);
        let rare_open = private_hosts.error.is_some() || rare.iter().any(|field| field.error.is_some());
        Self {
            name: is_new.then(|| {
                Field::text("name", "Name")
                    .help("What this connection is called here, e.g. ninjaone or ninjaone-eu")
                    .value(typed.get("name"))
                    .required()
                    .problem_of("name", problems)
            }),
            main: draw(main),
            rare_open,
            rare,
            private_hosts,
            problem: (!others.is_empty()).then(|| others.join("; ")),
        }
    }
}

/// Longer help is the guide's, where there is one beside the form.
const LONG_HELP: usize = 300;

fn field(connector: &dyn Connector, setting: &Setting, typed: &Typed, is_new: bool) -> Field {
    if setting.secret {
        let kept = if is_new {
            ""
        } else {
            " Leave it blank to keep the one that is stored."
        };
        let field = Field::password(&format!("{SECRET}{}", setting.key), setting.label);
        let field = field
            .help(&format!("{}{kept}", setting.help))
            .autocomplete("new-password");
        return if setting.required && is_new {
            field.required()
        } else {
            field
        };
    }
    let name = format!("{SETTING}{}", setting.key);
    let choices = connector.choices(setting.key);
    let field = if choices.is_empty() {
        let told = setting.help.len() > LONG_HELP && !connector.guide(&Value::Null, &[]).is_empty();
        Field::text(&name, setting.label).help(if told { "" } else { setting.help })
    } else {
        // The choices say what there is; the long help of the command line would say it twice.
        let blank = [("", "Choose …")];
        let choices = choices.iter().map(|(value, label)| (*value, label.as_str()));
        Field::choice(&name, setting.label, blank.into_iter().chain(choices))
    };
    let field = field.value(typed.get(&name));
    if setting.required { field.required() } else { field }
}
