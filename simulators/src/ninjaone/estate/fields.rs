//! Custom fields: definitions and values.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Estate;
use super::population::{DAY_MS, EPOCH_MS};
use crate::dice::{Dice, mix, uuid_bits};

/// What a value hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A device.
    Node,
    /// An organization.
    Organization,
    /// A location.
    Location,
    /// An end user.
    EndUser,
}

impl Scope {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Node => "NODE",
            Scope::Organization => "ORGANIZATION",
            Scope::Location => "LOCATION",
            Scope::EndUser => "END_USER",
        }
    }
}

use Scope::{EndUser, Location, Node, Organization};

/// The definition of a field.
#[derive(Debug)]
pub struct Field {
    /// `name`, by which values are read and written.
    pub name: &'static str,
    /// `label`
    pub label: &'static str,
    /// `type`
    pub kind: &'static str,
    /// `definitionScope`
    pub scopes: &'static [Scope],
    /// `apiPermission`: NONE, READ_ONLY, WRITE_ONLY or READ_WRITE.
    pub permission: &'static str,
    /// The options of a dropdown or a multiple choice.
    pub options: &'static [&'static str],
}

const fn field(
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    scopes: &'static [Scope],
    permission: &'static str,
    options: &'static [&'static str],
) -> Field {
    Field {
        name,
        label,
        kind,
        scopes,
        permission,
        options,
    }
}

/// Every field.
pub static FIELDS: [Field; 18] = [
    field("assetTag", "Asset tag", "TEXT", &[Node], "READ_WRITE", &[]),
    field(
        "backupStatus",
        "Backup status",
        "DROPDOWN",
        &[Node],
        "READ_WRITE",
        &["Good", "Failed", "Unknown"],
    ),
    field(
        "contactEmail",
        "Contact e-mail",
        "EMAIL",
        &[Organization, Location],
        "READ_WRITE",
        &[],
    ),
    field(
        "costPerMonth",
        "Cost per month",
        "DECIMAL",
        &[Node],
        "READ_WRITE",
        &[],
    ),
    field(
        "cpuScore",
        "Processor score",
        "NUMERIC",
        &[Node],
        "READ_ONLY",
        &[],
    ),
    field(
        "documentation",
        "Documentation",
        "WYSIWYG",
        &[Node, Organization],
        "READ_WRITE",
        &[],
    ),
    field("internalOnly", "Internal only", "TEXT", &[Node], "NONE", &[]),
    field("isVip", "Very important", "CHECKBOX", &[Node], "READ_WRITE", &[]),
    field("lastAudit", "Last audit", "DATE", &[Node], "READ_WRITE", &[]),
    field(
        "licences",
        "Licences",
        "MULTI_SELECT",
        &[Node],
        "READ_WRITE",
        &["Office", "CAD", "Accounting"],
    ),
    field(
        "localAdminPassword",
        "Administrator password",
        "TEXT_ENCRYPTED",
        &[Node],
        "READ_ONLY",
        &[],
    ),
    field(
        "maintenanceStart",
        "Maintenance begins",
        "TIME",
        &[Node, Location, Organization],
        "READ_WRITE",
        &[],
    ),
    field(
        "onboardingNote",
        "Onboarding note",
        "TEXT_MULTILINE",
        &[Organization],
        "READ_WRITE",
        &[],
    ),
    field(
        "portalToken",
        "Portal token",
        "TEXT",
        &[Organization],
        "WRITE_ONLY",
        &[],
    ),
    field(
        "rdsDrainModeTime",
        "Drain mode since",
        "DATE_TIME",
        &[Node],
        "READ_WRITE",
        &[],
    ),
    field(
        "siteContact",
        "Contact on site",
        "TEXT",
        &[Location],
        "READ_WRITE",
        &[],
    ),
    field(
        "staffNumber",
        "Staff number",
        "TEXT",
        &[EndUser],
        "READ_WRITE",
        &[],
    ),
    field(
        "supportTier",
        "Support tier",
        "DROPDOWN",
        &[Organization, Node],
        "READ_WRITE",
        &["Gold", "Silver", "Bronze"],
    ),
];

