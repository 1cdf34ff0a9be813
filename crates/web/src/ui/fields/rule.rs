//! One field rule, being made or changed, tried on a device before it is kept.

use super::form::{Fields, NEW, OWNERS, Typed, type_label};
use super::list::{Sample, Shown, chosen};
use super::paths::{Part, parts};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::{Frame, Tone, page_with};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::bridges::BridgeDetail;
use engine::fields::{Targets, version};
use engine::{Error, SettingProblem, StoreError};
use model::{ActorRole, BridgeId, FieldRule, RuleValue};
use serde::Deserialize;

/// Parts of a device that are listed at once.
const LISTED: usize = 200;

#[derive(Template)]
#[template(path = "fields/rule.html")]
struct RulePage {
    frame: Frame,
    head: Head,
    heading: String,
    typed: Typed,
    fields: Fields,
    built_in: Vec<Target>,
    custom: Vec<Target>,
    creates: bool,
    owners: [(&'static str, &'static str, &'static str); 4],
    sample: Option<Sample>,
    found: Vec<Sample>,
    parts: Vec<Part>,
    more_parts: usize,
    tried: Shown,
    problem: Option<String>,
    /// What stands there now, where somebody else changed it meanwhile.
    theirs: Option<String>,
}

/// A field one can choose.
struct Target {
    key: String,
    label: String,
    kind: &'static str,
    taken: bool,
}

/// What was asked of the page.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    of: String,
    #[serde(default)]
    device: String,
}

/// What came of sending the form.
#[derive(Default)]
struct Sent {
    problems: Vec<SettingProblem>,
    problem: Option<String>,
    theirs: Option<String>,
    status: StatusCode,
}

fn rule_of<'a>(detail: &'a BridgeDetail, target: &str) -> Option<&'a FieldRule> {
    let rules = &detail.bridge.settings.mapping.rules;
    rules.iter().find(|rule| rule.target == target)
}

async fn of_bridge(web: &Web, signed_in: &SignedIn, id: &str) -> Result<(BridgeDetail, Head)> {
    if !signed_in.may(ActorRole::Owner) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "An Owner changes the mapping of a bridge.",
        ));
    }
    let (detail, head) = Head::of(web, signed_in, &BridgeId::from(id), Tab::Fields).await?;
    if let Some(preset) = &detail.bridge.settings.mapping.fixed_by {
        let said = format!("The preset {preset} fixes this mapping.");
        return Err(Problem::new(StatusCode::CONFLICT, said).advise("Copy it to edit it, on the Fields page"));
    }
    Ok((detail, head))
}

/// The form of a rule there is, or of a new one.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let (detail, head) = of_bridge(&web, &signed_in, &id).await?;
    let typed = match asked.of.as_str() {
        "" => Typed::new_rule(),
        of => {
            let rule = rule_of(&detail, of);
            let rule = rule.ok_or_else(|| Problem::missing(format!("No rule writes the field {of:?}.")))?;
            Typed::stored(rule)
        }
    };
    let typed = Typed {
        seen: version(&detail.bridge.settings.mapping),
        device: asked.device,
        ..typed
    };
    render(&web, &signed_in, (detail, head), typed, Sent::default()).await
}

