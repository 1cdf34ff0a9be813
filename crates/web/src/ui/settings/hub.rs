//! The hub itself: which one it is, its master key, backups, the configuration, and how long rows are kept.

use super::{Tabs, tabs};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::form::{Field, Sent};
use crate::ui::time::{When, bytes, count};
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::body::Body;
use axum::extract::{Form, Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::backups::Backup;
use engine::forgetting::LEAST_DAYS;
use engine::{Quiet, SettingProblem, Work};
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

const HERE: &str = "/settings/hub";
/// A master key older than this is worth rotating.
const OLD_KEY_DAYS: i64 = 365;

#[derive(Template)]
#[template(path = "settings/hub.html")]
struct HubPage {
    frame: Frame,
    tabs: Tabs,
    id: String,
    epoch: i64,
    waits: Option<String>,
    key_since: Option<When>,
    key_is_old: bool,
    backups: Option<Vec<Row>>,
    days: Field,
}

/// A backup in the data directory.
struct Row {
    name: String,
    /// The id of the question before it is removed.
    dialog: String,
    made: When,
    size: String,
}

impl Row {
    fn new(backup: Backup, now: jiff::Timestamp) -> Self {
        Self {
            dialog: format!("remove-{}", backup.name.replace('.', "-")),
            made: When::new(backup.made, now),
            size: bytes(backup.bytes),
            name: backup.name,
        }
    }
}

async fn show_with(
    web: &Web,
    signed_in: &SignedIn,
    typed: Option<&str>,
    problems: &[SettingProblem],
) -> Result<Response> {
    let actor = &signed_in.actor;
    let now = web.engine.clock().now();
    let key_since = web.engine.master_key_since(actor).await?;
    let instance = web.engine.instance(actor).await?;
    let days = web.engine.kept_days(actor).await?.to_string();
    let backups = web.engine.backups(actor).await?;
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(
        status,
        &HubPage {
            frame: signed_in.frame("Hub", Section::Settings).await?,
            tabs: tabs(signed_in, HERE),
            id: instance.id,
            epoch: instance.epoch,
            waits: instance.waits,
            key_is_old: key_since
                .is_some_and(|since| since.duration_until(now).as_hours() > 24 * OLD_KEY_DAYS),
            key_since: key_since.map(|since| When::new(since, now)),
            backups: backups.map(|all| all.into_iter().map(|backup| Row::new(backup, now)).collect()),
            days: Field::text("days", "Days")
                .help("An undo reaches back so far. Counts, links and the audit log are kept for ever")
                .value(typed.unwrap_or(&days))
                .required()
                .problem_of("days", problems),
        },
    )
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, None, &[]).await
}

/// Says for how long rows are kept.
pub async fn keep_for(
    State(web): State<Web>,
    signed_in: SignedIn,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let typed = sent.get("days").trim();
    // What is no number is too short, too.
    let days: u32 = typed.parse().unwrap_or(0);
    match web.engine.keep_for(&signed_in.actor, days).await {
        Ok(()) => {
            let said = format!("Rows of plans and runs are kept for {days} days.");
            signed_in.flash(Tone::Good, said).await?;
            Ok(Redirect::to(HERE).into_response())
        }
        Err(engine::Error::TooShort { .. }) => {
            let problem = SettingProblem {
                key: "days".to_owned(),
                message: format!(
                    "A number of days, {LEAST_DAYS} at least: an undo of what was written lately has to be possible"
                ),
            };
            show_with(&web, &signed_in, Some(typed), &[problem]).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Says that this hub is the one that works.
pub async fn confirm(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    web.engine.confirm_instance(&signed_in.actor).await?;
    signed_in
        .flash(Tone::Good, "Confirmed: this hub is the one that works.")
        .await?;
    Ok(Redirect::to(HERE).into_response())
}

/// The configuration as a file.
pub async fn export(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let configuration = web.engine.export_configuration(&signed_in.actor).await?;
    let yaml = serde_saphyr::to_string(&configuration).map_err(|error| {
        tracing::error!(error = %error, "The configuration could not be written as YAML.");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The configuration could not be written as YAML.",
        )
    })?;
    let headers = [
        (CONTENT_TYPE, "application/yaml"),
        (CONTENT_DISPOSITION, "attachment; filename=\"rmmbridge.yaml\""),
    ];
    Ok((headers, yaml).into_response())
}

/// Backs up into the data directory.
pub async fn back_up(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let stop = CancellationToken::new();
    let work = Work {
        progress: &Quiet,
        stop: &stop,
    };
    let program = env!("CARGO_PKG_VERSION");
    let (name, report) = web.engine.back_up_here(&signed_in.actor, program, work).await?;
    let said = format!(
        "Backed up as {name} and read back: {} rows, {}. Download it: a backup on the same disk does not survive the disk.",
        count(report.rows()),
        bytes(report.bytes)
    );
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(HERE).into_response())
}

/// Reads a backup from its first byte to its last.
pub async fn check(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Result<Response> {
    let path = web.engine.backup_path(&signed_in.actor, &name)?;
    let stop = CancellationToken::new();
    let work = Work {
        progress: &Quiet,
        stop: &stop,
    };
    match web
        .engine
        .verify_backup(&signed_in.actor, &path, None, work)
        .await
    {
        Ok(report) => {
            let said = format!(
                "{name} is sound: {} rows of {} tables, made by rmmbridge {}.",
                count(report.rows()),
                report.tables.len(),
                report.program
            );
            signed_in.flash(Tone::Good, said).await?;
        }
        Err(error) => {
            let said = format!("{name} is not sound. {}", in_words(&error));
            signed_in.flash(Tone::Bad, said).await?;
        }
    }
    Ok(Redirect::to(HERE).into_response())
}

/// Removes a backup.
pub async fn remove(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Result<Response> {
    web.engine.remove_backup(&signed_in.actor, &name).await?;
    signed_in.flash(Tone::Good, format!("{name} is removed.")).await?;
    Ok(Redirect::to(HERE).into_response())
}

/// Hands a backup over.
pub async fn download(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Result<Response> {
    let path = web.engine.backup_path(&signed_in.actor, &name)?;
    web.engine.note_backup_taken(&signed_in.actor, &name).await?;
    let opened = tokio::fs::File::open(&path).await;
    let gone = |_| Problem::missing(format!("There is no backup {name} (any more)."));
    let file = opened.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let mut response = Body::from_stream(ReaderStream::new(file)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    // The name is one of ours: letters, digits, dashes and dots.
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
