//! What waits for a person, answered in a browser: which of two assets a device is, what is left alone, what was
//! taken back, and which differences are fine as they are.

use super::populated::Populated;
use crate::tenant::typed_twice;
use e2e::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_and_differences_accepted_on_their_pages() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let hub = Populated::new().await;
    let matching = hub.program.run(&["match", "--json"]);
    let matching: serde_json::Value = serde_json::from_str(&matching.out).unwrap();
    let rows = matching.as_array().unwrap();
    let open = rows.iter().find(|row| row["match"]["status"] == "undecided");
    let open = open.unwrap_or_else(|| panic!("{matching:#}"));
    let organization = open["organization"]["name"].as_str().unwrap().to_owned();
    let store = hub.program.store().await;
    let (device, _) = typed_twice(&hub.program, &store, &organization).await;
    store.close().await;
    let assets = hub.program.json(&["assets", "--limit", "100"]);
    let mut devices = assets.as_array().unwrap().iter();
    let mut next = || devices.find_map(|asset| asset["asset"]["source_id"].as_str());
    let (one, another) = (next().unwrap(), next().unwrap());
    let lab = ["errors", "ignore", one, "--reason", "a lab machine"];
    let lab = hub.program.json(&lab)[0]["label"].as_str().unwrap().to_owned();
    // The command hands it to the program that serves.
    let runs = hub.program.json(&["runs"]);
    let mut runs = runs.as_array().unwrap().iter();
    let run = runs.find(|run| run["kind"] == "apply").unwrap()["id"]
        .as_str()
        .unwrap();
    hub.program.works(&["undo", run, "--record", another, "--yes"]);
    hub.sign_in(&browser).await;
    let bridge = browser.attribute("a[href$='/questions']", "href").await;
    browser.go(&format!("{}{bridge}", hub.address)).await;
    browser.sees("Which one is it?").await;
    browser.sees("Taken back, and waiting").await;
    browser.unfold("1 left alone on purpose").await;
    browser.looked_at("questions").await;
    browser.press(&format!("Plan again {lab}")).await;
    browser.sees("planned again from now on").await;
    browser.press("Release it").await;
    browser.sees("One record is released").await;
    browser.tick("typed in January").await;
    browser.press("It is this one").await;
    browser.sees("Nothing waits").await;
    assert_eq!(
        hub.program.run(&["duplicates"]).code,
        Some(0),
        "device {device} is linked"
    );
    browser
        .go(&format!(
            "{}{}",
            hub.address,
            bridge.replace("questions", "differences")
        ))
        .await;
    browser.sees("Only in the source").await;
    browser.looked_at("differences").await;
    let first = browser
        .attribute("tbody input[type=checkbox]", "aria-label")
        .await;
    browser.tick(&first).await;
    browser.fill("Fine as it is, since", "a printer on loan").await;
    browser.press("Accept what is ticked").await;
    browser.sees("One difference is accepted").await;
    browser.close().await;
    hub.end().await;
}
