//! Requests that nobody means: bodies made out of the document's own schemas and bent, bytes that are no JSON, odd ids and
//! queries. Each is answered as the document says, and never with a failure of ours.

use super::client::{Call, Client};
use crate::clients::synced;
use crate::world::World;
use jiff::SignedDuration;
use model::ActorRole;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};

/// Requests of each operation.
const TIMES: u64 = 25;

const TEXTS: [&str; 16] = [
    "",
    " ",
    "assets",
    "our tenant",
    "registry",
    "default",
    "1",
    "-1",
    "%",
    "name' OR '1'='1",
    "../../etc/passwd",
    "a\u{0}b",
    "\u{202e}txt.exe",
    "<script>alert(1)</script>",
    "9999-99-99T99:99:99Z",
    "displayName || (((((((((((((((((((((",
];

/// A value of this schema, or one that is not.
fn made(api: &Client, schema: &Value, random: &mut StdRng, depth: u8) -> Value {
    if random.random_ratio(1, 12) || depth > 8 {
        return odd(random);
    }
    let schema = api.resolved(schema);
    for several in ["oneOf", "anyOf"] {
        if let Some(one) = schema[several].as_array().and_then(|all| all.choose(random)) {
            return made(api, one, random, depth + 1);
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        let parts = all.iter().map(|part| made(api, part, random, depth + 1));
        let parts: Vec<Value> = parts.collect();
        let whole = parts.into_iter().filter_map(|part| part.as_object().cloned());
        return Value::Object(whole.flatten().collect());
    }
    if let Some(one) = schema["enum"].as_array().and_then(|all| all.choose(random)) {
        return one.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.choose(random).and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let mut object = Map::new();
            for (name, of) in schema["properties"].as_object().into_iter().flatten() {
                if random.random_ratio(9, 10) {
                    object.insert(name.clone(), made(api, of, random, depth + 1));
                }
            }
            if schema["additionalProperties"].is_object() || random.random_ratio(1, 20) {
                let of = &schema["additionalProperties"];
                object.insert(text(random), made(api, of, random, depth + 1));
            }
            Value::Object(object)
        }
        Some("array") => (0..random.random_range(0..4))
            .map(|_| made(api, &schema["items"], random, depth + 1))
            .collect(),
        Some("integer") => json!(random.random_range(-1..40)),
        Some("boolean") => json!(random.random::<bool>()),
        Some("null") => Value::Null,
        Some("string") => json!(text(random)),
        _ => odd(random),
    }
}

fn text(random: &mut StdRng) -> String {
    match random.random_ratio(1, 20) {
        true => "x".repeat(10_000),
        false => (*TEXTS.choose(random).unwrap()).to_owned(),
    }
}

fn odd(random: &mut StdRng) -> Value {
    let all = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!([]),
        json!({}),
        json!([[[[[]]]]]),
        json!({ "": "" }),
        json!(text(random)),
    ];
    all.choose(random).unwrap().clone()
}

/// The same with a byte that is another one, cut short, with half of a character in it, or brackets instead.
fn spoilt(body: &Value, random: &mut StdRng) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..4) {
        0 => bytes[at] = random.random(),
        1 => bytes.truncate(at),
        2 => bytes = vec![b'['; 200_000],
        _ => bytes.splice(at..at, *b"\\ud800").for_each(drop),
    }
    bytes
}

fn query(api: &Client, operation: &Value, random: &mut StdRng) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        // What waits for a job does so for as long as it is told.
        if parameter["in"] == "query" && parameter["name"] != "wait" && random.random_ratio(2, 3) {
            let value = made(api, &parameter["schema"], random, 6);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            query.append_pair(parameter["name"].as_str().unwrap(), &value);
        }
    }
    query.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_is_answered_as_the_document_says() {
    let world = World::new().await;
    let _ninja = synced(&world).await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let mut api = Client::new();
    let mut random = StdRng::seed_from_u64(7);
    let plans = api.call(&mut owner, "newest_plan", Call::on("assets")).await.body;
    let runs = api.call(&mut owner, "list_runs", Call::default()).await.body;
    let ids = [
        plans["id"].as_str().unwrap().to_owned(),
        runs["items"][0]["id"].as_str().unwrap().to_owned(),
    ];
    let (mut taken, mut refused) = (0, 0);
    for (name, _, _, operation) in api.operations() {
        for _ in 0..TIMES {
            // So that nobody asks too often.
            world.store.clock().advance(SignedDuration::from_secs(1));
            let id = match random.random_ratio(1, 3) {
                true => ids.choose(&mut random).unwrap().clone(),
                false => TEXTS[2..].choose(&mut random).unwrap().to_string(),
            };
            let id = url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
            let id = id.replace('+', "%20");
            let body = api
                .body_of(&operation)
                .map(|schema| made(&api, schema, &mut random, 0));
            let bytes = body
                .as_ref()
                .filter(|_| random.random_ratio(1, 5))
                .map(|body| spoilt(body, &mut random));
            let query = query(&api, &operation, &mut random);
            let call = Call {
                id: &id,
                query: &query,
                body: body.as_ref().filter(|_| bytes.is_none()),
                bytes: bytes.as_deref(),
                ..Call::default()
            };
            let answer = api.call(&mut owner, &name, call).await;
            assert!(
                !answer.status.is_server_error(),
                "{name} {id}?{query}: {} {}\n{body:?}",
                answer.status,
                answer.body
            );
            match answer.status.is_success() {
                true => taken += 1,
                false => refused += 1,
            }
        }
    }
    assert!(
        taken > 100 && refused > 100,
        "{taken} were taken, {refused} refused"
    );
}
