//! Asset types, sites, organizations and brakes in a plan.

use super::*;

fn with_role(mut device: DeviceProjection, id: &str, name: &str) -> DeviceProjection {
    device.role = Some(Role {
        id: id.into(),
        name: name.to_owned(),
    });
    device
}

#[test]
fn asset_types_come_before_the_first_asset_that_needs_them() {
    let mut settings = settings();
    settings.types.default_group = Some("Computers".to_owned());
    settings.types.by_role = [("7".to_owned(), "Mac".to_owned())].into();
    let named = |id: &str, name: &str| AssetType {
        id: id.into(),
        name: name.to_owned(),
        group: None,
    };
    let types = [
        named("t1", "windows  server"),
        named("t2", "Switch"),
        named("t3", "switch"),
        named("t4", "Linked"),
    ];
    let mut input = client();
    input.devices = vec![
        with_role(device("1", "A"), "5", "Windows Server"),
        with_role(device("2", "B"), "5", "Windows Server"),
        with_role(device("3", "C"), "6", "Mac"),
        with_role(device("4", "D"), "7", "MAC laptop"),
        with_role(device("5", "E"), "8", "Switch"),
        with_role(device("6", "F"), "9", "Anything"),
        with_role(device("7", "G"), "10", "Lost"),
    ];
    let text = plan(&settings, &types, &[("9", "t4"), ("10", "gone")], input);
    let heads: Vec<&str> = text
        .lines()
        .filter(|l| !l.contains("name:") && !l.contains("os:"))
        .collect();
    assert_eq!(
        heads,
        [
            "= type  Windows Server",
            "    is type t1",
            "    (the asset type has the role's name, Windows Server)",
            "+ asset  A  Acme",
            "    type: — → type t1",
            "    (no asset of this client is this device)",
            "+ asset  B  Acme",
            "    type: — → type t1",
            "    (no asset of this client is this device)",
            "+ type  Mac",
            "    group: — → Computers",
            "    (devices of this role need an asset type)",
            "+ asset  C  Acme",
            "    type: — → the new type of role 6",
            "    (no asset of this client is this device)",
            "+ asset  D  Acme",
            "    type: — → the new type of role 6",
            "    (no asset of this client is this device)",
            "? type  Switch",
            "    (2 asset types are called Switch; say which one this role is)",
            "+ asset  E  Acme",
            "    (no asset of this client is this device)",
            "+ asset  F  Acme",
            "    type: — → type t4",
            "    (no asset of this client is this device)",
            "? type  Lost",
            "    (it was linked to asset type gone, which no longer exists; choose another, or create it anew)",
            "+ asset  G  Acme",
            "    (no asset of this client is this device)",
        ]
    );
}

#[test]
fn locations_become_sites_where_the_bridge_says_so() {
    let place = |id: &str, name: &str| Location {
        id: id.into(),
        organization: "1".into(),
        name: name.to_owned(),
    };
    let site = |id: &str, name: &str| Site {
        id: id.into(),
        client: "c".into(),
        name: name.to_owned(),
    };
    let at = |mut device: DeviceProjection, location: &str| {
        device.location = Some(location.into());
        device
    };
    let mut input = linked(
        at(device("1", "A"), "l1"),
        Asset {
            site: Some("s9".into()),
            ..asset("a", "A")
        },
    );
    input
        .devices
        .extend([at(device("2", "B"), "l2"), at(device("3", "C"), "unknown")]);
    input.locations = vec![place("l1", "Main office"), place("l2", " Branch ")];
    input.sites = vec![
        site("s1", "MAIN OFFICE"),
        Site {
            client: "other".into(),
            ..site("s2", "Branch")
        },
    ];
    let mut with_sites = settings();
    with_sites.sites = SiteRule::SameName;
    let shown = plan(&with_sites, &[], &[], input.clone());
    let shown: Vec<&str> = shown
        .lines()
        .filter(|l| !l.contains("name:") && !l.contains("os:"))
        .collect();
    assert_eq!(
        shown,
        [
            "= site  Main office  Acme",
            "    is site s1",
            "    (the site has the location's name)",
            "~ asset  A  Acme",
            "    moves to site s1",
            "    (its device stands at another location)",
            "+ site   Branch   Acme",
            "    (devices at this location need a site)",
            "+ asset  B  Acme",
            "    site: — → the new site of location l2",
            "    (no asset of this client is this device)",
            "+ asset  C  Acme",
            "    (no asset of this client is this device)",
        ]
    );
    assert!(!plan(&settings(), &[], &[], input).contains("site"));
}

#[test]
fn adopting_an_asset_also_puts_it_in_its_place() {
    let mut input = client();
    input.devices = vec![with_role(device("1", "PC-1"), "5", "Mac")];
    input.assets = vec![asset("a", "PC-1")];
    let types = [AssetType {
        id: "t".into(),
        name: "Mac".to_owned(),
        group: None,
    }];
    assert_eq!(
        plan(&settings(), &types, &[("5", "t")], input),
        "= asset  PC-1  Acme\n    is asset a\n    (asset a is this device: same name)\n~ asset  PC-1  Acme\n    becomes type \
         t\n    (its device has another role)\n"
    );
}

