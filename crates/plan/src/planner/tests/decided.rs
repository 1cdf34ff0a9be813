//! What people decided about single records, and assets that are nobody's.

use super::*;
use model::{ConflictDecision, ConflictVerdict};

fn ignored(kind: RecordKind, source: &str) -> RecordDecisions {
    let ignored = Ignored {
        kind,
        source: source.into(),
        label: source.to_owned(),
        reason: "a lab machine".to_owned(),
        by: "dana".to_owned(),
        at: now(),
    };
    RecordDecisions {
        ignored: [((kind, source.into()), ignored)].into(),
        ..RecordDecisions::default()
    }
}

#[test]
fn an_ignored_device_is_left_alone_whatever_it_is() {
    let mut input = client();
    let mut gone = device("3", "GONE");
    gone.presence = absent(9, 90);
    let mut linked_and_gone = device("4", "OLD");
    linked_and_gone.presence = absent(9, 90);
    input.devices = vec![device("1", "PC-1"), device("2", "PC-2"), gone, linked_and_gone];
    input.assets = vec![asset("a1", "PC-1"), asset("a2", "typed"), asset("a4", "OLD")];
    input.links = [("2".into(), link("a2")), ("4".into(), link("a4"))].into();
    let mut settings = settings();
    settings.archive = Some(Archive {
        after_snapshots: 1,
        after_days: 1,
    });
    let mut decided = RecordDecisions::default();
    for device in ["1", "2", "3", "4"] {
        decided.ignored.extend(ignored(RecordKind::Asset, device).ignored);
    }
    let why = "    (ignored by dana on 2026-06-30: a lab machine)\n";
    assert_eq!(
        plan_decided(&settings, &[], &[], &decided, input),
        format!("· asset  OLD  Acme\n{why}· asset  PC-1  Acme\n{why}· asset  PC-2  Acme\n{why}")
    );
}

#[test]
fn an_ignored_site_or_type_leaves_its_assets_without_one() {
    let mut settings = settings();
    settings.sites = SiteRule::SameName;
    let mut input = client();
    input.locations = vec![Location {
        id: "12".into(),
        organization: "1".into(),
        name: "Main".to_owned(),
    }];
    let at = |id: &str, name: &str| {
        let mut device = device(id, name);
        device.location = Some("12".into());
        device.role = Some(Role {
            id: "5".into(),
            name: "Mac".to_owned(),
        });
        device
    };
    input.devices = vec![at("1", "PC-1"), at("2", "PC-2")];
    let mut decided = ignored(RecordKind::Site, "12");
    decided
        .ignored
        .extend(ignored(RecordKind::AssetType, "5").ignored);
    let text = plan_decided(&settings, &[], &[], &decided, input);
    assert_eq!(
        text.matches("ignored by dana").count(),
        2,
        "each is told once: {text}"
    );
    assert_eq!(text.matches("+ asset").count(), 2, "{text}");
    assert!(!text.contains("site:") && !text.contains("type:"), "{text}");
}

/// A device and its asset that differ in `os`, which the bridge asks about.
fn in_conflict() -> (BridgeSettings, ClientInput) {
    let mut settings = settings();
    settings.mapping.rules[1].owner = Owner::Ask;
    let mut device = device("1", "PC-1");
    device.fields.insert("os".to_owned(), json!("Windows 12"));
    let mut input = client();
    input.devices = vec![device];
    let mut asset = asset("a1", "PC-1");
    asset.fields.insert("os".to_owned(), json!("Debian"));
    input.assets = vec![asset];
    let mut link = link("a1");
    link.written = fields(&[("name", json!("PC-1")), ("os", json!("Windows 11"))]);
    input.links = [("1".into(), link)].into();
    (settings, input)
}

fn decision(verdict: ConflictVerdict, source: &str, destination: &str) -> RecordDecisions {
    let decision = ConflictDecision {
        device: "1".into(),
        field: "os".to_owned(),
        verdict,
        source_value: json!(source),
        destination_value: json!(destination),
        by: "dana".to_owned(),
        at: now(),
    };
    RecordDecisions {
        conflicts: [("1".into(), [("os".to_owned(), decision)].into())].into(),
        ..RecordDecisions::default()
    }
}

#[track_caller]
fn check_conflict(decided: &RecordDecisions, expected: &str) {
    let (settings, input) = in_conflict();
    assert_eq!(plan_decided(&settings, &[], &[], decided, input), expected);
}

const ASKED: &str = "? asset  PC-1  Acme\n    os: Debian → Windows 12\n    (changed in the destination since the last \
                     write: os; say which value stays)\n";

#[test]
fn a_decided_conflict_is_written_or_left_and_not_asked_again() {
    use ConflictVerdict::{Keep, Take};
    check_conflict(&RecordDecisions::default(), ASKED);
    check_conflict(
        &decision(Take, "Windows 12", "Debian"),
        "~ asset  PC-1  Acme\n    os: Debian → Windows 12\n    (1 field differs)\n",
    );
    check_conflict(&decision(Keep, "Windows 12", "Debian"), "unchanged: 1\n");
}

