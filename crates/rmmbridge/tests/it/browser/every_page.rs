//! Every page there is, found by following links from the first one, held against axe in light and dark, and looked at on a
//! desk and a phone (`RMMBRIDGE_SCREENSHOTS` keeps the pictures). No link leads nowhere. A new page is in here once
//! something links to it; pages nobody links to stand in [`UNLINKED`].

use super::populated::Populated;
use e2e::{Browser, Colours, Look};
use std::collections::{BTreeMap, VecDeque};
use url::Url;

/// Pages nobody links to: of those who are not signed in, and of those who are lost.
const UNLINKED: [&str; 5] = [
    "/api/",
    "/sign-in/link?token=old",
    "/nowhere",
    "/runs?q=nothing&f=trouble",
    "/assets?q=nothing-is-called-so",
];
/// Words of a query that make it another page.
const TELLING: [&str; 3] = ["kind", "tab", "step"];
/// More than there are pages: beyond it something makes addresses without end.
const MOST: usize = 120;

/// What the pages of an address have in common: its path without ids, and what tells them apart.
fn pattern(url: &Url) -> String {
    let is_id = |part: &str| {
        part.len() >= 8 && part.contains(|c: char| c.is_ascii_digit()) || part.parse::<u64>().is_ok()
    };
    let path: Vec<&str> = url
        .path_segments()
        .into_iter()
        .flatten()
        .map(|part| if is_id(part) { "{id}" } else { part })
        .collect();
    let mut words: Vec<String> = url
        .query_pairs()
        .filter(|(key, _)| TELLING.contains(&key.as_ref()))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    words.sort();
    format!("/{} {}", path.join("/"), words.join(" "))
}

/// The pages of a hub, one of each pattern, by following links; and what else they link to: files, and answers for programs.
async fn pages(browser: &Browser, address: &str) -> (BTreeMap<String, Url>, BTreeMap<String, Url>) {
    let base = Url::parse(address).unwrap();
    let mut others: BTreeMap<String, Url> = BTreeMap::new();
    let mut found: BTreeMap<String, Url> = BTreeMap::new();
    let mut next: VecDeque<Url> = VecDeque::new();
    let first = UNLINKED.iter().map(|path| base.join(path).unwrap());
    for url in std::iter::once(base.clone()).chain(first) {
        found.insert(pattern(&url), url.clone());
        next.push_back(url);
    }
    while let Some(url) = next.pop_front() {
        browser.go(url.as_str()).await;
        for link in browser.links().await {
            let Ok(mut link) = Url::parse(&link) else { continue };
            link.set_fragment(None);
            // A file is no page.
            let is_file = link
                .path()
                .rsplit('/')
                .next()
                .is_some_and(|name| name.contains('.'))
                || link.path().ends_with("/csv")
                // Answers for programs.
                || link.path().starts_with("/api/v1");
            if link.origin() != base.origin() || found.contains_key(&pattern(&link)) {
                continue;
            }
            if is_file {
                others.insert(pattern(&link), link);
                continue;
            }
            found.insert(pattern(&link), link.clone());
            next.push_back(link);
        }
        assert!(found.len() < MOST, "{:#?}", found.keys());
    }
    (found, others)
}

