//! Which devices come over a bridge, and as what: the scope, asset types and sites.

use super::bridges::tabs::{Head, Tab};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::form::Field;
use crate::ui::{Frame, Tone, page_with};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::{Error, SettingProblem, StoreError};
use model::{ActorRole, BridgeId, BridgeSettings, Role, SiteRule};
use std::collections::BTreeMap;

/// Longest name of a type or group, in characters.
const LONGEST: usize = 120;
/// Most entries of one list of the scope.
const MOST: usize = 500;

/// Classes of devices NinjaOne knows. Others can be typed.
const CLASSES: [(&str, &str); 12] = [
    ("WINDOWS_WORKSTATION", "Windows workstations"),
    ("WINDOWS_SERVER", "Windows servers"),
    ("MAC", "Macs"),
    ("MAC_SERVER", "Mac servers"),
    ("LINUX_WORKSTATION", "Linux workstations"),
    ("LINUX_SERVER", "Linux servers"),
    ("VMWARE_VM_HOST", "VMware hosts"),
    ("VMWARE_VM_GUEST", "VMware guests"),
    ("HYPERV_VMM_HOST", "Hyper-V hosts"),
    ("HYPERV_VMM_GUEST", "Hyper-V guests"),
    ("ANDROID", "Android devices"),
    ("CLOUD_MONITOR_TARGET", "Cloud monitors"),
];
const APPROVALS: [(&str, &str); 3] = [
    ("APPROVED", "Approved"),
    ("PENDING", "Waiting for approval"),
    ("REJECTED", "Rejected"),
];

#[derive(Template)]
#[template(path = "fields/types.html")]
struct IncomingPage {
    frame: Frame,
    head: Head,
    generation: i64,
    may_edit: bool,
    roles: Vec<RoleLine>,
    group: Field,
    sites: Field,
    classes: Vec<Field>,
    other_classes: Field,
    approvals: Vec<Field>,
    tags: Field,
    locations: Field,
    problem: Option<String>,
    conflict: bool,
}

/// A role, the type its devices become, and whether they come.
struct RoleLine {
    role: Role,
    asset_type: Field,
    comes: bool,
}

/// What was typed, by the name of its field.
type Typed = BTreeMap<String, Vec<String>>;

fn one<'a>(typed: &'a Typed, name: &str) -> &'a str {
    typed
        .get(name)
        .and_then(|all| all.first())
        .map_or("", |text| text.trim())
}

fn all(typed: &Typed, name: &str) -> Vec<String> {
    typed.get(name).cloned().unwrap_or_default()
}

