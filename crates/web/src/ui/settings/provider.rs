//! The identity provider people may sign in through.

use super::{Tabs, tabs};
use crate::Web;
use crate::auth::{SignedIn, provider};
use crate::problem::{Result, in_words};
use crate::ui::checked::Checked;
use crate::ui::form::{Field, Sent};
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;
use engine::sign_in_provider::{SignInProvider, USUAL_SCOPES};
use model::ActorRole;
use secrecy::SecretString;

pub const HERE: &str = "/settings/sign-in";

#[derive(Template)]
#[template(path = "settings/provider.html")]
struct ProviderPage {
    frame: Frame,
    tabs: Tabs,
    /// What it is called, once it is set up.
    label: Option<String>,
    redirect: String,
    checked: Option<Checked>,
    app: Vec<Field>,
    people: Vec<Field>,
    rare: Vec<Field>,
    rare_open: bool,
}

/// What the form holds before anybody typed.
fn blank() -> SignInProvider {
    SignInProvider {
        label: String::new(),
        issuer: String::new(),
        client_id: String::new(),
        scopes: USUAL_SCOPES.map(str::to_owned).into(),
        knows_by_email: false,
        admits: None,
        domain: None,
        asks_own_factor: false,
        allow_private_hosts: false,
    }
}

fn typed(sent: &Sent) -> (SignInProvider, Option<SecretString>) {
    let admits = match sent.get("admits") {
        "viewer" => Some(ActorRole::Viewer),
        "technician" => Some(ActorRole::Technician),
        "owner" => Some(ActorRole::Owner),
        _ => None,
    };
    let settings = SignInProvider {
        label: sent.get("label").to_owned(),
        issuer: sent.get("issuer").to_owned(),
        client_id: sent.get("client_id").to_owned(),
        scopes: sent.get("scopes").split_whitespace().map(str::to_owned).collect(),
        knows_by_email: sent.has("knows_by_email"),
        admits,
        domain: Some(sent.get("domain").to_owned()).filter(|domain| !domain.trim().is_empty()),
        asks_own_factor: sent.has("asks_own_factor"),
        allow_private_hosts: sent.has("allow_private_hosts"),
    };
    let secret = sent.get("secret.client_secret").trim();
    let secret = (!secret.is_empty()).then(|| SecretString::from(secret));
    (settings, secret)
}

async fn show_with(
    web: &Web,
    signed_in: &SignedIn,
    typed: Option<SignInProvider>,
    problems: &[SettingProblem],
    checked: Option<Checked>,
) -> Result<Response> {
    let stored = web.engine.sign_in_provider(&signed_in.actor).await?;
    let label = stored.as_ref().map(|provider| provider.label.clone());
    let secret = Field::password("secret.client_secret", "Client secret");
    let secret = match &stored {
        Some(_) => secret.help("One is stored. Leave this empty to keep it"),
        None => secret.help("The provider shows it once").required(),
    };
    let form = typed.or(stored).unwrap_or_else(blank);
    let admits = match form.admits {
        // Not the empty text: a browser takes a choice of that for one that was not made.
        None => "nobody",
        Some(ActorRole::Viewer) => "viewer",
        Some(_) => "technician",
    };
    let field = |field: Field, key: &str| field.problem_of(key, problems);
    let app = vec![
        field(
            Field::text("label", "Name")
                .value(&form.label)
                .placeholder("Company account")
                .help("The sign-in page says: Sign in with …")
                .required(),
            "label",
        ),
        field(
            Field::text("issuer", "Issuer")
                .value(&form.issuer)
                .placeholder("https://login.example.com")
                .help("Exactly as the provider states it")
                .required(),
            "issuer",
        ),
        field(
            Field::text("client_id", "Client ID")
                .value(&form.client_id)
                .required(),
            "client_id",
        ),
        field(secret, "client_secret"),
    ];
    let people = vec![
        Field::tick(
            "knows_by_email",
            "People who are here are known by their e-mail address",
            form.knows_by_email,
        )
        .help("Where the provider vouches for it and it is their name here. Otherwise everybody links their account themselves"),
        field(
            Field::choice(
                "admits",
                "Who is not here yet",
                [
                    ("nobody", "Nobody: people are invited"),
                    ("viewer", "Becomes a Viewer"),
                    ("technician", "Becomes a Technician"),
                ],
            )
            .value(admits)
            .required(),
            "admits",
        ),
        field(
            Field::text("domain", "Domain of their addresses")
                .value(form.domain.as_deref().unwrap_or_default())
                .placeholder("example.com")
                .help("Whoever comes the first time must have an address of it"),
            "domain",
        ),
        Field::tick(
            "asks_own_factor",
            "Ask for our own second factor, too",
            form.asks_own_factor,
        )
        .help("Otherwise the provider's sign-in is enough, also where everybody needs a second factor"),
    ];
    let rare = vec![
        field(
            Field::text("scopes", "Scopes")
                .value(&form.scopes.join(" "))
                .required(),
            "scopes",
        ),
        Field::tick(
            "allow_private_hosts",
            "Allow a private or loopback host",
            form.allow_private_hosts,
        )
        .help("For a provider on your own network"),
    ];
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(
        status,
        &ProviderPage {
            frame: signed_in.frame("Sign-in", Section::Settings).await?,
            tabs: tabs(signed_in, HERE),
            label,
            redirect: web.site.address(provider::CALLBACK),
            checked,
            rare_open: rare.iter().any(|field| field.error.is_some()),
            app,
            people,
            rare,
        },
    )
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, None, &[], None).await
}

/// Sets the provider up, or changes it.
pub async fn save(State(web): State<Web>, signed_in: SignedIn, Form(sent): Form<Sent>) -> Result<Response> {
    let (settings, secret) = typed(&sent);
    let saved = web
        .engine
        .save_sign_in_provider(&signed_in.actor, settings.clone(), secret)
        .await;
    match saved {
        Ok(saved) => {
            let said = format!(
                "{} is saved. Test it, then sign in with it in another browser.",
                saved.label
            );
            signed_in.flash(Tone::Good, said).await?;
            Ok(Redirect::to(HERE).into_response())
        }
        Err(engine::Error::Input { problems }) => {
            show_with(&web, &signed_in, Some(settings), &problems, None).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads the provider's configuration and shows what came of it.
pub async fn test(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let checked = match web.engine.test_sign_in_provider(&signed_in.actor).await {
        Ok(points) => Checked::from(points),
        Err(error @ engine::Error::Outside { .. }) => Checked::failed(in_words(&error)),
        Err(error) => return Err(error.into()),
    };
    show_with(&web, &signed_in, None, &[], Some(checked)).await
}

/// Does away with it.
pub async fn remove(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let said = match web.engine.remove_sign_in_provider(&signed_in.actor).await? {
        true => "The provider is removed. People sign in by password.",
        false => "There was none.",
    };
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(HERE).into_response())
}
