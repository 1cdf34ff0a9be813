//! What an administrator does in NinjaOne before connecting, in the order of HumanizeIT's guide.

use crate::settings::REGIONS;
use connect::GuideStep;
use serde_json::Value;

/// The address of a page of the account that `settings` name; the US where they name none yet.
fn page(settings: &Value, path: &str) -> String {
    let text = |key: &str| {
        settings
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim()
    };
    let of_region = REGIONS.iter().find(|(key, ..)| *key == text("region"));
    let base = match (of_region, text("base_url")) {
        (Some((_, host, _)), _) => format!("https://{host}"),
        (None, base) if base.starts_with("https://") || base.starts_with("http://") => {
            base.trim_end_matches('/').to_owned()
        }
        _ => "https://app.ninjarmm.com".to_owned(),
    };
    format!("{base}{path}")
}

/// The steps.
pub fn steps(settings: &Value, redirects: &[String]) -> Vec<GuideStep> {
    let mut app = vec![
        ("Application platform".to_owned(), "Web".to_owned()),
        ("Name".to_owned(), "Humanize IT API".to_owned()),
    ];
    for (number, redirect) in redirects.iter().enumerate() {
        let name = match (number, redirects.len()) {
            (0, 1) => "Redirect URI".to_owned(),
            (0, _) => "Redirect URI of this rmmbridge".to_owned(),
            _ => format!("Redirect URI {}", number + 1),
        };
        app.push((name, redirect.clone()));
    }
    app.push(("Scopes".to_owned(), "Monitoring".to_owned()));
    app.push((
        "Allowed grant types".to_owned(),
        "Authorization Code and Refresh Token, both".to_owned(),
    ));
    let documentation = page(settings, "/apidocs-beta/authorization/overview");
    let apps = page(settings, "/#/administration/apps/api/client");
    vec![
        GuideStep {
            heading: "Choose the NinjaOne user".to_owned(),
            text: "Access is granted on behalf of a user: decide under which one the client app is made. If that user or \
                   the grant is withdrawn, the connection stops working and is authorized again."
                .to_owned(),
            link: Some(("How NinjaOne's OAuth works".to_owned(), documentation)),
            values: Vec::new(),
        },
        GuideStep {
            heading: "Make a client app".to_owned(),
            text: "Signed in as that user, add a client app with exactly these values. The name is a suggestion. \
                   Monitoring is enough, since rmmbridge only reads from NinjaOne."
                .to_owned(),
            link: Some(("Client apps in NinjaOne".to_owned(), apps)),
            values: app,
        },
        GuideStep {
            heading: "Record the client secret".to_owned(),
            text: "NinjaOne shows it once, right after saving. Record it before you close that page: afterwards only the \
                   client ID is in the list."
                .to_owned(),
            link: None,
            values: Vec::new(),
        },
        GuideStep {
            heading: "Enter both here, and agree".to_owned(),
            text: "Once client ID and secret are saved, NinjaOne's consent page comes up. When you accept it and the grant \
                   works, the connection is complete."
                .to_owned(),
            link: None,
            values: Vec::new(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_lead_to_the_account_s_own_region_or_host() {
        let apps = |settings| steps(&settings, &[]).remove(1).link.unwrap().1;
        assert_eq!(
            apps(json!({})),
            "https://app.ninjarmm.com/#/administration/apps/api/client"
        );
        assert_eq!(
            apps(json!({ "region": "eu" })),
            "https://eu.ninjarmm.com/#/administration/apps/api/client"
        );
        let own = json!({ "region": "custom", "base_url": "https://rmm.example.com/" });
        assert_eq!(
            apps(own),
            "https://rmm.example.com/#/administration/apps/api/client"
        );
        let script = json!({ "region": "custom", "base_url": "javascript:alert(1)" });
        assert!(apps(script).starts_with("https://app.ninjarmm.com/"));
    }
}
