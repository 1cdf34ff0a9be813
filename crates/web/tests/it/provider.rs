//! Signing in through an identity provider, as a person at a browser meets it: the way there and back, each refusal in
//! words at its place, linking and unlinking, and an Owner's page for it.

use crate::world::{Answer, PASSWORD, Visitor, World};
use axum::http::StatusCode;
use axum::http::header::REFRESH;
use engine::sign_in_provider::SignInProvider;
use jiff::{SignedDuration, Timestamp};
use model::{Actor, ActorRole, Person};
use simulators::identity::{Account, Identity, Options, Slip};
use std::sync::Arc;
use testkit::TestStore;

const CALLBACK: &str = "http://127.0.0.1:8790/sign-in/provider/callback";

/// The simulator lives in the hub's time.
struct HubTime(Arc<dyn model::Clock>);

impl simulators::clock::Clock for HubTime {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// A provider in the time of `world`; its people are not known here.
async fn provider(world: &World) -> Identity {
    let unsure = Account {
        subject: "subject-of-unsure".to_owned(),
        email_verified: Some(false),
        ..Account::of("ada@example.test")
    };
    let options = Options {
        redirect_uris: vec![CALLBACK.to_owned()],
        accounts: vec![
            Account::of("ada@example.test"),
            Account::of("grace@example.test"),
            unsure,
        ],
        clock: Arc::new(HubTime(world.engine.clock().clone())),
        ..Options::default()
    };
    let identity = Identity::start_on_loopback(options).await.unwrap();
    set(world, &identity, |_| {}).await;
    identity
}

async fn set(world: &World, identity: &Identity, change: impl FnOnce(&mut SignInProvider)) {
    let mut settings = SignInProvider {
        label: "Company account".to_owned(),
        issuer: identity.issuer(),
        client_id: "demo-oidc".to_owned(),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        knows_by_email: true,
        admits: None,
        domain: None,
        asks_own_factor: false,
        allow_private_hosts: true,
    };
    change(&mut settings);
    let secret = Some("demo-oidc-secret".into());
    world
        .engine
        .save_sign_in_provider(&world.console, settings, secret)
        .await
        .unwrap();
}

async fn ada(world: &World) -> Person {
    world
        .engine
        .add_person(
            &world.console,
            "ada@example.test",
            ActorRole::Technician,
            Some(PASSWORD.into()),
        )
        .await
        .unwrap()
}

/// Where a page sends the browser.
fn away(page: &Answer) -> String {
    let refresh = page.headers.get(REFRESH).unwrap_or_else(|| panic!("{page:?}"));
    refresh
        .to_str()
        .unwrap()
        .strip_prefix("0;url=")
        .unwrap()
        .to_owned()
}

/// The callback's path and query once somebody decided at the provider.
fn decided(identity: &Identity, page: &Answer, subject: Option<&str>) -> String {
    let back = identity.decide(&away(page), subject).unwrap();
    back.strip_prefix("http://127.0.0.1:8790").unwrap().to_owned()
}

/// Presses the button of the sign-in page and comes back.
async fn comes_back(visitor: &mut Visitor, identity: &Identity, subject: Option<&str>) -> Answer {
    let page = visitor.post("/sign-in/provider", &[("next", "/runs")]).await;
    let back = decided(identity, &page, subject);
    visitor.get(&back).await
}

#[tokio::test]
async fn a_provider_signs_in_with_a_new_session_and_leads_where_one_wanted_to_go() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let mut visitor = world.visitor();
        world.signed_in(ActorRole::Owner).await;
        assert!(!visitor.get("/sign-in").await.body.contains("Sign in with"));
        let identity = provider(&world).await;
        ada(&world).await;
        let page = visitor.get("/sign-in?next=%2Fruns").await;
        assert!(
            page.text().contains("Sign in with Company account"),
            "{}",
            page.text()
        );
        let page = visitor
            .post(
                "/sign-in/provider",
                &[("next", "/runs"), ("typed", "note=5+%E2%82%AC")],
            )
            .await;
        assert!(page.text().contains("On to 127.0.0.1"), "{}", page.text());
        let address = away(&page);
        for part in [
            "code_challenge_method=S256",
            "state=",
            "nonce=",
            "scope=openid+email",
        ] {
            assert!(address.contains(part), "{part} in {address}");
        }
        assert!(!address.contains("secret"), "{address}");
        let before = visitor.cookies["rmmbridge"].clone();
        let back = decided(&identity, &page, Some("subject-of-ada"));
        let signed_in = visitor.get(&back).await;
        // What was typed when a session had ended is not lost on the way.
        assert!(
            signed_in.body.contains(r#"action="/runs""#) && signed_in.body.contains("5 €"),
            "{signed_in:?}"
        );
        assert_ne!(visitor.cookies["rmmbridge"], before);
        let you = visitor.get("/settings/you").await;
        assert!(you.text().contains("by Company account"), "{}", you.text());
        assert!(
            you.text().contains("ada@example.test at 127.0.0.1"),
            "{}",
            you.text()
        );

        // Once more, without anything typed; the old way back is worth nothing.
        let mut again = world.visitor();
        let answer = comes_back(&mut again, &identity, Some("subject-of-ada")).await;
        assert_eq!(answer.to(), Some("/runs"), "{answer:?}");
        let replayed = again.get(&back).await;
        assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
        assert!(
            replayed.text().contains("finished already"),
            "{}",
            replayed.text()
        );
        assert_eq!(
            again.get("/runs").await.status,
            StatusCode::OK,
            "and signs nobody out"
        );
        // A planted link leads nowhere else.
        let page = again
            .post("/sign-in/provider", &[("next", "https://evil.example")])
            .await;
        let back = decided(&identity, &page, Some("subject-of-ada"));
        assert_eq!(again.get(&back).await.to(), Some("/"));
    })
    .await;
}

