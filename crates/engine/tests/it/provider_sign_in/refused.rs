//! What a provider, or a forger in its place, sends that does not hold.

use super::{HERE, PASSWORD, REDIRECT, World};
use engine::people::Attempt;
use engine::provider_sign_in::Refusal;
use engine::{Error, Verdict};
use jiff::SignedDuration;
use simulators::identity::Slip;
use std::time::Duration;

#[tokio::test]
async fn whatever_does_not_hold_signs_nobody_in_and_says_why() {
    let world = World::new().await;
    let ada = world.person("ada@example.test").await;
    world.link(&ada, "ada").await.unwrap();
    for (slip, why) in [
        (Slip::WrongNonce, "belongs to another sign-in"),
        (Slip::NoNonce, "belongs to another sign-in"),
        (Slip::WrongAudience, "issued to another app"),
        (Slip::FurtherAudience, "issued to another app"),
        (Slip::WrongParty, "issued to another app"),
        (Slip::WrongIssuer, "has another issuer"),
        (
            Slip::Expired,
            "the clock of this machine or of the provider is wrong",
        ),
        (
            Slip::Ahead,
            "the clock of this machine or of the provider is wrong",
        ),
        (Slip::Unsigned, "not signed"),
        (
            Slip::SignedWithSecret,
            "not signed in a way that only the provider can sign",
        ),
        (Slip::BrokenSignature, "signature of the ID token does not hold"),
        (Slip::ForgedKey, "a key the provider does not publish"),
        (Slip::UnknownKey, "a key the provider does not publish"),
        (Slip::WrongAccessToken, "the access token is not the one"),
        (Slip::NoToken, "sent no ID token"),
        (Slip::RefusesCode, "refused the code (invalid_grant)"),
        (Slip::RefusesClient, "An Owner enters the secret again"),
        (Slip::Down, "answered 503"),
        (Slip::WebPage, "text/html"),
    ] {
        world.provider.slip(&[slip]);
        world.store.clock().advance(SignedDuration::from_mins(16));
        let query = world.query(Some("subject-of-ada")).await;
        let refused = world.come_back(&query).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{slip:?}: {refused}");
        assert!(refused.starts_with("Company account: "), "{slip:?}: {refused}");
        for secret in ["demo-oidc-secret", "eyJ"] {
            assert!(!refused.contains(secret), "{slip:?}: {refused}");
        }
        for part in query.split('&').filter(|part| !part.starts_with("iss=")) {
            let value = part.split_once('=').unwrap().1;
            assert!(!refused.contains(value), "{slip:?}: {refused}");
        }
    }
    assert_eq!(world.noted("person.signed_in").await, 0);
    world.provider.slip(&[]);
    world.store.clock().advance(SignedDuration::from_mins(16));
    assert_eq!(world.lets_in("ada").await, "ada@example.test");
}

