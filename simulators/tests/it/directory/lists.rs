//! Reading: keys, lists, filters, the index that lags behind.

use super::Desk;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;
use simulators::directory::{Behaviour, Directory, Options};

#[tokio::test]
async fn a_key_is_asked_for_and_may_be_for_reading_only() {
    let desk = Desk::with(Options {
        read_only_key: Some("reader".to_owned()),
        ..Options::default()
    })
    .await;
    let url = format!("{}/api/v1/clients", desk.directory.base_url());
    let bare = async |key: Option<&str>, method: Method| {
        let mut request = super::http().request(method, &url).json(&json!({"name": "x"}));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(bare(None, Method::GET).await, 401);
    assert_eq!(bare(Some("wrong"), Method::GET).await, 401);
    assert_eq!(bare(Some("reader"), Method::GET).await, 200);
    assert_eq!(bare(Some("reader"), Method::POST).await, 403);
    assert_eq!(
        desk.get("/account").await.1["permissions"],
        json!(["read", "write"])
    );
    assert!(desk.ids("/clients").await.is_empty());
}

#[tokio::test]
async fn a_list_ends_where_it_says_so_and_nowhere_else() {
    for short_pages in [false, true] {
        let desk = Desk::behaving(Behaviour {
            short_pages,
            ..Behaviour::default()
        })
        .await;
        let (here, there) = (desk.client().await, desk.client().await);
        let mut made = vec![];
        for n in 0..23 {
            let client = if n % 3 == 0 { &there } else { &here };
            made.push(
                desk.made("/assets", json!({"client_id": client, "name": n.to_string()}))
                    .await,
            );
        }
        assert_eq!(desk.ids("/assets?limit=4").await, made);
        let ours: Vec<_> = made
            .iter()
            .enumerate()
            .filter(|(n, _)| n % 3 != 0)
            .map(|(_, id)| id.clone())
            .collect();
        assert_eq!(desk.ids(&format!("/assets?limit=4&client_id={here}")).await, ours);
        let pages = desk.directory.effects().of("GET /assets");
        let full = 23_u64.div_ceil(4) + 15_u64.div_ceil(4);
        assert_eq!(pages > full, short_pages, "{pages} pages, {full} full ones");
    }
}

#[tokio::test]
async fn a_list_refuses_what_it_does_not_know() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    desk.client().await;
    let (_, page) = desk.get("/clients?limit=1").await;
    let cursor = page["page"]["next_cursor"].as_str().unwrap();
    let too_many = vec!["ast_1"; 101].join(",");
    for (path, parameter) in [
        ("/clients?name=Acme".to_owned(), "name"),
        ("/clients?limit=0".to_owned(), "limit"),
        ("/clients?limit=201".to_owned(), "limit"),
        ("/clients?cursor=x".to_owned(), "cursor"),
        (format!("/sites?cursor={cursor}"), "cursor"),
        (format!("/clients?external_key=k&cursor={cursor}"), "cursor"),
        ("/assets?include_archived=yes".to_owned(), "include_archived"),
        (format!("/assets?ids={too_many}"), "ids"),
    ] {
        let (status, body) = desk.get(&path).await;
        assert_eq!(
            (status.as_u16(), &body["error"]["path"]),
            (400, &json!(parameter)),
            "{path}"
        );
    }
    assert_eq!(desk.get(&format!("/clients/{client}")).await.0, 200);
    for nowhere in ["/clients/cli_1", "/clients/ast_1000001", "/nothing"] {
        assert_eq!(desk.get(nowhere).await.0, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn the_index_lags_behind_and_a_record_is_found_by_its_id_at_once() {
    let desk = Desk::behaving(Behaviour {
        index_lag_ms: 500,
        ..Behaviour::default()
    })
    .await;
    let client = desk.client().await;
    let id = desk
        .made("/assets", json!({"client_id": client, "external_key": "k"}))
        .await;
    let lists = ["/assets", "/assets?external_key=k", "/clients"];
    desk.clock.advance(SignedDuration::from_millis(499));
    for list in lists {
        assert!(desk.ids(list).await.is_empty(), "{list} knew it already");
    }
    assert_eq!(desk.get(&format!("/assets/{id}")).await.0, 200);
    assert_eq!(
        desk.ids(&format!("/assets?ids={id},ast_9,{id}")).await,
        std::slice::from_ref(&id)
    );
    desk.clock.advance(SignedDuration::from_millis(1));
    for list in lists {
        assert_eq!(desk.ids(list).await.len(), 1, "{list}");
    }
}

#[tokio::test]
async fn the_key_filter_is_exact_and_archived_assets_are_asked_for() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    let mut made = vec![];
    for key in ["k", "K", "k ", "kk", "a/b&c=d"] {
        made.push(
            desk.made("/assets", json!({"client_id": client, "external_key": key}))
                .await,
        );
    }
    assert_eq!(desk.ids("/assets?external_key=k").await, made[..1]);
    assert_eq!(desk.ids("/assets?external_key=a%2Fb%26c%3Dd").await, made[4..]);
    assert_eq!(
        desk.post(&format!("/assets/{}/archive", made[0]), &json!({}))
            .await
            .0,
        200
    );
    assert!(desk.ids("/assets?external_key=k").await.is_empty());
    assert_eq!(
        desk.ids("/assets?external_key=k&include_archived=true").await,
        made[..1]
    );
    assert_eq!(desk.ids("/assets").await.len(), 4);
}

#[tokio::test]
async fn records_outlive_a_restart_where_there_is_a_snapshot() {
    let folder = std::env::temp_dir().join(format!("directory-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let options = Options {
        snapshot: Some(folder.join("records.json")),
        ..Options::default()
    };
    let desk = Desk::with(options.clone()).await;
    let client = desk.client().await;
    let field = json!({"key": "rack", "label": "Rack", "type": "integer"});
    assert_eq!(desk.post("/asset_fields", &field).await.0, 201);
    let asset = json!({"client_id": client, "custom_fields": {"rack": 7}});
    let id = desk.made("/assets", asset.clone()).await;
    let before = desk.directory.records();
    desk.directory.shutdown().await.unwrap();

    let desk = Desk::with(options).await;
    assert_eq!(desk.directory.records(), before);
    assert_ne!(
        desk.made("/assets", asset).await,
        id,
        "an id is never given twice"
    );
    std::fs::remove_dir_all(&folder).unwrap();

    std::fs::create_dir_all(&folder).unwrap();
    let broken = folder.join("broken.json");
    std::fs::write(&broken, "{").unwrap();
    let options = Options {
        snapshot: Some(broken),
        ..Options::default()
    };
    let error = Directory::start(options).await.err().unwrap();
    assert!(
        error.to_string().contains("no snapshot of a directory"),
        "{error}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
