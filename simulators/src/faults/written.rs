//! A fault in one line: `GET /v2/devices*: 429 retry-after=2 after=1 x3`.
//!
//! Method (optional), path, a colon, the effect with what it takes, then `after=N` (lets so many through first) and
//! `xN` (strikes so often), both optional. A value in double quotes may hold spaces.

use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::Value;

use super::words::Words;
use super::{Effect, Fault, Moment};

/// How each effect is written, and what it does.
pub const EFFECTS: &[(&str, &str)] = &[
    ("latency=MS", "waits so many milliseconds first"),
    (
        "429 [retry-after=TEXT]",
        "too many requests; the header as it is: 2, -1, \"a date\"",
    ),
    ("500, 502, 503, ...", "that status, with the vendor's error body"),
    (
        "throttle-page [status=N]",
        "an HTML page that speaks of a rate limit, with status 200 or another",
    ),
    ("login-page", "an HTML page that asks to sign in, with status 200"),
    (
        "reset [at=MOMENT]",
        "the connection is reset before-headers, after-headers or mid-body",
    ),
    (
        "error-object",
        "an object that tells of a failure, with status 200",
    ),
    ("gzip-lie", "the body is said to be compressed and is not"),
    ("endless-body", "the body comes in pieces and never ends"),
    (
        "slow-body ms=N",
        "the body comes in twenty pieces, so many milliseconds apart",
    ),
    ("truncated-json", "the body ends in the middle"),
    ("invalid-json", "the body is no JSON"),
    (
        "wrong-type field=PATH value=JSON [every=N]",
        "a field holds something else in every N-th row",
    ),
    (
        "lone-surrogate field=PATH [every=N]",
        "a text holds half of a surrogate pair in every N-th row",
    ),
    (
        "drop-field field=PATH [every=N]",
        "a field is absent from every N-th row",
    ),
    (
        "absurd-values [every=N]",
        "negative ids, times of 1e308, sizes beyond every integer",
    ),
    (
        "repeat-page",
        "the first page again and again, under new cursor names",
    ),
    (
        "stuck-cursor",
        "the first page again and again, under one cursor name",
    ),
    ("endless-pages", "full pages of new ids for ever"),
    ("cursor-loop length=N", "N pages in turn, again and again"),
    (
        "duplicate-ids",
        "every page begins with the last row of the page before",
    ),
    (
        "changed-duplicates field=PATH value=JSON",
        "the same, and the row holds something else the second time",
    ),
    (
        "missing-records ids=N,N [short-page]",
        "these records are missing; others move up unless short-page",
    ),
    ("empty-tenant", "every list is empty, every single record unknown"),
    ("expire-tokens", "all access tokens expire at this request"),
    ("revoke-grants", "all grants are revoked at this request"),
    (
        "proxy-page [status=N]",
        "an HTML page of a proxy, with status 502 or another",
    ),
    (
        "empty-body [status=N]",
        "no body, with status 200 or another that says all is well",
    ),
    (
        "content-type value=TEXT",
        "the right body, said to be something else",
    ),
    (
        "capitals field=PATH [every=N]",
        "a text is in capitals in every N-th row",
    ),
    (
        "swapped-rows field=PATH",
        "every two neighbouring rows have each other's field",
    ),
    ("doubled-rows", "every row of a page comes twice"),
    ("reversed-rows", "the rows of a page in the reverse order"),
];