/// Tries the rule that was typed on a device, or keeps it.
pub async fn send(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(mut typed): Form<Typed>,
) -> Result<Response> {
    let (detail, head) = of_bridge(&web, &signed_in, &id).await?;
    if !typed.used.is_empty() {
        typed.source = std::mem::take(&mut typed.used);
        "expression".clone_into(&mut typed.from);
    }
    if !typed.pick.is_empty() {
        typed.device = std::mem::take(&mut typed.pick);
        typed.find_device.clear();
    }
    let mut sent = Sent::default();
    if typed.pressed == "save" {
        let targets = web.engine.targets(&signed_in.actor, &detail.bridge).await?;
        match typed.rule(&targets, rule_of(&detail, &typed.was)) {
            Err(problems) => sent.problems = problems,
            Ok(rule) => {
                let was = (!typed.was.is_empty()).then_some(typed.was.as_str());
                let saved = web
                    .engine
                    .save_rule(&signed_in.actor, &detail.bridge.id, &typed.seen, was, &rule)
                    .await;
                match saved {
                    Ok(_) => {
                        let said =
                            "The rule is kept. Make a new plan to see what it changes; nothing was written.";
                        signed_in.flash(Tone::Good, said).await?;
                        return Ok(Redirect::to(&format!("/bridges/{id}/fields")).into_response());
                    }
                    Err(Error::Input { problems }) => sent.problems = problems,
                    Err(Error::Store(StoreError::Moved { .. })) => {
                        sent.status = StatusCode::CONFLICT;
                        // What they did is seen now: saving again is meant.
                        typed.seen = version(&detail.bridge.settings.mapping);
                        sent.theirs = Some(match rule_of(&detail, &typed.was) {
                            Some(now) => said(now),
                            None if typed.was.is_empty() => {
                                "another rule was added, changed or taken away".to_owned()
                            }
                            None => "this rule was taken away; saving adds it again".to_owned(),
                        });
                    }
                    Err(error @ (Error::Mapping { .. } | Error::Settings { .. })) => {
                        sent.problem = Some(in_words(&error));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if sent.status == StatusCode::OK {
            sent.status = StatusCode::UNPROCESSABLE_ENTITY;
        }
    }
    render(&web, &signed_in, (detail, head), typed, sent).await
}

/// A rule in a sentence.
fn said(rule: &FieldRule) -> String {
    let owner = super::form::owner_label(rule.owner).to_lowercase();
    let transform = super::form::transform_label(rule.transform.as_ref());
    let from = match &rule.value {
        RuleValue::Expression(text) => format!("“{text}”"),
        RuleValue::Constant(value) => format!("always “{}”", crate::ui::plans::words::value(value)),
    };
    format!(
        "{} is {from} {transform}, owned by {owner}",
        crate::ui::plans::words::field(&rule.target)
    )
}

async fn render(
    web: &Web,
    signed_in: &SignedIn,
    (detail, head): (BridgeDetail, Head),
    typed: Typed,
    mut sent: Sent,
) -> Result<Response> {
    let (actor, bridge) = (&signed_in.actor, &detail.bridge);
    let targets = web.engine.targets(actor, bridge).await?;
    let sample = chosen(web, signed_in, bridge, &typed.device).await?;
    let found = match typed.find_device.trim() {
        "" => Vec::new(),
        query => web.engine.sample_devices(actor, bridge, query).await?,
    };
    let tried = tried(web, &detail, &targets, &typed, sample.as_ref(), &mut sent);
    let wanted = typed.find.trim().to_lowercase();
    let mut all = sample
        .as_ref()
        .map_or_else(Vec::new, |sample| parts(&sample.document));
    all.retain(|part| {
        part.path.to_lowercase().contains(&wanted) || part.value.to_lowercase().contains(&wanted)
    });
    let more_parts = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    let rules = &bridge.settings.mapping.rules;
    let (custom, built_in): (Vec<_>, Vec<_>) = targets.fields.iter().partition(|field| field.custom);
    let shown = |fields: Vec<&model::TargetField>| -> Vec<Target> {
        let fields = fields.into_iter().map(|field| Target {
            key: field.key.clone(),
            label: field.label.clone(),
            kind: type_label(field.field_type),
            taken: field.key != typed.was && rules.iter().any(|rule| rule.target == field.key),
        });
        fields.collect()
    };
    let mut custom = shown(custom);
    // A field that an earlier rule asks for is not there before the next import.
    if let Some(rule) =
        rule_of(&detail, &typed.was).filter(|_| targets.fields.iter().all(|f| f.key != typed.was))
        && let Some(new) = &rule.create
    {
        custom.push(Target {
            key: rule.target.clone(),
            label: format!("{} (created with the next import)", new.label),
            kind: type_label(new.field_type),
            taken: false,
        });
    }
    page_with(
        sent.status,
        &RulePage {
            frame: signed_in.bridge_frame(&detail).await?,
            head,
            heading: if typed.was.is_empty() {
                "New rule"
            } else {
                "Change a rule"
            }
            .to_owned(),
            fields: Fields::new(&typed, &sent.problems),
            built_in: shown(built_in),
            custom,
            creates: targets.creates,
            owners: OWNERS,
            sample: sample.as_ref().map(|sample| Sample::new(sample, "")),
            found: found.iter().map(|device| Sample::new(device, "")).collect(),
            parts: all,
            more_parts,
            tried,
            problem: sent.problem,
            theirs: sent.theirs,
            typed,
        },
    )
}

/// What the rule makes of the device; what is wrong with it is said at its fields, once somebody asked.
fn tried(
    web: &Web,
    detail: &BridgeDetail,
    targets: &Targets,
    typed: &Typed,
    sample: Option<&engine::fields::SampleDevice>,
    sent: &mut Sent,
) -> Shown {
    let Some(sample) = sample else {
        return Shown::Nothing;
    };
    let mut typed = typed.clone();
    // An expression can be looked at before it is known where its value goes.
    if typed.target.is_empty() && typed.from != "constant" {
        NEW.clone_into(&mut typed.target);
    }
    if typed.target == NEW && typed.label.trim().is_empty() {
        "a new field".clone_into(&mut typed.label);
    }
    let Ok(rule) = typed.rule(targets, rule_of(detail, &typed.was)) else {
        return Shown::Nothing;
    };
    match web
        .engine
        .try_rule(&detail.bridge, targets, &rule, &sample.document)
    {
        Err(Error::Input { problems }) => {
            for problem in problems {
                if !sent.problems.iter().any(|known| known.key == problem.key) {
                    sent.problems.push(problem);
                }
            }
            Shown::Nothing
        }
        other => Shown::new(other),
    }
}
