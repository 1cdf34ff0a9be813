//! `people provider`: the identity provider people may sign in through.

use super::RoleWord;
use crate::cli::notify::ask;
use crate::cli::serve::SiteArguments;
use crate::output::Output;
use crate::session::Session;
use clap::{Args, Subcommand};
use engine::Verdict;
use engine::sign_in_provider::{SignInProvider, USUAL_SCOPES};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Show the provider and the redirect URI to register there
    Show {
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Set the provider up, or change it: everything is said anew, but for the secret, which stays where none is given
    Set(SetArguments),
    /// Read the provider's configuration and say whether people can sign in through it
    Test,
    /// Do away with the provider; people sign in by password then
    Remove,
}

#[derive(Debug, Args)]
pub struct SetArguments {
    /// What people call it: the sign-in page says `Sign in with NAME`
    #[arg(long)]
    name: String,

    /// Its issuer, exactly as it states it
    #[arg(long, value_name = "URL")]
    issuer: String,

    /// The client ID it shows
    #[arg(long)]
    client_id: String,

    /// Ask for the client secret, or read it from standard input when that is no terminal
    #[arg(long)]
    secret: bool,

    /// What is asked for; several by comma
    #[arg(long, value_delimiter = ',', default_values_t = USUAL_SCOPES.map(str::to_owned))]
    scopes: Vec<String>,

    /// People who are here are known by their verified e-mail address
    #[arg(long)]
    know_by_email: bool,

    /// Admit whoever is not here yet, with this role; takes --domain
    #[arg(long, value_enum, value_name = "ROLE")]
    admit: Option<RoleWord>,

    /// Whoever comes the first time must have an address of this domain
    #[arg(long)]
    domain: Option<String>,

    /// Ask for our own second factor, too
    #[arg(long)]
    own_factor: bool,

    /// Allow a private or loopback host
    #[arg(long)]
    allow_private_hosts: bool,
}

/// What the provider is, for people.
fn in_words(provider: &SignInProvider) -> String {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let admits = match (provider.admits, &provider.domain) {
        (Some(role), Some(domain)) => format!("whoever has an address of {domain}, as {role:?}"),
        (Some(role), None) => format!("everybody, as {role:?}"),
        (None, _) => "nobody who was not invited".to_owned(),
    };
    format!(
        "{}: {}\nClient ID          {}\nScopes             {}\nKnown by e-mail    {}\nAdmits             {admits}\nOwn second factor  {}",
        provider.label,
        provider.issuer,
        provider.client_id,
        provider.scopes.join(" "),
        yes(provider.knows_by_email),
        yes(provider.asks_own_factor),
    )
}

pub async fn run(session: &Session, command: ProviderCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match command {
        ProviderCommand::Show { site } => {
            let provider = engine.sign_in_provider(actor).await?;
            let redirect = site.site()?.address(web::PROVIDER_CALLBACK);
            let document = serde_json::json!({ "provider": provider, "redirect_uri": redirect });
            output.show(&document, || {
                let provider = match &provider {
                    Some(provider) => in_words(provider),
                    None => "There is none. Set one up with: rmmbridge people provider set".to_owned(),
                };
                format!("{provider}\nRedirect URI       {redirect}")
            })?;
        }
        ProviderCommand::Set(set) => {
            let secret = match set.secret {
                true => Some(ask("The client secret: ")?),
                false => None,
            };
            let new = SignInProvider {
                label: set.name,
                issuer: set.issuer,
                client_id: set.client_id,
                scopes: set.scopes,
                knows_by_email: set.know_by_email,
                admits: set.admit.map(Into::into),
                domain: set.domain,
                asks_own_factor: set.own_factor,
                allow_private_hosts: set.allow_private_hosts,
            };
            let saved = engine.save_sign_in_provider(actor, new, secret).await?;
            output.show(&saved, || {
                format!("{}\nTest it: rmmbridge people provider test", in_words(&saved))
            })?;
        }
        ProviderCommand::Test => {
            let points = session
                .unless_stopped(engine.test_sign_in_provider(actor))
                .await??;
            output.show(&points, || {
                let line = |point: &engine::CheckPoint| {
                    let mark = match point.verdict {
                        Verdict::Passed => "ok    ",
                        Verdict::Failed => "FAILED",
                        Verdict::NotTried => "-     ",
                    };
                    plan::render::visible(&format!("{mark}  {}: {}", point.point, point.detail))
                };
                points.iter().map(line).collect::<Vec<_>>().join("\n")
            })?;
            if points.iter().any(|point| point.verdict == Verdict::Failed) {
                return Ok(ExitCode::FAILURE);
            }
        }
        ProviderCommand::Remove => {
            let had = engine.remove_sign_in_provider(actor).await?;
            output.show(&serde_json::json!({ "removed": had }), || {
                match had {
                    true => "The provider is removed. People sign in by password.",
                    false => "There was none.",
                }
                .to_owned()
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
