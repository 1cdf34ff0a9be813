//! The client wizard: which organization is which client, the overview of what will happen, and Finish. Nothing is
//! written before Finish, and everything can be changed at a later visit.

pub mod all;
pub mod choose;
pub mod decide;
pub mod list;
pub mod overview;

use super::tabs::{Tab, address};
use crate::Web;
use axum::Router;
use axum::routing::{get, post};
use model::{BridgeId, SourceId, Verdict};

/// The routes.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/bridges/{id}/clients", get(list::show))
        .route("/bridges/{id}/clients/decide", post(decide::decide))
        .route("/bridges/{id}/clients/refresh", post(decide::refresh))
        .route(
            "/bridges/{id}/clients/auto-match",
            get(all::auto_match).post(all::match_all),
        )
        .route(
            "/bridges/{id}/clients/create-unmatched",
            get(all::unmatched).post(all::create_unmatched),
        )
        .route(
            "/bridges/{id}/clients/overview",
            get(overview::show).post(overview::finish),
        )
        .route("/bridges/{id}/match/{organization}", get(choose::show))
}

/// The address of the list.
pub fn list_address(bridge: &BridgeId) -> String {
    address(bridge, Tab::Clients)
}

/// An organization and what was known of it when a page was made, as a form sends it back: what somebody decides is
/// refused when something else was decided meanwhile, and asked again when another bridge created a client of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The organization.
    pub organization: SourceId,
    /// What was decided of it.
    pub seen: Option<Verdict>,
    /// How far the destination's count of creations by name was.
    pub names_created: i64,
}

impl Ticket {
    /// As a form sends it.
    pub fn text(&self) -> String {
        let (organization, names) = (&self.organization, self.names_created);
        match &self.seen {
            None => format!("{organization}\t{names}\t"),
            Some(Verdict::Create) => format!("{organization}\t{names}\tcreate"),
            Some(Verdict::Exclude) => format!("{organization}\t{names}\texclude"),
            Some(Verdict::Matched { client }) => format!("{organization}\t{names}\t={client}"),
        }
    }

    /// Out of what a form sent.
    pub fn parse(text: &str) -> Option<Self> {
        let (organization, known) = text.split_once('\t')?;
        let (names_created, seen) = known.split_once('\t')?;
        let seen = match seen {
            "" => None,
            "create" => Some(Verdict::Create),
            "exclude" => Some(Verdict::Exclude),
            client => Some(Verdict::Matched {
                client: client.strip_prefix('=')?.into(),
            }),
        };
        Some(Self {
            organization: organization.into(),
            seen,
            names_created: names_created.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_comes_back_as_it_was_sent() {
        let verdicts = [
            None,
            Some(Verdict::Create),
            Some(Verdict::Exclude),
            Some(Verdict::Matched { client: "c=1".into() }),
        ];
        for seen in verdicts {
            let ticket = Ticket {
                organization: "12".into(),
                seen,
                names_created: 7,
            };
            assert_eq!(Ticket::parse(&ticket.text()), Some(ticket));
        }
        for nonsense in ["", "12", "12\t7", "12\tx\tcreate", "12\t7\tnonsense"] {
            assert_eq!(Ticket::parse(nonsense), None, "{nonsense:?}");
        }
    }
}
