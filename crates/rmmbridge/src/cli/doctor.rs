//! `doctor`: is this installation sound? Each point with what to do about it.

use super::exit;
use crate::output::Output;
use crate::session::{Location, Session};
use connect::{CheckPoint, Verdict};
use engine::auditing::WAY_OUT;
use std::process::ExitCode;

pub async fn run(location: &Location, output: Output) -> anyhow::Result<ExitCode> {
    let mut points = Vec::new();
    let session = match Session::open(location, "doctor", true).await {
        Ok(session) => {
            let place = location
                .database()
                .map_or_else(|error| error.to_string(), |d| d.to_string());
            points.push(CheckPoint::passed(
                "Data directory",
                location.data_dir.display().to_string(),
            ));
            points.push(CheckPoint::passed("Master key opens the secrets", "it does"));
            points.push(CheckPoint::passed("Database", place));
            Some(session)
        }
        Err(error) => {
            points.push(CheckPoint::failed(
                "Data directory, key and database",
                format!("{error:#}"),
            ));
            None
        }
    };
    if let Some(session) = session {
        // Whoever stops it does not wait for the database to end its own check either.
        points.extend(session.unless_stopped(examine(&session)).await??);
        session.close().await;
    }
    output.show(&points, || {
        let mut text = String::new();
        for point in &points {
            let mark = if point.verdict == Verdict::Passed {
                "✓"
            } else {
                "✗"
            };
            text.push_str(&format!(
                "{mark} {}: {}\n",
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

/// The points of an installation that could be opened.
async fn examine(session: &Session) -> anyhow::Result<Vec<CheckPoint>> {
    let mut points = Vec::new();
    points.push(match session.engine.database_check(&session.actor).await {
        Ok(word) if word.starts_with("ok") => CheckPoint::passed("Database integrity", word),
        Ok(word) => CheckPoint::failed("Database integrity", format!("{word}. Restore a backup")),
        Err(error) => CheckPoint::failed("Database integrity", error.to_string()),
    });
    points.push(match session.engine.write_pause(&session.actor).await? {
        None => CheckPoint::passed("Writes", "not paused"),
        Some(pause) => CheckPoint::failed("Writes", format!("{pause}. To let them go on: rmmbridge resume")),
    });
    let log = session.engine.look_at_audit_log(&session.actor).await;
    let held = matches!(log, Ok(Some(_)));
    points.push(match log {
        // What this looked at is its end.
        Ok(None) => CheckPoint::passed(
            "Audit log",
            "not found broken. To check all of it: rmmbridge audit verify",
        ),
        Ok(Some(broken)) => CheckPoint::failed(
            "Audit log",
            format!("{broken}. {WAY_OUT}. To check it again: rmmbridge audit verify"),
        ),
        Err(error) => CheckPoint::failed("Audit log", error.to_string()),
    });
    points.push(match session.engine.become_runner(&session.actor).await {
        Ok(runner) => {
            runner.leave().await;
            CheckPoint::passed("Runner", "free")
        }
        // Whoever it is that works is named; that is nothing to mend.
        Err(error @ engine::Error::Store(store::Error::Busy { .. })) => {
            CheckPoint::passed("Runner", error.to_string())
        }
        Err(_) if held => CheckPoint::failed("Runner", "none may begin before the audit log is found whole"),
        Err(error) => CheckPoint::failed("Runner", error.to_string()),
    });
    for connection in session.engine.connections(&session.actor).await? {
        let failed = session
            .engine
            .check(&session.actor, &connection.id)
            .await
            .map(|checked| checked.into_iter().find(|p| p.verdict == Verdict::Failed));
        let name = format!("Connection `{}`", connection.name);
        points.push(match failed {
            Ok(None) => CheckPoint::passed(name, "works"),
            Ok(Some(point)) => CheckPoint::failed(name, format!("{}: {}", point.point, point.detail)),
            Err(error) => CheckPoint::failed(name, error.to_string()),
        });
    }
    Ok(points)
}
