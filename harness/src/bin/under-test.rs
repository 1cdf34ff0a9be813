//! The program under test: the product, with the reference directory as one more destination and its crash points
//! alive. `RMMBRIDGE_STRIKE` says what happens where, e.g. `answered:3:kill`.

use connect::Connectors;
use harness::strike::Strike;
use rmmbridge::Build;
use std::process::ExitCode;
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
fn main() -> ExitCode {
    let _scenario = fail::FailScenario::setup();
    if let Some(text) = std::env::var("RMMBRIDGE_STRIKE").ok().filter(|t| !t.is_empty()) {
        match text.parse::<Strike>() {
            Ok(strike) => strike.arm(),
            Err(error) => {
                eprintln!("RMMBRIDGE_STRIKE: {error}");
                return ExitCode::from(2);
            }
        }
    }
    rmmbridge::run(Build {
        connectors,
        send_within: Duration::from_millis(harness::SEND_WITHIN_MS),
    })
}
