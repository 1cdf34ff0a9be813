//! Clauses about creating, reading, archiving and refusing assets.

use super::bench::{Bench, change, must, nothing_written, same, soon, update, value_of};
use crate::destination::{AssetScope, NewAsset, Write};
use model::{Fields, RecordId, RecordKind};
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc;

pub(super) async fn created(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    let site = if b.can.sites {
        let write = Write::CreateSite {
            marker: b.marker(),
            client: client.clone(),
            name: b.name("Here"),
        };
        Some(b.done(write).await?)
    } else {
        None
    };
    let asset_type = b.asset_type("Server").await?;
    let marker = b.marker();
    let (one, null) = (json!("one"), json!(null));
    let write = b.create_asset(marker.clone(), &client, &[(&b.first, one), (&b.second, null)]);
    let Write::CreateAsset { asset, .. } = &write else {
        return Err("a create is no create".to_owned());
    };
    let asset = NewAsset {
        site: site.clone(),
        asset_type: asset_type.clone(),
        ..asset.clone()
    };
    let source_id = asset.source_id.clone();
    let id = b
        .done(Write::CreateAsset {
            marker: marker.clone(),
            asset,
        })
        .await?;
    let kept = b.read_one(&id).await?;
    same("its client", &client, &kept.client)?;
    same("its site", &site, &kept.site)?;
    same("its type", &asset_type, &kept.asset_type)?;
    same("a field", &json!("one"), &value_of(&kept, &b.first))?;
    same("a field given as null", &json!(null), &value_of(&kept, &b.second))?;
    must(
        kept.source_id.as_ref().is_none_or(|kept| *kept == source_id),
        || {
            format!(
                "it keeps a source id, but another: {:?} instead of {source_id:?}",
                kept.source_id
            )
        },
    )?;
    same("when it was archived", &None, &kept.archived)?;
    same(
        "records found by its mark",
        &vec![id],
        &b.find(RecordKind::Asset, &marker).await?,
    )
}

pub(super) async fn twice(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    let marker = b.marker();
    let write = b.create_asset(marker.clone(), &client, &[(&b.first, json!("twice"))]);
    let mut made = vec![b.done(write.clone()).await?];
    made.extend(b.write_one(write).await?.ok().map(|written| written.id));
    made.sort();
    made.dedup();
    same(
        "records found by the mark",
        &made,
        &b.find(RecordKind::Asset, &marker).await?,
    )?;
    let all = b.read(AssetScope::Clients(vec![client])).await?;
    let count = all
        .iter()
        .filter(|asset| value_of(asset, &b.first) == json!("twice"))
        .count();
    must(!b.can.create_clients || count == made.len(), || {
        format!("{count} assets of {} stand at the client", made.len())
    })
}

pub(super) async fn scopes(b: &Bench) -> Result<(), String> {
    let (here, there) = (b.client().await?, b.client().await?);
    let mut ours = Vec::new();
    for n in 0..3 {
        ours.push(b.asset(&here, &[(&b.first, json!(format!("here {n}")))]).await?);
    }
    let other = b.asset(&there, &[(&b.first, json!("there"))]).await?;
    ours.sort();
    let ids = |assets: &[model::Asset]| {
        assets
            .iter()
            .map(|asset| asset.id.clone())
            .collect::<Vec<RecordId>>()
    };

    let all = ids(&b.read(AssetScope::All).await?);
    must(ours.iter().chain([&other]).all(|id| all.contains(id)), || {
        "some are missing among all".to_owned()
    })?;
    if b.can.create_clients {
        same(
            "the assets of a client",
            &ours,
            &ids(&b.read(AssetScope::Clients(vec![here.clone()])).await?),
        )?;
        let mut both = ours.clone();
        both.push(other.clone());
        both.sort();
        same(
            "the assets of two clients",
            &both,
            &ids(&b.read(AssetScope::Clients(vec![there, here])).await?),
        )?;
    }
    let asked = vec![
        ours[2].clone(),
        b.no_such(&other),
        other.clone(),
        ours[0].clone(),
        other.clone(),
    ];
    let mut want = vec![ours[0].clone(), ours[2].clone(), other];
    want.sort();
    same(
        "assets by ids, one asked for twice and one missing",
        &want,
        &ids(&b.read(AssetScope::Ids(asked)).await?),
    )?;
    same(
        "assets by no ids",
        &vec![],
        &ids(&b.read(AssetScope::Ids(vec![])).await?),
    )
}

pub(super) async fn reader_gone(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    for _ in 0..3 {
        b.asset(&client, &[]).await?;
    }
    let (pages, received) = mpsc::channel(1);
    drop(received);
    // Whether that is an error is the destination's choice; waiting for ever is not.
    let ended = tokio::time::timeout(Duration::from_secs(30), b.to.assets(AssetScope::All, pages)).await;
    must(ended.is_ok(), || {
        "reading went on for 30 s after nobody listened any more".to_owned()
    })
}

