//! `simulate passportal`.

use crate::output::Output;
use anyhow::Context as _;
use clap::Args;
use simulators::passportal::{Options, Passportal, QUIRKS, Quirks};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct PassportalArguments {
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8412)]
    port: u16,

    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// A client there is, by its name; may be given several times. Without it there are three
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,

    /// The clients have no documents yet
    #[arg(long)]
    empty: bool,

    /// A behaviour that Passportal leaves open, as NAME or NAME=VALUE; may be given several times. --help lists them
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = known_quirk)]
    quirk: Vec<String>,
}

/// The quirk as it is, once it is known to be one.
fn known_quirk(text: &str) -> Result<String, simulators::quirk::QuirkText> {
    Quirks::default().set(text).map(|()| text.to_owned())
}

/// The last part of the help: what stands behind `--quirk`.
pub fn quirks() -> String {
    let mut text = "Quirks (the default is the first value):\n".to_owned();
    for quirk in QUIRKS {
        let usage = format!("{}={}", quirk.name, quirk.values);
        text.push_str(&format!("  {usage:<62}  {}\n", quirk.meaning));
    }
    text.push_str("\nExample:\n  --quirk documentation-manager=forbidden --client \"Acme Corp\"");
    text
}

pub async fn run(arguments: PassportalArguments, output: Output) -> anyhow::Result<ExitCode> {
    let mut options = Options {
        in_use: !arguments.empty,
        ..Options::default()
    };
    if !arguments.client.is_empty() {
        options.clients = arguments.client;
    }
    for quirk in &arguments.quirk {
        options.quirks.set(quirk)?;
    }
    let (key, secret) = (options.access_key_id.clone(), options.secret_access_key.clone());
    let clients = options.clients.clone();
    let bind = SocketAddr::new(arguments.address, arguments.port);
    let simulator = Passportal::start(options, bind)
        .await
        .with_context(|| format!("listening on {bind}; is another program there? Choose another --port"))?;
    let url = simulator.base_url();
    let document = serde_json::json!({
        "base_url": url, "access_key_id": key, "secret_access_key": secret, "clients": clients,
        "quirks": arguments.quirk,
    });
    output.show(&document, || {
        format!(
            "A simulated Passportal with the clients {} listens on {url}\n\n\
             Access key    {key} / {secret}\n\n\
             Connect to it from another terminal:\n\
             \x20 RMMBRIDGE_SECRET_ACCESS_KEY={secret} rmmbridge connect passportal --base-url {url} --set access_key_id={key} --allow-private-hosts\n\n\
             Somebody creates a client there:  curl {url}/simulator/clients -H 'content-type: application/json' -d '{{\"name\": \"Fabrikam Labs\"}}'\n\
             Documentation Manager goes:       curl {url}/simulator/quirks -H 'content-type: application/json' -d '{{\"quirk\": \"documentation-manager=forbidden\"}}'\n\
             What it holds:                    curl {url}/simulator/records\n\n\
             Ctrl-C ends it.",
            clients.join(", ")
        )
    })?;
    tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")?;
    simulator.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
