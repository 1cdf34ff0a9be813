//! The list of assets.

use super::act::LIST;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::table::{Ask, Chip, Column, PER_PAGE, Table};
use crate::ui::time::When;
use crate::ui::{Frame, Section, page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::assets::{AssetOrder, AssetQuery, RegistryAsset};
use jiff::Timestamp;
use model::{ActorRole, RecordId};
use serde_json::Value;

const COLUMNS: [Column; 7] = [
    Column::text("", "Tick"),
    Column::text("name", "Name"),
    Column::text("client", "Client"),
    Column::text("serial", "Serial number"),
    Column::text("", "Model"),
    Column::text("", "Operating system"),
    Column::text("updated", "Changed"),
];

#[derive(Template)]
#[template(path = "assets/list.html")]
struct AssetsPage {
    frame: Frame,
    table: Table,
    rows: Vec<Row>,
    views: Vec<View>,
    /// What the list is narrowed to, as the address has it.
    asked: String,
    may_act: bool,
}

/// A view somebody kept.
struct View {
    name: String,
    address: String,
    is_this: bool,
}

/// An asset as a line of a table.
pub struct Row {
    /// Its id.
    pub id: String,
    /// The address of its page.
    pub address: String,
    /// Its name, or what stands for one.
    pub name: String,
    /// The address of its client's page.
    pub client_address: String,
    /// Its client's name.
    pub client: String,
    /// Its serial number.
    pub serial: String,
    /// Manufacturer and model.
    pub model: String,
    /// Its operating system.
    pub os: String,
    /// When it last changed.
    pub updated: When,
}

/// A field's value as text; empty where there is none.
pub fn text(asset: &RegistryAsset, key: &str) -> String {
    match asset.asset.fields.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What an asset is called.
pub fn name(asset: &RegistryAsset) -> String {
    let name = text(asset, "name");
    if name.trim().is_empty() {
        "(without a name)".to_owned()
    } else {
        name
    }
}

impl Row {
    /// `asset`, seen from `now`.
    pub fn new(asset: &RegistryAsset, now: Timestamp) -> Self {
        let model = [text(asset, "manufacturer"), text(asset, "modelNumber")];
        Self {
            id: asset.asset.id.to_string(),
            address: format!("/assets/{}", asset.asset.id),
            name: name(asset),
            client_address: format!("/clients/{}", asset.asset.client),
            client: asset.client_name.clone(),
            serial: text(asset, "serialNumber"),
            model: model.join(" ").trim().to_owned(),
            os: text(asset, "os"),
            updated: When::new(asset.updated, now),
        }
    }
}

/// What was asked of a list of assets: all, or one client's.
pub fn query(ask: &Ask, client: Option<RecordId>) -> AssetQuery {
    AssetQuery {
        client,
        search: ask.search.clone(),
        archived: ask.filter == "archived",
        order: match ask.sort.as_str() {
            "client" => AssetOrder::Client,
            "serial" => AssetOrder::Serial,
            "updated" => AssetOrder::Updated,
            _ => AssetOrder::Name,
        },
        descending: ask.descending,
        offset: ask.offset(PER_PAGE),
        limit: PER_PAGE,
    }
}

/// The filters of a list of assets.
pub fn chips() -> Vec<Chip> {
    let chips = [("", "In use"), ("archived", "Archived")];
    let chips = chips.into_iter().map(|(value, label)| Chip {
        value: value.to_owned(),
        label: label.to_owned(),
        count: None,
    });
    chips.collect()
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, ask: Ask) -> Result<Response> {
    let (assets, total) = web
        .engine
        .asset_list(&signed_in.actor, &query(&ask, None))
        .await?;
    let now = web.engine.clock().now();
    let asked = Ask {
        page: 1,
        ..ask.clone()
    }
    .query();
    let views = web.engine.saved_views(&signed_in.person, LIST).await?;
    let views = views.into_iter().map(|(name, query)| View {
        name,
        is_this: query == asked,
        address: format!("/assets?{query}"),
    });
    let may_act = signed_in.may(ActorRole::Technician);
    page(&AssetsPage {
        views: views.collect(),
        asked,
        may_act,
        frame: signed_in.frame("Assets", Section::Assets).await?,
        table: Table::new(
            "Assets",
            ask,
            if may_act { &COLUMNS[..] } else { &COLUMNS[1..] },
            total,
        )
        .searched_by("name or serial number")
        .with_chips(chips()),
        rows: assets.iter().map(|asset| Row::new(asset, now)).collect(),
    })
}
