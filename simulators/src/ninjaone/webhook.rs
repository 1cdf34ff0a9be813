//! Delivers activities to the webhooks that client apps configured.
//!
//! One activity a request, in the order they happened, tried once: the vendor's policy for repeating is unknown, so a
//! receiver must not count on one. Only `http://` addresses are served, as receivers are on the same machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::api::payload;
use super::tenant::Tenant;

/// What a client app asked for.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub url: Uri,
    /// Wanted status codes by activity type, `*` for all; everything if `None`.
    pub activities: Option<BTreeMap<String, Vec<String>>>,
    pub expand: Vec<String>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Only activities of these organizations; all if empty.
    pub organizations: Vec<u32>,
    /// Activities up to this id are not delivered (any more).
    pub sent: u64,
}

impl Hook {
    /// Whether it wants an activity of this type and status.
    pub fn wants(&self, activity_type: &str, code: &str) -> bool {
        let Some(activities) = &self.activities else {
            return true;
        };
        activities
            .get(activity_type)
            .is_some_and(|codes| codes.iter().any(|wanted| wanted == "*" || wanted == code))
    }
}

/// An attempt to deliver an activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The client app whose webhook it was.
    pub client_id: String,
    /// The activity.
    pub activity: u64,
    /// The receiver's status; 0 if there was no answer.
    pub status: u16,
}

#[derive(Default)]
pub(super) struct Hooks {
    inner: Mutex<(BTreeMap<String, Hook>, Vec<Delivery>)>,
    wake: Notify,
}

impl Hooks {
    /// Configures the webhook of a client app; replaces the one before.
    pub fn put(&self, client_id: &str, hook: Hook) {
        self.lock().0.insert(client_id.to_owned(), hook);
    }

    /// Removes the webhook of a client app.
    pub fn remove(&self, client_id: &str) {
        self.lock().0.remove(client_id);
    }

    /// Looks for new activities soon.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Every attempt so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.lock().1.clone()
    }

    fn lock(&self) -> MutexGuard<'_, (BTreeMap<String, Hook>, Vec<Delivery>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers until the simulator stops.
pub(super) async fn run(tenant: Arc<Tenant>) {
    loop {
        tokio::select! {
            () = tenant.stop.cancelled() => return,
            () = tenant.hooks.wake.notified() => {}
        }
        let hooks: Vec<(String, Hook)> = tenant
            .hooks
            .lock()
            .0
            .iter()
            .map(|(id, hook)| (id.clone(), hook.clone()))
            .collect();
        for (client_id, hook) in hooks {
            let (due, last) = payload::due(&tenant, &hook);
            if let Some(hook) = tenant.hooks.lock().0.get_mut(&client_id) {
                hook.sent = hook.sent.max(last);
            }
            for (activity, body) in due {
                let sending = tokio::time::timeout(Duration::from_secs(5), post(&hook, body));
                let status = tokio::select! {
                    () = tenant.stop.cancelled() => return,
                    answer = sending => answer.ok().and_then(Result::ok).unwrap_or(0),
                };
                tenant.hooks.lock().1.push(Delivery {
                    client_id: client_id.clone(),
                    activity,
                    status,
                });
            }
        }
    }
}

async fn post(hook: &Hook, body: String) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let authority = hook.url.authority().ok_or("no authority")?;
    let port = authority.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((authority.host(), port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the sender is dropped.
    tokio::spawn(connection);
    let path = hook.url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    request.headers_mut().extend(hook.headers.iter().cloned());
    Ok(sender.send_request(request).await?.status().as_u16())
}
