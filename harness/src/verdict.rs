//! What must hold once the faults have stopped and a last sync went through (facts: what the directory counted).

use crate::at_rest;
use crate::child::{End, Program};
use crate::hub::Hub;
use crate::records::records;
use crate::scene::{SECRETS, World};
use crate::story;
use crate::truth;
use crate::working::ADDING;
use anyhow::{Context as _, bail, ensure};
use model::operation::Action;
use model::{Bridge, Outcome, RecordId, RecordKind, Run, RunCounts, RunKind, RunState, SourceId, Undone};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use store::{AuditMark, Db, JobFilter, JobState, Verified};
use tokio::process::Command;

/// Checks everything; the number of assets that were held against their devices.
///
/// # Errors
/// What does not hold.
pub async fn check(hub: &Hub, world: &World, program: &Program) -> anyhow::Result<usize> {
    nothing_is_doubled(hub, world).await?;
    let mut assets = 0;
    for (bridge, ninja) in hub.bridges.iter().zip(&world.ninjas) {
        let left_out = nothing_left_to_write(program, bridge).await?;
        let there = truth::devices(ninja).await?;
        let linked = links_and_records_agree(hub, bridge, world, &there).await?;
        let devices: u64 = hub.store.device_counts(&bridge.source).await?.values().sum();
        // Assets of devices that are gone stand too: nothing is archived unless a rule says so.
        ensure!(
            linked > 0 && linked as u64 + left_out >= devices,
            "{devices} devices, {linked} assets, {left_out} left out or asked about"
        );
        assets += assets_say_what_devices_do(hub, bridge, world, &there).await?;
        let open = hub.store.open_writes(&bridge.destination).await?;
        ensure!(
            open == 0,
            "{open} writes are open although the faults have stopped"
        );
    }
    requests_are_noted(hub, world).await?;
    counts_add_up(hub).await?;
    jobs_are_over(hub).await?;
    database_is_sound(hub).await?;
    no_secret_lies_open(&hub.data_dir).await?;
    at_rest::no_lease_is_left(hub).await?;
    Ok(assets)
}

/// SQLite finds its database sound, every index and every reference; PostgreSQL cannot be asked for that.
async fn database_is_sound(hub: &Hub) -> anyhow::Result<()> {
    let Db::Sqlite { read, .. } = hub.store.db() else {
        return Ok(());
    };
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(read)
        .await?;
    ensure!(found == ["ok"], "the database is not sound: {}", found.join("; "));
    let loose: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pragma_foreign_key_check")
        .fetch_one(read)
        .await?;
    ensure!(
        loose == 0,
        "{loose} rows of the database refer to others that are gone"
    );
    Ok(())
}

/// No file of the data directory, the embedded database among them, holds a secret as it is.
async fn no_secret_lies_open(directory: &Path) -> anyhow::Result<()> {
    // A process of its own: closing the database's file past SQLite would give up the locks this one has on it.
    let mut grep = Command::new("grep");
    grep.args(["--recursive", "--text", "--files-with-matches", "--fixed-strings"]);
    for secret in SECRETS {
        grep.arg(format!("--regexp={secret}"));
    }
    let looked = grep.arg(directory).output().await?;
    let said = String::from_utf8_lossy(&looked.stdout);
    ensure!(looked.status.code() != Some(0), "a secret lies open: {said}");
    let complains = String::from_utf8_lossy(&looked.stderr);
    ensure!(looked.status.code() == Some(1), "grep: {complains}");
    Ok(())
}

/// Marks the errors of [`nothing_unforgivable`].
#[derive(Clone, Copy, Debug)]
pub struct Unforgivable;

impl std::fmt::Display for Unforgivable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a record was doubled or lost, or the books are broken")
    }
}

/// What must hold at any moment, whatever else does not: nothing is doubled, what is linked is there, no write left
/// without the log telling of it, and log and database are whole.
///
/// # Errors
/// What does not hold, marked as [`Unforgivable`].
pub async fn nothing_unforgivable(hub: &Hub, world: &World) -> anyhow::Result<()> {
    what_is_linked_stands_once(hub, world).await.context(Unforgivable)
}

