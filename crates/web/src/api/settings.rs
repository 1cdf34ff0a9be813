//! The settings of a bridge as the document describes them. What is read and written is `model::BridgeSettings`; that the
//! two are the same is held by the tests, which check every answer against the document.
#![expect(dead_code, reason = "these describe; nothing is made of them")]

use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How a bridge works.
#[derive(ToSchema)]
pub struct BridgeSettings {
    /// Which rules match organizations to clients.
    matching: MatchingRules,
    /// What happens to organizations no rule and no person decided.
    #[schema(required = false)]
    new_organizations: NewOrganizations,
    /// Whether devices are imported at all.
    #[schema(required = false)]
    devices: bool,
    /// Which devices come at all.
    #[schema(required = false)]
    scope: DeviceScope,
    /// The asset field that recognizes existing assets, besides serial number, MAC address and name. It must be mapped.
    asset_match_field: Option<String>,
    /// How locations become sites.
    #[schema(required = false)]
    sites: SiteRule,
    /// How device roles become asset types.
    #[schema(required = false)]
    types: TypeRule,
    /// The field rules.
    mapping: Mapping,
    /// When assets of vanished devices are archived; null never.
    archive: Option<ArchiveRule>,
    /// What makes a plan stop and ask.
    #[schema(required = false)]
    brakes: Brakes,
}

/// Which rules match organizations to clients. A remembered link always wins.
#[derive(ToSchema)]
pub struct MatchingRules {
    /// The organization id the destination already stores.
    stored_id: bool,
    /// The same name, whatever the case and the spaces.
    same_name: bool,
    /// A similar name; null switches the rule off.
    similar: Option<Similarity>,
    /// Suggest a client that already owns most of the organization's serial numbers.
    shared_serials: bool,
}

/// How similar two names may be.
#[derive(ToSchema)]
pub struct Similarity {
    /// The largest distance that counts, in characters to change.
    limit: u8,
    /// Whether a match also needs a distance of at most an eighth of the shorter name.
    guarded: bool,
}

/// What happens to organizations that nothing decided: they wait for a person, or a client is created.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum NewOrganizations {
    Ask,
    Create,
}

/// Which devices come. An empty list lets all through.
#[derive(ToSchema)]
pub struct DeviceScope {
    /// Vendor classes, e.g. `WINDOWS_SERVER`.
    #[schema(required = false)]
    classes: Vec<String>,
    /// Ids of roles.
    #[schema(required = false)]
    roles: Vec<String>,
    /// Ids of locations.
    #[schema(required = false)]
    locations: Vec<String>,
    /// Tags; one of them is enough.
    #[schema(required = false)]
    tags: Vec<String>,
    /// Approval states; `APPROVED` alone unless given.
    #[schema(required = false)]
    approvals: Vec<String>,
}

/// How locations become sites: not at all, or as the client's site of the same name, made where it is missing.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SiteRule {
    None,
    SameName,
}

/// How device roles become asset types.
#[derive(ToSchema)]
pub struct TypeRule {
    /// The group new asset types are created under.
    default_group: Option<String>,
    /// Name of the asset type by id of the role, where it is not the role's own name.
    #[schema(required = false)]
    by_role: BTreeMap<String, String>,
}

/// The field rules of a bridge.
#[derive(ToSchema)]
pub struct Mapping {
    /// The preset whose fixed mapping this is. While it is set the rules cannot be changed; leave it out to make them
    /// the bridge's own.
    fixed_by: Option<String>,
    /// The rules.
    rules: Vec<FieldRule>,
}

/// One field rule: either an expression or a constant.
#[derive(ToSchema)]
pub struct FieldRule {
    /// Key of the target field.
    target: String,
    /// A JMESPath expression over the device document.
    expression: Option<String>,
    /// The same value for every device, written at creation or into blanks only.
    #[schema(required = false)]
    constant: Value,
    /// What is done to the value: `"date"`, `"bytes_to_gb"`, `"upper"`, `"lower"`, or `{"template": "… {value} …"}`.
    #[schema(required = false)]
    transform: Value,
    /// Who may change the field.
    #[schema(required = false)]
    owner: FieldOwner,
    /// Whether an absent value empties the field.
    #[schema(required = false)]
    clear: bool,
    /// The custom field to create where there is none.
    create: Option<NewField>,
}

/// Who may change a field: the source overwrites, fills blanks only, never writes, or asks.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum FieldOwner {
    Source,
    DestinationIfSet,
    Locked,
    Ask,
}

/// A custom field to create.
#[derive(ToSchema)]
pub struct NewField {
    /// What people see.
    label: String,
    /// Its type.
    field_type: FieldType,
}

/// The type of a field.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum FieldType {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
}

/// When the asset of a vanished device is archived. Both limits must be passed.
#[derive(ToSchema)]
pub struct ArchiveRule {
    /// Complete reads without the device.
    after_snapshots: u32,
    /// Days without the device.
    after_days: u32,
}

/// What makes a plan stop and ask: a share or a number that is passed, whichever comes first.
#[derive(ToSchema)]
pub struct Brakes {
    /// Largest share of the linked assets one plan may archive, 0 to 1.
    archive_share: f64,
    /// Largest share of the linked assets one plan may change, 0 to 1.
    change_share: f64,
    /// Below this number of records the shares do not bind.
    at_least: u32,
    /// Most assets one plan may archive; null for no such limit.
    archive_most: Option<u32>,
    /// Most linked assets one plan may change; null for no such limit.
    change_most: Option<u32>,
    /// Most assets one plan may create; null for no such limit.
    create_most: Option<u32>,
}
