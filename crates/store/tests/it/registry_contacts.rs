//! The registry's contacts.

use model::RecordId;
use store::registry::{NewRegistryClient, RegistryContact};
use testkit::TestStore;

fn contact(client: &RecordId, name: &str, email: Option<&str>) -> RegistryContact {
    RegistryContact {
        id: RecordId(String::new()),
        client: client.clone(),
        name: name.to_owned(),
        email: email.map(str::to_owned),
        phone: None,
    }
}

async fn clients(test: &TestStore, names: &[&str]) -> Vec<RecordId> {
    let new: Vec<_> = names
        .iter()
        .map(|name| NewRegistryClient {
            name: (*name).to_owned(),
            ..NewRegistryClient::default()
        })
        .collect();
    test.add_registry_clients(&new).await.unwrap()
}

#[tokio::test]
async fn contacts_are_listed_by_client_and_name() {
    TestStore::on_every_engine(async |test| {
        let ids = clients(&test, &["Zenith", "Acme"]).await;
        let (zenith, acme) = (&ids[0], &ids[1]);
        let mut desk = contact(acme, "Front desk", Some("desk@example.test"));
        desk.phone = Some("+49 30 1".to_owned());
        let new = [
            contact(zenith, "Yi", None),
            desk.clone(),
            contact(acme, "Back\0office", Some("back@example.test")),
        ];
        let added = test.add_registry_contacts(&new).await.unwrap();
        assert_eq!(added.len(), 3);

        let all = test.registry_contacts(None, 10).await.unwrap();
        let names: Vec<_> = all
            .iter()
            .map(|l| (l.client_name.as_str(), l.contact.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("Acme", "Back\u{fffd}office"),
                ("Acme", "Front desk"),
                ("Zenith", "Yi")
            ]
        );
        desk.id = added[1].clone();
        assert_eq!(all[1].contact, desk);
        let one = test.registry_contacts(Some(zenith), 10).await.unwrap();
        assert_eq!(one, [all[2].clone()]);
        assert_eq!(test.registry_contacts(None, 2).await.unwrap(), all[..2]);
        let nobody = test.registry_contacts(Some(&"nobody".into()), 10).await.unwrap();
        assert!(nobody.is_empty());
        assert!(test.add_registry_contacts(&[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn contacts_of_an_unknown_client_are_refused_with_all_that_came_along() {
    TestStore::on_every_engine(async |test| {
        let acme = clients(&test, &["Acme"]).await.remove(0);
        // More than one statement holds.
        let mut new: Vec<_> = (0..150)
            .map(|n| contact(&acme, &format!("Person {n:03}"), None))
            .collect();
        new.push(contact(&"nobody".into(), "Ghost", None));
        let error = test.add_registry_contacts(&new).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no client `nobody`");
        assert!(test.registry_contacts(None, 10).await.unwrap().is_empty());
        new.pop();
        test.add_registry_contacts(&new).await.unwrap();
        let all = test.registry_contacts(Some(&acme), 1000).await.unwrap();
        assert_eq!(all.len(), 150);
        assert_eq!(all[149].contact.name, "Person 149");
    })
    .await;
}
