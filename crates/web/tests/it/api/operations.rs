//! Every operation once, as a program would: connect is done, the rest is the API's.

use super::client::{Call, Client};
use crate::clients::synced;
use crate::world::World;
use axum::http::StatusCode;
use jobs::{Queue, Worker, WorkerOptions};
use model::{ActorRole, Change, RecordId};
use serde_json::{Value, json};
use store::registry::AssetUpdate;
use tokio_util::sync::CancellationToken;

/// The same with a body.
fn with<'a>(id: &'a str, body: &'a Value) -> Call<'a> {
    Call {
        body: Some(body),
        ..Call::on(id)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_document_is_answered_as_it_says() {
    let world = World::new().await;
    let ninja = synced(&world).await;
    let stop = CancellationToken::new();
    let queue = Queue::open(world.store.clone()).await.unwrap();
    let options = WorkerOptions { concurrency: 1 };
    let worker = Worker::begin(world.engine.clone(), queue, &world.console, options, stop.clone());
    let working = tokio::spawn(worker.await.unwrap().run());
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let mut api = Client::new();

    // Look around.
    let connections = api
        .call(&mut owner, "list_connections", Call::default())
        .await
        .body;
    assert_eq!(connections.as_array().unwrap().len(), 2);
    assert!(!connections.to_string().contains("demo-machine-secret"));
    api.call(&mut owner, "show_connection", Call::on("registry"))
        .await;
    let points = api
        .call(&mut owner, "check_connection", Call::on("our%20tenant"))
        .await
        .body;
    assert!(
        points
            .as_array()
            .unwrap()
            .iter()
            .all(|point| point["verdict"] == "passed"),
        "{points}"
    );
    let bridges = api.call(&mut owner, "list_bridges", Call::default()).await.body;
    let bridge = api.call(&mut owner, "show_bridge", Call::on("assets")).await.body;
    assert_eq!(bridges[0]["id"], bridge["id"]);

    // A change of the settings, and one that came too late.
    let mut settings = bridge["settings"].clone();
    settings["archive"] = json!({ "after_snapshots": 3, "after_days": 7 });
    // Names that both sides changed are to be asked about.
    settings["mapping"]["fixed_by"] = Value::Null;
    for rule in settings["mapping"]["rules"].as_array_mut().unwrap() {
        if rule["target"] == "name" {
            rule["owner"] = json!("ask");
        }
    }
    let change = json!({ "generation": bridge["generation"], "settings": settings });
    let changed = api.call(&mut owner, "set_bridge", with("assets", &change)).await;
    assert_eq!(changed.body["settings"]["archive"]["after_days"], 7);
    let late = api.call(&mut owner, "set_bridge", with("assets", &change)).await;
    assert_eq!(
        (late.status, &late.body["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );

    // Matches.
    let query = Call {
        query: "status=matched&per_page=2",
        ..Call::on("assets")
    };
    let page = api.call(&mut owner, "list_organizations", query).await.body;
    assert_eq!(
        (&page["total"], page["items"].as_array().unwrap().len()),
        (&json!(4), 2),
        "{page:#}"
    );
    let organization = page["items"][0]["id"].clone();
    let exclude = json!({ "decisions": [{ "organization": organization, "verdict": "exclude" }] });
    api.call(&mut owner, "decide_organizations", with("assets", &exclude))
        .await;
    let query = Call {
        query: "status=excluded",
        ..Call::on("assets")
    };
    let excluded = api.call(&mut owner, "list_organizations", query).await.body;
    assert_eq!(excluded["items"][0]["id"], organization);
    let back = json!({ "decisions": [{ "organization": organization, "verdict": "take_back" }] });
    api.call(&mut owner, "decide_organizations", with("assets", &back))
        .await;

    // A day passes; plan, look, apply without the first, apply the rest.
    ninja.let_a_day_pass(0.3);
    let wanted = json!({ "read": true });
    let asked = Call {
        once: Some("plan-1"),
        ..with("assets", &wanted)
    };
    let put = api.call(&mut owner, "make_plan", asked).await;
    assert_eq!(put.status, StatusCode::ACCEPTED);
    let address = format!("/api/v1/jobs/{}", put.body["id"].as_str().unwrap());
    assert_eq!(put.headers["location"], address.as_str());
    let again = api.call(&mut owner, "make_plan", asked).await;
    assert_eq!(again.body["id"], put.body["id"], "the same key is the same job");
    let other = json!({ "read": false });
    let reused = Call {
        once: Some("plan-1"),
        ..with("assets", &other)
    };
    let reused = api.call(&mut owner, "make_plan", reused).await;
    assert_eq!(reused.body["code"], "idempotency_key_reused", "{:#}", reused.body);
    let planned = api.follow(&mut owner, &put.body).await;
    assert_eq!(planned["state"], "done", "{planned:#}");
    let id = planned["plan"].as_str().unwrap();
    let plan = api.call(&mut owner, "show_plan", Call::on(id)).await.body;
    assert!(plan["writes"].as_u64().unwrap() > 2, "{plan:#}");
    let newest = api.call(&mut owner, "newest_plan", Call::on("assets")).await.body;
    assert_eq!(newest["id"], plan["id"]);
    let mut operations = Vec::new();
    let mut after = 0;
    loop {
        let query = format!("limit=5&after={after}");
        let call = Call {
            query: &query,
            ..Call::on(id)
        };
        let page = api.call(&mut owner, "list_operations", call).await.body;
        operations.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    let writing: Vec<u64> = operations
        .iter()
        .filter(|operation| operation["writes"] == true)
        .map(|operation| operation["number"].as_u64().unwrap())
        .collect();
    assert_eq!(writing.len() as u64, plan["writes"].as_u64().unwrap());
    let how = json!({ "first": 1, "except": [writing[0]], "confirm": true });
    let put = api.call(&mut owner, "apply_plan", with(id, &how)).await.body;
    let applied = api.follow(&mut owner, &put).await;
    assert_eq!(applied["state"], "done", "{applied:#}");
    let run = applied["run"].as_str().unwrap();
    let run_of = api.call(&mut owner, "show_run", Call::on(run)).await.body;
    assert_eq!(
        (&run_of["done"], &run_of["kind"]),
        (&json!(1), &json!("apply")),
        "{run_of:#}"
    );
    let items = api.call(&mut owner, "list_run_items", Call::on(run)).await.body;
    assert_eq!(items, json!([]));
    let query = Call {
        query: "kind=apply&bridge=assets&trouble=false",
        ..Call::default()
    };
    let runs = api.call(&mut owner, "list_runs", query).await.body;
    assert_eq!(runs["items"][0]["id"], run, "{runs:#}");
    let rest = json!({ "confirm": true });
    let put = api.call(&mut owner, "apply_plan", with(id, &rest)).await.body;
    assert_eq!(api.follow(&mut owner, &put).await["state"], "done");

    // The first record is taken back: its plan says so, and applying it is a run of its own.
    let what = json!({ "operations": [] });
    let put = api.call(&mut owner, "plan_undo", with(run, &what)).await.body;
    let planned = api.follow(&mut owner, &put).await;
    assert_eq!(planned["state"], "done", "{planned:#}");
    let undo = planned["plan"].as_str().unwrap();
    let plan_of_undo = api.call(&mut owner, "show_plan", Call::on(undo)).await.body;
    assert_eq!(plan_of_undo["undoes"], run, "{plan_of_undo:#}");
    let put = api.call(&mut owner, "apply_plan", with(undo, &rest)).await.body;
    let undone = api.follow(&mut owner, &put).await;
    assert_eq!(undone["state"], "done", "{undone:#}");
    let undone = api
        .call(&mut owner, "show_run", Call::on(undone["run"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&undone.body["kind"], &undone.body["undoes"], &undone.body["done"]),
        (&json!("undo"), &json!(run), &json!(1)),
        "{:#}",
        undone.body
    );
    api.call(&mut owner, "resume_bridge", Call::on("assets")).await;

    // Clients and assets.
    let query = Call {
        query: "sort=-name&per_page=1",
        ..Call::default()
    };
    let clients = api.call(&mut owner, "list_clients", query).await.body;
    assert!(clients["total"].as_u64().unwrap() >= 4, "{clients:#}");
    let client = clients["items"][0]["id"].as_str().unwrap();
    let detail = api.call(&mut owner, "show_client", Call::on(client)).await.body;
    assert_eq!(detail["sources"][0]["bridge_name"], "assets", "{detail:#}");
    let query = format!("client={client}&sort=-updated&per_page=3");
    let call = Call {
        query: &query,
        ..Call::default()
    };
    let assets = api.call(&mut owner, "list_assets", call).await.body;
    let asset = assets["items"][0]["id"].as_str().unwrap();
    let detail = api.call(&mut owner, "show_asset", Call::on(asset)).await.body;
    let written = detail["origin"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|origin| origin["run"].is_string());
    assert!(written.count() > 3, "{detail:#}");
    let put = api.call(&mut owner, "sync_client", Call::on(client)).await.body;
    assert_eq!(api.follow(&mut owner, &put).await["state"], "done");

    // Work on the whole, and single records.
    let put = api
        .call(&mut owner, "sync_bridge", with("assets", &rest))
        .await
        .body;
    assert_eq!(api.follow(&mut owner, &put).await["state"], "done");
    let put = api
        .call(&mut owner, "read_connection", Call::on("our%20tenant"))
        .await
        .body;
    assert_eq!(api.follow(&mut owner, &put).await["state"], "done");
    let errors = api.call(&mut owner, "list_errors", Call::on("assets")).await.body;
    assert_eq!(errors, json!([]));
    let page = api
        .call(&mut owner, "list_differences", Call::on("assets"))
        .await
        .body;
    assert_eq!(page["total"], page["items"].as_array().unwrap().len(), "{page:#}");
    let open = &page["items"][0];
    assert!(
        open["accepted"].is_null(),
        "the record that was taken back: {page:#}"
    );
    let known = json!({ "differences": [open["which"]], "reason": "known" });
    api.call(&mut owner, "accept_differences", with("assets", &known))
        .await;
    let query = Call {
        query: "accepted=true",
        ..Call::on("assets")
    };
    let accepted = api.call(&mut owner, "list_differences", query).await.body;
    assert_eq!(accepted["items"][0]["accepted"], "known", "{accepted:#}");
    let count = json!({ "differences": [open["which"]] });
    api.call(&mut owner, "unaccept_differences", with("assets", &count))
        .await;
    let conflicts = api
        .call(&mut owner, "list_conflicts", Call::on("assets"))
        .await
        .body;
    assert_eq!(conflicts["items"], json!([]));
    let old = json!({ "plan": "another", "whose": "destination" });
    let late = api
        .call(&mut owner, "decide_conflicts", with("assets", &old))
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{:#}", late.body);
    // A person types a name; the source has another one.
    let typed = assets["items"].as_array().unwrap().last().unwrap();
    let typed = RecordId::from(typed["id"].as_str().unwrap());
    let before = world.store.registry_asset(&typed).await.unwrap().unwrap().asset;
    let update = AssetUpdate {
        changes: vec![Change {
            field: "name".to_owned(),
            before: before.fields["name"].clone(),
            after: json!("Front desk"),
        }],
        ..AssetUpdate::default()
    };
    let answers = world
        .store
        .update_registry_assets(&[(typed, update)])
        .await
        .unwrap();
    assert!(answers.iter().all(|answer| answer.is_ok()));
    let without_reading = json!({ "read": false });
    let put = api
        .call(&mut owner, "make_plan", with("assets", &without_reading))
        .await
        .body;
    assert_eq!(api.follow(&mut owner, &put).await["state"], "done");
    let conflicts = api
        .call(&mut owner, "list_conflicts", Call::on("assets"))
        .await
        .body;
    let conflict = &conflicts["items"][0];
    assert_eq!(conflict["destination_value"], "Front desk", "{conflicts:#}");
    let decision = json!({
        "plan": conflicts["plan"], "whose": "source",
        "only": [{ "device": conflict["device"], "field": conflict["field"] }],
    });
    let decided = api
        .call(&mut owner, "decide_conflicts", with("assets", &decision))
        .await;
    assert_eq!(decided.body["decided"], 1, "{:#}", decided.body);
    let several = api
        .call(&mut owner, "list_duplicates", Call::on("assets"))
        .await
        .body;
    assert_eq!(several, json!([]));
    let it_is = json!({ "kind": "asset", "source_id": "1", "record": "nobody" });
    let put = api
        .call(&mut owner, "link_duplicate", with("assets", &it_is))
        .await
        .body;
    let linked = api.follow(&mut owner, &put).await;
    assert_eq!(linked["state"], "waiting", "{linked:#}");
    let device = operations
        .iter()
        .find(|o| o["kind"] == "asset" && o["writes"] == true)
        .unwrap();
    let record = json!({ "kind": "asset", "source_id": device["source_id"] });
    let put = api
        .call(&mut owner, "retry_record", with("assets", &record))
        .await
        .body;
    assert_eq!(api.follow(&mut owner, &put).await["state"], "done");
    let ignore = json!({ "records": [record], "reason": "a test" });
    api.call(&mut owner, "ignore_records", with("assets", &ignore))
        .await;
    api.call(&mut owner, "resume_bridge", Call::on("assets")).await;
    let query = Call {
        query: "state=done&bridge=assets&limit=3",
        ..Call::default()
    };
    assert_eq!(
        api.call(&mut owner, "list_jobs", query)
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        3
    );

    // The hub: status, the switch, connections, a second bridge, the audit log.
    let status = api.call(&mut owner, "show_status", Call::default()).await.body;
    assert_eq!(status["bridges"][0]["name"], "assets", "{status:#}");
    let why = json!({ "reason": "looking into it" });
    api.call(&mut owner, "pause_writes", with("", &why)).await;
    let writes = api.call(&mut owner, "show_writes", Call::default()).await.body;
    assert_eq!(writes["pause"]["reason"], "looking into it");
    api.call(&mut owner, "resume_writes", Call::default()).await;
    let paused = api
        .call(&mut owner, "pause_connection", with("registry", &why))
        .await
        .body;
    assert_eq!(paused["state"], "paused");
    let resumed = api
        .call(&mut owner, "resume_connection", Call::on("registry"))
        .await
        .body;
    assert_eq!(resumed["state"], "connected");
    for read_only in [true, false] {
        let body = json!({ "read_only": read_only });
        let set = api
            .call(&mut owner, "set_connection_read_only", with("registry", &body))
            .await
            .body;
        assert_eq!(set["read_only"], read_only);
    }
    let new = json!({ "name": "second", "source": "our tenant", "destination": "registry", "preset": "passportal" });
    let made = api.call(&mut owner, "create_bridge", with("", &new)).await;
    assert_eq!(
        (made.status, &made.body["preset"]),
        (StatusCode::CREATED, &json!("passportal"))
    );
    let query = Call {
        query: "limit=4",
        ..Call::default()
    };
    let audit = api.call(&mut owner, "list_audit", query).await.body;
    assert_eq!(audit["items"][0]["action"], "bridge.added", "{audit:#}");
    let verified = api.call(&mut owner, "verify_audit", Call::default()).await.body;
    assert_eq!(
        (&verified["whole"], &verified["end"]),
        (&json!(true), &json!("not_kept")),
        "{verified:#}"
    );

    assert_eq!(api.not_called(), Vec::<String>::new());
    stop.cancel();
    working.await.unwrap();
    ninja.shutdown().await;
}
