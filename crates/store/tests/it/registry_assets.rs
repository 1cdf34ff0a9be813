//! The registry's assets: added once, found, listed, and a batch of them answered one by one.

use crate::assets::{add, asset, change, changes, client, fields, names, new, up_to, update};
use model::{Clock, RecordId, RecordKind};
use serde_json::{Value, json};
use store::Error;
use store::registry::{AssetFilter, AssetUpdate, NewRegistryAsset, UpdateRefused};
use testkit::TestStore;

#[tokio::test]
async fn an_asset_is_added_once_for_each_marker_with_all_it_has() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        let site = test.add_registry_site(&acme, "Head office", None).await.unwrap();
        let kind = test.add_registry_asset_type("Server", None, None).await.unwrap();
        let given = NewRegistryAsset {
            site: Some(site.clone()),
            asset_type: Some(kind.clone()),
            source_id: Some("1042".to_owned()),
            marker: Some("m-1".to_owned()),
            fields: fields(&[
                ("name", json!("PC \"1\" Ω")),
                ("storage", json!(512)),
                ("spare", json!(true)),
            ]),
            ..new(&acme, "", "")
        };
        let id = add(&test, given.clone()).await;
        let stored = asset(&test, &id).await;
        assert_eq!(stored.client_name, "Acme");
        assert_eq!(stored.updated, test.clock().now());
        assert_eq!(stored.asset.fields, given.fields);
        assert_eq!(
            (stored.asset.client, stored.asset.site),
            (acme.clone(), Some(site))
        );
        assert_eq!(
            (stored.asset.asset_type, stored.asset.archived),
            (Some(kind), None)
        );
        assert_eq!(stored.asset.source_id.as_deref(), Some("1042"));
        assert_eq!(
            test.registry_find(RecordKind::Asset, "m-1").await.unwrap(),
            std::slice::from_ref(&id)
        );

        // The same marker again, alone and twice in one batch.
        let second = NewRegistryAsset {
            marker: Some("m-2".to_owned()),
            ..new(&acme, "PC-2", "")
        };
        let answers = test
            .add_registry_assets(&[given, second.clone(), second])
            .await
            .unwrap();
        let ids: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids[0], id);
        assert_eq!(ids[1], ids[2]);
        assert_eq!(test.registry_asset_count().await.unwrap(), 2);
        assert!(test.registry_asset(&"none".into()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn search_takes_every_character_as_it_is_whatever_the_case() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        for (name, serial) in [
            ("100% rack", "A_1"),
            ("1000 rack", "AB1"),
            ("ÄPFEL-Straße!", "SN-7"),
            ("Сервер", "back\\slash"),
            ("o'brien", ""),
        ] {
            add(&test, new(&acme, name, serial)).await;
        }
        for (search, found) in [
            ("100%", vec!["100% rack"]),
            ("a_1", vec!["100% rack"]),
            ("RACK", vec!["100% rack", "1000 rack"]),
            ("äpfel", vec!["ÄPFEL-Straße!"]),
            ("STRAßE!", vec!["ÄPFEL-Straße!"]),
            ("sn-7", vec!["ÄPFEL-Straße!"]),
            ("сЕРВ", vec!["Сервер"]),
            ("K\\S", vec!["Сервер"]),
            ("O'B", vec!["o'brien"]),
            ("%", vec!["100% rack"]),
            ("_", vec!["100% rack"]),
            ("racka", vec![]),
        ] {
            let filter = AssetFilter {
                search: Some(search.to_owned()),
                ..up_to(10)
            };
            assert_eq!(names(&test, filter).await, found, "{search}");
        }
    })
    .await;
}

