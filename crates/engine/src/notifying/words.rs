//! What each sort of channel is sent.

use model::Event;
use serde_json::{Value, json};

/// The first line: what happened to what.
pub(super) fn title(event: &Event) -> String {
    use model::EventKind as Kind;
    let what = match (event.kind, event.recovered) {
        (Kind::BridgeStale, false) => "data is too old",
        (Kind::BridgeStale, true) => "data is fresh again",
        (Kind::BridgeFailing, false) => "keeps failing",
        (Kind::BridgeFailing, true) => "works again",
        (Kind::BridgeWaiting, false) => "waits for a person",
        (Kind::BridgeWaiting, true) => "goes on",
        (Kind::RunStopped, false) => "the brakes stopped a plan",
        (Kind::RunStopped, true) => "goes on after the brakes stopped it",
        (Kind::ConnectionAttention, false) => "needs attention",
        (Kind::ConnectionAttention, true) => "works again",
        (Kind::AuditBroken, false) => "is broken",
        (Kind::AuditBroken, true) => "is whole",
        (Kind::HubWaits, false) => "waits for an Owner",
        (Kind::HubWaits, true) => "works",
    };
    format!("{}: {what}", event.subject)
}

/// A message of text.
pub(super) fn text(event: &Event) -> String {
    format!(
        "{}\n\n{}\n\nNoticed {}\n",
        title(event),
        event.text,
        event.at.strftime("%Y-%m-%d %H:%M UTC")
    )
}

/// An adaptive card, as workflows and incoming webhooks of Teams take them.
pub(super) fn teams(event: &Event) -> Value {
    let colour = if event.recovered { "good" } else { "attention" };
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    { "type": "TextBlock", "text": title(event), "weight": "bolder", "size": "medium",
                      "color": colour, "wrap": true },
                    { "type": "TextBlock", "text": event.text, "wrap": true },
                    { "type": "TextBlock", "text": format!("rmmbridge, {}", event.at.strftime("%Y-%m-%d %H:%M UTC")),
                      "isSubtle": true, "size": "small", "wrap": true },
                ],
            },
        }],
    })
}

/// A message for Slack, in which `&`, `<` and `>` have a meaning of their own.
pub(super) fn slack(event: &Event) -> Value {
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let mark = if event.recovered {
        ":white_check_mark:"
    } else {
        ":warning:"
    };
    let title = escaped(&title(event));
    json!({
        "text": title,
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": format!("{mark} *{title}*\n{}", escaped(&event.text)) } },
            { "type": "context", "elements": [
                { "type": "mrkdwn", "text": format!("rmmbridge, {}", event.at.strftime("%Y-%m-%d %H:%M UTC")) },
            ] },
        ],
    })
}

/// The body of a generic webhook.
pub(super) fn webhook(event: &Event) -> Value {
    let phase = if event.recovered { "recovered" } else { "began" };
    json!({
        "type": format!("{}.{phase}", event.kind),
        "timestamp": event.at,
        "data": {
            "event": event.kind, "recovered": event.recovered, "subject": event.subject,
            "title": title(event), "text": event.text,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use model::EventKind;

    #[test]
    fn every_event_reads_as_a_sentence() {
        for kind in EventKind::ALL {
            for recovered in [false, true] {
                let event = Event {
                    kind,
                    recovered,
                    subject: "Bridge <assets>".to_owned(),
                    text: "a & b".to_owned(),
                    at: Timestamp::UNIX_EPOCH,
                };
                assert!(
                    title(&event).starts_with("Bridge <assets>: "),
                    "{}",
                    title(&event)
                );
                let slack = slack(&event).to_string();
                assert!(
                    slack.contains("&lt;assets&gt;") && slack.contains("a &amp; b"),
                    "{slack}"
                );
                assert!(teams(&event).to_string().contains("AdaptiveCard"));
                let phase = if recovered { "recovered" } else { "began" };
                assert_eq!(webhook(&event)["type"], format!("{kind}.{phase}"));
            }
        }
    }
}
