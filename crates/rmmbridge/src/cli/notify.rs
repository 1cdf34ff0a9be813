//! `notify`: who is told when a state changes, and whether that works.

use crate::output::{Output, table, time};
use crate::session::Session;
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use connect::mail::MailSecurity;
use engine::notifying::{Channel, ChannelSettings, NewChannel};
use model::EventKind;
use secrecy::{ExposeSecret as _, SecretString};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use store::NotificationState;

const EVENTS: &str = "\
Events (all when --event is not given), each said once when it begins and once when it is over:
  bridge_stale          a bridge's data is older than twice its schedule's interval, even when nothing failed
  bridge_failing        its reads or runs fail, again and again or for good
  bridge_waiting        it waits for a person
  run_stopped           the brakes stopped a plan
  connection_attention  a connection needs a person
  audit_broken          the audit log does not hold
  hub_waits             a restored or copied hub waits for an Owner

Secrets are asked for, or read from standard input when that is no terminal: the password of a mail server, the
address of a Teams, Slack or generic webhook. A worker sends what there is to say; what is not taken is tried again for
a day.";

#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Tell somebody when a state changes: by e-mail, Microsoft Teams, Slack or a webhook
    #[command(subcommand, after_long_help = EVENTS)]
    Add(AddCommand),
    /// List channels, and what was said to each last
    List,
    /// Send a message to a channel now, and show the other side's own answer
    Test {
        /// The channel
        name: String,
    },
    /// Remove a channel; what was on its way to it is not sent
    Remove {
        /// The channel
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct Common {
    /// What you call the channel
    #[arg(long)]
    name: String,

    /// Tell it of these events only; several by comma
    #[arg(long, value_delimiter = ',', value_name = "EVENT", value_parser = event)]
    event: Vec<EventKind>,

    /// Allow a private or loopback host
    #[arg(long)]
    allow_private_hosts: bool,
}

#[derive(Debug, Subcommand)]
pub enum AddCommand {
    /// E-mail through an SMTP server; asks for the password where a user is given
    #[command(after_long_help = EVENTS)]
    Mail {
        #[command(flatten)]
        common: Common,
        /// The mail server's name
        #[arg(long)]
        host: String,
        /// Its port [default: 465 with TLS, 587 with STARTTLS, 25 without]
        #[arg(long)]
        port: Option<u16>,
        /// How the conversation is kept from others; none is for a server on this machine
        #[arg(long, value_enum, default_value = "starttls")]
        security: Security,
        /// The user to sign in as
        #[arg(long)]
        user: Option<String>,
        /// Who it is from, e.g. "rmmbridge <hub@example.com>"
        #[arg(long)]
        from: String,
        /// Who gets it; several by comma
        #[arg(long, value_delimiter = ',', required = true)]
        to: Vec<String>,
    },
    /// Microsoft Teams: asks for the address of a workflow or incoming webhook
    #[command(after_long_help = EVENTS)]
    Teams(Common),
    /// Slack: asks for the address of an incoming webhook
    #[command(after_long_help = EVENTS)]
    Slack(Common),
    /// A webhook of your own: JSON, signed in the manner of Standard Webhooks; the signing key is shown once
    #[command(after_long_help = EVENTS)]
    Webhook(Common),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Security {
    Tls,
    Starttls,
    None,
}

fn event(word: &str) -> Result<EventKind, String> {
    EventKind::named(word).ok_or_else(|| {
        let all: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("write one of {}", all.join(", "))
    })
}

pub async fn run(session: &Session, command: NotifyCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match command {
        NotifyCommand::Add(command) => {
            let (channel, key) = engine.add_channel(actor, new(command)?).await?;
            let key = key.as_ref().map(|key| key.expose_secret().to_owned());
            let document = serde_json::json!({ "channel": channel, "signing_key": key });
            output.show(&document, || {
                let mut text = format!(
                    "Channel `{}` ({}): {}\n",
                    channel.name,
                    channel.settings.kind(),
                    plan::render::visible(&channel.settings.place())
                );
                if let Some(key) = &key {
                    text.push_str(&format!(
                        "Messages are signed with this key, which is shown once: {key}\n"
                    ));
                }
                text.push_str(&format!("Try it: rmmbridge notify test {}\n", channel.name));
                text
            })?;
        }
        NotifyCommand::List => {
            let channels = engine.channels(actor).await?;
            output.show(&channels, || list(&channels))?;
        }
        NotifyCommand::Test { name } => {
            let answer = session
                .unless_stopped(engine.test_channel(actor, &name))
                .await??;
            output.show(&serde_json::json!({ "channel": name, "answer": answer }), || {
                format!("Sent. The answer: {}", plan::render::visible(&answer))
            })?;
        }
        NotifyCommand::Remove { name } => {
            engine.remove_channel(actor, &name).await?;
            output.show(&serde_json::json!({ "removed": name }), || {
                format!("Channel `{name}` is removed.")
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn new(command: AddCommand) -> anyhow::Result<NewChannel> {
    let webhook = |common: Common, settings: fn(bool) -> ChannelSettings| -> anyhow::Result<NewChannel> {
        Ok(NewChannel {
            name: common.name,
            settings: settings(common.allow_private_hosts),
            events: common.event,
            url: Some(ask("The webhook's address: ")?),
            password: None,
            signing_key: None,
        })
    };
    match command {
        AddCommand::Mail {
            common,
            host,
            port,
            security,
            user,
            from,
            to,
        } => {
            let security = match security {
                Security::Tls => MailSecurity::Tls,
                Security::Starttls => MailSecurity::StartTls,
                Security::None => MailSecurity::None,
            };
            let password = match &user {
                Some(user) => Some(ask(&format!("The password of {user}: "))?),
                None => None,
            };
            Ok(NewChannel {
                name: common.name,
                settings: ChannelSettings::Mail {
                    host,
                    port: port.unwrap_or_else(|| security.port()),
                    security,
                    user,
                    from,
                    to,
                    allow_private_hosts: common.allow_private_hosts,
                },
                events: common.event,
                url: None,
                password,
                signing_key: None,
            })
        }
        AddCommand::Teams(common) => webhook(common, |allow_private_hosts| ChannelSettings::Teams {
            host: String::new(),
            allow_private_hosts,
        }),
        AddCommand::Slack(common) => webhook(common, |allow_private_hosts| ChannelSettings::Slack {
            host: String::new(),
            allow_private_hosts,
        }),
        AddCommand::Webhook(common) => webhook(common, |allow_private_hosts| ChannelSettings::Webhook {
            host: String::new(),
            allow_private_hosts,
        }),
    }
}

/// A secret, typed without being shown or read from standard input.
pub fn ask(what: &str) -> anyhow::Result<SecretString> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(what).context("reading a secret from the terminal")?
    } else {
        let mut line = String::new();
        std::io::stdin()
            .read_line(&mut line)
            .context("reading a secret from standard input")?;
        line
    };
    let text = text.trim();
    anyhow::ensure!(!text.is_empty(), "{}nothing was given", what);
    Ok(SecretString::from(text))
}

fn list(channels: &[Channel]) -> String {
    if channels.is_empty() {
        return "Nobody is told yet. Make a channel with: rmmbridge notify add".to_owned();
    }
    let rows = channels.iter().map(|channel| {
        let events: Vec<&str> = channel.events.iter().map(|kind| kind.as_str()).collect();
        let events = if events.is_empty() {
            "all".to_owned()
        } else {
            events.join(", ")
        };
        vec![
            channel.name.clone(),
            channel.settings.kind().to_owned(),
            channel.settings.place(),
            events,
        ]
    });
    let mut text = table(&["name", "kind", "to", "events"], rows);
    for channel in channels {
        for said in &channel.last {
            let state = match said.state {
                NotificationState::Queued if said.attempt > 0 => {
                    format!("not taken yet, tried {} times", said.attempt)
                }
                NotificationState::Queued => "on its way".to_owned(),
                NotificationState::Sent => "sent".to_owned(),
                NotificationState::GivenUp => "GIVEN UP".to_owned(),
            };
            let phase = if said.event.recovered { "over: " } else { "" };
            let reason = said
                .reason
                .as_deref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            text.push_str(&plan::render::visible(&format!(
                "  {} {} {phase}{} ({}) {state}{reason}",
                channel.name,
                time(said.created),
                said.event.kind,
                said.event.subject,
            )));
            text.push('\n');
        }
    }
    text
}
