use super::*;
use crate::render;
use model::operation::Move;
use model::{
    AssetDraft, Change, ClientDraft, ClientTarget, LinkBefore, Place, SiteTarget, Subject, TypeTarget,
};
use serde_json::{Value, json};

fn change(field: &str, before: Value, after: Value) -> Change {
    Change {
        field: field.to_owned(),
        before,
        after,
    }
}

fn done(kind: RecordKind, action: Action, record: &str) -> Done {
    Done {
        operation: Operation {
            number: 7,
            client_label: "Acme".to_owned(),
            subject: Subject {
                kind,
                source_id: "1042".into(),
                label: "PC-1".to_owned(),
            },
            action,
            reason: "because".to_owned(),
            cause: None,
            after_match: None,
            undoes: None,
        },
        record: record.into(),
    }
}

fn asset(fields: &[(&str, Value)]) -> Asset {
    Asset {
        id: "a".into(),
        client: "acme".into(),
        site: None,
        asset_type: None,
        source_id: Some("1042".to_owned()),
        fields: fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
        archived: None,
    }
}

/// A destination that can do everything, and a device that is linked to `asset`.
struct Case {
    asset: Option<Asset>,
    linked_to: &'static str,
    written: Fields,
    update: bool,
    archive: bool,
    restore: bool,
}

fn case(asset: Asset) -> Case {
    Case {
        asset: Some(asset),
        linked_to: "a",
        written: Fields::new(),
        update: true,
        archive: true,
        restore: true,
    }
}

impl Case {
    /// The undo of one operation, as people see it.
    fn shown(&self, done: Done) -> String {
        let kind = done.operation.subject.kind;
        let link = LinkNow {
            record: self.linked_to.into(),
            written: self.written.clone(),
        };
        let plan = plan_undo(&UndoInput {
            done: &[done],
            assets: &self.asset.iter().map(|a| (a.id.clone(), a.clone())).collect(),
            links: &[((kind, "1042".into()), link)].into(),
            update: self.update,
            archive: self.archive,
            restore: self.restore,
            linked: 1,
            brakes: &Brakes::default(),
        });
        let lines = |o: &Operation| {
            let text = render::operation(o);
            text.lines().map(str::trim).collect::<Vec<_>>().join(" | ") + "\n"
        };
        plan.operations.iter().map(lines).collect()
    }
}

fn create() -> Done {
    let draft = AssetDraft {
        client: ClientTarget::Existing("acme".into()),
        site: None,
        asset_type: None,
        fields: [("os".to_owned(), json!("W11"))].into(),
    };
    done(RecordKind::Asset, Action::CreateAsset(draft), "a")
}

fn update(changes: Vec<Change>, moved: Option<Move>) -> Done {
    let action = Action::UpdateAsset {
        asset: "a".into(),
        changes,
        moved,
    };
    done(RecordKind::Asset, action, "a")
}

#[test]
fn a_created_asset_is_archived_unless_somebody_works_with_it() {
    let as_made = case(asset(&[("os", json!("W11"))]));
    assert_eq!(
        as_made.shown(create()),
        "- asset  PC-1  Acme | (created by the run)\n"
    );
    let edited = case(asset(&[("os", json!("mine"))]));
    assert_eq!(
        edited.shown(create()),
        "? asset  PC-1  Acme | os: mine → W11 | (created by the run, and os was changed since: it stays)\n"
    );
    let later = Case {
        written: [("os".to_owned(), json!("W12"))].into(),
        ..case(asset(&[("os", json!("W12"))]))
    };
    assert_eq!(
        later.shown(create()),
        "- asset  PC-1  Acme | (created by the run)\n"
    );
    let moved = case(Asset {
        client: "other".into(),
        ..asset(&[("os", json!("W11"))])
    });
    assert!(
        moved
            .shown(create())
            .contains("its client was changed since: it stays")
    );
    let cannot = Case {
        archive: false,
        ..case(asset(&[("os", json!("W11"))]))
    };
    assert!(cannot.shown(create()).starts_with("· asset"));
    assert!(
        cannot
            .shown(create())
            .contains("cannot archive assets, so asset a stays")
    );
    // Somebody archived it by hand: the way back would still be a write.
    let archived = Asset {
        archived: Some(jiff::Timestamp::UNIX_EPOCH),
        ..asset(&[("os", json!("W11"))])
    };
    assert_eq!(
        case(archived.clone()).shown(create()),
        "- asset  PC-1  Acme | (created by the run, and archived since: its link is taken back)\n"
    );
    let cannot = Case {
        archive: false,
        ..case(archived)
    };
    assert_eq!(
        cannot.shown(create()),
        "· asset  PC-1  Acme | (created by the run, and archived since; the destination cannot archive assets, so asset \
         a stays, and stays linked)\n"
    );
}

