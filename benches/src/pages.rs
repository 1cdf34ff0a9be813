//! The web pages with a large estate: how long the server takes for each at a steady rate, how large they are, how much
//! memory the program holds, and how soon it is ready.

use crate::hub::Hub;
use crate::program::Serving;
use crate::simulator::Simulator;
use crate::{Setup, line};
use anyhow::{Context as _, ensure};
use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, COOKIE, SET_COOKIE};
use secrecy::ExposeSecret as _;
use std::collections::{BTreeMap, VecDeque};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Requests of a page in a second.
const RATE: u32 = 20;
/// How many ask. `hey`'s workers all ask at the same moments: four of them are bursts of four, with pauses between them.
/// One asks evenly, and falls behind where a page takes longer than it has.
const WORKERS: u32 = 1;
/// For how long each page is asked for.
const LASTS: Duration = Duration::from_secs(10);
/// Organizations of the estate, for every hundred thousand devices.
const ORGANIZATIONS: usize = 10_000;
/// Lists as people look through them, which no link of a page leads to at once.
const LISTS: [&str; 7] = [
    "/assets?q=server",
    "/assets?q=zzz",
    "/assets?sort=client&page=1000",
    "/assets?sort=-updated&page=2",
    "/clients?q=ac",
    "/clients?sort=-name&page=100",
    "/api/v1/assets?q=laptop&per_page=200",
];

/// Prints the table.
pub async fn table(setup: Setup) -> anyhow::Result<()> {
    println!("Pages");
    idle().await?;
    let organizations = (setup.devices * ORGANIZATIONS / 100_000).max(4);
    let ninja = Simulator::of(setup.devices, Some(organizations), Duration::ZERO).await?;
    let directory = tempfile::tempdir()?;
    let mut hub = Hub::open(directory.path(), &ninja.url, 8).await?;
    let began = Instant::now();
    hub.read().await?;
    hub.create_undecided().await?;
    let report = hub.sync().await?;
    line(
        "making the estate: read, plan, apply",
        &format!("{:.0} s", began.elapsed().as_secs_f64()),
        &format!(
            "{organizations} organizations, {} devices",
            report.read.snapshot.devices
        ),
    );
    ninja.day(0.01).await?;
    hub.read().await?;
    hub.plan().await?;
    let person = hub
        .engine
        .add_person(&hub.actor, "benches", model::ActorRole::Owner, None)
        .await?;
    let token = hub.engine.sign_in_token(&hub.actor, &person.name).await?;
    // Its own process is to be the only runner.
    hub.store.close().await;

    let serving = Serving::start(directory.path()).await?;
    line("ready, with that estate", &ms(serving.ready), "at most 1000 ms");
    let client = Client::builder()
        .no_proxy()
        // The size is that of what comes.
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let cookie = sign_in(&client, &serving.url, token.expose_secret()).await?;
    let browser = Browser {
        client,
        cookie,
        base: serving.url.clone(),
    };
    let pages = browser.pages().await?;
    println!(
        "\n{:<52} {:>8} {:>8} {:>8} {:>9}",
        "page, at 20 requests/s for 10 s", "p50 ms", "p95 ms", "max ms", "KB (gzip)"
    );
    let mut worst = Duration::ZERO;
    let mut largest = 0;
    for (name, path) in &pages {
        let (mut times, size) = browser.load(path).await?;
        times.sort_unstable();
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        println!(
            "{name:<52} {:>8} {:>8} {:>8} {:>9.1}",
            ms(at(50)),
            ms(at(95)),
            ms(at(100)),
            size as f64 / 1024.0
        );
        worst = worst.max(at(95));
        largest = largest.max(size);
    }
    println!();
    line("slowest page, p95", &ms(worst), "at most 50 ms");
    line(
        "largest page, compressed",
        &format!("{} KB", largest / 1024),
        "at most 150 KB",
    );
    line(
        "memory of `serve` with that estate, after all of this",
        &format!("{} MiB", serving.memory()?),
        "at most 250 MB",
    );
    serving.stop().await
}

/// The program with nothing to do.
async fn idle() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let serving = Serving::start(directory.path()).await?;
    line("ready, on a new database", &ms(serving.ready), "at most 1000 ms");
    tokio::time::sleep(Duration::from_secs(10)).await;
    line(
        "memory of `serve`, idle for 10 s",
        &format!("{} MiB", serving.memory()?),
        "at most 60 MB",
    );
    serving.stop().await
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

