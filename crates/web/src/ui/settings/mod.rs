//! Settings: one's own account, people, keys, notifications, the switch that pauses all writes, the hub, the audit log.

mod audit;
mod audited;
mod channels;
mod factor;
mod hub;
mod keys;
mod link;
mod pause;
mod people;
mod person;
mod provider;
mod you;

use crate::Web;
use crate::auth::SignedIn;
use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use model::ActorRole;

/// The page everybody with a second factor to set up is led to.
pub const SECOND_FACTOR: &str = "/settings/you/second-factor";

/// The routes.
pub fn routes() -> Router<Web> {
    let you = Router::new()
        .route("/settings", get(|| async { Redirect::to("/settings/you") }))
        .route("/settings/you", get(you::show).post(you::change_password))
        .route("/settings/you/sessions", post(you::end_sessions))
        .route(link::HERE, get(link::show).post(link::begin))
        .route("/settings/you/unlink", post(link::unlink))
        .route(SECOND_FACTOR, get(factor::show).post(factor::begin))
        .route("/settings/you/second-factor/confirm", post(factor::confirm))
        .route("/settings/you/second-factor/codes", post(factor::renew))
        .route("/settings/you/second-factor/remove", post(factor::remove));
    let people = Router::new()
        .route("/settings/people", get(people::show).post(people::invite))
        .route("/settings/people/required", post(people::require_second_factor))
        .route("/settings/people/{id}", get(person::show))
        .route("/settings/people/{id}/role", post(person::change_role))
        .route("/settings/people/{id}/invitation", post(person::invite_again))
        .route(
            "/settings/people/{id}/second-factor",
            post(person::remove_second_factor),
        )
        .route("/settings/people/{id}/unlink", post(person::unlink))
        .route("/settings/people/{id}/off", post(person::switch_off))
        .route("/settings/people/{id}/on", post(person::switch_on))
        .route("/settings/people/{id}/remove", post(person::remove))
        .route(provider::HERE, get(provider::show).post(provider::save))
        .route("/settings/sign-in/test", post(provider::test))
        .route("/settings/sign-in/remove", post(provider::remove))
        .route("/settings/keys", get(keys::show).post(keys::make))
        .route("/settings/keys/{id}/revoke", post(keys::revoke));
    let hub = Router::new()
        .route("/settings/notifications", get(channels::show))
        .route(
            "/settings/notifications/new",
            get(channels::show_new).post(channels::add),
        )
        .route("/settings/notifications/{name}/test", post(channels::test))
        .route("/settings/notifications/{name}/remove", post(channels::remove))
        .route("/settings/pause", get(pause::show).post(pause::begin))
        .route("/settings/pause/end", post(pause::end))
        .route("/settings/hub", get(hub::show))
        .route("/settings/hub/retention", post(hub::keep_for))
        .route("/settings/hub/confirm", post(hub::confirm))
        .route("/settings/hub/export", get(hub::export))
        .route("/settings/hub/backups", post(hub::back_up))
        .route("/settings/hub/backups/{name}", get(hub::download))
        .route("/settings/hub/backups/{name}/check", post(hub::check))
        .route("/settings/hub/backups/{name}/remove", post(hub::remove))
        .route("/settings/audit", get(audit::show))
        .route("/settings/audit/verify", post(audit::verify));
    you.merge(people).merge(hub)
}

/// The pages of Settings a person may open: label, address, whether it is this one.
pub type Tabs = Vec<(&'static str, &'static str, bool)>;

const TABS: [(&str, &str, ActorRole); 8] = [
    ("You", "/settings/you", ActorRole::Viewer),
    ("People", "/settings/people", ActorRole::Owner),
    ("Sign-in", provider::HERE, ActorRole::Owner),
    ("API keys", "/settings/keys", ActorRole::Technician),
    ("Notifications", "/settings/notifications", ActorRole::Viewer),
    ("Pause writes", "/settings/pause", ActorRole::Viewer),
    ("Hub", "/settings/hub", ActorRole::Owner),
    ("Audit log", "/settings/audit", ActorRole::Owner),
];

/// The pages of Settings this person may open; `here` is the one they are on.
pub fn tabs(signed_in: &SignedIn, here: &str) -> Tabs {
    let mine = TABS.into_iter().filter(|(_, _, role)| signed_in.may(*role));
    mine.map(|(label, path, _)| (label, path, path == here)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_are_pages_of_settings() {
        assert!(TABS.iter().all(|(_, path, _)| path.starts_with("/settings/")));
    }
}
