//! What cannot be used of what was typed under Settings.

use super::between;
use crate::world::World;
use axum::http::StatusCode;
use model::ActorRole;

#[tokio::test]
async fn what_cannot_be_used_is_told_at_its_field_and_what_was_typed_stays() {
    let world = World::new().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let long = "x".repeat(400);
    let long = long.as_str();
    type Typed<'a> = &'a [(&'a str, &'a str)];
    let cases: &[(&str, Typed, &str, &str)] = &[
        (
            "/settings/people",
            &[("name", ""), ("role", "viewer")],
            "name",
            "Enter a name",
        ),
        (
            "/settings/people",
            &[("name", long), ("role", "viewer")],
            "name",
            "At most 100",
        ),
        (
            "/settings/people",
            &[("name", "<b>a"), ("role", "viewer")],
            "name",
            "Letters, digits",
        ),
        (
            "/settings/people",
            &[("name", "a\u{202e}b"), ("role", "viewer")],
            "name",
            "Letters, digits",
        ),
        (
            "/settings/people",
            &[("name", "owner"), ("role", "viewer")],
            "name",
            "Somebody has this name",
        ),
        (
            "/settings/people",
            &[("name", "ada"), ("role", "king")],
            "role",
            "Choose a role",
        ),
        (
            "/settings/keys",
            &[("name", "k"), ("days", "30")],
            "scopes",
            "Choose at least one",
        ),
        (
            "/settings/keys",
            &[("name", ""), ("scope", "read"), ("days", "30")],
            "name",
            "Give it a name",
        ),
        (
            "/settings/keys",
            &[("name", long), ("scope", "read"), ("days", "30")],
            "name",
            "At most 80",
        ),
        (
            "/settings/keys",
            &[("name", "a\u{200f}"), ("scope", "read"), ("days", "30")],
            "name",
            "do not show",
        ),
        (
            "/settings/keys",
            &[("name", "k"), ("scope", "read"), ("days", "ever")],
            "days",
            "1 to 730",
        ),
        ("/settings/pause", &[("reason", "  ")], "reason", "Say why"),
        ("/settings/pause", &[("reason", long)], "reason", "At most 300"),
        (
            "/settings/pause",
            &[("reason", "a\u{202e}b")],
            "reason",
            "do not show",
        ),
        (
            "/settings/hub/retention",
            &[("days", "soon")],
            "days",
            "A number of days",
        ),
        ("/settings/hub/retention", &[("days", "6")], "days", "7 at least"),
        (
            "/settings/hub/retention",
            &[("days", "")],
            "days",
            "A number of days",
        ),
        (
            "/settings/notifications/new",
            &[("kind", "teams"), ("name", "")],
            "name",
            "needs a name",
        ),
        (
            "/settings/notifications/new",
            &[("kind", "slack"), ("name", "a"), ("secret.url", "ftp://x")],
            "secret-url",
            "https://",
        ),
        (
            "/settings/notifications/new",
            &[("kind", "slack"), ("name", "a"), ("secret.url", "nonsense")],
            "secret-url",
            "no web address",
        ),
        (
            "/settings/notifications/new",
            &[("kind", "mail"), ("name", "a"), ("port", "many")],
            "port",
            "1 to 65535",
        ),
        (
            "/settings/notifications/new",
            &[
                ("kind", "mail"),
                ("name", "a"),
                ("host", "a b"),
                ("from", "x"),
                ("to", "y@z.example"),
            ],
            "host",
            "mail server",
        ),
        (
            "/settings/notifications/new",
            &[
                ("kind", "mail"),
                ("name", "a"),
                ("host", "h"),
                ("from", "x"),
                ("to", "y@z.example"),
            ],
            "from",
            "no e-mail address",
        ),
        (
            "/settings/notifications/new",
            &[
                ("kind", "mail"),
                ("name", "a"),
                ("host", "h"),
                ("from", "a@b.example"),
                ("to", ""),
            ],
            "to",
            "somebody has to get it",
        ),
    ];
    for (path, form, field, said) in cases {
        let page = owner.post(path, form).await;
        assert_eq!(
            page.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{path} {form:?}: {}",
            page.text()
        );
        let id = if *field == "scopes" {
            "scopes-error".to_owned()
        } else {
            format!("field-{field}-error")
        };
        let error = between(&page.body, &format!(r#"id="{id}">"#), "<");
        assert!(error.contains(said), "{path} {form:?}: {error}");
        assert!(
            !page.body.contains("<b>a") && !page.body.contains("ftp://x"),
            "{path}"
        );
        for (name, value) in *form {
            if !value.is_empty()
                && !name.starts_with("secret.")
                && !value.contains('<')
                && *name != "kind"
                && *value != "king"
                && *value != "ever"
                && value.trim() == *value
            {
                assert!(page.body.contains(value), "{path}: {name} stays");
            }
        }
    }
    // Markup in a name is only text.
    let markup = owner
        .post(
            "/settings/keys",
            &[
                ("name", "<script>x</script>"),
                ("scope", "read"),
                ("days", "30"),
                ("hub", "on"),
            ],
        )
        .await;
    assert_eq!(markup.status, StatusCode::OK);
    assert!(!markup.body.contains("<script>x"));
    assert!(!owner.get("/settings/keys").await.body.contains("<script>x"));
}
