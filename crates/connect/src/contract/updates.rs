//! Clauses about changing assets: only when they are as the plan saw them.

use super::bench::{Bench, change, must, same, update, value_of};
use crate::destination::{Write, WriteError, WriteResult};
use serde_json::{Value, json};

/// The destination noticed that the record is not as the plan saw it.
fn changed(what: &str, result: &WriteResult) -> Result<(), String> {
    must(matches!(result, Err(WriteError::Changed(_))), || {
        format!("{what}: expected Changed, got {result:?}")
    })
}

pub(super) async fn right_before(b: &Bench) -> Result<(), String> {
    if !b.can.update_assets {
        return Ok(());
    }
    let client = b.client().await?;
    let id = b
        .asset(&client, &[(&b.first, json!("old")), (&b.second, json!("other"))])
        .await?;
    let made = b.read_one(&id).await?;
    let written = b.done(update(&id, vec![change(&b.first, "old", "new")])).await?;
    same("the id an update answers with", &id, &written)?;
    let kept = b.read_one(&id).await?;
    same("the field", &json!("new"), &value_of(&kept, &b.first))?;
    same("the other field", &json!("other"), &value_of(&kept, &b.second))?;
    same("its client", &made.client, &kept.client)?;
    same("its site", &made.site, &kept.site)?;
    same("its type", &made.asset_type, &kept.asset_type)?;
    same("its source id", &made.source_id, &kept.source_id)?;
    same("when it was archived", &made.archived, &kept.archived)
}

pub(super) async fn stale_before(b: &Bench) -> Result<(), String> {
    if !b.can.update_assets {
        return Ok(());
    }
    let client = b.client().await?;
    let id = b
        .asset(
            &client,
            &[(&b.first, json!("theirs")), (&b.second, json!("second"))],
        )
        .await?;
    let stands = async |what: &str| {
        let kept = b.read_one(&id).await?;
        same(
            &format!("the field after {what}"),
            &json!("theirs"),
            &value_of(&kept, &b.first),
        )?;
        same(
            &format!("the other field after {what}"),
            &json!("second"),
            &value_of(&kept, &b.second),
        )
    };
    let what = "a change of a field that somebody changed";
    changed(
        what,
        &b.write_one(update(&id, vec![change(&b.first, "planned", "ours")]))
            .await?,
    )?;
    stands(what).await?;
    let what = "a change of a field that was blank";
    changed(
        what,
        &b.write_one(update(&id, vec![change(&b.first, Value::Null, "ours")]))
            .await?,
    )?;
    stands(what).await?;
    let what = "two changes of which one is stale";
    let both = vec![
        change(&b.second, "second", "ours"),
        change(&b.first, "planned", "ours"),
    ];
    changed(what, &b.write_one(update(&id, both)).await?)?;
    stands(what).await
}

pub(super) async fn blanks(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    for (what, made) in [
        ("absent", None),
        ("null", Some(Value::Null)),
        ("empty", Some(json!(""))),
    ] {
        let fields: Vec<_> = made
            .iter()
            .map(|value| (b.first.as_str(), value.clone()))
            .collect();
        let id = b.asset(&client, &fields).await?;
        same(
            &format!("a field created {what}"),
            &Value::Null,
            &value_of(&b.read_one(&id).await?, &b.first),
        )?;
        if !b.can.update_assets {
            continue;
        }
        b.done(update(&id, vec![change(&b.first, Value::Null, "filled")]))
            .await?;
        same(
            &format!("a field created {what}, then filled"),
            &json!("filled"),
            &value_of(&b.read_one(&id).await?, &b.first),
        )?;
        b.done(update(&id, vec![change(&b.first, "filled", Value::Null)]))
            .await?;
        same(
            "a field that was emptied",
            &Value::Null,
            &value_of(&b.read_one(&id).await?, &b.first),
        )?;
        b.done(update(&id, vec![change(&b.first, "", "again")])).await?;
        same(
            "a field filled again",
            &json!("again"),
            &value_of(&b.read_one(&id).await?, &b.first),
        )?;
    }
    Ok(())
}

pub(super) async fn moves(b: &Bench) -> Result<(), String> {
    if !b.can.update_assets {
        return Ok(());
    }
    let (from, to) = (b.client().await?, b.client().await?);
    let id = b.asset(&from, &[(&b.first, json!("moves"))]).await?;
    let asset_type = b.asset_type("Laptop").await?;
    let site = match b.can.sites {
        true => Some(
            b.done(Write::CreateSite {
                marker: b.marker(),
                client: to.clone(),
                name: b.name("There"),
            })
            .await?,
        ),
        false => None,
    };
    b.done(Write::UpdateAsset {
        id: id.clone(),
        changes: vec![change(&b.first, "moves", "moved")],
        client: Some(to.clone()),
        site: site.clone().map(Some),
        asset_type: asset_type.clone(),
        source_id: Some(Some("device-adopted".to_owned())),
    })
    .await?;
    let kept = b.read_one(&id).await?;
    same("its client", &to, &kept.client)?;
    same("its site", &site, &kept.site)?;
    same("its type", &asset_type, &kept.asset_type)?;
    same("its field", &json!("moved"), &value_of(&kept, &b.first))?;
    must(
        kept.source_id
            .as_deref()
            .is_none_or(|source| source == "device-adopted"),
        || format!("it keeps a source id, but another: {:?}", kept.source_id),
    )?;
    if site.is_some() {
        b.done(Write::UpdateAsset {
            id: id.clone(),
            changes: vec![],
            client: None,
            site: Some(None),
            asset_type: None,
            source_id: None,
        })
        .await?;
        same("its site, taken away", &None, &b.read_one(&id).await?.site)?;
    }
    Ok(())
}
