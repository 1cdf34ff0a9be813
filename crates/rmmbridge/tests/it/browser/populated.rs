//! A hub with an estate in it, served, and somebody who signs in: what every page is looked at with.

use crate::program::{Program, Running};
use crate::tenant::bridge;
use e2e::Browser;
use simulators::ninjaone::{NinjaOne, Options};

/// A hub that serves, with NinjaOne connected, organizations matched, assets written, and a plan that waits.
pub struct Populated {
    /// Where its pages are.
    pub address: String,
    /// Commands on its data.
    pub program: Program,
    serving: Running,
    ninja: NinjaOne,
}

impl Populated {
    /// Makes one.
    pub async fn new() -> Self {
        let options = Options {
            devices: 300,
            organizations: Some(8),
            ..Options::default()
        };
        let ninja = NinjaOne::start_on_loopback(options).await.unwrap();
        let program = Program::new();
        bridge(&program, &ninja, "humanizeit");
        let names: Vec<String> = ninja.organizations().into_iter().map(|(_, name)| name).collect();
        // A client that is there already, one that is spelt a little differently, an organization that is left alone,
        // and two questions that stay open.
        let clients = format!("name\n\"{}\"\n\"{}x\"\n", names[0], names[1]);
        let clients = program.file("clients.csv", clients);
        program.works(&["import", "clients", &clients]);
        program.run(&["plan", "--read"]);
        program.run(&["match", "exclude", &names[2]]);
        for name in &names[3..6] {
            program.run(&["match", "create", name]);
        }
        program.works(&["plan"]);
        program.works(&["apply"]);
        ninja.let_a_day_pass(0.2);
        program.works(&["plan", "--read"]);
        program.works(&["people", "add", "demo", "--role", "owner"]);
        // Nobody asks it, but pages show that it is there.
        let provider = [
            "people",
            "provider",
            "set",
            "--name",
            "Company account",
            "--issuer",
            "https://login.example.com",
            "--client-id",
            "hub",
            "--secret",
        ];
        program.works_with(&provider, "a-secret\n");
        let serving = program.start(&["serve", "--listen", "127.0.0.1:0"]);
        let ready = serving.says("serve: ready on ");
        let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
        Self {
            address,
            program,
            serving,
            ninja,
        }
    }

    /// Signs a browser in.
    pub async fn sign_in(&self, browser: &Browser) {
        let listen = self.address.strip_prefix("http://").unwrap();
        let link = self.program.json(&["people", "link", "demo", "--listen", listen]);
        browser.go(link["link"].as_str().unwrap()).await;
        browser.heading("Sign in by link").await;
        browser.press("Sign in").await;
        browser.heading("Overview").await;
    }

    /// Ends it.
    pub async fn end(self) {
        self.serving.signal("INT");
        let ended = self.serving.end();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        self.ninja.shutdown().await;
    }
}
