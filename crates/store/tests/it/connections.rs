//! Connections and their secrets.

use crate::estate;
use model::{ConnectionId, ConnectionState};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use store::{DatabaseUrl, Error, NewConnection};
use testkit::TestStore;

fn secrets(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
        .collect()
}

fn shown(secrets: &BTreeMap<String, SecretString>) -> Vec<(&str, &str)> {
    secrets
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect()
}

fn new(name: &str) -> NewConnection {
    NewConnection {
        kind: "ninjaone".to_owned(),
        name: name.to_owned(),
        state: ConnectionState::NotConfigured,
        settings: serde_json::json!({"region": "eu", "label": "Zürich – ☂"}),
        allow_private_hosts: true,
    }
}

#[tokio::test]
async fn a_connection_is_stored_read_changed_and_guarded_by_its_version() {
    TestStore::on_every_engine(async |test| {
        assert!(test.connections().await.unwrap().is_empty());
        let given = secrets(&[("client_id", "demo"), ("client_secret", "s3cret")]);
        let added = test.add_connection(new("Main"), &given).await.unwrap();
        assert_eq!(added.version, 1);
        assert_eq!(added.created, model::Clock::now(test.clock()));
        assert_eq!(test.connection(&added.id).await.unwrap(), added);
        assert_eq!(test.connection_named("Main").await.unwrap().unwrap(), added);
        assert_eq!(test.connection_named("main").await.unwrap(), None);

        let second = test.add_connection(new("Annex"), &BTreeMap::new()).await.unwrap();
        let names: Vec<_> = test
            .connections()
            .await
            .unwrap()
            .into_iter()
            .map(|c| c.name)
            .collect();
        assert_eq!(names, ["Annex", "Main"]);
        assert!(test.connection_secrets(&second.id).await.unwrap().is_empty());

        let mut changed = added.clone();
        changed.settings = serde_json::json!({"region": "us"});
        changed.read_only = true;
        changed.allow_private_hosts = false;
        test.update_connection(&changed, &secrets(&[("client_secret", "n3w")]))
            .await
            .unwrap();
        changed.version = 2;
        assert_eq!(test.connection(&added.id).await.unwrap(), changed);
        assert_eq!(
            shown(&test.connection_secrets(&added.id).await.unwrap()),
            [("client_id", "demo"), ("client_secret", "n3w")]
        );

        // Read before the change: refused, with its secrets.
        let error = test
            .update_connection(&added, &secrets(&[("client_secret", "old")]))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Moved { .. }), "{error:?}");
        assert!(error.to_string().contains("connection `Main`"), "{error}");
        assert_eq!(test.connection(&added.id).await.unwrap(), changed);
        assert_eq!(
            shown(&test.connection_secrets(&added.id).await.unwrap()),
            [("client_id", "demo"), ("client_secret", "n3w")]
        );
    })
    .await;
}

#[tokio::test]
async fn a_taken_name_leaves_neither_row_nor_secret() {
    TestStore::on_every_engine(async |test| {
        let first = test.add_connection(new("Main"), &BTreeMap::new()).await.unwrap();
        let before = test.sql("SELECT COUNT(*) FROM secret").await;
        let error = test
            .add_connection(new("Main"), &secrets(&[("client_secret", "s")]))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "a connection named `Main` exists already");
        assert_eq!(test.connections().await.unwrap(), [first]);
        assert_eq!(test.sql("SELECT COUNT(*) FROM secret").await, before);
    })
    .await;
}

