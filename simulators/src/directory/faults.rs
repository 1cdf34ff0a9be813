//! What goes wrong on demand: the next request to a route, or a share of all of them, drawn from a seed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dice::{Dice, mix};

/// Every route of the API, as the vendor's document writes it.
pub(super) const ROUTES: [&str; 19] = [
    "GET /account",
    "GET /clients",
    "POST /clients",
    "GET /clients/{id}",
    "GET /sites",
    "POST /sites",
    "GET /sites/{id}",
    "GET /asset_types",
    "POST /asset_types",
    "GET /asset_types/{id}",
    "GET /asset_fields",
    "POST /asset_fields",
    "GET /assets",
    "POST /assets",
    "GET /assets/{id}",
    "PATCH /assets/{id}",
    "POST /assets/{id}/archive",
    "POST /assets/{id}/restore",
    "POST /assets/batch",
];

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// It takes longer, half of the time before the request is carried out and half after.
    Latency {
        /// Milliseconds at least.
        ms: u64,
        /// Up to so many more.
        #[serde(default)]
        spread_ms: u64,
    },
    /// The request is carried out, the answer never comes: the connection is reset.
    LostAnswer,
    /// No answer comes, and the request is carried out later, when its sender has long given up: a ghost.
    LateCommit {
        /// It is carried out so many milliseconds after it arrived.
        commit_ms: u64,
        /// Up to so many more.
        #[serde(default)]
        spread_ms: u64,
        /// The connection is reset after so many milliseconds; if absent it is held until its sender closes it.
        #[serde(default)]
        close_ms: Option<u64>,
    },
    /// This status, and nothing is carried out.
    ErrorBefore {
        /// 500, 502, 503 or another.
        status: u16,
    },
    /// The request is carried out, and answered with this status all the same.
    ErrorAfter {
        /// 500, 502, 503 or another.
        status: u16,
    },
    /// Of a batch the first half is carried out, then comes this status. Any other request is not carried out.
    ErrorHalf {
        /// 500, 502, 503 or another.
        status: u16,
    },
    /// 429, and nothing is carried out.
    TooManyRequests {
        /// The `Retry-After` header as it is; no header if absent.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The request is carried out, half of the answer is sent, then the connection is reset.
    HalfBody,
    /// An HTML page, as a proxy or a sign-in wall sends it.
    HtmlPage {
        /// Its status.
        status: u16,
        /// Whether the request was carried out behind it.
        #[serde(default)]
        carried_out: bool,
    },
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it may meet: a route of the vendor's document (`POST /assets`, `PATCH /assets/{id}`), `reads`,
    /// `writes`, or `*` for all.
    pub on: String,
    /// How many of a thousand it strikes.
    #[serde(default = "all")]
    pub per_mille: u32,
    /// How many requests it lets through first.
    #[serde(default)]
    pub skip: u32,
    /// How often it strikes; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What happens.
    pub mode: Mode,
}

fn all() -> u32 {
    1000
}

impl Fault {
    /// Strikes every request to `on`.
    pub fn always(on: &str, mode: Mode) -> Self {
        Self {
            on: on.to_owned(),
            per_mille: all(),
            skip: 0,
            times: None,
            mode,
        }
    }

    /// Strikes the next request to `on`.
    pub fn once(on: &str, mode: Mode) -> Self {
        Self {
            times: Some(1),
            ..Self::always(on, mode)
        }
    }

    /// Strikes `per_mille` of a thousand requests to `on`.
    pub fn at_rate(on: &str, per_mille: u32, mode: Mode) -> Self {
        Self {
            per_mille,
            ..Self::always(on, mode)
        }
    }

    fn meets(&self, route: &str) -> bool {
        match self.on.as_str() {
            "*" => true,
            "reads" => route.starts_with("GET "),
            "writes" => !route.starts_with("GET "),
            on => on == route,
        }
    }
}

/// A fault for a route there is not: it would never strike, and a test with it would prove nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no route {target:?}; use one of \"*\", \"reads\", \"writes\", {}", .routes.join(", "))]
pub struct UnknownTarget {
    /// What was asked for.
    pub target: String,
    /// The routes there are.
    pub routes: &'static [&'static str],
}

/// A fault as it stands now.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its number, to remove it by.
    pub number: u64,
    /// How many requests it might have struck.
    pub met: u64,
    /// How many it struck.
    pub struck: u64,
    /// What is left of it.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The faults in force.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    routes: &'static [&'static str],
    inner: Mutex<(u64, Vec<Standing>)>,
}