#[test]
fn sites_and_types_are_not_made_for_assets_that_cannot_be_put_there() {
    let mut settings = settings();
    settings.sites = SiteRule::SameName;
    let here = |id: &str, name: &str| {
        let mut device = with_role(device(id, name), "5", "Mac");
        device.location = Some("l".into());
        device
    };
    let mut input = linked(here("1", "A"), asset("a", "A"));
    input.devices.push(here("2", "B"));
    input.assets.push(asset("b", "B"));
    input.locations = vec![Location {
        id: "l".into(),
        organization: "1".into(),
        name: "Office".to_owned(),
    }];
    input.can.update = false;
    check(
        &settings,
        input.clone(),
        "· asset  A  Acme\n    (its device stands at another location; its device has another role; this destination's API \
         cannot change assets: change it there)\n= asset  B  Acme\n    is asset b\n    (asset b is this device: same \
         name)\n",
    );
    // A new asset is put there, so they are made for it.
    input.devices.push(here("3", "C"));
    let text = plan(&settings, &[], &[], input);
    let heads: Vec<&str> = text.lines().filter(|l| !l.starts_with(' ')).collect();
    assert_eq!(
        heads,
        [
            "· asset  A  Acme",
            "= asset  B  Acme",
            "+ type  Mac",
            "+ site  Office  Acme",
            "+ asset  C  Acme",
        ]
    );
    assert!(
        text.contains("type: — → the new type of role 5")
            && text.contains("site: — → the new site of location l"),
        "{text}"
    );
}

#[test]
fn brakes_warn_about_large_plans() {
    let mut settings = settings();
    settings.archive = Some(Archive {
        after_snapshots: 1,
        after_days: 0,
    });
    settings.brakes = Brakes {
        archive_share: 0.25,
        change_share: 0.25,
        at_least: 2,
        ..Brakes::default()
    };
    let mut input = client();
    for i in 0..6 {
        let id = format!("{i}");
        let mut one = device(&id, &id);
        if i < 2 {
            one.presence = absent(1, 1);
        }
        input.devices.push(one);
        input
            .assets
            .push(asset(&id, if i < 4 { "other" } else { id.as_str() }));
        input.links.insert(id.as_str().into(), link(&id));
    }
    let text = plan(&settings, &[], &[], input);
    assert!(text.ends_with(
        "unchanged: 2\n2 of 6 linked assets (33.3 %) would be archived, more than the 25 % this bridge allows; look at the \
         plan before applying it\n2 of 6 linked assets (33.3 %) would be changed, more than the 25 % this bridge allows; \
         look at the plan before applying it"
    ), "{text}");
}

#[test]
fn organizations_in_a_plan() {
    let settings = settings();
    let mapping = CompiledMapping::compile(&Mapping::default(), &[]).unwrap();
    let type_links = BTreeMap::new();
    let decided = RecordDecisions::default();
    let mut planner = Planner::new(PlannerInput {
        settings: &settings,
        mapping: &mapping,
        now: now(),
        types: &[],
        type_links: &type_links,
        decided: &decided,
    });
    let organization = Organization {
        id: "1".into(),
        name: " Acme ".to_owned(),
        description: None,
    };
    let matched = OrganizationMatch::Matched {
        client: "c".into(),
        how: MatchHow::SameName,
        distance: Some(0),
        needs_confirmation: false,
        reason: "same name".to_owned(),
    };
    let reason = "why".to_owned();
    let undecided = OrganizationMatch::Undecided {
        suggestions: vec![],
        reason: reason.clone(),
    };
    let mut shown = String::new();
    for (decided, linked) in [
        (&matched, true),
        (&matched, false),
        (
            &OrganizationMatch::Create {
                reason: reason.clone(),
            },
            false,
        ),
        (&OrganizationMatch::Excluded { reason }, false),
        (&undecided, false),
    ] {
        for operation in planner.organization(
            &organization,
            decided,
            linked.then(|| "c".into()).as_ref(),
            "Acme",
        ) {
            shown.push_str(&format!("{} {}", operation.number, render::operation(&operation)));
        }
    }
    assert_eq!(
        shown,
        "1 = client   Acme   Acme\n    is client c\n    (same name)\n2 + client   Acme   Acme\n    name: — → Acme\n    \
         (why)\n3 · client   Acme   Acme\n    (why)\n4 · client   Acme   Acme\n    (waits for a decision: why)\n"
    );
    let (counts, warnings) = planner.finish();
    assert_eq!(
        (counts.links, counts.create_clients, counts.skips, warnings.len()),
        (1, 1, 2, 0)
    );
}