pub(super) async fn archived(b: &Bench) -> Result<(), String> {
    if !b.can.archive {
        return Ok(());
    }
    let client = b.client().await?;
    let kept = b.asset(&client, &[(&b.first, json!("kept"))]).await?;
    let gone = b.asset(&client, &[(&b.first, json!("gone"))]).await?;
    b.done(Write::ArchiveAsset { id: gone.clone() }).await?;
    same(
        "when the other was archived",
        &None,
        &b.read_one(&kept).await?.archived,
    )?;
    for scope in [
        AssetScope::All,
        AssetScope::Clients(vec![client]),
        AssetScope::Ids(vec![gone.clone()]),
    ] {
        let what = format!("{scope:?}");
        let assets = b.read(scope).await?;
        let asset = assets.into_iter().find(|asset| asset.id == gone);
        let asset = asset.ok_or_else(|| format!("the archived asset is missing from {what}"))?;
        must(asset.archived.is_some(), || {
            format!("it is not marked as archived in {what}")
        })?;
        same("its field", &json!("gone"), &value_of(&asset, &b.first))?;
    }
    // The engine may come again after a lost answer.
    let again = b.write_one(Write::ArchiveAsset { id: gone.clone() }).await?;
    if let Ok(written) = &again {
        same("the asset archived again", &gone, &written.id)?;
    } else {
        nothing_written("archiving again", &again)?;
    }
    must(b.read_one(&gone).await?.archived.is_some(), || {
        "archiving again brought it back".to_owned()
    })
}

pub(super) async fn restored(b: &Bench) -> Result<(), String> {
    if !b.can.archive || !b.can.restore {
        return Ok(());
    }
    let client = b.client().await?;
    let id = b.asset(&client, &[(&b.first, json!("back"))]).await?;
    b.done(Write::ArchiveAsset { id: id.clone() }).await?;
    // Twice, as after a lost answer.
    for _ in 0..2 {
        b.done(Write::RestoreAsset { id: id.clone() }).await?;
        let kept = b.read_one(&id).await?;
        same("when it was archived", &None, &kept.archived)?;
        same("its field", &json!("back"), &value_of(&kept, &b.first))?;
    }
    Ok(())
}

pub(super) async fn refused(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    let asset = b.asset(&client, &[]).await?;
    let (no_client, no_asset) = (b.no_such(&client), b.no_such(&asset));
    let before = b.read(AssetScope::All).await?.len();
    let write = b.create_asset(b.marker(), &no_client, &[]);
    nothing_written(
        "an asset of a client that does not exist",
        &b.write_one(write).await?,
    )?;
    let write = update(&no_asset, vec![change(&b.first, json!(null), json!("x"))]);
    nothing_written(
        "an update of an asset that does not exist",
        &b.write_one(write).await?,
    )?;
    if b.can.archive {
        let write = Write::ArchiveAsset { id: no_asset };
        nothing_written(
            "archiving an asset that does not exist",
            &b.write_one(write).await?,
        )?;
    }
    if b.can.sites {
        let write = Write::CreateSite {
            marker: b.marker(),
            client: no_client,
            name: b.name("Nowhere"),
        };
        nothing_written(
            "a site of a client that does not exist",
            &b.write_one(write).await?,
        )?;
    }
    same(
        "assets afterwards",
        &before,
        &b.read(AssetScope::All).await?.len(),
    )
}

pub(super) async fn batch(b: &Bench) -> Result<(), String> {
    must(b.to.write(&[], soon()).await.is_empty(), || {
        "no writes got answers".to_owned()
    })?;
    must(b.can.max_batch > 0, || "max_batch is 0".to_owned())?;
    let client = b.client().await?;
    let asset = b.asset(&client, &[(&b.first, json!("batch 0"))]).await?;
    let fields = Fields::new();
    let nowhere = NewAsset {
        client: b.no_such(&client),
        site: None,
        asset_type: None,
        source_id: "device-bad".to_owned(),
        fields,
    };
    let writes = [
        b.create_asset(b.marker(), &client, &[(&b.first, json!("batch 1"))]),
        Write::CreateAsset {
            marker: b.marker(),
            asset: nowhere,
        },
        match b.can.update_assets {
            true => update(&asset, vec![change(&b.first, "batch 0", "batch 2")]),
            false => b.create_asset(b.marker(), &client, &[(&b.first, json!("batch 2"))]),
        },
        update(&b.no_such(&asset), vec![change(&b.first, json!(null), "x")]),
        b.create_asset(b.marker(), &client, &[(&b.first, json!("batch 3"))]),
    ];
    let mut results = Vec::new();
    for some in writes.chunks(b.can.max_batch) {
        let answers = b.to.write(some, soon()).await;
        must(answers.len() == some.len(), || {
            format!("{} writes got {} answers", some.len(), answers.len())
        })?;
        results.extend(answers);
    }
    for (n, want) in [(0, "batch 1"), (2, "batch 2"), (4, "batch 3")] {
        let written = results[n]
            .as_ref()
            .map_err(|error| format!("write {} of 5: {error:?}", n + 1))?;
        let kept = b.read_one(&written.id).await?;
        same(
            &format!("what write {} of 5 left", n + 1),
            &json!(want),
            &value_of(&kept, &b.first),
        )?;
    }
    nothing_written("write 2 of 5", &results[1])?;
    nothing_written("write 4 of 5", &results[3])
}
