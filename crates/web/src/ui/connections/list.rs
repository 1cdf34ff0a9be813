//! All connections, and what else can be connected.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::overview::state_in_words;
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::bridges::REGISTRY;
use model::ActorRole;

#[derive(Template)]
#[template(path = "connections/list.html")]
struct ConnectionsPage {
    frame: Frame,
    connections: Vec<Card>,
    kinds: Vec<Kind>,
    may_connect: bool,
}

struct Card {
    id: String,
    name: String,
    kind: &'static str,
    tone: Tone,
    state: String,
    reason: String,
    read_only: bool,
    last_success: Option<When>,
}

struct Kind {
    kind: &'static str,
    label: &'static str,
    is_source: bool,
    connected: bool,
    /// Whether it is what one begins with.
    is_next: bool,
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let now = web.engine.clock().now();
    let connections = web.engine.connections(&signed_in.actor).await?;
    let label = |kind: &str| {
        web.engine
            .connectors()
            .get(kind)
            .map_or("A connector this program lacks", |c| c.label())
    };
    let connectors = web.engine.connectors();
    let is_source = |kind: &str| connectors.get(kind).is_ok_and(|c| c.is_source());
    let mut begins = !connections.iter().any(|c| is_source(&c.kind));
    let kinds = connectors.iter().map(|connector| {
        let connected = connections.iter().any(|c| c.kind == connector.kind());
        Kind {
            kind: connector.kind(),
            label: connector.label(),
            is_source: connector.is_source(),
            connected,
            is_next: connector.is_source() && std::mem::take(&mut begins),
        }
    });
    // There is one registry, and it is there.
    let kinds = kinds.filter(|kind| !(kind.kind == REGISTRY && kind.connected));
    page(&ConnectionsPage {
        frame: signed_in.frame("Connections", Section::Connections).await?,
        kinds: kinds.collect(),
        may_connect: signed_in.may(ActorRole::Owner),
        connections: connections
            .iter()
            .map(|connection| {
                let (tone, state) = state_in_words(&connection.state);
                Card {
                    id: connection.id.to_string(),
                    name: connection.name.clone(),
                    kind: label(&connection.kind),
                    tone,
                    state,
                    reason: connection.state.reason().unwrap_or_default().to_owned(),
                    read_only: connection.read_only,
                    last_success: connection.last_success.map(|at| When::new(at, now)),
                }
            })
            .collect(),
    })
}
