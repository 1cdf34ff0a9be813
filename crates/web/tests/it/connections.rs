//! Connections: the form with its guide, the consent in a browser, check and switches.

use crate::world::{Answer, Visitor, World};
use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use model::ActorRole;
use simulators::ninjaone::{NinjaOne, Options};
use simulators::technician::Technician;
use std::sync::{Arc, Mutex};
use testkit::TestStore;
use url::Url;

const FORM: &str = "/connections/new?kind=ninjaone";

/// A simulated NinjaOne, and a port where it sends browsers back to.
struct Tenant {
    ninja: NinjaOne,
    base: String,
    returned: Arc<Mutex<String>>,
}

impl Tenant {
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let returned = Arc::new(Mutex::new(String::new()));
        let last = returned.clone();
        let back = Router::new().fallback(move |RawQuery(query): RawQuery| async move {
            *last.lock().unwrap() = query.unwrap_or_default();
            "back"
        });
        tokio::spawn(async move { axum::serve(listener, back).await });
        let mut options = Options {
            devices: 40,
            ..Options::default()
        };
        options.oauth = options
            .oauth
            .with_redirect_uri("demo-web", &format!("{base}/ninja/oauth/resp"));
        Self {
            ninja: NinjaOne::start_on_loopback(options).await.unwrap(),
            base,
            returned,
        }
    }

    async fn world(&self) -> World {
        World::at(TestStore::sqlite().await, &self.base).await
    }

    /// The form as somebody fills it in.
    fn form(&self) -> Vec<(&'static str, String)> {
        vec![
            ("kind", "ninjaone".to_owned()),
            ("name", "ninja".to_owned()),
            ("setting.region", "custom".to_owned()),
            ("setting.base_url", self.ninja.base_url()),
            ("setting.client_id", "demo-web".to_owned()),
            ("secret.client_secret", "demo-web-secret".to_owned()),
            ("private_hosts", "on".to_owned()),
        ]
    }

    /// Signs in at NinjaOne and agrees, or not; the path and query the browser comes back with.
    async fn consent(&self, page: &Url, agrees: bool) -> String {
        let technician = Technician {
            email: "tech@example.test".into(),
            password: "demo-password".into(),
            agrees,
        };
        technician.consent(page, &self.base).await.unwrap();
        format!("/ninja/oauth/resp?{}", self.returned.lock().unwrap())
    }
}

