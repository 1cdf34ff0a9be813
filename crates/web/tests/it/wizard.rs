//! The client wizard's pages, in Passportal's way.

use crate::estate::{self, Estate, bridged};
use crate::world::{Answer, Visitor, World};
use axum::http::StatusCode;
use model::{ActorRole, Verdict};
use testkit::TestStore;

const ORGANIZATIONS: [&str; 5] = [
    "Acme Corp",
    "Contoso Clinic",
    "Fabrikam Labs",
    "Northwind Traders",
    "Woodgrove Bank",
];

/// One identical name, one that is close, one that is nobody's.
const CLIENTS: [&str; 3] = ["Acme Corp", "Northwind Trader", "Somebody Else"];

async fn prepared(world: &World) -> Estate {
    bridged(world, "passportal", &ORGANIZATIONS, &CLIENTS).await
}

/// What the button called `name` of the row of `organization` sends.
fn button(page: &Answer, organization: &str, name: &str) -> String {
    let row = page
        .main()
        .split("<tr>")
        .find(|row| row.contains(&format!("<bdi>{organization}</bdi>")));
    let row = row.unwrap_or_else(|| panic!("{organization} is listed: {}", page.text()));
    let at = format!(r#"name="{name}" value=""#);
    let value = row.split(&at).nth(1).unwrap_or_else(|| panic!("{name}: {row}"));
    value.split('"').next().unwrap().replace("&#9;", "\t")
}

async fn press(visitor: &mut Visitor, list: &str, organization: &str, name: &str) -> Answer {
    let page = visitor.get(list).await;
    let value = button(&page, organization, name);
    let path = list.split('?').next().unwrap();
    visitor
        .post(&format!("{path}/decide"), &[(name, &value), ("back", list)])
        .await
}

#[tokio::test]
async fn a_client_that_was_created_over_there_is_found_after_refresh() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let Estate {
            ninja: _ninja,
            bridge,
        } = prepared(&world).await;
        let list = format!("/bridges/{}/clients", bridge.id);
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let clients = async |technician: &mut Visitor| {
            let page = technician.get(&list).await.text();
            let (before, _) = page.split_once(" clients, asked").unwrap();
            before.rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(clients(&mut technician).await, "3");
        estate::clients(&world, &["Woodgrove Bank"]).await;
        // What was asked for a moment ago is not asked for again with every page.
        assert_eq!(clients(&mut technician).await, "3");
        assert!(technician.get(&list).await.main().contains(">Refresh</button>"));
        let done = technician.post(&format!("{list}/refresh"), &[]).await;
        assert_eq!(done.to(), Some(list.as_str()));
        assert_eq!(clients(&mut technician).await, "4");
        let page = technician.get(&list).await.text();
        assert!(page.contains("Open questions 3"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn p17_p19_p20_p21_p22_p23_p24_p26_every_decision_is_made_on_the_page_and_can_be_changed() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let Estate { ninja, bridge } = prepared(&world).await;
        let list = format!("/bridges/{}/clients", bridge.id);
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let page = technician.get(&list).await;
        for part in [
            "All 5",
            "Open questions 4",
            "Matched 1",
            "To create 0",
            "Excluded Records 0",
        ] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        // Auto-Match all says what it would do, and then does it.
        let auto = format!("{list}/auto-match");
        let preview = technician.get(&auto).await;
        assert!(
            preview.text().contains("1 would be matched"),
            "{}",
            preview.text()
        );
        assert!(world.store.decisions(&bridge.id).await.unwrap().is_empty());
        assert_eq!(technician.post(&auto, &[]).await.to(), Some(list.as_str()));
        assert!(
            technician
                .get(&list)
                .await
                .text()
                .contains("One organization is matched.")
        );
        let preview = technician.get(&auto).await;
        assert!(preview.text().contains("Nothing to match"), "{}", preview.text());

        // Match: a search over the clients, which works without script.
        let page = technician.get(&list).await;
        let row = page.main().split("<bdi>Northwind Traders</bdi>").nth(1).unwrap();
        let choose = row.split(r#"href=""#).nth(1).unwrap().split('"').next().unwrap();
        let choose = choose.replace("&#38;", "&");
        let chooser = technician.get(&choose).await;
        assert!(
            chooser.text().contains("Which client is Northwind Traders ?"),
            "{}",
            chooser.text()
        );
        let found = technician.get(&format!("{choose}&q=NORTHWIND")).await;
        assert!(!found.text().contains("Somebody Else"), "{}", found.text());
        let choice = found.body.split(r#"name="match" value=""#).nth(1).unwrap();
        let choice = choice.split('"').next().unwrap().replace("&#9;", "\t");
        let decide = format!("{list}/decide");
        let matched = technician
            .post(&decide, &[("match", &choice), ("back", &list)])
            .await;
        assert_eq!(matched.to(), Some(list.as_str()));
        let page = technician.get(&list).await;
        assert!(
            page.text().contains("Northwind Traders is matched."),
            "{}",
            page.text()
        );
        let none = technician.get(&format!("{choose}&q=zzz")).await;
        assert!(
            none.text().contains("No client's name contains that."),
            "{}",
            none.text()
        );

        press(&mut technician, &list, "Contoso Clinic", "exclude").await;
        press(&mut technician, &list, "Fabrikam Labs", "create").await;
        technician.get(&list).await;
        let excluded = technician.get(&format!("{list}?f=excluded")).await;
        assert!(excluded.text().contains("Contoso Clinic"), "{}", excluded.text());
        assert!(!excluded.text().contains("Fabrikam Labs"), "{}", excluded.text());
        // Create Unmatched leaves the excluded alone, and says before how many it is about.
        let unmatched = format!("{list}/create-unmatched");
        let page = technician.get(&unmatched).await;
        assert!(page.text().contains("One client"), "{}", page.text());
        technician.post(&unmatched, &[("which", "all")]).await;
        let overview = technician.get(&format!("{list}/overview")).await.text();
        for part in [
            "2 To create",
            "2 Matched",
            "1 Excluded",
            "0 Left open",
            "Nothing is written before",
        ] {
            assert!(overview.contains(part), "{part}: {overview}");
        }
        // P28: from the Excluded Records it can be given another answer; so can every other.
        press(
            &mut technician,
            &format!("{list}?f=excluded"),
            "Contoso Clinic",
            "create",
        )
        .await;
        press(&mut technician, &list, "Woodgrove Bank", "undo").await;
        let page = technician.get(&list).await;
        for part in [
            "Open questions 1",
            "Matched 2",
            "To create 2",
            "Excluded Records 0",
        ] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        // P36: nothing was written so far.
        assert_eq!(world.store.registry_clients().await.unwrap().len(), CLIENTS.len());
        ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn p25_what_is_ticked_is_decided_together() {
    let world = World::new().await;
    let Estate { ninja, bridge } = prepared(&world).await;
    let list = format!("/bridges/{}/clients", bridge.id);
    let decide = format!("{list}/decide");
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let page = technician.get(&list).await;
    let [first, second] = ["Fabrikam Labs", "Woodgrove Bank"].map(|name| button(&page, name, "pick"));
    let none = technician
        .post(&decide, &[("picked", "exclude"), ("back", &list)])
        .await;
    assert_eq!(none.to(), Some(list.as_str()));
    assert!(technician.get(&list).await.text().contains("Nothing is ticked."));
    let form = [
        ("pick", first.as_str()),
        ("pick", &second),
        ("picked", "exclude"),
        ("back", &list),
    ];
    technician.post(&decide, &form).await;
    let page = technician.get(&list).await;
    assert!(
        page.text().contains("2 organizations are left alone"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("Excluded Records 2"), "{}", page.text());
    ninja.shutdown().await;
}

#[tokio::test]
async fn who_decides_about_what_another_has_just_decided_is_told_and_changes_nothing() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let Estate { ninja, bridge } = prepared(&world).await;
        let list = format!("/bridges/{}/clients", bridge.id);
        let decide = format!("{list}/decide");
        let mut one = world.signed_in(ActorRole::Technician).await;
        let mut other = world.signed_in(ActorRole::Owner).await;
        let seen = one.get(&list).await;
        let theirs = button(&seen, "Woodgrove Bank", "create");
        let mine = button(&seen, "Fabrikam Labs", "create");
        press(&mut other, &list, "Woodgrove Bank", "exclude").await;
        one.post(&decide, &[("create", &theirs), ("back", &list)]).await;
        let page = one.get(&list).await;
        let said =
            "Somebody decided about “Woodgrove Bank” while this page was open, so nothing was changed.";
        assert!(page.text().contains(said), "{}", page.text());
        let stands = world.store.decisions(&bridge.id).await.unwrap();
        let verdicts: Vec<_> = stands.into_values().map(|decision| decision.verdict).collect();
        assert_eq!(verdicts, [Verdict::Exclude]);
        // About another organization the same old page still decides.
        one.post(&decide, &[("create", &mine), ("back", &list)]).await;
        assert!(
            one.get(&list)
                .await
                .text()
                .contains("Fabrikam Labs: a client will be created.")
        );
        ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn p33_p34_p35_finish_is_refused_once_something_moved_and_pressed_twice_is_one() {
    TestStore::on_every_engine(async |store| {
        let world = World::on(store).await;
        let Estate { ninja, bridge } = prepared(&world).await;
        let list = format!("/bridges/{}/clients", bridge.id);
        let next = format!("{list}/overview");
        let mut technician = world.signed_in(ActorRole::Technician).await;
        let value = |page: &Answer, name: &str| {
            let value = page.body.split(&format!(r#"name="{name}" value=""#)).nth(1);
            value.unwrap().split('"').next().unwrap().to_owned()
        };
        let overview = technician.get(&next).await;
        let (generation, once) = (value(&overview, "generation"), value(&overview, "once"));
        press(&mut technician, &list, "Woodgrove Bank", "exclude").await;
        let form = [("generation", generation.as_str()), ("once", &once)];
        let refused = technician.post(&next, &form).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        let said = "changed after this overview was made. Look at it again, then finish";
        assert!(refused.text().contains(said), "{}", refused.text());
        assert!(
            world
                .store
                .jobs(&Default::default(), 10)
                .await
                .unwrap()
                .is_empty()
        );
        // The page it came with is the new overview: Finish on it is taken, once.
        let (generation, once) = (value(&refused, "generation"), value(&refused, "once"));
        let form = [("generation", generation.as_str()), ("once", &once)];
        let first = technician.post(&next, &form).await;
        let second = technician.post(&next, &form).await;
        assert!(first.to().unwrap().starts_with("/jobs/"), "{first:?}");
        assert_eq!(first.to(), second.to());
        let jobs = world.store.jobs(&Default::default(), 10).await.unwrap();
        assert_eq!(jobs.len(), 1, "{jobs:#?}");
        assert_eq!(jobs[0].kind, "finish");
        let mut viewer = world.signed_in(ActorRole::Viewer).await;
        assert!(!viewer.get(&next).await.text().contains("Finish Back to the list"));
        assert_eq!(viewer.post(&next, &form).await.status, StatusCode::FORBIDDEN);
        ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn names_are_text_whatever_they_hold_and_a_form_without_its_subject_is_refused_in_words() {
    let world = World::new().await;
    let long = "Very long name ".repeat(15);
    let names = ["<img src=x onerror=alert(1)>", "\u{202e}gpj.exe", long.trim()];
    let Estate { ninja, bridge } = bridged(&world, "default", &names, &names).await;
    let list = format!("/bridges/{}/clients", bridge.id);
    let mut technician = world.signed_in(ActorRole::Technician).await;
    for page in [&list, &format!("{list}/overview"), &format!("{list}/auto-match")] {
        let page = technician.get(page).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.main().contains("<img"), "{}", page.main());
        assert!(
            page.main().contains("<bdi>\u{202e}gpj.exe</bdi>"),
            "{}",
            page.main()
        );
    }
    for form in [
        &[][..],
        &[("create", "nonsense")],
        &[("picked", "delete")],
        &[("match", "1\t")],
    ] {
        let answer = technician.post(&format!("{list}/decide"), form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form:?}");
    }
    // A client or an organization that does not exist is named.
    let answer = technician
        .post(&format!("{list}/decide"), &[("match", "nobody\t0\t\tc")])
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        technician
            .get(&format!("/bridges/{}/match/none", bridge.id))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        technician.get("/bridges/none/clients").await.status,
        StatusCode::NOT_FOUND
    );
    // Another site is never gone on to.
    let page = technician.get(&list).await;
    let value = button(&page, "\u{202e}gpj.exe", "exclude");
    let form = [("exclude", value.as_str()), ("back", "https://evil.example")];
    assert_eq!(
        technician.post(&format!("{list}/decide"), &form).await.to(),
        Some("/")
    );
    ninja.shutdown().await;
}

#[tokio::test]
async fn who_may_only_look_sees_the_list_and_decides_nothing() {
    let world = World::new().await;
    let Estate { ninja, bridge } = prepared(&world).await;
    let list = format!("/bridges/{}/clients", bridge.id);
    let mut viewer = world.signed_in(ActorRole::Viewer).await;
    let page = viewer.get(&list).await;
    assert!(page.text().contains("Woodgrove Bank"), "{}", page.text());
    assert!(!page.body.contains("/decide"), "{}", page.main());
    let mut technician = world.signed_in(ActorRole::Technician).await;
    let value = button(&technician.get(&list).await, "Woodgrove Bank", "exclude");
    let refused = viewer
        .post(&format!("{list}/decide"), &[("exclude", &value), ("back", &list)])
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for all in ["auto-match", "create-unmatched"] {
        let refused = viewer.post(&format!("{list}/{all}"), &[("which", "all")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{all}");
    }
    assert!(world.store.decisions(&bridge.id).await.unwrap().is_empty());
    ninja.shutdown().await;
}
