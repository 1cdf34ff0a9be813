//! Signing in through an identity provider: who is let in, what is refused, and what an Owner sets up.

mod refused;

use connect::Connectors;
use engine::people::Entry;
use engine::provider_sign_in::{Arrival, Refusal};
use engine::sign_in_provider::SignInProvider;
use engine::{Engine, EngineOptions, Error};
use jiff::{SignedDuration, Timestamp};
use model::{Actor, ActorRole, Person};
use simulators::identity::{Account, Identity, Options};
use std::sync::Arc;
use testkit::TestStore;

const REDIRECT: &str = "https://hub.example.test/sign-in/provider/callback";
const HERE: (&str, &str) = ("a session", "192.0.2.7");
const PASSWORD: &str = "four words in a row";

/// The simulator lives in the hub's time.
struct HubTime(Arc<dyn model::Clock>);

impl simulators::clock::Clock for HubTime {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

struct World {
    store: TestStore,
    engine: Engine,
    provider: Identity,
    console: Actor,
}

fn account(name: &str, email: Option<&str>, email_verified: Option<bool>) -> Account {
    Account {
        subject: format!("subject-of-{name}"),
        name: name.to_owned(),
        email: email.map(str::to_owned),
        email_verified,
    }
}

impl World {
    /// A hub with a provider whose people are not known here.
    async fn on(store: TestStore) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let engine = Engine::new(
            (*store).clone(),
            Connectors::new(Vec::new()),
            EngineOptions::new("a test"),
        );
        let options = Options {
            redirect_uris: vec![REDIRECT.to_owned()],
            accounts: vec![
                Account::of("ada@example.test"),
                Account::of("grace@example.test"),
                account("other-ada", Some("ada@example.test"), Some(true)),
                account("unsure", Some("ada@example.test"), Some(false)),
                account("silent", Some("ada@example.test"), None),
                account("nameless", None, None),
                // The first letter is the Kelvin sign, whose small letter is an ordinary k.
                account("kelvin", Some("\u{212a}im@example.test"), Some(true)),
                Account::of("eve@elsewhere.test"),
            ],
            clock: Arc::new(HubTime(engine.clock().clone())),
            ..Options::default()
        };
        let world = Self {
            provider: Identity::start_on_loopback(options).await.unwrap(),
            console: Actor::Console {
                user: "test".to_owned(),
            },
            engine,
            store,
        };
        world.set(|_| {}).await;
        world
    }

    async fn new() -> Self {
        Self::on(TestStore::sqlite().await).await
    }

    fn usual(&self) -> SignInProvider {
        SignInProvider {
            label: "Company account".to_owned(),
            issuer: self.provider.issuer(),
            client_id: "demo-oidc".to_owned(),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            knows_by_email: false,
            admits: None,
            domain: None,
            asks_own_factor: false,
            allow_private_hosts: true,
        }
    }

    async fn set(&self, change: impl FnOnce(&mut SignInProvider)) {
        let mut settings = self.usual();
        change(&mut settings);
        let secret = Some("demo-oidc-secret".into());
        self.engine
            .save_sign_in_provider(&self.console, settings, secret)
            .await
            .unwrap();
    }

    async fn person(&self, name: &str) -> Person {
        let password = Some(PASSWORD.into());
        self.engine
            .add_person(&self.console, name, ActorRole::Technician, password)
            .await
            .unwrap()
    }

    /// The query somebody comes back with.
    async fn query(&self, subject: Option<&str>) -> String {
        let away = self.engine.begin_provider_sign_in(REDIRECT, HERE).await.unwrap();
        self.decided(away.as_str(), subject)
    }

    fn decided(&self, away: &str, subject: Option<&str>) -> String {
        let back = self.provider.decide(away, subject).unwrap();
        back.strip_prefix(&format!("{REDIRECT}?")).unwrap().to_owned()
    }

    async fn come_back(&self, query: &str) -> Result<Entry, Error> {
        match self.engine.finish_provider_sign_in(query, HERE, None).await? {
            Arrival::SignedIn { entry, label } => {
                assert_eq!(label, "Company account");
                Ok(entry)
            }
            Arrival::Linking(linked) => panic!("{linked:?}"),
        }
    }

