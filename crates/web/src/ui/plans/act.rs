//! What a person does with a plan: make one, take operations out of it, apply it.

use super::filter;
use super::show::plan_page;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::Tone;
use crate::ui::table::Ask;
use crate::ui::time::count;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::Error;
use engine::reviewing::Selected;
use model::{BridgeId, JobKind, PlanId};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What the buttons that make a plan send.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    read: Option<String>,
    once: i64,
}

/// Puts a plan into the queue, with reading the source before it where that was asked for.
pub async fn make(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(asked): Form<Asked>,
) -> Result<Response> {
    let bridge = BridgeId::from(id.as_str());
    let read = asked.read.is_some();
    let key = format!("plan:{bridge}:{read}:{}:{}", signed_in.person.id, asked.once);
    let kind = JobKind::PlanOnly {
        bridge,
        client: None,
        read,
    };
    let job = web.jobs.put(&signed_in.actor, &key, &kind).await?;
    Ok(Redirect::to(&format!("/jobs/{job}")).into_response())
}

/// What is ticked in the list is written; `shown` are the rows it showed.
fn numbers(form: &[(String, String)], name: &str) -> BTreeSet<u32> {
    let sent = form.iter().filter(|(key, _)| key == name);
    sent.filter_map(|(_, value)| value.parse().ok()).collect()
}

fn sent<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter()
        .find(|(key, _)| key == name)
        .map_or("", |(_, value)| value.as_str())
}

/// Takes rows out of a plan or puts them back: those of the page as they are ticked, or all that the list is narrowed
/// to.
pub async fn select(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let (plan, actor) = (PlanId::from(id.as_str()), &signed_in.actor);
    let path = format!("/plans/{id}");
    let ask = Ask::parse(&path, sent(&form, "ask"));
    let all = Selected::Filtered(filter::of(&ask));
    let said = match sent(&form, "do") {
        "none" => {
            let n = web.engine.deselect(actor, &plan, &all, false).await?;
            format!("{} taken out of this plan.", records(n))
        }
        "all" => {
            let n = web.engine.deselect(actor, &plan, &all, true).await?;
            format!("{} put back into this plan.", records(n))
        }
        _ => {
            let (shown, ticked) = (numbers(&form, "shown"), numbers(&form, "write"));
            let out: Vec<u32> = shown.difference(&ticked).copied().collect();
            let back: Vec<u32> = ticked.intersection(&shown).copied().collect();
            let out = web
                .engine
                .deselect(actor, &plan, &Selected::Numbers(out), false)
                .await?;
            let back = web
                .engine
                .deselect(actor, &plan, &Selected::Numbers(back), true)
                .await?;
            match (out, back) {
                (0, 0) => "Nothing was changed.".to_owned(),
                (out, 0) => format!("{} taken out of this plan.", records(out)),
                (0, back) => format!("{} put back into this plan.", records(back)),
                (out, back) => format!("{} taken out, {} put back.", records(out), records(back)),
            }
        }
    };
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(&ask.address()).into_response())
}

fn records(number: u64) -> String {
    format!(
        "{} {}",
        count(number),
        if number == 1 { "record" } else { "records" }
    )
}

/// What the form of Apply sends.
#[derive(Debug, Deserialize)]
pub struct Apply {
    once: i64,
    selection: i64,
    #[serde(default)]
    first: Option<u32>,
    #[serde(default)]
    confirmed: Option<String>,
}

/// Puts the plan into the queue to be applied: once, however often the button is pressed.
pub async fn apply(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(asked): Form<Apply>,
) -> Result<Response> {
    let (plan, actor) = (PlanId::from(id.as_str()), &signed_in.actor);
    let review = web.engine.review(actor, &plan).await?;
    let refuse = async |status, said: &str| {
        signed_in.flash(Tone::Bad, said).await?;
        plan_page(&web, &signed_in, &plan, Ask::parse("", ""), status).await
    };
    match web.engine.check_applicable(actor, &plan).await {
        Ok(()) => {}
        // The page says why, with a button that makes a new plan.
        Err(Error::StalePlan { .. } | Error::Superseded { .. }) => {
            let said = "Nothing was written: this plan is out of date.";
            return refuse(StatusCode::CONFLICT, said).await;
        }
        Err(error) => return Err(error.into()),
    }
    if review.selection != asked.selection {
        let said =
            "Nothing was written: what is taken out of this plan changed after you looked at it. Look again.";
        return refuse(StatusCode::CONFLICT, said).await;
    }
    if !review.plan.warnings.is_empty() && asked.confirmed.is_none() {
        let said = "Nothing was written: tick that you have read the warnings first.";
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, said).await;
    }
    let first = asked.first.filter(|first| *first > 0);
    let key = format!("apply:{plan}:{}:{}", signed_in.person.id, asked.once);
    let kind = JobKind::Apply {
        bridge: review.bridge.id,
        plan: plan.clone(),
        first,
        deselected: BTreeSet::new(),
        confirmed: asked.confirmed.is_some(),
        in_doubt: false,
        despite_pause: false,
        selection: Some(asked.selection),
    };
    let job = web.jobs.put(actor, &key, &kind).await?;
    Ok(Redirect::to(&format!("/jobs/{job}")).into_response())
}
