//! One of several processes that use one grant: `tests/storm.rs` starts it and tells it, line by line, what to do.
//!
//! `round SECONDS POINT`: the clock stands at SECONDS since 1970, and every task wants a token; the process ends at the
//! crash point POINT, unless that is `-`. `disarm`: it does not, after all. The answer to a round is a line
//! `token TOKEN TASKS` or `failed KIND TASKS` for each thing tasks got, then `done`.

use connect::http::{Bearer as _, Http, HttpOptions};
use connect::oauth::{ClientAuth, GrantBearer, OauthApp, OauthEndpoints};
use connect::{Connectors, Mode, Outbound};
use engine::{Engine, EngineOptions};
use harness::scene::SystemRandom;
use jiff::Timestamp;
use model::{Clock, ConnectionId};
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{DatabaseUrl, Store};
use testkit::{FixedClock, TestStore};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use url::Url;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, connection, base, tasks] = arguments.as_slice() else {
        anyhow::bail!("token-user DATABASE CONNECTION BASE-URL TASKS, started by tests/storm.rs");
    };
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let _scenario = fail::FailScenario::setup();
    let clock = Arc::new(FixedClock::default());
    let bearer = Arc::new(bearer(database, connection, &Url::parse(base)?, clock.clone()).await?);
    let tasks: usize = tasks.parse()?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    println!("done");
    while let Some(line) = lines.next_line().await? {
        let mut words = line.split(' ');
        if words.next() != Some("round") {
            continue;
        }
        let seconds = words.next().unwrap_or_default().parse()?;
        clock.set(Timestamp::from_second(seconds)?);
        let point = words.next().filter(|point| *point != "-").map(str::to_owned);
        round(&bearer, tasks, point.as_deref(), &mut lines).await?;
    }
    Ok(())
}

/// The grant's token, as the connector of NinjaOne asks for it.
async fn bearer(
    database: &str,
    connection: &str,
    base: &Url,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<GrantBearer> {
    let url = DatabaseUrl::parse(database)?;
    let store = Store::open(&url, TestStore::key(), clock.clone(), Arc::new(SystemRandom)).await?;
    let options = EngineOptions::new(format!("token user {}", std::process::id()));
    let engine = Engine::new(store, Connectors::new(Vec::new()), options);
    let app = OauthApp {
        client_id: "demo-web".to_owned(),
        client_secret: Some("demo-web-secret".into()),
        client_auth: ClientAuth::default(),
        scopes: vec!["monitoring".to_owned(), "offline_access".to_owned()],
        endpoints: OauthEndpoints {
            authorize: base.join("/ws/oauth/authorize")?,
            token: base.join("/ws/oauth/token")?,
            revoke: None,
        },
        dead_grant_errors: &["invalid_token", "invalid_grant"],
        explain: |_| None,
    };
    let outbound = Outbound {
        allow_private_hosts: true,
        ..Outbound::default()
    };
    let mut http = HttpOptions::new(base.clone(), outbound);
    http.deadline = Duration::from_secs(2);
    let http = Http::new(http, clock.clone())?;
    let grants = engine.grant_store(&ConnectionId::from(connection.to_owned()));
    Ok(GrantBearer::new(grants, app, http, clock, Mode::Consent))
}

/// Every task wants a token at once.
async fn round(
    bearer: &Arc<GrantBearer>,
    tasks: usize,
    point: Option<&str>,
    lines: &mut Lines<BufReader<Stdin>>,
) -> anyhow::Result<()> {
    if let Some(point) = point {
        // Nothing is flushed and nobody is told, as with SIGKILL.
        fail::cfg_callback(point, || std::process::abort()).map_err(anyhow::Error::msg)?;
    }
    let asked: Vec<_> = (0..tasks)
        .map(|_| {
            let bearer = bearer.clone();
            tokio::spawn(async move { bearer.token().await })
        })
        .collect();
    let collect = async {
        let mut got: BTreeMap<String, usize> = BTreeMap::new();
        for task in asked {
            let line = match task.await? {
                Ok(token) => format!("token {}", token.expose_secret()),
                Err(error) => format!("failed {:?}", error.kind),
            };
            *got.entry(line).or_default() += 1;
        }
        anyhow::Ok(got)
    };
    tokio::pin!(collect);
    let got = loop {
        tokio::select! {
            got = &mut collect => break got?,
            line = lines.next_line() => match line?.as_deref() {
                Some("disarm") => point.into_iter().for_each(fail::remove),
                Some(other) => anyhow::bail!("{other} in the middle of a round"),
                // Whoever started it is gone.
                None => return Ok(()),
            },
        }
    };
    point.into_iter().for_each(fail::remove);
    for (what, tasks) in got {
        println!("{what} {tasks}");
    }
    println!("done");
    Ok(())
}
