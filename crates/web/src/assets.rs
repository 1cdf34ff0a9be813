//! The files pages load. Their addresses hold a digest of what is in them, so browsers keep them for a year and still
//! see a new version at once.

use crate::Web;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "app.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../assets/app.css"),
    },
    Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/live.js"),
    },
    Asset {
        name: "mark.svg",
        kind: "image/svg+xml",
        text: include_str!("../assets/mark.svg"),
    },
];

// Made of what was compiled in: it is a constant that no `const` can hold.
static DIGEST: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in &ASSETS {
        hash.update(asset.text);
    }
    hash.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

/// The address of a file, for templates.
pub fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *DIGEST)
}

/// The files.
pub fn routes() -> Router<Web> {
    Router::new().route("/assets/{digest}/{name}", get(asset))
}

async fn asset(Path((digest, name)): Path<(String, String)>) -> Response {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    let Some(asset) = found else {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    };
    let kept = if digest == *DIGEST {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    ([(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, kept)], asset.text).into_response()
}
