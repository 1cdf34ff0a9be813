//! The clause about what a destination says it cannot do: the engine plans around it, and a write of that sort which comes
//! all the same, from a plan of another time, must leave nothing behind.

use super::bench::{Bench, change, must, nothing_written, update};
use crate::destination::{AssetScope, Write};
use crate::error::Kind;
use model::{FieldType, TargetField};

pub(super) async fn refused(b: &Bench) -> Result<(), String> {
    let client = b.client().await?;
    let asset = b.asset(&client, &[(&b.first, "stands".into())]).await?;
    let of_client = AssetScope::Clients(vec![client.clone()]);
    let before = b.read(of_client.clone()).await?;
    let sorts = [
        ("a client", b.create_client(b.marker(), &b.name("Refused"))),
        (
            "a site",
            Write::CreateSite {
                marker: b.marker(),
                client,
                name: b.name("Refused"),
            },
        ),
        (
            "an asset type",
            Write::CreateAssetType {
                marker: b.marker(),
                name: b.name("Refused"),
                group: None,
            },
        ),
        (
            "a change of an asset",
            update(&asset, vec![change(&b.first, "stands", "changed")]),
        ),
        (
            "an asset in the archive",
            Write::ArchiveAsset { id: asset.clone() },
        ),
        ("an asset out of the archive", Write::RestoreAsset { id: asset }),
    ];
    for (what, write) in sorts {
        if !b.can.carries_out(&write) {
            nothing_written(what, &b.write_one(write).await?)?;
        }
    }
    must(b.read(of_client).await? == before, || {
        "what was refused changed something all the same".to_owned()
    })?;
    if !b.can.asset_types {
        let types = b.to.asset_types().await;
        let types = types.map_err(|e| format!("listing asset types: {e}"))?;
        must(types.is_empty(), || {
            format!("it has no asset types of their own, and lists {types:?}")
        })?;
    }
    if !b.can.create_fields {
        let field = TargetField {
            key: "contract_refused".to_owned(),
            label: "Contract refused".to_owned(),
            field_type: FieldType::Text,
            custom: true,
        };
        let answer = b.to.create_field(&field).await;
        must(
            answer.as_ref().is_err_and(|error| error.kind == Kind::Invalid),
            || format!("a field: expected a refusal of the kind Invalid, got {answer:?}"),
        )?;
    }
    Ok(())
}