/// The entries of a list that is typed in one line.
fn list(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for entry in text
        .split([',', '\n', ';'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        if !entries.iter().any(|known| known == entry) {
            entries.push(entry.to_owned());
        }
    }
    entries
}

/// What is stored, as it would have been typed.
fn stored(settings: &BridgeSettings, roles: &[Role]) -> Typed {
    let mut typed = Typed::new();
    let scope = &settings.scope;
    let text = |text: &str| vec![text.to_owned()];
    typed.insert(
        "group".to_owned(),
        text(settings.types.default_group.as_deref().unwrap_or_default()),
    );
    let sites = match settings.sites {
        SiteRule::None => "none",
        SiteRule::SameName => "same_name",
    };
    typed.insert("sites".to_owned(), text(sites));
    for (role, name) in &settings.types.by_role {
        typed.insert(format!("type.{role}"), text(name));
    }
    let comes = |role: &&Role| scope.roles.is_empty() || scope.roles.iter().any(|id| id == role.id.as_str());
    typed.insert(
        "role".to_owned(),
        roles
            .iter()
            .filter(comes)
            .map(|role| role.id.to_string())
            .collect(),
    );
    let known = |class: &&String| CLASSES.iter().any(|(of, _)| of == class);
    typed.insert(
        "class".to_owned(),
        scope.classes.iter().filter(known).cloned().collect(),
    );
    let others: Vec<String> = scope
        .classes
        .iter()
        .filter(|class| !known(class))
        .cloned()
        .collect();
    typed.insert("other_classes".to_owned(), text(&others.join(", ")));
    typed.insert("approval".to_owned(), scope.approvals.clone());
    typed.insert("tags".to_owned(), text(&scope.tags.join(", ")));
    typed.insert("locations".to_owned(), text(&scope.locations.join(", ")));
    typed
}

/// The settings with what was typed in place of what stood there.
fn over(
    mut settings: BridgeSettings,
    typed: &Typed,
    roles: &[Role],
) -> Result<BridgeSettings, Vec<SettingProblem>> {
    let mut problems = Vec::new();
    let mut named = |key: &str, text: &str| {
        if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            problems.push(SettingProblem {
                key: key.to_owned(),
                message: format!("At most {LONGEST} letters, without control characters"),
            });
        }
        text.to_owned()
    };
    let group = named("group", one(typed, "group"));
    settings.types.default_group = (!group.is_empty()).then_some(group);
    for role in roles {
        let key = format!("type.{}", role.id);
        let name = named(&key, one(typed, &key));
        if name.is_empty() || name == role.name {
            settings.types.by_role.remove(role.id.as_str());
        } else {
            settings.types.by_role.insert(role.id.to_string(), name);
        }
    }
    settings.sites = match one(typed, "sites") {
        "same_name" => SiteRule::SameName,
        _ => SiteRule::None,
    };
    let ticked = all(typed, "role");
    let comes = |role: &&Role| ticked.iter().any(|id| id == role.id.as_str());
    let chosen: Vec<String> = roles
        .iter()
        .filter(comes)
        .map(|role| role.id.to_string())
        .collect();
    if chosen.is_empty() && !roles.is_empty() {
        problems.push(SettingProblem {
            key: "role".to_owned(),
            message: "Tick at least one role; to stop all devices, switch devices off in Settings".to_owned(),
        });
    }
    // All of them: also those that come later.
    let scope = &mut settings.scope;
    scope.roles = if chosen.len() == roles.len() {
        Vec::new()
    } else {
        chosen
    };
    scope.classes = all(typed, "class");
    scope.classes.extend(list(one(typed, "other_classes")));
    // States nobody ticks here stay as they were set elsewhere.
    let known = |state: &String| APPROVALS.iter().any(|(of, _)| of == state);
    let mut approvals: Vec<String> = all(typed, "approval").into_iter().filter(known).collect();
    approvals.extend(scope.approvals.drain(..).filter(|state| !known(state)));
    scope.approvals = approvals;
    scope.tags = list(one(typed, "tags"));
    scope.locations = list(one(typed, "locations"));
    for (key, entries) in [
        ("other_classes", &scope.classes),
        ("tags", &scope.tags),
        ("locations", &scope.locations),
    ] {
        if entries.len() > MOST || entries.iter().any(|entry| entry.chars().count() > LONGEST) {
            problems.push(SettingProblem {
                key: key.to_owned(),
                message: format!("At most {MOST} entries of {LONGEST} letters each"),
            });
        }
    }
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(problems)
    }
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    render(&web, &signed_in, &id, None, &[], None, StatusCode::OK).await
}

