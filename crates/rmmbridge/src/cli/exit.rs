//! Exit codes and the last word of a command that failed. The codes stand in the help (`AFTER_HELP`).

use crate::output::Output;
use std::process::ExitCode;

/// It went wrong.
pub const FAILED: u8 = 1;
/// A person has to decide.
pub const PERSON: u8 = 3;
/// Some records could not be written.
pub const RECORDS_FAILED: u8 = 4;
/// Another process is the runner.
pub const BUSY: u8 = 5;

/// Says what went wrong in `command`, with every cause, and picks the code.
pub fn failure(error: &anyhow::Error, command: &str, output: Output) -> ExitCode {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // Many messages already carry their cause; saying it twice helps nobody.
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    if let Some(engine::Error::Outside { connection, error }) = error.downcast_ref()
        && error.kind == connect::Kind::Auth
        && command != "connect"
    {
        text.push_str(&format!(". Run: rmmbridge connect --name {connection}"));
    }
    if let Some(engine::Error::NeedsConfirmation { plan, .. }) = error.downcast_ref() {
        text.push_str(&format!(": rmmbridge apply {plan} --confirm"));
    }
    let text = plan::render::visible(&text);
    if output.json {
        println!("{}", serde_json::json!({ "error": text }));
    } else {
        eprintln!("error: {text}");
    }
    code(error)
}

fn code(error: &anyhow::Error) -> ExitCode {
    let store = |error: &store::Error| matches!(error, store::Error::Busy { .. });
    if error.downcast_ref::<store::Error>().is_some_and(store) {
        return ExitCode::from(BUSY);
    }
    let engine = match error.downcast_ref::<jobs::Error>() {
        Some(jobs::Error::Engine(error)) => Some(error),
        _ => error.downcast_ref::<engine::Error>(),
    };
    match engine {
        Some(engine::Error::Store(error)) if store(error) => ExitCode::from(BUSY),
        Some(
            engine::Error::NeedsConfirmation { .. }
            | engine::Error::Store(
                store::Error::Unconfirmed { .. }
                | store::Error::WritesPaused { .. }
                | store::Error::WritesOff { .. },
            ),
        ) => ExitCode::from(PERSON),
        Some(engine::Error::Stopped) => ExitCode::from(130),
        _ => ExitCode::FAILURE,
    }
}
