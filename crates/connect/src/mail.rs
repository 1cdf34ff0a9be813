//! Mail through an SMTP server (RFC 5321): one message, and the server's own answer.
//!
//! The name is resolved here and judged by the guard against private hosts; the connection goes to the address that was
//! judged, so that a name which answers differently the next time leads nowhere.

use crate::connector::Outbound;
use crate::error::{Error, Kind};
use crate::http::{addresses, redact_known, shorten, tls_trouble};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// Longest time for one step of the conversation.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the conversation is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the first byte, usually on port 465.
    Tls,
    /// TLS after STARTTLS, usually on port 587; a server that does not offer it is not spoken to.
    StartTls,
    /// None: with a server on this machine only.
    None,
}

impl MailSecurity {
    /// The usual port.
    pub fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// A server that takes mail.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name, which its certificate must carry.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the conversation is kept from others.
    pub security: MailSecurity,
    /// User and password, where it asks for them.
    pub credentials: Option<(String, SecretString)>,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// Who it is from, e.g. `rmmbridge <hub@example.com>`.
    pub from: &'a str,
    /// Who gets it.
    pub to: &'a [String],
    /// Its subject.
    pub subject: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What tells it apart: the same for each attempt to send it.
    pub id: &'a str,
}

/// Whether a text is an address mail can be sent from or to.
///
/// # Errors
/// What is wrong with it.
pub fn check_address(address: &str) -> Result<(), String> {
    address
        .parse::<Mailbox>()
        .map(drop)
        .map_err(|error| format!("`{address}` is no e-mail address: {error}"))
}

/// Sends a message; the server's own answer.
///
/// # Errors
/// [`Kind::Auth`] when it refuses the credentials, [`Kind::Invalid`] when it refuses the message for good,
/// [`Kind::Configuration`] when settings or certificates do not fit, [`Kind::Unavailable`] when the same may work later.
pub async fn send(server: &MailServer, outbound: &Outbound, mail: &Mail<'_>) -> Result<String, Error> {
    let doing = format!("sending mail through {}:{}", server.host, server.port);
    let message = message(&doing, mail)?;
    let found = addresses(&doing, &server.host, outbound.allow_private_hosts).await?;
    let (tls, found) = match server.security {
        MailSecurity::None => {
            let local: Vec<IpAddr> = found.into_iter().filter(IpAddr::is_loopback).collect();
            if local.is_empty() {
                let what = "without TLS, mail and password would be readable on the way";
                return Err(Error::new(Kind::Configuration, doing, what)
                    .advise("Use TLS or STARTTLS; none is for a server on this machine"));
            }
            (Tls::None, local)
        }
        MailSecurity::Tls => (Tls::Wrapper(parameters(&doing, server, outbound)?), found),
        MailSecurity::StartTls => (Tls::Required(parameters(&doing, server, outbound)?), found),
    };
    let mut last = None;
    // Addresses of both families: a machine may reach one of them only.
    for address in found.into_iter().take(4) {
        match converse(server, address, tls.clone(), message.clone()).await {
            Ok(answer) => return Ok(answer),
            // Whoever answered has spoken for the server.
            Err(error) if error.is_response() || error.is_permanent() || error.is_transient() => {
                return Err(told(&doing, server, &error));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(
        || Error::new(Kind::Unavailable, doing.as_str(), "the name has no address"),
        |error| told(&doing, server, &error),
    ))
}

async fn converse(
    server: &MailServer,
    address: IpAddr,
    tls: Tls,
    message: Message,
) -> Result<String, lettre::transport::smtp::Error> {
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string())
        .port(server.port)
        .hello_name(ClientId::Domain("rmmbridge.invalid".to_owned()))
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some((user, password)) = &server.credentials {
        builder = builder.credentials(Credentials::new(
            user.clone(),
            password.expose_secret().to_owned(),
        ));
    }
    let response = builder.build().send(message).await?;
    let words: Vec<&str> = response.message().collect();
    Ok(shorten(&format!("{} {}", response.code(), words.join(" ")), 300))
}

fn parameters(doing: &str, server: &MailServer, outbound: &Outbound) -> Result<TlsParameters, Error> {
    let unusable = |error: lettre::transport::smtp::Error| {
        Error::new(
            Kind::Configuration,
            doing,
            format!("TLS cannot be set up: {error}"),
        )
        .advise("Check the server's name and the extra certificate authorities")
    };
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(pem) = &outbound.extra_ca {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(unusable)?);
    }
    builder.build_rustls().map_err(unusable)
}

fn message(doing: &str, mail: &Mail<'_>) -> Result<Message, Error> {
    let invalid = |what: String| {
        Error::new(Kind::Configuration, doing, what).advise("Correct the addresses of this channel")
    };
    let address = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|error| invalid(format!("`{text}` is no e-mail address: {error}")))
    };
    let from = address(mail.from)?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .from(from)
        .subject(mail.subject)
        .message_id(Some(format!("<{}@{domain}>", mail.id)));
    for to in mail.to {
        builder = builder.to(address(to)?);
    }
    builder
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.to_owned())
        .map_err(|error| invalid(format!("the message cannot be made: {error}")))
}

/// What a failure means, with the server's own words.
fn told(doing: &str, server: &MailServer, error: &lettre::transport::smtp::Error) -> Error {
    let mut what = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !what.contains(&cause_text) {
            what = format!("{what}: {cause_text}");
        }
        source = cause.source();
    }
    let password = server
        .credentials
        .as_ref()
        .map(|(_, password)| password.expose_secret());
    let untrusted = tls_trouble(&server.host, error);
    let is_tls = error.is_tls() || untrusted.is_some();
    let what = untrusted.unwrap_or(what);
    let what = shorten(&redact_known(&what, password.as_slice()), 400);
    let code = error.status().map(u16::from);
    let (kind, next) = match code {
        // RFC 4954: the credentials, or the want of them.
        Some(530 | 534 | 535 | 538) => (Kind::Auth, "Check user and password of this channel"),
        _ if error.is_permanent() => (
            Kind::Invalid,
            "The server refuses it for good: check sender, recipients and rights",
        ),
        _ if is_tls => (
            Kind::Configuration,
            "Check the port, whether it is TLS or STARTTLS, and the name in the server's certificate; the certificate of \
             an authority of your own can be added as an extra CA",
        ),
        _ if error.is_client() => (
            Kind::Configuration,
            "The server does not offer what these settings need: STARTTLS, or a way to sign in",
        ),
        _ => (Kind::Unavailable, "It is tried again"),
    };
    Error::new(kind, doing, what).advise(next)
}