/// What the pictures of a page are called: `/settings/people/{id} ` is `settings-people-id`.
fn file_name(page: &str) -> String {
    let words = page.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    match words.is_empty() {
        true => "overview".to_owned(),
        false => words.join("-"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_in_light_or_dark() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let hub = Populated::new().await;
    let mut findings = Vec::new();
    let sign_in = format!("{}/sign-in", hub.address);
    let mut look_at = async |name: &str, url: &str| {
        browser.go(url).await;
        for colours in [Colours::Light, Colours::Dark] {
            let look = Look { width: 1280, colours };
            for finding in browser.accessibility(look).await {
                findings.push(format!("{name} ({colours:?}): {finding}"));
            }
        }
        // On a phone other parts of a page show.
        let look = Look {
            width: 390,
            colours: Colours::Light,
        };
        for finding in browser.accessibility(look).await {
            findings.push(format!("{name} (phone): {finding}"));
        }
        browser.picture(&file_name(name)).await;
    };
    look_at("/sign-in", &sign_in).await;
    hub.sign_in(&browser).await;
    let (pages, others) = pages(&browser, &hub.address).await;
    let base = Url::parse(&hub.address).unwrap();
    let unlinked = UNLINKED.map(|path| base.join(path).unwrap());
    let mut dead_ends = Vec::new();
    for url in pages
        .values()
        .chain(others.values())
        .filter(|url| !unlinked.contains(url))
    {
        let status = browser.status(url.as_str()).await;
        if status != 200 {
            dead_ends.push(format!("{url} is linked and answers {status}"));
        }
    }
    assert_eq!(dead_ends, Vec::<String>::new());
    println!("{} pages: {:#?}", pages.len(), pages.keys());
    for page in pages
        .values()
        .chain(others.values())
        .filter(|url| !unlinked.contains(url))
    {
        assert!(web::is_of_pages(page.path()), "a callback could be put at {page}");
    }
    // The walk went through: these are linked from the first page, or from one that is.
    for page in [
        "/ ",
        "/clients ",
        "/clients/{id} ",
        "/assets/{id} ",
        "/connections/{id} ",
        "/bridges/{id}/questions ",
        "/bridges/{id}/differences ",
        "/runs ",
        "/api/ ",
    ] {
        assert!(pages.contains_key(page), "{page}: {:#?}", pages.keys());
    }
    for (name, url) in &pages {
        look_at(name, url.as_str()).await;
    }
    assert!(findings.is_empty(), "{findings:#?}");
    browser.close().await;
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and Lighthouse from npm: npm ci --prefix e2e/lighthouse"]
async fn lighthouse_gives_the_main_pages_95_at_least() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let hub = Populated::new().await;
    hub.sign_in(&browser).await;
    let (pages, _) = pages(&browser, &hub.address).await;
    let main = [
        "/ ",
        "/clients ",
        "/clients/{id} ",
        "/assets ",
        "/assets/{id} ",
        "/connections ",
        "/connections/{id} ",
        "/bridges/{id}/clients ",
        "/bridges/{id}/fields ",
        "/bridges/{id}/types ",
        "/bridges/{id}/questions ",
        "/bridges/{id}/settings ",
        "/plans/{id} ",
        "/runs ",
        "/runs/{id} ",
        "/settings/people ",
        "/settings/hub ",
        "/settings/audit ",
        "/api/ ",
    ];
    let paths = main
        .iter()
        .filter_map(|page| pages.get(*page))
        .map(|url| url.path().to_owned());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/lighthouse");
    let measured = std::process::Command::new("node")
        .arg("measure.mjs")
        .args([&hub.address, &browser.cookies().await])
        .args(paths)
        .current_dir(folder)
        .output()
        .unwrap();
    let (said, wrong) = (
        String::from_utf8_lossy(&measured.stdout).into_owned(),
        String::from_utf8_lossy(&measured.stderr).into_owned(),
    );
    println!("{said}");
    assert!(measured.status.success(), "{said}\n{wrong}");
    assert_eq!(said.lines().count(), main.len(), "{said}");
    browser.close().await;
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes the pictures of the README: cargo xtask screenshots"]
async fn screenshots_of_the_readme() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let hub = Populated::new().await;
    hub.sign_in(&browser).await;
    let plan = browser.attribute("a[href^='/plans/']", "href").await;
    browser.go(&format!("{}{plan}", hub.address)).await;
    browser.sees("Read and plan anew").await;
    browser.picture("readme-plan").await;
    // A workstation: it has every field.
    browser.go(&format!("{}/assets?q=-WS-", hub.address)).await;
    browser.heading("Assets").await;
    let asset = browser.attribute("tbody td a[href^='/assets/']", "href").await;
    browser.go(&format!("{}{asset}", hub.address)).await;
    browser.sees("Open in NinjaOne").await;
    browser.picture("readme-asset").await;
    browser.close().await;
    hub.end().await;
}
