//! Sending one notification to one channel.

use super::channel::{ChannelSettings, PASSWORD, SIGNING_KEY, URL};
use super::{signing, words};
use crate::engine::Engine;
use crate::error::{Error, Result};
use connect::http::{Answer, Http, HttpOptions, Payload};
use connect::mail::{Mail, MailServer};
use connect::{Kind, Outbound};
use http::{HeaderMap, HeaderValue};
use model::Event;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;
use store::ChannelRow;
use url::Url;

/// Longest time for one request.
const DEADLINE: Duration = Duration::from_secs(20);
/// Largest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

impl Engine {
    /// Sends one event to one channel; what the other side answered.
    pub(super) async fn send_to(&self, row: &ChannelRow, id: &str, event: &Event) -> Result<String> {
        let settings = super::settings(row)?;
        let sent = match &settings {
            ChannelSettings::Mail { to, .. } => {
                let (subject, text) = (format!("[rmmbridge] {}", words::title(event)), words::text(event));
                self.mail_through(row, &settings, to, (&subject, &text), id)
                    .await?
            }
            ChannelSettings::Teams { .. } => {
                self.post(row, &settings, HeaderMap::new(), words::teams(event))
                    .await?
            }
            ChannelSettings::Slack { .. } => {
                self.post(row, &settings, HeaderMap::new(), words::slack(event))
                    .await?
            }
            ChannelSettings::Webhook { .. } => self.post_signed(row, &settings, id, event).await?,
        };
        sent.map_err(Error::outside(&row.name))
    }

    fn outbound(&self, settings: &ChannelSettings) -> Outbound {
        Outbound {
            allow_private_hosts: settings.allows_private_hosts(),
            proxy: self.options.proxy.clone(),
            extra_ca: self.options.extra_ca.clone(),
            budget: None,
        }
    }

    async fn must_have(&self, row: &ChannelRow, name: &'static str) -> Result<SecretString> {
        self.store.channel_secret(&row.id, name).await?.ok_or_else(|| {
            let error = connect::Error::new(Kind::Configuration, "sending", format!("its {name} is missing"))
                .advise("Remove the channel and add it again");
            Error::outside(&row.name)(error)
        })
    }

    /// Sends a message through the mail server of a channel.
    pub(super) async fn mail_through(
        &self,
        row: &ChannelRow,
        settings: &ChannelSettings,
        to: &[String],
        (subject, text): (&str, &str),
        id: &str,
    ) -> Result<Result<String, connect::Error>> {
        let ChannelSettings::Mail {
            host,
            port,
            security,
            user,
            from,
            ..
        } = settings
        else {
            let what = "this channel is not one for mail";
            return Ok(Err(connect::Error::new(
                Kind::Configuration,
                "sending mail",
                what,
            )));
        };
        let credentials = match user {
            Some(user) => Some((user.clone(), self.must_have(row, PASSWORD).await?)),
            None => None,
        };
        let mut outbound = self.outbound(settings);
        // Loopback is all there is without TLS, and connect::mail sees to that.
        outbound.allow_private_hosts |= *security == connect::mail::MailSecurity::None;
        let server = MailServer {
            host: host.clone(),
            port: *port,
            security: *security,
            credentials,
        };
        let mail = Mail {
            from,
            to,
            subject,
            text,
            id,
        };
        Ok(connect::mail::send(&server, &outbound, &mail).await)
    }

    async fn post_signed(
        &self,
        row: &ChannelRow,
        settings: &ChannelSettings,
        id: &str,
        event: &Event,
    ) -> Result<Result<String, connect::Error>> {
        let key = self.must_have(row, SIGNING_KEY).await?;
        let body = words::webhook(event);
        let seconds = self.clock().now().as_second();
        let unusable = |what: &str| {
            let error = connect::Error::new(Kind::Configuration, "signing", what);
            Error::outside(&row.name)(error)
        };
        let signature = signing::sign(&key, id, seconds, body.to_string().as_bytes()).map_err(unusable)?;
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ] {
            let value =
                HeaderValue::try_from(value).map_err(|_| unusable("its headers cannot be written"))?;
            headers.insert(name, value);
        }
        self.post(row, settings, headers, body).await
    }

    async fn post(
        &self,
        row: &ChannelRow,
        settings: &ChannelSettings,
        headers: HeaderMap,
        body: Value,
    ) -> Result<Result<String, connect::Error>> {
        let secret = self.must_have(row, URL).await?;
        let doing = format!("posting to {}", settings.place());
        let Ok(url) = Url::parse(secret.expose_secret()) else {
            let error = connect::Error::new(Kind::Configuration, doing, "its address is no web address");
            return Ok(Err(error));
        };
        let mut options = HttpOptions::new(url.clone(), self.outbound(settings));
        (options.deadline, options.max_body, options.retries) = (DEADLINE, MAX_ANSWER, 0);
        let payload = Payload::Bytes {
            content_type: "application/json".to_owned(),
            // As it was signed.
            bytes: body.to_string().into_bytes().into(),
        };
        let answered = match Http::new(options, self.clock().clone()) {
            Ok(http) => http.post_to_secret_url(&doing, &url, headers, payload).await,
            Err(error) => Err(error),
        };
        Ok(answered.and_then(|answer| taken(&doing, &url, &answer)))
    }
}

/// What the other side said, without what of the address is a secret.
fn taken(doing: &str, url: &Url, answer: &Answer) -> Result<String, connect::Error> {
    let mut said = String::from_utf8_lossy(&answer.body).into_owned();
    let secrets = [url.query().unwrap_or_default(), url.path().trim_matches('/')];
    for secret in secrets.into_iter().filter(|secret| secret.len() >= 6) {
        said = said.replace(secret, "[removed]");
    }
    let said = connect::http::redact(&said);
    let said: String = said
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(300)
        .collect();
    let shown = format!("{} {said}", answer.status).trim_end().to_owned();
    let (kind, next) = match answer.status {
        200..=299 => return Ok(shown),
        401 | 403 | 404 | 410 => (
            Kind::Invalid,
            "The address is not, or no longer, one that takes messages: make a new one there, remove this channel and add it again",
        ),
        429 => (Kind::RateLimited { retry_after: None }, "It is tried again"),
        300..=499 => (Kind::Invalid, "The other side does not take the message as it is"),
        _ => (Kind::Unavailable, "It is tried again"),
    };
    Err(connect::Error::new(kind, doing, format!("the answer was {shown}")).advise(next))
}
