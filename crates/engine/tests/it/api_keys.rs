//! API keys: who makes them, what they are good for, and when they stop working.

use connect::Connectors;
use engine::api_keys::{MOST_DAYS, NewKey};
use engine::{Engine, EngineOptions, Error};
use jiff::SignedDuration;
use model::{Actor, ActorRole, KeyScope};
use secrecy::{ExposeSecret as _, SecretString};
use store::Verified;
use testkit::TestStore;

fn console() -> Actor {
    Actor::Console {
        user: "test".to_owned(),
    }
}

fn engine(store: &TestStore) -> Engine {
    Engine::new(
        (*store).clone(),
        Connectors::new(Vec::new()),
        EngineOptions::new("a test"),
    )
}

fn new(name: &str, scopes: &[KeyScope], for_hub: bool) -> NewKey {
    NewKey {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        days: 30,
        for_hub,
    }
}

async fn person(engine: &Engine, name: &str, role: ActorRole) -> Actor {
    engine
        .add_person(&console(), name, role, None)
        .await
        .unwrap()
        .actor()
}

async fn works(engine: &Engine, key: &SecretString, scope: KeyScope) -> bool {
    engine.key_actor(key.expose_secret(), scope).await.is_ok()
}

#[tokio::test]
async fn a_key_is_shown_once_and_acts_in_one_of_its_scopes_with_no_more_than_that_takes() {
    TestStore::on_every_engine(async |store| {
        let engine = engine(&store);
        let scopes = [KeyScope::Settings, KeyScope::Read, KeyScope::Read];
        let (key, secret) = engine
            .make_api_key(&console(), new("  Grafana ", &scopes, true))
            .await
            .unwrap();
        assert_eq!(
            (key.name.as_str(), key.person.as_deref(), key.used),
            ("Grafana", None, None)
        );
        assert_eq!(key.scopes, [KeyScope::Read, KeyScope::Settings]);
        let text = secret.expose_secret();
        assert!(
            text.starts_with(&format!("{}_", key.prefix)) && text.len() == 81,
            "{text}"
        );
        // What the database holds opens nothing.
        let stored = format!("SELECT COUNT(*) FROM api_key WHERE digest = '{text}'");
        assert_eq!(store.sql(&stored).await, 0);
        let hidden = text.rsplit_once('_').unwrap().1;
        let listed = serde_json::to_string(&engine.api_keys(&console()).await.unwrap()).unwrap();
        assert!(!listed.contains(hidden));

        let actor = engine.key_actor(text, KeyScope::Read).await.unwrap();
        assert_eq!(
            (actor.to_string().as_str(), actor.role()),
            ("key:Grafana", ActorRole::Viewer)
        );
        let owner = engine.key_actor(text, KeyScope::Settings).await.unwrap();
        assert_eq!(owner.role(), ActorRole::Owner);
        let outside = engine.key_actor(text, KeyScope::Apply).await.unwrap_err();
        assert!(matches!(&outside, Error::OutOfScope { key, scope: KeyScope::Apply } if key == "Grafana"));
        assert!(engine.api_keys(&console()).await.unwrap()[0].used.is_some());

        // A key does not breed.
        let child = engine
            .make_api_key(&owner, new("child", &[KeyScope::Read], true))
            .await
            .unwrap_err();
        assert!(matches!(child, Error::NotAPerson { .. }), "{child}");
        assert!(engine.revoke_api_key(&owner, &key.id).await.is_err());
        let wrong = text.replace(hidden, &"0".repeat(64));
        for wrong in [wrong.as_str(), "", "rmb_", &key.prefix, "Bearer"] {
            let refused = engine.key_actor(wrong, KeyScope::Read).await.unwrap_err();
            assert!(matches!(refused, Error::KeyRefused), "{refused}");
            assert!(!refused.to_string().contains("rmb_"));
        }
        engine.revoke_api_key(&console(), &key.id).await.unwrap();
        assert!(!works(&engine, &secret, KeyScope::Read).await);
        assert!(
            engine.revoke_api_key(&console(), &key.id).await.is_err(),
            "it is gone"
        );
        let log = engine.audit_log(&console(), None, 10).await.unwrap();
        let noted: Vec<_> = log
            .iter()
            .map(|e| (e.action.as_str(), e.subject.as_str()))
            .collect();
        assert!(noted.contains(&("key.made", "Grafana")) && noted.contains(&("key.revoked", "Grafana")));
        assert!(!format!("{log:?}").contains(hidden), "no secret is noted");
        assert!(matches!(
            engine.verify_audit(&console()).await.unwrap(),
            Verified::Whole { .. }
        ));
    })
    .await;
}

