//! Who is told when a state changes: channels, adding one, trying one.

use super::{Tabs, tabs};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::form::{Field, Sent};
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page, page_with};
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;
use engine::notifying::{Channel, ChannelSettings, MailSecurity, NewChannel, NotificationState};
use jiff::Timestamp;
use model::{ActorRole, EventKind};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

const HERE: &str = "/settings/notifications";
const KINDS: [(&str, &str); 4] = [
    ("mail", "E-mail"),
    ("teams", "Microsoft Teams"),
    ("slack", "Slack"),
    ("webhook", "Webhook"),
];

#[derive(Template)]
#[template(path = "settings/channels.html")]
struct ChannelsPage {
    frame: Frame,
    tabs: Tabs,
    channels: Vec<Card>,
    kinds: [(&'static str, &'static str); 4],
    may_change: bool,
}

/// A channel as a card.
struct Card {
    name: String,
    /// Its name in an address.
    path: String,
    /// The id of the question before it is removed.
    dialog: String,
    kind: &'static str,
    place: String,
    events: String,
    last: Vec<Said>,
}

/// Something that was said to a channel.
struct Said {
    tone: Tone,
    state: String,
    what: String,
    reason: String,
    when: When,
}

#[derive(Template)]
#[template(path = "settings/channel_new.html")]
struct NewPage {
    frame: Frame,
    kind: &'static str,
    label: &'static str,
    kinds: Vec<(&'static str, String, bool)>,
    fields: Vec<Field>,
    events: Vec<EventTick>,
    private_hosts: Field,
}

/// An event that can be ticked.
struct EventTick {
    kind: EventKind,
    words: &'static str,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "settings/channel_made.html")]
struct MadePage {
    frame: Frame,
    path: String,
    key: String,
}

#[derive(Deserialize)]
pub struct Kind {
    #[serde(default)]
    kind: String,
}

fn label(kind: &str) -> &'static str {
    let found = KINDS.into_iter().find(|(known, _)| *known == kind);
    found.map_or("Channel", |(_, label)| label)
}

/// What an event is called by people.
fn event_in_words(kind: EventKind) -> &'static str {
    match kind {
        EventKind::BridgeStale => "A bridge's data is too old",
        EventKind::BridgeFailing => "A bridge's reads or runs fail",
        EventKind::BridgeWaiting => "A bridge waits for a person",
        EventKind::RunStopped => "The brakes stopped a plan",
        EventKind::ConnectionAttention => "A connection needs a person",
        EventKind::AuditBroken => "The audit log does not hold",
        EventKind::HubWaits => "A restored or copied hub waits for an Owner",
    }
}

