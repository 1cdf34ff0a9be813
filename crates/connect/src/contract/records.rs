//! Clauses about clients, sites, asset types, and reading in general.

use super::bench::{Bench, must, same};
use crate::check::Verdict;
use crate::destination::{AssetScope, Write};
use model::{RecordId, RecordKind};
use serde_json::json;

/// Names that software has broken before.
const NAMES: [&str; 8] = [
    "Müller & Söhne <b>GmbH</b>",
    "O'Brien \"Ltd\"; DROP TABLE clients; --",
    "日本語 株式会社 🏢",
    // Full-width letters, and an e with its accent as a character of its own: folding is for matching only.
    "Ａｃｍｅ",
    "Cafe\u{301}",
    "مثال العربية",
    "{{7*7}} ${HOME} %s \\n",
    "two  spaces",
];

pub(super) async fn client(b: &Bench) -> Result<(), String> {
    if !b.can.create_clients {
        return Ok(());
    }
    let (marker, name) = (b.marker(), b.name("Acme"));
    let source_id = "4711".to_owned();
    let write = Write::CreateClient {
        marker: marker.clone(),
        name: name.clone(),
        source_id: source_id.clone(),
    };
    let id = b.done(write).await?;
    let clients =
        b.to.clients()
            .await
            .map_err(|e| format!("listing clients: {e}"))?;
    let ours: Vec<_> = clients
        .into_iter()
        .filter(|client| client.id == id || client.name == name)
        .collect();
    must(ours.len() == 1, || {
        format!("the client is listed {} times: {ours:?}", ours.len())
    })?;
    same("its id", &id, &ours[0].id)?;
    same("its name", &name, &ours[0].name)?;
    must(
        ours[0].source_id.as_ref().is_none_or(|kept| *kept == source_id),
        || {
            format!(
                "it keeps a source id, but another: {:?} instead of {source_id:?}",
                ours[0].source_id
            )
        },
    )?;
    same(
        "records found by its mark",
        &vec![id],
        &b.find(RecordKind::Client, &marker).await?,
    )
}

/// A create whose answer was lost is found again, so it need not be refused the second time; but a second record must
/// not hide.
pub(super) async fn client_twice(b: &Bench) -> Result<(), String> {
    if !b.can.create_clients {
        return Ok(());
    }
    let (marker, name) = (b.marker(), b.name("Twice"));
    let first = b.done(b.create_client(marker.clone(), &name)).await?;
    let second = b.write_one(b.create_client(marker.clone(), &name)).await?;
    let mut made: Vec<RecordId> = vec![first];
    made.extend(second.ok().map(|written| written.id));
    made.sort();
    made.dedup();
    same(
        "records found by the mark",
        &made,
        &b.find(RecordKind::Client, &marker).await?,
    )?;
    let clients =
        b.to.clients()
            .await
            .map_err(|e| format!("listing clients: {e}"))?;
    same(
        "clients of that name",
        &made.len(),
        &clients.iter().filter(|c| c.name == name).count(),
    )
}

pub(super) async fn site(b: &Bench) -> Result<(), String> {
    if !b.can.sites || !b.can.create_clients {
        return Ok(());
    }
    let (here, elsewhere) = (b.client().await?, b.client().await?);
    let (marker, name) = (b.marker(), b.name("Main office"));
    let write = |client: &RecordId| Write::CreateSite {
        marker: marker.clone(),
        client: client.clone(),
        name: name.clone(),
    };
    let id = b.done(write(&here)).await?;
    let of = async |clients: &[RecordId]| {
        let sites =
            b.to.sites(clients)
                .await
                .map_err(|e| format!("listing sites of {clients:?}: {e}"))?;
        Ok::<_, String>(
            sites
                .into_iter()
                .filter(|site| site.name == name)
                .collect::<Vec<_>>(),
        )
    };
    let sites = of(std::slice::from_ref(&here)).await?;
    must(sites.len() == 1, || {
        format!("the site is listed {} times", sites.len())
    })?;
    same("its id", &id, &sites[0].id)?;
    same("its client", &here, &sites[0].client)?;
    must(of(&[elsewhere.clone(), here.clone()]).await?.len() == 1, || {
        "the site is missing or listed twice among two clients'".to_owned()
    })?;
    must(of(&[elsewhere]).await?.is_empty(), || {
        "the site is listed at another client".to_owned()
    })?;
    same(
        "records found by its mark",
        &vec![id.clone()],
        &b.find(RecordKind::Site, &marker).await?,
    )?;
    must(b.find(RecordKind::Client, &marker).await?.is_empty(), || {
        "a site's mark finds something among the clients".to_owned()
    })?;
    let again = b.write_one(write(&here)).await?;
    let mut made = vec![id];
    made.extend(again.ok().map(|written| written.id));
    made.sort();
    made.dedup();
    same(
        "records found by a mark used twice",
        &made,
        &b.find(RecordKind::Site, &marker).await?,
    )
}