/// A fault that strikes one request.
pub(crate) struct Struck {
    pub mode: Mode,
    dice: Dice,
}

impl Struck {
    /// A time between `ms` and `spread` more.
    pub fn time(&mut self, ms: u64, spread: u64) -> Duration {
        Duration::from_millis(ms.saturating_add(self.dice.below(spread.saturating_add(1))))
    }
}

impl Faults {
    pub(crate) fn new(seed: u64, routes: &'static [&'static str]) -> Self {
        Self {
            seed,
            routes,
            inner: Mutex::default(),
        }
    }

    /// Puts a fault in force and gives it a number.
    ///
    /// # Errors
    /// When it is for a route there is not.
    pub fn add(&self, fault: Fault) -> Result<u64, UnknownTarget> {
        if !matches!(fault.on.as_str(), "*" | "reads" | "writes") && !self.routes.contains(&fault.on.as_str())
        {
            return Err(UnknownTarget {
                target: fault.on,
                routes: self.routes,
            });
        }
        let mut inner = self.lock();
        inner.0 += 1;
        let number = inner.0;
        inner.1.push(Standing {
            number,
            met: 0,
            struck: 0,
            fault,
        });
        Ok(number)
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

    /// What strikes this request, oldest fault first. Latencies add up; the first that is not a latency ends the list.
    /// Whether the n-th request a fault meets is struck depends on the seed, the fault's number and n alone.
    pub(crate) fn strike(&self, route: &str) -> Vec<Struck> {
        let mut struck = Vec::new();
        for standing in &mut self.lock().1 {
            let fault = &mut standing.fault;
            if fault.times == Some(0) || !fault.meets(route) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            standing.met += 1;
            let mut dice = Dice::new(self.seed ^ mix(standing.number), standing.met);
            if !dice.chance(u64::from(fault.per_mille)) {
                continue;
            }
            fault.times = fault.times.map(|left| left - 1);
            standing.struck += 1;
            let mode = fault.mode.clone();
            let last = !matches!(mode, Mode::Latency { .. });
            struck.push(Struck { mode, dice });
            if last {
                break;
            }
        }
        struck
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Standing>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(seed: u64) -> Vec<bool> {
        let faults = Faults::new(seed, &ROUTES);
        faults
            .add(Fault::at_rate("writes", 100, Mode::LostAnswer))
            .unwrap();
        (0..2000)
            .map(|_| !faults.strike("POST /assets").is_empty())
            .collect()
    }

    #[test]
    fn a_rate_is_kept_and_repeats_with_the_seed() {
        let struck = rate(7).iter().filter(|struck| **struck).count();
        assert!((150..250).contains(&struck), "{struck} of 2000 at 100 per mille");
        assert_eq!(rate(7), rate(7));
        assert_ne!(rate(7), rate(8));
    }

    #[test]
    fn a_fault_meets_its_route_alone_and_strikes_so_often() {
        let faults = Faults::new(1, &ROUTES);
        faults
            .add(Fault {
                skip: 1,
                ..Fault::once("POST /assets", Mode::HalfBody)
            })
            .unwrap();
        let routes = [
            "GET /assets",
            "POST /assets",
            "POST /assets/batch",
            "POST /assets",
            "POST /assets",
        ];
        let struck = routes.map(|route| faults.strike(route).len());
        assert_eq!(struck, [0, 0, 0, 1, 0]);
    }

    #[test]
    fn latencies_add_to_what_ends_the_list() {
        let faults = Faults::new(1, &ROUTES);
        faults
            .add(Fault::always("*", Mode::Latency { ms: 1, spread_ms: 0 }))
            .unwrap();
        faults
            .add(Fault::always("reads", Mode::ErrorBefore { status: 500 }))
            .unwrap();
        faults.add(Fault::always("*", Mode::LostAnswer)).unwrap();
        let modes: Vec<_> = faults
            .strike("GET /assets")
            .into_iter()
            .map(|struck| struck.mode)
            .collect();
        let want = [
            Mode::Latency { ms: 1, spread_ms: 0 },
            Mode::ErrorBefore { status: 500 },
        ];
        assert_eq!(modes, want);
    }

    #[test]
    fn a_route_there_is_not_is_refused() {
        let error = Faults::new(1, &ROUTES)
            .add(Fault::once("POST /asset", Mode::LostAnswer))
            .unwrap_err();
        assert!(error.to_string().contains("POST /assets/batch"), "{error}");
    }
}