fn in_address(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

fn card(channel: Channel, now: Timestamp) -> Card {
    let events: Vec<&str> = channel.events.iter().map(|kind| event_in_words(*kind)).collect();
    let last = channel.last.iter().map(|said| {
        let (tone, state) = match said.state {
            NotificationState::Sent => (Tone::Good, "Taken".to_owned()),
            NotificationState::Queued if said.attempt > 0 => {
                (Tone::Warn, format!("Not taken yet, tried {} times", said.attempt))
            }
            NotificationState::Queued => (Tone::Busy, "On its way".to_owned()),
            NotificationState::GivenUp => (Tone::Bad, "Given up".to_owned()),
        };
        let over = if said.event.recovered { "Over: " } else { "" };
        Said {
            tone,
            state,
            what: format!(
                "{over}{}, {}",
                event_in_words(said.event.kind),
                said.event.subject
            ),
            reason: said.reason.clone().unwrap_or_default(),
            when: When::new(said.created, now),
        }
    });
    Card {
        kind: label(channel.settings.kind()),
        place: channel.settings.place(),
        events: match events.is_empty() {
            true => "Everything".to_owned(),
            false => events.join(" · "),
        },
        last: last.collect(),
        path: in_address(&channel.name),
        dialog: format!("remove-{}", channel.id),
        name: channel.name,
    }
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let now = web.engine.clock().now();
    let channels = web.engine.channels(&signed_in.actor).await?;
    page(&ChannelsPage {
        frame: signed_in.frame("Notifications", Section::Settings).await?,
        tabs: tabs(&signed_in, HERE),
        channels: channels.into_iter().map(|channel| card(channel, now)).collect(),
        kinds: KINDS,
        may_change: signed_in.may(ActorRole::Owner),
    })
}

fn mail_fields(sent: &Sent, problems: &[SettingProblem]) -> Vec<Field> {
    let text = |key: &str, label: &str| {
        Field::text(key, label)
            .value(sent.get(key))
            .problem_of(key, problems)
    };
    let security = [
        ("starttls", "STARTTLS, usually port 587"),
        ("tls", "TLS from the start, usually port 465"),
        ("none", "None: a server on this machine only"),
    ];
    let security_now = Some(sent.get("security")).filter(|word| !word.is_empty());
    vec![
        text("host", "Mail server")
            .placeholder("smtp.example.com")
            .required(),
        Field::choice("security", "Encryption", security)
            .value(security_now.unwrap_or("starttls"))
            .required()
            .problem_of("security", problems),
        text("port", "Port").help("Empty for the usual one"),
        text("user", "User").help("Where the server asks for one"),
        Field::password("secret.password", "Password").problem_of("password", problems),
        text("from", "From")
            .placeholder("rmmbridge <hub@example.com>")
            .required(),
        text("to", "To")
            .help("Several by comma")
            .placeholder("noc@example.com")
            .required(),
    ]
}

fn webhook_fields(kind: &str, problems: &[SettingProblem]) -> Vec<Field> {
    let help = match kind {
        "teams" => {
            "In Teams: the channel's menu, Workflows, \u{201c}Send webhook alerts to a channel\u{201d}; copy the address it shows"
        }
        "slack" => "In Slack: your app, Incoming Webhooks, Add New Webhook; copy the address it shows",
        _ => {
            "Messages are JSON, signed in the manner of Standard Webhooks; the key is shown once after saving"
        }
    };
    vec![
        Field::password("secret.url", "Address")
            .help(help)
            .required()
            .problem_of("url", problems),
    ]
}

async fn new_page(
    signed_in: &SignedIn,
    kind: &'static str,
    sent: &Sent,
    problems: &[SettingProblem],
) -> Result<Response> {
    let mut fields = vec![
        Field::text("name", "Name")
            .help("What you call it")
            .value(if sent.is_empty() { kind } else { sent.get("name") })
            .required()
            .problem_of("name", problems),
    ];
    fields.extend(match kind {
        "mail" => mail_fields(sent, problems),
        _ => webhook_fields(kind, problems),
    });
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let events = EventKind::ALL.into_iter().map(|event| EventTick {
        kind: event,
        words: event_in_words(event),
        ticked: sent.all("event").any(|word| word == event.as_str()),
    });
    let kinds = KINDS
        .into_iter()
        .map(|(word, label)| (label, format!("{HERE}/new?kind={word}"), word == kind));
    page_with(
        status,
        &NewPage {
            frame: signed_in
                .frame(format!("Notify by {}", label(kind)), Section::Settings)
                .await?,
            kind,
            label: label(kind),
            kinds: kinds.collect(),
            fields,
            events: events.collect(),
            private_hosts: Field::tick(
                "private_hosts",
                "It may be on a private or loopback address",
                sent.has("private_hosts"),
            ),
        },
    )
}

fn kind_of(word: &str) -> Result<&'static str> {
    let found = KINDS.into_iter().find(|(known, _)| *known == word);
    found.map(|(kind, _)| kind).ok_or_else(|| {
        Problem::missing("There is no such kind of channel.").advise("Choose one under Notifications")
    })
}

/// The form of a new channel.
pub async fn show_new(signed_in: SignedIn, Query(Kind { kind }): Query<Kind>) -> Result<Response> {
    if !signed_in.may(ActorRole::Owner) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "An Owner makes notification channels.",
        ));
    }
    new_page(&signed_in, kind_of(&kind)?, &Sent::default(), &[]).await
}