#[test]
fn what_is_gone_or_linked_otherwise_is_left_alone() {
    let gone = Case {
        asset: None,
        ..case(asset(&[]))
    };
    assert_eq!(
        gone.shown(create()),
        "· asset  PC-1  Acme | (asset a no longer exists)\n"
    );
    let elsewhere = Case {
        linked_to: "b",
        ..case(asset(&[]))
    };
    assert_eq!(
        elsewhere.shown(create()),
        "· asset  PC-1  Acme | (the device is not linked to asset a any more)\n"
    );
}

#[test]
fn fields_go_back_one_by_one_where_they_stand_as_written() {
    let changes = || {
        vec![
            change("name", json!("old"), json!("new")),
            change("os", json!(null), json!("W11")),
            change("storage", json!(1), json!(2)),
            change("details", json!("x"), json!("y")),
        ]
    };
    let now = Case {
        written: [("storage".to_owned(), json!(3))].into(),
        ..case(asset(&[
            ("name", json!("typed")),
            ("os", json!("W11")),
            ("storage", json!(3)),
            ("details", json!("x")),
        ]))
    };
    assert_eq!(
        now.shown(update(changes(), None)),
        "~ asset  PC-1  Acme | os: W11 → — | (written by the run)\n\
         ? asset  PC-1  Acme | name: typed → old | storage: 3 → 1 | (stays as it is: name was changed by somebody \
         since; storage was changed by a later run since)\n"
    );
    let back = case(asset(&[("name", json!("old"))]));
    let name = vec![change("name", json!("old"), json!("new"))];
    assert_eq!(
        back.shown(update(name.clone(), None)),
        "· asset  PC-1  Acme | (stands already as before the run)\n"
    );
    let archived = case(Asset {
        archived: Some(jiff::Timestamp::UNIX_EPOCH),
        ..asset(&[("name", json!("new"))])
    });
    assert_eq!(
        archived.shown(update(name, None)),
        "? asset  PC-1  Acme | name: new → old | (written by the run, and archived since: it stays as it is)\n"
    );
}

#[test]
fn what_the_destination_cannot_change_any_more_is_listed_to_be_put_back_by_hand() {
    let name = || vec![change("name", json!("old"), json!("new"))];
    let cannot = Case {
        update: false,
        ..case(asset(&[("name", json!("new"))]))
    };
    let by_hand = "? asset  PC-1  Acme | name: new → old | (written by the run; the destination cannot change assets, so \
                   asset a stays as it is: put it back by hand)\n";
    assert_eq!(cannot.shown(update(name(), None)), by_hand);
    let adopted = Action::Link {
        record: "a".into(),
        changes: name(),
        before: None,
    };
    // Its link is ours alone, and goes.
    let shown = cannot.shown(done(RecordKind::Asset, adopted, "a"));
    let (unlinked, rest) = shown.split_once('\n').unwrap();
    assert!(
        unlinked.contains("(linked by the run)") && !unlinked.contains("name"),
        "{shown}"
    );
    assert_eq!(rest, by_hand.replace("by hand)", "by hand (device id: none))"));
    // What somebody changed since is not to be put back by anybody.
    let both = vec![name().remove(0), change("os", json!("W10"), json!("W11"))];
    let typed = Case {
        update: false,
        ..case(asset(&[("name", json!("new")), ("os", json!("typed"))]))
    };
    let stays =
        "? asset  PC-1  Acme | os: typed → W10 | (stays as it is: os was changed by somebody since)\n";
    assert_eq!(typed.shown(update(both, None)), format!("{by_hand}{stays}"));
    // What stands already as before needs nobody.
    let back = Case {
        update: false,
        ..case(asset(&[("name", json!("old"))]))
    };
    assert_eq!(
        back.shown(update(name(), None)),
        "· asset  PC-1  Acme | (stands already as before the run)\n"
    );
}

