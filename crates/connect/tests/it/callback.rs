//! The loopback listener.

use connect::callback::{CallbackListener, Ending};
use connect::{Error, Kind};
use secrecy::SecretString;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const PATH: &str = "/ninja/oauth/resp";
const ALIAS: &str = "/dashboard/integrations/ninjaone-callback";
const SOON: Duration = Duration::from_secs(10);

fn state() -> SecretString {
    "the-state".to_owned().into()
}

async fn listener() -> CallbackListener {
    CallbackListener::bind(0, &[PATH, ALIAS]).await.unwrap()
}

/// Sends bytes and reads what comes back.
async fn say(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut back = Vec::new();
    drop(stream.read_to_end(&mut back).await);
    String::from_utf8(back).unwrap()
}

async fn get(port: u16, target: &str) -> String {
    say(
        port,
        &format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
    )
    .await
}

fn browse(port: u16, target: &str) -> JoinHandle<String> {
    let target = target.to_owned();
    tokio::spawn(async move { get(port, &target).await })
}

#[tokio::test]
async fn h06_complete_is_shown_only_after_the_grant_worked() {
    let listener = listener().await;
    let port = listener.port();
    assert_eq!(listener.redirect(), format!("http://127.0.0.1:{port}{PATH}"));
    let page = browse(port, &format!("{PATH}?code=a%2Fb&state=the-state"));
    let callback = listener.wait(&state(), SOON).await.unwrap();
    assert_eq!(callback.query(), "code=a%2Fb&state=the-state");
    assert!(
        !format!("{callback:?}").contains("a%2Fb"),
        "the code is not for logs"
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!page.is_finished(), "the page waits for how it ended");
    callback.answer(Ending::of(&Ok::<_, Error>(()))).await;
    let page = page.await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for want in [
        "rmmbridge is connected",
        "You can close this window",
        "<html lang=\"en\">",
        "cache-control: no-store",
        "content-security-policy: default-src 'none'",
        "referrer-policy: no-referrer",
    ] {
        assert!(page.contains(want), "{want} is not in {page}");
    }
    // The listener is gone.
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn h06_a_failure_is_shown_with_its_reason_and_next_step() {
    let listener = listener().await;
    let page = browse(
        listener.port(),
        &format!("{ALIAS}?error=access_denied&state=the-state"),
    );
    let callback = listener.wait(&state(), SOON).await.unwrap();
    let error = Error::new(Kind::Auth, "finishing", "refused <script>x</script>").advise("Choose Allow");
    callback.answer(Ending::of(&Err::<(), _>(error))).await;
    let page = page.await.unwrap();
    assert!(page.contains("was not connected"), "{page}");
    assert!(
        page.contains("<p>Refused &lt;script&gt;x&lt;/script&gt;.</p>")
            && page.contains("<p>Choose Allow.</p>"),
        "{page}"
    );
    assert!(!page.contains("is connected"), "{page}");
}

#[tokio::test]
async fn a_caller_that_gives_up_shows_no_success() {
    let listener = listener().await;
    let page = browse(listener.port(), &format!("{PATH}?code=c&state=the-state"));
    drop(listener.wait(&state(), SOON).await.unwrap());
    assert!(!page.await.unwrap().contains("is connected"));
}

#[tokio::test]
async fn what_is_not_the_callback_does_not_end_the_wait() {
    let listener = listener().await;
    let port = listener.port();
    let waiting = tokio::spawn(async move { listener.wait(&state(), SOON).await });
    let host = format!("127.0.0.1:{port}");
    for (request, status) in [
        (format!("GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n"), 404),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 404),
        (format!("GET {PATH}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"), 404),
        (
            format!(
                "POST {PATH}?code=c&state=the-state HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"
            ),
            405,
        ),
        (
            format!("HEAD {PATH}?code=c&state=the-state HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            405,
        ),
        (
            format!("GET {PATH}?code=c&state=the-state HTTP/1.1\r\nHost: evil.test:{port}\r\n\r\n"),
            421,
        ),
        (
            format!("GET {PATH}?code=c&state=the-state HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"),
            421,
        ),
        (format!("GET {PATH}?code=c&state=the-state HTTP/1.0\r\n\r\n"), 421),
        (
            format!("GET {PATH}?code=c&state=other HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            400,
        ),
        (format!("GET {PATH}?code=c HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        (format!("GET {PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        ("\u{16}\u{3}\u{1} not http at all\r\n\r\n".to_owned(), 400),
        (
            format!(
                "GET {PATH} HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n",
                "x".repeat(40_000)
            ),
            431,
        ),
    ] {
        let back = say(port, &request).await;
        // A request that was too long may be cut off before its answer is read.
        let cut = status == 431 && back.is_empty();
        assert!(
            cut || back.contains(&format!(" {status} ")),
            "{status}: {}: {back}",
            &request[..40]
        );
        assert!(!waiting.is_finished());
    }
    // One that connects and says nothing, and one that goes away, hold nobody up.
    let silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    drop(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    let page = browse(port, &format!("{PATH}?code=c&state=the-state"));
    let callback = waiting.await.unwrap().unwrap();
    let second = get(port, &format!("{PATH}?code=c&state=the-state")).await;
    assert!(
        second.contains(" 409 ") && second.contains("is being finished"),
        "{second}"
    );
    callback.answer(Ending::Complete).await;
    assert!(page.await.unwrap().contains("is connected"));
    drop(silent);
}

#[tokio::test]
async fn localhost_is_answered_on_both_families() {
    let listener = listener().await;
    let port = listener.port();
    let page = tokio::spawn(async move {
        let mut stream = match TcpStream::connect(("::1", port)).await {
            Ok(stream) => stream,
            // A machine without IPv6.
            Err(_) => TcpStream::connect(("127.0.0.1", port)).await.unwrap(),
        };
        let request = format!("GET {PATH}?state=the-state&code=c HTTP/1.1\r\nHost: LOCALHOST:{port}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut back = String::new();
        stream.read_to_string(&mut back).await.unwrap();
        back
    });
    listener
        .wait(&state(), SOON)
        .await
        .unwrap()
        .answer(Ending::Complete)
        .await;
    assert!(page.await.unwrap().contains("is connected"));
}

#[tokio::test]
async fn a_browser_that_is_gone_does_not_keep_the_program() {
    let listener = listener().await;
    let port = listener.port();
    let browser = tokio::spawn(async move {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET {PATH}?code=c&state=the-state HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    });
    let callback = listener.wait(&state(), SOON).await.unwrap();
    browser.await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = std::time::Instant::now();
    callback.answer(Ending::Complete).await;
    assert!(began.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn nobody_coming_back_is_told() {
    let listener = listener().await;
    let port = listener.port();
    let stranger = browse(port, &format!("{PATH}?error=server_error"));
    let error = listener
        .wait(&state(), Duration::from_millis(300))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
    assert!(
        error
            .what
            .contains(&format!("nobody came back to port {port}{PATH}")),
        "{error}"
    );
    assert!(
        error
            .what
            .contains("1 came with a state that was not this sign-in's"),
        "{error}"
    );
    assert!(error.next.contains("redirect URI"), "{error}");
    assert!(stranger.await.unwrap().contains(" 400 "));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = listener().await;
    let port = first.port();
    let error = CallbackListener::bind(port, &[PATH]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert_eq!(error.what, format!("port {port} is in use by another program"));
    assert!(
        error.next.contains(&format!("End whatever uses port {port}")),
        "{error}"
    );
    for paths in [&[][..], &["no-slash"], &["/x?y"]] {
        assert_eq!(
            CallbackListener::bind(0, paths).await.unwrap_err().kind,
            Kind::Configuration
        );
    }
}
