//! What a bridge starts from.

use model::mapping::NewField;
use model::{
    Brakes, BridgeSettings, FieldRule, FieldType, Mapping, MatchingRules, NewOrganizations, Owner, RuleValue,
    Scope, Similarity, SiteRule, TypeRule,
};
use serde_json::Value;

/// The presets a bridge can start from.
pub const PRESETS: &[&str] = &["default", "humanizeit", "passportal"];

/// What a preset means, for whoever chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The preset.
    pub preset: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What it does, in a sentence or two.
    pub says: &'static str,
}

/// What each preset means, in the order of [`PRESETS`].
pub const ABOUT: &[About] = &[
    About {
        preset: "default",
        label: "Careful",
        says: "Identical names match by themselves, and similar ones only when they can hardly be two companies. \
               Everything else is a question for you. Every field rule can be changed.",
    },
    About {
        preset: "humanizeit",
        label: "HumanizeIT",
        says: "Names up to 3 characters apart match by themselves. The 13 fields are fixed, as HumanizeIT documents them.",
    },
    About {
        preset: "passportal",
        label: "Passportal",
        says: "Only identical names match, when you press Auto-Match all; you match, create or exclude the rest. \
               The fields are those of Passportal's asset documents.",
    },
];

/// The settings of a preset; `None` when there is no such preset.
///
/// - `humanizeit`: names up to 3 characters apart link as they are, and the 13 fields are fixed, as HumanizeIT's
///   NinjaOne integration documents both.
/// - `default`: a similar name links by itself only inside the guard, and the same fields can be edited.
/// - `passportal`: identical names alone match, as Passportal's Auto-Match does it, and the fields are those of its
///   asset documents. Similar names and shared serial numbers suggest nothing: the rest is a person's.
pub fn settings(preset: &str) -> Option<BridgeSettings> {
    let (similar, fixed_by, rules) = match preset {
        "humanizeit" => (Some(false), Some(preset.to_owned()), thirteen_fields()),
        "default" => (Some(true), None, thirteen_fields()),
        "passportal" => (None, None, document_fields()),
        _ => return None,
    };
    Some(BridgeSettings {
        matching: MatchingRules {
            stored_id: true,
            same_name: true,
            similar: similar.map(|guarded| Similarity { limit: 3, guarded }),
            shared_serials: similar.is_some(),
        },
        devices: true,
        new_organizations: NewOrganizations::Ask,
        scope: Scope::default(),
        asset_match_field: None,
        sites: SiteRule::None,
        types: TypeRule::default(),
        mapping: Mapping { fixed_by, rules },
        archive: None,
        brakes: Brakes::default(),
    })
}

/// What Passportal shows of an asset. Destinations that lack one of the last four are asked to create it.
fn document_fields() -> Vec<FieldRule> {
    let created = |target: &str, label: &str, text: &str| FieldRule {
        create: Some(NewField {
            label: label.to_owned(),
            field_type: FieldType::Text,
        }),
        ..expression(target, text)
    };
    vec![
        expression("name", "displayName || systemName || dnsName"),
        expression("serialNumber", "system.serialNumber || system.biosSerialNumber"),
        expression("manufacturer", "system.manufacturer"),
        expression("modelNumber", "system.model"),
        expression("os", "os.name"),
        expression("locationName", "location.name"),
        expression("macAddress", "macAddresses[0]"),
        expression("purchaseDate", "warranty.startDate"),
        expression("warrantyExpire", "warranty.endDate"),
        created("assetType", "Type", "role.name"),
        created("hostname", "Hostname", "dnsName || systemName"),
        created("ipAddress", "Primary IP", "ipAddresses[0]"),
        created("portalUrl", "Portal URL", "dashboardUrl"),
    ]
}

/// HumanizeIT's mapping. Its notation is close to JMESPath; `system?.manufacturer` loses the question mark, since
/// in JMESPath every absent part is null, and `||` falls back on an empty text as well as on an absent one.
fn thirteen_fields() -> Vec<FieldRule> {
    vec![
        expression("serialNumber", "system.serialNumber"),
        expression("name", "systemName || dnsName"),
        expression("warrantyExpire", "warranty.endDate"),
        constant("details", Value::String(String::new())),
        expression("TypeId", "role.id"),
        expression("storage", "volumes[0].capacity"),
        expression("locationName", "location.name"),
        expression("manufacturer", "system.manufacturer"),
        expression("modelNumber", "system.model"),
        expression("os", "os.name"),
        expression("purchaseDate", "warranty.startDate"),
        expression("processorModel", "processors[0].name"),
        constant("replaceDate", Value::Null),
    ]
}

fn expression(target: &str, expression: &str) -> FieldRule {
    rule(target, RuleValue::Expression(expression.to_owned()))
}

fn constant(target: &str, value: Value) -> FieldRule {
    rule(target, RuleValue::Constant(value))
}

fn rule(target: &str, value: RuleValue) -> FieldRule {
    FieldRule {
        target: target.to_owned(),
        value,
        transform: None,
        owner: Owner::Source,
        clear: false,
        create: None,
    }
}

#[cfg(test)]
mod tests;
