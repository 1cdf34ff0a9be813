//! Writes: a new document, which is read back since the answer names no id, and a replaced one.

use super::convert;
use super::destination::PassportalDestination;
use super::wire::{Document, Id};
use connect::{Error, Kind, Marker, NewAsset, Write, WriteError, WriteResult, Written};
use model::RecordId;
use model::operation::Change;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const CREATING: &str = "creating an asset document";
const REPLACING: &str = "replacing an asset document";

/// How long a new document is looked for at most, before a person or a later look-up has to find it.
const LOOK_FOR: Duration = Duration::from_secs(5);
/// How long it waits before it looks again; longer each time.
const AGAIN: Duration = Duration::from_millis(100);

fn refused(kind: Kind, doing: &str, what: impl Into<String>, next: &str) -> WriteError {
    WriteError::Refused(Error::new(kind, doing, what).advise(next).not_sent())
}

/// What the API has no call for.
fn cannot(write: &Write) -> WriteError {
    let (doing, next) = match write {
        Write::CreateClient { name, .. } => (
            format!("creating client {name}"),
            "Create it in Passportal, then refresh",
        ),
        Write::CreateSite { .. } => (
            "creating a site".to_owned(),
            "Clients of Passportal have no sites",
        ),
        Write::CreateAssetType { .. } => (
            "creating an asset type".to_owned(),
            "In Passportal the type is a text of the document",
        ),
        Write::UpdateAsset { id, .. } => (
            format!("changing document {id}"),
            "Change it in Passportal, or switch the setting Updates of this connection on",
        ),
        Write::ArchiveAsset { id } | Write::RestoreAsset { id } => {
            (format!("archiving document {id}"), "Do that in Passportal")
        }
        Write::CreateAsset { .. } => ("writing".to_owned(), ""),
    };
    refused(
        Kind::Invalid,
        &doing,
        "the API of Passportal has no call for it",
        next,
    )
}

impl PassportalDestination {
    pub(super) async fn one(&self, write: &Write, send_by: Instant) -> WriteResult {
        match write {
            Write::CreateAsset { marker, asset } => self.create(marker, asset, send_by).await,
            Write::UpdateAsset {
                id,
                changes,
                client,
                site,
                asset_type,
                source_id,
            } if self.client.config.updates => {
                if site.is_some() || asset_type.is_some() {
                    let what = "documents have no site and no type of their own";
                    return Err(refused(Kind::Invalid, REPLACING, what, ""));
                }
                let source_id = source_id.as_ref().map(Option::as_deref);
                self.replace(id, changes, client.as_ref(), source_id, send_by)
                    .await
            }
            _ => Err(cannot(write)),
        }
    }

    /// The template of asset documents: the one that is set, or the one the account's documents have.
    ///
    /// # Errors
    /// [`Kind::Configuration`] where it cannot be told, and any other [`Error`].
    pub(super) async fn template(&self) -> Result<&str, Error> {
        let learn = || async {
            if let Some(set) = &self.client.config.template {
                return Ok(set.clone());
            }
            let doing = "learning the template of asset documents";
            let rows = self.client.assets(None).await?;
            let mut templates: Vec<(String, String)> = rows.iter().filter_map(template_of).collect();
            templates.sort();
            templates.dedup();
            let next = "Enter its UID in the settings of this connection";
            let unknown = |what: String| Err(Error::new(Kind::Configuration, doing, what).advise(next));
            match templates.as_slice() {
                [] => unknown("the account has no asset document yet that would tell it".to_owned()),
                [(uid, _)] => {
                    self.is_known_layout(&rows, doing).await?;
                    Ok(uid.clone())
                }
                several => {
                    let names: Vec<_> = several
                        .iter()
                        .map(|(uid, name)| format!("{uid} ({name})"))
                        .collect();
                    unknown(format!("its asset documents have several: {}", names.join(", ")))
                }
            }
        };
        self.learned
            .template
            .get_or_try_init(learn)
            .await
            .map(String::as_str)
    }

