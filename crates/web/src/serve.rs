//! Serving until asked to stop.

use crate::peer::Peer;
use crate::tls::{TlsFiles, TlsListener};
use crate::{Web, router};
use axum::serve::Listener;
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

/// Serves `web` on `listener` until `stop` is cancelled, then lets requests under way end, for ten seconds at most. With
/// `tls` by TLS alone; the files are read again when they change.
///
/// # Errors
/// When the certificate or key cannot be used, or the listener fails.
pub async fn serve(
    web: Web,
    listener: TcpListener,
    tls: Option<TlsFiles>,
    stop: CancellationToken,
) -> io::Result<()> {
    let sweeping = tokio::spawn(sweep(web.clone(), stop.clone()));
    let served = match tls {
        None => until_stopped(web, listener, &stop).await,
        Some(files) => match TlsListener::new(listener, files, stop.clone()) {
            Ok(listener) => until_stopped(web, listener, &stop).await,
            Err(error) => Err(error),
        },
    };
    sweeping.abort();
    served
}

async fn until_stopped<L>(web: Web, listener: L, stop: &CancellationToken) -> io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    Peer: for<'a> axum::extract::connect_info::Connected<axum::serve::IncomingStream<'a, L>>,
{
    let (asked, ending) = (stop.clone(), web.ending.clone());
    let app = router(web).into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        asked.cancelled().await;
        ending.cancel();
    });
    tokio::select! {
        ended = serving.into_future() => ended,
        () = after(stop, GRACE) => Ok(()),
    }
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
