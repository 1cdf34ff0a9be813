//! `people`: who may sign in to the web pages, and links for those who cannot.

use super::serve::SiteArguments;
use crate::output::Output;
use crate::session::Session;
use clap::{Subcommand, ValueEnum};
use model::ActorRole;
use secrecy::ExposeSecret as _;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// List who may sign in
    List,
    /// Add a person; they sign in by the link this prints
    Add {
        /// What they sign in with: a short name or an e-mail address
        name: String,
        /// What they may do
        #[arg(long, value_enum, default_value_t = RoleWord::Technician)]
        role: RoleWord,
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Print a link that signs a person in, once, within an hour
    Link {
        /// Their name
        name: String,
        #[command(flatten)]
        site: SiteArguments,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleWord {
    /// Reads only
    Viewer,
    /// Matches, maps, plans and applies
    Technician,
    /// Everything, including connections, settings and people
    Owner,
}

impl From<RoleWord> for ActorRole {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Viewer => Self::Viewer,
            RoleWord::Technician => Self::Technician,
            RoleWord::Owner => Self::Owner,
        }
    }
}

pub async fn run(session: &Session, command: PeopleCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match command {
        PeopleCommand::List => {
            let people = engine.people(actor).await?;
            output.show(&people, || {
                if people.is_empty() {
                    return "Nobody yet: `rmmbridge serve` prints the address where the first Owner is set up.".to_owned();
                }
                let line = |p: &model::Person| {
                    let seen = p.seen.map_or_else(|| "never signed in".to_owned(), |at| format!("last signed in {at:.0}"));
                    let off = if p.disabled { ", disabled" } else { "" };
                    format!("{}: {:?}, {seen}{off}", p.name, p.role)
                };
                people.iter().map(line).collect::<Vec<_>>().join("\n")
            })?;
        }
        PeopleCommand::Add { name, role, site } => {
            let person = engine.add_person(actor, &name, role.into(), None).await?;
            show_link(session, &person.name, &site, output).await?;
        }
        PeopleCommand::Link { name, site } => show_link(session, &name, &site, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn show_link(
    session: &Session,
    name: &str,
    site: &SiteArguments,
    output: Output,
) -> anyhow::Result<()> {
    let token = session.engine.sign_in_token(&session.actor, name).await?;
    let link = site
        .site()?
        .address(&format!("/sign-in/link?token={}", token.expose_secret()));
    output.show(&serde_json::json!({ "name": name, "link": link }), || {
        format!("{name} signs in by this link, once, within an hour:\n{link}")
    })
}