/// What the form says, as a channel; problems the engine cannot see, since they are about text that is no number.
fn channel(kind: &str, sent: &Sent) -> (NewChannel, Vec<SettingProblem>) {
    let allow_private_hosts = sent.has("private_hosts");
    let secret = |key: &str| sent.has(key).then(|| sent.secret(key));
    let (host, mut problems) = (sent.get("host").trim().to_owned(), Vec::new());
    let settings = match kind {
        "mail" => {
            let security = match sent.get("security") {
                "tls" => MailSecurity::Tls,
                "none" => MailSecurity::None,
                _ => MailSecurity::StartTls,
            };
            let port = match sent.get("port").trim() {
                "" => security.port(),
                text => text.parse().unwrap_or_else(|_| {
                    problems.push(SettingProblem {
                        key: "port".to_owned(),
                        message: "A port is a number from 1 to 65535".to_owned(),
                    });
                    security.port()
                }),
            };
            let to = sent.get("to").split([',', ';', '\n']).map(str::trim);
            ChannelSettings::Mail {
                host,
                port,
                security,
                user: Some(sent.get("user").trim().to_owned()).filter(|user| !user.is_empty()),
                from: sent.get("from").trim().to_owned(),
                to: to.filter(|to| !to.is_empty()).map(str::to_owned).collect(),
                allow_private_hosts,
            }
        }
        "teams" => ChannelSettings::Teams {
            host,
            allow_private_hosts,
        },
        "slack" => ChannelSettings::Slack {
            host,
            allow_private_hosts,
        },
        _ => ChannelSettings::Webhook {
            host,
            allow_private_hosts,
        },
    };
    let new = NewChannel {
        name: sent.get("name").to_owned(),
        settings,
        events: sent.all("event").filter_map(EventKind::named).collect(),
        url: secret("secret.url"),
        password: secret("secret.password"),
        signing_key: None,
    };
    (new, problems)
}

/// Makes a channel.
pub async fn add(State(web): State<Web>, signed_in: SignedIn, Form(sent): Form<Sent>) -> Result<Response> {
    let kind = kind_of(sent.get("kind"))?;
    let (new, problems) = channel(kind, &sent);
    if !problems.is_empty() && signed_in.may(ActorRole::Owner) {
        return new_page(&signed_in, kind, &sent, &problems).await;
    }
    match web.engine.add_channel(&signed_in.actor, new).await {
        Ok((made, Some(key))) => page(&MadePage {
            frame: signed_in
                .frame(format!("The channel {}", made.name), Section::Settings)
                .await?,
            path: in_address(&made.name),
            key: key.expose_secret().to_owned(),
        }),
        Ok((made, None)) => {
            let said = format!("{} is added. Test it, to see whether messages arrive.", made.name);
            signed_in.flash(Tone::Good, said).await?;
            Ok(Redirect::to(HERE).into_response())
        }
        Err(engine::Error::Settings { problems, .. }) => new_page(&signed_in, kind, &sent, &problems).await,
        Err(engine::Error::Store(engine::StoreError::Taken { .. })) => {
            let taken = SettingProblem {
                key: "name".to_owned(),
                message: "Another channel has this name".to_owned(),
            };
            new_page(&signed_in, kind, &sent, &[taken]).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends a message to try it; the other side's own answer.
pub async fn test(State(web): State<Web>, signed_in: SignedIn, Path(name): Path<String>) -> Result<Response> {
    match web.engine.test_channel(&signed_in.actor, &name).await {
        Ok(answer) => {
            let said = format!("{name} took the message. The other side said: {answer}");
            signed_in.flash(Tone::Good, said).await?;
        }
        Err(error @ engine::Error::Outside { .. }) => {
            let said = format!(
                "The message was not taken. {}.",
                in_words(&error).trim_end_matches('.')
            );
            signed_in.flash(Tone::Bad, said).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(HERE).into_response())
}

/// Removes a channel.
pub async fn remove(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Result<Response> {
    web.engine.remove_channel(&signed_in.actor, &name).await?;
    signed_in.flash(Tone::Good, format!("{name} is removed.")).await?;
    Ok(Redirect::to(HERE).into_response())
}