impl Field {
    /// The field of this name.
    pub fn named(name: &str) -> Option<&'static Field> {
        FIELDS.iter().find(|field| field.name == name)
    }

    /// Whether values can be read through the API.
    pub fn is_readable(&self) -> bool {
        matches!(self.permission, "READ_ONLY" | "READ_WRITE")
    }

    /// Whether values can be written through the API.
    pub fn is_writable(&self) -> bool {
        matches!(self.permission, "WRITE_ONLY" | "READ_WRITE")
    }

    /// The id of an option.
    pub fn option_uid(&self, option: &str) -> String {
        let hash = self
            .name
            .bytes()
            .chain(option.bytes())
            .fold(1, |hash, byte| mix(hash ^ u64::from(byte)));
        uuid::Uuid::from_u128(uuid_bits(hash, 0x6f70_7469)).to_string()
    }

    /// Whether `value` is one this field takes; null clears it.
    pub fn takes(&self, value: &Value) -> bool {
        let option = |value: &Value| {
            value
                .as_str()
                .is_some_and(|text| self.options.iter().any(|option| self.option_uid(option) == text))
        };
        match self.kind {
            _ if value.is_null() => true,
            "CHECKBOX" => value.is_boolean(),
            "NUMERIC" | "DATE" | "DATE_TIME" | "TIME" => value.is_i64(),
            "DECIMAL" => value.is_number(),
            "WYSIWYG" => value["html"].is_string(),
            "DROPDOWN" => option(value),
            "MULTI_SELECT" => value.as_array().is_some_and(|values| values.iter().all(option)),
            _ => value.is_string(),
        }
    }

    fn invented(&self, dice: &mut Dice) -> Value {
        match self.kind {
            "CHECKBOX" => json!(dice.chance(300)),
            "NUMERIC" => json!(dice.between(100, 9000)),
            "DECIMAL" => json!(dice.between(100, 9000) as f64 / 100.0),
            // Epoch milliseconds, unlike every other time.
            "DATE" => json!((EPOCH_MS / DAY_MS - dice.below(300) as i64) * DAY_MS),
            "DATE_TIME" => json!(EPOCH_MS - dice.below(300 * DAY_MS as u64) as i64),
            "TIME" => json!(dice.below(24) * 3_600_000),
            "WYSIWYG" => {
                json!({ "html": "<p>See the binder in room 4.</p>", "text": "See the binder in room 4." })
            }
            "DROPDOWN" => {
                json!(self.option_uid(self.options[dice.below(self.options.len() as u64) as usize]))
            }
            "MULTI_SELECT" => json!([self.option_uid(self.options[0])]),
            "EMAIL" => json!(format!("office{}@example.test", dice.below(90))),
            _ => json!(format!("{}-{:05}", self.name, dice.below(100_000))),
        }
    }
}

/// A value with its history.
#[derive(Clone, Debug)]
pub struct Held {
    /// The value; never null.
    pub value: Value,
    /// When it was set, in milliseconds.
    pub updated: i64,
    /// Who set it through the API; `None` for a script.
    pub user: Option<Option<u32>>,
}

/// A value that was written: `None` clears it.
pub(super) type Written = BTreeMap<(Scope, u32), BTreeMap<&'static str, Option<Held>>>;

impl Estate {
    /// The values an entity holds, by field name, readable ones only.
    pub fn field_values(&self, scope: Scope, id: u32) -> BTreeMap<&'static str, Held> {
        let written = self.written.get(&(scope, id));
        let mut dice = Dice::new(
            self.seed,
            0x6669_0000_0000 + (scope as u64 * 4_000_000_000) + u64::from(id),
        );
        let mut values = BTreeMap::new();
        for field in FIELDS.iter().filter(|field| field.scopes.contains(&scope)) {
            let present = dice.chance(350);
            let value = field.invented(&mut dice);
            let updated = EPOCH_MS - dice.below(200 * DAY_MS as u64) as i64;
            let held = match written.and_then(|written| written.get(field.name)) {
                Some(written) => written.clone(),
                None => present.then_some(Held {
                    value,
                    updated,
                    user: None,
                }),
            };
            if let Some(held) = held.filter(|_| field.is_readable()) {
                values.insert(field.name, held);
            }
        }
        values
    }

    /// Like [`Self::field_values`], with what a device inherits from its location and organization, and a location
    /// from its organization.
    pub fn inherited_values(&self, scope: Scope, id: u32) -> BTreeMap<&'static str, Held> {
        let mut values = self.field_values(scope, id);
        let above = match scope {
            Node => self
                .device(id)
                .map(|device| (device.location, device.organization)),
            Location => self
                .location(id)
                .map(|location| (location.id, location.organization)),
            _ => None,
        };
        if let Some((location, organization)) = above {
            let higher = [(Location, location), (Organization, organization)];
            for (higher, id) in higher {
                for (name, held) in self.field_values(higher, id) {
                    let defined = Field::named(name).is_some_and(|field| field.scopes.contains(&scope));
                    if defined {
                        values.entry(name).or_insert(held);
                    }
                }
            }
        }
        values
    }

    /// Writes values; null clears one.
    pub fn write_fields(
        &mut self,
        scope: Scope,
        id: u32,
        values: Vec<(&'static Field, Value)>,
        user: Option<u32>,
        time: i64,
    ) {
        let written = self.written.entry((scope, id)).or_default();
        for (field, value) in values {
            let held = (!value.is_null()).then_some(Held {
                value,
                updated: time,
                user: Some(user),
            });
            written.insert(field.name, held);
        }
    }
}