async fn sign_in(client: &Client, base: &str, token: &str) -> anyhow::Result<String> {
    let answer = client
        .post(format!("{base}/sign-in/link"))
        .form(&[("token", token)])
        .send()
        .await?;
    let cookie = answer
        .headers()
        .get(SET_COOKIE)
        .context("signing in gave no cookie")?;
    let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
    Ok(pair.to_owned())
}

/// Somebody who is signed in.
struct Browser {
    client: Client,
    cookie: String,
    base: String,
}

impl Browser {
    /// The body as it came, compressed or not.
    async fn get(&self, path: &str, encoding: &str) -> anyhow::Result<(Vec<u8>, bool)> {
        let answer = self
            .client
            .get(format!("{}{path}", self.base))
            .header(COOKIE, &self.cookie)
            .header(ACCEPT_ENCODING, encoding)
            .send()
            .await?;
        let page = answer
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        ensure!(
            answer.status().as_u16() < 400,
            "{path} answered {}",
            answer.status()
        );
        Ok((answer.bytes().await?.to_vec(), page))
    }

    /// One page of each sort, found by following links from the first, and lists as people search them.
    async fn pages(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::from([("/".to_owned(), "/".to_owned())]);
        let mut next = VecDeque::from(["/".to_owned()]);
        while let Some(path) = next.pop_front() {
            let (body, page) = self.get(&path, "identity").await?;
            if !page {
                found.retain(|_, known| *known != path);
                continue;
            }
            for link in links(&String::from_utf8_lossy(&body)) {
                let name = pattern(&link);
                if found.len() < 80 && !found.contains_key(&name) {
                    found.insert(name, link.clone());
                    next.push_back(link);
                }
            }
        }
        found.extend(LISTS.map(|list| (list.to_owned(), list.to_owned())));
        // While somebody types what an organization's client is called.
        let ahead = found.iter().find(|(_, path)| path.contains("/match/"));
        let (name, path) = ahead.context("no page leads to the choice of a client")?;
        let without = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
        let ahead = (
            format!("{}?q=ac", without(name)),
            format!("{}?q=ac", without(path)),
        );
        found.extend([ahead]);
        Ok(found)
    }

    /// How long each request took, by `hey` (<https://github.com/rakyll/hey>), and the size of the page.
    async fn load(&self, path: &str) -> anyhow::Result<(Vec<Duration>, usize)> {
        let (body, _) = self.get(path, "gzip").await?;
        let asked = Command::new("hey")
            .args(["-c", &WORKERS.to_string(), "-q", &(RATE / WORKERS).to_string()])
            .args(["-z", &format!("{}s", LASTS.as_secs()), "-o", "csv"])
            .args([
                "-H",
                &format!("Cookie: {}", self.cookie),
                "-H",
                "Accept-Encoding: gzip",
            ])
            .arg(format!("{}{path}", self.base))
            .stdin(Stdio::null())
            .output()
            .await
            .context("starting hey, which asks for the pages: apt-get install hey")?;
        let said = String::from_utf8_lossy(&asked.stdout);
        ensure!(
            asked.status.success(),
            "hey: {}",
            String::from_utf8_lossy(&asked.stderr)
        );
        let mut times = Vec::new();
        // response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
        for row in said.lines().skip(1) {
            let cells: Vec<&str> = row.split(',').collect();
            let (took, status) = cells.first().zip(cells.get(6)).context("a line of hey")?;
            ensure!(*status == "200", "{path} answered {status}");
            times.push(Duration::from_secs_f64(took.parse()?));
        }
        ensure!(!times.is_empty(), "hey got no answer from {path}");
        Ok((times, body.len()))
    }
}

/// Addresses of ours that a page links to.
fn links(page: &str) -> Vec<String> {
    let targets = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let ours = targets.filter(|target| target.starts_with('/') && !target.starts_with("//"));
    ours.map(|target| {
        target
            .split('#')
            .next()
            .unwrap_or_default()
            .replace("&#38;", "&")
            .replace("&amp;", "&")
    })
    .filter(|target| !target.starts_with("/assets/") || !target.contains('.'))
    .collect()
}

/// The path without ids and query: pages of one sort.
fn pattern(link: &str) -> String {
    let path = link.split('?').next().unwrap_or_default();
    let is_id = |part: &str| {
        part.len() >= 8 && part.contains(|c: char| c.is_ascii_digit()) || part.parse::<u64>().is_ok()
    };
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| if is_id(part) { "{id}" } else { part })
        .collect();
    parts.join("/")
}
