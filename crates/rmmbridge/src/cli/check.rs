//! `check`: what connections there are, and whether one works, point by point.

use super::{connection, exit};
use crate::output::Output;
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
        output.show(&all, || connection::list(&all))?;
        return Ok(ExitCode::SUCCESS);
    };
    let found = session
        .engine
        .find_connection(&session.actor, Some(&name))
        .await?;
    let points = session
        .unless_stopped(session.engine.check(&session.actor, &found.id))
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
