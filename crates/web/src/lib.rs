//! The web server: pages (`ui`), REST API (`api`), sign-in (`auth`), live progress (`live`).
//!
//! A handler parses, calls one use case of `engine`, and renders a template; what a person may do is decided there, by
//! the actor a [`SignedIn`] is. Pages are complete HTML and work without script. Every answer carries a content
//! security policy that allows no inline script or style and nothing from another host (`headers`).
//!
//! [`Web`] is what the program makes, [`router`] what it serves with [`serve`]. `README.md` says how a page is made.

mod api;
mod assets;
mod auth;
mod headers;
mod health;
mod live;
mod peer;
mod problem;
mod serve;
mod tls;
pub mod ui;
mod watched;

pub use auth::SignedIn;
pub use auth::provider::CALLBACK as PROVIDER_CALLBACK;
pub use peer::TrustedProxy;
pub use serve::serve;
pub use tls::TlsFiles;
pub use watched::{Figures, SECONDS, serve_figures};

/// The OpenAPI document of the REST API, as it is committed.
pub fn openapi() -> &'static str {
    api::text()
}

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use engine::Engine;
use engine::queueing::Jobs;
use live::Feeds;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::timeout::RequestBodyTimeoutLayer;
use url::Url;

/// Most bytes of a request's body.
const LARGEST_BODY: usize = 1 << 20;
/// How long a body may stand still.
const SLOWEST_BODY: Duration = Duration::from_secs(20);

/// Where this hub is found by browsers and vendors.
#[derive(Clone, Debug)]
pub struct Site {
    /// The address people type, e.g. `https://bridge.example.com`.
    pub public_url: Url,
    /// Path an OAuth consent comes back to.
    pub callback_path: String,
    /// Redirect URIs of this hub's other installations, to be registered on the same app: test and production.
    pub other_redirects: Vec<String>,
    /// What the form of a new connection holds before anybody typed: the demo's simulator.
    pub prefill: Option<Prefill>,
    /// Proxies whose word is believed on who asks.
    pub trusted_proxies: Vec<TrustedProxy>,
}

/// What the form of a new connection holds before anybody typed.
#[derive(Clone, Debug)]
pub struct Prefill {
    /// The connector's name.
    pub kind: String,
    /// Fields and what they hold, e.g. `setting.region`.
    pub fields: Vec<(String, String)>,
    /// A sentence above the form.
    pub note: String,
}

/// What every handler needs.
#[derive(Clone)]
pub struct Web {
    /// The use cases.
    pub(crate) engine: Engine,
    /// The durable queue.
    pub(crate) jobs: Arc<dyn Jobs>,
    /// Where this hub is found.
    pub(crate) site: Arc<Site>,
    /// What is followed live.
    pub(crate) feeds: Feeds,
    /// Cancelled when the server stops, so that nobody is waited for who only follows.
    pub(crate) ending: CancellationToken,
    /// How often each caller of the API may still ask.
    pub(crate) rates: Arc<api::Rates>,
}

/// The first parts of the paths of pages of ours, in their order.
const OF_PAGES: [&str; 18] = [
    "",
    "api",
    "assets",
    "bridges",
    "clients",
    "connections",
    "health",
    "jobs",
    "metrics",
    "mycompany",
    "plans",
    "ready",
    "runs",
    "set-up",
    "settings",
    "sign-in",
    "sign-out",
    "theme",
];

/// Whether the path is among pages of ours, where no vendor can be told to send a person back to.
pub fn is_of_pages(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    OF_PAGES.contains(&first)
}

impl Site {
    /// The redirect URI that is sent to vendors and registered there.
    pub fn redirect_uri(&self) -> String {
        let base = self.public_url.as_str().trim_end_matches('/');
        format!("{base}{}", self.callback_path)
    }

    /// Whether browsers reach it by TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// An address of a page of ours.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

impl Web {
    /// The web server of `engine`, which puts long work into `jobs`.
    pub fn new(engine: Engine, jobs: Arc<dyn Jobs>, site: Site) -> Self {
        Self {
            engine,
            jobs,
            site: Arc::new(site),
            feeds: Feeds::default(),
            ending: CancellationToken::new(),
            rates: Arc::default(),
        }
    }
}

/// Everything that is answered.
pub fn router(web: Web) -> Router {
    let signed_in = ui::routes(&web).layer(from_fn_with_state(web.clone(), auth::must_be_signed_in));
    let pages = Router::new()
        .merge(signed_in)
        .merge(auth::routes())
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(auth::session_layer(&web))
        .layer(auth::csrf_layer(&web));
    Router::new()
        .merge(api::routes(&web))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(health::ready))
        .merge(assets::routes())
        .merge(pages)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(RequestBodyTimeoutLayer::new(SLOWEST_BODY))
        // Packing well takes longer than making most pages does, for a largest page of 29 KB instead of 45.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn(headers::secure))
        .layer(from_fn(watched::count))
        .layer(from_fn_with_state(web.clone(), peer::find_out))
        .with_state(web)
}
