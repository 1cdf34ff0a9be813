//! What NinjaOne's OAuth failures mean and what to do about them.

use crate::settings::regions;
use connect::oauth::{OauthFailure, OauthStep};

/// Advice for a failure; `None` where NinjaOne has no habits of its own.
pub fn explain(failure: &OauthFailure) -> Option<String> {
    let error = failure.error.as_deref().unwrap_or_default();
    let advice = match (failure.step, error) {
        // An unknown client id answers 404 (`Client app not exist`); a redirect URI that is not registered answers
        // 404 too (`HTTP 404 Not Found`).
        (_, "Client app not exist") => unknown_app(),
        (OauthStep::Preflight, _) if failure.status == Some(404) => format!(
            "{}. If both are right, add the redirect URI shown here to the app's redirect URIs, character by character",
            unknown_app()
        ),
        (_, _) if failure.status == Some(404) => unknown_app(),
        (OauthStep::Machine, "unauthorized_client") => {
            "Machine mode needs an app of platform API Services (machine-to-machine) with the grant type Client \
             Credentials; for a Web app choose mode consent"
                .to_owned()
        }
        (_, "unauthorized_client") => {
            "In NinjaOne, edit the app under Administration → Apps → API and tick the grant types Authorization Code \
             and Refresh Token"
                .to_owned()
        }
        (_, "invalid_scope") => {
            "In NinjaOne, edit the app under Administration → Apps → API and tick the scope Monitoring, and the grant \
             type Refresh Token for offline_access"
                .to_owned()
        }
        (_, "access_denied") => {
            "The consent was refused in NinjaOne. Connect again and choose to allow; the person must be allowed to \
             see the organizations to be read"
                .to_owned()
        }
        (_, "invalid_client") => {
            "The client secret does not belong to this client ID. NinjaOne shows a secret only once: make a new one \
             under Administration → Apps → API and enter it here"
                .to_owned()
        }
        (OauthStep::Exchange, "invalid_grant" | "invalid_token" | "expired_token") => {
            "The code was used already, or more than a minute old. Connect again".to_owned()
        }
        (OauthStep::Refresh, "invalid_grant" | "invalid_token" | "expired_token") => {
            "NinjaOne no longer accepts this grant: it ended, or somebody revoked it or replaced the secret. Reconnect"
                .to_owned()
        }
        _ => return None,
    };
    Some(advice)
}

fn unknown_app() -> String {
    format!(
        "NinjaOne does not know this client ID here. An app exists in one region only: check the client ID, and the \
         region: {}, or custom",
        regions()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(step: OauthStep, status: u16, error: &str) -> OauthFailure {
        OauthFailure {
            step,
            status: Some(status),
            error: (!error.is_empty()).then(|| error.to_owned()),
            description: None,
            html: false,
            excerpt: String::new(),
        }
    }

    #[test]
    fn a_wrong_region_is_named_at_every_step() {
        for step in [
            OauthStep::Preflight,
            OauthStep::Exchange,
            OauthStep::Refresh,
            OauthStep::Machine,
        ] {
            let advice = explain(&failure(step, 404, "Client app not exist")).unwrap();
            assert!(
                advice.contains("region") && advice.contains("eu.ninjarmm.com"),
                "{advice}"
            );
            assert!(explain(&failure(step, 404, "")).unwrap().contains("region"));
        }
        assert!(
            explain(&failure(OauthStep::Preflight, 404, "FAILURE"))
                .unwrap()
                .contains("redirect URI")
        );
    }

    #[test]
    fn known_refusals_have_advice_and_unknown_ones_none() {
        for (step, error, word) in [
            (OauthStep::Consent, "access_denied", "refused"),
            (OauthStep::Consent, "invalid_scope", "Monitoring"),
            (OauthStep::Consent, "unauthorized_client", "Refresh Token"),
            (OauthStep::Machine, "unauthorized_client", "API Services"),
            (OauthStep::Exchange, "invalid_client", "secret"),
            (OauthStep::Refresh, "invalid_token", "Reconnect"),
        ] {
            assert!(
                explain(&failure(step, 400, error)).unwrap().contains(word),
                "{error}"
            );
        }
        assert_eq!(explain(&failure(OauthStep::Refresh, 503, "")), None);
    }
}
