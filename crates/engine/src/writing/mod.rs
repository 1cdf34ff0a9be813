//! The one way a record is written, whatever the destination: claim, look up where an earlier attempt may have
//! arrived, send, record. [`protocol`] has the rules; here they meet the store and the destination.

mod arrived;
mod decide;
mod doubt;
pub mod protocol;
mod record;
mod resolve;
mod sweep;

use crate::engine::Engine;
use crate::error::Result;
use arrived::{Attempted, origin};
use connect::{Destination, Marker, Write, WriteError};
use decide::{Decided, decide};
use model::operation::{Action, Operation};
use model::{Bridge, Outcome, PlanId, RecordId, RecordKind, RunId, SourceId};
use protocol::{Admission, Timing, admit};
use record::{Books, outcome, sent};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::crash::{Point, point};
use store::{Claim, NewIntent, NewItem, NewName, Settled, WrittenValue};
use tokio::time::Instant;

pub(crate) use resolve::Links;

/// Writes the operations of one plan to one destination.
pub(crate) struct Writer<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) run: &'a RunId,
    pub(crate) plan: &'a PlanId,
    pub(crate) bridge: &'a Bridge,
    pub(crate) destination: &'a dyn Destination,
    pub(crate) timing: Timing,
    /// What is taken back, when the plan is one of an undo.
    pub(crate) undoing: Option<Undoing>,
    /// A person lets this undo go on although all writes are paused.
    pub(crate) despite_pause: bool,
    /// This hub was restored or moved once: what it began between the backup and then, it does not know of.
    pub(crate) set_back: bool,
    /// Operations, by number, that would be planned otherwise by now.
    pub(crate) overtaken: BTreeSet<u32>,
    /// Operations, by number, that wait for another one about their record.
    pub(crate) waiting: BTreeSet<u32>,
}

/// The run that is undone.
pub(crate) struct Undoing {
    /// Its plan.
    pub(crate) plan: PlanId,
    /// Who asked for the undo.
    pub(crate) by: String,
}

/// Operations whose intents are committed.
pub(crate) struct Begun {
    /// To be sent by [`Writer::send`].
    pub(crate) ready: Vec<Ready>,
    /// Not later than this.
    pub(crate) send_by: Instant,
    /// What of the others became clear without sending.
    pub(crate) items: Vec<NewItem>,
}

/// An operation whose turn it is.
pub(crate) struct Ready {
    operation: Operation,
    marker: Marker,
    /// What is sent; `None` for one that only links a record.
    write: Option<Write>,
    claim: Claim,
    in_doubt: bool,
    /// What an earlier attempt wrote into the record that is to be linked.
    ours: BTreeMap<String, WrittenValue>,
}

impl Ready {
    /// The claim this process holds once the intent is committed.
    fn held(&self) -> Settled {
        Settled {
            marker: self.marker.0.clone(),
            version: self.claim.version + 1,
            refused: false,
        }
    }

    /// How it ended.
    fn item(&self, books: &Books<'_>, outcome: Outcome) -> NewItem {
        let mut item = books.item(&self.operation, outcome, Some(self.held()));
        if let Some(link) = &mut item.link {
            let now = std::mem::replace(&mut link.written, self.ours.clone());
            link.written.extend(now);
        }
        item
    }
}