async fn post(visitor: &mut Visitor, path: &str, form: &[(&'static str, String)]) -> Answer {
    let form: Vec<_> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
    visitor.post(path, &form).await
}

/// Where an answer sends the browser on to the vendor.
fn away(answer: &Answer) -> Url {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let refresh = answer.headers["refresh"].to_str().unwrap();
    Url::parse(refresh.strip_prefix("0;url=").unwrap()).unwrap()
}

async fn the_connection(world: &World) -> model::Connection {
    world.engine.connections(&world.console).await.unwrap().remove(0)
}

#[tokio::test]
async fn h07_to_h19_the_guide_of_the_client_app_stands_beside_the_form() {
    let mut site = crate::world::site("https://bridge.example.com");
    site.other_redirects = vec!["https://bridge-test.example.com/ninja/oauth/resp".to_owned()];
    let world = World::of(TestStore::sqlite().await, site).await;
    let page = world.signed_in(ActorRole::Owner).await.get(FORM).await;
    insta::assert_snapshot!(page.text());
    // H07: the documentation. H09: the very page where client apps are made.
    for link in [
        "https://app.ninjarmm.com/apidocs-beta/authorization/overview",
        "https://app.ninjarmm.com/#/administration/apps/api/client",
    ] {
        assert!(page.body.contains(&format!(r#"href="{link}""#)), "{link}");
    }
    // H12, H13, H14: test and production are registered on one app.
    for redirect in [
        "https://bridge.example.com/ninja/oauth/resp",
        "https://bridge-test.example.com/ninja/oauth/resp",
    ] {
        assert!(page.body.contains(&format!(">{redirect}</code>")), "{redirect}");
    }
}

#[tokio::test]
async fn h20_h21_h22_h23_h24_h25_the_screen_has_a_tab_for_ninjaone_with_its_fields() {
    let world = World::new().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    for address in ["/connections", "/mycompany/integrations"] {
        let page = owner.get(address).await;
        assert!(
            page.body.contains(r#"href="/connections/new?kind=ninjaone""#),
            "{}",
            page.text()
        );
    }
    let page = owner.get(FORM).await;
    assert!(
        page.body
            .contains(r#"<a href="/connections/new?kind=ninjaone" aria-current="page">NinjaOne</a>"#),
        "{}",
        page.body
    );
    for field in [
        "setting.region",
        "setting.base_url",
        "setting.client_id",
        "secret.client_secret",
    ] {
        assert!(page.body.contains(&format!(r#"name="{field}""#)), "{field}");
    }
    for region in ["us", "us2", "eu", "oceania", "canada", "fedramp", "custom"] {
        assert!(
            page.body.contains(&format!(r#"<option value="{region}">"#)),
            "{region}"
        );
    }
    assert!(page.text().contains("US (app.ninjarmm.com)"));
}

#[tokio::test]
async fn what_cannot_be_used_stands_at_its_field_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let form = [
        ("kind", "ninjaone"),
        ("name", "ni\u{202e}nja"),
        ("setting.region", "custom"),
        ("setting.client_id", "two words"),
        ("setting.page_size", "<b>9999"),
        ("secret.client_secret", "hush-hush"),
    ];
    let page = owner.post("/connections/new", &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (field, said) in [
        ("name", "At most 60 letters"),
        ("setting-base_url", "enter your NinjaOne address"),
        ("setting-client_id", "a client ID has no spaces"),
        ("setting-page_size", "must be a whole number"),
    ] {
        let start = page
            .body
            .find(&format!(r#"id="field-{field}-error">"#))
            .expect(field);
        assert!(
            page.body[start..start + 160].contains(said),
            "{field}: {}",
            &page.body[start..start + 160]
        );
    }
    // The rare field that is wrong is not hidden; what was typed stays, as text; the secret does not come back.
    assert!(page.body.contains(r#"<details class="more" open>"#));
    assert!(page.body.contains(r#"value="&#60;b&#62;9999""#) && page.body.contains(r#"value="two words""#));
    assert!(!page.body.contains("hush-hush"));
    assert!(world.engine.connections(&world.console).await.unwrap().is_empty());
    assert_eq!(
        owner.get("/connections/new?kind=fax").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn private_hosts_that_are_still_needed_are_told_at_their_box() {
    let tenant = Tenant::new().await;
    let world = tenant.world().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let unticked: Vec<_> = tenant
        .form()
        .into_iter()
        .filter(|(key, _)| *key != "private_hosts")
        .collect();
    let told = |page: &Answer| {
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text());
        let error = page.body.split(r#"id="field-private_hosts-error">"#).nth(1);
        let error = error.and_then(|rest| rest.split('<').next()).unwrap();
        assert!(
            error.contains(&tenant.ninja.base_url()) && error.contains("without encryption. Use https"),
            "{error}"
        );
        // The box is not hidden, and what was typed stays.
        assert!(
            page.body.contains(r#"<details class="more" open>"#),
            "{}",
            page.main()
        );
        assert!(page.body.contains(r#"value="demo-web""#) && !page.body.contains("demo-web-secret"));
    };
    told(&post(&mut owner, "/connections/new", &unticked).await);
    assert!(world.engine.connections(&world.console).await.unwrap().is_empty());
    post(&mut owner, "/connections/new", &tenant.form()).await;
    let before = the_connection(&world).await;
    told(&post(&mut owner, &format!("/connections/{}", before.id), &unticked).await);
    assert_eq!(the_connection(&world).await, before, "nothing was stored");
}

#[tokio::test]
async fn only_an_owner_makes_and_changes_connections() {
    let tenant = Tenant::new().await;
    let world = tenant.world().await;
    for role in [ActorRole::Viewer, ActorRole::Technician] {
        let mut visitor = world.signed_in(role).await;
        assert_eq!(visitor.get(FORM).await.status, StatusCode::FORBIDDEN);
        let answer = post(&mut visitor, "/connections/new", &tenant.form()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        assert!(
            !visitor
                .get("/connections")
                .await
                .body
                .contains("/connections/new")
        );
    }
    let mut owner = world.signed_in(ActorRole::Owner).await;
    post(&mut owner, "/connections/new", &tenant.form()).await;
    let address = format!("/connections/{}", the_connection(&world).await.id);
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    let page = viewer.get(&address).await;
    assert!(
        !page.body.contains("<form method=\"post\" action=\"/connections"),
        "{}",
        page.main()
    );
    for deed in ["check", "pause", "resume", "authorize"] {
        let answer = viewer.post(&format!("{address}/{deed}"), &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{deed}");
    }
    // Names are unique: a second form does not change the first connection.
    let again = post(&mut owner, "/connections/new", &tenant.form()).await;
    assert!(
        again.text().contains("A connection has this name already"),
        "{}",
        again.text()
    );
}

#[tokio::test]
async fn h05_h06_h26_h27_saving_leads_to_the_consent_and_agreeing_completes_the_connection() {
    let tenant = Tenant::new().await;
    let world = tenant.world().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let answer = post(&mut owner, "/connections/new", &tenant.form()).await;
    let vendor = away(&answer);
    assert!(vendor.as_str().starts_with(&tenant.ninja.base_url()), "{vendor}");
    // H15, H16: monitoring and what keeps it up, nothing beyond.
    let scope = vendor
        .query_pairs()
        .find(|(key, _)| key == "scope")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(scope, "monitoring offline_access");
    assert!(!answer.body.contains("demo-web-secret"));
    let address = format!("/connections/{}", the_connection(&world).await.id);
    assert!(owner.get(&address).await.text().contains("Needs authorization"));

    // Refused: it stays as incomplete as it was, and says so in words.
    let back = tenant.consent(&vendor, false).await;
    assert_eq!(owner.get(&back).await.to(), Some(address.as_str()));
    let page = owner.get(&address).await.text();
    assert!(
        page.contains("Not connected.") && page.contains("Needs authorization"),
        "{page}"
    );

    let vendor = away(&owner.post(&format!("{address}/authorize"), &[]).await);
    let back = tenant.consent(&vendor, true).await;
    assert_eq!(owner.get(&back).await.to(), Some(address.as_str()));
    let page = owner.get(&address).await.text();
    assert!(
        page.contains("ninja is connected: the grant works.") && page.contains("Connected"),
        "{page}"
    );
    assert!(page.contains("Reconnect"), "{page}");
    // Shown once.
    assert!(
        !owner
            .get(&address)
            .await
            .text()
            .contains("is connected: the grant works")
    );

    let checked = owner.post(&format!("{address}/check"), &[]).await.text();
    assert!(
        checked.contains("Every point is as it should be.") && checked.contains("Passed:"),
        "{checked}"
    );
    tenant.ninja.shutdown().await;
    let checked = owner.post(&format!("{address}/check"), &[]).await.text();
    assert!(checked.contains("Failed:"), "{checked}");
    assert!(owner.get(&address).await.text().contains("Needs attention"));
}

#[tokio::test]
async fn a_state_is_good_for_one_browser_and_one_return() {
    let tenant = Tenant::new().await;
    let world = tenant.world().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let vendor = away(&post(&mut owner, "/connections/new", &tenant.form()).await);
    let back = tenant.consent(&vendor, true).await;
    // Another browser of the same person, and one nobody signed in with.
    let mut second = world.signed_in(ActorRole::Owner).await;
    let refused = second.get(&back).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.text().contains("not begun in this browser"),
        "{}",
        refused.text()
    );
    assert!(
        world
            .visitor()
            .get(&back)
            .await
            .to()
            .unwrap()
            .starts_with("/sign-in")
    );
    assert_eq!(
        the_connection(&world).await.state,
        model::ConnectionState::NeedsAuthorization
    );
    // Its own browser still finishes it, on either path; and then it is used up.
    let other_path = back.replace("/ninja/oauth/resp", "/dashboard/integrations/ninjaone-callback");
    assert!(
        owner
            .get(&other_path)
            .await
            .to()
            .unwrap()
            .starts_with("/connections/")
    );
    assert_eq!(
        the_connection(&world).await.state,
        model::ConnectionState::Connected
    );
    assert_eq!(owner.get(&back).await.status, StatusCode::FORBIDDEN);
    for strange in [
        "/ninja/oauth/resp",
        "/ninja/oauth/resp?state=x&code=y",
        "/ninja/oauth/resp?error=access_denied",
    ] {
        assert_eq!(
            owner.get(strange).await.status,
            StatusCode::FORBIDDEN,
            "{strange}"
        );
    }
    // Nothing of it is left, sealed or not.
    assert_eq!(
        world
            .store
            .sql("SELECT COUNT(*) FROM secret WHERE owner_id LIKE 'consent:%'")
            .await,
        0
    );
}

#[tokio::test]
async fn a_consent_for_settings_that_changed_meanwhile_is_refused() {
    let tenant = Tenant::new().await;
    let world = tenant.world().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let vendor = away(&post(&mut owner, "/connections/new", &tenant.form()).await);
    let back = tenant.consent(&vendor, true).await;
    let address = format!("/connections/{}", the_connection(&world).await.id);
    let changed: Vec<_> = tenant
        .form()
        .into_iter()
        .map(|(key, value)| {
            if key == "setting.client_id" {
                (key, "demo-monitoring".to_owned())
            } else {
                (key, value)
            }
        })
        .collect();
    post(&mut owner, &address, &changed).await;
    owner.get(&back).await;
    let page = owner.get(&address).await.text();
    assert!(page.contains("changed to another account meanwhile"), "{page}");
    assert_ne!(
        the_connection(&world).await.state,
        model::ConnectionState::Connected
    );
}

#[tokio::test]
async fn pause_read_only_and_settings_that_stay_as_they_were_written() {
    let tenant = Tenant::new().await;
    let world = tenant.world().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let vendor = away(&post(&mut owner, "/connections/new", &tenant.form()).await);
    let back = tenant.consent(&vendor, true).await;
    owner.get(&back).await;
    let address = format!("/connections/{}", the_connection(&world).await.id);
    owner.post(&format!("{address}/pause"), &[]).await;
    let page = owner.get(&address).await.text();
    assert!(
        page.contains("ninja is paused") && page.contains("Resume"),
        "{page}"
    );
    owner.post(&format!("{address}/resume"), &[]).await;
    assert!(
        owner
            .get(&address)
            .await
            .text()
            .contains("ninja goes on: Connected.")
    );
    owner
        .post(&format!("{address}/read-only"), &[("read_only", "true")])
        .await;
    assert!(the_connection(&world).await.read_only);
    assert!(
        owner
            .get(&address)
            .await
            .text()
            .contains("read-only: plans are made")
    );

    // Saved without a change and without typing the secret again: as connected as before.
    let before = the_connection(&world).await;
    let unchanged: Vec<_> = tenant
        .form()
        .into_iter()
        .filter(|(key, _)| !key.starts_with("secret"))
        .collect();
    assert_eq!(
        post(&mut owner, &address, &unchanged).await.to(),
        Some(address.as_str())
    );
    let after = the_connection(&world).await;
    assert_eq!((after.settings, after.state), (before.settings, before.state));
    let page = owner.get(&address).await;
    assert!(page.text().contains("Settings saved."));
    assert!(page.body.contains(r#"value="demo-web""#) && !page.body.contains("demo-web-secret"));
    // The words of the audit log: who did it.
    let log = world.engine.audit_log(&world.console, None, 50).await.unwrap();
    assert!(
        log.iter()
            .any(|e| e.action == "connection.changed" && e.actor == "person:owner"),
        "{log:#?}"
    );
}
