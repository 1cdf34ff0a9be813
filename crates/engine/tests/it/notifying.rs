//! What is said when a state changes: to whom, once, and what happens when nobody takes it.

use crate::hub::{engine_on, owner};
use connect::mail::MailSecurity;
use engine::freshness::Ticks;
use engine::notifying::{ChannelSettings, NewChannel};
use engine::status::Calendar;
use engine::{Engine, EngineOptions};
use jiff::{SignedDuration, Timestamp};
use model::{Actor, Bridge, BridgeId, ConnectionState, EventKind, PlanCounts};
use simulators::mailbox::{self, Mailbox};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{NewConnection, NotificationState, Store};
use testkit::TestStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn worker() -> Actor {
    Actor::Schedule {
        name: "watch".to_owned(),
    }
}

/// Every two hours, at the full hour.
struct EveryTwoHours;

impl Calendar for EveryTwoHours {
    fn ticks(&self, _bridge: &BridgeId, fresh_at: Timestamp, _now: Timestamp) -> Option<Ticks> {
        let hours = SignedDuration::from_hours;
        Some(Ticks {
            from: fresh_at,
            before: fresh_at,
            first: fresh_at + hours(2),
            second: fresh_at + hours(4),
            next: None,
            plan_only: false,
        })
    }

    fn paused(&self, _bridge: &BridgeId) -> Option<String> {
        None
    }

    fn plan_only(&self, _bridge: &BridgeId) -> bool {
        false
    }
}

/// A place that takes posts on loopback and answers them with one status.
struct Receiver {
    port: u16,
    posts: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let posts = Arc::new(Mutex::new(Vec::new()));
        let kept = posts.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                let mut bytes = [0_u8; 4096];
                loop {
                    let read = stream.read(&mut bytes).await.unwrap_or(0);
                    text.push_str(&String::from_utf8_lossy(&bytes[..read]));
                    let length = text.to_lowercase().split("content-length: ").nth(1).map(|rest| {
                        rest.lines()
                            .next()
                            .unwrap_or_default()
                            .trim()
                            .parse::<usize>()
                            .unwrap_or(0)
                    });
                    let body = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
                    if read == 0 || length.is_some_and(|length| body >= length) {
                        break;
                    }
                }
                kept.lock().unwrap().push(text);
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { port, posts }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/services/T0/very-secret-path", self.port)
    }

    fn posts(&self) -> Vec<String> {
        self.posts.lock().unwrap().clone()
    }
}

/// A bridge between two connections that lead nowhere.
async fn bridge(store: &Store) -> Bridge {
    let mut made = Vec::new();
    for name in ["from", "to"] {
        let new = NewConnection {
            kind: "nowhere".to_owned(),
            name: name.to_owned(),
            state: ConnectionState::Connected,
            settings: serde_json::json!({}),
            allow_private_hosts: false,
        };
        made.push(store.add_connection(new, &BTreeMap::new()).await.unwrap().id);
    }
    let settings = plan::presets::settings("default").unwrap();
    store
        .add_bridge("assets", &made[0], &made[1], "default", settings)
        .await
        .unwrap()
}

/// Everything was read, and nothing was to be written.
async fn in_step(store: &Store, bridge: &Bridge) {
    let writer = store.begin_snapshot(&bridge.source, None).await.unwrap();
    let snapshot = writer.finish(&[], &[], &[], 1).await.unwrap();
    let plan = store.begin_plan(bridge, &snapshot.id, None, 0).await.unwrap();
    plan.finish(PlanCounts::default(), vec![]).await.unwrap();
}

/// A channel that sends letters to a mailbox.
pub fn mail(mailbox: &Mailbox, name: &str) -> NewChannel {
    NewChannel {
        name: name.to_owned(),
        settings: ChannelSettings::Mail {
            host: "127.0.0.1".to_owned(),
            port: mailbox.port(),
            security: MailSecurity::None,
            user: None,
            from: "rmmbridge <hub@example.test>".to_owned(),
            to: vec!["owner@example.test".to_owned()],
            allow_private_hosts: false,
        },
        events: vec![],
        url: None,
        password: None,
        signing_key: None,
    }
}

fn post(name: &str, settings: ChannelSettings, url: &str) -> NewChannel {
    NewChannel {
        name: name.to_owned(),
        settings,
        events: vec![],
        url: Some(url.to_owned().into()),
        password: None,
        signing_key: None,
    }
}

