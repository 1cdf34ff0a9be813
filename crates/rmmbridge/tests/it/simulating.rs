//! `simulate ninjaone` with its switches, seen from outside.

use crate::program::{Program, Running};
use crate::tenant::free_port;
use secrecy::ExposeSecret as _;
use simulators::technician::Technician;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What NinjaOne answers to a request without a token.
const NO_TOKEN: u16 = 400;

/// A simulator in a process of its own; it ends with this.
struct Simulated {
    port: u16,
    _running: Running,
}

impl Simulated {
    fn start(program: &Program, switches: &[&str]) -> Self {
        let port = free_port();
        let number = port.to_string();
        let arguments = [
            &["simulate", "ninjaone", "--devices", "10", "--port", &number][..],
            switches,
        ];
        let mut running = program.start(&arguments.concat());
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(running.runs() && Instant::now() < until, "it does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            port,
            _running: running,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Status and text of the answer to a request.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        (status, text)
    }

    fn get(&self, path: &str) -> u16 {
        self.ask("GET", path, "").0
    }
}

#[test]
fn faults_and_quirks_of_the_command_line_are_in_force() {
    let program = Program::new();
    let plain = Simulated::start(&program, &[]);
    assert_eq!(
        (plain.get("/v2/tag"), plain.get("/v2/devices-detailed")),
        (NO_TOKEN, NO_TOKEN)
    );

    let simulated = Simulated::start(
        &program,
        &[
            "--fault",
            "GET /v2/devices-detailed*: 429 retry-after=7 after=1 x2",
            "--fault",
            "/v2/users: login-page",
            "--quirk",
            "missing-paths=/v2/tag",
            "--latency",
            "30",
        ],
    );
    assert_eq!(simulated.get("/v2/tag"), 404);
    assert_eq!(
        simulated.get("/v2/users"),
        200,
        "a sign-in page instead of a refusal"
    );
    // The first is let through to the refusal of those who bring no token, two are struck, and it is over.
    let began = Instant::now();
    assert_eq!(simulated.get("/v2/devices-detailed?pageSize=5"), NO_TOKEN);
    assert!(
        began.elapsed() >= Duration::from_millis(30),
        "{:?}",
        began.elapsed()
    );
    let (status, text) = simulated.ask("GET", "/v2/devices-detailed", "");
    assert!(
        status == 429 && text.to_lowercase().contains("retry-after: 7"),
        "{text}"
    );
    assert_eq!(
        simulated.ask("POST", "/v2/devices-detailed", "").0,
        NO_TOKEN,
        "another method"
    );
    assert_eq!(
        simulated.get("/ws/api/v2/devices-detailed"),
        429,
        "by another prefix"
    );
    assert_eq!(simulated.get("/v2/devices-detailed"), NO_TOKEN);
    let (_, standing) = simulated.ask("GET", "/simulator/faults", "");
    assert!(standing.contains("\"struck\":2"), "{standing}");
}

/// The refresh token stored before and after a refresh, against a simulator with this rotation.
async fn refreshed(rotation: &str) -> (String, String) {
    let program = Program::new();
    let callback = free_port();
    let redirect = format!("http://127.0.0.1:{callback}/ninja/oauth/resp");
    let simulated = Simulated::start(&program, &["--rotation", rotation, "--redirect-uri", &redirect]);
    let (url, callback) = (simulated.url(), callback.to_string());
    let mut command = program.command(&[
        "connect",
        "--base-url",
        &url,
        "--client-id",
        "demo-web",
        "--allow-private-hosts",
        "--no-browser",
        "--callback-port",
        &callback,
    ]);
    command.env("RMMBRIDGE_CLIENT_SECRET", "demo-web-secret");
    let running = Running::of(command);
    let page = running.says("  http").trim().parse().unwrap();
    let technician = Technician {
        email: "tech@example.test".into(),
        password: "demo-password".into(),
        agrees: true,
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    technician.consent(&page, &redirect).await.unwrap();
    assert_eq!(running.end().code, Some(0));

    let before = refresh_token(&program).await;
    let fault = r#"{"path": "/v2/*", "times": 1, "effect": {"kind": "expireTokens"}}"#;
    assert_eq!(simulated.ask("POST", "/simulator/faults", fault).0, 201);
    program.works(&["check", "ninjaone"]);
    (before, refresh_token(&program).await)
}

async fn refresh_token(program: &Program) -> String {
    let store = program.store().await;
    let connection = store.connection_named("ninjaone").await.unwrap().unwrap();
    let grant = store.grants(&connection.id).load().await.unwrap().unwrap();
    let token = grant.refresh_token.unwrap().expose_secret().to_owned();
    store.close().await;
    token
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rotation_of_the_command_line_is_in_force() {
    let (before, after) = refreshed("rotate").await;
    assert_ne!(before, after);
    let (before, after) = refreshed("static").await;
    assert_eq!(before, after);
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let program = Program::new();
    for (switch, wrong, words) in [
        (
            "--quirk",
            "nonsense",
            &["`nonsense`", "bare-activities", "missing-paths"][..],
        ),
        (
            "--quirk",
            "cursor-name=sometimes",
            &["stays|changes", "`sometimes`"],
        ),
        (
            "--fault",
            "/v2/devices: nonsense",
            &["`nonsense`", "repeat-page", "login-page", "400 to 599"],
        ),
        ("--fault", "/v2/devices 429", &["GET /v2/devices*: 429 x3"]),
        (
            "--rotation",
            "sometimes",
            &["`sometimes`", "rotate", "grace=SECONDS", "static"],
        ),
    ] {
        let ran = program.ends(2, &["simulate", "ninjaone", switch, wrong]);
        for word in words {
            assert!(
                ran.err.contains(word),
                "{switch} {wrong} should say {word}: {ran:#?}"
            );
        }
    }
}

#[test]
fn the_help_lists_every_quirk_and_effect() {
    let help = Program::new().works(&["simulate", "ninjaone", "--help"]);
    for quirk in simulators::ninjaone::QUIRKS {
        assert!(
            help.contains(&format!("\n  {}=", quirk.name)),
            "{quirk:?}: {help}"
        );
    }
    for (usage, meaning) in simulators::faults::EFFECTS {
        assert!(
            help.contains(&format!("\n  {usage} ")) && help.contains(meaning),
            "{usage}: {help}"
        );
    }
    assert!(help.lines().all(|line| line.chars().count() <= 130), "{help}");
}