async fn what_is_linked_stands_once(hub: &Hub, world: &World) -> anyhow::Result<()> {
    nothing_is_doubled(hub, world).await?;
    let records = records(hub, world).await?;
    for (kind, collection) in COLLECTIONS {
        let there: BTreeSet<&str> = standing(&records, collection)?
            .iter()
            .filter_map(|record| record["id"].as_str())
            .collect();
        for bridge in &hub.bridges {
            for record in hub.store.links(&bridge.id, kind).await?.values() {
                ensure!(
                    there.contains(record.as_str()),
                    "{collection}: {record} is linked and does not exist"
                );
            }
        }
    }
    requests_are_noted(hub, world).await?;
    database_is_sound(hub).await?;
    Ok(())
}

/// What is linked, and where the directory keeps it.
const COLLECTIONS: [(RecordKind, &str); 4] = [
    (RecordKind::Client, "clients"),
    (RecordKind::Site, "sites"),
    (RecordKind::AssetType, "asset_types"),
    (RecordKind::Asset, "assets"),
];

/// No mark stands on two records, archived ones included.
async fn nothing_is_doubled(hub: &Hub, world: &World) -> anyhow::Result<()> {
    let duplicates = world.directory.duplicates();
    ensure!(
        duplicates.is_empty(),
        "a mark stands on two records: {duplicates:?}"
    );
    let records = records(hub, world).await?;
    for collection in ["clients", "sites", "asset_types", "assets"] {
        let mut seen = BTreeSet::new();
        for record in standing(&records, collection)? {
            let Some(mark) = record["external_key"].as_str() else {
                continue;
            };
            ensure!(
                seen.insert(mark),
                "{collection}: {mark} stands on two records, one of them archived"
            );
        }
    }
    Ok(())
}

fn standing<'a>(records: &'a Value, collection: &str) -> anyhow::Result<Vec<&'a Value>> {
    Ok(match &records[collection] {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        other => bail!("the directory's {collection} are {other}"),
    })
}

/// Every linked asset of a device that is there says what the device does, and belongs to the device's client.
async fn assets_say_what_devices_do(
    hub: &Hub,
    bridge: &Bridge,
    world: &World,
    devices: &BTreeMap<String, Value>,
) -> anyhow::Result<usize> {
    let records = records(hub, world).await?;
    let assets: BTreeMap<&str, &Value> = standing(&records, "assets")?
        .into_iter()
        .filter_map(|asset| Some((asset["id"].as_str()?, asset)))
        .collect();
    let clients = hub.store.links(&bridge.id, RecordKind::Client).await?;
    let mut checked = 0;
    for (source, record) in hub.store.links(&bridge.id, RecordKind::Asset).await? {
        let Some(device) = devices.get(source.as_str()) else {
            continue;
        };
        let asset = assets.get(record.as_str()).context("a linked asset is gone")?;
        truth::agrees(asset, device)?;
        let organization = device["organizationId"].to_string();
        let client = clients.get(&organization.as_str().into());
        ensure!(
            client.is_some_and(|client| asset["client_id"].as_str() == Some(client.as_str())),
            "asset {record} stands at {}, and its device's organization {organization} is {client:?}",
            asset["client_id"]
        );
        ensure!(
            asset["archived_at"].is_null(),
            "asset {record} is archived, and its device {source} is there"
        );
        checked += 1;
    }
    Ok(checked)
}

/// The counts of every run are those of its items, and the operations of a plan that was applied to its end have one each.
async fn counts_add_up(hub: &Hub) -> anyhow::Result<()> {
    for run in hub.store.runs(usize::MAX).await? {
        let (RunKind::Apply { plan, .. } | RunKind::Undo { plan, .. }) = &run.kind else {
            continue;
        };
        ensure!(run.state != RunState::Running, "run {} goes on for ever", run.id);
        let items = hub.store.items_of(&run.id).await?;
        let mut counts = RunCounts::default();
        for item in items.values() {
            counts.add(&item.outcome);
        }
        ensure!(
            counts == run.counts,
            "run {} says {:?}, and its items are {counts:?}",
            run.id,
            run.counts
        );
        let writes = hub.store.plan(plan).await?.counts.writes();
        let of_plan = hub.store.run_items(plan).await?;
        // A run that only looks up what is in doubt of a plan that broke off leaves the rest.
        let broke_off = of_plan.len() as u64 != u64::from(writes);
        ensure!(
            run.state != RunState::Finished || !broke_off || of_plan.values().any(|item| item.run != run.id),
            "run {} finished with {} items of {writes} operations",
            run.id,
            items.len()
        );
    }
    Ok(())
}

