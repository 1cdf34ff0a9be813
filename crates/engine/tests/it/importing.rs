//! Bringing along what one already has: contacts from a spreadsheet, a configuration from another hub.

use crate::hub::{Hub, engine_on, owner, small};
use engine::Error;
use engine::import::ImportReport;
use engine::portable::PortableDecision;
use model::{Actor, ActorRole, RecordKind, Verdict};
use testkit::TestStore;

fn person(role: ActorRole) -> Actor {
    Actor::Person {
        name: "somebody".to_owned(),
        role,
    }
}

#[tokio::test]
async fn contacts_come_once_and_are_listed_by_client() {
    TestStore::on_every_engine(async |store| {
        let engine = engine_on(&store);
        let (owner, viewer) = (owner(), person(ActorRole::Viewer));
        let clients = "name\nAcme\nZenith\nTwin\n";
        engine
            .import_clients(&owner, "clients.csv", clients.as_bytes())
            .await
            .unwrap();
        let text = "client,name,email,phone\nACME,Ann,ann@acme.example,1\nzenith,Bo,,\nAcme,Ann,ann@acme.example,2\nNobody,Cy,,\n";
        let report = engine
            .import_contacts(&owner, "contacts.csv", text.as_bytes())
            .await
            .unwrap();
        // The third line is the first again.
        assert_eq!((report.added, report.present), (2, 1));
        assert_eq!(report.bad_lines.len(), 1);
        assert!(report.bad_lines[0].0 == 5 && report.bad_lines[0].1.contains("`Nobody`"), "{report:?}");
        let again = engine
            .import_contacts(&owner, "contacts.csv", text.as_bytes())
            .await
            .unwrap();
        assert_eq!(
            again,
            ImportReport {
                added: 0,
                present: 3,
                bad_lines: report.bad_lines
            }
        );
        let all = engine.contacts(&viewer, None, 10).await.unwrap();
        let names: Vec<_> = all
            .iter()
            .map(|l| (l.client_name.as_str(), l.contact.name.as_str()))
            .collect();
        assert_eq!(names, [("Acme", "Ann"), ("Zenith", "Bo")]);
        assert_eq!(all[0].contact.phone.as_deref(), Some("1"), "what is there stays");
        let one = engine.contacts(&viewer, Some("zenith"), 10).await.unwrap();
        assert_eq!(one, all[1..]);
        let by_id = all[0].contact.client.as_str();
        assert_eq!(engine.contacts(&viewer, Some(by_id), 10).await.unwrap(), all[..1]);
        let unknown = engine.contacts(&viewer, Some("Nobody"), 10).await.unwrap_err();
        assert!(unknown.to_string().contains("no client `Nobody`. There are: Acme"), "{unknown}");
        for actor in [viewer, person(ActorRole::Technician)] {
            let refused = engine.import_contacts(&actor, "contacts.csv", text.as_bytes()).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })));
        }
    })
    .await;
}

#[tokio::test]
async fn a_decision_of_a_document_holds_for_the_organization_of_its_name() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let good = hub.engine.export_configuration(&hub.actor).await.unwrap();
    let decisions = &good.bridges[&bridge.name].decisions;
    assert_eq!(decisions.len(), 4);
    for (id, name) in hub.ninja.organizations() {
        let expected = PortableDecision {
            organization: Some(name),
            verdict: Verdict::Create,
        };
        assert_eq!(decisions[&id.to_string()], expected);
    }
    // Another name for one of them: that one alone is not taken over, and what was decided here stays.
    let mut edited = good.clone();
    let portable = edited.bridges.get_mut(&bridge.name).unwrap();
    let id = portable.decisions.keys().next().unwrap().clone();
    for decision in portable.decisions.values_mut() {
        decision.verdict = Verdict::Exclude;
    }
    portable.decisions.get_mut(&id).unwrap().organization = Some("Quite Another Company".to_owned());
    let report = hub.engine.import_configuration(&hub.actor, edited).await.unwrap();
    assert_eq!(report.left_out.len(), 1, "{report:?}");
    assert!(
        report.left_out[0].contains(&format!("organization {id} was `Quite Another Company`")),
        "{report:?}"
    );
    let stored = store.decisions(&bridge.id).await.unwrap();
    for (organization, decision) in stored {
        let expected = if organization.as_str() == id {
            Verdict::Create
        } else {
            Verdict::Exclude
        };
        assert_eq!(decision.verdict, expected, "{organization}");
    }
}

