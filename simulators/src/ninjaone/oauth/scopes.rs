//! Scopes: what they are called, and which of them an app may ask for.

use std::collections::BTreeSet;

use super::apps::App;

/// The scope that asks for a refresh token; no tick box of an app, every app may ask for it.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// A set of scopes from their names.
pub(super) fn scope_set(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|&scope| scope.to_owned()).collect()
}

/// The first scope the app has not ticked, in words.
pub(super) fn unticked(app: &App, scopes: &BTreeSet<String>) -> Option<String> {
    let missing = scopes
        .iter()
        .find(|scope| *scope != OFFLINE_ACCESS && !app.scopes.contains(*scope))?;
    Some(format!(
        "the scope {missing:?} is not ticked on the app {:?}",
        app.client_id
    ))
}

/// The scopes of a space-separated list.
pub(super) fn parse_scopes(text: &str) -> BTreeSet<String> {
    text.split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}
