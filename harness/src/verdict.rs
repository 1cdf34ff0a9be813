//! What must hold once the faults have stopped and a last sync went through (facts: what the directory counted).

use crate::child::{End, Program};
use crate::scene::{Hub, World};
use anyhow::{Context as _, bail, ensure};
use model::{Bridge, RecordKind};
use serde_json::Value;
use std::collections::BTreeMap;
use store::Verified;

/// Checks everything; the number of assets that stand.
///
/// # Errors
/// What does not hold.
pub async fn check(hub: &Hub, bridge: &Bridge, world: &World, program: &Program) -> anyhow::Result<usize> {
    let duplicates = world.directory.duplicates();
    ensure!(
        duplicates.is_empty(),
        "a mark stands on two records: {duplicates:?}"
    );
    nothing_left_to_write(program).await?;
    let assets = links_and_records_agree(hub, bridge, world).await?;
    requests_are_noted(hub, world).await?;
    let open = hub.store.open_writes(&bridge.destination).await?;
    ensure!(
        open == 0,
        "{open} writes are open although the faults have stopped"
    );
    let sound = hub.store.integrity().await?;
    ensure!(sound.starts_with("ok"), "the database is not sound: {sound}");
    Ok(assets)
}

/// A further plan writes nothing, and its counts add up to the devices.
async fn nothing_left_to_write(program: &Program) -> anyhow::Result<()> {
    let End::Exited(code, words) = program.run(&["--json", "--quiet", "plan"], None, None).await? else {
        bail!("the last plan was killed, by nobody");
    };
    let document: Value = serde_json::from_str(words.lines().next().unwrap_or_default())
        .or_else(|_| serde_json::from_str(&words))
        .with_context(|| format!("plan ended with {code} and said: {words}"))?;
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
    Ok(())
}

/// What is linked is there with our mark, and what carries our mark is linked.
async fn links_and_records_agree(hub: &Hub, bridge: &Bridge, world: &World) -> anyhow::Result<usize> {
    let records = world.directory.records();
    let mut assets = 0;
    for (kind, collection) in [
        (RecordKind::Client, "clients"),
        (RecordKind::Site, "sites"),
        (RecordKind::AssetType, "asset_types"),
        (RecordKind::Asset, "assets"),
    ] {
        let links = hub.store.links(&bridge.id, kind).await?;
        let standing: Vec<&Value> = match &records[collection] {
            Value::Array(list) => list.iter().collect(),
            Value::Object(map) => map.values().collect(),
            other => bail!("the directory's {collection} are {other}"),
        };
        let marked: BTreeMap<&str, &str> = standing
            .iter()
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
            ensure!(
                ours.get(*mark).map(String::as_str) == Some(*record),
                "{collection}: {record} carries our mark {mark} and is not linked"
            );
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
    let devices: u64 = hub.store.device_counts(&bridge.source).await?.values().sum();
    ensure!(
        assets > 0 && assets as u64 <= devices,
        "{assets} assets for {devices} devices"
    );
    Ok(assets)
}

/// No record was created without the log telling of it, as often as the directory heard of it.
async fn requests_are_noted(hub: &Hub, world: &World) -> anyhow::Result<()> {
    let mut begun: BTreeMap<String, u64> = BTreeMap::new();
    for entry in hub.store.audit_entries(None, usize::MAX).await? {
        if entry.action == "write.begun" {
            *begun.entry(entry.subject).or_default() += 1;
        }
    }
    for (mark, received) in world.directory.effects().creates_received {
        let noted = begun.get(&mark).copied().unwrap_or(0);
        ensure!(
            received <= noted,
            "the directory was asked {received} times for {mark}, and the log tells of {noted}"
        );
    }
    match hub.store.verify_audit(None).await? {
        Verified::Whole { .. } => Ok(()),
        Verified::Broken { seq, what } => bail!("the audit log does not hold at {seq}: {what}"),
    }
}
