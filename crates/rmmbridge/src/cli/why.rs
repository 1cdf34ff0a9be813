//! `why`: why a device was imported, or was not.

use crate::output::{Output, time};
use crate::session::Session;
use clap::Args;
use engine::why::Explained;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct WhyArguments {
    /// The device: its id in NinjaOne, its name or a part of it, or its serial number
    device: String,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,
}

pub async fn run(session: &Session, arguments: WhyArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
    let explained = engine.why(actor, &bridge, &arguments.device).await?;
    output.show(&explained, || {
        let each: Vec<String> = explained.iter().map(text).collect();
        each.join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn text(of: &Explained) -> String {
    let visible = plan::render::visible;
    let organization = match &of.organization_name {
        Some(name) => visible(name),
        None => format!("organization {}, which the source does not list", of.organization),
    };
    let mut text = format!(
        "{} (device {}, {organization})\n",
        visible(&of.label),
        visible(of.device.as_str())
    );
    let mut line = |line: &str| text.push_str(&format!("  {}\n", visible(line)));
    line(&of.sentence);
    if of.outdated {
        line(
            "Settings or decisions changed since that plan: a new one may say something else (rmmbridge plan).",
        );
    }
    if let Some(next) = &of.next {
        line(next);
    }
    if let Some(asset) = &of.asset {
        if let Some(at) = asset.at {
            line(&format!(
                "Linked to asset {} since {}: {}",
                asset.asset,
                time(at),
                asset.how
            ));
        }
        if let Some(url) = &asset.url {
            line(url);
        }
    }
    for fault in &of.unreadable {
        line(&format!("Left out, since not readable: {fault}"));
    }
    if let Some(url) = &of.source_url {
        line(url);
    }
    text
}