    async fn sign_in(&self, name: &str) -> Result<Entry, Error> {
        let query = self.query(Some(&format!("subject-of-{name}"))).await;
        self.come_back(&query).await
    }

    /// Whom a sign-in lets in.
    async fn lets_in(&self, name: &str) -> String {
        match self.sign_in(name).await.unwrap() {
            Entry::In(person) => person.name,
            Entry::NeedsCode(person) => panic!("{} needs a code", person.name),
        }
    }

    /// Why a sign-in is refused.
    async fn refuses(&self, name: &str) -> Refusal {
        // So that nobody waits: how soon one does has a test of its own.
        self.store.clock().advance(SignedDuration::from_mins(16));
        match self.sign_in(name).await {
            Err(Error::Provider(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// Links the account of `name` to `person` by hand.
    async fn link(&self, person: &Person, name: &str) -> Result<String, Error> {
        let away = self
            .engine
            .begin_identity_link(&person.actor(), PASSWORD.into(), REDIRECT, HERE)
            .await?;
        let query = self.decided(away.as_str(), Some(&format!("subject-of-{name}")));
        let arrival = self
            .engine
            .finish_provider_sign_in(&query, HERE, Some(person))
            .await?;
        match arrival {
            Arrival::Linking(linked) => linked,
            Arrival::SignedIn { .. } => panic!("somebody signed in"),
        }
    }

    async fn noted(&self, action: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM audit_entry WHERE action = '{action}'");
        self.store.sql(&sql).await
    }
}

#[tokio::test]
async fn nobody_is_let_in_who_was_not_linked_by_default_and_a_later_address_changes_nothing() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let ada = world.person("ada@example.test").await;
        let grace = Refusal::NotInvited {
            email: "grace@example.test".to_owned(),
        };
        assert_eq!(world.refuses("grace").await, grace);
        let first = Refusal::LinkFirst {
            email: "ada@example.test".to_owned(),
        };
        assert_eq!(world.refuses("ada").await, first);
        assert_eq!(world.noted("person.identity_linked").await, 0);

        let wrong = world
            .engine
            .begin_identity_link(&ada.actor(), "not this one".into(), REDIRECT, HERE)
            .await;
        assert!(matches!(wrong, Err(Error::Input { .. })), "{wrong:?}");
        assert_eq!(world.link(&ada, "ada").await.unwrap(), "Company account");
        assert_eq!(
            world.link(&ada, "ada").await.unwrap(),
            "Company account",
            "twice is once"
        );
        assert_eq!(world.lets_in("ada").await, "ada@example.test");
        world.provider.change("subject-of-ada", |account| {
            account.email = Some("grace@example.test".to_owned());
        });
        assert_eq!(world.lets_in("ada").await, "ada@example.test");
        world
            .provider
            .change("subject-of-ada", |account| account.email = None);
        assert_eq!(world.lets_in("ada").await, "ada@example.test");

        // One account is one person's, and a person has one.
        let hopper = world.person("hopper").await;
        let theirs = world.link(&hopper, "ada").await;
        assert!(
            matches!(theirs, Err(Error::Provider(Refusal::SomebodyElses))),
            "{theirs:?}"
        );
        let second = world.link(&ada, "grace").await;
        assert!(
            matches!(second, Err(Error::Provider(Refusal::OtherAccount { .. }))),
            "{second:?}"
        );

        assert_eq!(
            world
                .engine
                .unlink_my_identities(&ada.actor(), "x")
                .await
                .unwrap(),
            1
        );
        assert_eq!(world.noted("person.identity_unlinked").await, 1);
        world.provider.change("subject-of-ada", |account| {
            account.email = Some("ada@example.test".to_owned());
        });
        assert_eq!(world.refuses("ada").await, first);
    })
    .await;
}

#[tokio::test]
async fn a_verified_address_tells_who_it_is_once_where_an_owner_allows_it() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        world.person("ada@example.test").await;
        world.person("kim@example.test").await;
        world.set(|provider| provider.knows_by_email = true).await;
        for name in ["unsure", "silent", "nameless", "kelvin"] {
            let refusal = world.refuses(name).await;
            assert!(
                matches!(refusal, Refusal::NoAddress { .. }),
                "{name}: {refusal:?}"
            );
        }
        assert_eq!(world.lets_in("ada").await, "ada@example.test");
        assert_eq!(world.noted("person.identity_linked").await, 1);
        // Another account with the same address is another person's attempt.
        let other = world.refuses("other-ada").await;
        assert!(matches!(other, Refusal::OtherAccount { .. }), "{other:?}");
        let grace = world.refuses("grace").await;
        assert!(matches!(grace, Refusal::NotInvited { .. }), "{grace:?}");
    })
    .await;
}