/// Why a line is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultText {
    /// Nothing tells path and effect apart.
    #[error("write METHOD PATH: EFFECT, such as `GET /v2/devices*: 429 x3`, the method being optional")]
    NoColon,
    /// The method is none that NinjaOne has.
    #[error("no method is called `{0}`; known: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")]
    Method(String),
    /// The path could never be met.
    #[error(
        "no request ever has the path `{0}`: it begins with / or *, has no query, and every API prefix is written as /v2"
    )]
    Path(String),
    /// The effect is none.
    #[error("no effect is called `{name}`; known: {}", known())]
    Effect {
        /// What was written.
        name: String,
    },
    /// The effect takes no such word.
    #[error("{effect} takes no `{word}`; it is written: {}, then after=N and xN if wanted", usage(.effect))]
    Word {
        /// The effect.
        effect: String,
        /// What was written.
        word: String,
    },
    /// The effect lacks something.
    #[error("{effect} needs `{what}`; it is written: {}", usage(.effect))]
    Needs {
        /// The effect.
        effect: String,
        /// What is missing.
        what: &'static str,
    },
    /// A value is not of its kind.
    #[error("`{word}` has no usable value: write {expected}")]
    Value {
        /// What was written.
        word: String,
        /// What fits.
        expected: &'static str,
    },
}

/// The name an effect's line begins with.
fn name_of(usage: &str) -> &str {
    usage.split([' ', '=']).next().unwrap_or(usage)
}

fn known() -> String {
    let names: Vec<&str> = EFFECTS
        .iter()
        .map(|(usage, _)| match name_of(usage) {
            "500," => "any status from 400 to 599",
            name => name,
        })
        .collect();
    names.join(", ")
}

fn usage(effect: &str) -> &'static str {
    EFFECTS
        .iter()
        .find(|(usage, _)| name_of(usage) == effect)
        .map_or("the status alone", |(usage, _)| usage)
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl FromStr for Fault {
    type Err = FaultText;

    fn from_str(text: &str) -> Result<Self, FaultText> {
        let (target, rest) = text.split_once(':').ok_or(FaultText::NoColon)?;
        let target: Vec<&str> = target.split_whitespace().collect();
        let (method, path) = match target[..] {
            [path] => (None, path),
            [method, path] => {
                let upper = method.to_uppercase();
                if !METHODS.contains(&upper.as_str()) {
                    return Err(FaultText::Method(method.to_owned()));
                }
                (Some(upper), path)
            }
            _ => return Err(FaultText::NoColon),
        };
        let prefixed = ["/api/v2", "/ws/api/v2"].iter().any(|p| path.starts_with(p));
        if !path.starts_with(['/', '*']) || path.contains('?') || prefixed {
            return Err(FaultText::Path(path.to_owned()));
        }
        let mut words = Words::of(rest)?;
        let (mut skip, mut times) = (0, None);
        if let Some(word) = words.take("after") {
            skip = word.number("a number, such as after=2")?;
        }
        if let Some(at) = words.rest.iter().position(|word| word.is_times()) {
            let word = words.rest.remove(at);
            times = Some(word.name[1..].parse().map_err(|_| FaultText::Value {
                word: word.written(),
                expected: "x and a number, such as x3",
            })?);
        }
        let effect = words.effect()?;
        match words.rest.first() {
            Some(word) => Err(FaultText::Word {
                effect: words.effect.name.clone(),
                word: word.written(),
            }),
            None => Ok(Self {
                path: path.to_owned(),
                method,
                skip,
                times,
                effect,
            }),
        }
    }
}

