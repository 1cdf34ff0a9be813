//! `status`: how everything stands.

use super::exit;
use crate::output::{Output, table, time};
use crate::session::Session;
use engine::auditing::WAY_OUT;
use engine::freshness::words;
use engine::status::{BridgeStatus, HubStatus};
use jobs::Queue;
use std::process::ExitCode;

pub async fn run(session: &Session, output: Output) -> anyhow::Result<ExitCode> {
    let queue = Queue::open(session.store.clone()).await?;
    let calendar = queue.calendar().await?;
    // Where no worker is at work, nobody has looked.
    session.engine.look_at_audit_log(&session.actor).await?;
    let status = session.engine.status(&session.actor, &calendar).await?;
    output.show(&status, || text(&status))?;
    Ok(match status.needs_a_person() {
        true => ExitCode::from(exit::PERSON),
        false => ExitCode::SUCCESS,
    })
}

fn text(status: &HubStatus) -> String {
    let visible = plan::render::visible;
    let mut text = String::new();
    if let Some(pause) = &status.write_pause {
        text.push_str(&format!(
            "! {}. To let them go on: rmmbridge resume\n",
            visible(&pause.to_string())
        ));
    }
    if let Some(broken) = &status.broken_audit_log {
        text.push_str(&format!(
            "! The audit log was {}. {WAY_OUT}. To check it again: rmmbridge audit verify\n",
            visible(&broken.to_string())
        ));
    }
    if let Some(waits) = &status.waits {
        text.push_str(&format!(
            "! This rmmbridge waits for an Owner: {}. To confirm it: rmmbridge instance confirm\n",
            visible(waits)
        ));
    }
    match status.workers.len() {
        0 => text.push_str("No worker is at work. Start one with: rmmbridge worker\n"),
        _ => text.push_str(&format!("At work: {}\n", visible(&status.workers.join("; ")))),
    }
    if status.bridges.is_empty() {
        text.push_str("No bridges yet. Make one with: rmmbridge bridge add\n");
        return text;
    }
    text.push('\n');
    text.push_str(&table(
        &[
            "bridge",
            "state",
            "since",
            "data age",
            "last read",
            "next run",
            "questions",
            "in doubt",
        ],
        status.bridges.iter().map(row),
    ));
    let whys = status
        .bridges
        .iter()
        .filter_map(|b| b.why.as_ref().map(|why| (b, why)));
    for (bridge, why) in whys {
        text.push_str(&format!("  {}: {}\n", visible(&bridge.name), visible(why)));
    }
    text
}

fn row(bridge: &BridgeStatus) -> Vec<String> {
    let never = || "never".to_owned();
    let next = match (bridge.next, bridge.plan_only) {
        (None, _) => "by hand".to_owned(),
        (Some(next), false) => time(next),
        (Some(next), true) => format!("{} (plans only)", time(next)),
    };
    vec![
        bridge.name.clone(),
        bridge.state.as_str().to_owned(),
        bridge.since.map_or_else(|| "now".to_owned(), time),
        bridge
            .age_seconds
            .map_or_else(never, |age| words(jiff::SignedDuration::from_secs(age))),
        bridge.last_read.map_or_else(never, time),
        next,
        bridge.open_questions.to_string(),
        bridge.in_doubt.to_string(),
    ]
}
