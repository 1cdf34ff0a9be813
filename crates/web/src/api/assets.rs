//! Assets of the built-in registry: list, and one with where each of its values came from.

use super::caller::{Caller, Read};
use super::failure::{Answer, Failure};
use super::paging::{Page, search};
use super::request::Asked;
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use engine::assets::{AssetDetail, AssetOrder, AssetQuery, RegistryAsset};
use jiff::Timestamp;
use model::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// An asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct Asset {
    /// Its id.
    id: String,
    /// Its client.
    client: String,
    /// Its client's name.
    client_name: String,
    /// The site it stands at.
    site: Option<String>,
    /// Its type.
    asset_type: Option<String>,
    /// The id of the device it is, where one is linked.
    source_id: Option<String>,
    /// Its values, by field: texts, numbers, booleans or null.
    #[schema(value_type = BTreeMap<String, Value>)]
    fields: BTreeMap<String, Value>,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated: Timestamp,
    /// When it was archived.
    #[schema(value_type = Option<String>, format = DateTime)]
    archived: Option<Timestamp>,
}

/// A page of assets.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetPage {
    /// The assets of this page.
    items: Vec<Asset>,
    /// How many there are on all pages.
    total: u64,
    /// The page, from 1.
    page: u64,
    /// Assets of a page.
    per_page: u64,
}

/// An asset with where its values came from.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetWithOrigin {
    /// The asset.
    asset: Asset,
    /// Its values, in the registry's order.
    origin: Vec<FieldOrigin>,
    /// The device it is linked to.
    device: Option<LinkedDevice>,
}

/// One value and where it came from.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldOrigin {
    /// Key of the field.
    field: String,
    /// What people call it.
    label: String,
    /// What stands there.
    value: Value,
    /// The run that wrote exactly this value; null for what a person entered or changed since.
    run: Option<String>,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    written: Option<Timestamp>,
}

/// The device an asset is linked to.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkedDevice {
    /// The name of the bridge that linked them.
    bridge: String,
    /// The device's id at the source.
    id: String,
    /// Its page in the vendor's own pages.
    url: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only assets whose name or serial number contains this, whatever the case
    q: Option<String>,
    /// Only those of this client, by id
    client: Option<String>,
    /// The archived ones instead of those in use
    archived: Option<bool>,
    /// `name`, `serial`, `client` or `updated`; with `-` before it from large to small
    sort: Option<AssetSort>,
    /// The page, from 1
    #[param(minimum = 1)]
    page: Option<u64>,
    /// Assets of a page, 1 to 200; 50 unless given
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
}

/// What assets are sorted by.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub enum AssetSort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "serial")]
    Serial,
    #[serde(rename = "-serial")]
    SerialDown,
    #[serde(rename = "client")]
    Client,
    #[serde(rename = "-client")]
    ClientDown,
    #[serde(rename = "updated")]
    Updated,
    #[serde(rename = "-updated")]
    UpdatedDown,
}

impl AssetSort {
    fn order(self) -> (AssetOrder, bool) {
        match self {
            Self::Name => (AssetOrder::Name, false),
            Self::NameDown => (AssetOrder::Name, true),
            Self::Serial => (AssetOrder::Serial, false),
            Self::SerialDown => (AssetOrder::Serial, true),
            Self::Client => (AssetOrder::Client, false),
            Self::ClientDown => (AssetOrder::Client, true),
            Self::Updated => (AssetOrder::Updated, false),
            Self::UpdatedDown => (AssetOrder::Updated, true),
        }
    }
}

impl From<RegistryAsset> for Asset {
    fn from(asset: RegistryAsset) -> Self {
        let RegistryAsset {
            asset,
            client_name,
            updated,
        } = asset;
        Self {
            id: asset.id.0,
            client: asset.client.0,
            client_name,
            site: asset.site.map(|id| id.0),
            asset_type: asset.asset_type.map(|id| id.0),
            source_id: asset.source_id,
            fields: asset.fields,
            updated,
            archived: asset.archived,
        }
    }
}

impl From<AssetDetail> for AssetWithOrigin {
    fn from(detail: AssetDetail) -> Self {
        let origin = detail.fields.into_iter().map(|field| {
            let (run, written) = field.written.unzip();
            FieldOrigin {
                field: field.field,
                label: field.label,
                value: field.value,
                run: run.map(|id| id.0),
                written,
            }
        });
        Self {
            origin: origin.collect(),
            device: detail.device.map(|device| LinkedDevice {
                bridge: device.bridge_name,
                id: device.id.0,
                url: device.url,
            }),
            asset: detail.asset.into(),
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// The assets, a page at a time: searched, filtered, sorted.
#[utoipa::path(
    get, path = "/assets", tag = "Assets", operation_id = "list_assets",
    security(("key" = ["read"]), ("session" = [])),
    params(Which),
    responses((status = 200, description = "A page of them", body = AssetPage)),
)]
async fn list(State(web): State<Web>, caller: Caller<Read>, Asked(which): Asked<Which>) -> Answer<AssetPage> {
    let page = Page::asked(which.page, which.per_page)?;
    let (order, descending) = which.sort.unwrap_or(AssetSort::Name).order();
    let query = AssetQuery {
        client: which.client.map(RecordId),
        search: search(which.q)?,
        archived: which.archived.unwrap_or(false),
        order,
        descending,
        offset: page.offset(),
        limit: page.per_page,
    };
    let (assets, total) = web.engine.asset_list(&caller.actor, &query).await?;
    Ok(Json(AssetPage {
        items: assets.into_iter().map(Asset::from).collect(),
        total,
        page: page.page,
        per_page: page.per_page,
    }))
}

/// One asset, with where each of its values came from.
#[utoipa::path(
    get, path = "/assets/{id}", tag = "Assets", operation_id = "show_asset",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The asset", body = AssetWithOrigin)),
)]
async fn show(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
) -> Answer<AssetWithOrigin> {
    match web.engine.asset(&caller.actor, &RecordId(id.clone())).await? {
        Some(detail) => Ok(Json(detail.into())),
        None => Err(Failure::missing("asset", &id)),
    }
}
