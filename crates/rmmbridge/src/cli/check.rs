//! `check`: what connections there are, and whether one works, point by point.

use super::exit;
use crate::output::{Output, table, time};
use crate::session::Session;
use clap::Args;
use connect::Verdict;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The connection; without it, all are listed
    name: Option<String>,
}

pub async fn run(session: &Session, arguments: CheckArguments, output: Output) -> anyhow::Result<ExitCode> {
    let Some(name) = arguments.name else {
        let all = session.engine.connections(&session.actor).await?;
        output.show(&all, || {
            if all.is_empty() {
                return "No connections yet. Make one with: rmmbridge connect".to_owned();
            }
            let rows = all.iter().map(|c| {
                let success = c.last_success.map_or_else(|| "never".to_owned(), time);
                vec![c.name.clone(), c.kind.clone(), c.state.to_string(), success]
            });
            table(&["name", "kind", "state", "last success"], rows)
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    let connection = session
        .engine
        .find_connection(&session.actor, Some(&name))
        .await?;
    let points = session
        .unless_stopped(session.engine.check(&session.actor, &connection.id))
        .await??;
    output.show(&points, || {
        let mut text = String::new();
        for point in &points {
            let mark = match point.verdict {
                Verdict::Passed => "✓",
                Verdict::Failed => "✗",
                Verdict::NotTried => "·",
            };
            text.push_str(&format!(
                "{mark} {}\n    {}\n",
                point.point,
                plan::render::visible(&point.detail)
            ));
        }
        text
    })?;
    let failed = points.iter().any(|p| p.verdict == Verdict::Failed);
    Ok(if failed {
        ExitCode::from(exit::PERSON)
    } else {
        ExitCode::SUCCESS
    })
}
