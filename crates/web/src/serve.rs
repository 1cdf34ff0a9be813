//! Serving until asked to stop.

use crate::{Web, router};
use std::future::IntoFuture as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take once the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// How often ended sessions are swept.
const SWEEP: Duration = Duration::from_secs(15 * 60);

/// Serves `web` on `listener` until `stop` is cancelled, then lets requests under way end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(web: Web, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let app = router(web.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let sweeping = tokio::spawn(sweep(web.clone(), stop.clone()));
    let (asked, ending) = (stop.clone(), web.ending.clone());
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        asked.cancelled().await;
        ending.cancel();
    });
    let ended = tokio::select! {
        ended = serving.into_future() => ended,
        () = after(&stop, GRACE) => Ok(()),
    };
    sweeping.abort();
    ended
}

async fn after(stop: &CancellationToken, grace: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(grace).await;
}

async fn sweep(web: Web, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = web.engine.sweep_web_sessions().await {
            tracing::warn!(error = %error, "Ended sessions could not be swept.");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stop.cancelled() => {}
        }
    }
}
