//! `assets`: what the registry holds, and where each value came from.

use crate::output::{Output, table, time};
use crate::session::Session;
use anyhow::Context as _;
use clap::Args;
use model::RecordId;
use serde_json::{Value, json};
use std::process::ExitCode;
use store::registry::AssetFilter;

#[derive(Debug, Args)]
pub struct AssetsArguments {
    /// An asset to look into, by id
    asset: Option<String>,

    /// Only this client's, by name or id
    #[arg(long)]
    client: Option<String>,

    /// Only assets whose name or serial number contains this
    #[arg(long)]
    search: Option<String>,

    /// Also archived ones
    #[arg(long)]
    archived: bool,

    /// How many to list
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

pub async fn run(session: &Session, arguments: AssetsArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    if let Some(id) = &arguments.asset {
        show(session, &RecordId::from(id.as_str()), output).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let client = match &arguments.client {
        Some(name) => {
            let bridge = engine.find_bridge(actor, None).await?;
            Some(engine.find_client(actor, &bridge, name).await?.id)
        }
        None => None,
    };
    let limit = arguments.limit.saturating_add(1);
    let filter = AssetFilter {
        client,
        search: arguments.search,
        archived: arguments.archived,
        after: None,
        limit,
    };
    let mut assets = engine.assets(actor, &filter).await?;
    let more = assets.len() > arguments.limit;
    assets.truncate(arguments.limit);
    let document: Vec<Value> = assets
        .iter()
        .map(|a| json!({ "asset": a.asset, "client": a.client_name, "updated": a.updated }))
        .collect();
    output.show(&document, || {
        if assets.is_empty() {
            return "No assets.".to_owned();
        }
        let cell = |a: &store::registry::RegistryAsset, key: &str| {
            a.asset.fields.get(key).map_or_else(String::new, text)
        };
        let rows = assets.iter().map(|a| {
            let mut row = vec![a.asset.id.to_string(), a.client_name.clone()];
            row.extend(["name", "serialNumber", "manufacturer", "modelNumber", "os"].map(|key| cell(a, key)));
            row
        });
        let mut shown = table(
            &["id", "client", "name", "serial", "manufacturer", "model", "os"],
            rows,
        );
        if more {
            shown.push_str("... there are more: --limit, --search, --client\n");
        }
        shown
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn show(session: &Session, id: &RecordId, output: Output) -> anyhow::Result<()> {
    let detail = session.engine.asset(&session.actor, id).await?;
    let detail = detail.with_context(|| format!("there is no asset `{id}`. rmmbridge assets lists them"))?;
    let fields: Vec<Value> = detail
        .fields
        .iter()
        .map(|f| {
            let (run, at) = f.written.clone().unzip();
            json!({ "field": f.field, "value": f.value, "run": run, "at": at })
        })
        .collect();
    let device = detail
        .device
        .as_ref()
        .map(|d| json!({ "bridge": d.bridge_name, "device": d.id, "url": d.url, "ignored": d.ignored }));
    let document = json!({ "asset": detail.asset.asset, "client": detail.asset.client_name, "fields": fields, "device": device });
    output.show(&document, || {
        let mut shown = format!(
            "{}\nClient: {}\n",
            detail.asset.asset.id,
            plan::render::visible(&detail.asset.client_name)
        );
        if let Some(device) = &detail.device {
            shown.push_str(&format!(
                "Device: {}, through bridge `{}`\n",
                device.id, device.bridge_name
            ));
            if let Some(url) = &device.url {
                shown.push_str(&format!("Open in NinjaOne: {url}\n"));
            }
            if let Some(ignored) = &device.ignored {
                let why = plan::render::visible(&ignored.reason);
                shown.push_str(&format!(
                    "Left alone: {why} ({})\n",
                    plan::render::visible(&ignored.by)
                ));
            }
        }
        shown.push('\n');
        let rows = detail.fields.iter().map(|f| {
            let from = match &f.written {
                Some((run, at)) => format!("run {run}, {}", time(*at)),
                None => "entered here".to_owned(),
            };
            vec![f.field.clone(), text(&f.value), from]
        });
        shown.push_str(&table(&["field", "value", "from"], rows));
        shown
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