/// One round of a worker: how everything stands, and what there is to tell.
pub async fn look(engine: &Engine) {
    engine.watch(&worker(), &EveryTwoHours).await.unwrap();
    engine.deliver_notifications(&worker()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_bridge_is_said_once_to_everybody_by_however_many_workers_and_so_is_its_recovery() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    TestStore::on_every_engine(async |store| {
        let (engine, bridge) = (engine_on(&store), bridge(&store).await);
        let mailbox = Mailbox::start(mailbox::Options::default()).await.unwrap();
        let (teams, slack, own) = (
            Receiver::start("202 Accepted").await,
            Receiver::start("200 OK").await,
            Receiver::start("200 OK").await,
        );
        let allow = true;
        let host = String::new();
        engine
            .add_channel(&owner(), mail(&mailbox, "mail"))
            .await
            .unwrap();
        for (name, settings, receiver) in [
            (
                "teams",
                ChannelSettings::Teams {
                    host: host.clone(),
                    allow_private_hosts: allow,
                },
                &teams,
            ),
            (
                "slack",
                ChannelSettings::Slack {
                    host: host.clone(),
                    allow_private_hosts: allow,
                },
                &slack,
            ),
            (
                "own",
                ChannelSettings::Webhook {
                    host: host.clone(),
                    allow_private_hosts: allow,
                },
                &own,
            ),
        ] {
            let (_, key) = engine
                .add_channel(&owner(), post(name, settings, &receiver.url()))
                .await
                .unwrap();
            assert_eq!(
                key.is_some(),
                name == "own",
                "a signing key is handed over once, for a webhook"
            );
        }
        // One that wants to hear of something else.
        let mut other = mail(&mailbox, "other");
        other.events = vec![EventKind::AuditBroken];
        engine.add_channel(&owner(), other).await.unwrap();

        in_step(&store, &bridge).await;
        look(&engine).await;
        assert!(mailbox.letters().is_empty(), "all is well");
        store.clock().advance(SignedDuration::from_mins(4 * 60 + 1));
        // Two workers, each twice; then both are started anew.
        let second = Engine::new(
            store.another().await,
            engine.connectors().clone(),
            EngineOptions::new("second"),
        );
        for _ in 0..2 {
            tokio::join!(look(&engine), look(&second));
        }
        let third = Engine::new(
            store.another().await,
            engine.connectors().clone(),
            EngineOptions::new("third"),
        );
        store.clock().advance(SignedDuration::from_hours(30));
        look(&third).await;
        let letters = mailbox.letters();
        assert_eq!(letters.len(), 1, "{letters:#?}");
        assert_eq!(letters[0].to, ["owner@example.test"]);
        assert!(
            letters[0]
                .data
                .contains("Subject: [rmmbridge] Bridge assets: data is too old"),
            "{}",
            letters[0].data
        );
        for (receiver, word) in [
            (&teams, "AdaptiveCard"),
            (&slack, ":warning:"),
            (&own, "bridge_stale.began"),
        ] {
            let posts = receiver.posts();
            assert_eq!(posts.len(), 1, "{posts:#?}");
            assert!(
                posts[0].contains(word) && posts[0].contains("data is too old"),
                "{}",
                posts[0]
            );
        }
        let signed = own.posts().remove(0).to_lowercase();
        for header in ["webhook-id: ", "webhook-timestamp: ", "webhook-signature: v1,"] {
            assert!(signed.contains(header), "{signed}");
        }
        // It is well again, and that is said once too.
        in_step(&store, &bridge).await;
        for _ in 0..2 {
            tokio::join!(look(&engine), look(&second));
        }
        let letters = mailbox.letters();
        assert_eq!(letters.len(), 2, "{letters:#?}");
        assert!(
            letters[1].data.contains("data is fresh again"),
            "{}",
            letters[1].data
        );
        let status = engine.status(&owner(), &EveryTwoHours).await.unwrap();
        assert_eq!(status.bridges[0].state.as_str(), "fresh");
        assert!(status.bridges[0].since.is_some() && !status.needs_a_person());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_tried_again_after_pauses_and_given_up_after_a_day() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    TestStore::on_every_engine(async |store| {
        let engine = engine_on(&store);
        let bridge = bridge(&store).await;
        let mailbox = Mailbox::start(mailbox::Options::default()).await.unwrap();
        engine
            .add_channel(&owner(), mail(&mailbox, "mail"))
            .await
            .unwrap();
        mailbox.refuse(Some("451 4.3.0 greylisted, come again"));
        let broken = ConnectionState::NeedsAttention {
            reason: "the grant is dead".to_owned(),
        };
        store.set_connection_state(&bridge.source, &broken).await.unwrap();
        look(&engine).await;
        let last = async || engine.channels(&owner()).await.unwrap().remove(0).last.remove(0);
        let first = last().await;
        assert_eq!(
            (first.state, first.attempt, first.event.kind),
            (NotificationState::Queued, 1, EventKind::ConnectionAttention)
        );
        assert!(first.reason.as_ref().unwrap().contains("greylisted"), "{first:?}");
        // Not before its pause is over.
        store.clock().advance(SignedDuration::from_secs(50));
        look(&engine).await;
        assert_eq!(last().await.attempt, 1);
        mailbox.refuse(None);
        store.clock().advance(SignedDuration::from_secs(11));
        look(&engine).await;
        let sent = last().await;
        assert_eq!((sent.state, sent.attempt), (NotificationState::Sent, 2));
        assert!(sent.reason.unwrap().contains("taken as letter 1"));
        assert!(
            mailbox.letters()[0]
                .data
                .contains(&format!("<{}@example.test>", first.id)),
            "the same id each time"
        );
        // Nobody takes the recovery for a day.
        mailbox.refuse(Some("554 5.7.1 not from you"));
        store
            .set_connection_state(&bridge.source, &ConnectionState::Connected)
            .await
            .unwrap();
        look(&engine).await;
        for _ in 0..30 {
            store.clock().advance(SignedDuration::from_hours(1));
            look(&engine).await;
        }
        let given_up = last().await;
        assert_eq!(given_up.state, NotificationState::GivenUp);
        assert!(
            given_up.reason.as_ref().unwrap().contains("given up after a day")
                && given_up.reason.unwrap().contains("not from you")
        );
        let log = store.audit_entries(None, 200).await.unwrap();
        assert!(
            log.iter()
                .any(|e| e.action == "notify.ended" && e.detail["state"] == "given_up")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_the_other_sides_answer_and_never_a_secret() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    TestStore::on_every_engine(async |store| {
        let engine = engine_on(&store);
        let credentials = Some(("hub".to_owned(), "mail-password-1".to_owned()));
        let mailbox = Mailbox::start(mailbox::Options { credentials }).await.unwrap();
        let with = |name: &str, password: &str| {
            let mut new = mail(&mailbox, name);
            if let ChannelSettings::Mail { user, .. } = &mut new.settings {
                *user = Some("hub".to_owned());
            }
            new.password = Some(password.to_owned().into());
            new
        };
        engine
            .add_channel(&owner(), with("right", "mail-password-1"))
            .await
            .unwrap();
        engine
            .add_channel(&owner(), with("wrong", "mail-password-2"))
            .await
            .unwrap();
        engine
            .add_channel(&owner(), mail(&mailbox, "nobody"))
            .await
            .unwrap();
        let answer = engine.test_channel(&owner(), "right").await.unwrap();
        assert!(answer.starts_with("250 2.0.0 taken as letter 1"), "{answer}");
        let gone = Receiver::start("404 Not Found").await;
        let slack = |allow_private_hosts| ChannelSettings::Slack {
            host: String::new(),
            allow_private_hosts,
        };
        engine
            .add_channel(&owner(), post("gone", slack(true), &gone.url()))
            .await
            .unwrap();
        let private = gone.url().replace("http://", "https://");
        engine
            .add_channel(&owner(), post("private", slack(false), &private))
            .await
            .unwrap();
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let url = format!("http://{closed}/services/T0/very-secret-path");
        engine
            .add_channel(&owner(), post("closed", slack(true), &url))
            .await
            .unwrap();
        for (name, words) in [
            (
                "wrong",
                &["535", "credentials invalid", "Check user and password"][..],
            ),
            ("nobody", &["530", "Authentication required"]),
            ("gone", &["404", "make a new one"]),
            ("private", &["127.0.0.1"]),
            ("closed", &["127.0.0.1"]),
            (
                "missing",
                &["there is no notification channel `missing`", "closed, gone"],
            ),
        ] {
            let failed = engine.test_channel(&owner(), name).await.unwrap_err().to_string();
            for word in words {
                assert!(failed.contains(word), "{name}: {failed}");
            }
            assert!(
                !failed.contains("very-secret-path") && !failed.contains("mail-password"),
                "{failed}"
            );
        }
        // Settings that cannot be used are named, each at its place, and nothing is stored.
        let mut bad = mail(&mailbox, "bad");
        if let ChannelSettings::Mail { from, to, .. } = &mut bad.settings {
            (*from, *to) = ("nobody".to_owned(), vec![]);
        }
        let refused = engine.add_channel(&owner(), bad).await.unwrap_err().to_string();
        assert!(
            refused.contains("from: `nobody`") && refused.contains("to: somebody has to get it"),
            "{refused}"
        );
        let refused = engine
            .add_channel(&owner(), post("plain", slack(false), &gone.url()))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("https://"), "{refused}");
        let channels = engine.channels(&owner()).await.unwrap();
        assert_eq!(channels.len(), 6);
        let shown = serde_json::to_string(&channels).unwrap();
        let log = serde_json::to_string(&store.audit_entries(None, 200).await.unwrap()).unwrap();
        for text in [&shown, &log] {
            assert!(
                !text.contains("very-secret-path")
                    && !text.contains("mail-password")
                    && !text.contains("whsec_")
            );
        }
        // Removed, its secrets are gone with it.
        engine.remove_channel(&owner(), "right").await.unwrap();
        let right = channels.iter().find(|c| c.name == "right").unwrap();
        assert!(
            store
                .channel_secret(&right.id, "password")
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}
