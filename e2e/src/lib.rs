//! Flows in a real browser: Chromium without a window, driven through ChromeDriver (W3C WebDriver).
//!
//! A dev-dependency only, for tests of what a person sees and presses on a page. They live in a module `browser`, by
//! which nextest knows them and runs them one after the other: here those of the simulators' own pages, and in the
//! crate of the program under test those that need the program, since cargo builds a program freshly only for tests of
//! its own crate.
//!
//! ```no_run
//! # async fn example() {
//! let Some(browser) = e2e::Browser::open().await else { return };
//! browser.go("http://127.0.0.1:8410/ws/oauth/authorize").await;
//! browser.fill("E-mail address", "tech@example.test").await;
//! browser.press("Sign in").await;
//! browser.heading("Allow Demo web app to use NinjaOne?").await;
//! browser.close().await;
//! # }
//! ```
//!
//! Without a browser a test fails and says what to install; where `RMMBRIDGE_SKIP_BROWSER` is set, it says that it
//! skips and passes. With `RMMBRIDGE_SCREENSHOTS=<directory>` every [`Browser::picture`] is kept there, at two widths,
//! light and dark. Everything here panics with a sentence where a product crate would return an error.

mod browser;
mod devtools;
mod driver;

pub use browser::{Browser, Colours, Look};
