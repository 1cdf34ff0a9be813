//! A token endpoint that lies: whoever reads goes on, or is told why not, and no error shows a token.
//!
//! `RMMBRIDGE_LIAR_SEEDS=200 cargo test -p ninjaone --test it liar` tells each lie with every way to rotate refresh tokens; a
//! test run has one seed, in which the ways take turns. An answer without end is left out: it takes until the deadline.

use crate::consent::consented;
use crate::liar::seeds;
use crate::tenant::{Tenant, options};
use connect::{Error, GrantStore, Kind};
use futures::StreamExt;
use model::Role;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulators::faults::{Effect, Moment};
use simulators::ninjaone::Options;
use simulators::ninjaone::oauth::{OauthOptions, Rotation};
use std::time::Duration;

const TOKEN: &str = "/ws/oauth/token";
/// What stands in a bent answer where the new tokens would: nobody may be shown it.
const CANARIES: [(&str, &str); 2] = [
    ("access_token", "canary-in-place-of-the-access-token"),
    ("refresh_token", "canary-in-place-of-the-refresh-token"),
];
const ROTATIONS: [Rotation; 3] = [Rotation::Invalidate, Rotation::Grace(60), Rotation::Static];

fn field(name: &str, value: Value) -> Effect {
    Effect::WrongType {
        field: name.to_owned(),
        value,
        every: 1,
    }
}

/// Answers that are bent as a whole.
fn bent_answers() -> Vec<Effect> {
    let reset = |at| Effect::Reset { at };
    let said_to_be = |value: &str| Effect::ContentType {
        value: value.to_owned(),
    };
    let wait = |text: Option<&str>| Effect::TooManyRequests {
        retry_after: text.map(str::to_owned),
    };
    let mut effects = vec![
        Effect::Latency { ms: 20 },
        Effect::SlowBody { ms: 1 },
        Effect::GzipLie,
        Effect::TruncatedJson,
        Effect::InvalidJson,
        reset(Moment::BeforeHeaders),
        reset(Moment::AfterHeaders),
        reset(Moment::MidBody),
        said_to_be("text/html"),
        said_to_be("application/octet-stream"),
        wait(None),
        wait(Some("0")),
        wait(Some("soon")),
        Effect::ThrottlePage { status: 200 },
        Effect::ThrottlePage { status: 503 },
        Effect::ProxyPage { status: 502 },
        Effect::LoginPage,
        Effect::ErrorObject,
        Effect::ExpireTokens,
        Effect::RevokeGrants,
    ];
    let statuses = [302, 400, 401, 403, 404, 409, 413, 500, 501, 503];
    effects.extend(statuses.map(|status| Effect::Status { status }));
    effects.extend([200, 202, 204].map(|status| Effect::EmptyBody { status }));
    effects
}

/// Pairs of which one part is not what it should be.
fn bent_pairs() -> Vec<Effect> {
    let values = [
        ("access_token", json!("")),
        ("access_token", Value::Null),
        ("access_token", json!(17)),
        ("access_token", json!(["one", "two"])),
        ("access_token", json!("no token of ours")),
        ("access_token", json!("no-token-of-this-instance")),
        ("access_token", json!("one line\nand another")),
        ("access_token", json!("tökenwithanumlaut")),
        ("refresh_token", json!("")),
        ("refresh_token", Value::Null),
        ("refresh_token", json!(17)),
        ("refresh_token", json!("no-refresh-token-of-this-instance")),
        ("expires_in", json!(0)),
        ("expires_in", json!(-1)),
        ("expires_in", json!(0.001)),
        ("expires_in", json!(1e308)),
        ("expires_in", json!("3600")),
        ("expires_in", json!("soon")),
        ("expires_in", Value::Null),
        ("expires_in", json!([3600])),
        ("token_type", json!("mac")),
        ("token_type", json!(7)),
        ("token_type", Value::Null),
        ("scope", json!("")),
        ("scope", json!("control")),
        ("scope", json!(17)),
        ("scope", json!(["monitoring"])),
        ("scope", Value::Null),
        ("surprise", json!({"a": [1, 2, 3]})),
    ];
    let dropped = [
        "access_token",
        "refresh_token",
        "expires_in",
        "token_type",
        "scope",
    ];
    let dropped = dropped.map(|name| Effect::DropField {
        field: name.to_owned(),
        every: 1,
    });
    let mut effects = values.map(|(name, value)| field(name, value)).to_vec();
    effects.extend(dropped);
    effects
}

/// The roles, asked for by a process that knows of nothing but the stored grant.
async fn ask(tenant: &Tenant) -> Result<Vec<Role>, Error> {
    let source = tenant.source();
    let roles = tokio::time::timeout(Duration::from_secs(30), source.roles());
    roles.await.expect("an answer comes or is given up")
}

async fn tokens(tenant: &Tenant) -> Vec<String> {
    let grant = tenant.grants.load().await.unwrap().unwrap();
    let refresh = grant.pair.refresh_token.into_iter();
    let both = refresh.chain([grant.pair.access_token]);
    both.map(|token| token.expose_secret().to_owned()).collect()
}

/// Tells one lie to whoever refreshes a token that has ended.
async fn tell(effect: Effect, with_canaries: bool, rotation: Rotation) {
    let lie = format!("{rotation:?}, {effect:?}");
    let oauth = OauthOptions {
        rotation,
        ..OauthOptions::default()
    };
    let tenant = consented(Options { oauth, ..options(10) }, json!({})).await;
    let truth = ask(&tenant).await.unwrap();
    let mut secrets = tokens(&tenant).await;
    tenant.clock.forward(4000);
    if with_canaries {
        for (name, canary) in CANARIES {
            tenant.sim.faults().next(TOKEN, 1, field(name, json!(canary)));
        }
    }
    tenant.sim.faults().next(TOKEN, 1, effect);
    let first = ask(&tenant).await;
    let struck: Vec<u64> = tenant.sim.faults().standing().iter().map(|s| s.struck).collect();
    assert!(struck.iter().all(|count| *count > 0), "{lie}: {struck:?}");
    tenant.sim.faults().clear();
    // Whoever asks next goes on, or is told that a person has to reconnect.
    let second = ask(&tenant).await;
    secrets.extend(tokens(&tenant).await);
    secrets.extend(CANARIES.map(|(_, canary)| canary.to_owned()));
    secrets.push("demo-web-secret".to_owned());
    for (answer, is_first) in [(first, true), (second, false)] {
        match answer {
            Ok(roles) => assert_eq!(roles, truth, "{lie}"),
            Err(error) => {
                let words = format!("{error} {error:?}");
                for secret in &secrets {
                    assert!(!words.contains(secret), "{lie}: {words}");
                }
                assert!(is_first || error.kind == Kind::Auth, "{lie}: {words}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_endpoint_that_lies_costs_a_reconnect_at_most() {
    for seed in seeds() {
        let bent = bent_answers().into_iter().map(|effect| (effect, true));
        let bent = bent.chain(bent_pairs().into_iter().map(|effect| (effect, false)));
        let told = bent.enumerate().map(|(at, (effect, with_canaries))| {
            let rotation = ROTATIONS[(at + seed) % ROTATIONS.len()];
            tell(effect, with_canaries, rotation)
        });
        futures::stream::iter(told)
            .for_each_concurrent(12, |telling| telling)
            .await;
    }
}
