//! A token endpoint that lies: whoever reads goes on, or is told why not, and no error shows a token.
//!
//! `RMMBRIDGE_LIAR_SEEDS=200 cargo test -p ninjaone --test it liar` tells each lie with every way to rotate refresh tokens; a
//! test run has one seed, in which the ways take turns.

use crate::consent::consented;
use crate::liar::seeds;
use crate::tenant::{Tenant, options};
use connect::{Error, GrantStore, Kind};
use futures::StreamExt;
use model::Role;
use secrecy::ExposeSecret;
use serde_json::json;
use simulators::faults::Effect;
use simulators::ninjaone::Options;
use simulators::ninjaone::lies::{self, field};
use simulators::ninjaone::oauth::{OauthOptions, Rotation};
use std::time::Duration;

const TOKEN: &str = "/ws/oauth/token";
/// What stands in a bent answer where the new tokens would: nobody may be shown it.
const CANARIES: [(&str, &str); 2] = [
    ("access_token", "canary-in-place-of-the-access-token"),
    ("refresh_token", "canary-in-place-of-the-refresh-token"),
];
const ROTATIONS: [Rotation; 3] = [Rotation::Invalidate, Rotation::Grace(60), Rotation::Static];

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
        let mut answers: Vec<Effect> = lies::answers().into_iter().map(|(effect, _)| effect).collect();
        // One request is lied to here, whether a lie is told once or always.
        answers.dedup();
        let bent = answers.into_iter().map(|effect| (effect, true));
        let bent = bent.chain(lies::tokens().into_iter().map(|(effect, _)| (effect, false)));
        let told = bent.enumerate().map(|(at, (effect, with_canaries))| {
            let rotation = ROTATIONS[(at + seed) % ROTATIONS.len()];
            tell(effect, with_canaries, rotation)
        });
        futures::stream::iter(told)
            .for_each_concurrent(12, |telling| telling)
            .await;
    }
}
