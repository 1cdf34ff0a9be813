//! The way in a browser of somebody who has read nothing: from the demo's link over the consent and the clients to field
//! rules on a live device.

use crate::program::Program;
use e2e::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn h55_from_the_demo_s_link_to_the_fixed_fields_and_a_copy_of_them() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let program = Program::new();
    let demo = program.start(&["demo", "--serve", "--listen", "127.0.0.1:0", "--devices", "240"]);
    let ready = demo.says("serve: ready on ");
    let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
    let hub = Program::in_directory(&program.data_dir().join("demo"));
    let listen = address.strip_prefix("http://").unwrap();
    let link = hub.json(&["people", "link", "demo", "--listen", listen]);
    browser.go(link["link"].as_str().unwrap()).await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;

    // Connects NinjaOne by consent in the simulator.
    browser.follow("Connect NinjaOne").await;
    browser.heading("Connect NinjaOne").await;
    browser.fill("Client secret", "demo-web-secret").await;
    browser.press("Save and authorize").await;
    browser.heading("Sign in to NinjaOne").await;
    browser.fill("E-mail address", "tech@example.test").await;
    browser.fill("Password", "demo-password").await;
    browser.press("Sign in").await;
    browser.heading("Allow Demo web app to use NinjaOne?").await;
    browser.press("Approve").await;
    browser.sees("ninjaone is connected: the grant works.").await;

    // Builds the bridge and reads.
    browser.follow("Build a bridge").await;
    browser.heading("Build a bridge").await;
    browser.tick("HumanizeIT").await;
    browser.press("Build the bridge").await;
    browser.sees("Nothing was read yet").await;
    browser.press("Read now").await;

    // Matches clients: all that resemble none get one of their own.
    browser.sees("Excluded Records").await;
    browser.follow("Create Unmatched").await;
    browser.press("Create them").await;
    browser.sees("will be created").await;

    // The fixed fields on a live device: nothing about them can be changed before they are copied.
    browser.follow("Fields").await;
    browser.sees("This mapping is fixed").await;
    browser.sees("systemName || dnsName").await;
    browser.sees("Values of ").await;
    assert!(!browser.text().await.contains("Add a rule"));
    browser.picture("walk-fields-fixed").await;
    browser.press("Copy to edit").await;
    browser.sees("this bridge's own now").await;
    browser.follow("Add a rule").await;
    browser.sees("New rule").await;
    browser
        .fill("Find a part or a value of the device", "nodeClass")
        .await;
    browser.gone("systemName").await;
    browser.picture("walk-rule").await;
    browser.close().await;
    demo.signal("INT");
    let ended = demo.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}
