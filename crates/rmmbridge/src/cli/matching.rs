//! `match`: which organization is which client.

use super::exit;
use crate::output::{Output, table};
use crate::session::Session;
use clap::{Args, Subcommand};
use engine::matching::{MatchRow, Matching};
use engine::wizard::Unmatched;
use model::{Bridge, OrganizationMatch, SourceId, Verdict};
use serde_json::json;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Organizations and clients are named by name or id:
  rmmbridge match                              show what the rules and you decided
  rmmbridge match auto --preview               what the bridge's rules would match; without --preview they do
  rmmbridge match set \"Acme Ltd\" \"Acme\"        they are the same
  rmmbridge match create \"New Customer\"        create a client for it
  rmmbridge match create --unmatched           create a client for every open question that resembles none
  rmmbridge match exclude \"Internal Lab\"       leave it and its devices alone
  rmmbridge match forget \"Acme Ltd\"            take a decision back
Nothing is written to the destination before a plan is applied.";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct MatchArguments {
    /// The bridge; not needed while there is one
    #[arg(long, global = true)]
    bridge: Option<String>,

    /// Show only organizations a person has to decide about
    #[arg(long)]
    open: bool,

    #[command(subcommand)]
    command: Option<MatchCommand>,
}

#[derive(Debug, Subcommand)]
enum MatchCommand {
    /// Keep what the bridge's rules match as decided, so that it stands also when a name changes
    Auto {
        /// Only show what would be matched
        #[arg(long)]
        preview: bool,
    },
    /// An organization is this client
    Set {
        /// The organization, by name or id
        organization: String,
        /// The client, by name or id
        client: String,
    },
    /// Create a client for organizations
    Create {
        /// Organizations, by name or id
        #[arg(required_unless_present = "unmatched")]
        organizations: Vec<String>,
        /// All that no rule and no person decided about, except those that resemble a client
        #[arg(long, conflicts_with = "organizations")]
        unmatched: bool,
    },
    /// Leave organizations and all their devices alone
    Exclude {
        /// Organizations, by name or id
        #[arg(required = true)]
        organizations: Vec<String>,
    },
    /// Take decisions back
    Forget {
        /// Organizations, by name or id
        #[arg(required = true)]
        organizations: Vec<String>,
    },
}