#[tokio::test]
async fn lists_are_by_client_and_page_without_archived_ones_unless_asked() {
    TestStore::on_every_engine(async |test| {
        let (acme, beta) = (client(&test, "Acme").await, client(&test, "Beta").await);
        let mut ids = vec![];
        for n in 1..=7 {
            let owner = if n % 3 == 0 { &beta } else { &acme };
            ids.push(add(&test, new(owner, &format!("PC-{n}"), "")).await);
        }
        let archive = AssetUpdate {
            archived: Some(true),
            ..AssetUpdate::default()
        };
        let at = test.clock().advance(jiff::SignedDuration::from_hours(1));
        update(&test, &ids[0], archive.clone()).await.unwrap();
        assert_eq!(asset(&test, &ids[0]).await.asset.archived, Some(at));
        // Archived once: a second time does not change when.
        test.clock().advance(jiff::SignedDuration::from_hours(1));
        update(&test, &ids[0], archive).await.unwrap();
        assert_eq!(asset(&test, &ids[0]).await.asset.archived, Some(at));
        assert_eq!(test.registry_asset_count().await.unwrap(), 6);

        let of_acme = AssetFilter {
            client: Some(acme.clone()),
            ..up_to(10)
        };
        assert_eq!(
            names(&test, of_acme.clone()).await,
            ["PC-2", "PC-4", "PC-5", "PC-7"]
        );
        let with_archived = AssetFilter {
            archived: true,
            ..of_acme
        };
        assert_eq!(
            names(&test, with_archived).await,
            ["PC-1", "PC-2", "PC-4", "PC-5", "PC-7"]
        );
        let mut pages = vec![];
        let mut filter = up_to(4);
        loop {
            let page = test.registry_assets(&filter).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.after = Some(last.asset.id.clone());
            pages.push(page.len());
        }
        assert_eq!(pages, [4, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_page_for_planning_is_what_the_list_shows() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        let other = client(&test, "Other").await;
        let site = test.add_registry_site(&acme, "Head office", None).await.unwrap();
        let kind = test.add_registry_asset_type("Server", None, None).await.unwrap();
        assert_eq!(
            test.registry_asset_page(Some(&acme), None).await.unwrap(),
            (vec![], None)
        );
        add(
            &test,
            NewRegistryAsset {
                site: Some(site),
                asset_type: Some(kind),
                source_id: Some("10\"4\\2\n\u{1}é".to_owned()),
                ..new(&acme, "PC \"1\" \\ Ω\n", "S-1")
            },
        )
        .await;
        let old = add(&test, new(&acme, "PC-2", "")).await;
        let archive = AssetUpdate {
            archived: Some(true),
            ..AssetUpdate::default()
        };
        update(&test, &old, archive).await.unwrap();
        let many: Vec<_> = (0..1100).map(|n| new(&other, &format!("PC-{n}"), "")).collect();
        test.add_registry_assets(&many).await.unwrap();

        for (client, pages) in [(Some(&acme), 1), (Some(&other), 2), (None, 2)] {
            let (mut found, mut after, mut read) = (vec![], None, 0);
            loop {
                let (page, more) = test.registry_asset_page(client, after.as_ref()).await.unwrap();
                found.extend(page);
                read += 1;
                after = more;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(read, pages);
            found.sort_by(|a, b| a.id.cmp(&b.id));
            let listed = AssetFilter {
                client: client.cloned(),
                archived: true,
                ..up_to(2000)
            };
            let listed = test.registry_assets(&listed).await.unwrap();
            assert_eq!(found, listed.into_iter().map(|a| a.asset).collect::<Vec<_>>());
        }
    })
    .await;
}

#[tokio::test]
async fn some_small_clients_assets_come_together() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        let beta = client(&test, "Beta").await;
        let large = client(&test, "Large").await;
        let mut expected = vec![add(&test, new(&acme, "PC-1", "")).await];
        expected.push(add(&test, new(&beta, "PC-2", "")).await);
        expected.sort();
        let many: Vec<_> = (0..1000).map(|n| new(&large, &format!("PC-{n}"), "")).collect();
        test.add_registry_assets(&many).await.unwrap();

        let some = [acme.clone(), beta.clone(), "nobody".into()];
        let found = test.registry_assets_of(&some).await.unwrap().unwrap();
        let mut found: Vec<_> = found.into_iter().map(|asset| asset.id).collect();
        found.sort();
        assert_eq!(found, expected);
        // What may not be all of it is nothing, and one client has pages.
        for some in [vec![acme.clone(), large], vec![acme], vec![]] {
            assert_eq!(test.registry_assets_of(&some).await.unwrap(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn one_bad_write_in_a_batch_leaves_the_others() {
    TestStore::on_every_engine(async |test| {
        let acme = client(&test, "Acme").await;
        let nowhere = RecordId::from("nowhere");
        let bad = [
            ("client", new(&nowhere, "bad", "")),
            (
                "site",
                NewRegistryAsset {
                    site: Some(nowhere.clone()),
                    ..new(&acme, "bad", "")
                },
            ),
            (
                "asset type",
                NewRegistryAsset {
                    asset_type: Some(nowhere.clone()),
                    ..new(&acme, "bad", "")
                },
            ),
        ];
        for (what, bad) in bad {
            let batch = [new(&acme, "before", ""), bad, new(&acme, "after", "")];
            let answers = test.add_registry_assets(&batch).await.unwrap();
            let expected = format!("there is no {what} `nowhere`");
            assert_eq!(answers[1].as_ref().unwrap_err().to_string(), expected);
            for answer in [&answers[0], &answers[2]] {
                let id = answer.as_ref().unwrap();
                assert!(
                    test.registry_asset(id).await.unwrap().is_some(),
                    "{what}: {id} is stored"
                );
            }
        }
        assert_eq!(test.registry_asset_count().await.unwrap(), 6);

        let first = add(&test, new(&acme, "first", "")).await;
        let second = add(&test, new(&acme, "second", "")).await;
        let good = |name: &str| changes(&[change("os", Value::Null, json!(name))]);
        let bad = [
            (
                "client",
                AssetUpdate {
                    client: Some(nowhere.clone()),
                    ..AssetUpdate::default()
                },
            ),
            (
                "site",
                AssetUpdate {
                    site: Some(Some(nowhere.clone())),
                    ..AssetUpdate::default()
                },
            ),
            (
                "asset type",
                AssetUpdate {
                    asset_type: Some(nowhere.clone()),
                    ..AssetUpdate::default()
                },
            ),
        ];
        let broken = bad.iter().map(|(_, bad)| (first.clone(), bad.clone()));
        let mut batch = vec![(first.clone(), good("one"))];
        batch.extend(broken);
        batch.push((second.clone(), good("two")));
        let answers = test.update_registry_assets(&batch).await.unwrap();
        for ((what, _), answer) in bad.iter().zip(&answers[1..]) {
            let expected = format!("there is no {what} `nowhere`");
            assert!(
                matches!(answer, Err(UpdateRefused::Failed(error)) if error.to_string() == expected),
                "{answer:?}"
            );
        }
        assert!(answers[0].is_ok() && answers[4].is_ok(), "{answers:?}");
        assert_eq!(asset(&test, &first).await.asset.fields["os"], json!("one"));
        assert_eq!(asset(&test, &first).await.asset.client, acme);
        assert_eq!(asset(&test, &second).await.asset.fields["os"], json!("two"));
    })
    .await;
}

#[tokio::test]
async fn a_broken_database_fails_the_batch_as_a_whole() {
    let test = TestStore::sqlite().await;
    let acme = client(&test, "Acme").await;
    test.sql("DROP TABLE registry_asset").await;
    let error = test
        .add_registry_assets(&[new(&acme, "PC-1", "")])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error:?}");
}
