//! What holds for every plan, whatever the two sides look like.

use crate::world::{Plan, World};
use jiff::{Timestamp, ToSpan};
use model::{
    Action, Archive, Asset, AssetType, Change, Client, Decision, DeviceKeys, DeviceProjection, FieldRule,
    Fields, Location, Mapping, NewOrganizations, Organization, Owner, Presence, RecordKind, Role, RuleValue,
    Scope, Site, SiteRule, SiteTarget, SourceId, TypeTarget, Verdict,
};
use plan::keys::{fold_mac, fold_serial};
use plan::{AssetLink, Can, CompiledMapping, presets, render};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const FIELDS: [&str; 4] = ["name", "serialNumber", "os", "details"];

fn now() -> Timestamp {
    "2026-06-30T12:00:00Z".parse().unwrap()
}

/// Few different values, so that they meet often.
fn text() -> impl Strategy<Value = &'static str> {
    select(vec!["", "A1", "a 1", "A1 ", "B2", "C3", "None"])
}

fn name_of_client() -> impl Strategy<Value = &'static str> {
    select(vec![
        "Brightwater Legal",
        "brightwater legal",
        "Brightwater Legall",
        "Harbor Dental Group",
        "Acme",
        "Acne",
    ])
}

fn owner() -> impl Strategy<Value = Owner> {
    select(vec![
        Owner::Source,
        Owner::DestinationIfSet,
        Owner::Locked,
        Owner::Ask,
    ])
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let rule = (owner(), any::<bool>());
    prop::collection::vec(rule, 4).prop_map(|rules| {
        let rule = |(target, (owner, clear)): (&str, (Owner, bool))| FieldRule {
            target: target.to_owned(),
            value: match target {
                "details" => RuleValue::Constant(json!("from the bridge")),
                field => RuleValue::Expression(field.to_owned()),
            },
            transform: None,
            owner,
            clear,
            create: None,
        };
        Mapping {
            fixed_by: None,
            rules: FIELDS.into_iter().zip(rules).map(rule).collect(),
        }
    })
}

prop_compose! {
    fn settings()(
        mapping in mapping(),
        sites in any::<bool>(),
        create in any::<bool>(),
        match_field in prop::option::of(select(vec!["os", "name"])),
        archive in prop::option::of((0_u32..4, 0_u32..4)),
        classes in prop::option::of(Just("MAC")),
        preset in select(presets::PRESETS.to_vec()),
    ) -> model::BridgeSettings {
        let mut settings = presets::settings(preset).unwrap();
        settings.mapping = mapping;
        settings.sites = if sites { SiteRule::SameName } else { SiteRule::None };
        settings.new_organizations = if create { NewOrganizations::Create } else { NewOrganizations::Ask };
        settings.asset_match_field = match_field.map(str::to_owned);
        settings.archive = archive.map(|(after_snapshots, after_days)| Archive { after_snapshots, after_days });
        settings.scope = Scope {
            classes: classes.into_iter().map(str::to_owned).collect(), approvals: vec![], ..Scope::default()
        };
        settings
    }
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec(text(), FIELDS.len()).prop_map(|values| {
        FIELDS
            .iter()
            .zip(values)
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect()
    })
}

prop_compose! {
    fn device()(
        organization in 0_u32..3,
        location in prop::option::of(0..4),
        role in prop::option::of(select(vec![("1", "Mac"), ("2", "mac"), ("3", "Server"), ("4", "Printer")])),
        mac in select(vec!["", "00:00:00:00:00:0a", "00:00:00:00:00:0b"]),
        class in prop::option::of(select(vec!["MAC", "LINUX"])),
        absent in prop::option::weighted(0.3, (1_u32..5, 0_i64..5)),
        fields in fields(),
    ) -> DeviceProjection {
        let value = |key: &str| fields[key].as_str().unwrap().to_owned();
        DeviceProjection {
            id: "".into(),
            organization: SourceId(organization.to_string()),
            location: location.map(|l: i32| SourceId(l.to_string())),
            label: value("name"),
            keys: DeviceKeys {
                serial: fold_serial(&value("serialNumber")),
                macs: fold_mac(mac).into_iter().collect(),
                name: Some(plan::fold::fold(&value("name"))).filter(|n| !n.is_empty()),
            },
            role: role.map(|(id, name)| Role { id: id.into(), name: name.to_owned() }),
            class: class.map(str::to_owned),
            approval: None,
            tags: vec![],
            // As `project` makes them: blanks are missing.
            fields: fields.into_iter().filter(|(k, v)| v != "" && k != "details").collect(),
            faults: vec![],
            presence: match absent {
                Some((snapshots, days)) => Presence::Absent { since: now() - (24 * days).hours(), snapshots },
                None => Presence::Present,
            },
        }
    }
}