#[test]
fn an_asset_moves_back_unless_it_was_moved_on() {
    let moved = |before| Move {
        client: Some(ClientTarget::Existing("new".into())),
        site: Some(SiteTarget::Existing("hq".into())),
        asset_type: Some(TypeTarget::Existing("mac".into())),
        before,
        ..Move::default()
    };
    let stood = |asset_type: Option<&str>| {
        Some(Place {
            client: "old".into(),
            site: None,
            asset_type: asset_type.map(RecordId::from),
        })
    };
    let put = Asset {
        client: "new".into(),
        site: Some("hq".into()),
        asset_type: Some("mac".into()),
        ..asset(&[])
    };
    assert_eq!(
        case(put.clone()).shown(update(vec![], Some(moved(stood(Some("pc")))))),
        "~ asset  PC-1  Acme | moves to client old | leaves its site | becomes type pc | (written by the run)\n"
    );
    let typed = case(put.clone()).shown(update(vec![], Some(moved(stood(None)))));
    assert!(
        typed.contains("it had no type before, and a type cannot be taken away"),
        "{typed}"
    );
    let on = Asset {
        site: Some("branch".into()),
        ..put.clone()
    };
    assert_eq!(
        case(on).shown(update(vec![], Some(moved(stood(Some("pc")))))),
        "~ asset  PC-1  Acme | becomes type pc | (written by the run)\n\
         ? asset  PC-1  Acme | (stays as it is: it was moved on since)\n"
    );
    let cannot = Case {
        update: false,
        ..case(put.clone())
    };
    let by_hand = cannot.shown(update(vec![], Some(moved(stood(Some("pc"))))));
    assert!(
        by_hand.ends_with("put it back by hand (client old, no site, type pc))\n"),
        "{by_hand}"
    );
    let old_plan = case(put).shown(update(vec![], Some(moved(None))));
    assert!(
        old_plan.contains("did not note where the asset stood"),
        "{old_plan}"
    );
}

#[test]
fn an_archived_asset_comes_back_where_the_destination_can() {
    let archive = || done(RecordKind::Asset, Action::ArchiveAsset { asset: "a".into() }, "a");
    let archived = Asset {
        archived: Some(jiff::Timestamp::UNIX_EPOCH),
        ..asset(&[])
    };
    assert_eq!(
        case(archived.clone()).shown(archive()),
        "^ asset  PC-1  Acme | (archived by the run)\n"
    );
    assert!(
        case(asset(&[]))
            .shown(archive())
            .contains("taken out of the archive since")
    );
    let cannot = Case {
        restore: false,
        ..case(archived)
    };
    assert!(cannot.shown(archive()).contains("take asset a out by hand"));
}

