//! `api-keys`: how programs use the hub.

use crate::output::{Output, table, time};
use crate::session::Session;
use clap::{Args, Subcommand, ValueEnum};
use engine::api_keys::NewKey;
use model::{ApiKey, KeyScope};
use secrecy::ExposeSecret as _;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum ApiKeysCommand {
    /// Make a key of the hub's own; it is shown once
    Add(AddArguments),
    /// List keys: what each is for, until when, and when it was last used
    List,
    /// Revoke a key: it works no more from here on
    Revoke {
        /// The key's name
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct AddArguments {
    /// What you call it, e.g. the program that will use it; what it does is noted under this name
    name: String,

    /// What it may be used for; several by comma
    #[arg(long, value_enum, value_delimiter = ',', default_value = "read")]
    scope: Vec<ScopeWord>,

    /// For how many days it works
    #[arg(long, default_value_t = 90)]
    days: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScopeWord {
    /// See everything a Viewer sees
    Read,
    /// Decide matches and mappings, read the source, make plans
    Plan,
    /// Apply plans, sync, retry and undo
    Apply,
    /// Make, change and pause connections
    Connections,
    /// Change settings, and pause all writes
    Settings,
}

impl From<ScopeWord> for KeyScope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Read => Self::Read,
            ScopeWord::Plan => Self::Plan,
            ScopeWord::Apply => Self::Apply,
            ScopeWord::Connections => Self::Connections,
            ScopeWord::Settings => Self::Settings,
        }
    }
}

pub async fn run(session: &Session, command: ApiKeysCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match command {
        ApiKeysCommand::Add(arguments) => {
            let new = NewKey {
                name: arguments.name,
                scopes: arguments.scope.into_iter().map(KeyScope::from).collect(),
                days: arguments.days,
                for_hub: true,
            };
            let (key, secret) = engine.make_api_key(actor, new).await?;
            let secret = secret.expose_secret();
            output.show(&serde_json::json!({ "key": key, "secret": secret }), || {
                format!(
                    "{secret}\nThis is the key `{}` and is shown once. It is good for {} until {}.\n\
                     Send it as: Authorization: Bearer KEY\n",
                    plan::render::visible(&key.name),
                    words(&key),
                    time(key.expires)
                )
            })?;
        }
        ApiKeysCommand::List => {
            let keys = engine.api_keys(actor).await?;
            output.show(&keys, || match keys.is_empty() {
                true => "There are no keys yet. Make one with: rmmbridge api-keys add".to_owned(),
                false => table(
                    &["name", "begins with", "whose", "good for", "until", "last used"],
                    keys.iter().map(row),
                ),
            })?;
        }
        ApiKeysCommand::Revoke { name } => {
            let keys = engine.api_keys(actor).await?;
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                let known = keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>();
                anyhow::bail!(
                    "there is no API key `{}`. There are: {}",
                    plan::render::visible(&name),
                    plan::render::visible(&known.join(", "))
                );
            };
            engine.revoke_api_key(actor, &key.id).await?;
            output.show(&serde_json::json!({ "revoked": key.name }), || {
                format!("The key `{}` works no more.", plan::render::visible(&key.name))
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn words(key: &ApiKey) -> String {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    scopes.join(", ")
}

fn row(key: &ApiKey) -> Vec<String> {
    vec![
        plan::render::visible(&key.name),
        key.prefix.clone(),
        key.person.clone().unwrap_or_else(|| "the hub".to_owned()),
        words(key),
        time(key.expires),
        key.used.map_or_else(|| "never".to_owned(), time),
    ]
}
