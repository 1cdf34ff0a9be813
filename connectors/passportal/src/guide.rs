//! What a person does before connecting, in the order of Passportal's own help on its integration with NinjaRMM.

use super::config::REGIONS;
use connect::GuideStep;
use serde_json::Value;

/// The dashboard of the account that `settings` name; `None` where they name none yet.
fn dashboard(settings: &Value) -> Option<String> {
    let text = |key: &str| {
        settings
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim()
    };
    if let Some((_, host, _)) = REGIONS.iter().find(|(key, ..)| *key == text("region")) {
        return Some(format!("https://{host}/"));
    }
    let base = text("base_url");
    (base.starts_with("https://") || base.starts_with("http://")).then(|| base.to_owned())
}

fn step(heading: &str, text: &str) -> GuideStep {
    GuideStep {
        heading: heading.to_owned(),
        text: text.to_owned(),
        link: None,
        values: Vec::new(),
    }
}

/// The steps.
pub fn steps(settings: &Value) -> Vec<GuideStep> {
    let mut key = step(
        "Make an access key in Passportal",
        "In Passportal: Settings on the sidebar → API Keys → Create access key. The secret access key is shown once: record \
         it before you close that page. If it is lost, make a new access key.",
    );
    key.link = dashboard(settings).map(|url| ("Your Passportal".to_owned(), url));
    vec![
        step(
            "Have Documentation Manager enabled",
            "Devices become asset documents, which are a part of Documentation Manager: it must be enabled on your Passportal \
             account. If it is not, contact your Partner Development Manager at N-able. Once keys are entered here, this page \
             says whether it is.",
        ),
        step(
            "Have the keys of NinjaRMM at hand",
            "Clients and devices come from NinjaRMM. With its legacy API: Configuration → Integration → API → Generate API Key \
             there gives an API access key and an API secret key. Record the secret key, or you will have to generate a new \
             key. Begin here once you have both; NinjaOne's API v2 does as well.",
        ),
        step(
            "Connect NinjaRMM",
            "Where Passportal has Settings on the sidebar with the tab Integration Center, this program has Connections on the \
             sidebar: select NinjaRMM API v1 there and enter the keys. If NinjaRMM is selected in Passportal's own Integration \
             Center too, switch it off there: two programs would keep the same documents.",
        ),
        key,
        step(
            "Enter both parts here",
            "Once the access key ID and the secret are saved, they are tried at once. Passportal's API can create no client: \
             one that is missing is created in Passportal, and found here after Refresh.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn p03_p04_p06_p07_p08_p09_p10_the_guide_says_what_passportal_s_help_says() {
        let steps = steps(&json!({ "region": "uk" }));
        let said: Vec<_> = steps
            .iter()
            .map(|step| format!("{} {}", step.heading, step.text))
            .collect();
        for (at, words) in [
            (0, "must be enabled on your Passportal account"),
            (0, "contact your Partner Development Manager"),
            (1, "Configuration → Integration → API → Generate API Key"),
            (1, "Record the secret key, or you will have to generate a new key"),
            (1, "Begin here once you have both"),
            (2, "Settings on the sidebar with the tab Integration Center"),
            (2, "select NinjaRMM"),
        ] {
            assert!(said[at].contains(words), "{words}: {}", said[at]);
        }
        let link = steps[3].link.as_ref().unwrap();
        assert_eq!(link.1, "https://uk-clover.passportalmsp.com/");
        let script = json!({ "base_url": "javascript:alert(1)" });
        assert_eq!(super::steps(&script)[3].link, None);
    }
}