#[tokio::test]
async fn what_was_decided_about_records_goes_out_and_comes_back_for_those_of_the_same_name() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.sync_all(&bridge).await;
    let devices = store.links(&bridge.id, RecordKind::Asset).await.unwrap();
    let mut devices = devices.into_keys();
    let (left, asked) = (devices.next().unwrap(), devices.next().unwrap());
    let key = (RecordKind::Asset, left.clone());
    hub.engine
        .ignore_records(&hub.actor, &bridge, std::slice::from_ref(&key), "a loan")
        .await
        .unwrap();
    let decision = model::ConflictDecision {
        device: asked.clone(),
        field: "name".to_owned(),
        verdict: model::ConflictVerdict::Keep,
        source_value: "PC-1".into(),
        destination_value: "reception".into(),
        by: "somebody".to_owned(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    store.decide_conflicts(&bridge.id, &[decision]).await.unwrap();
    let exported = hub.engine.export_configuration(&hub.actor).await.unwrap();
    let portable = &exported.bridges[&bridge.name];
    assert_eq!((portable.ignored.len(), portable.conflicts.len()), (1, 1));
    assert_eq!(portable.ignored[0].reason, "a loan");
    assert!(portable.conflicts[0].label.is_some());
    // As it stands, nothing moves on.
    let generation = hub.bridge().await.generation;
    let mut records = exported.clone();
    records.bridges.get_mut(&bridge.name).unwrap().decisions.clear();
    hub.engine
        .import_configuration(&hub.actor, records)
        .await
        .unwrap();
    assert_eq!(hub.bridge().await.generation, generation);

    hub.engine
        .unignore_records(&hub.actor, &bridge, std::slice::from_ref(&key))
        .await
        .unwrap();
    let mut edited = exported.clone();
    let portable = edited.bridges.get_mut(&bridge.name).unwrap();
    portable.conflicts[0].label = Some("QUITE-ANOTHER".to_owned());
    portable.conflicts[0].verdict = model::ConflictVerdict::Take;
    let report = hub.engine.import_configuration(&hub.actor, edited).await.unwrap();
    assert_eq!(report.left_out.len(), 1, "{report:?}");
    assert!(
        report.left_out[0].contains("it was `QUITE-ANOTHER` and is"),
        "{report:?}"
    );
    let decided = store.record_decisions(&bridge.id).await.unwrap();
    assert_eq!(decided.ignored[&key].reason, "a loan");
    assert_eq!(
        decided.conflicts[&asked]["name"].verdict,
        model::ConflictVerdict::Keep
    );
    assert_eq!(
        hub.engine.export_configuration(&hub.actor).await.unwrap(),
        exported
    );
}

#[tokio::test]
async fn a_run_is_found_by_the_beginning_of_its_id_when_that_is_enough() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.read(&bridge).await;
    let runs = hub.engine.runs(&hub.actor, 10).await.unwrap();
    assert_eq!(runs.len(), 2);
    for run in &runs {
        let found = hub.engine.find_run(&hub.actor, run.id.as_str()).await.unwrap();
        assert_eq!(&found, run);
    }
    let several = hub.engine.find_run(&hub.actor, "").await.unwrap_err();
    assert!(matches!(several, Error::Ambiguous { count: 2, .. }), "{several}");
    let none = hub.engine.find_run(&hub.actor, "nonsense").await.unwrap_err();
    assert!(matches!(none, Error::Unknown { what: "run", .. }), "{none}");
}
