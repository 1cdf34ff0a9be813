//! The simulated identity provider, as a client written from OpenID Connect Core 1.0 meets it.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;
use simulators::clock::SettableClock;
use simulators::identity::{Identity, Options, Slip};
use std::sync::Arc;

const REDIRECT: &str = "https://hub.example.test/callback";
/// The pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Where its clock stands, in seconds since 1970.
const NOW: i64 = 1_768_467_600;

async fn start() -> Identity {
    let options = Options {
        redirect_uris: vec![REDIRECT.to_owned()],
        clock: Arc::new(SettableClock::new(Timestamp::from_second(NOW).unwrap())),
        ..Options::default()
    };
    Identity::start_on_loopback(options).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test client needs no limits of ours")]
fn http() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn authorize(identity: &Identity) -> String {
    format!(
        "{}/authorize?response_type=code&client_id=demo-oidc&scope=openid+email&state=s%261&nonce=n-1&redirect_uri={REDIRECT}\
         &code_challenge={CHALLENGE}&code_challenge_method=S256",
        identity.issuer()
    )
}

/// A code somebody was sent back with.
fn code(identity: &Identity) -> String {
    let back = identity
        .decide(&authorize(identity), Some("subject-of-ada"))
        .unwrap();
    let back = url::Url::parse(&back).unwrap();
    let part = |name: &str| {
        let found = back.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    assert_eq!(
        (part("state"), part("iss")),
        ("s&1".to_owned(), identity.issuer())
    );
    part("code")
}

async fn exchange(identity: &Identity, form: &[(&str, &str)], secret: &str) -> (StatusCode, Value) {
    let answer = http()
        .post(format!("{}/token", identity.issuer()))
        .basic_auth("demo-oidc", Some(secret))
        .form(form)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.json().await.unwrap())
}

fn form(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

/// Header and claims of a token, and whether its signature holds against the published key.
async fn verified(identity: &Identity, token: &str) -> (Value, Value, bool) {
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}");
    };
    let bytes = |text: &str| BASE64.decode(text).unwrap();
    let read = |text: &str| serde_json::from_slice::<Value>(&bytes(text)).unwrap();
    let keys: Value = http()
        .get(format!("{}/keys", identity.issuer()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = &keys["keys"][0];
    let part = |name: &str| bytes(key[name].as_str().unwrap());
    let (header, content, signature) = (read(header), format!("{header}.{claims}"), bytes(signature));
    let held = match key["alg"].as_str().unwrap() {
        "RS256" => RsaPublicKeyComponents {
            n: part("n"),
            e: part("e"),
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, content.as_bytes(), &signature),
        _ => {
            let point = [vec![4], part("x"), part("y")].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(content.as_bytes(), &signature)
        }
    };
    let held = held.is_ok() && (&key["kid"], &key["alg"]) == (&header["kid"], &header["alg"]);
    (header, read(claims), held)
}

#[tokio::test]
async fn a_code_is_redeemed_once_for_a_signed_token_of_who_signed_in() {
    let identity = start().await;
    let configuration: Value = http()
        .get(format!("{}/.well-known/openid-configuration", identity.issuer()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(configuration["issuer"], identity.issuer());
    for (rotated, algorithm) in [(false, "RS256"), (true, "ES256")] {
        if rotated {
            identity.rotate().unwrap();
        }
        let code = code(&identity);
        let (status, body) = exchange(&identity, &form(&code), "demo-oidc-secret").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let (header, claims, held) = verified(&identity, body["id_token"].as_str().unwrap()).await;
        assert!(held, "{header}");
        assert_eq!(header["alg"], algorithm);
        assert_eq!(claims["iss"], identity.issuer());
        for (claim, value) in [
            ("sub", "subject-of-ada"),
            ("aud", "demo-oidc"),
            ("nonce", "n-1"),
            ("email", "ada@example.test"),
        ] {
            assert_eq!(claims[claim], value);
        }
        assert_eq!(claims["email_verified"], true);
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            300
        );
        let access = body["access_token"].as_str().unwrap();
        let told = http()
            .get(format!("{}/userinfo", identity.issuer()))
            .bearer_auth(access);
        let told: Value = told.send().await.unwrap().json().await.unwrap();
        assert_eq!(told["sub"], "subject-of-ada");
        let (status, body) = exchange(&identity, &form(&code), "demo-oidc-secret").await;
        assert_eq!((status.as_u16(), &body["error"]), (400, &"invalid_grant".into()));
    }
}

#[tokio::test]
async fn what_does_not_fit_gets_no_token() {
    let identity = start().await;
    for (at, value) in [(1, "another"), (2, "https://elsewhere.test/"), (3, CHALLENGE)] {
        let code = code(&identity);
        let mut form = form(&code);
        form[at].1 = value;
        let (status, body) = exchange(&identity, &form, "demo-oidc-secret").await;
        assert_eq!(
            (status.as_u16(), &body["error"]),
            (400, &"invalid_grant".into()),
            "{form:?}"
        );
    }
    let waiting = code(&identity);
    let (status, body) = exchange(&identity, &form(&waiting), "another").await;
    assert_eq!((status.as_u16(), &body["error"]), (401, &"invalid_client".into()));
    let good = authorize(&identity);
    for (from, to) in [
        ("client_id=demo-oidc", "client_id=another"),
        ("hub.example.test", "elsewhere.test"),
        ("response_type=code", "response_type=token"),
        ("scope=openid+email", "scope=email"),
        ("S256", "plain"),
        ("state=", "state=1&state="),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        assert!(identity.decide(&bad, Some("subject-of-ada")).is_err(), "{to}");
        let page = http().get(&bad).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{to}");
    }
    assert!(identity.decide(&good, Some("nobody")).is_err());
    let declined = identity.decide(&good, None).unwrap();
    assert!(declined.contains("error=access_denied"), "{declined}");
}

#[tokio::test]
async fn each_slip_of_a_token_is_one() {
    let identity = start().await;
    for slip in [
        Slip::Unsigned,
        Slip::SignedWithSecret,
        Slip::BrokenSignature,
        Slip::ForgedKey,
        Slip::UnknownKey,
        Slip::WrongNonce,
        Slip::NoNonce,
        Slip::WrongAudience,
        Slip::FurtherAudience,
        Slip::WrongParty,
        Slip::WrongIssuer,
        Slip::Expired,
        Slip::Ahead,
    ] {
        identity.slip(&[slip]);
        let code = code(&identity);
        let (_, body) = exchange(&identity, &form(&code), "demo-oidc-secret").await;
        let token = body["id_token"].as_str().unwrap();
        let (header, claims, held) = verified(&identity, token).await;
        let seconds = |claim: &str| claims[claim].as_i64().unwrap();
        let wrong = match slip {
            Slip::Unsigned => !held && header["alg"] == "none" && token.ends_with('.'),
            Slip::SignedWithSecret => !held && header["alg"] == "HS256",
            Slip::BrokenSignature => !held && header["alg"] == "RS256" && header["kid"] == "key-1",
            Slip::ForgedKey => !held && header["kid"] == "key-1",
            Slip::UnknownKey => !held && header["kid"] == "key-0",
            Slip::WrongNonce => held && claims["nonce"] == "another",
            Slip::NoNonce => held && claims["nonce"].is_null(),
            Slip::WrongAudience => held && claims["aud"] == "another-app",
            Slip::FurtherAudience => held && claims["aud"][1] == "another-app",
            Slip::WrongParty => held && claims["azp"] == "another-app",
            Slip::WrongIssuer => held && claims["iss"] != identity.issuer(),
            Slip::Expired => held && seconds("exp") < NOW,
            _ => held && seconds("iat") > NOW,
        };
        assert!(wrong, "{slip:?}: {header} {claims}");
    }
}
