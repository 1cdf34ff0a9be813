//! Mail through a server that speaks TLS from the first byte, or after STARTTLS (RFC 3207, RFC 8314): what is said before
//! and after, and that nothing is said to a server that cannot be trusted.

use crate::tls::identity;
use connect::mail::{Mail, MailSecurity, MailServer, send};
use connect::{Error, Kind, Outbound};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server heard, in the clear and under TLS.
#[derive(Clone, Default)]
struct Heard {
    clear: Arc<Mutex<Vec<String>>>,
    sealed: Arc<Mutex<Vec<String>>>,
}

impl Heard {
    fn clear(&self) -> Vec<String> {
        self.clear.lock().unwrap().clone()
    }

    fn sealed(&self) -> String {
        self.sealed.lock().unwrap().join("\n")
    }
}

/// What a server offers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offers {
    Tls,
    StartTls,
    Nothing,
}

/// Holds the conversation up to its end, or up to STARTTLS, for which the stream is given back.
async fn converse<S>(stream: S, heard: &Mutex<Vec<String>>, greet: bool, start_tls: bool) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    if greet {
        stream.write_all(b"220 mail.test ESMTP\r\n").await.ok()?;
    }
    let mut line = String::new();
    let mut data = false;
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let said = line.trim_end().to_owned();
        heard.lock().unwrap().push(said.clone());
        let answer = match said.split(' ').next().unwrap_or_default() {
            _ if data && said != "." => continue,
            "." => {
                data = false;
                "250 2.0.0 queued as 4711"
            }
            "EHLO" if start_tls => "250-mail.test\r\n250 STARTTLS",
            "EHLO" => "250-mail.test\r\n250 AUTH PLAIN",
            "STARTTLS" if start_tls => {
                stream.write_all(b"220 2.0.0 go ahead\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            "AUTH" => "235 2.7.0 welcome",
            "DATA" => {
                data = true;
                "354 go ahead"
            }
            _ => "250 2.0.0 OK",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn server(offers: Offers, acceptor: TlsAcceptor) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let told = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (heard, acceptor) = (told.clone(), acceptor.clone());
            tokio::spawn(async move {
                let stream = match offers {
                    Offers::Tls => stream,
                    _ => converse(stream, &heard.clear, true, offers == Offers::StartTls).await?,
                };
                let stream = acceptor.accept(stream).await.ok()?;
                converse(stream, &heard.sealed, offers == Offers::Tls, false).await
            });
        }
    });
    (port, heard)
}

async fn post(port: u16, security: MailSecurity, extra_ca: Option<Vec<u8>>) -> Result<String, Error> {
    let server = MailServer {
        host: "localhost".to_owned(),
        port,
        security,
        credentials: Some(("hub".to_owned(), "pass-word".to_owned().into())),
    };
    let outbound = Outbound {
        allow_private_hosts: true,
        extra_ca,
        ..Outbound::default()
    };
    let to = ["ops@example.test".to_owned()];
    let mail = Mail {
        from: "rmmbridge <hub@example.test>",
        to: &to,
        subject: "A bridge is stale",
        text: "Since this morning.",
        id: "n-1",
    };
    send(&server, &outbound, &mail).await
}

/// `AUTH PLAIN` with the credentials of [`post`], as RFC 4616 writes them.
const SIGNED_IN: &str = "AUTH PLAIN AGh1YgBwYXNzLXdvcmQ=";

#[tokio::test]
async fn mail_goes_through_tls_and_nothing_but_the_greeting_before_it() {
    for (offers, security) in [
        (Offers::Tls, MailSecurity::Tls),
        (Offers::StartTls, MailSecurity::StartTls),
    ] {
        let (acceptor, ca) = identity("localhost", 2099);
        let (port, heard) = server(offers, acceptor).await;
        let answer = post(port, security, Some(ca)).await.unwrap();
        assert!(answer.contains("queued as 4711"), "{answer}");
        let sealed = heard.sealed();
        assert!(sealed.contains(SIGNED_IN), "{sealed}");
        assert!(sealed.contains("Since this morning."), "{sealed}");
        let clear = heard.clear();
        assert!(
            clear
                .iter()
                .all(|line| line.starts_with("EHLO") || line == "STARTTLS"),
            "{clear:?}"
        );
    }
}

#[tokio::test]
async fn a_mail_server_whose_certificate_does_not_hold_is_told_nothing() {
    for (offers, security) in [
        (Offers::Tls, MailSecurity::Tls),
        (Offers::StartTls, MailSecurity::StartTls),
    ] {
        let (expired, expired_ca) = identity("localhost", 2001);
        let (elsewhere, elsewhere_ca) = identity("elsewhere.test", 2099);
        for (acceptor, ca, words) in [
            (
                identity("localhost", 2099).0,
                None,
                "is not signed by an authority",
            ),
            (expired, Some(expired_ca), "has expired"),
            (elsewhere, Some(elsewhere_ca), "is for another name"),
        ] {
            let (port, heard) = server(offers, acceptor).await;
            let error = post(port, security, ca).await.unwrap_err();
            assert_eq!(error.kind, Kind::Configuration, "{error}");
            assert!(error.what.contains(words), "{error}");
            assert!(error.next.contains("extra CA"), "{error}");
            assert_eq!(heard.sealed(), "");
        }
    }
}

#[tokio::test]
async fn a_mail_server_without_the_tls_that_was_asked_for_is_told_nothing() {
    let (acceptor, ca) = identity("localhost", 2099);
    let (port, heard) = server(Offers::Nothing, acceptor).await;
    let error = post(port, MailSecurity::StartTls, Some(ca.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Configuration, "{error}");
    assert!(error.next.contains("STARTTLS"), "{error}");
    let error = post(port, MailSecurity::Tls, Some(ca)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration, "{error}");
    let clear = heard.clear().join("\n");
    assert!(!clear.contains("AUTH") && !clear.contains("MAIL"), "{clear}");
}
