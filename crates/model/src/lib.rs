//! The nouns of rmmbridge: what is read, matched, mapped, planned and written.
//!
//! Nothing here does I/O. Words follow the systems they come from: `Organization`, `Location`, `Role` and
//! `Device` are NinjaOne's, `Client`, `Site`, `Asset` and `AssetType` are the destination's.
//!
//! To add a noun: give it a file of its own, doc comments with shapes and units, and `serde` derives when
//! it is stored. Anything that decides something belongs in `plan`, anything that waits in `engine`.

pub mod actor;
pub mod api_key;
pub mod bridge;
pub mod cause;
pub mod clock;
pub mod connection;
pub mod decided;
pub mod destination;
pub mod drift;
pub mod health;
pub mod id;
pub mod job;
pub mod mapping;
pub mod matching;
pub mod operation;
pub mod pause;
pub mod person;
pub mod run;
pub mod source;
pub mod undone;

pub use actor::{Actor, Role as ActorRole};
pub use api_key::{ApiKey, KeyScope};
pub use bridge::{Archive, Brakes, Bridge, BridgeSettings, NewOrganizations, Scope, SiteRule, TypeRule};
pub use cause::Cause;
pub use clock::{Clock, Ids, Moment, Random, Steady, TimeOrderedIds};
pub use connection::{Connection, ConnectionState};
pub use decided::{ConflictDecision, ConflictVerdict, Ignored, RecordDecisions, UnlinkedAsset};
pub use destination::{
    Asset, AssetDraft, AssetType, AssetTypeDraft, Client, ClientDraft, FieldType, Fields, RecordKind, Site,
    SiteDraft, TargetField,
};
pub use drift::{Accepted, Difference, DifferenceKey, Drift, Side};
pub use health::{Event, EventKind, Health};
pub use id::{BridgeId, ConnectionId, PlanId, RecordId, RunId, SnapshotId, SourceId};
pub use job::JobKind;
pub use mapping::{FieldRule, Mapping, Owner, RuleValue, Transform};
pub use matching::{Decision, MatchHow, MatchingRules, OrganizationMatch, Similarity, Verdict};
pub use operation::{
    Action, Change, ClientTarget, LinkBefore, MatchNeeded, Operation, Place, PlanAbout, PlanCounts,
    PlanSummary, Reason, SiteTarget, Subject, TypeTarget,
};
pub use pause::WritePause;
pub use person::Person;
pub use run::{Outcome, Run, RunCounts, RunKind, RunState};
pub use source::{
    DeviceKeys, DeviceProjection, FieldFault, Location, Organization, Presence, RawDevice, Role, ValueType,
};
pub use undone::Undone;
