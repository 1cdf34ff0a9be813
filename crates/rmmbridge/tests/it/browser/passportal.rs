//! The Passportal way in a browser, from the keys to the assets: API v1, the client wizard, Finish.

use crate::program::Program;
use e2e::Browser;
use simulators::ninjaone::{KeyPair, NinjaOne, Options};
use store::Store;

const NAMES: [&str; 5] = [
    "Acme Corp",
    "Contoso Clinic",
    "Fabrikam Labs",
    "Northwind Traders",
    "Woodgrove Bank",
];

/// One identical name, one that is close, one that is nobody's.
const CLIENTS: &str = "name\nAcme Corp\nNorthwind Trader\nSomebody Else\n";

async fn ninja() -> NinjaOne {
    let options = Options {
        devices: 60,
        organizations: Some(NAMES.len()),
        ..Options::default()
    };
    let ninja = NinjaOne::start_on_loopback(options).await.unwrap();
    let ids = ninja.organizations().into_iter().map(|(id, _)| id);
    let named: Vec<(u32, &str)> = ids.zip(NAMES).collect();
    assert!(ninja.name_organizations(&named).is_empty());
    ninja
}

/// The registry's clients, by name.
async fn clients(store: &Store) -> Vec<String> {
    let all = store.registry_clients().await.unwrap();
    let mut names: Vec<String> = all.into_iter().map(|client| client.name).collect();
    names.sort_unstable();
    names
}

