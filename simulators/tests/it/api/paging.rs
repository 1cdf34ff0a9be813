//! `pageSize` and `after`.

use super::{Stand, id_of, options};

#[tokio::test]
async fn pages_of_any_size_give_every_record_once() {
    let stand = Stand::of(230).await;
    for path in [
        "/v2/devices",
        "/v2/devices-detailed",
        "/v2/organizations",
        "/v2/locations",
    ] {
        let whole: Vec<i64> = stand.rows(path).await.iter().map(id_of).collect();
        assert!(whole.windows(2).all(|pair| pair[0] < pair[1]), "{path}");
        assert_eq!(stand.walk(path, 7).await, whole, "{path}");
        assert_eq!(stand.walk(path, whole.len()).await, whole, "{path}");
    }
    assert_eq!(stand.walk("/v2/devices", 50).await.len(), 230);
    let organization = stand.ninja.organizations()[1].0;
    let path = format!("/v2/organization/{organization}/devices");
    let own = stand.rows(&format!("/v2/devices?df=org%3D{organization}")).await;
    assert_eq!(
        stand.walk(&path, 3).await,
        own.iter().map(id_of).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn nothing_but_the_rows_tells_where_a_list_ends() {
    let stand = Stand::of(50).await;
    let response = stand
        .send(reqwest::Method::GET, "/v2/devices?pageSize=10")
        .await
        .unwrap();
    assert!(!response.headers().contains_key("link"));
    let rows: Vec<serde_json::Value> = response.json().await.unwrap();
    assert_eq!(rows.len(), 10);
    let beyond = id_of(stand.rows("/v2/devices").await.last().unwrap());
    assert!(
        stand
            .rows(&format!("/v2/devices?after={beyond}"))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn sizes_out_of_range_are_refused_and_unknown_parameters_ignored() {
    let stand = Stand::of(50).await;
    for query in ["pageSize=0", "pageSize=-1", "pageSize=ten", "after=x"] {
        let (status, _, body) = stand.get(&format!("/v2/devices?{query}")).await;
        assert_eq!(status, 400, "{query}: {body}");
    }
    assert_eq!(
        stand
            .rows("/v2/devices?organizationId=2&nodeClass=MAC")
            .await
            .len(),
        50
    );
}

#[tokio::test]
async fn the_usual_page_and_the_largest_page_are_quirks() {
    let mut options = options(60);
    options.quirks.default_page_size = 20;
    options.quirks.largest_page_size = Some(40);
    let stand = Stand::start(options).await;
    assert_eq!(stand.rows("/v2/devices").await.len(), 20);
    assert_eq!(stand.rows("/v2/devices?pageSize=1000").await.len(), 40);
}
