//! A browser with one page, and what a person does with it.

use crate::devtools::DevTools;
use crate::driver::{Driver, find};
use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a page may take to show what is looked for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The looks every picture is taken in.
const LOOKS: [(&str, Look); 4] = [
    (
        "1280-light",
        Look {
            width: 1280,
            colours: Colours::Light,
        },
    ),
    (
        "1280-dark",
        Look {
            width: 1280,
            colours: Colours::Dark,
        },
    ),
    (
        "390-light",
        Look {
            width: 390,
            colours: Colours::Light,
        },
    ),
    (
        "390-dark",
        Look {
            width: 390,
            colours: Colours::Dark,
        },
    ),
];

/// Which colours the person prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// How the page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width in CSS pixels: 1280 for a desk, 390 for a phone.
    pub width: u32,
    /// The preferred colours.
    pub colours: Colours,
}

/// A browser of its own: new profile, no history, no cookies.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    // In this order: the browser ends before its profile is removed.
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser; `None` where `RMMBRIDGE_SKIP_BROWSER` is set.
    ///
    /// # Panics
    /// When Chromium or ChromeDriver is missing and nobody asked to skip, or they cannot be started.
    pub async fn open() -> Option<Self> {
        if std::env::var_os("RMMBRIDGE_SKIP_BROWSER").is_some() {
            println!("skipped: RMMBRIDGE_SKIP_BROWSER is set, so no browser is opened");
            return None;
        }
        let (Some(chromium), Some(chromedriver)) = (
            find(&["chromium", "chromium-browser", "google-chrome"]),
            find(&["chromedriver"]),
        ) else {
            panic!(
                "this test needs Chromium and ChromeDriver: apt-get install chromium chromium-driver. \
                 To go without, set RMMBRIDGE_SKIP_BROWSER=1"
            );
        };
        let driver = Driver::start(&chromedriver);
        let profile = TempDir::new().expect("a directory for the browser's profile");
        let mut capabilities = Capabilities::new();
        capabilities.insert("browserName".to_owned(), json!("chrome"));
        let options = json!({
            "binary": chromium,
            "args": arguments(&profile),
            // What a page lets somebody save goes with the profile, not into the home of whoever runs the tests.
            "prefs": { "download.default_directory": profile.path().join("downloads") },
        });
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", chromium.display()));
        let browser = Self {
            client,
            _driver: driver,
            _profile: profile,
        };
        browser.look(LOOKS[0].1).await;
        Some(browser)
    }

    /// Closes it.
    pub async fn close(self) {
        let _ = self.client.clone().close().await;
    }

    /// Opens an address.
    pub async fn go(&self, address: &str) {
        self.client
            .goto(address)
            .await
            .unwrap_or_else(|error| panic!("opening {address}: {error}"));
    }

    /// The address of the page.
    pub async fn address(&self) -> String {
        self.client
            .current_url()
            .await
            .expect("the page's address")
            .to_string()
    }

    /// Waits until the browser was sent to an address that begins with `start`, whether anybody answers there or not;
    /// returns that address.
    pub async fn sent_to(&self, start: &str) -> String {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let address = self.address().await;
            if address.starts_with(start) {
                return address;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "the browser should have been sent to {start} and is at {}",
            self.address().await
        );
    }

    /// Waits until the page's heading is `text`.
    pub async fn heading(&self, text: &str) {
        let began = Instant::now();
        let mut last = String::new();
        while began.elapsed() < PATIENCE {
            // Between two pages there is no heading, or one that is going away.
            if let Ok(heading) = self.client.find(Locator::Css("h1")).await {
                last = heading.text().await.unwrap_or_default();
                if last == text {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (address, page) = (self.address().await, self.text().await);
        panic!("the heading should be {text:?} and is {last:?} at {address}:\n{page}");
    }

    /// Everything that can be read on the page.
    pub async fn text(&self) -> String {
        let body = self
            .client
            .find(Locator::Css("body"))
            .await
            .expect("the page has a body");
        body.text().await.expect("the page's text")
    }

    /// The text of what an assistive device would announce as an alert.
    pub async fn alert(&self) -> String {
        let alert = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css("[role=alert]"))
            .await;
        alert
            .expect("the page has an alert")
            .text()
            .await
            .expect("the alert's text")
    }

    /// Types into the input of this label, over what stood there.
    pub async fn fill(&self, label: &str, text: &str) {
        let input = self.input(label).await;
        input
            .clear()
            .await
            .unwrap_or_else(|error| panic!("emptying {label:?}: {error}"));
        input
            .send_keys(text)
            .await
            .unwrap_or_else(|error| panic!("typing into {label:?}: {error}"));
    }

    /// What stands in the input of this label.
    pub async fn value(&self, label: &str) -> String {
        let value = self.input(label).await.prop("value").await;
        value.expect("the input's value").unwrap_or_default()
    }

    /// Presses the button of this text.
    pub async fn press(&self, button: &str) {
        // A form's default button for the Enter key can stand before the ones people see.
        let path = format!("//button[normalize-space()='{button}'][not(@aria-hidden)]");
        let found = self.find(&path, button).await;
        found
            .click()
            .await
            .unwrap_or_else(|error| panic!("pressing {button:?}: {error}"));
    }

    /// Follows the link of this text.
    pub async fn follow(&self, link: &str) {
        let path = format!("//a[normalize-space()='{link}']");
        let found = self.find(&path, link).await;
        found
            .click()
            .await
            .unwrap_or_else(|error| panic!("following {link:?}: {error}"));
    }

    /// Ticks, or unticks, the box of this label; chooses the radio button of this one.
    pub async fn tick(&self, label: &str) {
        let path = format!(
            "//input[@id=//label[normalize-space()='{label}']/@for] | //label[.//b[normalize-space()='{label}']]/input \
             | //input[@type='checkbox'][@aria-label='{label}']"
        );
        let found = self.find(&path, label).await;
        found
            .click()
            .await
            .unwrap_or_else(|error| panic!("ticking {label:?}: {error}"));
    }

    /// Chooses an option whose text begins with `option` in the list of this label.
    pub async fn choose(&self, label: &str, option: &str) {
        let path = format!(
            "//select[@id=//label[normalize-space()='{label}']/@for]//option[starts-with(normalize-space(), '{option}')]"
        );
        let found = self.find(&path, option).await;
        found
            .click()
            .await
            .unwrap_or_else(|error| panic!("choosing {option:?}: {error}"));
    }

    /// Waits until the page says `text`.
    pub async fn sees(&self, text: &str) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            // Between two pages there is nothing to read.
            if let Ok(body) = self.client.find(Locator::Css("body")).await
                && body.text().await.is_ok_and(|words| words.contains(text))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the page should say {text:?}:\n{}", self.text().await);
    }

    /// Waits until the page says `text` no more.
    pub async fn gone(&self, text: &str) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Ok(body) = self.client.find(Locator::Css("body")).await
                && body.text().await.is_ok_and(|words| !words.contains(text))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the page should not say {text:?}:\n{}", self.text().await);
    }

    /// Opens what is folded under this heading.
    pub async fn unfold(&self, heading: &str) {
        let path = format!("//summary[normalize-space()='{heading}']");
        let found = self.find(&path, heading).await;
        found
            .click()
            .await
            .unwrap_or_else(|error| panic!("unfolding {heading:?}: {error}"));
    }

    /// Presses the button of this text twice as fast as can be, as people do who double-click everything.
    pub async fn press_twice(&self, button: &str) {
        let path = format!("//button[normalize-space()='{button}']");
        self.find(&path, button).await;
        let script = format!(
            "const found = document.evaluate(\"{path}\", document, null, 9, null).singleNodeValue; found.click(); \
             found.click();"
        );
        self.run(&script).await;
    }

    /// An attribute of the first element this selector finds.
    pub async fn attribute(&self, selector: &str, name: &str) -> String {
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(selector))
            .await
            .unwrap_or_else(|error| panic!("finding {selector:?}: {error}"));
        let value = found.attr(name).await.expect("the element is still there");
        value.unwrap_or_else(|| panic!("{selector:?} has no {name:?}"))
    }

    /// Presses keys, wherever the focus is: `\u{e004}` is Tab, `\u{e007}` Enter.
    pub async fn keys(&self, keys: &str) {
        let focus = self
            .client
            .active_element()
            .await
            .expect("something has the focus");
        focus
            .send_keys(keys)
            .await
            .unwrap_or_else(|error| panic!("pressing keys: {error}"));
    }

    /// Looks at the page in another way.
    pub async fn look(&self, look: Look) {
        let size = json!({ "width": look.width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
        let value = match look.colours {
            Colours::Light => "light",
            Colours::Dark => "dark",
        };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    /// Looks at the page on a desk and on a phone, light and dark: nothing may stick out sideways, and text must stand
    /// out from what is behind it. Where `RMMBRIDGE_SCREENSHOTS` names a directory, pictures called `name` are kept.
    ///
    /// # Panics
    /// When the page is wider than the window, or a text is hard to read.
    pub async fn picture(&self, name: &str) {
        let directory = std::env::var_os("RMMBRIDGE_SCREENSHOTS").map(PathBuf::from);
        for (suffix, look) in LOOKS {
            self.look(look).await;
            if let Some(directory) = &directory {
                let file = directory.join(format!("{name}-{suffix}.png"));
                let png = self.client.screenshot().await.expect("a picture of the page");
                std::fs::create_dir_all(directory)
                    .and_then(|()| std::fs::write(&file, png))
                    .expect("keeping the picture");
            }
            let wide = self.run(SURPLUS_WIDTH).await.as_f64().unwrap_or(f64::NAN);
            assert!(wide <= 0.0, "{name} sticks out by {wide} pixels at {suffix}");
            let faint = self.run(FAINT_TEXTS).await;
            assert_eq!(faint, json!([]), "{name}: hard to read at {suffix}");
        }
        self.look(LOOKS[0].1).await;
    }

    /// Refuses what axe finds on the page, on a desk and a phone, in light and dark, and keeps its pictures.
    ///
    /// # Panics
    /// When it finds something.
    pub async fn looked_at(&self, name: &str) {
        for (how, look) in LOOKS {
            let findings = self.accessibility(look).await;
            assert!(findings.is_empty(), "{name} ({how}): {findings:#?}");
        }
        self.picture(name).await;
    }

    /// What axe finds wrong with the page in this look: each rule, how bad, and where. In the dark only its rules about
    /// colours are asked, since nothing else changes there.
    ///
    /// # Panics
    /// When axe is not installed: `npm ci --prefix e2e`.
    pub async fn accessibility(&self, look: Look) -> Vec<String> {
        self.look(look).await;
        // WebDriver's own scripts are not bound by the page's policy, which forbids every other one.
        if self.run("return typeof axe === 'undefined';").await == json!(true) {
            let axe = std::fs::read_to_string(AXE).unwrap_or_else(|error| {
                panic!(
                    "{AXE}: {error}. Install what the tests need from npm: npm ci --prefix e2e --ignore-scripts"
                )
            });
            self.run(&format!("{axe}\nwindow.axe = axe;")).await;
        }
        let asked = match look.colours {
            Colours::Light => json!({ "resultTypes": ["violations"] }),
            Colours::Dark => {
                json!({ "resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"] })
            }
        };
        let found = self.client.execute_async(RUN_AXE, vec![asked]).await;
        let found = found.unwrap_or_else(|error| panic!("running axe: {error}"));
        serde_json::from_value(found).expect("axe gives a list of texts")
    }

    /// The addresses the page's links lead to.
    pub async fn links(&self) -> Vec<String> {
        let links = self
            .run("return [...document.querySelectorAll('a[href]')].map((a) => a.href);")
            .await;
        serde_json::from_value(links).expect("addresses are texts")
    }

    /// The status with which an address of the page's own host answers whoever is signed in.
    pub async fn status(&self, address: &str) -> u64 {
        let script = "const [address, done] = arguments;
            fetch(address).then((answer) => done(answer.status), (error) => done(`${error}`));";
        let answered = self.client.execute_async(script, vec![address.into()]).await;
        let answered = answered.unwrap_or_else(|error| panic!("asking {address}: {error}"));
        answered
            .as_u64()
            .unwrap_or_else(|| panic!("asking {address}: {answered}"))
    }

    /// The cookies of the page, as the header that sends them.
    pub async fn cookies(&self) -> String {
        let cookies = self.client.get_all_cookies().await.expect("the page's cookies");
        let pairs = cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn input(&self, label: &str) -> Element {
        let path = format!("//input[@id=//label[normalize-space()='{label}']/@for or @aria-label='{label}']");
        self.find(&path, label).await
    }

    async fn find(&self, path: &str, name: &str) -> Element {
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::XPath(path))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{name:?} is not on the page ({error}):\n{}", self.text().await),
        }
    }

    async fn run(&self, script: &str) -> Value {
        self.client
            .execute(script, vec![])
            .await
            .expect("running a script on the page")
    }

    async fn command(&self, command: &'static str, parameters: Value) {
        let done = self.client.issue_cmd(DevTools { command, parameters }).await;
        done.unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

/// Where npm puts axe.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/axe-core/axe.min.js");

/// Every rule of axe that is asked for, best practices too.
const RUN_AXE: &str = "
  const [asked, done] = arguments;
  axe.run(document, asked).then(
    (results) => done(results.violations.flatMap((rule) => rule.nodes.map((node) =>
      rule.id + ' (' + rule.impact + '): ' + node.target.join(' ') + ': ' + node.failureSummary.replace(/\\s+/g, ' ')))),
    (error) => done(['axe failed: ' + error]));";

/// How many pixels the page is wider than its window.
const SURPLUS_WIDTH: &str = "
  const page = document.documentElement;
  return Math.max(page.scrollWidth, document.body.scrollWidth) - page.clientWidth;";

/// Texts whose contrast with the nearest painted background is below WCAG 2.2's 4.5 : 1 (1.4.3), each with its ratio.
/// Transparent colours and pictures are not met on the pages this is for.
const FAINT_TEXTS: &str = "
  const channels = (colour) => (colour.match(/[0-9.]+/g) || []).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((c) => c / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches
    && getComputedStyle(document.documentElement).colorScheme.includes('dark') ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)';
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor, alpha = channels(colour)[3];
      if (alpha === undefined || alpha > 0) return colour;
    }
    return canvas;
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!text || !element.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(text.slice(0, 40) + ': ' + ratio.toFixed(2));
  }
  return faint;";

/// Without a window, and without everything a browser does on its own.
fn arguments(profile: &TempDir) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_sticks_out_or_is_hard_to_read_is_found() {
        let Some(browser) = Browser::open().await else {
            return;
        };
        browser
            .go("data:text/html,<h1>Fine</h1><p style='color:%23999'>Faint</p>")
            .await;
        assert_eq!(browser.run(FAINT_TEXTS).await, json!(["Faint: 2.85"]));
        assert_eq!(browser.run(SURPLUS_WIDTH).await, json!(0));
        browser
            .go("data:text/html,<p style='width:2000px'>Wide</p>")
            .await;
        assert!(
            browser
                .run(SURPLUS_WIDTH)
                .await
                .as_f64()
                .is_some_and(|wide| wide > 700.0)
        );
        browser.close().await;
    }
}
