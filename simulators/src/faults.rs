//! What can be made to go wrong on demand, by handle or over HTTP.
//!
//! A [`Fault`] says which requests it meets, what happens to them, how many it lets through first and how often it
//! strikes. Several may meet one request: those that only bend the answer add up, the first one that replaces the
//! answer ends the list. A fault can be written in one line, `GET /v2/devices*: 429 x3`: [`EFFECTS`] has the words.

mod words;
mod written;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use written::{EFFECTS, FaultText};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which paths it meets; `*` stands for any run of characters: `/v2/devices*`, `/v2/device/*`, `*`. Paths are
    /// compared without the query and with every API prefix written as `/v2`.
    pub path: String,
    /// Which method it meets; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How many matching requests it lets through first.
    #[serde(default)]
    pub skip: u32,
    /// How often it strikes; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What happens.
    pub effect: Effect,
}

/// Where in the answer a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// Before anything was sent.
    BeforeHeaders,
    /// After the headers.
    AfterHeaders,
    /// In the middle of the body.
    MidBody,
}

/// What happens to a request. A *row* is an element of an answered array or of its `results`, or the answered object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Effect {
    /// Waits this many milliseconds first.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// 429.
    TooManyRequests {
        /// The `Retry-After` header, as it is: `"2"`, `"-1"`, `"1e9"`, a date; no header if absent.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// An HTML page that speaks of a rate limit.
    ThrottlePage {
        /// Its status; 200 or 503 were seen.
        status: u16,
    },
    /// An HTML page that asks to sign in, with status 200.
    LoginPage,
    /// This status with the vendor's error body.
    Status {
        /// 500, 502, 503 or another.
        status: u16,
    },
    /// The connection is reset.
    Reset {
        /// When.
        at: Moment,
    },
    /// An object that tells of a failure, with status 200.
    ErrorObject,
    /// An HTML page of whatever stands between the vendor and its caller.
    ProxyPage {
        /// Its status, mostly 502.
        status: u16,
    },
    /// No body at all, with a status that says all is well.
    EmptyBody {
        /// 200, 202, 204 or another.
        status: u16,
    },
    /// The body is what it should be, and its `Content-Type` says that it is something else.
    ContentType {
        /// What it says.
        value: String,
    },
    /// The body is said to be compressed and is not.
    GzipLie,
    /// The body comes in pieces and never ends.
    EndlessBody,
    /// The body comes in twenty pieces, so many milliseconds apart.
    SlowBody {
        /// Milliseconds.
        ms: u64,
    },
    /// The body ends in the middle, with a `Content-Length` that fits.
    TruncatedJson,
    /// The body is no JSON.
    InvalidJson,
    /// A field holds something else in every `every`-th row.
    WrongType {
        /// Its path: `system.serialNumber`, `volumes[0].capacity`.
        field: String,
        /// What it holds instead.
        value: Value,
        /// 1 means every row.
        #[serde(default = "one")]
        every: usize,
    },
    /// A text holds half of a pair of UTF-16 surrogates, written as an escape, in every `every`-th row.
    LoneSurrogate {
        /// Its path.
        field: String,
        /// 1 means every row.
        #[serde(default = "one")]
        every: usize,
    },
    /// A field is absent from every `every`-th row.
    DropField {
        /// Its path.
        field: String,
        /// 1 means every row.
        #[serde(default = "one")]
        every: usize,
    },
    /// A text is in capitals in every `every`-th row: it differs by case alone.
    Capitals {
        /// Its path.
        field: String,
        /// 1 means every row.
        #[serde(default = "one")]
        every: usize,
    },
    /// Every two neighbouring rows have each other's field: two devices swapped their names.
    SwappedRows {
        /// Its path.
        field: String,
    },
    /// Negative ids, times of 1e308 and sizes beyond every integer in every `every`-th row.
    AbsurdValues {
        /// 1 means every row.
        #[serde(default = "one")]
        every: usize,
    },
    /// The first page again and again, whatever page is asked for; a report's cursor gets a new name each time.
    RepeatPage,
    /// Like `repeatPage`, and a report's cursor keeps its name.
    StuckCursor,
    /// Full pages of new ids for ever.
    EndlessPages,
    /// So many pages in turn, again and again: after the last comes the first, with the cursor it had in a report.
    CursorLoop {
        /// How many.
        length: usize,
    },
    /// Every page begins with the last row of the page before.
    DuplicateIds,
    /// The same, and a field of that row holds something else than before: a record that changed, or moved, between two
    /// pages.
    ChangedDuplicates {
        /// Its path.
        field: String,
        /// What it holds the second time.
        value: Value,
    },
    /// Every row of a page comes twice.
    DoubledRows,
    /// The rows of a page come in the reverse order.
    ReversedRows,
    /// These records are missing.
    MissingRecords {
        /// Their ids.
        ids: Vec<i64>,
        /// Whether a page they are missing from is short of them; otherwise the next ones move up.
        #[serde(default)]
        short_page: bool,
    },
    /// Every list is empty and every single record unknown.
    EmptyTenant,
    /// All access tokens expire at this request.
    ExpireTokens,
    /// All grants are revoked at this request, as an administrator would.
    RevokeGrants,
}

fn one() -> usize {
    1
}

