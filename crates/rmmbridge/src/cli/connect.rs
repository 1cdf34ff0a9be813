//! `connect`: settings, then consent in a browser, then complete (H05).

use super::exit;
use crate::output::Output;
use crate::session::Session;
use anyhow::{Context as _, bail};
use clap::Args;
use connect::callback::{CallbackListener, Ending};
use connect::{Mode, Secrets};
use engine::connecting::ConnectionRequest;
use model::{Connection, ConnectionState};
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The first path is HumanizeIT's, the second Rallied.ai's (H14, R08).
pub const CALLBACK_PATHS: [&str; 2] = ["/ninja/oauth/resp", "/dashboard/integrations/ninjaone-callback"];

const AFTER_HELP: &str = "\
In NinjaOne, as a System Administrator: Administration > Apps > API > Client app IDs > Add.
  Application platform  Web
  Redirect URI          the one this command prints (http://127.0.0.1:8411/ninja/oauth/resp)
  Scopes                Monitoring
  Allowed grant types   Authorization Code and Refresh Token
Save, and record the client secret: NinjaOne shows it once.

  rmmbridge connect --region eu --client-id abc123

asks for the secret, opens NinjaOne's consent page, and is complete once you agree there.

With the keys of the legacy API v1 (NinjaRMM: Configuration > Integrations > API > Generate API key):

  rmmbridge connect ninjarmm --region eu --set access_key_id=ABC123

asks for the secret key (or takes it from RMMBRIDGE_SECRET_ACCESS_KEY), and is complete once NinjaRMM accepts the keys.";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct ConnectArguments {
    /// The outside system
    #[arg(default_value = "ninjaone")]
    kind: String,

    /// What you call the connection; its kind when not given
    #[arg(long)]
    name: Option<String>,

    /// Region of the account: us, us2, eu, oceania, canada, fedramp, or custom with --base-url
    #[arg(long)]
    region: Option<String>,

    /// Web base URL, for a region of your own or a white-label host
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    /// Client ID of the API app
    #[arg(long)]
    client_id: Option<String>,

    /// File that holds the client secret or secret key; without it, it is asked for
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,

    /// The app has no secret (Single Page, Native)
    #[arg(long, conflicts_with = "client_secret_file")]
    no_secret: bool,

    /// An app of platform API Services: no consent, no person
    #[arg(long)]
    machine: bool,

    /// Any other setting, as key=value; see rmmbridge connect --settings
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings_given: Vec<String>,

    /// List the settings this kind of connection has
    #[arg(long)]
    settings: bool,

    /// Allow this connection to reach private and loopback hosts
    #[arg(long)]
    allow_private_hosts: bool,

    /// Port of the redirect URI on this machine
    #[arg(long, default_value_t = 8411)]
    callback_port: u16,

    /// Path of the redirect URI, when the one registered with the vendor is another
    #[arg(long, value_name = "PATH")]
    callback_path: Option<String>,

    /// Print the consent page's address instead of opening a browser
    #[arg(long)]
    no_browser: bool,

    /// How long to wait for the consent, in seconds
    #[arg(long, default_value_t = 600)]
    wait: u64,
}

impl ConnectArguments {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.kind)
    }
}

pub async fn run(session: &Session, arguments: ConnectArguments, output: Output) -> anyhow::Result<ExitCode> {
    if arguments.settings {
        return list_settings(session, &arguments.kind, output);
    }
    let existing = session
        .engine
        .connections(&session.actor)
        .await?
        .into_iter()
        .find(|c| c.name == arguments.name());
    let connection = session
        .engine
        .save_connection(&session.actor, request(&arguments, session, existing.as_ref())?)
        .await?;
    let connection = match session
        .engine
        .authorization_mode(&session.actor, &connection.id)
        .await?
    {
        None => connection,
        Some(Mode::Machine) => {
            session
                .engine
                .connect_machine(&session.actor, &connection.id)
                .await?
        }
        Some(Mode::Consent) => consent(session, &connection, &arguments).await?,
    };
    output.show(&connection, || {
        format!(
            "{}: {}\nNext: rmmbridge check {}, then rmmbridge bridge add",
            connection.name, connection.state, connection.name
        )
    })?;
    let complete = connection.state == ConnectionState::Connected;
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::PERSON)
    })
}

