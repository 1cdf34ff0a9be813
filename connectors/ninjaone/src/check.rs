//! The configuration check: every point with NinjaOne's own answer. After a cross the later points are not tried.

use crate::client::Client;
use crate::explain::explain;
use crate::rows::{REFERENCES, Sample, sample};
use connect::oauth::{OauthFailure, OauthStep};
use connect::{CheckPoint, Error, GrantStore, Kind, Mode};
use secrecy::ExposeSecret;
use serde_json::Value;

const POINTS: [&str; 8] = [
    "NinjaOne can be reached",
    "NinjaOne knows the app in this region",
    "The grant works",
    "The scope monitoring is granted",
    "May read organizations",
    "May read devices",
    "Devices come with their details",
    "References are filled in",
];

/// How many devices the last points look at.
const LOOK_AT: usize = 50;

/// What a point came to: what to say, or the cross. `Skip` is neither.
type Finding = Result<String, Cross>;

enum Cross {
    Failed(String),
    Skip(String),
}

impl From<Error> for Cross {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Checks all points in their order.
pub async fn check(client: &Client, grants: &dyn GrantStore) -> Vec<CheckPoint> {
    let mut list = List::default();
    list.add(reach(client).await);
    if list.goes_on() {
        list.add(app_known(client).await);
    }
    if list.goes_on() {
        // One request shows three things; the answer says at which of them it fails.
        let organizations = organizations(client).await;
        list.add(grant_works(client, &organizations));
        if list.goes_on() {
            list.add(scope(client, grants, &organizations).await);
        }
        if list.goes_on() {
            list.add(organizations.map_err(Cross::from));
        }
    }
    if list.goes_on() {
        match devices(client).await {
            Err(error) => list.add(Err(error.into())),
            Ok(sample) => {
                list.add(Ok(match sample.devices {
                    0 => "There is no device yet".to_owned(),
                    count => format!("Read {count} of them"),
                }));
                list.add(details(client, &sample).await);
                if list.goes_on() {
                    list.add(references(client, &sample));
                }
            }
        }
    }
    list.finish()
}

#[derive(Default)]
struct List {
    points: Vec<CheckPoint>,
    failed: bool,
}

impl List {
    fn goes_on(&self) -> bool {
        !self.failed
    }

    fn add(&mut self, finding: Finding) {
        let Some(point) = POINTS.get(self.points.len()).copied() else {
            return;
        };
        self.points.push(match finding {
            Ok(detail) => CheckPoint::passed(point, detail),
            Err(Cross::Skip(detail)) => CheckPoint::not_tried(point, detail),
            Err(Cross::Failed(detail)) => {
                self.failed = true;
                CheckPoint::failed(point, detail)
            }
        });
    }

    fn finish(mut self) -> Vec<CheckPoint> {
        for point in &POINTS[self.points.len()..] {
            self.points
                .push(CheckPoint::not_tried(*point, "An earlier point failed"));
        }
        self.points
    }
}

async fn reach(client: &Client) -> Finding {
    let app = client.config.app()?;
    let answer = client
        .http
        .get_page("reaching NinjaOne", &app.endpoints.token)
        .await?;
    Ok(format!("{} answers ({})", client.config.base, answer.status))
}

/// Asks the token endpoint for a token it cannot give: a refresh token that never existed. An unknown app answers
/// 404, a wrong secret `invalid_client`; what is said of the token itself does not matter. A machine app gets a token.
async fn app_known(client: &Client) -> Finding {
    let app = client.config.app()?;
    let secret = client
        .config
        .client_secret
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let scopes = client.config.scopes.join(" ");
    let (step, mut form) = match client.config.mode {
        Mode::Consent => (
            OauthStep::Refresh,
            vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", "configuration-check"),
            ],
        ),
        Mode::Machine => (
            OauthStep::Machine,
            vec![("grant_type", "client_credentials"), ("scope", scopes.as_str())],
        ),
    };
    form.push(("client_id", &client.config.client_id));
    form.extend(secret.map(|secret| ("client_secret", secret)));
    let doing = "asking NinjaOne whether it knows the app";
    let answer = client
        .http
        .form(doing, &app.endpoints.token, Default::default(), &form)
        .await?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let word = |keys: [&str; 2]| {
        keys.iter()
            .find_map(|key| body.get(key)?.as_str())
            .map(str::to_owned)
    };
    let error = word(["error", "resultCode"]);
    let refused = match (client.config.mode, answer.status) {
        (_, 200..=299) => false,
        (Mode::Consent, 400..=403) => {
            answer.is_html() || matches!(error.as_deref(), Some("invalid_client" | "unauthorized_client"))
        }
        _ => true,
    };
    if !refused {
        return Ok("The client ID and its secret are accepted".to_owned());
    }
    let failure = OauthFailure {
        step,
        status: Some(answer.status),
        description: word(["error_description", "errorMessage"]),
        html: answer.is_html(),
        // A token never gets here: an answer that holds one is no refusal.
        excerpt: answer.excerpt(),
        error,
    };
    let advice = explain(&failure)
        .map(|advice| format!(". {advice}"))
        .unwrap_or_default();
    Err(Cross::Failed(format!(
        "NinjaOne answered {}: {}{advice}",
        answer.status, failure.excerpt
    )))
}