// P01 P02 P16 P17 P18 P25 P26 P27 P28 P31 P32 P33 P34 P35 P36 P37 P38
#[tokio::test(flavor = "multi_thread")]
async fn p05_to_p12_p14_p15_p19_to_p24_p30_passportal_s_wizard_from_the_keys_to_the_assets() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let (program, ninja) = (Program::new(), ninja().await);
    program.works(&["import", "clients", &program.file("clients.csv", CLIENTS)]);
    let serving = program.start(&["serve", "--listen", "127.0.0.1:0"]);
    let ready = serving.says("serve: ready on ");
    let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
    let listen = address.strip_prefix("http://").unwrap();
    let added = program.json(&["people", "add", "owner", "--role", "owner", "--listen", listen]);
    browser.go(added["link"].as_str().unwrap()).await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;

    // P09, P10: the sidebar leads to all integrations; NinjaRMM is one of them.
    browser.follow("Connections").await;
    browser.heading("Connections").await;
    browser.follow("Connect NinjaRMM API v1").await;
    browser.heading("Connect NinjaRMM API v1").await;
    for part in [
        "Configuration → Integration → API → Generate API Key",
        "If it is lost, it cannot be had again: generate a new API key.",
    ] {
        browser.sees(part).await;
    }
    // P15: wrong keys are reported at Authenticate, and lead no further.
    let keys = KeyPair::demo();
    browser.choose("Region", "Another address").await;
    browser.fill("API address", &ninja.base_url()).await;
    browser.fill("API access key", &keys.id).await;
    browser.fill("API secret key", "not the secret key").await;
    browser.unfold("More settings").await;
    browser.tick("Allow private and loopback hosts").await;
    browser.picture("wizard-keys").await;
    browser.press("Authenticate").await;
    browser.heading("ninjarmm").await;
    let alert = browser.alert().await;
    assert!(!alert.contains("not the secret key"), "{alert}");
    browser.sees("Needs authorization").await;
    assert!(!browser.text().await.contains("Build a bridge"));
    browser.go(&format!("{address}/bridges/new")).await;
    browser.sees("Connect a source first").await;
    // P14: the right ones open the next step.
    browser.follow("Connections").await;
    browser.follow("ninjarmm").await;
    browser.heading("ninjarmm").await;
    browser.fill("API secret key", &keys.secret).await;
    browser.press("Authenticate").await;
    browser.sees("Connected").await;
    browser.follow("Build a bridge").await;
    browser.heading("Build a bridge").await;
    browser.picture("wizard-bridge").await;
    browser.fill("Name", "The Passportal way").await;
    browser.choose("To", "The built-in registry").await;
    browser.tick("Passportal").await;
    // P12: Enable Device Sync is a choice of its own; it is on.
    browser.sees("Enable Device Sync").await;
    browser.press("Build the bridge").await;
    browser.heading("The Passportal way").await;
    browser.sees("Nothing was read yet").await;
    browser.picture("wizard-unread").await;
    browser.press("Read now").await;

    // The list, once everything is read.
    browser.sees("Excluded Records").await;
    browser.heading("The Passportal way").await;
    browser.picture("wizard-list").await;
    browser.follow("Auto-Match all").await;
    browser.sees("1 would be matched").await;
    browser.picture("wizard-auto-match").await;
    browser.press("Match them all").await;
    browser.sees("One organization is matched.").await;
    // P21: Match, in a dialog over the list: what is typed narrows it down.
    browser.follow("Match Northwind Traders").await;
    browser.sees("Which client is Northwind Traders?").await;
    browser.keys("northw").await;
    browser.gone("Somebody Else").await;
    browser.picture("wizard-match").await;
    browser.press("Match Northwind Trader").await;
    browser.sees("Northwind Traders is matched.").await;
    browser.press("Exclude Contoso Clinic").await;
    browser.sees("Contoso Clinic is left alone").await;
    browser.press("Exclude Fabrikam Labs").await;
    browser.sees("Fabrikam Labs is left alone").await;
    // P27, P28: from the Excluded Records another answer can be given.
    browser.follow("Excluded Records 2").await;
    browser.gone("Acme Corp").await;
    browser.press("Create Fabrikam Labs").await;
    browser.sees("Fabrikam Labs: a client will be created.").await;
    browser.follow("All 5").await;
    browser.sees("Acme Corp").await;
    browser.follow("Create Unmatched").await;
    browser.sees("All that are neither matched nor excluded").await;
    browser.picture("wizard-create-unmatched").await;
    browser.tick("All that are neither matched nor excluded").await;
    browser.press("Create them").await;
    browser
        .sees("A client will be created for one organization.")
        .await;

    // P33 to P36: Next, the overview, and nothing written before Finish.
    browser.follow("Next").await;
    browser.sees("What will happen").await;
    browser.picture("wizard-overview").await;
    let store = program.store().await;
    assert_eq!(
        clients(&store).await,
        ["Acme Corp", "Northwind Trader", "Somebody Else"]
    );
    browser.press_twice("Finish").await;
    browser.heading("Finish").await;
    browser.sees("records were written").await;
    browser.picture("wizard-finished").await;
    let jobs = program.json(&["jobs"]);
    let finished = jobs["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|job| job["kind"] == "finish");
    assert_eq!(finished.count(), 1, "{jobs}");

    // P37, P38: the devices stand under their clients; those of excluded ones did not come.
    let there = [
        "Acme Corp",
        "Fabrikam Labs",
        "Northwind Trader",
        "Somebody Else",
        "Woodgrove Bank",
    ];
    assert_eq!(clients(&store).await, there);
    browser.follow("Clients").await;
    browser.heading("Clients").await;
    browser.follow("Woodgrove Bank").await;
    browser.heading("Woodgrove Bank").await;
    browser.sees("Linked").await;
    browser.picture("wizard-client").await;
    let assets = program.json(&["assets", "--limit", "1000"]);
    let assets = assets.as_array().unwrap();
    assert!(!assets.is_empty());
    let strangers = assets
        .iter()
        .filter(|asset| asset.to_string().contains("Contoso Clinic"));
    assert_eq!(strangers.count(), 0, "{assets:#?}");

    // P30 to P32: a later visit changes what was decided, and creates what was left.
    browser.follow("Overview").await;
    browser.heading("Overview").await;
    browser.picture("wizard-overview-page").await;
    browser.follow("The Passportal way").await;
    browser.sees("Excluded Records").await;
    browser.press("Create Contoso Clinic").await;
    browser.sees("Contoso Clinic: a client will be created.").await;
    browser.follow("Next").await;
    browser.press("Finish").await;
    browser.heading("Finish").await;
    browser.sees("records were written").await;
    assert!(clients(&store).await.contains(&"Contoso Clinic".to_owned()));
    browser.close().await;
    serving.signal("INT");
    assert_eq!(serving.end().code, Some(0));
    ninja.shutdown().await;
}
