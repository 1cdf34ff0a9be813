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
        .route("/bridges/{id}/clients/ask-again", post(decide::ask_again))
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

/// An organization and what was decided of it when a page was made, as a form sends it back: what somebody decides is
/// refused when something else was decided meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The organization.
    pub organization: SourceId,
    /// What was decided of it.
    pub seen: Option<Verdict>,
}

impl Ticket {
    /// As a form sends it.
    pub fn text(&self) -> String {
        let seen = match &self.seen {
            None => "",
            Some(Verdict::Create) => "create",
            Some(Verdict::Exclude) => "exclude",
            Some(Verdict::Matched { client }) => return format!("{}\t={client}", self.organization),
        };
        format!("{}\t{seen}", self.organization)
    }

    /// Out of what a form sent.
    pub fn parse(text: &str) -> Option<Self> {
        let (organization, seen) = text.split_once('\t')?;
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
            };
            assert_eq!(Ticket::parse(&ticket.text()), Some(ticket));
        }
        for nonsense in ["", "12", "12\tnonsense"] {
            assert_eq!(Ticket::parse(nonsense), None, "{nonsense:?}");
        }
    }
}
