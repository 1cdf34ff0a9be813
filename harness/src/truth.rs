//! What the directory ought to hold of each device, by the word of the simulated source itself.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use simulators::ninjaone::NinjaOne;
use std::collections::BTreeMap;

/// The devices of an account as its API tells of them, by id. Asked over HTTP, so that nothing of ours is between.
///
/// # Errors
/// When the simulator does not answer as it should.
pub async fn devices(ninja: &NinjaOne) -> anyhow::Result<BTreeMap<String, Value>> {
    let token = ninja
        .grants()
        .access_token_for("demo-machine", None, &["monitoring"]);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut found = BTreeMap::new();
    let mut after = 0;
    loop {
        let page: Vec<Value> = client
            .get(format!(
                "{}/v2/devices-detailed?pageSize=500&after={after}",
                ninja.base_url()
            ))
            .bearer_auth(&token)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last["id"].as_i64().context("a device without an id")?;
        for device in page {
            let id = device["id"].as_i64().context("a device without an id")?;
            found.insert(id.to_string(), device);
        }
    }
}

fn said<'a>(device: &'a Value, names: &[&str]) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| device.pointer(name)?.as_str());
    texts.map(str::trim).find(|text| !text.is_empty())
}

/// The values the harness's mapping (`hub.rs`) writes of a device; those that are absent are not written.
pub fn expected(device: &Value) -> BTreeMap<&'static str, &str> {
    let name = said(device, &["/displayName", "/systemName", "/dnsName"]);
    let serial = said(device, &["/system/serialNumber"]);
    let values = [("name", name), ("serial_number", serial)];
    values
        .into_iter()
        .filter_map(|(field, value)| Some((field, value?)))
        .collect()
}

/// Refuses an asset that does not say what its device does.
///
/// # Errors
/// What differs.
pub fn agrees(asset: &Value, device: &Value) -> anyhow::Result<()> {
    for (field, wanted) in expected(device) {
        let stands = asset[field].as_str().unwrap_or_default();
        ensure!(
            stands == wanted,
            "{field} of asset {} is `{stands}`, and its device {} says `{wanted}`",
            asset["id"],
            device["id"]
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_asset_says_what_its_device_does() {
        let device =
            json!({"id": 7, "displayName": "", "systemName": "PC-7", "system": {"serialNumber": "S7"}});
        let asset = json!({"id": "ast_1", "name": "PC-7", "serial_number": "S7"});
        agrees(&asset, &device).unwrap();
        let other = json!({"id": "ast_1", "name": "PC-8", "serial_number": "S7"});
        assert!(
            agrees(&other, &device)
                .unwrap_err()
                .to_string()
                .contains("`PC-8`")
        );
        let bare = json!({"id": 7, "systemName": "PC-7"});
        agrees(&asset, &bare).unwrap();
    }
}