/// Keeps what was typed.
pub async fn save(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let mut typed = Typed::new();
    for (name, value) in pairs {
        typed.entry(name).or_default().push(value);
    }
    let actor = &signed_in.actor;
    let detail = web
        .engine
        .bridge_detail(actor, &BridgeId::from(id.as_str()))
        .await?;
    let roles = web.engine.roles(actor, &detail.bridge).await?;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let settings = match over(detail.bridge.settings.clone(), &typed, &roles) {
        Ok(settings) => settings,
        Err(problems) => {
            return render(&web, &signed_in, &id, Some(typed), &problems, None, unprocessable).await;
        }
    };
    let seen = one(&typed, "generation").parse().unwrap_or(-1);
    let bridge = model::Bridge {
        generation: seen,
        ..detail.bridge.clone()
    };
    match web.engine.change_bridge(actor, &bridge, settings).await {
        Ok(_) => {
            let said = "Saved. Make a new plan to see what that changes; nothing was written.";
            signed_in.flash(Tone::Good, said).await?;
            Ok(Redirect::to(&format!("/bridges/{id}/types")).into_response())
        }
        Err(Error::Store(StoreError::Moved { .. })) => {
            render(
                &web,
                &signed_in,
                &id,
                Some(typed),
                &[],
                None,
                StatusCode::CONFLICT,
            )
            .await
        }
        Err(error @ (Error::Settings { .. } | Error::Mapping { .. } | Error::Input { .. })) => {
            let problem = Some(in_words(&error));
            render(&web, &signed_in, &id, Some(typed), &[], problem, unprocessable).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn render(
    web: &Web,
    signed_in: &SignedIn,
    id: &str,
    typed: Option<Typed>,
    problems: &[SettingProblem],
    problem: Option<String>,
    status: StatusCode,
) -> Result<Response> {
    let (detail, head) = Head::of(web, signed_in, &BridgeId::from(id), Tab::Types).await?;
    let settings = &detail.bridge.settings;
    let roles = web
        .engine
        .roles(&signed_in.actor, &detail.bridge)
        .await
        .map_err(Problem::from)?;
    let typed = typed.unwrap_or_else(|| stored(settings, &roles));
    let role_problem = problems
        .iter()
        .find(|p| p.key == "role")
        .map(|p| p.message.clone());
    let ticks = |name: &str, choices: &[(&str, &str)]| -> Vec<Field> {
        let ticked = all(&typed, name);
        let field = |(value, label): &(&str, &str)| {
            Field::tick(name, label, ticked.iter().any(|t| t == value)).placeholder(value)
        };
        choices.iter().map(field).collect()
    };
    let ticked = all(&typed, "role");
    let lines = roles.iter().map(|role| {
        let name = format!("type.{}", role.id);
        RoleLine {
            asset_type: Field::text(&name, &format!("Asset type of {}", role.name))
                .value(one(&typed, &name))
                .placeholder(&role.name)
                .problem_of(&name, problems),
            comes: ticked.iter().any(|id| id == role.id.as_str()),
            role: role.clone(),
        }
    });
    page_with(
        status,
        &IncomingPage {
            frame: signed_in.bridge_frame(&detail).await?,
            head,
            generation: detail.bridge.generation,
            may_edit: signed_in.may(ActorRole::Owner),
            roles: lines.collect(),
            group: Field::text("group", "Group of new asset types")
                .help("An asset type that is created is listed under this group, which is created when it is missing")
                .value(one(&typed, "group"))
                .problem_of("group", problems),
            sites: Field::choice(
                "sites",
                "Sites",
                [
                    ("none", "Assets get no site"),
                    ("same_name", "A location is the client's site of the same name, created when missing"),
                ],
            )
            .value(one(&typed, "sites"))
            .required(),
            classes: ticks("class", &CLASSES),
            other_classes: Field::text("other_classes", "Other classes")
                .help("As NinjaOne writes them, with commas between them. With no class ticked and none here, all come")
                .value(one(&typed, "other_classes"))
                .problem_of("other_classes", problems),
            approvals: ticks("approval", &APPROVALS),
            tags: Field::text("tags", "Only with one of these tags")
                .help("With commas between them; blank for all")
                .value(one(&typed, "tags"))
                .problem_of("tags", problems),
            locations: Field::text("locations", "Only at these locations")
                .help("Ids of locations, with commas between them; blank for all")
                .value(one(&typed, "locations"))
                .problem_of("locations", problems),
            problem: problem.or(role_problem),
            conflict: status == StatusCode::CONFLICT,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Scope, SourceId};

    fn roles() -> Vec<Role> {
        let role = |id: &str, name: &str| Role {
            id: SourceId::from(id),
            name: name.to_owned(),
        };
        vec![role("1", "Windows Server"), role("2", "Mac")]
    }

    fn settings() -> BridgeSettings {
        let text = r#"{"matching":{"stored_id":true,"same_name":true,"similar":null,"shared_serials":false},
                       "mapping":{"rules":[]}}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_stored_is_the_same_after_the_form() {
        let mut before = settings();
        before.scope = Scope {
            classes: vec!["MAC".to_owned(), "NMS_SWITCH".to_owned()],
            roles: vec!["2".to_owned()],
            locations: vec!["4".to_owned(), "5".to_owned()],
            tags: vec!["vip".to_owned()],
            approvals: vec!["APPROVED".to_owned(), "PENDING".to_owned()],
        };
        before.types.default_group = Some("Ninja".to_owned());
        before
            .types
            .by_role
            .insert("2".to_owned(), "Apple computer".to_owned());
        before.sites = SiteRule::SameName;
        let after = over(before.clone(), &stored(&before, &roles()), &roles()).unwrap();
        assert_eq!(after, before);
        // A role of its own name is no rule, and all roles are no filter.
        let all = stored(&settings(), &roles());
        let after = over(settings(), &all, &roles()).unwrap();
        assert!(after.scope.roles.is_empty() && after.types.by_role.is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_said_at_its_field() {
        let mut typed = stored(&settings(), &roles());
        typed.insert("role".to_owned(), vec![]);
        typed.insert("group".to_owned(), vec!["x".repeat(200)]);
        let problems = over(settings(), &typed, &roles()).unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(keys, ["group", "role"]);
    }
}
