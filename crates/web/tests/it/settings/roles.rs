//! What every page and button of Settings does for each role.

use super::id_of;
use crate::world::{PASSWORD, World};
use axum::http::StatusCode;
use model::ActorRole;

const ROLES: [ActorRole; 3] = [ActorRole::Viewer, ActorRole::Technician, ActorRole::Owner];

/// The fields of a form, and what they hold.
type Form = &'static [(&'static str, &'static str)];

/// What every POST under Settings answers to each role: the least role that may, and what it is sent.
const POSTS: &[(&str, ActorRole, Form)] = &[
    (
        "/settings/you",
        ActorRole::Viewer,
        &[("secret.password", PASSWORD), ("secret.again", PASSWORD)],
    ),
    ("/settings/you/sessions", ActorRole::Viewer, &[]),
    (
        "/settings/you/link",
        ActorRole::Viewer,
        &[("secret.old", PASSWORD)],
    ),
    ("/settings/you/unlink", ActorRole::Viewer, &[]),
    (
        "/settings/sign-in",
        ActorRole::Owner,
        &[
            ("label", "Company account"),
            ("issuer", "https://login.example.com"),
            ("client_id", "hub"),
            ("secret.client_secret", "hush"),
            ("scopes", "openid email"),
        ],
    ),
    ("/settings/sign-in/test", ActorRole::Owner, &[]),
    ("/settings/sign-in/remove", ActorRole::Owner, &[]),
    (
        "/settings/you/second-factor",
        ActorRole::Viewer,
        &[("secret.old", PASSWORD)],
    ),
    (
        "/settings/you/second-factor/confirm",
        ActorRole::Viewer,
        &[("secret.code", "000000")],
    ),
    (
        "/settings/you/second-factor/codes",
        ActorRole::Viewer,
        &[("secret.code-2", "000000")],
    ),
    (
        "/settings/you/second-factor/remove",
        ActorRole::Viewer,
        &[("secret.code-2", "000000")],
    ),
    (
        "/settings/people",
        ActorRole::Owner,
        &[("name", "new"), ("role", "viewer")],
    ),
    (
        "/settings/people/required",
        ActorRole::Owner,
        &[("required", "false")],
    ),
    (
        "/settings/people/ID/role",
        ActorRole::Owner,
        &[("role", "technician")],
    ),
    ("/settings/people/ID/invitation", ActorRole::Owner, &[]),
    ("/settings/people/ID/second-factor", ActorRole::Owner, &[]),
    ("/settings/people/ID/unlink", ActorRole::Owner, &[]),
    ("/settings/people/ID/off", ActorRole::Owner, &[]),
    ("/settings/people/ID/on", ActorRole::Owner, &[]),
    ("/settings/people/ID/remove", ActorRole::Owner, &[]),
    (
        "/settings/keys",
        ActorRole::Technician,
        &[("name", "key"), ("scope", "read"), ("days", "30")],
    ),
    ("/settings/keys/none/revoke", ActorRole::Technician, &[]),
    (
        "/settings/notifications/new",
        ActorRole::Owner,
        &[
            ("kind", "slack"),
            ("name", "noc"),
            ("secret.url", "https://hooks.example.com/1"),
        ],
    ),
    ("/settings/notifications/noc/test", ActorRole::Owner, &[]),
    ("/settings/notifications/noc/remove", ActorRole::Owner, &[]),
    ("/settings/pause", ActorRole::Technician, &[("reason", "a test")]),
    ("/settings/pause/end", ActorRole::Owner, &[]),
    ("/settings/hub/retention", ActorRole::Owner, &[("days", "30")]),
    ("/settings/hub/confirm", ActorRole::Owner, &[]),
    ("/settings/hub/backups", ActorRole::Owner, &[]),
    ("/settings/hub/backups/none/check", ActorRole::Owner, &[]),
    ("/settings/hub/backups/none/remove", ActorRole::Owner, &[]),
    ("/settings/audit/verify", ActorRole::Viewer, &[]),
];

const GETS: &[(&str, ActorRole)] = &[
    ("/settings/you", ActorRole::Viewer),
    ("/settings/you/second-factor", ActorRole::Viewer),
    ("/settings/sign-in", ActorRole::Owner),
    ("/settings/people", ActorRole::Owner),
    ("/settings/people/ID", ActorRole::Owner),
    ("/settings/keys", ActorRole::Technician),
    ("/settings/notifications", ActorRole::Viewer),
    ("/settings/notifications/new?kind=mail", ActorRole::Owner),
    ("/settings/pause", ActorRole::Viewer),
    ("/settings/hub", ActorRole::Owner),
    ("/settings/hub/export", ActorRole::Owner),
    ("/settings/hub/backups/none", ActorRole::Owner),
    ("/settings/audit", ActorRole::Owner),
];

#[tokio::test]
async fn every_page_and_button_does_for_each_role_what_it_may() {
    for role in ROLES {
        let world = World::new().await;
        let mut visitor = world.signed_in(role).await;
        world.signed_in(ActorRole::Viewer).await;
        for (path, least) in GETS {
            let path = path.replace("ID", &id_of(&world, "viewer").await);
            let answer = visitor.get(&path).await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, role < *least, "{role:?} GET {path}: {}", answer.status);
            if !refused && !path.contains("none") {
                assert_eq!(answer.status, StatusCode::OK, "{role:?} GET {path}");
            }
        }
        for (path, least, form) in POSTS {
            let world = World::new().await;
            let mut visitor = world.signed_in(role).await;
            world
                .engine
                .add_person(&world.console, "somebody", ActorRole::Viewer, None)
                .await
                .unwrap();
            let path = path.replace("ID", &id_of(&world, "somebody").await);
            // Nobody who is not signed in gets anywhere.
            let stranger = world.visitor().post(&path, form).await;
            assert_eq!(
                stranger.status,
                StatusCode::UNAUTHORIZED,
                "a stranger POST {path}"
            );
            let log = world.store.audit_entries(None, 1).await.unwrap();
            let answer = visitor.post(&path, form).await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(
                refused,
                role < *least,
                "{role:?} POST {path}: {} {}",
                answer.status,
                answer.body
            );
            assert!(
                !answer.status.is_server_error(),
                "{role:?} POST {path}: {}",
                answer.body
            );
            if refused {
                assert_eq!(
                    world.store.audit_entries(None, 1).await.unwrap(),
                    log,
                    "{path} did nothing"
                );
            }
        }
    }
}
