//! `simulate`: a stand-in for a vendor, to try things without an account.

mod identity;
mod passportal;

use super::connect::CALLBACK_PATHS;
use crate::output::Output;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use simulators::faults::{EFFECTS, Fault};
use simulators::ninjaone::oauth::Rotation;
use simulators::ninjaone::{KeyPair, NinjaOne, Options, QUIRKS, Quirks};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum SimulateCommand {
    /// NinjaOne: OAuth, API v2 and the legacy API v1 with a made-up estate
    #[command(after_long_help = quirks_and_effects())]
    Ninjaone(NinjaOneArguments),
    /// Passportal: its documents API, with a few clients and the documents they have
    #[command(after_long_help = passportal::quirks())]
    Passportal(passportal::PassportalArguments),
    /// An identity provider (OpenID Connect), whose people need no password
    #[command(after_long_help = identity::slips())]
    Identity(identity::IdentityArguments),
}

#[derive(Debug, Args)]
pub struct NinjaOneArguments {
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8410)]
    port: u16,

    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// How many devices the estate has
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    devices: u32,

    /// How many organizations; a fiftieth of the devices when not given
    #[arg(long)]
    organizations: Option<usize>,

    /// What the estate is made from: the same seed gives the same estate
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How long every request takes at least, in milliseconds
    #[arg(long, default_value_t = 0, value_name = "MS")]
    latency: u64,

    /// What a refresh does to the refresh token: rotate (the old one is dead), grace[=SECONDS], static
    #[arg(long, default_value = "rotate")]
    rotation: Rotation,

    /// A behaviour that NinjaOne leaves open, as NAME or NAME=VALUE; may be given several times. --help lists them
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = known_quirk)]
    quirk: Vec<String>,

    /// Something that goes wrong, such as "GET /v2/devices*: 429 x3"; may be given several times. --help lists the
    /// effects
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,

    /// A redirect URI to register with the demo app, besides those of `rmmbridge connect`
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
}

/// The quirk as it is, once it is known to be one.
fn known_quirk(text: &str) -> Result<String, simulators::ninjaone::QuirkText> {
    Quirks::default().set(text).map(|()| text.to_owned())
}

/// The last part of the help: what stands behind `--quirk` and `--fault`.
fn quirks_and_effects() -> String {
    let mut text = "Quirks (the default is the first value):\n".to_owned();
    for quirk in QUIRKS {
        let usage = format!("{}={}", quirk.name, quirk.values);
        text.push_str(&format!("  {usage:<42}  {}\n", quirk.meaning));
    }
    text.push_str(
        "\nFaults are written [METHOD] PATH: EFFECT [after=N] [xN]. In the path * stands for any characters, and every\n\
         API prefix is written as /v2. after=N lets N requests through first, xN strikes N times; without it, always.\n\
         Effects:\n",
    );
    for (usage, meaning) in EFFECTS {
        text.push_str(&format!("  {usage:<42}  {meaning}\n"));
    }
    text.push_str(
        "\nExamples:\n  \
         --fault \"GET /v2/devices-detailed*: 429 retry-after=2 x3\"\n  \
         --fault \"/v2/devices*: wrong-type field=system.serialNumber value=7 every=10\"\n  \
         --fault \"/ws/oauth/token: 503 after=1\" --rotation grace=30 --quirk without=volumes",
    );
    text
}

pub async fn run(command: SimulateCommand, output: Output) -> anyhow::Result<ExitCode> {
    match command {
        SimulateCommand::Ninjaone(arguments) => ninjaone(arguments, output).await,
        SimulateCommand::Passportal(arguments) => passportal::run(arguments, output).await,
        SimulateCommand::Identity(arguments) => identity::run(arguments, output).await,
    }
}

async fn ninjaone(arguments: NinjaOneArguments, output: Output) -> anyhow::Result<ExitCode> {
    let mut options = Options {
        devices: usize::try_from(arguments.devices)?,
        organizations: arguments.organizations,
        seed: arguments.seed,
        latency: Duration::from_millis(arguments.latency),
        ..Options::default()
    };
    for quirk in &arguments.quirk {
        options.quirks.set(quirk)?;
    }
    options.oauth.rotation = arguments.rotation;
    for uri in &arguments.redirect_uri {
        options.oauth = options.oauth.with_redirect_uri("demo-web", uri);
    }
    let bind = SocketAddr::new(arguments.address, arguments.port);
    let simulator = NinjaOne::start(options, bind)
        .await
        .with_context(|| format!("listening on {bind}; is another program there? Choose another --port"))?;
    let faults = arguments.fault.len();
    for fault in arguments.fault {
        simulator.faults().add(fault);
    }
    let url = simulator.base_url();
    let keys = KeyPair::demo();
    let document = serde_json::json!({
        "base_url": url,
        "web_app": { "client_id": "demo-web", "client_secret": "demo-web-secret" },
        "machine_app": { "client_id": "demo-machine", "client_secret": "demo-machine-secret" },
        "api_v1": { "access_key_id": keys.id, "secret_access_key": keys.secret },
        "technician": { "email": "tech@example.test", "password": "demo-password" },
        "callback_paths": CALLBACK_PATHS,
        "quirks": arguments.quirk,
        "faults": simulator.faults().standing(),
    });
    output.show(&document, || {
        let faults = match faults {
            0 => String::new(),
            n => format!("Faults in force: {n}; how often each struck: curl {url}/simulator/faults\n"),
        };
        format!(
            "A simulated NinjaOne with {} devices listens on {url}\n\n\
             Web app       demo-web / demo-web-secret\n\
             Machine app   demo-machine / demo-machine-secret\n\
             Technician    tech@example.test / demo-password\n\
             API v1 keys   {} / {}\n\n\
             Connect to it from another terminal:\n\
             \x20 RMMBRIDGE_CLIENT_SECRET=demo-web-secret rmmbridge connect --base-url {url} --client-id demo-web --allow-private-hosts\n\
             or, with the legacy keys:\n\
             \x20 RMMBRIDGE_SECRET_ACCESS_KEY={} rmmbridge connect ninjarmm --base-url {url} --set access_key_id={} --allow-private-hosts\n\n\
             {faults}\
             A day passes:  curl -X POST {url}/simulator/day -H 'content-type: application/json' -d '{{\"share\": 0.02}}'\n\
             What it saw:   curl {url}/simulator/requests\n\n\
             Ctrl-C ends it.",
            arguments.devices, keys.id, keys.secret, keys.secret, keys.id
        )
    })?;
    tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")?;
    simulator.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
