//! Building a bridge, its settings, and having its source read.

use crate::estate::{connected, ninja};
use crate::world::World;
use axum::http::StatusCode;
use model::{ActorRole, NewOrganizations};
use testkit::TestStore;

const FORM: [(&str, &str); 5] = [
    ("name", "Assets"),
    ("destination", "registry"),
    ("preset", "passportal"),
    ("new_organizations", "ask"),
    ("schedule", "0 2 * * *"),
];

#[tokio::test]
async fn p12_p13_a_bridge_is_built_with_or_without_device_sync_and_opens_on_its_clients() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let mut owner = world.signed_in(ActorRole::Owner).await;
        assert!(
            owner
                .get("/bridges/new")
                .await
                .text()
                .contains("Connect a source first")
        );
        let ninja = ninja(2, &[]).await;
        let source = connected(&world, &ninja).await;
        let overview = owner.get("/").await;
        assert!(
            overview.main().contains(r#"href="/bridges/new""#),
            "{}",
            overview.main()
        );
        let form = owner.get("/bridges/new").await.text();
        insta::allow_duplicates! { insta::assert_snapshot!("the_form_of_a_new_bridge", form) };
        let with = |more: &[(&'static str, &'static str)]| {
            let mut form = FORM.to_vec();
            form.retain(|(key, _)| more.iter().all(|(other, _)| other != key));
            form.extend_from_slice(more);
            form
        };
        let id = source.id.to_string();
        let from = ("source", id.as_str());

        // What is wrong stands at its field, and what was typed stays.
        for (more, said) in [
            (("name", "  "), "enter a name"),
            (("name", "a\u{202e}b"), "without control characters"),
            (("preset", "nonsense"), "Choose one of these"),
            (("new_organizations", ""), "Choose one of these"),
        ] {
            let mut form: Vec<(&str, &str)> = with(&[more]);
            form.push(from);
            let answer = owner.post("/bridges/new", &form).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{more:?}");
            let said_at = answer.body.contains(&format!(r#"id="field-{}-error""#, more.0));
            assert!(said_at && answer.text().contains(said), "{}", answer.main());
        }
        let missing = owner.post("/bridges/new", &FORM).await;
        assert!(
            missing.text().contains("Choose where devices are read"),
            "{}",
            missing.text()
        );

        let mut form: Vec<(&str, &str)> = FORM.to_vec();
        form.push(from);
        let built = owner.post("/bridges/new", &form).await;
        let address = built.to().unwrap().to_owned();
        let bridge = world.engine.find_bridge(&world.console, None).await.unwrap();
        assert_eq!(address, format!("/bridges/{}/clients", bridge.id));
        assert_eq!(
            (bridge.name.as_str(), bridge.preset.as_str()),
            ("Assets", "passportal")
        );
        assert!(!bridge.settings.devices, "the tick was not sent");
        assert_eq!(bridge.settings.new_organizations, NewOrganizations::Ask);
        let page = owner.get(&address).await;
        for part in ["Assets is built.", "Nothing was read yet", "Read now"] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        let settings = owner.get(&format!("/bridges/{}/settings", bridge.id)).await;
        assert!(
            settings.body.contains(r#"<option value="0 2 * * *" selected>"#),
            "{}",
            settings.main()
        );
        // The name is taken; with Device Sync, another is built.
        let again = owner.post("/bridges/new", &form).await;
        assert!(
            again.body.contains(r#"id="field-name-error""#),
            "{}",
            again.main()
        );
        let mut form: Vec<(&str, &str)> = with(&[("name", "Devices too")]);
        form.extend([from, ("devices", "on")]);
        assert_eq!(
            owner.post("/bridges/new", &form).await.status,
            StatusCode::SEE_OTHER
        );
        let other = world
            .engine
            .find_bridge(&world.console, Some("Devices too"))
            .await
            .unwrap();
        assert!(other.settings.devices);
        ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_source_is_read_from_the_page_and_how_far_it_is_can_be_followed() {
    let world = World::new().await;
    let ninja = ninja(2, &[]).await;
    let source = connected(&world, &ninja).await;
    let registry = world.engine.registry_connection(&world.console).await.unwrap();
    let add = world
        .engine
        .add_bridge(&world.console, "assets", &source.id, &registry.id, "default");
    let bridge = add.await.unwrap();
    let list = format!("/bridges/{}/clients", bridge.id);
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let page = technician.get(&list).await;
    let once = page.body.split(r#"name="once" value=""#).nth(1).unwrap();
    let once = once.split('"').next().unwrap();
    let read = format!("/bridges/{}/read", bridge.id);
    let first = technician.post(&read, &[("once", once), ("back", &list)]).await;
    let second = technician.post(&read, &[("once", once), ("back", &list)]).await;
    assert_eq!(first.to(), second.to(), "a double click is one read");
    let job = technician.get(first.to().unwrap()).await;
    for part in ["Read our tenant", "In the queue", "Look again"] {
        assert!(job.text().contains(part), "{part}: {}", job.text());
    }
    assert!(job.body.contains(&format!(r#"href="{list}""#)), "{}", job.main());
    // Another site is never gone on to.
    let id = first.to().unwrap().split(['/', '?']).nth(2).unwrap().to_owned();
    let elsewhere = technician
        .get(&format!("/jobs/{id}?then=https://evil.example"))
        .await;
    assert!(!elsewhere.main().contains("evil"), "{}", elsewhere.main());
    assert_eq!(
        technician.get("/jobs/nothing").await.status,
        StatusCode::NOT_FOUND
    );
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    assert!(!viewer.get(&list).await.text().contains("Read now"));
    let refused = viewer.post(&read, &[("once", "1"), ("back", &list)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    ninja.shutdown().await;
}

#[tokio::test]
async fn settings_are_in_plain_words_and_two_who_change_them_do_not_overwrite_each_other() {
    let world = World::new().await;
    let ninja = ninja(2, &[]).await;
    let source = connected(&world, &ninja).await;
    let registry = world.engine.registry_connection(&world.console).await.unwrap();
    let add = world
        .engine
        .add_bridge(&world.console, "assets", &source.id, &registry.id, "default");
    let bridge = add.await.unwrap();
    let address = format!("/bridges/{}/settings", bridge.id);
    let mut owner = world.signed_in(ActorRole::Owner).await;
    insta::assert_snapshot!("the_settings_of_a_bridge", owner.get(&address).await.text());
    let form = [
        ("generation", "1"),
        ("name", "Our assets"),
        ("new_organizations", "create"),
        ("devices", "on"),
        ("change_share", "20 %"),
        ("change_most", ""),
        ("archive_share", "2.5"),
        ("archive_most", "7"),
        ("create_most", "50"),
        ("at_least", "4"),
        ("archive_reads", "3"),
        ("archive_days", "14"),
    ];
    for (key, value) in [
        ("change_share", "a lot"),
        ("archive_share", "101"),
        ("create_most", "-1"),
        ("at_least", ""),
        ("archive_reads", ""),
        ("archive_days", ""),
        ("name", ""),
    ] {
        let mut wrong = form;
        wrong
            .iter_mut()
            .filter(|(k, _)| *k == key)
            .for_each(|(_, v)| *v = value);
        let answer = owner.post(&address, &wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{key}");
        let at = format!(r#"id="field-{key}-error""#);
        assert!(answer.body.contains(&at), "{key}: {}", answer.main());
    }
    let stored = async || world.engine.find_bridge(&world.console, None).await.unwrap();
    assert_eq!(stored().await, bridge, "nothing of it was stored");
    assert_eq!(owner.post(&address, &form).await.to(), Some(address.as_str()));
    let changed = stored().await;
    assert_eq!(changed.name, "Our assets");
    let brakes = changed.settings.brakes;
    assert_eq!((brakes.change_share, brakes.change_most), (0.2, None));
    assert_eq!((brakes.archive_share, brakes.archive_most), (0.025, Some(7)));
    assert_eq!((brakes.create_most, brakes.at_least), (Some(50), 4));
    // A form that is older than what is stored changes nothing.
    let mut old = form;
    old[4].1 = "99";
    let stale = owner.post(&address, &old).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.text().contains("nothing was saved"), "{}", stale.text());
    assert_eq!(stored().await, changed);

    let schedule = format!("/bridges/{}/schedule", bridge.id);
    for (form, at) in [
        (
            [("schedule", "other"), ("cron", "every day"), ("zone", "UTC")],
            "cron",
        ),
        ([("schedule", "other"), ("cron", ""), ("zone", "UTC")], "cron"),
        (
            [("schedule", "0 2 * * *"), ("cron", ""), ("zone", "Mars/Base")],
            "zone",
        ),
    ] {
        let answer = owner.post(&schedule, &form).await;
        assert!(
            answer.body.contains(&format!(r#"id="field-{at}-error""#)),
            "{}",
            answer.main()
        );
    }
    let own = [
        ("schedule", "other"),
        ("cron", "30 6 * * 1"),
        ("zone", "Europe/Berlin"),
    ];
    assert_eq!(owner.post(&schedule, &own).await.to(), Some(address.as_str()));
    assert!(owner.get(&address).await.body.contains(r#"value="30 6 * * 1""#));

    let pause = format!("/bridges/{}/pause", bridge.id);
    owner.post(&pause, &[("reason", "<b>stocktaking</b>")]).await;
    let page = owner.get(&address).await;
    assert!(
        page.text().contains("Its schedule is paused: <b>stocktaking</b>"),
        "{}",
        page.text()
    );
    owner.post(&format!("/bridges/{}/resume", bridge.id), &[]).await;
    assert_eq!(stored().await.paused, None);

    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    let page = viewer.get(&address).await;
    assert!(!page.main().contains("<form"), "{}", page.main());
    assert!(
        page.text().contains("change more than 20 % of the assets"),
        "{}",
        page.text()
    );
    assert_eq!(viewer.post(&address, &form).await.status, StatusCode::FORBIDDEN);
    ninja.shutdown().await;
}