#[tokio::test]
async fn each_refusal_is_told_at_the_sign_in_page_and_tells_no_secret() {
    let world = World::new().await;
    world.signed_in(ActorRole::Owner).await;
    let identity = provider(&world).await;
    let person = ada(&world).await;
    let refused = async |subject: Option<&str>, status: StatusCode, why: &str| {
        world.store.clock().advance(SignedDuration::from_mins(16));
        let mut visitor = world.visitor();
        let page = visitor.post("/sign-in/provider", &[("next", "/runs")]).await;
        let back = decided(&identity, &page, subject);
        let answer = visitor.get(&back).await;
        assert_eq!(answer.status, status, "{why}: {}", answer.text());
        assert!(answer.text().contains(why), "{why}: {}", answer.text());
        assert!(
            answer.body.contains(r#"name="password""#),
            "the way in by password is there"
        );
        assert!(answer.body.contains(r#"value="/runs""#));
        for part in back
            .split(['?', '&'])
            .filter(|p| p.starts_with("code=") || p.starts_with("state="))
        {
            assert!(!answer.body.contains(part.split_once('=').unwrap().1), "{why}");
        }
        assert!(
            !answer.body.contains("demo-oidc-secret") && !answer.body.contains("eyJ"),
            "{why}"
        );
        assert_eq!(
            visitor.get("/runs").await.to(),
            Some("/sign-in?next=%2Fruns"),
            "{why}"
        );
    };
    use StatusCode as S;
    refused(None, S::FORBIDDEN, "declined").await;
    let (ada, grace) = (Some("subject-of-ada"), Some("subject-of-grace"));
    refused(
        grace,
        S::FORBIDDEN,
        "Nobody here is called grace@example.test, and nobody is admitted",
    )
    .await;
    refused(
        Some("subject-of-unsure"),
        S::FORBIDDEN,
        "vouches for no e-mail address",
    )
    .await;
    for (slip, status, why) in [
        (Slip::RefusesCode, S::UNAUTHORIZED, "refused the code"),
        (
            Slip::RefusesClient,
            S::BAD_GATEWAY,
            "An Owner enters the secret again",
        ),
        (
            Slip::Expired,
            S::UNAUTHORIZED,
            "If it stays so, the clock of this machine",
        ),
        (Slip::WrongNonce, S::UNAUTHORIZED, "belongs to another sign-in"),
        (Slip::Unsigned, S::UNAUTHORIZED, "is not signed"),
        (
            Slip::Down,
            S::BAD_GATEWAY,
            "signing in by password works meanwhile",
        ),
    ] {
        identity.slip(&[slip]);
        refused(ada, status, why).await;
    }
    identity.slip(&[]);
    set(&world, &identity, |settings| settings.knows_by_email = false).await;
    refused(
        ada,
        S::FORBIDDEN,
        "sign in with your password and link your account under Settings, You",
    )
    .await;
    set(&world, &identity, |settings| {
        settings.domain = Some("example.com".to_owned())
    })
    .await;
    refused(grace, S::FORBIDDEN, "is not of example.com").await;
    set(&world, &identity, |_| {}).await;
    world
        .engine
        .switch_person(&world.console, &person.id, true)
        .await
        .unwrap();
    refused(ada, S::FORBIDDEN, "is switched off here").await;

    // Another browser, and one that took too long.
    world.store.clock().advance(SignedDuration::from_mins(16));
    let mut began = world.visitor();
    let page = began.post("/sign-in/provider", &[]).await;
    let back = decided(&identity, &page, ada);
    let other = world.visitor().get(&back).await;
    assert_eq!(other.status, S::UNAUTHORIZED);
    assert!(
        other.text().contains("not begun in this browser"),
        "{}",
        other.text()
    );
    world.store.clock().advance(SignedDuration::from_mins(11));
    let late = began.get(&back).await;
    assert!(late.text().contains("more than 10 minutes"), "{}", late.text());

    // Nobody is there, or somebody else; so many failures from one address have to be waited out first.
    world.store.clock().advance(SignedDuration::from_mins(16));
    identity.slip(&[Slip::OtherIssuer]);
    let other = world
        .visitor()
        .post("/sign-in/provider", &[("next", "/runs")])
        .await;
    assert_eq!(other.status, S::BAD_GATEWAY);
    assert!(
        other.text().contains("calls itself otherwise"),
        "{}",
        other.text()
    );
    identity.shutdown().await;
    let gone = world
        .visitor()
        .post("/sign-in/provider", &[("next", "/runs")])
        .await;
    assert_eq!(gone.status, S::BAD_GATEWAY);
    assert!(
        gone.text()
            .contains("Company account: reading the provider's configuration"),
        "{}",
        gone.text()
    );
    // Passwords are looked at meanwhile: the owner of this world has none, and is told so instead of to wait or of a
    // provider that is away.
    let form = [("name", "owner"), ("password", PASSWORD)];
    assert_eq!(
        world.visitor().post("/sign-in", &form).await.status,
        S::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_required_second_factor_is_the_provider_s_unless_an_owner_wants_ours() {
    let world = World::new().await;
    world.signed_in(ActorRole::Owner).await;
    let identity = provider(&world).await;
    ada(&world).await;
    world
        .engine
        .require_second_factor(&world.console, true)
        .await
        .unwrap();
    let mut visitor = world.visitor();
    comes_back(&mut visitor, &identity, Some("subject-of-ada")).await;
    assert_eq!(visitor.get("/runs").await.status, StatusCode::OK);
    // By password it is asked for all the same, in the same browser, too.
    let form = [("name", "ada@example.test"), ("password", PASSWORD)];
    visitor.post("/sign-in", &form).await;
    assert_eq!(
        visitor.get("/runs").await.to(),
        Some("/settings/you/second-factor")
    );

    comes_back(&mut visitor, &identity, Some("subject-of-ada")).await;
    assert_eq!(visitor.get("/runs").await.status, StatusCode::OK);
    set(&world, &identity, |settings| settings.asks_own_factor = true).await;
    assert_eq!(
        visitor.get("/runs").await.to(),
        Some("/settings/you/second-factor")
    );
}

#[tokio::test]
async fn an_account_is_linked_by_its_person_with_their_password_and_unlinked() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        world.signed_in(ActorRole::Owner).await;
        let identity = provider(&world).await;
        set(&world, &identity, |settings| settings.knows_by_email = false).await;
        ada(&world).await;
        let mut visitor = world.visitor();
        let form = [("name", "ada@example.test"), ("password", PASSWORD)];
        visitor.post("/sign-in", &form).await;
        let you = visitor.get("/settings/you").await;
        assert!(
            you.text().contains("Link sign-in of Company account"),
            "{}",
            you.text()
        );
        let wrong = visitor
            .post("/settings/you/link", &[("secret.old", "not this one")])
            .await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            wrong.text().contains("This is not your password"),
            "{}",
            wrong.text()
        );

        let declined = visitor
            .post("/settings/you/link", &[("secret.old", PASSWORD)])
            .await;
        let back = decided(&identity, &declined, None);
        assert_eq!(visitor.get(&back).await.to(), Some("/settings/you"));
        let said = visitor.get("/settings/you").await;
        assert!(said.text().contains("Not linked."), "{}", said.text());
        let page = visitor
            .post("/settings/you/link", &[("secret.old", PASSWORD)])
            .await;
        let back = decided(&identity, &page, Some("subject-of-grace"));
        assert_eq!(visitor.get(&back).await.to(), Some("/settings/you"));
        let you = visitor.get("/settings/you").await;
        assert!(
            you.text().contains("is linked: you can sign in with it"),
            "{}",
            you.text()
        );
        assert!(
            you.text().contains("grace@example.test at 127.0.0.1"),
            "{}",
            you.text()
        );

        // Whoever has the account is ada here, whatever the provider calls them.
        let mut other = world.visitor();
        let signed_in = comes_back(&mut other, &identity, Some("subject-of-grace")).await;
        assert_eq!(signed_in.to(), Some("/runs"), "{signed_in:?}");
        assert!(other.get("/runs").await.body.contains("ada@example.test"));

        assert_eq!(
            visitor.post("/settings/you/unlink", &[]).await.to(),
            Some("/settings/you")
        );
        let you = visitor.get("/settings/you").await;
        assert!(you.text().contains("Your account is unlinked"), "{}", you.text());
        assert_eq!(other.get("/runs").await.to(), Some("/sign-in?next=%2Fruns"));
        let out = comes_back(&mut other, &identity, Some("subject-of-grace")).await;
        assert_eq!(out.status, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn an_owner_sets_the_provider_up_tests_it_and_unlinks_for_others() {
    let world = World::new().await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let identity = provider(&world).await;
    world
        .engine
        .remove_sign_in_provider(&world.console)
        .await
        .unwrap();
    let page = owner.get("/settings/sign-in").await;
    assert!(page.text().contains("Not set up"), "{}", page.text());
    assert!(page.text().contains(CALLBACK), "{}", page.text());
    let issuer = identity.issuer();
    let mut form = vec![
        ("label", "Company \u{202e}account"),
        ("issuer", issuer.as_str()),
        ("client_id", "demo oidc"),
        ("secret.client_secret", "hush hush"),
        ("scopes", "openid email"),
        ("admits", "viewer"),
    ];
    let wrong = owner.post("/settings/sign-in", &form).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (field, why) in [
        ("label", "do not show"),
        ("issuer", "https://"),
        ("client_id", "without spaces"),
        ("secret-client_secret", "without spaces"),
        ("domain", "Say whose addresses are admitted"),
    ] {
        let at = wrong.body.find(&format!(r#"id="field-{field}-error""#));
        let at = at.unwrap_or_else(|| panic!("{field}: {}", wrong.text()));
        let said = wrong.body[at..].split("</p>").next().unwrap();
        assert!(said.contains(why), "{field}: {said}");
    }
    assert!(!wrong.body.contains("hush"), "{}", wrong.body);

    form[0].1 = "Company account";
    form[2].1 = "demo-oidc";
    form[3].1 = "demo-oidc-secret";
    form.extend([("domain", "example.test"), ("allow_private_hosts", "on")]);
    let saved = owner.post("/settings/sign-in", &form).await;
    assert_eq!(saved.to(), Some("/settings/sign-in"), "{}", saved.text());
    let page = owner.get("/settings/sign-in").await;
    assert!(page.text().contains("One is stored"), "{}", page.text());
    assert!(!page.body.contains("demo-oidc-secret"));
    let tested = owner.post("/settings/sign-in/test", &[]).await;
    assert!(
        tested.text().contains("Every point is as it should be"),
        "{}",
        tested.text()
    );
    identity.slip(&[Slip::NoConfiguration]);
    let tested = owner.post("/settings/sign-in/test", &[]).await;
    assert!(tested.text().contains("answered 404"), "{}", tested.text());
    identity.slip(&[]);

    let mut grace = world.visitor();
    let signed_in = comes_back(&mut grace, &identity, Some("subject-of-grace")).await;
    assert_eq!(signed_in.to(), Some("/runs"), "{}", signed_in.text());
    let refused = grace.post("/settings/you/unlink", &[]).await;
    assert_eq!(refused.to(), Some("/settings/you"));
    let you = grace.get("/settings/you").await;
    assert!(you.text().contains("Choose a password first"), "{}", you.text());
    let people = world.engine.people(&world.console).await.unwrap();
    let person = people.iter().find(|p| p.name == "grace@example.test").unwrap();
    assert_eq!(person.role, ActorRole::Viewer);
    let at = format!("/settings/people/{}", person.id);
    let page = owner.get(&at).await;
    assert!(
        page.text()
            .contains("Linked account grace@example.test at 127.0.0.1"),
        "{}",
        page.text()
    );
    assert_eq!(
        owner.post(&format!("{at}/unlink"), &[]).await.to(),
        Some(at.as_str())
    );
    assert_eq!(grace.get("/runs").await.to(), Some("/sign-in?next=%2Fruns"));
    let entries = world.store.audit_entries(None, 20).await.unwrap();
    let by: Vec<_> = entries
        .iter()
        .map(|e| (e.action.as_str(), e.actor.as_str()))
        .collect();
    let owner_acts = Actor::Person {
        name: "owner".to_owned(),
        role: ActorRole::Owner,
    }
    .to_string();
    for action in ["provider.saved", "person.identity_unlinked"] {
        assert!(by.contains(&(action, owner_acts.as_str())), "{action}: {by:?}");
    }
    assert_eq!(
        owner.post("/settings/sign-in/remove", &[]).await.to(),
        Some("/settings/sign-in")
    );
    assert!(
        !world
            .visitor()
            .get("/sign-in")
            .await
            .body
            .contains("Sign in with")
    );
}
