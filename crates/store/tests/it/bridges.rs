//! Bridges, their generation, and the decisions that move it on.

use crate::estate::{self, settings};
use model::{BridgeId, Clock, Decision, SourceId, Verdict};
use store::{Error, SeenMatches};
use testkit::TestStore;

#[tokio::test]
async fn a_bridge_is_stored_and_its_generation_moves_with_its_settings() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        assert_eq!(bridge.generation, 1);
        assert_eq!(test.bridge(&bridge.id).await.unwrap(), bridge);

        let taken = test
            .add_bridge("main", &bridge.source, &bridge.destination, "halopsa", settings())
            .await
            .unwrap_err();
        assert_eq!(taken.to_string(), "a bridge named `main` exists already");
        let annex = test
            .add_bridge(
                "annex",
                &bridge.source,
                &bridge.destination,
                "halopsa",
                settings(),
            )
            .await
            .unwrap();
        assert_eq!(test.bridges().await.unwrap(), [annex.clone(), bridge.clone()]);
        let missing = test.bridge(&BridgeId::from("none")).await.unwrap_err();
        assert_eq!(missing.to_string(), "there is no bridge `none`");

        let mut changed = bridge.clone();
        changed.settings.asset_match_field = Some("serialNumber".to_owned());
        changed.settings.archive = Some(model::Archive {
            after_snapshots: 3,
            after_days: 14,
        });
        changed.preset = "copy".to_owned();
        test.update_bridge(&changed).await.unwrap();
        changed.generation = 2;
        assert_eq!(test.bridge(&bridge.id).await.unwrap(), changed);
        let error = test.update_bridge(&bridge).await.unwrap_err();
        assert!(
            matches!(&error, Error::Moved { what } if what == "bridge `main`"),
            "{error:?}"
        );
        assert_eq!(test.bridge(&bridge.id).await.unwrap(), changed);
        assert_eq!(test.bridge(&annex.id).await.unwrap(), annex);
    })
    .await;
}

#[tokio::test]
async fn a_bridge_needs_connections_that_exist() {
    TestStore::on_every_engine(async |test| {
        let source = estate::source(&test).await;
        let nowhere = model::ConnectionId::from("nowhere");
        let error = test
            .add_bridge("main", &source.id, &nowhere, "humanizeit", settings())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "there is no connection `nowhere`");
        assert!(test.bridges().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn decisions_are_remembered_changed_and_forgotten_together() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let decision = |organization: &str, verdict| {
            let organization = SourceId::from(organization);
            let decision = Decision {
                organization: organization.clone(),
                verdict,
                decided_by: "person:ana".to_owned(),
                at: test.clock().now(),
            };
            (organization, Some(decision))
        };
        let matched = Verdict::Matched { client: "c-9".into() };
        let unseen = SeenMatches::default();
        let made = [
            decision("1", matched.clone()),
            decision("2", Verdict::Create),
            decision("3", Verdict::Exclude),
        ];
        test.decide(&bridge.id, &made, &unseen).await.unwrap();
        let stored = test.decisions(&bridge.id).await.unwrap();
        assert_eq!(stored.len(), 3);
        for (organization, decision) in &made {
            assert_eq!(stored.get(organization), decision.as_ref());
        }
        assert_eq!(test.bridge(&bridge.id).await.unwrap().generation, 2);

        // Many organizations may be the same client.
        test.decide(
            &bridge.id,
            &[
                decision("2", matched.clone()),
                ("3".into(), None),
                ("4".into(), None),
            ],
            &unseen,
        )
        .await
        .unwrap();
        let stored = test.decisions(&bridge.id).await.unwrap();
        assert_eq!(
            stored.keys().map(SourceId::as_str).collect::<Vec<_>>(),
            ["1", "2"]
        );
        assert!(stored.values().all(|d| d.verdict == matched));
        assert_eq!(test.bridge(&bridge.id).await.unwrap().generation, 3);

        let nowhere = BridgeId::from("nowhere");
        let error = test.decide(&nowhere, &made, &unseen).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no bridge `nowhere`");
        assert!(test.decisions(&nowhere).await.unwrap().is_empty());
    })
    .await;
}