    /// Looks at one document, whether its fields are where we would write them.
    async fn is_known_layout(&self, rows: &[Document], doing: &str) -> Result<(), Error> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let details = self.client.document(first.id).await?;
        match details.and_then(|details| convert::stranger(&details.details)) {
            None => Ok(()),
            Some(what) => Err(Error::new(
                Kind::Configuration,
                doing,
                format!("in document {} {what}", first.id.0),
            )
            .advise(
                "This connector writes documents of Passportal's own asset template alone: enter its UID",
            )),
        }
    }

    async fn create(&self, marker: &Marker, asset: &NewAsset, send_by: Instant) -> WriteResult {
        let missing = |what: String| refused(Kind::NotFound, CREATING, what, "");
        let client = convert::id(&asset.client)
            .ok_or_else(|| missing(format!("{} is no client of Passportal", asset.client)))?;
        // Nothing was sent yet, so whatever goes wrong here is a refusal.
        let unsent = |error: Error| WriteError::Refused(error.not_sent());
        let template = self.template().await.map_err(unsent)?;
        let before = match self.learned.before(client) {
            Some(before) => before,
            None => {
                let rows = self.client.assets(Some(client)).await.map_err(unsent)?;
                let ids = rows.iter().map(|row| row.id).collect();
                self.learned.note_before(client, ids);
                self.learned.before(client).unwrap_or_default()
            }
        };
        let mark = convert::fingerprint(marker);
        let body = convert::new_document(template, client, &mark, asset);
        self.send_new(body, send_by).await?;
        self.read_back(client, &before, &convert::title(asset), &mark)
            .await
    }

    /// The vendor's example of a batch is one document; where that is not taken, a list of one may be.
    async fn send_new(&self, body: Value, send_by: Instant) -> Result<(), WriteError> {
        let many = json!([&body]);
        match self.client.create(body, send_by).await {
            Err(WriteError::Refused(error)) if error.kind == Kind::Invalid => {
                let again = self.client.create(many, send_by).await;
                match again {
                    // Its own words are about what we sent first.
                    Err(WriteError::Refused(_)) => Err(WriteError::Refused(error)),
                    other => other,
                }
            }
            sent => sent,
        }
    }

    /// Finds a document that was created just now.
    async fn read_back(&self, client: Id, before: &BTreeSet<Id>, title: &str, mark: &str) -> WriteResult {
        let unknown = |what: String| {
            let error = Error::new(Kind::Protocol, CREATING, what)
                .advise("It is looked up again later; if it is there by then, it is linked");
            WriteError::Unknown(error)
        };
        let until = Instant::now() + LOOK_FOR.min(self.client.config.settle);
        let mut pause = AGAIN;
        loop {
            let rows = self.client.assets(Some(client)).await;
            let mut rows = rows.map_err(|e| unknown(format!("Passportal took it, and then: {e}")))?;
            rows.retain(|row| !before.contains(&row.id));
            let (mut found, mut unmarked) = (None, Vec::new());
            for row in &rows {
                match self.mark_of(row.id).await {
                    // The newest, where there are several: an older one is of an earlier attempt.
                    Ok(Some(of)) if of == mark => found = found.max(Some(row.id)),
                    Ok(None) if named(row, title) => unmarked.push(row.id),
                    Ok(_) => {}
                    Err(error) => return Err(unknown(format!("Passportal took it, and then: {error}"))),
                }
            }
            if let Some(id) = found {
                return Ok(Written {
                    id: convert::record(id),
                });
            }
            if Instant::now() + pause >= until {
                // It has the title and nothing else of what was sent: linked, so that it is not created again.
                return match unmarked.as_slice() {
                    [only] => Ok(Written {
                        id: convert::record(*only),
                    }),
                    _ => Err(unknown(format!(
                        "Passportal says that {title:?} was created, and does not list it yet"
                    ))),
                };
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// Replaces a document that is as the plan saw it. There is no version to guard what lies between reading and
    /// writing, so this is for those who switched it on.
    async fn replace(
        &self,
        id: &RecordId,
        changes: &[Change],
        client: Option<&RecordId>,
        source_id: Option<Option<&str>>,
        send_by: Instant,
    ) -> WriteResult {
        let gone = || {
            refused(
                Kind::NotFound,
                REPLACING,
                format!("document {id} does not exist"),
                "",
            )
        };
        let document = convert::id(id).ok_or_else(gone)?;
        let unsent = |error: Error| WriteError::Refused(error.not_sent());
        let details = self.client.document(document).await.map_err(unsent)?;
        let details = details.ok_or_else(gone)?.details;
        let row = self.client.assets(None).await.map_err(unsent)?;
        let row = row.into_iter().find(|row| row.id == document).ok_or_else(gone)?;
        if client.is_some_and(|to| *to != convert::record(row.client_id)) {
            let what = format!("document {id} belongs to another client, and the API moves none");
            return Err(refused(
                Kind::Invalid,
                REPLACING,
                what,
                "Move it in Passportal, then refresh",
            ));
        }
        if convert::goes_by_names(&details) {
            let what =
                "this account's documents give their fields by name, and how such are written is not known";
            return Err(refused(
                Kind::Invalid,
                REPLACING,
                what,
                "Switch Updates off for this connection",
            ));
        }
        if let Some(what) = convert::stale(&convert::asset(&row, &details), changes) {
            return Err(WriteError::Changed(what));
        }
        let body = convert::replaced(&details, changes, source_id);
        let body = body.map_err(|what| refused(Kind::Invalid, REPLACING, what, ""))?;
        self.client
            .replace(document, Value::Object(body.clone()), send_by)
            .await?;
        let unknown = |what: String| WriteError::Unknown(Error::new(Kind::Protocol, REPLACING, what));
        let kept = self.client.document(document).await;
        let kept = kept.map_err(|error| unknown(format!("Passportal took it, and then: {error}")))?;
        let kept = kept.map(|details| details.details).unwrap_or_default();
        let lost = body.iter().find(|(key, entry)| kept.get(*key) != Some(*entry));
        match lost {
            None => Ok(Written { id: id.clone() }),
            Some((key, _)) => Err(unknown(format!(
                "Passportal took it, and does not show field {key} as it was sent"
            ))),
        }
    }
}

/// UID and name of a document's template.
fn template_of(row: &Document) -> Option<(String, String)> {
    let id = match row.template.as_ref()? {
        Value::Number(id) => id.to_string(),
        Value::String(id) => id.to_lowercase().trim_start_matches("tpl-").to_owned(),
        _ => return None,
    };
    Some((format!("tpl-{id}"), row.template_name.clone().unwrap_or_default()))
}

fn named(row: &Document, title: &str) -> bool {
    let label = row.label.clone().unwrap_or_default();
    label == title
        || super::decode::html(&label) == title
        || super::decode::names(vec![label]) == [title.to_owned()]
}
