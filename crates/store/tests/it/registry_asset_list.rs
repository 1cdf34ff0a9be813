//! The list of assets as people look through it: every page is a part of the whole list, however it is sorted.

use crate::assets::{add, client, new, update};
use model::RecordId;
use store::registry::{AssetOrder, AssetQuery, AssetUpdate};
use testkit::TestStore;

async fn ids(test: &TestStore, query: &AssetQuery) -> (Vec<RecordId>, u64) {
    let (assets, total) = test.registry_asset_list(query).await.unwrap();
    (assets.into_iter().map(|listed| listed.asset.id).collect(), total)
}

#[tokio::test]
async fn pages_are_parts_of_the_whole_list_in_every_order() {
    TestStore::on_every_engine(async |test| {
        // Two clients of one name, and one whose assets are all archived.
        let mut clients = vec![];
        for name in ["Beta", "Acme", "Gone", "Acme", "Zeta"] {
            clients.push(client(&test, name).await);
        }
        for n in 0..23 {
            let owner = &clients[[0, 1, 1, 3, 4][n % 5]];
            add(&test, new(owner, &format!("PC-{}", n * 7 % 23), "")).await;
        }
        let archived = AssetUpdate {
            archived: Some(true),
            ..AssetUpdate::default()
        };
        for owner in [&clients[2], &clients[0]] {
            let gone = add(&test, new(owner, "PC-gone", "")).await;
            update(&test, &gone, archived.clone()).await.unwrap();
        }
        for order in [
            AssetOrder::Name,
            AssetOrder::Serial,
            AssetOrder::Client,
            AssetOrder::Updated,
        ] {
            for (descending, search, client) in [
                (false, "", None),
                (true, "", None),
                (false, "pc-1", None),
                (true, "", Some(clients[1].clone())),
                (false, "nothing", None),
            ] {
                let whole = AssetQuery {
                    client,
                    search: search.to_owned(),
                    order,
                    descending,
                    limit: 100,
                    ..AssetQuery::default()
                };
                let (all, total) = ids(&test, &whole).await;
                assert_eq!(total, all.len() as u64);
                assert!(search == "nothing" || all.len() > 4, "{whole:?}");
                for limit in 1..=8 {
                    for offset in 0..=total + 2 {
                        let page = AssetQuery {
                            offset,
                            limit,
                            ..whole.clone()
                        };
                        let (found, counted) = ids(&test, &page).await;
                        let expected: Vec<RecordId> = all
                            .iter()
                            .skip(usize::try_from(offset).unwrap())
                            .take(usize::try_from(limit).unwrap())
                            .cloned()
                            .collect();
                        assert_eq!(found, expected, "{page:?}");
                        assert_eq!(counted, total, "{page:?}");
                    }
                }
            }
        }
        let by_client = AssetQuery {
            order: AssetOrder::Client,
            limit: 100,
            ..AssetQuery::default()
        };
        let (assets, _) = test.registry_asset_list(&by_client).await.unwrap();
        let names: Vec<&str> = assets.iter().map(|listed| listed.client_name.as_str()).collect();
        assert!(names.is_sorted() && names.len() == 23, "{names:?}");
    })
    .await;
}