#[test]
fn an_adopted_asset_is_let_go_with_what_it_stored_before() {
    let adopt = |before| {
        let action = Action::Link {
            record: "a".into(),
            changes: vec![change("os", json!(null), json!("W11"))],
            before,
        };
        done(RecordKind::Asset, action, "a")
    };
    let before = LinkBefore {
        record: None,
        source_id: Some("17".to_owned()),
    };
    let plan = |now: &Asset, before| {
        let link = LinkNow {
            record: "a".into(),
            written: Fields::new(),
        };
        plan_undo(&UndoInput {
            done: &[adopt(before)],
            assets: &[("a".into(), now.clone())].into(),
            links: &[((RecordKind::Asset, "1042".into()), link)].into(),
            update: true,
            archive: true,
            restore: true,
            linked: 1,
            brakes: &Brakes::default(),
        })
        .operations
        .remove(0)
        .action
    };
    let unlink = |back| Action::Unlink {
        record: "a".into(),
        changes: vec![change("os", json!("W11"), json!(null))],
        back,
    };
    let now = asset(&[("os", json!("W11"))]);
    assert_eq!(plan(&now, Some(before.clone())), unlink(Some(before)));
    assert_eq!(plan(&now, None), unlink(Some(LinkBefore::default())));
    let stored = LinkBefore {
        record: None,
        source_id: Some("1042".to_owned()),
    };
    assert_eq!(plan(&now, Some(stored)), unlink(None), "it stored our id before");
    let theirs = Asset {
        source_id: Some("typed".to_owned()),
        ..now
    };
    assert_eq!(plan(&theirs, None), unlink(None), "somebody stored another since");
}

#[test]
fn clients_are_let_go_or_stay_and_nothing_is_deleted() {
    let made = Action::CreateClient(ClientDraft {
        name: "Acme".to_owned(),
    });
    assert!(
        case(asset(&[]))
            .shown(done(RecordKind::Client, made, "a"))
            .contains("client a was created by the run; nothing is deleted, so it stays, and stays linked")
    );
    let link = |before| Action::Link {
        record: "a".into(),
        changes: vec![],
        before,
    };
    assert_eq!(
        case(asset(&[])).shown(done(RecordKind::Client, link(None), "a")),
        "≠ client  PC-1  Acme | is client a no longer | (linked by the run)\n"
    );
    let moved = LinkBefore {
        record: Some("b".into()),
        source_id: None,
    };
    assert!(
        case(asset(&[]))
            .shown(done(RecordKind::Client, link(Some(moved)), "a"))
            .contains("is client b again, not a")
    );
    assert!(
        case(asset(&[]))
            .shown(done(RecordKind::AssetType, link(None), "a"))
            .contains("nothing was written, so that stays")
    );
}

#[test]
fn the_brakes_ask_about_an_undo_as_about_any_plan() {
    let many: Vec<Done> = (0..12).map(|_| create()).collect();
    let link = LinkNow {
        record: "a".into(),
        written: Fields::new(),
    };
    let plan = plan_undo(&UndoInput {
        done: &many,
        assets: &[("a".into(), asset(&[("os", json!("W11"))]))].into(),
        links: &[((RecordKind::Asset, "1042".into()), link)].into(),
        update: true,
        archive: true,
        restore: true,
        linked: 20,
        brakes: &Brakes::default(),
    });
    assert_eq!(plan.counts.archives, 12);
    assert!(
        plan.warnings[0].starts_with("12 of 20 linked assets"),
        "{:?}",
        plan.warnings
    );
}

#[test]
fn a_plan_of_an_earlier_version_is_read() {
    let stored = json!({
        "number": 1, "client_label": "", "subject": { "kind": "asset", "source_id": "1", "label": "PC" },
        "action": "update_asset", "asset": "a", "changes": [], "moved": { "client": { "existing": "c" } },
        "reason": "moved",
    });
    let read: Operation = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), stored);
    let link = json!({
        "number": 1, "client_label": "", "subject": { "kind": "asset", "source_id": "1", "label": "PC" },
        "action": "link", "record": "a", "changes": [], "reason": "same name",
    });
    let read: Operation = serde_json::from_value(link).unwrap();
    assert!(matches!(read.action, Action::Link { before: None, .. }));
}
