//! A bridge's settings: its name, what comes over it, what makes a plan stop and ask, and when it is synced by itself.

use super::settings_form::{OTHER, Typed, TypedSchedule, at, facts, placed, schedule_of};
use super::tabs::{Head, Tab, address};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Result, in_words};
use crate::ui::form::Field;
use crate::ui::{Frame, Tone, page_with};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::{SettingProblem, StoreError};
use model::{ActorRole, Bridge, BridgeId};

#[derive(Template)]
#[template(path = "bridges/settings.html")]
struct SettingsPage {
    frame: Frame,
    head: Head,
    may_change: bool,
    may_pause: bool,
    generation: i64,
    about: Vec<Field>,
    brakes: Vec<Field>,
    archive: Vec<Field>,
    schedule: Vec<Field>,
    problem: Option<String>,
    facts: Vec<(&'static str, String)>,
}

async fn render(
    web: &Web,
    signed_in: &SignedIn,
    id: &BridgeId,
    typed: Option<&Typed>,
    schedule: Option<&TypedSchedule>,
    problems: &[SettingProblem],
    status: StatusCode,
) -> Result<Response> {
    let (detail, head) = Head::of(web, signed_in, id, Tab::Settings).await?;
    let stored = Typed::stored(&detail.bridge);
    let typed = typed.unwrap_or(&stored);
    let set = TypedSchedule::stored(web.jobs.sync_schedule(id).await?);
    let schedule = schedule.unwrap_or(&set);
    let place = |fields: Vec<Field>| -> Vec<Field> {
        fields.into_iter().map(|field| placed(field, problems)).collect()
    };
    let page = SettingsPage {
        frame: signed_in.bridge_frame(&detail).await?,
        may_change: signed_in.may(ActorRole::Owner),
        may_pause: signed_in.may(ActorRole::Technician),
        generation: typed.generation,
        about: place(typed.about()),
        brakes: place(typed.brakes()),
        archive: place(typed.archive()),
        schedule: schedule.fields(problems),
        problem: problems
            .iter()
            .find(|problem| problem.key.is_empty())
            .map(|problem| problem.message.clone()),
        facts: facts(&detail.bridge.settings, &set),
        head,
    };
    page_with(status, &page)
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<BridgeId>) -> Result<Response> {
    render(&web, &signed_in, &id, None, None, &[], StatusCode::OK).await
}

/// Changes its name and settings.
pub async fn save(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let bridge = engine.bridge_detail(actor, &id).await?.bridge;
    let settings = match typed.over(bridge.settings.clone()) {
        Ok(settings) => settings,
        Err(problems) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return render(&web, &signed_in, &id, Some(&typed), None, &problems, status).await;
        }
    };
    // What the form showed, so that another's change in between is not overwritten.
    let seen = Bridge {
        generation: typed.generation,
        name: typed.name.trim().to_owned(),
        ..bridge.clone()
    };
    // Who may not change it is told so, also when there is nothing to change.
    let same = settings == bridge.settings && seen.name == bridge.name;
    let changed = match same && signed_in.may(ActorRole::Owner) {
        true => Ok(bridge.clone()),
        false => engine.change_bridge(actor, &seen, settings).await,
    };
    let (problems, status) = match changed {
        Ok(_) => {
            signed_in.flash(Tone::Good, "Settings saved.").await?;
            return Ok(Redirect::to(&address(&id, Tab::Settings)).into_response());
        }
        Err(engine::Error::Settings { problems, .. } | engine::Error::Input { problems }) => {
            (problems, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(error @ engine::Error::Store(StoreError::Taken { .. })) => (
            vec![at("name", &in_words(&error))],
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        Err(engine::Error::Store(StoreError::Moved { .. })) => {
            let said = "Somebody decided or changed something while you typed; nothing was saved. What you typed is below, over \
                        what is stored now: look at it, and save again.";
            (vec![at("", said)], StatusCode::CONFLICT)
        }
        Err(error) => return Err(error.into()),
    };
    let mut again = typed;
    again.generation = bridge.generation;
    render(&web, &signed_in, &id, Some(&again), None, &problems, status).await
}

/// Sets when it is synced by itself.
pub async fn schedule(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(typed): Form<TypedSchedule>,
) -> Result<Response> {
    web.engine.bridge_detail(&signed_in.actor, &id).await?;
    let cron = match typed.schedule.as_str() {
        OTHER => typed.cron.as_str(),
        known => known,
    };
    let wanted = schedule_of(cron, &typed.zone);
    let set = match typed.schedule == OTHER && wanted.is_none() {
        true => Err(engine::Error::Input {
            problems: vec![at("cron", "Write when, e.g. 30 6-20/2 * * 1-5")],
        }),
        false => {
            web.jobs
                .set_sync_schedule(&signed_in.actor, &id, wanted.as_ref())
                .await
        }
    };
    match set {
        Ok(()) => {
            let sentence = match wanted {
                Some(_) => "It is synced by itself from now on.",
                None => "It is synced when somebody asks, and not by itself.",
            };
            signed_in.flash(Tone::Good, sentence).await?;
            Ok(Redirect::to(&address(&id, Tab::Settings)).into_response())
        }
        Err(engine::Error::Input { problems }) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            render(&web, &signed_in, &id, None, Some(&typed), &problems, status).await
        }
        Err(error) => Err(error.into()),
    }
}
