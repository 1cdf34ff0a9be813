//! Grants: one newest pair, one turn to refresh it.

use crate::estate;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use std::time::Duration;
use store::{Error, StoredGrant, StoredGrants, Turn};
use testkit::TestStore;

const MINUTE: Duration = Duration::from_secs(60);

fn pair(access: &str, refresh: Option<&str>) -> StoredGrant {
    StoredGrant {
        access_token: access.into(),
        refresh_token: refresh.map(Into::into),
        scopes: vec!["monitoring".to_owned(), "offline_access".to_owned()],
        expires: Timestamp::from_second(1_800_000_000).unwrap(),
        version: 0,
    }
}

async fn access(grants: &StoredGrants) -> (String, i64) {
    let grant = grants.load().await.unwrap().unwrap();
    (grant.access_token.expose_secret().to_owned(), grant.version)
}

#[tokio::test]
async fn a_pair_is_stored_whole_and_shown_to_nobody() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let grants = test.grants(&connection.id);
        assert!(grants.load().await.unwrap().is_none());
        assert!(matches!(
            grants.begin_refresh(1, "a", MINUTE).await.unwrap(),
            Turn::Done
        ));
        assert_eq!(
            grants
                .replace(&pair("access-1", Some("refresh-1")))
                .await
                .unwrap(),
            1
        );

        let grant = grants.load().await.unwrap().unwrap();
        assert_eq!(grant.version, 1);
        assert_eq!(grant.access_token.expose_secret(), "access-1");
        assert_eq!(grant.refresh_token.as_ref().unwrap().expose_secret(), "refresh-1");
        assert_eq!(grant.scopes, ["monitoring", "offline_access"]);
        assert_eq!(grant.expires, Timestamp::from_second(1_800_000_000).unwrap());
        let shown = format!("{grant:?} {grants:?}");
        assert!(
            !shown.contains("access-1") && !shown.contains("refresh-1"),
            "{shown}"
        );

        // It is not among the connection's secrets: those go to connectors.
        assert!(test.connection_secrets(&connection.id).await.unwrap().is_empty());
        assert_eq!(grants.replace(&pair("access-2", None)).await.unwrap(), 2);
        assert!(grants.load().await.unwrap().unwrap().refresh_token.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_gets_the_turn() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let grants = test.grants(&connection.id);
        let version = grants
            .replace(&pair("access-1", Some("refresh-1")))
            .await
            .unwrap();
        let other = test.another().await;
        let askers = (0..12).map(|n| {
            let grants = if n % 2 == 0 { &test } else { &other }.grants(&connection.id);
            tokio::spawn(async move {
                let holder = format!("holder {n}");
                let turn = grants.begin_refresh(version, &holder, MINUTE).await.unwrap();
                (holder, turn)
            })
        });
        let mut ours = vec![];
        for asker in askers.collect::<Vec<_>>() {
            match asker.await.unwrap() {
                (holder, Turn::Ours) => ours.push(holder),
                (_, Turn::Theirs) => {}
                (holder, Turn::Done) => panic!("{holder} was told it is done"),
            }
        }
        let [holder] = ours.as_slice() else {
            panic!("the turn of {ours:?}")
        };

        let next = grants
            .commit_refresh(version, holder, &pair("access-2", Some("refresh-2")))
            .await
            .unwrap();
        assert_eq!(next, version + 1);
        assert_eq!(access(&grants).await, ("access-2".to_owned(), next));
        // Who asks about the old pair now is told to read the new one.
        let late = other.grants(&connection.id);
        assert!(matches!(
            late.begin_refresh(version, "late", MINUTE).await.unwrap(),
            Turn::Done
        ));
        assert_eq!(access(&late).await, ("access-2".to_owned(), next));
        assert!(matches!(
            late.begin_refresh(next, "late", MINUTE).await.unwrap(),
            Turn::Ours
        ));
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_overdue_turn_is_taken_over_and_its_holder_commits_nothing() {
    TestStore::on_every_engine(async |test| {
        let grants = test.grants(&estate::source(&test).await.id);
        let version = grants
            .replace(&pair("access-1", Some("refresh-1")))
            .await
            .unwrap();
        let short = Duration::from_millis(1);
        assert!(matches!(
            grants.begin_refresh(version, "slow", short).await.unwrap(),
            Turn::Ours
        ));
        // SQLite goes by the clock passed in, PostgreSQL by its own.
        test.clock().advance(SignedDuration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(matches!(
            grants.begin_refresh(version, "quick", MINUTE).await.unwrap(),
            Turn::Ours
        ));

        let error = grants
            .commit_refresh(version, "slow", &pair("lost", None))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Moved { .. }), "{error:?}");
        assert_eq!(access(&grants).await, ("access-1".to_owned(), version));
        let next = grants
            .commit_refresh(version, "quick", &pair("access-2", None))
            .await
            .unwrap();
        assert_eq!(access(&grants).await, ("access-2".to_owned(), next));
        // And not the new one either.
        assert!(
            grants
                .commit_refresh(next, "slow", &pair("lost", None))
                .await
                .is_err()
        );
        assert_eq!(access(&grants).await, ("access-2".to_owned(), next));
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_is_not_over_lasts_and_can_be_given_back() {
    TestStore::on_every_engine(async |test| {
        let grants = test.grants(&estate::source(&test).await.id);
        let version = grants
            .replace(&pair("access-1", Some("refresh-1")))
            .await
            .unwrap();
        assert!(matches!(
            grants.begin_refresh(version, "a", MINUTE).await.unwrap(),
            Turn::Ours
        ));
        test.clock().advance(SignedDuration::from_secs(59));
        assert!(matches!(
            grants.begin_refresh(version, "b", MINUTE).await.unwrap(),
            Turn::Theirs
        ));
        grants.abandon_refresh("b").await.unwrap();
        assert!(matches!(
            grants.begin_refresh(version, "b", MINUTE).await.unwrap(),
            Turn::Theirs
        ));
        grants.abandon_refresh("a").await.unwrap();
        assert!(matches!(
            grants.begin_refresh(version, "b", MINUTE).await.unwrap(),
            Turn::Ours
        ));
    })
    .await;
}

#[tokio::test]
async fn a_new_consent_wins_over_a_refresh_under_way() {
    TestStore::on_every_engine(async |test| {
        let grants = test.grants(&estate::source(&test).await.id);
        let version = grants
            .replace(&pair("access-1", Some("refresh-1")))
            .await
            .unwrap();
        assert!(matches!(
            grants.begin_refresh(version, "a", MINUTE).await.unwrap(),
            Turn::Ours
        ));
        let consented = grants
            .replace(&pair("consented", Some("refresh-9")))
            .await
            .unwrap();
        assert_eq!(consented, version + 1);
        assert!(
            grants
                .commit_refresh(version, "a", &pair("stale", None))
                .await
                .is_err()
        );
        assert_eq!(access(&grants).await, ("consented".to_owned(), consented));
        assert!(matches!(
            grants.begin_refresh(version, "b", MINUTE).await.unwrap(),
            Turn::Done
        ));
        assert!(matches!(
            grants.begin_refresh(consented, "b", MINUTE).await.unwrap(),
            Turn::Ours
        ));
    })
    .await;
}
