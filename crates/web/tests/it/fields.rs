//! Field rules: a preset's are read-only, one's own are tried on a device before they are kept.

use crate::tenant::{Estate, follow, hidden};
use crate::world::World;
use axum::http::StatusCode;
use model::ActorRole;
use testkit::TestStore;

// H42 H43 H44 H45 H46 H47 H48 H49 H50 H51 H52 H53 H54
#[tokio::test]
async fn h55_the_thirteen_fields_are_shown_and_read_only_until_they_are_copied() {
    let world = World::new().await;
    let estate = Estate::read(&world, "humanizeit").await;
    let path = format!("/bridges/{}/fields", estate.bridge.id);
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let page = owner.get(&path).await;
    let text = page.text();
    for rule in [
        "serialNumber system.serialNumber",
        "name systemName || dnsName",
        "warrantyExpire warranty.endDate",
        "TypeId role.id",
        "storage volumes[0].capacity",
        "locationName location.name",
        "manufacturer system.manufacturer",
        "modelNumber system.model",
        "os os.name",
        "purchaseDate warranty.startDate",
        "processorModel processors[0].name",
        "details always blank",
        "replaceDate always blank",
    ] {
        assert!(text.contains(rule), "{rule}: {text}");
    }
    assert!(
        text.contains("read-only") && text.contains("Copy to edit"),
        "{text}"
    );
    assert!(!page.body.contains("/fields/rule"), "{text}");
    let refused = owner.get(&format!("{path}/rule")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let seen = hidden(&page, "seen");
    let answer = owner.post(&format!("{path}/copy"), &[("seen", &seen)]).await;
    let page = follow(&mut owner, &answer).await;
    assert!(
        page.text().contains("Add a rule") && page.text().contains("Change"),
        "{}",
        page.text()
    );
    // Who may not change bridges sees the same without the buttons.
    let mut technician = world.signed_in(ActorRole::Technician).await;
    assert!(!technician.get(&path).await.body.contains("/fields/rule"));
    assert_eq!(
        technician.get(&format!("{path}/rule")).await.status,
        StatusCode::FORBIDDEN
    );
    let refused = technician.post(&format!("{path}/copy"), &[("seen", &seen)]).await;
    assert!(refused.status.is_client_error());
    estate.ninja.shutdown().await;
}

// L46 L47 L53
#[tokio::test]
async fn l53_a_rule_is_tried_on_a_device_and_a_source_field_is_mapped_once() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let estate = Estate::read(&world, "default").await;
        let path = format!("/bridges/{}/fields", estate.bridge.id);
        let mut owner = world.signed_in(ActorRole::Owner).await;
        let form = owner.get(&format!("{path}/rule")).await;
        assert!(
            form.text().contains("New rule") && form.text().contains("system.serialNumber"),
            "{}",
            form.text()
        );
        let (seen, device) = (hidden(&form, "seen"), hidden(&form, "device"));
        let rule = format!("{path}/rule");
        let typed = |source: &'static str, pressed: &'static str| {
            vec![
                ("seen", seen.clone()),
                ("was", String::new()),
                ("device", device.clone()),
                ("target", "+new".to_owned()),
                ("label", "Last restart".to_owned()),
                ("kind", "text".to_owned()),
                ("from", "expression".to_owned()),
                ("source", source.to_owned()),
                ("transform", String::new()),
                ("owner", "source".to_owned()),
                ("do", pressed.to_owned()),
            ]
        };
        let mut send = async |pairs: Vec<(&'static str, String)>| {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
            owner.post(&rule, &pairs).await
        };
        // An expression that cannot be read: said at its field, with the place, and nothing typed is lost.
        let wrong = send(typed("system.[", "save")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            wrong.body.contains(r#"id="field-source-error""#),
            "{}",
            wrong.main()
        );
        assert!(
            wrong.text().contains("column") && wrong.body.contains("Last restart"),
            "{}",
            wrong.text()
        );
        // L53: the same source field twice.
        let twice = send(typed("system.serialNumber", "save")).await;
        assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            twice.text().contains("a source field can be mapped once"),
            "{}",
            twice.text()
        );
        // Tried, it shows the device's value and keeps nothing.
        let tried = send(typed("nodeClass", "try")).await;
        assert_eq!(tried.status, StatusCode::OK);
        assert!(tried.body.contains("tried-value"), "{}", tried.main());
        let before = estate.now(&world).await.settings.mapping.rules.len();
        let saved = send(typed("nodeClass", "save")).await;
        assert_eq!(saved.to(), Some(path.as_str()), "{}", saved.body);
        let rules = estate.now(&world).await.settings.mapping.rules;
        assert_eq!(rules.len(), before + 1);
        let made = rules.last().unwrap();
        // L50, L52: the field is made with the next import.
        assert_eq!(
            (made.target.as_str(), made.create.as_ref().unwrap().label.as_str()),
            ("lastRestart", "Last restart")
        );
        // Whoever looked before that is shown both, and overwrites nothing unseen.
        let moved = send(typed("dnsName", "save")).await;
        assert_eq!(moved.status, StatusCode::CONFLICT);
        let text = moved.text();
        assert!(
            text.contains("Somebody else changed the mapping while you typed"),
            "{text}"
        );
        assert!(moved.body.contains(r#"value="dnsName""#), "{}", moved.main());
        assert_eq!(estate.now(&world).await.settings.mapping.rules.len(), before + 1);
        estate.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn roles_types_and_the_scope_are_kept_and_two_people_do_not_overwrite_each_other() {
    let world = World::new().await;
    let estate = Estate::read(&world, "default").await;
    let path = format!("/bridges/{}/types", estate.bridge.id);
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let page = owner.get(&path).await;
    let roles = world.engine.roles(&world.console, &estate.bridge).await.unwrap();
    assert!(
        !roles.is_empty() && page.text().contains(&roles[0].name),
        "{}",
        page.text()
    );
    let generation = hidden(&page, "generation");
    let kind = format!("type.{}", roles[0].id);
    let first = roles[0].id.to_string();
    let form = [
        ("generation", generation.as_str()),
        (&kind, "Our servers"),
        ("role", &first),
        ("group", "From NinjaOne"),
        ("sites", "same_name"),
        ("approval", "APPROVED"),
        ("approval", "PENDING"),
        ("tags", "vip, lab"),
    ];
    let saved = owner.post(&path, &form).await;
    assert_eq!(saved.to(), Some(path.as_str()), "{}", saved.body);
    let settings = estate.now(&world).await.settings;
    assert_eq!(settings.types.by_role[&first], "Our servers");
    assert_eq!(settings.types.default_group.as_deref(), Some("From NinjaOne"));
    assert_eq!(settings.scope.roles, [first.as_str()]);
    assert_eq!(settings.scope.tags, ["vip", "lab"]);
    assert_eq!(settings.scope.approvals, ["APPROVED", "PENDING"]);
    let late = owner.post(&path, &form).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(
        late.body.contains("Our servers") && late.text().contains("nothing was saved"),
        "{}",
        late.text()
    );
    let nobody = [("generation", "99"), ("group", "x")];
    let refused = owner.post(&path, &nobody).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.text().contains("Tick at least one role"),
        "{}",
        refused.text()
    );
    let mut technician = world.signed_in(ActorRole::Technician).await;
    assert!(
        technician
            .get(&path)
            .await
            .text()
            .contains("An Owner changes this.")
    );
    assert_eq!(technician.post(&path, &form).await.status, StatusCode::FORBIDDEN);
    estate.ninja.shutdown().await;
}
