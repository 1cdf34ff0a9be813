//! Who is who: decisions about organizations and the rules that lead to them.

use crate::id::{RecordId, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How similar two names may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Similarity {
    /// Largest Levenshtein distance that counts, in Unicode scalar values after folding.
    pub limit: u8,
    /// Whether a match also needs 8 × distance ≤ length of the shorter name to link by itself.
    pub guarded: bool,
}

/// Which matching rules are on. A link always wins and cannot be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchingRules {
    /// The organization id a destination already stores.
    pub stored_id: bool,
    /// The same name after folding (NFKC, case, white space).
    pub same_name: bool,
    /// A similar name; `None` switches the rule off.
    pub similar: Option<Similarity>,
    /// Suggest a client that already owns most of the organization's serial numbers.
    pub shared_serials: bool,
}

impl Default for MatchingRules {
    fn default() -> Self {
        Self {
            stored_id: true,
            same_name: true,
            similar: Some(Similarity {
                limit: 3,
                guarded: true,
            }),
            shared_serials: true,
        }
    }
}

/// What a person, or an accepted rule, decided about one organization. Remembered until changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The organization.
    pub organization: SourceId,
    /// What was decided.
    pub verdict: Verdict,
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub at: Timestamp,
}

/// The content of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It is this client.
    Matched {
        /// The client.
        client: RecordId,
    },
    /// A client is to be created for it.
    Create,
    /// It is left alone, with all its devices.
    Exclude,
}

/// The rule that decided a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchHow {
    /// A remembered link.
    Link,
    /// A person's decision.
    Person,
    /// The id the destination stores.
    StoredId,
    /// The same name.
    SameName,
    /// A similar name.
    SimilarName,
}

/// What matching says about one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum OrganizationMatch {
    /// It is this client.
    Matched {
        /// The client.
        client: RecordId,
        /// The rule that says so.
        how: MatchHow,
        /// Levenshtein distance of the folded names, where names decided.
        distance: Option<u32>,
        /// A similar name outside the guard: linked under the plain rule, and never by a schedule before a
        /// person confirmed it.
        needs_confirmation: bool,
        /// The same in words.
        reason: String,
    },
    /// A client will be created for it.
    Create {
        /// Why.
        reason: String,
    },
    /// It is left alone.
    Excluded {
        /// Why.
        reason: String,
    },
    /// A person has to say.
    Undecided {
        /// Clients it might be, best first, each with the reason.
        suggestions: Vec<Suggestion>,
        /// Why no rule decided.
        reason: String,
    },
}

/// A client an undecided organization might be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The client.
    pub client: RecordId,
    /// Why it might be.
    pub reason: String,
}
