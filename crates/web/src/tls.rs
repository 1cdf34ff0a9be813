//! TLS with a certificate and a key in files, which are read again when they change.

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// Longest time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once.
const AT_ONCE: usize = 256;
/// How often it is looked whether the files changed.
const LOOK: Duration = Duration::from_secs(30);

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, with those that sign it, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Connections whose handshake is over.
#[derive(Debug)]
pub struct TlsListener {
    incoming: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Accepts on `listener` until `stop` is cancelled.
    ///
    /// # Errors
    /// When certificate or key cannot be used.
    pub fn new(listener: TcpListener, files: TlsFiles, stop: CancellationToken) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let current = Arc::new(Current {
            key: RwLock::new(files.load()?),
        });
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (sender, incoming) = mpsc::channel(AT_ONCE);
        tokio::spawn(watch(files, current, stop.clone()));
        tokio::spawn(accept(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            sender,
            stop,
        ));
        Ok(Self { incoming, address })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.incoming.recv().await {
            Some(connection) => connection,
            // Stopped: whoever serves stops, too.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // No file descriptors left, for example: others may end meanwhile.
                tracing::warn!(error = %error, "A connection could not be accepted.");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            let _slot = slot;
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let _ = sender.send((stream, peer)).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, error = %error, "A TLS handshake failed."),
                Err(_) => tracing::debug!(%peer, "A TLS handshake took too long."),
            }
        });
    }
}

/// The certificate that is shown now.
#[derive(Debug)]
struct Current {
    key: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl TlsFiles {
    /// Whether they can be used.
    ///
    /// # Errors
    /// When they cannot: which file, and why.
    pub fn check(&self) -> io::Result<()> {
        self.load().map(drop)
    }

    fn load(&self) -> io::Result<Arc<CertifiedKey>> {
        let wrong = |path: &PathBuf, what: String| io::Error::other(format!("{}: {what}", path.display()));
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect);
        let certificates = certificates.map_err(|error| wrong(&self.certificate, error.to_string()))?;
        if certificates.is_empty() {
            return Err(wrong(
                &self.certificate,
                "there is no certificate in it (PEM)".to_owned(),
            ));
        }
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| wrong(&self.key, error.to_string()))?;
        let provider = rustls::crypto::ring::default_provider();
        let pair = CertifiedKey::from_der(certificates, key, &provider)
            .map_err(|error| wrong(&self.key, format!("it does not go with the certificate: {error}")))?;
        Ok(Arc::new(pair))
    }

    fn changed(&self) -> Option<(SystemTime, SystemTime)> {
        let of = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        Some((of(&self.certificate)?, of(&self.key)?))
    }
}

/// Takes over what was renewed. Files that cannot be used leave the old pair in place.
async fn watch(files: TlsFiles, current: Arc<Current>, stop: CancellationToken) {
    let mut known = files.changed();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let now = files.changed();
        if now == known || now.is_none() {
            continue;
        }
        known = now;
        match files.load() {
            Ok(pair) => {
                *current.key.write().unwrap_or_else(PoisonError::into_inner) = pair;
                tracing::info!("The TLS certificate was read again.");
            }
            Err(error) => {
                tracing::warn!(error = %error, "The new TLS certificate cannot be used; the old one stays.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn write_pair(folder: &Path, name: &str) -> TlsFiles {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let files = TlsFiles {
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_pair(folder.path(), "bridge.example.com");
        files.load().unwrap();
        std::fs::write(&files.certificate, "no certificate").unwrap();
        let error = files.load().unwrap_err().to_string();
        assert!(
            error.contains("cert.pem: there is no certificate in it"),
            "{error}"
        );
        let other = tempfile::tempdir().unwrap();
        let mixed = TlsFiles {
            certificate: write_pair(other.path(), "other.example.com").certificate,
            key: files.key.clone(),
        };
        let error = mixed.load().unwrap_err().to_string();
        assert!(
            error.contains("key.pem: it does not go with the certificate"),
            "{error}"
        );
        std::fs::remove_file(&files.key).unwrap();
        write_pair(other.path(), "x.example.com");
        let gone = TlsFiles {
            key: files.key.clone(),
            ..mixed
        };
        let error = gone.load().unwrap_err().to_string();
        assert!(error.contains("key.pem"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_pair(folder.path(), "one.example.com");
        let current = Arc::new(Current {
            key: RwLock::new(files.load().unwrap()),
        });
        let shown = || current.key.read().unwrap().cert[0].clone();
        let stop = CancellationToken::new();
        let watching = tokio::spawn(watch(files.clone(), current.clone(), stop.clone()));
        tokio::task::yield_now().await;
        let first = shown();
        let touch = |seconds: u64| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds);
            for path in [&files.certificate, &files.key] {
                std::fs::File::options()
                    .write(true)
                    .open(path)
                    .unwrap()
                    .set_modified(at)
                    .unwrap();
            }
        };
        write_pair(folder.path(), "two.example.com");
        touch(1);
        tokio::time::sleep(LOOK * 2).await;
        let second = shown();
        assert_ne!(first, second);
        std::fs::write(&files.certificate, "half of a certifica").unwrap();
        touch(2);
        tokio::time::sleep(LOOK * 2).await;
        assert_eq!(shown(), second);
        stop.cancel();
        watching.await.unwrap();
    }
}