impl Words {
    /// The word `value`.
    fn json(&mut self) -> Result<Value, FaultText> {
        let text = self.must("value", "value=JSON")?.value.unwrap_or_default();
        // What is no JSON is meant as text.
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The word `status`, or what it is without one.
    fn status(
        &mut self,
        usual: u16,
        fits: RangeInclusive<u16>,
        expected: &'static str,
    ) -> Result<u16, FaultText> {
        let Some(word) = self.take("status") else {
            return Ok(usual);
        };
        let status = word.number(expected)?;
        match fits.contains(&status) {
            true => Ok(status),
            false => Err(word.wrong(expected)),
        }
    }

    fn effect(&mut self) -> Result<Effect, FaultText> {
        let name = self.effect.name.clone();
        if self.effect.value.is_some() && name != "latency" {
            return Err(FaultText::Effect {
                name: self.effect.written(),
            });
        }
        Ok(match name.as_str() {
            "latency" => Effect::Latency {
                ms: self.effect.number("milliseconds, such as latency=500")?,
            },
            "429" => Effect::TooManyRequests {
                retry_after: self.take("retry-after").map(|word| word.text()),
            },
            "throttle-page" => Effect::ThrottlePage {
                status: self.status(200, 200..=599, "an HTTP status, such as status=503")?,
            },
            "login-page" => Effect::LoginPage,
            "reset" => Effect::Reset {
                at: match self.take("at") {
                    None => Moment::BeforeHeaders,
                    Some(word) => match word.text().as_str() {
                        "before-headers" => Moment::BeforeHeaders,
                        "after-headers" => Moment::AfterHeaders,
                        "mid-body" => Moment::MidBody,
                        _ => return Err(word.wrong("at=before-headers, at=after-headers or at=mid-body")),
                    },
                },
            },
            "error-object" => Effect::ErrorObject,
            "gzip-lie" => Effect::GzipLie,
            "endless-body" => Effect::EndlessBody,
            "slow-body" => Effect::SlowBody {
                ms: self.must("ms", "ms=N")?.number("milliseconds, such as ms=50")?,
            },
            "truncated-json" => Effect::TruncatedJson,
            "invalid-json" => Effect::InvalidJson,
            "wrong-type" => Effect::WrongType {
                field: self.must("field", "field=PATH")?.text(),
                value: self.json()?,
                every: self.every()?,
            },
            "lone-surrogate" => Effect::LoneSurrogate {
                field: self.must("field", "field=PATH")?.text(),
                every: self.every()?,
            },
            "drop-field" => Effect::DropField {
                field: self.must("field", "field=PATH")?.text(),
                every: self.every()?,
            },
            "absurd-values" => Effect::AbsurdValues { every: self.every()? },
            "repeat-page" => Effect::RepeatPage,
            "stuck-cursor" => Effect::StuckCursor,
            "endless-pages" => Effect::EndlessPages,
            "cursor-loop" => Effect::CursorLoop {
                length: {
                    let expected = "a number above 0, such as length=2";
                    let word = self.must("length", "length=N")?;
                    match word.number(expected)? {
                        0 => return Err(word.wrong(expected)),
                        length => length,
                    }
                },
            },
            "duplicate-ids" => Effect::DuplicateIds,
            "changed-duplicates" => Effect::ChangedDuplicates {
                field: self.must("field", "field=PATH")?.text(),
                value: self.json()?,
            },
            "missing-records" => {
                let word = self.must("ids", "ids=N,N")?;
                let ids: Result<_, std::num::ParseIntError> =
                    word.text().split(',').map(|id| id.trim().parse()).collect();
                Effect::MissingRecords {
                    ids: ids.map_err(|_| word.wrong("numbers, such as ids=3,7"))?,
                    short_page: self.take("short-page").is_some(),
                }
            }
            "empty-tenant" => Effect::EmptyTenant,
            "expire-tokens" => Effect::ExpireTokens,
            "revoke-grants" => Effect::RevokeGrants,
            "proxy-page" => Effect::ProxyPage {
                status: self.status(502, 200..=599, "an HTTP status, such as status=502")?,
            },
            "empty-body" => Effect::EmptyBody {
                status: self.status(200, 200..=299, "a status from 200 to 299, such as status=204")?,
            },
            "content-type" => Effect::ContentType {
                value: self.must("value", "value=TEXT")?.text(),
            },
            "capitals" => Effect::Capitals {
                field: self.must("field", "field=PATH")?.text(),
                every: self.every()?,
            },
            "swapped-rows" => Effect::SwappedRows {
                field: self.must("field", "field=PATH")?.text(),
            },
            "doubled-rows" => Effect::DoubledRows,
            "reversed-rows" => Effect::ReversedRows,
            other => match other.parse() {
                Ok(status @ 400..=599) => Effect::Status { status },
                _ => return Err(FaultText::Effect { name }),
            },
        })
    }
}

#[cfg(test)]
mod tests;
