//! `simulate identity`.

use crate::output::Output;
use anyhow::Context as _;
use clap::Args;
use simulators::identity::{Account, Identity, Options, SLIPS, Slip};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct IdentityArguments {
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8414)]
    port: u16,

    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// Where people may be sent back to; `rmmbridge people provider show` tells it
    #[arg(
        long,
        value_name = "URI",
        default_value = "http://127.0.0.1:8411/sign-in/provider/callback"
    )]
    redirect_uri: Vec<String>,

    /// Somebody who has an account, by their verified address; may be given several times. Without it there are two
    #[arg(long, value_name = "EMAIL")]
    account: Vec<String>,

    /// Something it does wrong; may be given several times. --help lists them
    #[arg(long, value_name = "NAME", value_parser = slip)]
    slip: Vec<Slip>,
}

fn slip(name: &str) -> Result<Slip, String> {
    let found = SLIPS.iter().find(|(known, _)| *known == name);
    found.map(|(_, slip)| *slip).ok_or_else(|| {
        let known: Vec<&str> = SLIPS.iter().map(|(known, _)| *known).collect();
        format!("write one of {}", known.join(", "))
    })
}

/// The last part of the help: what stands behind `--slip`.
pub fn slips() -> String {
    let known: Vec<&str> = SLIPS.iter().map(|(known, _)| *known).collect();
    format!("What it can do wrong:\n  {}", known.join("\n  "))
}

pub async fn run(arguments: IdentityArguments, output: Output) -> anyhow::Result<ExitCode> {
    let mut options = Options {
        redirect_uris: arguments.redirect_uri,
        ..Options::default()
    };
    if !arguments.account.is_empty() {
        options.accounts = arguments.account.iter().map(|email| Account::of(email)).collect();
    }
    let (id, secret) = (options.client_id.clone(), options.client_secret.clone());
    let bind = SocketAddr::new(arguments.address, arguments.port);
    let simulator = Identity::start(options, bind)
        .await
        .with_context(|| format!("listening on {bind}; is another program there? Choose another --port"))?;
    simulator.slip(&arguments.slip);
    let issuer = simulator.issuer();
    let document = serde_json::json!({ "issuer": issuer, "client_id": id, "client_secret": secret });
    output.show(&document, || {
        format!(
            "A simulated identity provider listens on {issuer}\n\n\
             Set it up from another terminal:\n\
             \x20 echo {secret} | rmmbridge people provider set --name \"Company account\" --issuer {issuer} --client-id {id} --secret --allow-private-hosts\n\n\
             Ctrl-C ends it."
        )
    })?;
    tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")?;
    simulator.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
