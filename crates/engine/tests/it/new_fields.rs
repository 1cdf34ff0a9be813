//! Fields that a mapping asks for, and that the destination does not have yet.

use crate::hub::{Hub, confirmed, small};
use model::mapping::NewField;
use model::{Action, FieldRule, FieldType, Owner, RuleValue};
use serde_json::json;
use simulators::directory::{Fault, Mode};
use testkit::TestStore;

#[tokio::test]
async fn a_field_is_added_once_whatever_happens_to_the_answer_and_the_log_tells_of_it() {
    TestStore::on_every_engine(async |test| {
        let (hub, bridge, directory) = Hub::with_directory(&test, small(8)).await;
        let mut settings = bridge.settings.clone();
        settings.mapping.rules.push(FieldRule {
            target: "device_class".to_owned(),
            value: RuleValue::Expression("nodeClass".to_owned()),
            transform: None,
            owner: Owner::Source,
            clear: false,
            create: Some(NewField {
                label: "Device class".to_owned(),
                field_type: FieldType::Text,
            }),
        });
        let bridge = hub
            .engine
            .change_bridge(&hub.actor, &bridge, settings)
            .await
            .unwrap();
        hub.read(&bridge).await;
        hub.create_undecided(&bridge).await;
        let plan = hub.plan().await;
        directory
            .faults()
            .add(Fault::once("POST /asset_fields", Mode::LostAnswer))
            .unwrap();
        let lost = hub.apply(&plan, confirmed()).await;
        assert!(lost.is_err(), "{lost:?}");
        let noted = async || -> Vec<(String, String, String)> {
            let entries = test.audit_entries(None, 1000).await.unwrap();
            let about = entries
                .into_iter()
                .rev()
                .filter(|e| e.action.starts_with("field."));
            about.map(|e| (e.action, e.subject, e.actor)).collect()
        };
        let entry = |action: &str| {
            let (action, subject) = (action.to_owned(), "device_class".to_owned());
            (action, subject, hub.actor.to_string())
        };
        assert_eq!(noted().await, [entry("field.begun")], "it may have been added");

        // A new plan, since the field is there by now, or the same one where it is not.
        let plan = hub.plan().await;
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!((run.counts.failed, run.counts.unknown), (0, 0), "{run:?}");
        let records = directory.records();
        let fields = records["asset_fields"].as_array().unwrap();
        let ours = fields
            .iter()
            .filter(|field| field["key"] == json!("device_class"));
        assert_eq!(ours.count(), 1, "{fields:?}");
        let created = test.operations(&plan.id, 0, 1000).await.unwrap().into_iter();
        let mut drafts = created.filter_map(|operation| match operation.action {
            Action::CreateAsset(draft) => Some(draft),
            _ => None,
        });
        assert!(drafts.any(|draft| draft.fields.contains_key("device_class")));
    })
    .await;
}
