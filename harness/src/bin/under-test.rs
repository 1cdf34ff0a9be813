//! The program under test: the product, with the reference directory as one more destination and its crash points
//! alive. Its environment says what happens to it; the product knows none of these variables:
//!
//! - `RMMBRIDGE_STRIKE=answered:3:kill`: what happens at which crash point, the how many-th time;
//! - `RMMBRIDGE_CLOCK_JUMPS=7`: its clock is put an hour on or back now and then, as this number says;
//! - `RMMBRIDGE_LEASE_MS=2000`: how long its leases last;
//! - `RMMBRIDGE_SEND_WITHIN_MS=20000`: how long after its intent a write may leave;
//! - `RMMBRIDGE_STRANGER=1`: it does not know which processes of this machine have ended, as one of another does not.

use connect::Connectors;
use engine::Processes;
use harness::clock::JumpingClock;
use harness::strike::Strike;
use model::Clock;
use rmmbridge::{Build, MachineProcesses, SystemClock};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use store::Store;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn connectors(store: Store) -> Connectors {
    Connectors::new(vec![
        ninjaone::connector(),
        registry::connector(store),
        testkit::directory::connector(),
    ])
}

#[expect(
    clippy::disallowed_methods,
    reason = "how the harness tells a child what to do"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn clock() -> Arc<dyn Clock> {
    match told("RMMBRIDGE_CLOCK_JUMPS").and_then(|seed| seed.parse().ok()) {
        Some(seed) => Arc::new(JumpingClock::new(SystemClock, seed)),
        None => Arc::new(SystemClock),
    }
}

fn processes() -> Option<Arc<dyn Processes>> {
    match told("RMMBRIDGE_STRANGER") {
        Some(_) => None,
        None => Some(Arc::new(MachineProcesses)),
    }
}

fn main() -> ExitCode {
    let _scenario = fail::FailScenario::setup();
    if let Some(text) = told("RMMBRIDGE_STRIKE") {
        match text.parse::<Strike>() {
            Ok(strike) => strike.arm(),
            Err(error) => {
                eprintln!("RMMBRIDGE_STRIKE: {error}");
                return ExitCode::from(2);
            }
        }
    }
    let millis = |name| {
        told(name)
            .and_then(|ms| ms.parse().ok())
            .map(Duration::from_millis)
    };
    let send_within = Duration::from_millis(harness::SEND_WITHIN_MS);
    let usual = Build::default();
    rmmbridge::run(Build {
        connectors,
        clock,
        processes,
        send_within: millis("RMMBRIDGE_SEND_WITHIN_MS").unwrap_or(send_within),
        lease: millis("RMMBRIDGE_LEASE_MS").unwrap_or(usual.lease),
    })
}