#[tokio::test]
async fn declining_a_provider_that_is_another_or_away_and_one_that_was_changed_meanwhile() {
    let world = World::new().await;
    let ada = world.person("ada@example.test").await;
    world.link(&ada, "ada").await.unwrap();
    let query = world.query(None).await;
    let declined = world.come_back(&query).await.unwrap_err().to_string();
    assert!(declined.contains("declined"), "{declined}");
    let query = world.query(Some("subject-of-ada")).await;
    let (state, _) = query.split_once("&iss=").unwrap();
    let mixed_up = world
        .come_back(&format!("{state}&iss=https%3A%2F%2Fother.example.test"))
        .await;
    let mixed_up = mixed_up.unwrap_err().to_string();
    assert!(mixed_up.contains("another provider's"), "{mixed_up}");

    for (slip, why) in [
        (Slip::OtherIssuer, "calls itself otherwise"),
        (Slip::NoConfiguration, "answered 404"),
        (Slip::ScriptAsPage, "not https"),
    ] {
        world.provider.slip(&[slip]);
        let refused = world.engine.begin_provider_sign_in(REDIRECT, HERE).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{slip:?}: {refused}");
        let points = world.engine.test_sign_in_provider(&world.console).await.unwrap();
        assert_eq!(points[0].verdict, Verdict::Failed, "{points:?}");
        assert!(points[0].detail.contains(why), "{points:?}");
    }
    world.provider.slip(&[]);
    let points = world.engine.test_sign_in_provider(&world.console).await.unwrap();
    assert!(points.iter().all(|p| p.verdict != Verdict::Failed), "{points:?}");
    assert!(points[0].detail.contains("with one key"), "{points:?}");

    let query = world.query(Some("subject-of-ada")).await;
    world
        .set(|provider| provider.issuer = "https://login.example.test".to_owned())
        .await;
    let changed = world.come_back(&query).await;
    assert!(
        matches!(changed, Err(Error::Provider(Refusal::Changed))),
        "{changed:?}"
    );
    world
        .set(|provider| provider.issuer = "http://127.0.0.1:1".to_owned())
        .await;
    let away = world.engine.begin_provider_sign_in(REDIRECT, HERE).await;
    let away = away.unwrap_err().to_string();
    assert!(away.contains("127.0.0.1:1"), "{away}");
    // The password goes on working whatever becomes of the provider.
    let attempt = Attempt {
        name: "ada@example.test".to_owned(),
        password: PASSWORD.into(),
        from: "elsewhere".to_owned(),
    };
    assert!(world.engine.sign_in(attempt).await.is_ok());
    assert!(
        world
            .engine
            .remove_sign_in_provider(&world.console)
            .await
            .unwrap()
    );
    let none = world.engine.begin_provider_sign_in(REDIRECT, HERE).await;
    assert!(
        matches!(none, Err(Error::Provider(Refusal::NotSetUp))),
        "{none:?}"
    );
}

#[tokio::test]
async fn keys_may_be_changed_at_any_moment_and_the_address_may_be_told_elsewhere() {
    let world = World::new().await;
    world.person("ada@example.test").await;
    world.set(|provider| provider.knows_by_email = true).await;
    // Of somebody else it is not taken.
    world
        .provider
        .slip(&[Slip::AddressAtUserInfo, Slip::WrongSubject]);
    let refusal = world.refuses("ada").await;
    assert!(matches!(refusal, Refusal::NoAddress { .. }), "{refusal:?}");
    world
        .provider
        .slip(&[Slip::AddressAtUserInfo, Slip::SecretInForm]);
    assert_eq!(world.lets_in("ada").await, "ada@example.test");
    let query = world.query(Some("subject-of-ada")).await;
    world.provider.rotate().unwrap();
    assert!(world.come_back(&query).await.is_ok(), "ES256");
    // Another key of that kind, under the same id.
    world.provider.slip(&[Slip::ForgedKey]);
    let forged = world.sign_in("ada").await.unwrap_err().to_string();
    assert!(
        forged.contains("signature of the ID token does not hold"),
        "{forged}"
    );
    world.provider.slip(&[Slip::AddressAtUserInfo]);
    world.provider.rotate().unwrap();
    assert_eq!(world.lets_in("ada").await, "ada@example.test");
}

#[tokio::test]
async fn a_provider_that_takes_too_long_is_given_up() {
    let world = World::new().await;
    world.provider.delay(Duration::from_secs(60));
    let slow = world.engine.begin_provider_sign_in(REDIRECT, HERE).await;
    let slow = slow.unwrap_err().to_string();
    assert!(slow.contains("10 s"), "{slow}");
}

#[tokio::test]
async fn who_fails_often_waits_and_others_do_not() {
    let world = World::new().await;
    for _ in 0..6 {
        let refused = world.sign_in("grace").await;
        assert!(
            matches!(refused, Err(Error::Provider(Refusal::NotInvited { .. }))),
            "{refused:?}"
        );
        world.store.clock().advance(SignedDuration::from_secs(1));
    }
    let waits = world.engine.begin_provider_sign_in(REDIRECT, HERE).await;
    assert!(matches!(waits, Err(Error::TooManyFailures { .. })), "{waits:?}");
    let elsewhere = ("a session", "192.0.2.8");
    let other = world.engine.begin_provider_sign_in(REDIRECT, elsewhere).await;
    assert!(other.is_ok(), "{other:?}");
}