/// No job is under way or to be started, and none failed for another reason than a step that was made to, or workers that
/// were killed at it again and again.
async fn jobs_are_over(hub: &Hub) -> anyhow::Result<()> {
    for job in hub.queue.jobs(&JobFilter::default(), usize::MAX).await? {
        let told = job.reason.as_deref().is_some_and(|reason| {
            ["the harness made", "its worker ended before it did", ADDING]
                .iter()
                .any(|told| reason.contains(told))
        });
        ensure!(
            job.state == JobState::Done || told,
            "a job is not done although nothing goes wrong any more: {job:?}"
        );
    }
    Ok(())
}

/// What a run wrote has gone back: what it created is archived, and what it changed says what it did before.
///
/// # Errors
/// What does not hold.
pub async fn check_undone(hub: &Hub, world: &World, run: &Run) -> anyhow::Result<()> {
    nothing_is_doubled(hub, world).await?;
    let RunKind::Apply { plan, .. } = &run.kind else {
        bail!("run {} wrote nothing", run.id);
    };
    let items = hub.store.items_of(&run.id).await?;
    let records = records(hub, world).await?;
    let assets: BTreeMap<&str, &Value> = standing(&records, "assets")?
        .into_iter()
        .filter_map(|asset| Some((asset["id"].as_str()?, asset)))
        .collect();
    for operation in hub.store.operations(plan, 0, usize::MAX).await? {
        let item = items.get(&operation.number);
        let Some(Outcome::Done { record }) = item.map(|item| &item.outcome) else {
            continue;
        };
        let Some(asset) = assets.get(record.as_str()) else {
            continue;
        };
        match &operation.action {
            Action::CreateAsset(_) => ensure!(
                !asset["archived_at"].is_null(),
                "asset {record}, which run {} created, still stands",
                run.id
            ),
            Action::UpdateAsset { changes, .. } => {
                for change in changes {
                    ensure!(
                        asset[&change.field] == change.before,
                        "{} of asset {record} is {} after the undo, and was {}",
                        change.field,
                        asset[&change.field],
                        change.before
                    );
                }
            }
            _ => {}
        }
    }
    requests_are_noted(hub, world).await
}

/// A further plan writes nothing; how many records it leaves out or asks about.
async fn nothing_left_to_write(program: &Program, bridge: &Bridge) -> anyhow::Result<u64> {
    let arguments = ["--json", "--quiet", "plan", "--bridge", &bridge.name];
    let End::Exited(code, words) = program.run(&arguments, None, None).await? else {
        bail!("the last plan was killed, by nobody");
    };
    // Beside it may stand what the program noted on the way.
    let json = words.find("\n{").map_or(0, |at| at + 1);
    let mut documents = serde_json::Deserializer::from_str(&words[json..]).into_iter::<Value>();
    let document = documents.next().and_then(Result::ok);
    let document = document.with_context(|| format!("plan ended with {code} and said: {words}"))?;
    let counts = document
        .pointer("/plan/counts")
        .or_else(|| document.pointer("/counts"))
        .with_context(|| format!("plan says no counts: {words}"))?;
    for writing in [
        "create_clients",
        "create_sites",
        "create_asset_types",
        "create_assets",
        "links",
        "updates",
        "archives",
    ] {
        ensure!(counts[writing] == 0, "a further sync would write: {counts}");
    }
    let count = |what: &str| counts[what].as_u64().unwrap_or(0);
    Ok(count("skips") + count("reviews"))
}

