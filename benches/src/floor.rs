//! The floor: the least a program can do that reads every device and stores it. One reader, `serde_json::Value`, one
//! hash to compare, one prepared upsert of the raw text; the same pragmas and the same batches as the product.

use anyhow::Context as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::collections::HashMap;
use std::path::Path;

const PAGE: usize = 1000;

/// Reads all devices of the simulator at `url` into a table in `directory`; how many there were.
pub async fn read(url: &str, directory: &Path) -> anyhow::Result<usize> {
    let options = SqliteConnectOptions::new()
        .filename(directory.join("floor.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-16384");
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS device (id INTEGER PRIMARY KEY, digest BLOB NOT NULL, raw TEXT NOT NULL)",
    )
    .execute(&pool)
    .await?;
    let stored: Vec<(i64, Vec<u8>)> = sqlx::query_as("SELECT id, digest FROM device")
        .fetch_all(&pool)
        .await?;
    let stored: HashMap<i64, Vec<u8>> = stored.into_iter().collect();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let token = token(&http, url).await?;
    let (mut after, mut count) = (0, 0);
    loop {
        let query = format!(
            "{url}/v2/devices-detailed?pageSize={PAGE}&after={after}&expand=organization,location,role,warranty"
        );
        let page: Vec<Value> = http
            .get(query)
            .bearer_auth(&token)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let mut tx = pool.begin().await?;
        for device in &page {
            let id = device["id"].as_i64().context("a device has no id")?;
            let raw = device.to_string();
            let digest = Sha256::digest(&raw).to_vec();
            if stored.get(&id) != Some(&digest) {
                sqlx::query(
                    "INSERT INTO device (id, digest, raw) VALUES ($1, $2, $3)
                     ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, raw = excluded.raw",
                )
                .bind(id)
                .bind(digest)
                .bind(raw)
                .execute(&mut *tx)
                .await?;
            }
            after = id;
        }
        tx.commit().await?;
        count += page.len();
        if page.len() < PAGE {
            pool.close().await;
            return Ok(count);
        }
    }
}

async fn token(http: &reqwest::Client, url: &str) -> anyhow::Result<String> {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "demo-machine"),
        ("client_secret", "demo-machine-secret"),
        ("scope", "monitoring"),
    ];
    let answer: Value = http
        .post(format!("{url}/ws/oauth/token"))
        .form(&form)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(answer["access_token"]
        .as_str()
        .context("no access token")?
        .to_owned())
}
