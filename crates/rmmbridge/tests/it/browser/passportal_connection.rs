//! Passportal on the Connections pages: what its help says before connecting, and an account without Documentation Manager.

use crate::program::{Program, Running};
use e2e::Browser;
use simulators::passportal::{DocumentationManager, Options, Passportal};

#[tokio::test(flavor = "multi_thread")]
async fn p03_p04_p06_p07_p08_p09_p10_the_pages_guide_to_passportal_and_say_what_its_account_lacks() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let mut options = Options::default();
    options.quirks.documentation_manager = DocumentationManager::Forbidden;
    let account = Passportal::start_on_loopback(options).await.unwrap();
    let program = Program::new();
    let demo = program.start(&["demo", "--serve", "--listen", "127.0.0.1:0", "--devices", "20"]);
    let ready = demo.says("serve: ready on ");
    let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
    let hub = Program::in_directory(&program.data_dir().join("demo"));
    let listen = address.strip_prefix("http://").unwrap();
    let link = hub.json(&["people", "link", "demo", "--listen", listen]);
    browser.go(link["link"].as_str().unwrap()).await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;
    let page = |path: &str| format!("{address}{path}");
    let says = async |words: &[&str]| {
        let text = browser.text().await;
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    };

    browser.go(&page("/connections/new?kind=passportal")).await;
    browser.heading("Connect Passportal").await;
    // P03, P04; P06, P07, P08; P09, P10: what Passportal calls its own way is said beside ours.
    says(&[
        "it must be enabled on your Passportal account",
        "contact your Partner Development Manager",
        "Configuration → Integration → API → Generate API Key",
        "Record the secret key, or you will have to generate a new key",
        "Begin here once you have both",
        "Settings on the sidebar with the tab Integration Center",
        "select NinjaRMM API v1 there",
        "Access key ID",
    ])
    .await;
    browser.picture("pages-connect-passportal").await;

    // The keys are good; what the account lacks is a state of its own.
    let mut connect = hub.command(&[
        "connect",
        "passportal",
        "--base-url",
        &account.base_url(),
        "--set",
        "access_key_id=DEMOPASSPORTALKEY",
        "--allow-private-hosts",
    ]);
    connect.env("RMMBRIDGE_SECRET_ACCESS_KEY", "demo-passportal-secret");
    let ran = Running::of(connect).end();
    assert!(
        ran.out.contains("Documentation Manager is not enabled"),
        "{ran:#?}"
    );
    browser.go(&page("/connections")).await;
    browser.heading("Connections").await;
    says(&[
        "Documentation Manager is not enabled",
        "Contact your Partner Development Manager",
    ])
    .await;
    browser.picture("pages-connections-not-enabled").await;
    let all = hub.json(&["check"]);
    let connections = all.as_array().unwrap();
    let ours = connections.iter().find(|c| c["kind"] == "passportal").unwrap();
    assert_eq!(ours["state"]["state"], "not_enabled", "{ours}");
    browser
        .go(&page(&format!("/connections/{}", ours["id"].as_str().unwrap())))
        .await;
    browser.heading("passportal").await;
    says(&[
        "Documentation Manager is not enabled",
        "Partner Development Manager",
    ])
    .await;

    account.set_quirks(|quirks| quirks.documentation_manager = DocumentationManager::On);
    browser.press("Test").await;
    browser.heading("passportal").await;
    says(&["Every point is as it should be.", "Connected"]).await;
    browser.picture("pages-connection-passportal").await;
    browser.close().await;
    demo.signal("INT");
    assert_eq!(demo.end().code, Some(0));
}
