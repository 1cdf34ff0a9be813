//! The mapping of a bridge: every rule, and what it makes of a device.

use super::form::{owner_label, transform_label};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::plans::words;
use crate::ui::{Frame, Tone, page};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::fields::{SampleDevice, Targets, Tried, version};
use engine::{Error, StoreError};
use model::{ActorRole, Bridge, BridgeId, FieldRule, RuleValue, SourceId};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "fields/list.html")]
struct FieldsPage {
    frame: Frame,
    head: Head,
    fixed_by: Option<String>,
    seen: String,
    may_edit: bool,
    rules: Vec<Line>,
    sample: Option<Sample>,
    found: Vec<Sample>,
    query: String,
    problem: Option<String>,
    unmapped: Vec<String>,
}

/// A device to try rules on.
pub struct Sample {
    /// The source's id.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// Its organization.
    pub organization: String,
    /// The page with it.
    pub address: String,
}

/// A rule as a line.
struct Line {
    key: String,
    label: String,
    kind: &'static str,
    expression: Option<String>,
    constant: String,
    transform: String,
    clear: bool,
    owner: &'static str,
    value: Shown,
    address: String,
}

/// What a rule makes of the device.
pub enum Shown {
    /// There is no device to try it on.
    Nothing,
    /// This.
    Value(String),
    /// The device does not have it.
    Absent,
    /// It does not fit.
    Fault(String),
}

impl Shown {
    /// What came of trying a rule.
    pub fn new(tried: Result<Tried, Error>) -> Self {
        match tried {
            Ok(Tried::Value(value)) => Self::Value(words::value(&value)),
            Ok(Tried::Absent) => Self::Absent,
            Ok(Tried::Fault(message)) => Self::Fault(message),
            Err(error) => Self::Fault(in_words(&error)),
        }
    }
}

/// What was asked of the page.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    device: String,
}

impl Sample {
    /// `device`; `base` is the address that its id is put after.
    pub fn new(device: &SampleDevice, base: &str) -> Self {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("device", device.id.as_str());
        Self {
            id: device.id.to_string(),
            label: device.label.clone(),
            organization: device.organization.clone(),
            address: format!("{base}?{}", query.finish()),
        }
    }
}

/// The device rules are tried on: the one that was chosen, else any.
pub async fn chosen(
    web: &Web,
    signed_in: &SignedIn,
    bridge: &Bridge,
    device: &str,
) -> Result<Option<SampleDevice>> {
    let actor = &signed_in.actor;
    if !device.is_empty() {
        let device = SourceId::from(device);
        if let Some(found) = web.engine.sample_device(actor, bridge, &device).await? {
            return Ok(Some(found));
        }
    }
    Ok(web
        .engine
        .sample_devices(actor, bridge, "")
        .await?
        .into_iter()
        .next())
}

fn line(
    web: &Web,
    bridge: &Bridge,
    targets: &Targets,
    rule: &FieldRule,
    sample: Option<&SampleDevice>,
) -> Line {
    let target = targets.fields.iter().find(|field| field.key == rule.target);
    let (expression, constant) = match &rule.value {
        RuleValue::Expression(text) => (Some(text.clone()), String::new()),
        RuleValue::Constant(value) => (None, words::value(value)),
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("of", &rule.target);
    if let Some(sample) = sample {
        query.append_pair("device", sample.id.as_str());
    }
    Line {
        key: rule.target.clone(),
        label: match (target, &rule.create) {
            (Some(target), _) => target.label.clone(),
            (None, Some(new)) => new.label.clone(),
            (None, None) => rule.target.clone(),
        },
        kind: match (target, &rule.create) {
            (Some(target), _) if target.custom => "custom field",
            (Some(_), _) => "",
            (None, Some(_)) => "created with the next import",
            (None, None) => "the destination has no such field",
        },
        expression,
        constant,
        transform: transform_label(rule.transform.as_ref()),
        clear: rule.clear,
        owner: owner_label(rule.owner),
        value: sample.map_or(Shown::Nothing, |sample| {
            Shown::new(web.engine.try_rule(bridge, targets, rule, &sample.document))
        }),
        address: format!("/bridges/{}/fields/rule?{}", bridge.id, query.finish()),
    }
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let (detail, head) = Head::of(&web, &signed_in, &BridgeId::from(id.as_str()), Tab::Fields).await?;
    let bridge = &detail.bridge;
    let mapping = &bridge.settings.mapping;
    let (targets, mut problem) = match web.engine.targets(&signed_in.actor, bridge).await {
        Ok(targets) => (targets, None),
        Err(error @ Error::Forbidden { .. }) => return Err(error.into()),
        Err(error) => {
            let none = Targets {
                fields: Vec::new(),
                creates: false,
            };
            (none, Some(in_words(&error)))
        }
    };
    let base = format!("/bridges/{id}/fields");
    let (mut sample, mut found) = (None, Vec::new());
    let looked = async {
        let sample = chosen(&web, &signed_in, bridge, &asked.device).await?;
        let found = match asked.q.trim() {
            "" => Vec::new(),
            query => web.engine.sample_devices(&signed_in.actor, bridge, query).await?,
        };
        Ok::<_, Problem>((sample, found))
    };
    match looked.await {
        Ok(looked) => (sample, found) = looked,
        // The mapping is shown all the same.
        Err(error) => problem = problem.or(Some(error.what)),
    }
    let mapped = |key: &str| mapping.rules.iter().any(|rule| rule.target == key);
    page(&FieldsPage {
        frame: signed_in.bridge_frame(&detail).await?,
        head,
        fixed_by: mapping.fixed_by.clone(),
        seen: version(mapping),
        may_edit: signed_in.may(ActorRole::Owner),
        rules: mapping
            .rules
            .iter()
            .map(|rule| line(&web, bridge, &targets, rule, sample.as_ref()))
            .collect(),
        sample: sample.as_ref().map(|sample| Sample::new(sample, &base)),
        found: found.iter().map(|device| Sample::new(device, &base)).collect(),
        query: asked.q,
        problem,
        unmapped: targets
            .fields
            .iter()
            .filter(|f| !mapped(&f.key))
            .map(|f| f.label.clone())
            .collect(),
    })
}

/// What the buttons send.
#[derive(Debug, Deserialize)]
pub struct Pressed {
    seen: String,
    #[serde(default)]
    target: String,
}

/// Makes a preset's fixed mapping the bridge's own.
pub async fn copy(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let bridge = BridgeId::from(id.as_str());
    web.engine
        .copy_fixed_mapping(&signed_in.actor, &bridge, &pressed.seen)
        .await
        .map_err(moved)?;
    let said = "The mapping is this bridge's own now: every rule can be changed. Make a new plan to see what that does.";
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(&format!("/bridges/{id}/fields")).into_response())
}

/// Takes a rule away.
pub async fn remove(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let bridge = BridgeId::from(id.as_str());
    web.engine
        .remove_rule(&signed_in.actor, &bridge, &pressed.seen, &pressed.target)
        .await
        .map_err(moved)?;
    let said = "The rule is gone. What it wrote stays in the assets; nothing writes the field any more.";
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(&format!("/bridges/{id}/fields")).into_response())
}

/// Somebody was faster.
fn moved(error: Error) -> Problem {
    match error {
        Error::Store(StoreError::Moved { .. }) => Problem::new(
            StatusCode::CONFLICT,
            "Somebody else changed the mapping while you looked at it; nothing was changed.",
        )
        .advise("Go back, load the page again, and look at what they changed"),
        other => other.into(),
    }
}
