//! The list: organizations left, clients right, why each is matched, and what one may decide of it.

use super::Ticket;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::table::{Ask, Chip, Column, PER_PAGE, Table};
use crate::ui::time::{When, count};
use crate::ui::words::plainly;
use crate::ui::{Frame, Tone, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::bridges::BridgeDetail;
use engine::match_list::{ListedMatch, MatchCounts, MatchFilter, MatchOrder, MatchQuery};
use model::{ActorRole, BridgeId, Client, MatchHow, OrganizationMatch, Verdict};

const COLUMNS: [Column; 5] = [
    Column::text("name", "Organization"),
    Column::number("devices", "Devices"),
    Column::text("", "Client"),
    Column::text("", "Why"),
    Column::text("", "Decide"),
];

#[derive(Template)]
#[template(path = "bridges/clients/list.html")]
struct ListPage {
    frame: Frame,
    head: Head,
    may_decide: bool,
    /// Nothing before the first read.
    list: Option<List>,
}

struct List {
    table: Table,
    rows: Vec<Row>,
    clients: String,
    asked: When,
}

/// An organization as a line of the list.
pub struct Row {
    /// What its buttons send.
    pub ticket: String,
    /// Its name.
    pub name: String,
    /// How many devices it has.
    pub devices: String,
    /// How it stands, in a colour.
    pub tone: Tone,
    /// The same in words.
    pub state: &'static str,
    /// The client it is.
    pub client: Option<Named>,
    /// Why, in words.
    pub why: String,
    /// The rule that decided, in a word.
    pub rule: &'static str,
    /// Whether somebody should look at the match before it is taken.
    pub doubtful: bool,
    /// What the button sends that takes such a match.
    pub confirm: Option<String>,
    /// Clients it might be.
    pub suggestions: Vec<Suggested>,
    /// Whether the button that creates a client makes sense.
    pub may_create: bool,
    /// Whether the button that excludes it makes sense.
    pub may_exclude: bool,
    /// Whether there is a decision to be taken back.
    pub may_undo: bool,
    /// Where a client is chosen.
    pub choose: String,
}

/// A client's name and its page, if it has one here.
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its page.
    pub address: Option<String>,
}

/// A client an organization might be.
pub struct Suggested {
    /// What its button sends.
    pub choice: String,
    /// Its name.
    pub name: String,
    /// Why it might be.
    pub reason: String,
}

/// A client with its page; only the registry's clients have one.
pub fn named(client: &Client, detail: &BridgeDetail) -> Named {
    Named {
        name: client.name.clone(),
        address: (detail.destination.kind == engine::bridges::REGISTRY)
            .then(|| format!("/clients/{}", client.id)),
    }
}

fn rule(how: MatchHow) -> &'static str {
    match how {
        MatchHow::Link => "Linked",
        MatchHow::Person => "Decided",
        MatchHow::StoredId => "Same id",
        MatchHow::SameName => "Same name",
        MatchHow::SimilarName => "Similar name",
    }
}

impl Row {
    /// A line; `back` is where one goes on after choosing.
    pub fn new(listed: &ListedMatch, detail: &BridgeDetail, back: &str) -> Self {
        let row = &listed.row;
        let organization = &row.organization;
        let seen = listed.decision.as_ref().map(|decision| decision.verdict.clone());
        let ticket = Ticket {
            organization: organization.id.clone(),
            seen: seen.clone(),
            names_created: listed.names_created,
        }
        .text();
        let (tone, state, why) = match &row.status {
            OrganizationMatch::Matched { reason, .. } => (Tone::Good, "Matched", reason),
            OrganizationMatch::Create { reason } => (Tone::Busy, "To create", reason),
            OrganizationMatch::Excluded { reason } => (Tone::Plain, "Excluded", reason),
            OrganizationMatch::Undecided { reason, .. } => (Tone::Warn, "Open question", reason),
        };
        let (rule, doubtful) = match &row.status {
            OrganizationMatch::Matched {
                how,
                needs_confirmation,
                ..
            } => (rule(*how), *needs_confirmation),
            _ => ("", false),
        };
        let is_matched = matches!(row.status, OrganizationMatch::Matched { .. });
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("back", back);
        let id: String = url::form_urlencoded::byte_serialize(organization.id.as_str().as_bytes()).collect();
        Self {
            name: organization.name.clone(),
            devices: count(row.devices),
            tone,
            state,
            client: listed.client.as_ref().map(|client| named(client, detail)),
            why: plainly(why),
            rule,
            doubtful,
            confirm: listed
                .client
                .as_ref()
                .filter(|_| doubtful)
                .map(|client| format!("{ticket}\t{}", client.id)),
            suggestions: listed
                .suggestions
                .iter()
                .map(|(client, reason)| Suggested {
                    choice: format!("{ticket}\t{}", client.id),
                    name: client.name.clone(),
                    reason: reason.clone(),
                })
                .collect(),
            may_create: (seen != Some(Verdict::Create) || row.overtaken) && !(is_matched && row.linked),
            may_exclude: seen != Some(Verdict::Exclude),
            may_undo: seen.is_some(),
            choose: format!("/bridges/{}/match/{id}?{}", detail.bridge.id, query.finish()),
            ticket,
        }
    }
}

fn filter(word: &str) -> MatchFilter {
    match word {
        "open" => MatchFilter::Open,
        "matched" => MatchFilter::Matched,
        "create" => MatchFilter::Create,
        "excluded" => MatchFilter::Excluded,
        _ => MatchFilter::All,
    }
}

fn chips(counts: MatchCounts) -> Vec<Chip> {
    let chips = [
        ("", "All", counts.all),
        ("open", "Open questions", counts.open),
        ("matched", "Matched", counts.matched),
        ("create", "To create", counts.create),
        ("excluded", "Excluded Records", counts.excluded),
    ];
    let chips = chips.into_iter().map(|(value, label, number)| Chip {
        value: value.to_owned(),
        label: label.to_owned(),
        count: Some(number),
    });
    chips.collect()
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    ask: Ask,
) -> Result<Response> {
    let (detail, head) = Head::of(&web, &signed_in, &id, Tab::Clients).await?;
    let list = match detail.read {
        None => None,
        Some(_) => Some(list(&web, &signed_in, &detail, ask).await?),
    };
    page(&ListPage {
        frame: signed_in.bridge_frame(&detail).await?,
        head,
        may_decide: signed_in.may(ActorRole::Technician),
        list,
    })
}

async fn list(web: &Web, signed_in: &SignedIn, detail: &BridgeDetail, ask: Ask) -> Result<List> {
    let query = MatchQuery {
        filter: filter(&ask.filter),
        search: ask.search.clone(),
        order: match ask.sort.as_str() {
            "devices" => MatchOrder::Devices,
            _ => MatchOrder::Name,
        },
        descending: ask.descending,
        offset: ask.offset(PER_PAGE),
        limit: PER_PAGE,
    };
    let found = web
        .engine
        .match_list(&signed_in.actor, &detail.bridge, &query)
        .await?;
    let address = ask.address();
    Ok(List {
        rows: found
            .rows
            .iter()
            .map(|row| Row::new(row, detail, &address))
            .collect(),
        table: Table::new("Organizations", ask, &COLUMNS, found.total)
            .searched_by("organization or client")
            .with_chips(chips(found.counts)),
        clients: count(found.clients),
        asked: When::new(found.asked, web.engine.clock().now()),
    })
}