async fn organizations(client: &Client) -> Result<String, Error> {
    let query = [("pageSize", "10".to_owned()), ("after", "0".to_owned())];
    let list = client
        .get_parsed(
            "reading organizations",
            "/organizations",
            &query,
            crate::wire::listed,
        )
        .await?;
    Ok(match list.len() {
        0 => "There is no organization this grant may see".to_owned(),
        count => format!("Read {count} of them"),
    })
}

fn grant_works(client: &Client, organizations: &Result<String, Error>) -> Finding {
    match organizations {
        Err(error) if matches!(error.kind, Kind::Auth | Kind::Configuration | Kind::Storage) => {
            Err(Cross::Failed(error.to_string()))
        }
        _ => Ok(match client.config.mode {
            Mode::Consent => "NinjaOne accepts the token a person consented to".to_owned(),
            Mode::Machine => "NinjaOne accepts the app's own token".to_owned(),
        }),
    }
}

async fn scope(client: &Client, grants: &dyn GrantStore, organizations: &Result<String, Error>) -> Finding {
    if let Err(error) = organizations
        && error.kind == Kind::Forbidden
    {
        return Err(Cross::Failed(error.to_string()));
    }
    let granted = grants
        .load()
        .await
        .map_err(Error::from)?
        .map(|grant| grant.pair.scopes)
        .unwrap_or_default();
    // Some token answers name no scope; then the API's own answers decide.
    if !granted.is_empty() && !granted.iter().any(|scope| scope == "monitoring") {
        return Err(Cross::Failed(format!(
            "NinjaOne granted {}, and not monitoring. Tick the scope Monitoring for the app, then reconnect",
            granted.join(", ")
        )));
    }
    let lacking: Vec<_> = client
        .config
        .scopes
        .iter()
        .filter(|asked| !granted.is_empty() && !granted.contains(asked))
        .map(String::as_str)
        .collect();
    Ok(match (granted.is_empty(), lacking.is_empty()) {
        (true, _) => "Reading is allowed; NinjaOne named no scopes".to_owned(),
        (false, true) => format!("Granted: {}", granted.join(", ")),
        (false, false) => format!(
            "Granted: {}; asked for in vain: {}",
            granted.join(", "),
            lacking.join(", ")
        ),
    })
}

async fn devices(client: &Client) -> Result<Sample, Error> {
    let query = |expand: bool| {
        let mut query = vec![("pageSize", LOOK_AT.to_string()), ("after", "0".to_owned())];
        if expand {
            query.push(("expand", client.config.expand.join(",")));
        }
        query
    };
    let expand = !client.config.expand.is_empty();
    match client
        .get_parsed("reading devices", "/devices-detailed", &query(expand), sample)
        .await
    {
        Err(error) if error.kind == Kind::Invalid && expand => {
            client
                .get_parsed("reading devices", "/devices-detailed", &query(false), sample)
                .await
        }
        sample => sample,
    }
}

async fn details(client: &Client, sample: &Sample) -> Finding {
    if sample.agents == 0 {
        return Err(Cross::Skip(
            "There is no device with an agent to look at".to_owned(),
        ));
    }
    let names: Vec<_> = sample.missing.iter().map(|part| part.name).collect();
    if names.is_empty() {
        return Ok("system, os, volumes and processors are there".to_owned());
    }
    for part in &sample.missing {
        let path = format!("/queries/{}", part.report);
        let query = [("pageSize", "10".to_owned())];
        client
            .get_parsed(
                &format!("reading the report {}", part.report),
                &path,
                &query,
                crate::wire::report,
            )
            .await?;
    }
    Ok(format!(
        "The device list leaves out {}; the reports have it",
        names.join(", ")
    ))
}

fn references(client: &Client, sample: &Sample) -> Finding {
    let asked: Vec<_> = REFERENCES
        .iter()
        .zip(sample.references)
        .filter(|(name, _)| client.config.expand.iter().any(|asked| asked == *name))
        .collect();
    if sample.devices == 0 || asked.is_empty() {
        return Err(Cross::Skip("There is nothing to look at".to_owned()));
    }
    let absent: Vec<_> = asked
        .iter()
        .filter(|(_, count)| *count == 0)
        .map(|(name, _)| **name)
        .collect();
    match absent.as_slice() {
        [] => {
            Ok("organization, location, role and warranty names and dates come with the devices".to_owned())
        }
        // A tenant without any warranty date looks the same as one that ignores this part alone.
        ["warranty"] if asked.len() > 1 => Ok(format!(
            "Names come with the devices; none of the {} looked at has a warranty date",
            sample.devices
        )),
        absent => Err(Cross::Failed(format!(
            "NinjaOne leaves out {}. Names of organizations, locations and roles are looked up in their lists instead; \
             warranty dates stay empty",
            absent.join(", ")
        ))),
    }
}