prop_compose! {
    fn asset()(
        client in 0..4,
        site in prop::option::of(0..4),
        asset_type in prop::option::of(0..3),
        source_id in prop::option::weighted(0.2, 0..8),
        mac in select(vec!["", "00-00-00-00-00-0A"]),
        archived in prop::bool::weighted(0.15),
        mut fields in fields(),
    ) -> Asset {
        fields.insert("macAddress".to_owned(), json!(mac));
        Asset {
            id: "".into(),
            client: format!("client{client}").into(),
            site: site.map(|s| format!("site{s}").into()),
            asset_type: asset_type.map(|t| format!("type{t}").into()),
            source_id: source_id.map(|s: i32| s.to_string()),
            fields,
            archived: archived.then(now),
        }
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        (0..5).prop_map(|c| Verdict::Matched {
            client: format!("client{c}").into()
        }),
        Just(Verdict::Create),
        Just(Verdict::Exclude),
    ]
}

prop_compose! {
    pub fn world()(
        settings in settings(),
        organizations in prop::collection::vec(name_of_client(), 3),
        clients in prop::collection::vec(name_of_client(), 4),
        verdicts in prop::collection::vec(prop::option::weighted(0.4, verdict()), 3),
        mut devices in prop::collection::vec(device(), 0..8),
        mut assets in prop::collection::vec(asset(), 0..8),
        sites in prop::collection::vec((0..4, text()), 4),
        types in prop::collection::vec(select(vec!["Mac", "server", "Other"]), 3),
        locations in prop::collection::vec((0_usize..3, text()), 4),
        linked in subsequence((0..8).collect::<Vec<usize>>(), 0..8),
        written in fields(),
        shift in any::<Index>(),
        type_link in prop::option::of(0..4),
        site_link in prop::option::of(0..5),
    ) -> World {
        for (number, device) in devices.iter_mut().enumerate() {
            device.id = SourceId(number.to_string());
        }
        for (number, asset) in assets.iter_mut().enumerate() {
            asset.id = format!("asset{number}").into();
        }
        let mut world = World::empty(settings, now());
        let asset_of = shift.index(8);
        for device in linked {
            // Each asset once; some links point to assets that are gone, some come from devices that are.
            let asset = format!("asset{}", (device + asset_of) % 8).into();
            world.asset_links.insert(SourceId(device.to_string()), AssetLink { asset, written: written.clone() });
        }
        let numbered = |i: usize| SourceId(i.to_string());
        world.organizations = organizations.into_iter().enumerate()
            .map(|(i, name)| Organization { id: numbered(i), name: name.to_owned(), description: None }).collect();
        world.clients = clients.into_iter().enumerate()
            .map(|(i, name)| Client { id: format!("client{i}").into(), name: name.to_owned(), source_id: None }).collect();
        world.decisions = verdicts.into_iter().enumerate().filter_map(|(i, verdict)| {
            let decision = Decision {
                organization: numbered(i), verdict: verdict?, decided_by: "person:ana".to_owned(), at: now(),
            };
            Some((numbered(i), decision))
        }).collect();
        world.sites = sites.into_iter().enumerate().map(|(i, (client, name))| Site {
            id: format!("site{i}").into(), client: format!("client{client}").into(), name: name.to_owned(),
        }).collect();
        world.types = types.into_iter().enumerate()
            .map(|(i, name)| AssetType { id: format!("type{i}").into(), name: name.to_owned(), group: None }).collect();
        world.locations = locations.into_iter().enumerate().map(|(i, (organization, name))| Location {
            id: numbered(i), organization: numbered(organization), name: name.to_owned(),
        }).collect();
        world.type_links.extend(type_link.map(|t| ("1".into(), format!("type{t}").into())));
        world.site_links.extend(site_link.map(|s| ("1".into(), format!("site{s}").into())));
        world.devices = devices;
        world.assets = assets;
        world
    }
}