/// What is linked is there with our mark, and what carries our mark is linked; but for assets of devices that are gone whose
/// creation an undo took back, or whose adoption after a creation that a kill left without an answer: the first stay in the
/// archive, the others stand as they stood before they were adopted, and no plan says anything about either.
async fn links_and_records_agree(
    hub: &Hub,
    bridge: &Bridge,
    world: &World,
    devices: &BTreeMap<String, Value>,
) -> anyhow::Result<usize> {
    let records = records(hub, world).await?;
    let undone = hub.store.undone(&bridge.id).await?;
    let mut assets = 0;
    for (kind, collection) in COLLECTIONS {
        let links = hub.store.links(&bridge.id, kind).await?;
        let standing = standing(&records, collection)?;
        // Of several bridges each has marks of its own.
        let begins = connect::Marker::new(&bridge.source, kind, &"".into()).0;
        let marked: BTreeMap<&str, &str> = standing
            .iter()
            .filter(|record| {
                record["external_key"]
                    .as_str()
                    .is_some_and(|mark| mark.starts_with(&begins))
            })
            .filter_map(|record| Some((record["external_key"].as_str()?, record["id"].as_str()?)))
            .collect();
        let ours: BTreeMap<String, String> = links
            .iter()
            .map(|(source, record)| {
                (
                    connect::Marker::new(&bridge.source, kind, source).0,
                    record.to_string(),
                )
            })
            .collect();
        for (mark, record) in &marked {
            let source = mark.strip_prefix(&begins).unwrap_or_default();
            let archived = standing
                .iter()
                .any(|s| s["id"] == *record && !s["archived_at"].is_null());
            let let_go = undone
                .get(&(kind, SourceId::from(source)))
                .filter(|undone| undone.record.as_str() == *record && !devices.contains_key(source));
            if let Some(undone) = let_go
                && (archived || adoption_taken_back(hub, undone).await?)
            {
                continue;
            }
            if ours.get(*mark).map(String::as_str) == Some(*record) {
                continue;
            }
            let stands = standing
                .iter()
                .find(|s| s["id"] == *record)
                .context("it stood there")?;
            let (source, id) = (SourceId::from(source), RecordId::from(*record));
            let story = story::of(hub, bridge, (kind, &source), &id, stands).await?;
            bail!("{collection}: {record} carries our mark {mark} and is not linked; {story}");
        }
        for record in ours.values() {
            ensure!(
                standing.iter().any(|s| s["id"].as_str() == Some(record)),
                "{collection}: {record} is linked and does not exist"
            );
        }
        if kind == RecordKind::Asset {
            assets = ours.len();
        }
    }
    Ok(assets)
}

/// Whether what was undone last about a record was its adoption.
async fn adoption_taken_back(hub: &Hub, undone: &Undone) -> anyhow::Result<bool> {
    let runs = hub.store.runs(usize::MAX).await?;
    let run = runs.iter().find(|run| run.id == undone.run);
    let Some(RunKind::Undo { plan, .. }) = run.map(|run| &run.kind) else {
        bail!("there is no run {} that took something back", undone.run);
    };
    let about = hub
        .store
        .operations_about(plan, undone.kind, &undone.source)
        .await?;
    Ok(about
        .iter()
        .any(|operation| matches!(operation.action, Action::Unlink { .. })))
}

/// No record was created or changed without the log telling of it, as often as the directory heard of it.
async fn requests_are_noted(hub: &Hub, world: &World) -> anyhow::Result<()> {
    let mut begun: BTreeMap<String, u64> = BTreeMap::new();
    for entry in hub.store.audit_entries(None, usize::MAX).await? {
        if entry.action == "write.begun" {
            *begun.entry(entry.subject).or_default() += 1;
        }
    }
    let effects = world.directory.effects();
    let mut received = effects.creates_received;
    if !hub.to_registry {
        for asset in standing(&records(hub, world).await?, "assets")? {
            let changes = asset["id"]
                .as_str()
                .and_then(|id| effects.changes_received.get(id));
            if let (Some(mark), Some(changes)) = (asset["external_key"].as_str(), changes) {
                *received.entry(mark.to_owned()).or_default() += changes;
            }
        }
    }
    for (mark, received) in received {
        let noted = begun.get(&mark).copied().unwrap_or(0);
        ensure!(
            received <= noted,
            "the directory was asked {received} times for {mark}, and the log tells of {noted}"
        );
    }
    // The end that the program kept outside the database is in the chain, and not before what it kept last.
    let kept = AuditMark::at(hub.data_dir.join("audit.head")).kept()?;
    ensure!(
        kept.is_some(),
        "the end of the audit log is not kept outside the database"
    );
    match hub.store.verify_audit(kept.as_ref()).await? {
        Verified::Whole { .. } => Ok(()),
        Verified::Broken { seq, what } => bail!("the audit log does not hold at {seq}: {what}"),
    }
}