pub(super) async fn asset_type(b: &Bench) -> Result<(), String> {
    if !b.can.asset_types {
        return Ok(());
    }
    let group = b.name("Computers");
    for name in ["Server", "Workstation"] {
        let (marker, name) = (b.marker(), b.name(name));
        let write = Write::CreateAssetType {
            marker: marker.clone(),
            name: name.clone(),
            group: Some(group.clone()),
        };
        let id = b.done(write).await?;
        let types =
            b.to.asset_types()
                .await
                .map_err(|e| format!("listing asset types: {e}"))?;
        let ours: Vec<_> = types.into_iter().filter(|t| t.name == name).collect();
        must(ours.len() == 1, || {
            format!("the asset type {name:?} is listed {} times", ours.len())
        })?;
        same("its id", &id, &ours[0].id)?;
        must(ours[0].group.as_ref().is_none_or(|kept| *kept == group), || {
            format!("it was put into {:?} instead of {group:?}", ours[0].group)
        })?;
        same(
            "records found by its mark",
            &vec![id],
            &b.find(RecordKind::AssetType, &marker).await?,
        )?;
    }
    Ok(())
}

pub(super) async fn unknown_mark(b: &Bench) -> Result<(), String> {
    let marker = b.marker();
    for kind in [
        RecordKind::Client,
        RecordKind::Site,
        RecordKind::AssetType,
        RecordKind::Asset,
    ] {
        if kind == RecordKind::Site && !b.can.sites {
            continue;
        }
        let found = b.find(kind, &marker).await?;
        must(found.is_empty(), || {
            format!("a {} was found: {found:?}", kind.as_str())
        })?;
    }
    Ok(())
}

pub(super) async fn names(b: &Bench) -> Result<(), String> {
    if !b.can.create_clients {
        return Ok(());
    }
    let mut made = Vec::new();
    for name in NAMES {
        let name = b.name(name);
        made.push((b.done(b.create_client(b.marker(), &name)).await?, name));
    }
    let clients =
        b.to.clients()
            .await
            .map_err(|e| format!("listing clients: {e}"))?;
    for (id, name) in made {
        let kept = clients
            .iter()
            .find(|client| client.id == id)
            .map(|client| client.name.clone());
        same("a client's name", &Some(name), &kept)?;
    }
    Ok(())
}

pub(super) async fn stable(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    for n in 0..3 {
        b.asset(&client, &[(&b.first, json!(format!("stable {n}")))])
            .await?;
    }
    let first = b.read(AssetScope::All).await?;
    let second = b.read(AssetScope::All).await?;
    same("all assets, read twice", &first, &second)?;
    let list = async || {
        let mut clients =
            b.to.clients()
                .await
                .map_err(|e| format!("listing clients: {e}"))?;
        clients.sort_by(|a, b| a.id.cmp(&b.id));
        Ok::<_, String>(clients)
    };
    same("all clients, read twice", &list().await?, &list().await?)
}

pub(super) async fn check(b: &Bench) -> Result<(), String> {
    let points = b.to.check().await;
    must(!points.is_empty(), || "the check has no points".to_owned())?;
    let crosses: Vec<_> = points
        .iter()
        .filter(|point| point.verdict != Verdict::Passed)
        .collect();
    must(crosses.is_empty(), || {
        format!("points that did not pass: {crosses:?}")
    })
}
