//! How a vendor's uncertain behaviour is switched by name: `default-page-size=200`, `bare-activities`.

/// A switch as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirk {
    /// Its name.
    pub name: &'static str,
    /// What it takes, the default first where there is one.
    pub values: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

pub(crate) const fn quirk(name: &'static str, values: &'static str, meaning: &'static str) -> Quirk {
    Quirk {
        name,
        values,
        meaning,
    }
}

/// Why a text names no switch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuirkText {
    /// None has the name.
    #[error("no quirk is called `{name}`; known: {}", known(.quirks))]
    Unknown {
        /// What was written.
        name: String,
        /// The switches there are.
        quirks: &'static [Quirk],
    },
    /// The value is not of its kind.
    #[error("the quirk {} takes {}, not `{value}`", .quirk.name, .quirk.values)]
    Value {
        /// The switch.
        quirk: Quirk,
        /// What was written.
        value: String,
    },
}

fn known(quirks: &[Quirk]) -> String {
    let names: Vec<&str> = quirks.iter().map(|quirk| quirk.name).collect();
    names.join(", ")
}

/// The switch that `text` names, and its value: `name=value`, or `name` alone for `on`.
pub(crate) fn named<'t>(
    quirks: &'static [Quirk],
    text: &'t str,
) -> Result<(&'static Quirk, &'t str), QuirkText> {
    let (name, value) = text.split_once('=').unwrap_or((text, "on"));
    let quirk = quirks.iter().find(|quirk| quirk.name == name);
    let quirk = quirk.ok_or_else(|| QuirkText::Unknown {
        name: name.to_owned(),
        quirks,
    })?;
    Ok((quirk, value))
}
