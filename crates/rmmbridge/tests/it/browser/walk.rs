//! The whole way in a browser, by somebody who has read nothing: from the demo's link to an asset that says where each of
//! its values came from.

use crate::program::Program;
use e2e::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn h55_from_the_demo_s_link_to_an_asset_that_says_where_its_values_came_from() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let program = Program::new();
    let demo = program.start(&["demo", "--serve", "--listen", "127.0.0.1:0", "--devices", "240"]);
    let ready = demo.says("serve: ready on ");
    let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
    let page = |path: &str| format!("{address}{path}");
    browser.go(&demo.prints("/sign-in/link?token=")).await;
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

    // Matches clients: some are there already, and all that resemble none get one of their own.
    browser.sees("Excluded Records").await;
    browser.sees("same name").await;
    browser.picture("walk-match").await;
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
    browser.choose("Where the value goes", "Create a new field").await;
    browser.fill("Name of the new field", "Device class").await;
    browser.fill("Part of the device", "nodeClas[").await;
    browser.press("Try it").await;
    browser.sees("column").await;
    browser.picture("walk-rule-wrong").await;
    browser.fill("Part of the device", "nodeClass").await;
    browser.press("Try it").await;
    browser.gone("column").await;
    browser.picture("walk-rule").await;
    browser.press("Save the rule").await;
    browser.sees("The rule is kept.").await;
    browser.picture("walk-fields").await;
    browser.follow("Types").await;
    browser
        .sees("A device's role decides the type of its asset")
        .await;
    browser.picture("walk-types").await;

    // Reviews the plan.
    browser.follow("Plan").await;
    browser.sees("No plan yet").await;
    browser.picture("walk-plan-none").await;
    browser.press("Plan from what was read last").await;
    browser.sees("The first 5 records only").await;
    browser.picture("walk-plan").await;
    let plan = browser.address().await;
    browser.go(&format!("{plan}/print")).await;
    browser.sees("Signature").await;
    browser.picture("walk-plan-print").await;
    browser.go(&plan).await;
    browser.sees("The first 5 records only").await;
    browser.press("The first 5 records only").await;
    // Watches: the job becomes a run, the run ends.
    browser.sees("Every record").await;
    browser.sees("Done").await;
    browser.picture("walk-run-first").await;
    browser.go(&plan).await;
    browser.sees("of it written already").await;
    let text = browser.text().await;
    let button = text
        .lines()
        .find(|line| line.starts_with("Apply "))
        .unwrap()
        .to_owned();
    browser.press_twice(&button).await;
    browser.sees("Every record").await;
    browser.sees("Done").await;
    let run = browser.address().await;
    browser.picture("walk-run").await;
    browser.go(&page("/runs")).await;
    browser.heading("Runs").await;
    browser.picture("walk-runs").await;
    // Two applications: the first five, and the rest, once.
    let applied = browser.text().await.matches("Write NinjaOne assets").count();
    assert_eq!(applied, 2, "{}", browser.text().await);

    // Opens an asset.
    browser.go(&page("/clients")).await;
    browser.heading("Clients").await;
    browser.picture("walk-clients").await;
    browser.go(&page("/assets?sort=-updated")).await;
    browser.heading("Assets").await;
    browser.picture("walk-assets").await;
    let asset = browser.attribute("tbody td a[href^='/assets/']", "href").await;
    browser.go(&page(&asset)).await;
    browser.sees("Device class").await;
    browser.sees("the device").await;
    browser.sees("Open in NinjaOne").await;
    browser.picture("walk-asset").await;
    browser
        .go(&page(&browser.attribute("a[href^='/clients/']", "href").await))
        .await;
    browser.sees("Source of its assets").await;
    browser.picture("walk-client").await;

    // The first page draws what was written and leads to it.
    browser.go(&page("/")).await;
    browser.sees("written in 30 days").await;
    browser.sees("nothing left to write").await;
    browser.picture("walk-overview").await;

    // And back: what an undo would put back is looked at first.
    browser.go(&run).await;
    browser.press("Undo …").await;
    browser.sees("takes back what").await;
    browser.picture("walk-undo").await;
    browser.close().await;
    demo.signal("INT");
    let ended = demo.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}
