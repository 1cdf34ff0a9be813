//! Clauses about fields and their values.

use super::bench::{Bench, change, must, same, update, value_of};
use model::{FieldType, TargetField};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Texts that software has broken before.
const TEXTS: [&str; 9] = [
    "007",
    "1e5",
    "true",
    "null",
    "2026-02-28",
    " leading and trailing ",
    "line one\nline two\tand a tab",
    "<script>alert('x')</script> & \"quotes\" \\ %00",
    "Zoë 東京 🖥️ e\u{301}",
];

pub(super) async fn text(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    for text in TEXTS {
        let id = b.asset(&client, &[(&b.first, json!(text))]).await?;
        same(
            "a text given at creation",
            &json!(text),
            &value_of(&b.read_one(&id).await?, &b.first),
        )?;
        if !b.can.update_assets {
            continue;
        }
        // The very text must also pass for what stands there.
        b.done(update(&id, vec![change(&b.first, text, "plain")])).await?;
        b.done(update(&id, vec![change(&b.first, "plain", text)])).await?;
        same(
            "a text given in an update",
            &json!(text),
            &value_of(&b.read_one(&id).await?, &b.first),
        )?;
    }
    Ok(())
}

pub(super) async fn keys(b: &Bench) -> Result<(), String> {
    let fields =
        b.to.target_fields()
            .await
            .map_err(|e| format!("listing target fields: {e}"))?;
    let blank = fields
        .iter()
        .find(|field| field.key.trim().is_empty() || field.label.trim().is_empty());
    must(blank.is_none(), || {
        format!("a field has no key or no label: {blank:?}")
    })?;
    let keys: BTreeSet<_> = fields.iter().map(|field| &field.key).collect();
    must(keys.len() == fields.len(), || {
        "two fields have the same key".to_owned()
    })
}

pub(super) async fn create_field(b: &Bench) -> Result<(), String> {
    if !b.can.create_fields {
        return Ok(());
    }
    let client = b.client().await?;
    for (kind, field_type, value, other) in [
        ("text", FieldType::Text, json!("007"), json!("008")),
        ("integer", FieldType::Integer, json!(42), json!(-1)),
        ("decimal", FieldType::Decimal, json!(1.5), json!(-0.25)),
        ("boolean", FieldType::Boolean, json!(true), json!(false)),
        ("date", FieldType::Date, json!("2024-02-29"), json!("1999-12-31")),
    ] {
        let field = TargetField {
            key: format!("contract_{kind}"),
            label: format!("Contract {kind}"),
            field_type,
            custom: true,
        };
        b.to.create_field(&field)
            .await
            .map_err(|e| format!("creating the field {field:?}: {e}"))?;
        b.to.create_field(&field)
            .await
            .map_err(|e| format!("creating the field {field:?} again: {e}"))?;
        let fields =
            b.to.target_fields()
                .await
                .map_err(|e| format!("listing target fields: {e}"))?;
        let ours: Vec<_> = fields.into_iter().filter(|f| f.key == field.key).collect();
        same("the field, created twice", &vec![field.clone()], &ours)?;
        let id = b.asset(&client, &[(&field.key, value.clone())]).await?;
        same(
            &format!("a {kind} given at creation"),
            &value,
            &value_of(&b.read_one(&id).await?, &field.key),
        )?;
        if !b.can.update_assets {
            continue;
        }
        let there = change(&field.key, value.clone(), other.clone());
        b.done(update(&id, vec![there])).await?;
        same(
            &format!("a {kind} given in an update"),
            &other,
            &value_of(&b.read_one(&id).await?, &field.key),
        )?;
        b.done(update(&id, vec![change(&field.key, other, Value::Null)]))
            .await?;
        same(
            &format!("a {kind} taken away"),
            &Value::Null,
            &value_of(&b.read_one(&id).await?, &field.key),
        )?;
    }
    Ok(())
}