pub async fn run(session: &Session, arguments: MatchArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
    let decisions = match arguments.command {
        None => Vec::new(),
        Some(MatchCommand::Auto { preview: true }) => {
            let rows = engine.auto_match_preview(actor, &bridge).await?;
            let matching = engine.matching(actor, &bridge).await?;
            show(&Matching { rows, ..matching }, false, output)?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(MatchCommand::Auto { preview: false }) => {
            let rows = engine.auto_match(actor, &bridge).await?;
            output.say(&format!("Matched {} organization(s).\n", rows.len()))?;
            Vec::new()
        }
        Some(MatchCommand::Set { organization, client }) => {
            let organization = engine.find_organization(actor, &bridge, &organization).await?;
            let client = engine.find_client(actor, &bridge, &client).await?;
            vec![(organization.id, Some(Verdict::Matched { client: client.id }))]
        }
        Some(MatchCommand::Create {
            organizations,
            unmatched: false,
        }) => decide(session, &bridge, organizations, Some(&Verdict::Create)).await?,
        Some(MatchCommand::Create { unmatched: true, .. }) => {
            let created = engine
                .create_unmatched(actor, &bridge, Unmatched::ResemblingNone)
                .await?;
            output.say(&format!("Decided about {} organization(s).\n", created.len()))?;
            Vec::new()
        }
        Some(MatchCommand::Exclude { organizations }) => {
            decide(session, &bridge, organizations, Some(&Verdict::Exclude)).await?
        }
        Some(MatchCommand::Forget { organizations }) => decide(session, &bridge, organizations, None).await?,
    };
    if !decisions.is_empty() {
        let count = decisions.len();
        engine.decide(actor, &bridge, decisions).await?;
        output.say(&format!("Decided about {count} organization(s).\n"))?;
    }
    let matching = engine.matching(actor, &bridge).await?;
    show(&matching, arguments.open, output)?;
    Ok(if open_questions(&matching) > 0 {
        ExitCode::from(exit::PERSON)
    } else {
        ExitCode::SUCCESS
    })
}

async fn decide(
    session: &Session,
    bridge: &Bridge,
    names: Vec<String>,
    verdict: Option<&Verdict>,
) -> anyhow::Result<Vec<(SourceId, Option<Verdict>)>> {
    let mut decisions = Vec::with_capacity(names.len());
    for name in names {
        let organization = session
            .engine
            .find_organization(&session.actor, bridge, &name)
            .await?;
        decisions.push((organization.id, verdict.cloned()));
    }
    Ok(decisions)
}

/// Prints a matching.
pub fn show(matching: &Matching, only_open: bool, output: Output) -> anyhow::Result<()> {
    let is_open = |r: &&MatchRow| matches!(r.status, OrganizationMatch::Undecided { .. });
    let rows: Vec<&MatchRow> = matching
        .rows
        .iter()
        .filter(|r| !only_open || is_open(r))
        .collect();
    let document: Vec<_> = rows
        .iter()
        .map(|r| {
            json!({ "organization": r.organization, "devices": r.devices, "linked": r.linked, "match": r.status })
        })
        .collect();
    output.show(&document, || {
        let lines = rows.iter().map(|r| {
            let (status, client, why) = words(r, matching);
            vec![
                r.organization.name.clone(),
                r.devices.to_string(),
                status.to_owned(),
                client,
                why,
            ]
        });
        let mut text = table(&["organization", "devices", "", "client", "why"], lines);
        text.push_str(&format!("\n{}\n", totals(matching)));
        text
    })
}

/// How many organizations a person has to decide about.
pub fn open_questions(matching: &Matching) -> usize {
    let open = |r: &&MatchRow| matches!(r.status, OrganizationMatch::Undecided { .. });
    matching.rows.iter().filter(open).count()
}

/// The counts of a matching in one line.
pub fn totals(matching: &Matching) -> String {
    let count = |f: fn(&OrganizationMatch) -> bool| matching.rows.iter().filter(|r| f(&r.status)).count();
    format!(
        "{} organizations: {} matched, {} to create, {} excluded, {} open questions",
        matching.rows.len(),
        count(|s| matches!(s, OrganizationMatch::Matched { .. })),
        count(|s| matches!(s, OrganizationMatch::Create { .. })),
        count(|s| matches!(s, OrganizationMatch::Excluded { .. })),
        count(|s| matches!(s, OrganizationMatch::Undecided { .. })),
    )
}

fn words(row: &MatchRow, matching: &Matching) -> (&'static str, String, String) {
    let client_name = |id: &model::RecordId| {
        matching
            .clients
            .get(id)
            .map_or_else(|| id.to_string(), |c| c.name.clone())
    };
    match &row.status {
        OrganizationMatch::Matched { client, reason, .. } => ("matched", client_name(client), reason.clone()),
        OrganizationMatch::Create { reason } => ("create", row.organization.name.clone(), reason.clone()),
        OrganizationMatch::Excluded { reason } => ("excluded", String::new(), reason.clone()),
        OrganizationMatch::Undecided { suggestions, reason } => {
            let names: Vec<String> = suggestions
                .iter()
                .map(|s| format!("{}?", client_name(&s.client)))
                .collect();
            let whys: Vec<&str> = suggestions.iter().map(|s| s.reason.as_str()).collect();
            let why = if whys.is_empty() {
                reason.clone()
            } else {
                format!("{reason}: {}", whys.join("; "))
            };
            ("open", names.join(" "), why)
        }
    }
}
