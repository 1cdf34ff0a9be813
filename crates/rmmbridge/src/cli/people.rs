//! `people`: who may sign in to the web pages, and links for those who cannot.

mod provider;

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
    /// Give a person another role; they are signed out
    Role {
        /// Their name
        name: String,
        /// What they may do
        #[arg(value_enum)]
        role: RoleWord,
    },
    /// Let a person sign in no more: they are signed out, and their keys stop working
    Off {
        /// Their name
        name: String,
    },
    /// Let a person sign in again
    On {
        /// Their name
        name: String,
    },
    /// Remove a person; what they did stays in the audit log
    Remove {
        /// Their name
        name: String,
    },
    /// For whoever lost their password or second factor: take it away, and print a link to choose a new password
    Reset {
        /// Their name
        name: String,
        /// Take only the second factor away; the password stays
        #[arg(long)]
        second_factor: bool,
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Say whether everybody needs a second factor
    RequireSecondFactor {
        /// Whether they do
        #[arg(value_enum)]
        required: YesNo,
    },
    /// Unlink a person's account at the identity provider; they are signed out everywhere
    Unlink {
        /// Their name
        name: String,
    },
    /// The identity provider people may sign in through (OpenID Connect)
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Print a link that signs a person in, once, within an hour
    Link {
        /// Their name
        name: String,
        #[command(flatten)]
        site: SiteArguments,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    Yes,
    No,
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
                    let off = if p.disabled { ", switched off" } else { "" };
                    let factor = if p.second_factor { ", second factor" } else { "" };
                    format!("{}: {:?}, {seen}{factor}{off}", p.name, p.role)
                };
                people.iter().map(line).collect::<Vec<_>>().join("\n")
            })?;
        }
        PeopleCommand::Add { name, role, site } => {
            let person = engine.add_person(actor, &name, role.into(), None).await?;
            show_link(session, &person.name, &site, output).await?;
        }
        PeopleCommand::Role { name, role } => {
            let person = engine.person_called(actor, &name).await?;
            let person = engine.change_role(actor, &person.id, role.into()).await?;
            output.show(&person, || {
                format!("{} is {:?} now, and signed out.", person.name, person.role)
            })?;
        }
        PeopleCommand::Off { name } => {
            let person = engine.person_called(actor, &name).await?;
            let person = engine.switch_person(actor, &person.id, true).await?;
            output.show(&person, || {
                format!("{} is signed out and cannot sign in any more.", person.name)
            })?;
        }
        PeopleCommand::On { name } => {
            let person = engine.person_called(actor, &name).await?;
            let person = engine.switch_person(actor, &person.id, false).await?;
            output.show(&person, || format!("{} can sign in again.", person.name))?;
        }
        PeopleCommand::Remove { name } => {
            let person = engine.person_called(actor, &name).await?;
            let person = engine.remove_person(actor, &person.id).await?;
            output.show(&serde_json::json!({ "removed": person.name }), || {
                format!("{} is removed.", person.name)
            })?;
        }
        PeopleCommand::Reset {
            name,
            second_factor: true,
            ..
        } => {
            let person = engine.person_called(actor, &name).await?;
            let had = engine.remove_second_factor_of(actor, &person.id).await?;
            output.show(
                &serde_json::json!({ "name": person.name, "had_second_factor": had }),
                || match had {
                    true => format!(
                        "The second factor of {} is gone; they sign in by password and can set up a new one.",
                        person.name
                    ),
                    false => format!("{} had no second factor.", person.name),
                },
            )?;
        }
        PeopleCommand::Reset { name, site, .. } => {
            let person = engine.person_called(actor, &name).await?;
            let token = engine.reset_password(actor, &person.id).await?;
            let path = format!("/sign-in/invitation?token={}", token.expose_secret());
            let link = site.site()?.address(&path);
            output.show(&serde_json::json!({ "name": person.name, "link": link }), || {
                format!(
                    "The password of {} is gone, and they are signed out everywhere. With this link they choose a new one, \
                     once, within three days:\n{link}",
                    person.name
                )
            })?;
        }
        PeopleCommand::RequireSecondFactor { required } => {
            let required = required == YesNo::Yes;
            engine.require_second_factor(actor, required).await?;
            output.show(&serde_json::json!({ "required": required }), || match required {
                true => "Everybody needs a second factor now. Whoever has none is led to setting one up."
                    .to_owned(),
                false => "A second factor is up to everybody now.".to_owned(),
            })?;
        }
        PeopleCommand::Unlink { name } => {
            let person = engine.person_called(actor, &name).await?;
            let unlinked = engine.unlink_identities_of(actor, &person.id).await?;
            output.show(
                &serde_json::json!({ "name": person.name, "unlinked": unlinked }),
                || match unlinked {
                    0 => format!("{} has no account linked.", person.name),
                    _ => format!(
                        "The account of {} is unlinked, and they are signed out everywhere.",
                        person.name
                    ),
                },
            )?;
        }
        PeopleCommand::Provider(command) => return provider::run(session, command, output).await,
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