impl Writer<'_> {
    /// Commits the intents of operations of one sort that do not build on each other.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn begin(&self, operations: Vec<Operation>, links: &Links) -> Result<Begun> {
        let books = self.books();
        let mut items = Vec::new();
        let ready = self.prepare(&books, operations, links, &mut items).await?;
        // Taken before the commit: the request must have left in time even when the commit was slow.
        let send_by = Instant::now() + self.timing.send_within;
        let ready = match ready.is_empty() {
            true => ready,
            false => {
                let ours = self.claim(&books, ready, &mut items).await?;
                point(Point::Intended)?;
                ours
            }
        };
        Ok(Begun {
            ready,
            send_by,
            items,
        })
    }

    /// Sends what was begun, at most as many as one call of [`Destination::write`] may hold, unless a look-up finds that
    /// an earlier attempt arrived. Each has an item with its outcome afterwards, which is not recorded yet.
    ///
    /// # Errors
    /// When the store fails. What was sent by then keeps its claim, and is looked up before it is sent again.
    pub(crate) async fn send(&self, call: Vec<Ready>, send_by: Instant) -> Result<Vec<NewItem>> {
        let books = self.books();
        let mut items = Vec::with_capacity(call.len());
        let sending = self.look_up(&books, call, &mut items).await?;
        point(Point::LookedUp)?;
        self.send_all(&books, sending, send_by, &mut items).await?;
        Ok(items)
    }

    /// Records outcomes, with links and claims, in one transaction; the items as they were recorded.
    ///
    /// # Errors
    /// When the store fails. What was sent keeps its claim, and is looked up before it is sent again.
    pub(crate) async fn record(&self, items: Vec<NewItem>) -> Result<Vec<NewItem>> {
        let items = self.books().record(items).await?;
        point(Point::Recorded)?;
        Ok(items)
    }

    /// How an operation ends that would be planned otherwise by now.
    fn overtaken(&self, operation: &Operation) -> Option<Outcome> {
        let message =
            "its asset, or what the destination can do, is not as it was when this was planned; plan anew";
        self.overtaken
            .contains(&operation.number)
            .then(|| skipped(message))
    }

    fn books(&self) -> Books<'_> {
        Books {
            engine: self.engine,
            run: self.run,
            plan: self.plan,
            bridge: self.bridge,
            undoing: self.undoing.as_ref(),
        }
    }

    /// What is to be sent for these operations. Those for which nothing is have their item in `items`.
    async fn prepare(
        &self,
        books: &Books<'_>,
        operations: Vec<Operation>,
        links: &Links,
        items: &mut Vec<NewItem>,
    ) -> Result<Vec<Ready>> {
        let store = &self.engine.store;
        let mark = |o: &Operation| Marker::new(&self.bridge.source, o.subject.kind, &o.subject.source_id);
        let markers: Vec<String> = operations.iter().map(|o| mark(o).0).collect();
        // The claims before the links: whoever links a record after the first moves its claim on, and ours fails.
        let mut claims = store.claims(&self.bridge.destination, &markers).await?;
        let records: Vec<_> = operations
            .iter()
            .map(|o| (o.subject.kind, o.subject.source_id.clone()))
            .collect();
        let linked = store.linked_now(&self.bridge.id, &records).await?;
        point(Point::ClaimsRead)?;
        let now = match claims.values().any(|claim| claim.open.is_some()) {
            true => Some(store.now().await?),
            false => None,
        };
        let can_update = self.destination.capabilities().update_assets;
        let mut ready = Vec::new();
        for operation in operations {
            let marker = mark(&operation);
            if self.waiting.contains(&operation.number) {
                // A claim that is open is left open: it may be the other one's.
                let message = "something else about its record could not be taken back: mend that, or take it out of \
                               the plan, and apply again";
                items.push(books.item(&operation, skipped(message), None));
                continue;
            }
            let claim = claims.remove(&marker.0).unwrap_or_default();
            let admission = now.as_ref().map_or(Admission::Free, |now| admit(&claim, now));
            let decided = match (decide(&operation, &linked, links, can_update), &claim.open) {
                (skipped @ Decided::Nothing(Outcome::Skipped { .. }), _) => skipped,
                (decided, None) => self.overtaken(&operation).map_or(decided, Decided::Nothing),
                // What an earlier attempt left in doubt is found out first: it may be what changed the record.
                (decided, Some(_)) => decided,
            };
            let write = match decided {
                Decided::Send => links.write(&operation, marker.clone()).map(Some),
                // A record that is found may be what an earlier attempt left in doubt: that is settled with it.
                Decided::Nothing(Outcome::Done { .. }) if claim.open.is_some() => Ok(None),
                Decided::Nothing(outcome) => {
                    items.push(books.item(&operation, outcome, None));
                    continue;
                }
            };
            let write = match write {
                Ok(write) => write,
                Err(message) => {
                    items.push(books.item(&operation, Outcome::Failed { message }, None));
                    continue;
                }
            };
            if let Admission::Wait(left) = admission {
                items.push(books.item(&operation, may_still_arrive(left), None));
                continue;
            }
            // A record that was written before and is not linked may be there: another bridge's, or one whose link was
            // undone or lost with a restored database.
            let written_before = (claim.version > 0 || self.set_back) && creates(&operation.action);
            ready.push(Ready {
                in_doubt: admission == Admission::InDoubt || written_before,
                operation,
                marker,
                write,
                claim,
                ours: BTreeMap::new(),
            });
        }
        Ok(ready)
    }

    /// Takes the claims, which commits the intents. What another worker took meanwhile is left to it.
    async fn claim(
        &self,
        books: &Books<'_>,
        ready: Vec<Ready>,
        items: &mut Vec<NewItem>,
    ) -> Result<Vec<Ready>> {
        let intents: Vec<NewIntent> = ready
            .iter()
            .map(|ready| NewIntent {
                number: ready.operation.number,
                marker: ready.marker.0.clone(),
                version: ready.claim.version,
                name: ready
                    .write
                    .as_ref()
                    .and_then(|write| name_taken(write, &ready.operation.subject.source_id)),
            })
            .collect();
        let store = &self.engine.store;
        let settles = self.timing.quarantine();
        let intended = store
            .intend(
                self.run,
                self.plan,
                &self.bridge.destination,
                &intents,
                settles,
                self.despite_pause,
            )
            .await?;
        let (ours, theirs): (Vec<_>, Vec<_>) = ready
            .into_iter()
            .partition(|ready| intended.ours.contains(&ready.operation.number));
        items.extend(theirs.iter().map(|ready| {
            let message = match intended.named.contains(&ready.operation.number) {
                true => "another bridge created one of this name here, or is creating it, and this plan could not see \
                         that. Plan anew; where somebody decided to create it, decide again: rmmbridge match",
                false => "another worker was writing it at this moment",
            };
            let message = message.to_owned();
            books.item(&ready.operation, Outcome::Skipped { message }, None)
        }));
        Ok(ours)
    }

    /// Finds out what became of earlier attempts; what is left is to be sent.
    async fn look_up(
        &self,
        books: &Books<'_>,
        ours: Vec<Ready>,
        items: &mut Vec<NewItem>,
    ) -> Result<Vec<Ready>> {
        let mut sending = Vec::with_capacity(ours.len());
        for mut ready in ours {
            let kind = ready.operation.subject.kind;
            let mut found = None;
            if ready.in_doubt {
                if let Action::Link { record, .. } = &ready.operation.action {
                    found = doubt::another(self.destination, kind, &ready.marker, record).await;
                    if found.is_none() {
                        ready.ours = self.written_before(&ready, record).await?;
                    }
                }
                if let (None, Some(write)) = (&found, &ready.write) {
                    found = doubt::find_out(self.destination, kind, &ready.marker, write).await;
                }
            }
            let overtaken = match (&found, &ready.operation.action) {
                // Done again a restore changes nothing.
                (Some(_), _) | (None, Action::RestoreAsset { .. }) => None,
                (None, _) => self.overtaken(&ready.operation),
            };
            let is_overtaken = overtaken.is_some();
            found = found.or(overtaken);
            if let (None, None) = (&found, &ready.write) {
                found = links_only(&ready.operation.action);
            }
            match found {
                Some(outcome) => {
                    let mut item = ready.item(books, outcome);
                    // The next plan takes in what the earlier attempt did.
                    if is_overtaken {
                        item.settles = None;
                    }
                    // What is adopted was written by an earlier attempt, with the values of its day.
                    if let (Some(link), true) = (&mut item.link, creates(&ready.operation.action)) {
                        link.written = self.written_before(&ready, &link.destination).await?;
                    }
                    items.push(item);
                }
                None => sending.push(ready),
            }
        }
        Ok(sending)
    }

    /// What of a record's values is ours that an earlier attempt may have created: what that attempt sent. Where none is
    /// known any more and the record was found by our mark, its values are ours as far as they are what is wanted now.
    async fn written_before(
        &self,
        ready: &Ready,
        record: &RecordId,
    ) -> Result<BTreeMap<String, WrittenValue>> {
        let subject = &ready.operation.subject;
        if subject.kind != RecordKind::Asset {
            return Ok(BTreeMap::new());
        }
        let open = ready.claim.open.as_ref();
        let attempted = self.attempts_in_doubt(ready).await?;
        let adopts = creates(&ready.operation.action);
        if !adopts {
            // A record that somebody typed in carries no mark.
            let marked = match attempted.iter().any(|a| creates(&a.operation.action)) {
                true => self.destination.find(subject.kind, &ready.marker).await,
                false => Ok(Vec::new()),
            };
            if !marked.is_ok_and(|marked| marked.contains(record)) {
                return Ok(BTreeMap::new());
            }
        }
        let stands = match attempted.len() {
            1 => None,
            _ => doubt::assets_by_id(self.destination, vec![record.clone()])
                .await
                .pop(),
        };
        let origin = open.and_then(|open| origin(&attempted, stands.as_ref(), open.sent.at));
        if let Some(origin) = origin {
            return Ok(origin.written);
        }
        let mut written = sent(&ready.operation.action, self.run, self.engine.clock().now());
        written.retain(|field, ours| {
            let stands = stands.as_ref().and_then(|asset| asset.fields.get(field));
            stands.is_some_and(|stands| plan::own::same_value(stands, &ours.value))
        });
        Ok(written)
    }

    /// The attempts at this record of which nobody knows whether they arrived.
    async fn attempts_in_doubt(&self, ready: &Ready) -> Result<Vec<Attempted>> {
        let open = ready.claim.open.as_ref();
        let attempts = open.map_or(&[][..], |open| &open.attempts);
        let subject = &ready.operation.subject;
        self.engine
            .attempted(attempts, subject.kind, &subject.source_id)
            .await
    }

    /// Whether the record that was to be linked is in use, or stands as it does, by what an earlier attempt did.
    async fn left_its_mark(&self, ready: &Ready) -> Result<bool> {
        let Action::Link { record, .. } = &ready.operation.action else {
            return Ok(false);
        };
        if !ready.ours.is_empty() {
            return Ok(true);
        }
        let attempted = self.attempts_in_doubt(ready).await?;
        if attempted.is_empty() || attempted.iter().any(|a| a.restores() == Some(record)) {
            return Ok(!attempted.is_empty());
        }
        let stands = doubt::assets_by_id(self.destination, vec![record.clone()])
            .await
            .pop();
        Ok(stands.is_some_and(|asset| attempted.iter().any(|a| a.changed(&asset))))
    }

    async fn send_all(
        &self,
        books: &Books<'_>,
        sending: Vec<Ready>,
        send_by: Instant,
        items: &mut Vec<NewItem>,
    ) -> Result<()> {
        if sending.is_empty() {
            return Ok(());
        }
        let writes: Vec<Write> = sending.iter().filter_map(|ready| ready.write.clone()).collect();
        point(Point::BeforeSend)?;
        let results = match self.still_ours(&sending, send_by).await? {
            None => vec![Err(too_late()); sending.len()],
            Some(send_by) => self.destination.write(&writes, send_by).await,
        };
        point(Point::Answered)?;
        debug_assert_eq!(results.len(), sending.len(), "a destination answers every write");
        for (ready, result) in sending.iter().zip(results) {
            let refused = matches!(result, Err(WriteError::Refused(_) | WriteError::Changed(_)));
            let mut item = ready.item(books, outcome(result));
            if let Some(held) = &mut item.settles {
                held.refused = refused && creates(&ready.operation.action);
            }
            // The next plan takes in what an earlier attempt did.
            if refused && self.left_its_mark(ready).await? {
                item.settles = None;
            }
            items.push(item);
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// By when these may still be sent; `None` when one of them is somebody else's by now. The store is asked once more,
    /// since our own clock stands still while the machine sleeps, and others may have waited the quarantine out.
    async fn still_ours(&self, sending: &[Ready], send_by: Instant) -> Result<Option<Instant>> {
        if Instant::now() > send_by {
            return Ok(None);
        }
        if self.timing.quarantine().is_zero() {
            return Ok(Some(send_by));
        }
        let store = &self.engine.store;
        let markers: Vec<String> = sending.iter().map(|ready| ready.marker.0.clone()).collect();
        let claims = store.claims(&self.bridge.destination, &markers).await?;
        let now = store.now().await?;
        let mut left = send_by.saturating_duration_since(Instant::now());
        for ready in sending {
            let Some(claim) = claims.get(&ready.marker.0) else {
                return Ok(None);
            };
            let Some(open) = claim
                .open
                .as_ref()
                .filter(|_| claim.version == ready.held().version)
            else {
                return Ok(None);
            };
            match self.timing.send_within.checked_sub(now.since(&open.sent)) {
                Some(rest) => left = left.min(rest),
                None => return Ok(None),
            }
        }
        Ok(Some(Instant::now() + left))
    }
}

/// The outcome of an operation that only changes what is linked.
fn links_only(action: &Action) -> Option<Outcome> {
    match action {
        Action::Link { record, .. } | Action::Unlink { record, .. } => Some(Outcome::Done {
            record: record.clone(),
        }),
        _ => None,
    }
}

/// The name a creation takes, as names are compared. Records that are told apart by more than a name take none.
fn name_taken(write: &Write, source: &SourceId) -> Option<NewName> {
    let (kind, parent, name) = match write {
        Write::CreateClient { name, .. } => (RecordKind::Client, "", name),
        Write::CreateSite { client, name, .. } => (RecordKind::Site, client.as_str(), name),
        Write::CreateAssetType { name, .. } => (RecordKind::AssetType, "", name),
        Write::CreateAsset { .. }
        | Write::UpdateAsset { .. }
        | Write::ArchiveAsset { .. }
        | Write::RestoreAsset { .. } => return None,
    };
    Some(NewName {
        kind,
        source: source.clone(),
        parent: parent.to_owned(),
        name: plan::fold::fold(name),
    })
}

fn creates(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateClient(_) | Action::CreateSite(_) | Action::CreateAssetType(_) | Action::CreateAsset(_)
    )
}

fn too_late() -> WriteError {
    let what = "this process was held up for too long after it had claimed the record; nothing was sent";
    WriteError::Refused(
        connect::Error::new(connect::Kind::RateLimited { retry_after: None }, "writing", what)
            .advise("Apply the plan again"),
    )
}

fn skipped(message: &str) -> Outcome {
    Outcome::Skipped {
        message: message.to_owned(),
    }
}

fn may_still_arrive(left: Duration) -> Outcome {
    Outcome::Unknown {
        message: format!(
            "an earlier attempt got no answer and may still arrive; it can be looked up in {} s",
            left.as_secs().saturating_add(1)
        ),
    }
}
