//! The simulated Passportal, as somebody with the vendor's pages in hand would speak to it.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use simulators::passportal::{Options, Passportal};

/// HMAC-SHA256 of `abc` with the demo secret, made by another program.
const HASH: &str = "7b92b2497e62e2e742ffdf36e89589de669662cc18fec9d307bdc7b026fd9093";

async fn start(quirks: &[&str]) -> Passportal {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut options = Options::default();
    for quirk in quirks {
        options.quirks.set(quirk).unwrap();
    }
    Passportal::start_on_loopback(options).await.unwrap()
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn token(sim: &Passportal, client: &Client) -> String {
    let request = client
        .post(format!("{}/api/v2/auth/client_token", sim.base_url()))
        .header("x-key", "DEMOPASSPORTALKEY")
        .header("x-hash", HASH)
        .form(&[("scope", "docs_api"), ("content", "abc")]);
    let (status, body) = answer(request).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["expiry_time"].is_u64() && body["refresh_token"].is_string());
    body["access_token"].as_str().unwrap().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test client needs no limits of ours")]
fn http() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

#[tokio::test]
async fn a_token_is_had_by_a_hash_and_lasts_its_time() {
    let sim = start(&[]).await;
    let client = http();
    let url = format!("{}/api/v2/auth/client_token", sim.base_url());
    for (key, hash) in [("DEMOPASSPORTALKEY", "00"), ("another", HASH)] {
        let request = client.post(&url).header("x-key", key).header("x-hash", hash);
        let (status, body) = answer(request.json(&json!({ "scope": "docs_api", "content": "abc" }))).await;
        assert_eq!((status.as_u16(), &body["code"]), (401, &json!(1000)), "{body}");
        assert_eq!(body["message"], "Key verification failed");
    }
    let token = token(&sim, &client).await;
    let documents = format!("{}/api/v2/documents", sim.base_url());
    let list = || client.get(&documents).header("x-access-token", &token);
    assert_eq!(answer(list()).await.0, 200);
    let (status, body) = answer(client.get(&documents)).await;
    assert_eq!((status.as_u16(), &body["code"]), (401, &json!(1006)), "{body}");
    sim.expire_tokens();
    assert_eq!(answer(list()).await.0, 401);
}

#[tokio::test]
async fn lists_go_by_pages_and_end_empty_and_new_documents_are_answered_without_an_id() {
    let sim = start(&["largest-page=2"]).await;
    let client = http();
    let token = token(&sim, &client).await;
    let ask = |path: &str| {
        client
            .get(format!("{}/api/v2{path}", sim.base_url()))
            .header("x-access-token", &token)
    };
    let (_, body) = answer(ask("/documents/clients?resultsPerPage=100")).await;
    assert_eq!(body["results"].as_array().unwrap().len(), 2);
    assert_eq!(body["results"][1]["name"], "M\u{fc}ller &amp; S\u{f6}hne GmbH");
    let own = body["results"][0]["id"].clone();
    assert_eq!(
        answer(ask("/documents/clients?pageNum=3")).await.1["results"],
        json!([])
    );
    let (status, body) = answer(ask("/documents?pageNum=0")).await;
    assert_eq!(status, 404, "{body}");
    assert!(body["message"].as_str().unwrap().contains("between 1 and 9999"));

    let new = json!({
        "templateUid": "TPL-59", "clientId": own, "title": "PC-1",
        "8": { "name": "Serial Number", "description": "", "value": { "type": "string", "text": "S-1" } },
        "31": { "name": "ID", "value": { "type": "string", "text": "7" } },
    });
    let post = client
        .post(format!("{}/api/v2/documents", sim.base_url()))
        .header("x-access-token", &token);
    let (status, body) = answer(post.json(&new)).await;
    assert_eq!((status.as_u16(), body), (200, json!({ "success": "true" })));
    let (_, body) = answer(ask(&format!(
        "/documents/all?clientId={own}&type=asset&searchTxt=s-1&orderBy=id"
    )))
    .await;
    let row = &body["results"][0];
    assert_eq!((&row["label"], &row["client_id"]), (&json!("PC-1"), &own));
    let (_, body) = answer(ask(&format!("/documents/{}", row["id"]))).await;
    assert_eq!(body["details"]["31"]["value"]["text"], "7");
    assert_eq!(body["details"]["24"], Value::Null);
    let (status, body) = answer(ask("/documents/1")).await;
    assert_eq!((status.as_u16(), &body["message"]), (403, &json!("not found.")));

    // Replaced: what is not named is gone.
    let put = client
        .put(format!("{}/api/v2/documents/{}", sim.base_url(), row["id"]))
        .header("x-access-token", &token);
    let body =
        json!({ "24": { "name": "Operating System", "value": { "type": "string", "text": "Windows" } } });
    assert_eq!(answer(put.json(&body)).await.0, 200);
    let (_, body) = answer(ask(&format!("/documents/{}", row["id"]))).await;
    assert_eq!(body["details"]["24"]["value"]["text"], "Windows");
    assert_eq!(
        (&body["details"]["8"], &body["details"]["31"]),
        (&Value::Null, &Value::Null)
    );
    let delete = client.delete(format!("{}/api/v2/documents/{}", sim.base_url(), row["id"]));
    let (status, body) = answer(delete.header("x-access-token", &token)).await;
    assert_eq!((status.as_u16(), &body["code"]), (405, &json!(3000)));
}

#[tokio::test]
async fn bad_input_is_refused_and_nothing_of_it_is_kept() {
    let sim = start(&[]).await;
    let client = http();
    let token = token(&sim, &client).await;
    let own = sim.clients()[0].0;
    let before = sim.documents().len();
    for (body, words) in [
        (json!({ "clientId": own, "title": "x" }), "templateUid"),
        (
            json!({ "templateUid": "tpl-1", "clientId": own, "title": "x" }),
            "templateUid",
        ),
        (
            json!({ "templateUid": "tpl-59", "clientId": 1, "title": "x" }),
            "clientId",
        ),
        (
            json!({ "templateUid": "tpl-59", "clientId": own, "title": " " }),
            "title",
        ),
        (json!([]), "invalid input"),
        (
            json!([{ "templateUid": "tpl-59", "clientId": own, "title": "good" }, { "templateUid": "tpl-59" }]),
            "title",
        ),
    ] {
        let post = client
            .post(format!("{}/api/v2/documents", sim.base_url()))
            .header("x-access-token", &token);
        let (status, answered) = answer(post.json(&body)).await;
        assert_eq!(status, 400, "{body}");
        assert!(
            answered["message"].as_str().unwrap().contains(words),
            "{answered}"
        );
    }
    assert_eq!(sim.documents().len(), before);
}

#[tokio::test]
async fn its_own_handles_switch_it_from_outside() {
    let sim = start(&[]).await;
    let client = http();
    let post = |path: &str, body: Value| client.post(format!("{}{path}", sim.base_url())).json(&body);
    let (status, _) = answer(post("/simulator/clients", json!({ "name": "Fabrikam" }))).await;
    assert_eq!(status, 201);
    assert_eq!(sim.clients().len(), 4);
    let forbidden = json!({ "quirk": "documentation-manager=forbidden" });
    assert_eq!(answer(post("/simulator/quirks", forbidden)).await.0, 200);
    let token = token(&sim, &client).await;
    let list = client.get(format!("{}/api/v2/documents", sim.base_url()));
    assert_eq!(answer(list.header("x-access-token", token)).await.0, 403);
    for (path, body) in [
        ("/simulator/quirks", json!({ "quirk": "nonsense" })),
        ("/simulator/clients", json!({ "name": "" })),
        (
            "/simulator/faults",
            json!({ "on": "POST /assets", "mode": { "kind": "lost_answer" } }),
        ),
    ] {
        assert_eq!(answer(post(path, body)).await.0, 400, "{path}");
    }
}
