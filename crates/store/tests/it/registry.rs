//! The registry's clients, sites, asset types and fields.

use crate::estate;
use model::{FieldType, RecordId, RecordKind, TargetField};
use store::Store;
use store::registry::{BUILT_IN, NewRegistryClient};
use testkit::TestStore;

fn client(name: &str, marker: Option<&str>) -> NewRegistryClient {
    NewRegistryClient {
        name: name.to_owned(),
        source_id: marker.map(|m| format!("org of {m}")),
        marker: marker.map(str::to_owned),
    }
}

async fn one_client(store: &Store) -> RecordId {
    store
        .add_registry_clients(&[client("Acme", None)])
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn clients_are_added_once_for_each_marker() {
    TestStore::on_every_engine(async |test| {
        let new = [
            client("Zeta Works", Some("m-1")),
            client("Alpha Dental", None),
            client("Alpha Dental", None),
        ];
        let ids = test.add_registry_clients(&new).await.unwrap();
        assert_eq!(ids.len(), 3);
        // After a crash the same batch comes again, under whatever name: the marker decides.
        let again = test
            .add_registry_clients(&[client("Zeta Works AG", Some("m-1")), client("New", Some("m-2"))])
            .await
            .unwrap();
        assert_eq!(again[0], ids[0]);
        let clients = test.registry_clients().await.unwrap();
        let names: Vec<_> = clients.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["Alpha Dental", "Alpha Dental", "New", "Zeta Works"]);
        assert_eq!(clients[3].id, ids[0]);
        assert_eq!(clients[3].source_id.as_deref(), Some("org of m-1"));
        assert_eq!(clients[0].source_id, None);
        assert_eq!(
            test.registry_find(RecordKind::Client, "m-1").await.unwrap(),
            [ids[0].clone()]
        );
        assert!(
            test.registry_find(RecordKind::Client, "m-9")
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            test.registry_find(RecordKind::Site, "m-1")
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn sites_belong_to_a_client_that_exists() {
    TestStore::on_every_engine(async |test| {
        let acme = one_client(&test).await;
        let site = test
            .add_registry_site(&acme, "Head office", Some("s-1"))
            .await
            .unwrap();
        assert_eq!(
            test.add_registry_site(&acme, "Head office", Some("s-1"))
                .await
                .unwrap(),
            site
        );
        test.add_registry_site(&acme, "Annex", None).await.unwrap();
        let sites = test.registry_sites(std::slice::from_ref(&acme)).await.unwrap();
        assert_eq!(
            sites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
            ["Annex", "Head office"]
        );
        assert_eq!((&sites[1].id, &sites[1].client), (&site, &acme));
        assert_eq!(test.registry_find(RecordKind::Site, "s-1").await.unwrap(), [site]);

        let nobody = RecordId::from("nobody");
        let site = test
            .add_registry_site(&nobody, "Nowhere", None)
            .await
            .unwrap_err();
        assert_eq!(site.to_string(), "there is no client `nobody`");
        assert!(test.registry_sites(&[nobody]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn asset_types_share_their_groups() {
    TestStore::on_every_engine(async |test| {
        let server = test
            .add_registry_asset_type("Windows Server", Some("Servers"), Some("t-1"))
            .await
            .unwrap();
        let again = test
            .add_registry_asset_type("Renamed", Some("Servers"), Some("t-1"))
            .await
            .unwrap();
        assert_eq!(again, server);
        test.add_registry_asset_type("Linux Server", Some("Servers"), None)
            .await
            .unwrap();
        test.add_registry_asset_type("Camera", None, None).await.unwrap();
        let types = test.registry_asset_types().await.unwrap();
        let shown: Vec<_> = types
            .iter()
            .map(|t| (t.name.as_str(), t.group.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("Camera", None),
                ("Linux Server", Some("Servers")),
                ("Windows Server", Some("Servers"))
            ]
        );
        assert_eq!(
            test.registry_find(RecordKind::AssetType, "t-1").await.unwrap(),
            [server]
        );
        assert_eq!(test.sql("SELECT COUNT(*) FROM registry_asset_group").await, 1);
    })
    .await;
}

#[tokio::test]
async fn custom_fields_come_after_the_built_in_ones() {
    TestStore::on_every_engine(async |test| {
        let built_in = test.registry_fields().await.unwrap();
        assert_eq!(built_in.len(), BUILT_IN.len());
        assert!(built_in.iter().all(|f| !f.custom));
        let types = [
            FieldType::Text,
            FieldType::Integer,
            FieldType::Decimal,
            FieldType::Boolean,
            FieldType::Date,
        ];
        let custom: Vec<_> = types
            .into_iter()
            .enumerate()
            .map(|(n, field_type)| TargetField {
                key: format!("custom{n}"),
                label: format!("Custom {n}"),
                field_type,
                custom: true,
            })
            .collect();
        for field in custom.iter().rev() {
            test.add_registry_field(field).await.unwrap();
        }
        // One that is there stays as it is.
        let other = TargetField {
            label: "Other".to_owned(),
            field_type: FieldType::Date,
            ..custom[0].clone()
        };
        test.add_registry_field(&other).await.unwrap();
        let fields = test.registry_fields().await.unwrap();
        assert_eq!(&fields[..BUILT_IN.len()], built_in);
        assert_eq!(&fields[BUILT_IN.len()..], custom);
    })
    .await;
}

#[tokio::test]
async fn names_are_found_by_ids_on_both_sides() {
    TestStore::on_every_engine(async |test| {
        let acme = one_client(&test).await;
        let site = test.add_registry_site(&acme, "Annex", None).await.unwrap();
        let kind = test
            .add_registry_asset_type("Windows Server", None, None)
            .await
            .unwrap();
        let nobody = RecordId::from("nobody");
        for (of, id, name) in [
            (RecordKind::Client, &acme, "Acme"),
            (RecordKind::Site, &site, "Annex"),
            (RecordKind::AssetType, &kind, "Windows Server"),
        ] {
            let names = test
                .registry_names(of, &[nobody.clone(), id.clone()])
                .await
                .unwrap();
            assert_eq!(names, [(id.clone(), name.to_owned())].into());
        }
        assert!(
            test.registry_names(RecordKind::Site, std::slice::from_ref(&acme))
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(test.registry_client(&acme).await.unwrap().unwrap().name, "Acme");
        assert_eq!(test.registry_client(&nobody).await.unwrap(), None);

        let connection = estate::source(&test).await;
        estate::pass(&test, &connection, []).await;
        for (of, id, name) in [
            (RecordKind::Client, "1", "Zeta Works"),
            (RecordKind::Site, "21", "Practice"),
            (RecordKind::AssetType, "5", "Windows Server"),
        ] {
            let names = test
                .source_names(&connection.id, of, &[id.into(), "99".into()])
                .await;
            assert_eq!(names.unwrap(), [(id.into(), name.to_owned())].into());
        }
        let elsewhere = model::ConnectionId::from("another");
        let names = test
            .source_names(&elsewhere, RecordKind::Client, &["1".into()])
            .await;
        assert!(names.unwrap().is_empty());
    })
    .await;
}
