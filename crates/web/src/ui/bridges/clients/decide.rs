//! What a person decides about organizations: one, or all that are ticked.

use super::{Ticket, list_address};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::Tone;
use crate::ui::frame::back_to;
use crate::ui::words::in_sentence;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SeenMatches;
use model::{BridgeId, Verdict};

/// What was pressed.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    tickets: Vec<Ticket>,
    verdict: Option<Verdict>,
}

fn wish(pairs: &[(String, String)]) -> Option<Wish> {
    let verdict_of = |word: &str| match word {
        "create" => Some(Some(Verdict::Create)),
        "exclude" => Some(Some(Verdict::Exclude)),
        "undo" => Some(None),
        _ => None,
    };
    for (key, value) in pairs {
        if let Some(verdict) = verdict_of(key) {
            let tickets = vec![Ticket::parse(value)?];
            return Some(Wish { tickets, verdict });
        }
        if key == "match" {
            let (ticket, client) = value.rsplit_once('\t')?;
            let client = client.into();
            return Some(Wish {
                tickets: vec![Ticket::parse(ticket)?],
                verdict: Some(Verdict::Matched { client }),
            });
        }
    }
    let picked = pairs.iter().find(|(key, _)| key == "picked")?;
    let tickets = pairs.iter().filter(|(key, _)| key == "pick");
    Some(Wish {
        tickets: tickets
            .map(|(_, text)| Ticket::parse(text))
            .collect::<Option<_>>()?,
        verdict: verdict_of(&picked.1)?,
    })
}

fn done(verdict: Option<&Verdict>, named: &str, many: bool) -> String {
    match (verdict, many) {
        (Some(Verdict::Create), false) => format!("{named}: a client will be created."),
        (Some(Verdict::Create), true) => format!("{named}: a client will be created for each."),
        (Some(Verdict::Exclude), false) => format!("{named} is left alone, and so are its devices."),
        (Some(Verdict::Exclude), true) => format!("{named} are left alone, and so are their devices."),
        (Some(Verdict::Matched { .. }), _) => format!("{named} is matched."),
        (None, _) => format!("{named}: what was decided is taken back; the rules decide."),
    }
}

/// Keeps what was pressed.
pub async fn decide(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let Some(Wish { tickets, verdict }) = wish(&pairs) else {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This form was sent without what it is about.",
        )
        .advise("Go back, look at the list again, and decide there"));
    };
    let back = pairs.iter().find(|(key, _)| key == "back");
    let back = back.map_or_else(|| list_address(&id), |(_, back)| back_to(back).to_owned());
    if tickets.is_empty() {
        signed_in
            .flash(
                Tone::Warn,
                "Nothing is ticked. Tick the organizations this is about.",
            )
            .await?;
        return Ok(Redirect::to(&back).into_response());
    }
    let detail = engine.bridge_detail(actor, &id).await?;
    let verdicts = tickets
        .iter()
        .map(|ticket| (ticket.organization.clone(), ticket.seen.clone()));
    let seen = SeenMatches {
        verdicts: verdicts.collect(),
        names_created: tickets.iter().map(|t| t.names_created).min().unwrap_or(0),
    };
    let decisions = seen
        .verdicts
        .keys()
        .map(|organization| (organization.clone(), verdict.clone()));
    let decisions: Vec<_> = decisions.collect();
    let decided = engine
        .decide_as_seen(actor, &detail.bridge, &seen, decisions)
        .await;
    match decided {
        Ok(()) => {
            let named = match tickets.as_slice() {
                [one] => {
                    let found = engine
                        .find_organization(actor, &detail.bridge, one.organization.as_str())
                        .await?;
                    in_sentence(&found.name)
                }
                many => format!("{} organizations", many.len()),
            };
            signed_in
                .flash(Tone::Good, done(verdict.as_ref(), &named, tickets.len() > 1))
                .await?;
        }
        Err(error @ engine::Error::DecidedMeanwhile { .. }) => {
            signed_in.flash(Tone::Bad, in_words(&error)).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&back).into_response())
}

/// Has the destination asked for its clients again.
pub async fn refresh(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
) -> Result<Response> {
    web.engine.forget_seen_matching(&signed_in.actor, &id)?;
    Ok(Redirect::to(&list_address(&id)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(pairs: &[(&str, &str)]) -> Option<Wish> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        wish(&pairs)
    }

    #[test]
    fn a_row_s_own_button_is_about_that_row_whatever_is_ticked() {
        let wish = pressed(&[("pick", "1\t0\t"), ("back", "/"), ("exclude", "2\t0\tcreate")]).unwrap();
        assert_eq!(wish.verdict, Some(Verdict::Exclude));
        assert_eq!(wish.tickets.len(), 1);
        assert_eq!(wish.tickets[0].organization, "2".into());
        assert_eq!(wish.tickets[0].seen, Some(Verdict::Create));
    }

    #[test]
    fn what_is_ticked_is_decided_together() {
        let wish = pressed(&[("pick", "1\t0\t"), ("pick", "2\t0\t=c"), ("picked", "undo")]).unwrap();
        assert_eq!((wish.tickets.len(), wish.verdict), (2, None));
        assert_eq!(pressed(&[("pick", "1\t0\t"), ("picked", "delete")]), None);
        assert_eq!(pressed(&[("pick", "1"), ("picked", "undo")]), None);
        assert_eq!(pressed(&[]), None);
        let chosen = pressed(&[("match", "7\t0\t\tclient-9")]).unwrap();
        let client = "client-9".into();
        assert_eq!(chosen.verdict, Some(Verdict::Matched { client }));
    }
}
