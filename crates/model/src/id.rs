//! Identifiers. Ours are time-ordered UUIDs as text; the vendors' are kept as the text they came in.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id.to_string())
            }
        }
    };
}

text_id!(
    /// A connection to one account of one vendor. It outlives the grant: reconnecting keeps the id.
    ConnectionId
);
text_id!(
    /// One source joined to one destination.
    BridgeId
);
text_id!(
    /// One complete pass over a source.
    SnapshotId
);
text_id!(
    /// A stored plan.
    PlanId
);
text_id!(
    /// One execution of a read or of a plan.
    RunId
);
text_id!(
    /// What a source calls one of its records, e.g. NinjaOne's device id `1042`.
    SourceId
);
text_id!(
    /// What a destination calls one of its records.
    RecordId
);