impl Effect {
    /// How long each piece of a body is held back.
    pub(crate) fn pause(&self) -> Option<Duration> {
        match self {
            Self::SlowBody { ms } => Some(Duration::from_millis(*ms)),
            Self::EndlessBody => Some(Duration::from_millis(100)),
            _ => None,
        }
    }

    /// Whether it replaces the answer, so that no further fault is looked for.
    fn is_final(&self) -> bool {
        matches!(
            self,
            Effect::TooManyRequests { .. }
                | Effect::ThrottlePage { .. }
                | Effect::LoginPage
                | Effect::ErrorObject
                | Effect::ProxyPage { .. }
                | Effect::EmptyBody { .. }
                | Effect::Status { .. }
        )
    }
}

/// A fault as it stands now.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its number, to remove it by.
    pub number: u64,
    /// How often it struck.
    pub struck: u64,
    /// What is left of it.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    inner: Mutex<(u64, Vec<Standing>)>,
}

impl Faults {
    /// Puts a fault in force and gives it a number.
    pub fn add(&self, fault: Fault) -> u64 {
        let mut inner = self.lock();
        inner.0 += 1;
        let number = inner.0;
        inner.1.push(Standing {
            number,
            struck: 0,
            fault,
        });
        number
    }

    /// Lets `effect` strike every request to `path` for ever.
    pub fn always(&self, path: &str, effect: Effect) -> u64 {
        self.add(Fault {
            path: path.to_owned(),
            method: None,
            skip: 0,
            times: None,
            effect,
        })
    }

    /// Lets `effect` strike the next `times` requests to `path`.
    pub fn next(&self, path: &str, times: u32, effect: Effect) -> u64 {
        self.add(Fault {
            path: path.to_owned(),
            method: None,
            skip: 0,
            times: Some(times),
            effect,
        })
    }

    /// Lets `effect` strike once, after `skip` requests to `path`.
    pub fn once_after(&self, path: &str, skip: u32, effect: Effect) -> u64 {
        self.add(Fault {
            path: path.to_owned(),
            method: None,
            skip,
            times: Some(1),
            effect,
        })
    }

    /// Takes one fault out of force; `false` if there is none of this number.
    pub fn remove(&self, number: u64) -> bool {
        let mut inner = self.lock();
        let before = inner.1.len();
        inner.1.retain(|standing| standing.number != number);
        inner.1.len() < before
    }

    /// Takes all faults out of force.
    pub fn clear(&self) {
        self.lock().1.clear();
    }

    /// The faults in force, and those that have struck as often as they should.
    pub fn standing(&self) -> Vec<Standing> {
        self.lock().1.clone()
    }

    /// What strikes this request, in order; counts as struck.
    pub(crate) fn strike(&self, method: &str, path: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for standing in &mut self.lock().1 {
            let fault = &mut standing.fault;
            let method_fits = fault
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
            if !method_fits || fault.times == Some(0) || !matches(&fault.path, path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|left| left - 1);
            standing.struck += 1;
            effects.push(fault.effect.clone());
            if fault.effect.is_final() {
                break;
            }
        }
        effects
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Standing>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `path` has the form of `pattern`, where `*` stands for any run of characters.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == path;
    };
    let Some(mut left) = path.strip_prefix(head) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return left.ends_with(piece);
        }
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        for (pattern, path, expected) in [
            ("/v2/devices", "/v2/devices", true),
            ("/v2/devices", "/v2/devices-detailed", false),
            ("/v2/devices*", "/v2/devices-detailed", true),
            ("*", "/anything", true),
            ("/v2/device/*/alerts", "/v2/device/7/alerts", true),
            ("/v2/device/*/alerts", "/v2/device/7/jobs", false),
            ("*/token", "/ws/oauth/token", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_fault_lets_some_through_and_strikes_so_often() {
        let faults = Faults::default();
        faults.add(Fault {
            path: "/a".to_owned(),
            method: Some("get".to_owned()),
            skip: 1,
            times: Some(2),
            effect: Effect::Status { status: 500 },
        });
        let struck = |method| !faults.strike(method, "/a").is_empty();
        let seen = [
            struck("GET"),
            struck("POST"),
            struck("GET"),
            struck("GET"),
            struck("GET"),
        ];
        assert_eq!(seen, [false, false, true, true, false]);
        assert_eq!(faults.standing()[0].struck, 2);
    }

    #[test]
    fn latency_adds_to_what_replaces_the_answer() {
        let faults = Faults::default();
        faults.always("*", Effect::Latency { ms: 1 });
        faults.next("/a", 1, Effect::LoginPage);
        faults.always("*", Effect::Status { status: 500 });
        assert_eq!(
            faults.strike("GET", "/a"),
            [Effect::Latency { ms: 1 }, Effect::LoginPage]
        );
        assert_eq!(faults.strike("GET", "/a").len(), 2);
    }

    #[test]
    fn the_json_form_is_readable() {
        let fault: Fault = serde_json::from_str(
            r#"{"path": "/v2/devices*", "times": 3, "effect": {"kind": "tooManyRequests", "retryAfter": "2"}}"#,
        )
        .unwrap();
        assert_eq!(
            fault.effect,
            Effect::TooManyRequests {
                retry_after: Some("2".to_owned())
            }
        );
        assert!(serde_json::from_str::<Fault>(r#"{"path": "*", "effect": {"kind": "nonsense"}}"#).is_err());
    }
}