#[tokio::test]
async fn a_key_ends_with_its_time_and_with_the_rights_of_whose_it_is() {
    TestStore::on_every_engine(async |store| {
        let engine = engine(&store);
        let tech = person(&engine, "tech", ActorRole::Technician).await;
        let owner = person(&engine, "owner", ActorRole::Owner).await;
        let (own, secret) = engine
            .make_api_key(&tech, new("mine", &[KeyScope::Read, KeyScope::Apply], false))
            .await
            .unwrap();
        assert_eq!(own.person.as_deref(), Some("tech"));
        let (_, hub) = engine
            .make_api_key(&owner, new("hub", &[KeyScope::Connections], true))
            .await
            .unwrap();
        assert!(works(&engine, &secret, KeyScope::Apply).await);

        // Everybody sees and revokes their own; an Owner all.
        assert_eq!(engine.api_keys(&tech).await.unwrap().len(), 1);
        let all = engine.api_keys(&owner).await.unwrap();
        assert_eq!(all.len(), 2);
        let hubs = all.iter().find(|key| key.name == "hub").unwrap();
        assert!(engine.revoke_api_key(&tech, &hubs.id).await.is_err());
        assert!(works(&engine, &hub, KeyScope::Connections).await);

        // Rights that are taken from a person are taken from their keys.
        store
            .sql("UPDATE person SET role = '\"viewer\"' WHERE name = 'tech' RETURNING version")
            .await;
        assert!(works(&engine, &secret, KeyScope::Read).await);
        assert!(!works(&engine, &secret, KeyScope::Apply).await);
        store
            .sql("UPDATE person SET disabled = TRUE WHERE name = 'tech' RETURNING version")
            .await;
        assert!(!works(&engine, &secret, KeyScope::Read).await);
        assert!(
            works(&engine, &hub, KeyScope::Connections).await,
            "the hub's own goes on"
        );

        store.clock().advance(SignedDuration::from_hours(30 * 24));
        assert!(!works(&engine, &hub, KeyScope::Connections).await);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_at_its_field() {
    let store = TestStore::sqlite().await;
    let engine = engine(&store);
    let viewer = person(&engine, "viewer", ActorRole::Viewer).await;
    let tech = person(&engine, "tech", ActorRole::Technician).await;
    let fields = async |actor: &Actor, new: NewKey| match engine.make_api_key(actor, new).await {
        Err(Error::Input { problems }) => problems.into_iter().map(|p| p.key).collect::<Vec<_>>(),
        Err(error) => vec![error.to_string()],
        Ok(_) => Vec::new(),
    };
    let read = [KeyScope::Read];
    assert_eq!(fields(&tech, new("", &[], false)).await, ["scopes", "name"]);
    assert_eq!(fields(&tech, new("a\u{202e}b", &read, false)).await, ["name"]);
    assert_eq!(
        fields(&tech, new("a", &[KeyScope::Connections], false)).await,
        ["scopes"]
    );
    for days in [0, MOST_DAYS + 1] {
        assert_eq!(
            fields(
                &tech,
                NewKey {
                    days,
                    ..new("a", &read, false)
                }
            )
            .await,
            ["days"]
        );
    }
    assert!(
        fields(&tech, new("<b>a</b>", &read, false)).await.is_empty(),
        "markup is only text"
    );
    assert_eq!(
        fields(&tech, new("<b>a</b>", &read, false)).await,
        ["name"],
        "taken"
    );
    for (actor, for_hub) in [(&viewer, false), (&viewer, true), (&tech, true)] {
        let said = fields(actor, new("b", &read, for_hub)).await;
        assert!(said[0].contains("takes the role"), "{said:?}");
    }
    // Nobody signed in has keys of their own at the console.
    assert!(fields(&console(), new("b", &read, false)).await[0].contains("no person"));
}