#[tokio::test]
async fn people_of_a_domain_are_admitted_with_a_role_that_is_never_owner() {
    let world = World::new().await;
    world
        .set(|provider| {
            provider.admits = Some(ActorRole::Viewer);
            provider.domain = Some(" @Example.test".to_owned());
        })
        .await;
    assert_eq!(world.lets_in("grace").await, "grace@example.test");
    assert_eq!(world.lets_in("grace").await, "grace@example.test");
    let people = world.engine.people(&world.console).await.unwrap();
    let found: Vec<_> = people
        .iter()
        .map(|p| (p.name.as_str(), p.role, p.has_password))
        .collect();
    assert_eq!(found, [("grace@example.test", ActorRole::Viewer, false)]);
    let elsewhere = world.refuses("eve").await;
    assert!(matches!(elsewhere, Refusal::OtherDomain { .. }), "{elsewhere:?}");
    let unsure = world.refuses("unsure").await;
    assert!(matches!(unsure, Refusal::NoAddress { .. }), "{unsure:?}");
    // Their only way in stays theirs.
    let only = world.engine.unlink_my_identities(&people[0].actor(), "x").await;
    assert!(matches!(only, Err(Error::Input { .. })), "{only:?}");
    let gone = world
        .engine
        .unlink_identities_of(&world.console, &people[0].id)
        .await;
    assert_eq!(gone.unwrap(), 1);
}

#[tokio::test]
async fn whoever_is_switched_off_stays_out_and_an_own_factor_is_asked_for_only_where_an_owner_wants_it() {
    let world = World::new().await;
    let ada = world.person("ada@example.test").await;
    world.link(&ada, "ada").await.unwrap();
    world
        .engine
        .begin_second_factor(&ada.actor(), PASSWORD.into(), "here")
        .await
        .unwrap();
    let key = world
        .engine
        .my_second_factor(&ada.actor())
        .await
        .unwrap()
        .setting_up
        .unwrap();
    let app = testkit::Authenticator::new(secrecy::ExposeSecret::expose_secret(&key.key));
    let code = app.code(world.engine.clock().now().as_second());
    world
        .engine
        .finish_second_factor(&ada.actor(), &code, "x")
        .await
        .unwrap();
    assert_eq!(world.lets_in("ada").await, "ada@example.test");
    world.set(|provider| provider.asks_own_factor = true).await;
    let entry = world.sign_in("ada").await.unwrap();
    assert!(matches!(entry, Entry::NeedsCode(_)), "{entry:?}");

    world
        .engine
        .switch_person(&world.console, &ada.id, true)
        .await
        .unwrap();
    let off = world.refuses("ada").await;
    assert!(matches!(off, Refusal::SwitchedOff { .. }), "{off:?}");
}

