//! A simulated NinjaOne, and the way from a fresh program to a bridge.
//!
//! The tests wait for the program with blocking calls while the simulator answers it on the runtime's own threads:
//! they need `flavor = "multi_thread"`.

use crate::program::{Program, Ran, Running};
use serde_json::Value;
use simulators::ninjaone::{NinjaOne, Options};
use simulators::technician::Technician;
use std::net::TcpListener;
use store::Store;
use store::registry::NewRegistryAsset;
use url::Url;

/// A small estate in four organizations.
pub fn small(devices: usize) -> Options {
    Options {
        devices,
        organizations: Some(4),
        ..Options::default()
    }
}

/// A simulator of a small estate.
pub async fn ninja(devices: usize) -> NinjaOne {
    NinjaOne::start_on_loopback(small(devices)).await.unwrap()
}

/// A simulator of another tenant, whose ids are as small.
pub async fn another_ninja(devices: usize) -> NinjaOne {
    let options = Options {
        seed: 77,
        ..small(devices)
    };
    NinjaOne::start_on_loopback(options).await.unwrap()
}

/// A port nobody listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// `connect` of the machine app, with more arguments.
pub fn connect_machine(program: &Program, base_url: &str, more: &[&str]) -> Ran {
    let secret = program.file("machine-secret", "demo-machine-secret\n");
    let arguments = [
        &[
            "connect",
            "--machine",
            "--base-url",
            base_url,
            "--client-id",
            "demo-machine",
        ][..],
        &["--client-secret-file", &secret, "--allow-private-hosts"],
        more,
    ];
    program.run(&arguments.concat())
}

/// A new program with a connection and a bridge to the registry.
pub fn bridged(ninja: &NinjaOne, preset: &str) -> Program {
    let program = Program::new();
    bridge(&program, ninja, preset);
    program
}

/// Gives a program a connection and a bridge to the registry.
pub fn bridge(program: &Program, ninja: &NinjaOne, preset: &str) {
    let ran = connect_machine(program, &ninja.base_url(), &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    program.works(&["bridge", "add", "--preset", preset]);
}

/// Starts `connect` with the Web app; gives the page to agree on. The redirect URI is registered as an administrator would.
pub fn connect_web(
    program: &Program,
    ninja: &NinjaOne,
    port: u16,
    path: &str,
    more: &[&str],
) -> (Running, Url) {
    let redirect = format!("http://127.0.0.1:{port}{path}");
    assert!(ninja.grants().add_redirect_uri("demo-web", &redirect));
    let (base_url, port) = (ninja.base_url(), port.to_string());
    let arguments = [
        &[
            "connect",
            "--base-url",
            &base_url,
            "--client-id",
            "demo-web",
            "--allow-private-hosts",
            "--no-browser",
        ][..],
        &["--callback-port", &port],
        more,
    ];
    let mut command = program.command(&arguments.concat());
    command.env("RMMBRIDGE_CLIENT_SECRET", "demo-web-secret");
    let running = Running::of(command);
    let line = running.says("  http");
    (running, Url::parse(line.trim()).unwrap())
}

/// Connects by consent, with a technician who agrees.
pub async fn consented(program: &Program, ninja: &NinjaOne, more: &[&str]) -> Ran {
    let port = free_port();
    let (running, page) = connect_web(program, ninja, port, "/ninja/oauth/resp", more);
    let technician = Technician {
        email: "tech@example.test".into(),
        password: "demo-password".into(),
        agrees: true,
    };
    // Somebody else may have installed one already in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    technician
        .consent(&page, &format!("http://127.0.0.1:{port}/"))
        .await
        .unwrap();
    running.end()
}

/// Assets and clients the program holds, counted.
pub fn counted(program: &Program) -> (usize, usize) {
    let assets = program.json(&["assets", "--limit", "100000"]);
    let assets = assets.as_array().unwrap();
    let clients: std::collections::BTreeSet<&str> = assets
        .iter()
        .map(|asset| asset["asset"]["client"].as_str().unwrap())
        .collect();
    (assets.len(), clients.len())
}

/// Makes an organization that has no client yet a client which somebody typed in by hand, with one of its devices twice;
/// the device's id and the two assets.
pub async fn typed_twice(program: &Program, store: &Store, organization: &str) -> (String, [String; 2]) {
    program.run(&["match", "create", organization]);
    let plan = program.run(&["plan", "--all", "--json"]);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    let created: Vec<&Value> = plan["operations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|o| o["action"] == "create_asset" && o["client_label"] == organization)
        .collect();
    let serial = |operation: &Value| operation["fields"]["serialNumber"].as_str().map(str::to_owned);
    // Not a placeholder such as "Default string", nor one that several devices have.
    let (device, serial) = created
        .iter()
        .find_map(|operation| {
            let of = serial(operation)?;
            let same = created.iter().filter(|o| serial(o).as_ref() == Some(&of));
            let device = operation["subject"]["source_id"].as_str().unwrap();
            (!of.contains(' ') && same.count() == 1).then(|| (device.to_owned(), of))
        })
        .unwrap();
    program.run(&["match", "forget", organization]);
    let clients = program.file("typed-clients.csv", format!("name\n\"{organization}\"\n"));
    program.works(&["import", "clients", &clients]);
    let clients = store.registry_clients().await.unwrap();
    let client = clients
        .into_iter()
        .find(|client| client.name == organization)
        .unwrap();
    let typed = ["typed in January", "typed in June"].map(|name| NewRegistryAsset {
        client: client.id.clone(),
        site: None,
        asset_type: None,
        source_id: None,
        marker: None,
        fields: [
            ("name".to_owned(), name.into()),
            ("serialNumber".to_owned(), serial.clone().into()),
        ]
        .into(),
    });
    let added = store.add_registry_assets(&typed).await.unwrap();
    let ids: Vec<String> = added.into_iter().map(|id| id.unwrap().to_string()).collect();
    program.run(&["match", "set", organization, organization]);
    program.run(&["plan"]);
    (device, ids.try_into().unwrap())
}
