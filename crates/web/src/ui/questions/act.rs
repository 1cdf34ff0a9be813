//! What a person answers: whose values stand, which record it is, once more or not at all.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::Tone;
use crate::ui::bridges::tabs::{Tab, address};
use crate::ui::form::Sent;
use crate::ui::jobs;
use crate::ui::record::{leave_alone, record};
use crate::ui::words::so_many;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::Error;
use engine::conflicts::ConflictChoice;
use model::{Bridge, BridgeId, ConflictVerdict, JobKind, PlanId, RecordId, RecordKind, SourceId};

/// Device and field as one value of a form.
pub fn pick(device: &SourceId, field: &str) -> String {
    let mut pair = url::form_urlencoded::Serializer::new(String::new());
    pair.append_pair(device.as_str(), field);
    pair.finish()
}

fn picked(text: &str) -> Option<(SourceId, String)> {
    let (device, field) = url::form_urlencoded::parse(text.as_bytes()).next()?;
    Some((SourceId(device.into_owned()), field.into_owned()))
}

async fn bridge(web: &Web, signed_in: &SignedIn, id: &BridgeId) -> Result<Bridge> {
    Ok(web.engine.bridge_detail(&signed_in.actor, id).await?.bridge)
}

/// Back to the page with a sentence.
async fn said(signed_in: &SignedIn, id: &BridgeId, tone: Tone, text: String) -> Result<Response> {
    signed_in.flash(tone, text).await?;
    Ok(Redirect::to(&address(id, Tab::Questions)).into_response())
}

/// Whose values stand, of what is ticked or of all.
pub async fn values(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let (verdict, all) = match sent.get("do") {
        "take" => (ConflictVerdict::Take, false),
        "keep" => (ConflictVerdict::Keep, false),
        "take-all" => (ConflictVerdict::Take, true),
        "keep-all" => (ConflictVerdict::Keep, true),
        _ => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "It was not said whose values stand.",
            ));
        }
    };
    let only: Vec<_> = match all {
        true => Vec::new(),
        false => sent.all("value").filter_map(picked).collect(),
    };
    if only.is_empty() && !all {
        let text = "Nothing was ticked, so nothing was decided.".to_owned();
        return said(&signed_in, &id, Tone::Warn, text).await;
    }
    let bridge = bridge(&web, &signed_in, &id).await?;
    let choice = ConflictChoice {
        only,
        seen: Some(PlanId::from(sent.get("plan"))),
        ..ConflictChoice::default()
    };
    let decided = web
        .engine
        .decide_conflicts(&signed_in.actor, &bridge, &choice, verdict)
        .await;
    match (decided, verdict) {
        (Ok(decided), ConflictVerdict::Take) => {
            let n = decided.len() as u64;
            let text = so_many(n, "The source's value stands", "values are the source's now");
            said(
                &signed_in,
                &id,
                Tone::Good,
                format!("{text}: the next plan writes what differs."),
            )
            .await
        }
        (Ok(decided), ConflictVerdict::Keep) => {
            let n = decided.len() as u64;
            let text = so_many(n, "The value stays", "values stay");
            let text = format!("{text} as the destination has it, until either side changes again.");
            said(&signed_in, &id, Tone::Good, text).await
        }
        (Err(Error::Superseded { .. }), _) => {
            let text =
                "A newer plan was made since you looked, so nothing was decided. What it asks is below.";
            said(&signed_in, &id, Tone::Warn, text.to_owned()).await
        }
        (Err(Error::Unknown { .. }), _) => {
            let text = "Somebody decided that already. What is still open is below.";
            said(&signed_in, &id, Tone::Warn, text.to_owned()).await
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// Links a record to the one of several that it is. It is looked up at the destination first, so it goes into the queue.
pub async fn link(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let (kind, source) = record(sent.get("record"))?;
    if !sent.has("is") {
        let text = "Choose which record it is first. Nothing was linked.".to_owned();
        return said(&signed_in, &id, Tone::Warn, text).await;
    }
    let bridge = bridge(&web, &signed_in, &id).await?;
    let key = once(&format!("link:{id}"), &signed_in, &sent);
    let job = JobKind::LinkDuplicate {
        bridge: bridge.id,
        record: kind,
        source,
        is: RecordId::from(sent.get("is")),
    };
    put(&web, &signed_in, &id, &key, &job).await
}

/// Tries a record again.
pub async fn retry(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let (kind, source) = record(sent.get("record"))?;
    let bridge = bridge(&web, &signed_in, &id).await?;
    let key = once(&format!("retry:{id}"), &signed_in, &sent);
    let job = JobKind::Retry {
        bridge: bridge.id,
        record: kind,
        source,
    };
    put(&web, &signed_in, &id, &key, &job).await
}

/// What tells one press of a button from another.
fn once(what: &str, signed_in: &SignedIn, sent: &Sent) -> String {
    let (record, once) = (sent.get("record"), sent.get("once"));
    format!("{what}:{record}:{}:{once}", signed_in.person.id)
}

async fn put(web: &Web, signed_in: &SignedIn, id: &BridgeId, key: &str, job: &JobKind) -> Result<Response> {
    let job = web.jobs.put(&signed_in.actor, key, job).await?;
    Ok(Redirect::to(&jobs::address(&job, &address(id, Tab::Questions))).into_response())
}

/// Leaves a record alone from now on.
pub async fn ignore(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let bridge = bridge(&web, &signed_in, &id).await?;
    let (record, reason) = (sent.get("record"), sent.get("reason"));
    let (tone, text) = leave_alone(&web, &signed_in, &bridge, record, reason).await?;
    said(&signed_in, &id, tone, text).await
}

/// Lets plans look at a record again that was left alone.
pub async fn plan_again(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let bridge = bridge(&web, &signed_in, &id).await?;
    let key = record(sent.get("record"))?;
    let taken_back = web
        .engine
        .unignore_records(&signed_in.actor, &bridge, &[key])
        .await;
    match taken_back {
        Ok(_) | Err(Error::Unknown { .. }) => {
            let text = "It is planned again from now on.".to_owned();
            said(&signed_in, &id, Tone::Good, text).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets what was undone be written again: one record, or all of the bridge.
pub async fn release(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let bridge = bridge(&web, &signed_in, &id).await?;
    let records: Option<Vec<(RecordKind, SourceId)>> = match sent.get("do") {
        "all" => None,
        _ => Some(vec![record(sent.get("record"))?]),
    };
    let released = web
        .engine
        .release_undone(&signed_in.actor, &bridge, records.as_deref())
        .await;
    let number = match released {
        Ok(number) => number,
        // A second press, or somebody else's.
        Err(Error::Unknown { .. }) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut text = match number {
        0 => "It was released already.".to_owned(),
        n => format!(
            "{} released: the next plan says what would be written.",
            so_many(n, "One record is", "records are")
        ),
    };
    if bridge.paused.is_some() {
        text.push_str(" The bridge's schedule is still paused; resume it under Settings.");
    }
    said(&signed_in, &id, Tone::Good, text).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_and_a_field_come_back_whatever_is_in_them() {
        for (device, field) in [("1042", "os"), ("a=b&c", "cf:Büro %"), ("", "")] {
            let device = SourceId::from(device);
            let back = picked(&pick(&device, field)).unwrap();
            assert_eq!(back, (device, field.to_owned()));
        }
        assert_eq!(picked(""), None);
    }
}