prop_compose! {
    /// A world whose destination may lack what changes, archives or restores an asset.
    pub fn able_world()(
        world in world(),
        update in prop::bool::weighted(0.75),
        archive in prop::bool::weighted(0.75),
        restore in prop::bool::weighted(0.75),
    ) -> World {
        World { can: Can { update, archive, restore, ..Can::EVERYTHING }, ..world }
    }
}

pub fn shown(plan: &Plan) -> String {
    plan.operations.iter().map(render::operation).collect()
}

/// All field changes of a plan that are written, with the asset they are written to.
fn written_changes(plan: &Plan) -> Vec<(&model::RecordId, &Change)> {
    plan.operations
        .iter()
        .flat_map(|operation| match &operation.action {
            Action::Link { record, changes, .. } => changes.iter().map(|c| (record, c)).collect::<Vec<_>>(),
            Action::UpdateAsset { asset, changes, .. } => changes.iter().map(|c| (asset, c)).collect(),
            _ => vec![],
        })
        .collect()
}

fn is_blank(value: Option<&Value>) -> bool {
    value.is_none_or(|v| v.is_null() || v == "")
}

proptest! {
    #[test]
    fn a_plan_that_was_applied_leaves_nothing_to_write(world in world()) {
        let first = world.plan();
        let mut after = world;
        after.apply(&first);
        let second = after.plan();
        prop_assert!(second.writes().is_empty(), "first:\n{}\nsecond:\n{}", shown(&first), shown(&second));
        prop_assert_eq!(second.counts.writes(), 0);
    }

    #[test]
    fn every_site_and_type_that_is_made_gets_an_asset(world in able_world()) {
        let plan = world.plan();
        let mut used: BTreeSet<(RecordKind, &SourceId)> = BTreeSet::new();
        for operation in &plan.operations {
            let (site, asset_type) = match &operation.action {
                Action::CreateAsset(draft) => (draft.site.as_ref(), draft.asset_type.as_ref()),
                Action::UpdateAsset { moved: Some(moved), .. } => (moved.site.as_ref(), moved.asset_type.as_ref()),
                _ => continue,
            };
            if let Some(SiteTarget::Of(location)) = site {
                used.insert((RecordKind::Site, location));
            }
            if let Some(TypeTarget::Of(role)) = asset_type {
                used.insert((RecordKind::AssetType, role));
            }
        }
        for operation in &plan.operations {
            let subject = &operation.subject;
            let made = matches!(operation.action, Action::CreateSite(_) | Action::CreateAssetType(_));
            prop_assert!(!made || used.contains(&(subject.kind, &subject.source_id)), "{}", shown(&plan));
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(world in world(), shift in any::<Index>()) {
        let first = world.plan();
        prop_assert_eq!(&world.plan(), &first);
        let mut other = world;
        let rotate = |n: usize| if n == 0 { 0 } else { shift.index(n) };
        let n = rotate(other.devices.len());
        other.devices.rotate_left(n);
        let n = rotate(other.assets.len());
        other.assets.rotate_left(n);
        other.organizations.reverse();
        other.clients.reverse();
        other.sites.reverse();
        other.types.reverse();
        other.locations.reverse();
        prop_assert_eq!(&other.plan(), &first);
    }

    #[test]
    fn operations_are_numbered_and_counted(world in world()) {
        let plan = world.plan();
        let numbers: Vec<u32> = plan.operations.iter().map(|o| o.number).collect();
        let expected: Vec<u32> = (1..).take(numbers.len()).collect();
        prop_assert_eq!(numbers, expected);
        prop_assert_eq!(plan.counts.writes() as usize, plan.writes().len());
        prop_assert!(plan.operations.iter().all(|o| !o.reason.is_empty()));
    }

    #[test]
    fn nothing_is_archived_without_a_rule(world in world()) {
        let plan = world.plan();
        for operation in &plan.operations {
            let Action::ArchiveAsset { asset } = &operation.action else { continue };
            let device = world.devices.iter().find(|d| d.id == operation.subject.source_id).unwrap();
            let rule = world.settings.archive.expect("archived without a rule");
            let Presence::Absent { since, snapshots } = device.presence else { panic!("archived while present") };
            prop_assert!(snapshots >= rule.after_snapshots);
            prop_assert!(now().duration_since(since).as_hours() >= i64::from(rule.after_days) * 24);
            prop_assert_eq!(&world.asset_links[&device.id].asset, asset);
        }
    }

    #[test]
    fn an_asset_belongs_to_one_device(world in world()) {
        let plan = world.plan();
        let held: BTreeSet<_> = world.asset_links.values().map(|l| l.asset.clone()).collect();
        let mut after = world.clone();
        after.apply(&plan);
        let assets: BTreeSet<_> = after.asset_links.values().map(|l| l.asset.clone()).collect();
        prop_assert_eq!(assets.len(), after.asset_links.len());
        for operation in plan.operations.iter().filter(|o| o.subject.kind == RecordKind::Asset) {
            if let Action::Link { record, .. } = &operation.action {
                prop_assert!(!held.contains(record), "{} was linked before", record);
                let asset = world.assets.iter().find(|a| &a.id == record).unwrap();
                prop_assert!(asset.archived.is_none());
            }
        }
    }

    #[test]
    fn a_field_is_written_only_where_its_owner_lets_it(world in world()) {
        let plan = world.plan();
        let mapping = CompiledMapping::compile(&world.settings.mapping, &crate::world::targets()).unwrap();
        for (asset, change) in written_changes(&plan) {
            let rule = mapping.rules().iter().find(|r| r.target == change.field).unwrap();
            let stands = world.assets.iter().find(|a| &a.id == asset).unwrap().fields.get(&change.field);
            prop_assert_ne!(rule.owner, Owner::Locked);
            prop_assert!(rule.owner != Owner::DestinationIfSet || is_blank(stands));
            prop_assert!(rule.constant().is_none() || is_blank(stands));
            prop_assert!(rule.clear || !change.after.is_null(), "an absent value was written");
            prop_assert!(stands.filter(|v| !is_blank(Some(v))).unwrap_or(&Value::Null) == &change.before);
            prop_assert_ne!(&change.before, &change.after);
        }
        for operation in &plan.operations {
            if let Action::CreateAsset(draft) = &operation.action {
                for (field, value) in &draft.fields {
                    let rule = mapping.rules().iter().find(|r| &r.target == field).unwrap();
                    prop_assert_ne!(rule.owner, Owner::Locked);
                    prop_assert!(!is_blank(Some(value)));
                }
            }
        }
    }

    #[test]
    fn excluded_organizations_are_left_alone_with_their_devices(world in world()) {
        let excluded: Vec<&SourceId> =
            world.decisions.values().filter(|d| d.verdict == Verdict::Exclude).map(|d| &d.organization).collect();
        let plan = world.plan();
        for operation in plan.writes() {
            let subject = &operation.subject;
            let organization = match subject.kind {
                RecordKind::Client => Some(&subject.source_id),
                RecordKind::Asset =>
                    world.devices.iter().find(|d| d.id == subject.source_id).map(|d| &d.organization),
                RecordKind::Site => None,
                RecordKind::AssetType => None,
            };
            prop_assert!(organization.is_none_or(|o| !excluded.contains(&o)));
        }
    }
}