#[test]
fn a_decision_holds_for_its_two_values_only() {
    use ConflictVerdict::{Keep, Take};
    for verdict in [Keep, Take] {
        check_conflict(&decision(verdict, "Windows 13", "Debian"), ASKED);
        check_conflict(&decision(verdict, "Windows 12", "Ubuntu"), ASKED);
    }
}

#[test]
fn assets_in_use_that_are_none_of_the_devices_are_told_apart() {
    let mut input = client();
    input.devices = vec![device("1", "PC-1"), device("2", "TWIN")];
    let mut archived = asset("a5", "OLD");
    archived.archived = Some(now());
    let stores = |id: &str, device: &str| Asset {
        source_id: Some(device.to_owned()),
        ..asset(id, "Second record")
    };
    input.assets = vec![
        stores("a7", "9"),
        stores("a8", "9"),
        asset("a1", "PC-1"),
        asset("a2", "TWIN"),
        asset("a3", "TWIN"),
        asset("a4", "Printer"),
        archived,
        asset("a6", "linked"),
    ];
    input.foreign_ids = ["a8".into()].into();
    input.links = [("9".into(), link("a6"))].into();
    let (settings, decided) = (settings(), RecordDecisions::default());
    let targets = ["name", "os"].map(|key| TargetField {
        key: key.to_owned(),
        label: key.to_owned(),
        field_type: FieldType::Text,
        custom: false,
    });
    let mapping = CompiledMapping::compile(&settings.mapping, &targets).unwrap();
    let type_links = BTreeMap::new();
    let mut planner = Planner::new(PlannerInput {
        settings: &settings,
        mapping: &mapping,
        now: now(),
        types: &[],
        type_links: &type_links,
        decided: &decided,
    });
    let operations = planner.client(input);
    let unlinked = planner.take_unlinked();
    let nobodys = |asset: &str, label: &str, device: Option<&str>| UnlinkedAsset {
        asset: asset.into(),
        client: "c".into(),
        client_label: "Acme".to_owned(),
        label: label.to_owned(),
        device: device.map(SourceId::from),
    };
    assert_eq!(
        unlinked,
        [
            nobodys("a4", "Printer", None),
            nobodys("a7", "Second record", Some("9")),
            nobodys("a8", "Second record", None),
        ]
    );
    assert!(planner.take_unlinked().is_empty());
    let twin = operations.iter().find(|o| o.subject.label == "TWIN").unwrap();
    let assets = vec!["a2".into(), "a3".into()];
    assert_eq!(twin.cause, Some(Cause::Ambiguous { assets }));
}

/// An undo of device 1, whose asset was `a`.
fn undone(released: Option<Timestamp>) -> Undone {
    Undone {
        kind: RecordKind::Asset,
        source: "1".into(),
        record: "a".into(),
        run: "r".into(),
        by: "dana".to_owned(),
        at: now(),
        released,
    }
}

#[test]
fn a_released_asset_is_brought_up_to_date_only_where_the_destination_can() {
    let mut input = client();
    input.devices = vec![device("1", "PC-1")];
    input.assets = vec![Asset {
        archived: Some(now()),
        ..asset("a", "PC-0")
    }];
    input.undone = [("1".into(), undone(Some(now())))].into();
    let restored = "^ asset  PC-1  Acme\n    (undone by dana on 2026-06-30 and released since)\n";
    check(
        &settings(),
        input.clone(),
        &format!("{restored}~ asset  PC-1  Acme\n    name: PC-0 → PC-1\n    (1 field differs)\n"),
    );
    input.can.update = false;
    check(
        &settings(),
        input.clone(),
        &format!(
            "{restored}· asset  PC-1  Acme\n    (1 field differs; this destination's API cannot change assets: change it \
             there)\n"
        ),
    );
    input.assets[0].fields = asset("a", "PC-1").fields;
    check(&settings(), input, restored);
}

#[test]
fn a_machine_is_not_doubled_where_the_asset_of_its_old_device_stays_in_use() {
    let question = "? asset  PC-2  Acme\n    (asset a has the same serial number and is linked to device 1 (PC-1), which \
                    is gone: say whether this device takes its place)\n";
    let asks = |settings: &BridgeSettings, decided: &RecordDecisions, input: ClientInput| {
        let text = plan_decided(settings, &[], &[], decided, input);
        assert!(text.contains(question) && !text.contains("+ asset"), "{text}");
    };
    let nothing = RecordDecisions::default();
    // Archived by hand alone.
    let (settings, mut input) = reinstalled();
    input.can.archive = false;
    asks(&settings, &nothing, input);
    // Left alone by a person.
    let (settings, input) = reinstalled();
    asks(&settings, &ignored(RecordKind::Asset, "1"), input);
    // Undone, and not released.
    let (settings, mut input) = reinstalled();
    input.undone = [("1".into(), undone(None))].into();
    asks(&settings, &nothing, input.clone());
    // Released, it is archived, and the new one becomes an asset.
    input.undone = [("1".into(), undone(Some(now())))].into();
    let text = plan_decided(&settings, &[], &[], &nothing, input);
    assert!(
        text.contains("- asset  PC-1") && text.contains("+ asset  PC-2"),
        "{text}"
    );
}
