//! Changes of the registry's assets: only from what was seen, and by one of many.

use crate::assets::{add, asset, change, changes, client, fields, names, new, up_to, update};
use serde_json::{Value, json};
use store::Store;
use store::registry::{AssetFilter, AssetUpdate, UpdateRefused};
use testkit::TestStore;

#[tokio::test]
async fn a_change_is_made_only_from_the_value_it_was_made_against() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        let id = add(&test, new(&acme, "PC-1", "")).await;
        let later = test.clock().advance(jiff::SignedDuration::from_mins(1));
        let right = changes(&[
            change("name", json!("PC-1"), json!("SERVER-1")),
            // A blank is a blank: the empty text, null, or not there.
            change("serialNumber", Value::Null, json!("SN-1")),
            change("os", json!(""), json!("Debian")),
            change("storage", Value::Null, json!(512)),
        ]);
        update(&test, &id, right).await.unwrap();
        let stored = asset(&test, &id).await;
        assert_eq!(stored.updated, later);
        assert_eq!(
            stored.asset.fields,
            fields(&[
                ("name", json!("SERVER-1")),
                ("serialNumber", json!("SN-1")),
                ("os", json!("Debian")),
                ("storage", json!(512)),
            ])
        );
        let found = AssetFilter {
            search: Some("server-1".to_owned()),
            ..up_to(1)
        };
        assert_eq!(names(&test, found).await, ["SERVER-1"]);

        // One wrong value keeps all of them out.
        let wrong = changes(&[
            change("os", json!("Debian"), json!("Windows")),
            change("storage", json!(256), json!(1024)),
        ]);
        match update(&test, &id, wrong).await.unwrap_err() {
            UpdateRefused::Changed(why) => {
                assert_eq!(why, "storage was 256 when the plan was made and is 512 now");
            }
            UpdateRefused::Failed(error) => panic!("{error:?}"),
        }
        assert_eq!(asset(&test, &id).await, stored);
        update(&test, &id, changes(&[change("os", json!("Debian"), Value::Null)]))
            .await
            .unwrap();
        assert!(!asset(&test, &id).await.asset.fields.contains_key("os"));

        let missing = update(&test, &"none".into(), AssetUpdate::default())
            .await
            .unwrap_err();
        assert!(
            matches!(&missing, UpdateRefused::Failed(e) if e.to_string() == "there is no asset `none`"),
            "{missing:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_asset_moves_with_its_device() {
    TestStore::on_every_engine(async |test| {
        let (acme, beta) = (client(&test, "Acme").await, client(&test, "Beta").await);
        let site = test.add_registry_site(&beta, "Harbour", None).await.unwrap();
        let kind = test.add_registry_asset_type("Server", None, None).await.unwrap();
        let id = add(&test, new(&acme, "PC-1", "")).await;
        let moved = AssetUpdate {
            client: Some(beta.clone()),
            site: Some(Some(site.clone())),
            asset_type: Some(kind.clone()),
            source_id: Some(Some("1042".to_owned())),
            ..AssetUpdate::default()
        };
        update(&test, &id, moved).await.unwrap();
        let stored = asset(&test, &id).await;
        assert_eq!(
            (stored.client_name.as_str(), stored.asset.client),
            ("Beta", beta.clone())
        );
        assert_eq!(
            (stored.asset.site, stored.asset.asset_type.clone()),
            (Some(site.clone()), Some(kind.clone()))
        );
        assert_eq!(stored.asset.source_id.as_deref(), Some("1042"));

        // What an update does not name stays; a site can be left for none.
        update(&test, &id, AssetUpdate::default()).await.unwrap();
        assert_eq!(asset(&test, &id).await.asset.site, Some(site));
        let no_site = AssetUpdate {
            site: Some(None),
            ..AssetUpdate::default()
        };
        update(&test, &id, no_site).await.unwrap();
        let stored = asset(&test, &id).await.asset;
        assert_eq!(
            (stored.site, stored.asset_type, stored.client),
            (None, Some(kind), beta)
        );
    })
    .await;
}

#[tokio::test]
async fn a_zero_character_in_a_name_is_no_reason_to_refuse_an_asset() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme\0").await;
        let id = add(&test, new(&acme, "PC\0-1", "\0")).await;
        let stored = asset(&test, &id).await;
        assert_eq!(stored.client_name, "Acme\u{fffd}");
        assert_eq!(stored.asset.fields["name"], json!("PC\0-1"));
        update(
            &test,
            &id,
            changes(&[change("name", json!("PC\0-1"), json!("PC\0-2"))]),
        )
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_long_name_is_kept_whole_and_found_by_its_beginning() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        // Nothing in it repeats, so that no index can store it shorter; each takes three bytes.
        let long: String = ('\u{4e00}'..).take(10_000).collect();
        let id = add(&test, new(&acme, &long, &long)).await;
        let stored = asset(&test, &id).await.asset;
        assert_eq!(stored.fields["name"], json!(long));
        let found = |search: String| AssetFilter {
            search: Some(search),
            limit: 10,
            ..AssetFilter::default()
        };
        let beginning: String = long.chars().take(100).collect();
        let page = test.registry_assets(&found(beginning)).await.unwrap();
        assert_eq!(page.len(), 1);
        let longer = format!("{long}!");
        update(&test, &id, changes(&[change("name", json!(long), json!(longer))]))
            .await
            .unwrap();
        assert_eq!(asset(&test, &id).await.asset.fields["name"], json!(longer));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_from_one_value_one_is_made() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        let other = test.another().await;
        for round in 0..5 {
            let id = add(&test, new(&acme, "PC-1", "")).await;
            let writers: Vec<_> = (0..8)
                .map(|n| {
                    let store = if n % 2 == 0 {
                        Store::clone(&test)
                    } else {
                        other.clone()
                    };
                    let id = id.clone();
                    tokio::spawn(async move {
                        let change = change("name", json!("PC-1"), json!(format!("PC-1-{n}")));
                        update(&store, &id, changes(&[change])).await.map(|()| n)
                    })
                })
                .collect();
            let mut made = vec![];
            for writer in writers {
                match writer.await.unwrap() {
                    Ok(n) => made.push(n),
                    Err(UpdateRefused::Changed(_)) => {}
                    Err(UpdateRefused::Failed(error)) => panic!("{error:?}"),
                }
            }
            assert_eq!(made.len(), 1, "round {round}: {made:?} all say they changed it");
            let name = asset(&test, &id).await.asset.fields["name"].clone();
            assert_eq!(name, json!(format!("PC-1-{}", made[0])));
        }
        other.close().await;
    })
    .await;
}