#[tokio::test]
async fn the_state_is_stored_and_success_is_stamped() {
    TestStore::on_every_engine(async |test| {
        let id = test
            .add_connection(new("Main"), &BTreeMap::new())
            .await
            .unwrap()
            .id;
        let connected = test.clock().advance(jiff::SignedDuration::from_mins(5));
        test.set_connection_state(&id, &ConnectionState::Connected)
            .await
            .unwrap();
        let stored = test.connection(&id).await.unwrap();
        assert_eq!(
            (stored.state, stored.last_success),
            (ConnectionState::Connected, Some(connected))
        );
        test.clock().advance(jiff::SignedDuration::from_mins(5));
        for state in [
            ConnectionState::NeedsAttention {
                reason: "the grant is dead: reconnect".to_owned(),
            },
            ConnectionState::Paused,
            ConnectionState::NeedsAuthorization,
        ] {
            test.set_connection_state(&id, &state).await.unwrap();
            let stored = test.connection(&id).await.unwrap();
            assert_eq!((stored.state, stored.last_success), (state, Some(connected)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_failure_of_a_use_that_began_before_it_was_connected_again_is_old_news() {
    TestStore::on_every_engine(async |test| {
        let added = test.add_connection(new("ninjaone"), &BTreeMap::new()).await;
        let id = added.unwrap().id;
        let dead = |reason: &str| ConnectionState::NeedsAttention {
            reason: reason.to_owned(),
        };
        let state = async || test.connection(&id).await.unwrap().state;
        test.observe_connection(&id, &ConnectionState::Connected)
            .await
            .unwrap();
        let seen = test.connection(&id).await.unwrap();
        // One use finds the grant dead, a person connects again, and another use that began before comes to its end.
        test.observe_use(&seen, &dead("the first")).await.unwrap();
        assert_eq!(state().await, dead("the first"));
        test.observe_use(&seen, &dead("the second")).await.unwrap();
        assert_eq!(state().await, dead("the second"));
        test.observe_connection(&id, &ConnectionState::Connected)
            .await
            .unwrap();
        test.observe_use(&seen, &dead("the third")).await.unwrap();
        assert_eq!(state().await, ConnectionState::Connected);
        // One that began since is believed.
        let seen = test.connection(&id).await.unwrap();
        test.observe_use(&seen, &dead("the fourth")).await.unwrap();
        assert_eq!(state().await, dead("the fourth"));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_not_there_is_named() {
    TestStore::on_every_engine(async |test| {
        let nobody = ConnectionId::from("nobody");
        let read = test.connection(&nobody).await.unwrap_err();
        let write = test
            .set_connection_state(&nobody, &ConnectionState::Paused)
            .await
            .unwrap_err();
        for error in [read, write] {
            assert_eq!(error.to_string(), "there is no connection `nobody`");
        }
    })
    .await;
}

#[tokio::test]
async fn secrets_are_sealed_replaced_and_apart_by_owner() {
    TestStore::on_every_engine(async |test| {
        assert!(test.secret("a", "token").await.unwrap().is_none());
        test.put_secret("a", "token", "first plain text").await.unwrap();
        test.put_secret("b", "token", "").await.unwrap();
        test.put_secret("a", "token", "second plain text").await.unwrap();
        let stored = async |owner| test.secret(owner, "token").await.unwrap().unwrap().expose_secret().to_owned();
        assert_eq!(stored("a").await, "second plain text");
        assert_eq!(stored("b").await, "");

        // Neither text is anywhere in the database.
        match test.url() {
            DatabaseUrl::Sqlite(path) => {
                for file in [path.clone(), path.with_extension("db-wal")] {
                    let bytes = std::fs::read(&file).unwrap();
                    assert!(!bytes.windows(10).any(|w| w == b"plain text"), "{}", file.display());
                }
            }
            DatabaseUrl::Postgres(_) => {
                let open = "position('plain text'::bytea in sealed) > 0 OR position('plain text'::bytea in wrapped) > 0";
                assert_eq!(test.sql(&format!("SELECT COUNT(*) FROM secret WHERE {open}")).await, 0);
            }
        }

        // A sealed value moved to another owner does not open.
        test.sql("DELETE FROM secret WHERE owner_id = 'b'").await;
        test.sql("UPDATE secret SET owner_id = 'b' WHERE owner_id = 'a'").await;
        let error = test.secret("b", "token").await.unwrap_err();
        assert!(error.to_string().contains("`token` of b does not open"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_master_key_is_refused_at_open() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        test.put_secret(connection.id.as_str(), "client_secret", "s3cret")
            .await
            .unwrap();
        let error = test.open_with(TestStore::key_of('8')).await.unwrap_err();
        assert!(matches!(error, Error::Vault(_)), "{error:?}");
        let text = error.to_string();
        for part in [
            TestStore::key().id(),
            TestStore::key_of('8').id(),
            "Give the right key",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("7777") && !text.contains("8888"), "{text}");
        // The right one still opens, and what was sealed reads the same.
        let again = test.another().await;
        assert_eq!(
            again
                .secret(connection.id.as_str(), "client_secret")
                .await
                .unwrap()
                .unwrap()
                .expose_secret(),
            "s3cret"
        );
        again.close().await;
    })
    .await;
}