/// Sends the browser to the consent page and waits for it to come back.
async fn consent(
    session: &Session,
    connection: &Connection,
    arguments: &ConnectArguments,
) -> anyhow::Result<Connection> {
    let mut paths: Vec<&str> = CALLBACK_PATHS.to_vec();
    if let Some(path) = &arguments.callback_path {
        paths.insert(0, path);
    }
    // Bound first: sending a person to a consent whose answer nobody can take would waste their time.
    let listener = CallbackListener::bind(arguments.callback_port, &paths).await?;
    let redirect = listener.redirect();
    // Standard error, so that it is seen with --json too.
    eprintln!("Redirect URI (register exactly this one): {redirect}");
    let pending = session
        .engine
        .begin_consent(&session.actor, &connection.id, &redirect)
        .await?;
    eprintln!("Open this page to agree:\n  {}", pending.url);
    if !arguments.no_browser && std::io::stderr().is_terminal() {
        // Nothing to open it with is no failure: the address stands above.
        let _ = open::that_detached(pending.url.as_str());
    }
    let waiting = listener.wait(&pending.state, Duration::from_secs(arguments.wait));
    let callback = tokio::select! {
        callback = waiting => callback?,
        () = session.stop.cancelled() => bail!(engine::Error::Stopped),
    };
    let finished = session
        .engine
        .finish_consent(&session.actor, &connection.id, &pending, callback.query())
        .await;
    callback.answer(ending(&finished)).await;
    Ok(finished?)
}

/// What the browser shows: complete only when the grant worked (H06).
fn ending(finished: &engine::Result<Connection>) -> Ending {
    match finished {
        Ok(_) => Ending::Complete,
        Err(engine::Error::Outside { error, .. }) => Ending::Failed {
            what: error.what.clone(),
            next: error.next.clone(),
        },
        Err(error) => Ending::Failed {
            what: error.to_string(),
            next: String::new(),
        },
    }
}

/// What was given comes over what is stored, so that a reconnect needs nothing but the name.
fn request(
    arguments: &ConnectArguments,
    session: &Session,
    existing: Option<&Connection>,
) -> anyhow::Result<ConnectionRequest> {
    let mut settings = match existing.map(|c| &c.settings) {
        Some(Value::Object(stored)) => stored.clone(),
        _ => Map::new(),
    };
    let mut secrets = Secrets::new();
    if arguments.kind != "registry" {
        let region = arguments
            .region
            .clone()
            .or_else(|| arguments.base_url.is_some().then(|| "custom".to_owned()));
        let given = [
            ("region", region),
            ("base_url", arguments.base_url.clone()),
            ("client_id", arguments.client_id.clone()),
        ];
        settings.extend(
            given
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?)))),
        );
        if arguments.machine {
            settings.insert("mode".to_owned(), "machine".into());
        }
        let connector = session.engine.connectors().get(&arguments.kind)?;
        for setting in connector.settings().iter().filter(|setting| setting.secret) {
            if let Some(secret) = secret(arguments, setting, existing)? {
                secrets.insert(setting.key.to_owned(), secret);
            }
        }
    }
    for pair in &arguments.settings_given {
        let (key, value) = pair
            .split_once('=')
            .with_context(|| format!("--set {pair}: write KEY=VALUE"))?;
        // Numbers, true and lists as JSON; everything else is text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        settings.insert(key.to_owned(), value);
    }
    Ok(ConnectionRequest {
        kind: arguments.kind.clone(),
        name: arguments.name().to_owned(),
        settings: Value::Object(settings),
        secrets,
        // What an owner allowed for one address is not allowed for another.
        allow_private_hosts: arguments.allow_private_hosts
            || arguments.base_url.is_none() && existing.is_some_and(|c| c.allow_private_hosts),
    })
}

fn secret(
    arguments: &ConnectArguments,
    setting: &connect::Setting,
    existing: Option<&Connection>,
) -> anyhow::Result<Option<SecretString>> {
    if arguments.no_secret {
        return Ok(None);
    }
    if let Some(path) = &arguments.client_secret_file {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        return Ok(Some(SecretString::from(text.trim())));
    }
    let variable = format!("RMMBRIDGE_{}", setting.key.to_ascii_uppercase());
    if let Some(text) = crate::platform::environment(&variable) {
        return Ok(Some(SecretString::from(text)));
    }
    // A known connection keeps its secret unless a new one is given.
    if existing.is_some() || !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let label = setting.label;
    let typed = rpassword::prompt_password(format!("{label} (it is not shown): "))
        .with_context(|| format!("reading the {label}"))?;
    Ok((!typed.trim().is_empty()).then(|| SecretString::from(typed.trim())))
}

fn list_settings(session: &Session, kind: &str, output: Output) -> anyhow::Result<ExitCode> {
    let connector = session.engine.connectors().get(kind)?;
    let settings: Vec<Value> = connector
        .settings()
        .iter()
        .map(|s| serde_json::json!({ "key": s.key, "label": s.label, "help": s.help, "secret": s.secret, "required": s.required }))
        .collect();
    output.show(&settings, || {
        let mut text = format!("Settings of a {} connection:\n", connector.label());
        for s in connector.settings() {
            let must = if s.required { ", required" } else { "" };
            let help = s.help.split_whitespace().collect::<Vec<_>>().join(" ");
            text.push_str(&format!("\n{} ({}{must})\n    {help}\n", s.key, s.label));
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}