#[tokio::test]
async fn a_state_is_good_once_in_its_browser_and_for_ten_minutes() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let ada = world.person("ada@example.test").await;
        world.link(&ada, "ada").await.unwrap();
        let stranger = |ended: Result<Arrival, Error>| {
            assert!(
                matches!(ended, Err(Error::Provider(Refusal::Stranger))),
                "{ended:?}"
            );
        };
        let query = world.query(Some("subject-of-ada")).await;
        let other = ("another session", HERE.1);
        stranger(world.engine.finish_provider_sign_in(&query, other, None).await);
        // Which took nothing away from the one that began it.
        assert!(world.come_back(&query).await.is_ok());
        stranger(world.engine.finish_provider_sign_in(&query, HERE, None).await);

        let late = world.query(Some("subject-of-ada")).await;
        world.store.clock().advance(SignedDuration::from_mins(10));
        stranger(world.engine.finish_provider_sign_in(&late, HERE, None).await);
        for query in ["", "code=1", "state=x&state=x&code=1", "state=%00&code=1"] {
            stranger(world.engine.finish_provider_sign_in(query, HERE, None).await);
            world.store.clock().advance(SignedDuration::from_mins(16));
        }
        // A sign-in that was begun for a link is nobody else's, and nobody's who signed out meanwhile.
        let away = world
            .engine
            .begin_identity_link(&ada.actor(), PASSWORD.into(), REDIRECT, HERE)
            .await
            .unwrap();
        let query = world.decided(away.as_str(), Some("subject-of-grace"));
        let ended = world.engine.finish_provider_sign_in(&query, HERE, None).await;
        assert!(
            matches!(
                ended,
                Ok(Arrival::Linking(Err(Error::Provider(Refusal::Stranger))))
            ),
            "{ended:?}"
        );
        // Nothing of them is left, and no secret either.
        for table in [
            "provider_sign_in",
            "secret WHERE owner_id LIKE 'provider_sign_in:%'",
        ] {
            let left = world.store.sql(&format!("SELECT COUNT(*) FROM {table}")).await;
            // The late one is removed when the next begins.
            assert!(left <= 2, "{table}: {left}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_an_owner_sets_the_provider_up_and_its_secret_goes_to_no_other() {
    let world = World::new().await;
    let technician = world.person("ada@example.test").await.actor();
    let engine = &world.engine;
    let refused = engine
        .save_sign_in_provider(&technician, world.usual(), None)
        .await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
    assert!(engine.sign_in_provider(&technician).await.is_err());
    assert!(engine.test_sign_in_provider(&technician).await.is_err());
    assert!(engine.remove_sign_in_provider(&technician).await.is_err());

    let at = async |change: &dyn Fn(&mut SignInProvider)| {
        let mut settings = world.usual();
        change(&mut settings);
        match engine.save_sign_in_provider(&world.console, settings, None).await {
            Err(Error::Input { problems }) => problems
                .into_iter()
                .map(|problem| problem.key)
                .collect::<Vec<_>>()
                .join(" "),
            Ok(_) => "saved".to_owned(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(
        at(&|s| s.label = "Company login".to_owned()).await,
        "saved",
        "the secret stays"
    );
    assert_eq!(
        at(&|s| s.issuer.push_str("/.well-known/openid-configuration")).await,
        "saved"
    );
    assert_eq!(
        at(&|s| s.issuer = "https://other.example.test".to_owned()).await,
        "client_secret"
    );
    assert_eq!(at(&|s| s.client_id = "another".to_owned()).await, "client_secret");
    assert_eq!(at(&|s| s.allow_private_hosts = false).await, "issuer");
    for issuer in [
        "",
        "login",
        "ftp://a.test",
        "https://u:p@a.test",
        "https://a.test/?x",
        "javascript:1",
    ] {
        assert!(
            at(&|s| s.issuer = issuer.to_owned()).await.starts_with("issuer"),
            "{issuer}"
        );
    }
    assert_eq!(at(&|s| s.label = "a\u{202e}b".to_owned()).await, "label");
    assert_eq!(at(&|s| s.scopes.push("a b".to_owned())).await, "scopes");
    assert_eq!(at(&|s| s.admits = Some(ActorRole::Viewer)).await, "domain");
    assert_eq!(at(&|s| s.domain = Some("<b>".to_owned())).await, "domain");
    let owner = |s: &mut SignInProvider| {
        s.admits = Some(ActorRole::Owner);
        s.domain = Some("example.test".to_owned());
    };
    assert_eq!(at(&owner).await, "admits");

    let shown = engine.sign_in_provider(&world.console).await.unwrap().unwrap();
    assert!(
        !serde_json::to_string(&shown)
            .unwrap()
            .contains("demo-oidc-secret")
    );
    assert_eq!(world.noted("provider.saved").await, 3);
    let sql = "SELECT COUNT(*) FROM audit_entry WHERE detail LIKE '%demo-oidc-secret%'";
    assert_eq!(world.store.sql(sql).await, 0);
    assert!(matches!(
        world.store.verify_audit(None).await.unwrap(),
        store::Verified::Whole { .. }
    ));
}
