//! Authorizing: away to the vendor's consent page, and back.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::Tone;
use crate::ui::away::away;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::Mode;
use model::{Connection, ConnectionId, ConnectionState};
use url::Url;

/// How an authorization began.
enum Begun {
    /// The browser goes to this page.
    Away(Url),
    /// Nobody had to agree, and this is how it stands.
    Ended(Connection),
}

/// Begins the authorization of a connection.
pub async fn begin(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<ConnectionId>,
) -> Result<Response> {
    let connection = super::show::find(&web, &signed_in, &id).await?;
    authorize(&web, &signed_in, &connection).await
}

/// Sends the browser to the consent page, or gets the machine's grant.
pub async fn authorize(web: &Web, signed_in: &SignedIn, connection: &Connection) -> Result<Response> {
    let (actor, id) = (&signed_in.actor, &connection.id);
    let began = match web.engine.authorization_mode(actor, id).await? {
        Some(Mode::Consent) => {
            let redirect = web.site.redirect_uri();
            let session = signed_in.session_id();
            web.engine
                .begin_browser_consent(actor, id, &redirect, &session)
                .await
                .map(Begun::Away)
        }
        Some(Mode::Machine) => web.engine.connect_machine(actor, id).await.map(Begun::Ended),
        None => Ok(Begun::Ended(connection.clone())),
    };
    match began {
        Ok(Begun::Away(url)) => {
            let words = ("Authorize", "Sign in there and agree", "/connections");
            away(signed_in.theme, words, &url)
        }
        Ok(Begun::Ended(connection)) => {
            let (tone, sentence) = match &connection.state {
                // The page says whom to ask for it.
                ConnectionState::NotEnabled { part, .. } => (
                    Tone::Warn,
                    format!("{} accepts the keys. {part} is not enabled.", connection.name),
                ),
                _ => (Tone::Good, format!("{} is connected.", connection.name)),
            };
            signed_in.flash(tone, sentence).await?;
            Ok(Redirect::to(&format!("/connections/{id}")).into_response())
        }
        Err(error @ engine::Error::Outside { .. }) => {
            signed_in.flash(Tone::Bad, in_words(&error)).await?;
            Ok(Redirect::to(&format!("/connections/{id}")).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// The browser came back.
pub async fn finish(
    State(web): State<Web>,
    signed_in: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let (actor, session) = (&signed_in.actor, signed_in.session_id());
    let finished = web
        .engine
        .finish_browser_consent(actor, &query.unwrap_or_default(), &session)
        .await;
    let (id, ended) = match finished {
        Ok(finished) => finished,
        Err(error @ engine::Error::Stranger) => {
            return Err(Problem::new(StatusCode::FORBIDDEN, in_words(&error)));
        }
        Err(error) => return Err(error.into()),
    };
    match ended {
        Ok(connection) => {
            let sentence = format!("{} is connected: the grant works.", connection.name);
            signed_in.flash(Tone::Good, sentence).await?;
        }
        Err(error) => {
            signed_in
                .flash(Tone::Bad, format!("Not connected. {}", in_words(&error)))
                .await?
        }
    }
    Ok(Redirect::to(&format!("/connections/{id}")).into_response())
}
