//! One asset: every field, and where its value came from.

use super::list::name;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::time::{When, count};
use crate::ui::words::plainly;
use crate::ui::{Frame, Section, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::assets::FieldOrigin;
use jiff::Timestamp;
use model::{ActorRole, RecordId};
use serde_json::Value;

#[derive(Template)]
#[template(path = "assets/show.html")]
struct AssetPage {
    frame: Frame,
    client: String,
    client_address: String,
    archived: Option<When>,
    updated: When,
    device: Option<Device>,
    fields: Vec<Field>,
    address: String,
    may_act: bool,
}

/// The device the asset is linked to.
struct Device {
    bridge: String,
    bridge_address: String,
    id: String,
    url: Option<String>,
    /// Why it is left alone, by whom, and since when.
    ignored: Option<(String, String, When)>,
}

struct Field {
    label: String,
    value: String,
    /// When a run wrote exactly this; `None` for what a person entered.
    written: Option<(String, When)>,
    /// The part of the device it is.
    part: Option<String>,
}

fn field(origin: &FieldOrigin, now: Timestamp) -> Field {
    Field {
        part: origin.part.clone(),
        label: origin.label.clone(),
        value: match &origin.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Number(number) if number.is_u64() => count(number),
            other => other.to_string(),
        },
        written: origin
            .written
            .as_ref()
            .map(|(run, at)| (format!("/runs/{run}"), When::new(*at, now))),
    }
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let detail = web.engine.asset(&signed_in.actor, &RecordId(id)).await?;
    let detail = detail.ok_or_else(|| Problem::missing("There is no such asset."))?;
    let now = web.engine.clock().now();
    let asset = &detail.asset;
    page(&AssetPage {
        frame: signed_in.frame(name(asset), Section::Assets).await?,
        client: asset.client_name.clone(),
        client_address: format!("/clients/{}", asset.asset.client),
        archived: asset.asset.archived.map(|at| When::new(at, now)),
        updated: When::new(asset.updated, now),
        address: format!("/assets/{}", asset.asset.id),
        may_act: signed_in.may(ActorRole::Technician),
        device: detail.device.map(|device| Device {
            bridge_address: format!("/bridges/{}", device.bridge),
            bridge: device.bridge_name,
            id: device.id.to_string(),
            url: device.url,
            ignored: device
                .ignored
                .map(|i| (i.reason, plainly(&i.by), When::new(i.at, now))),
        }),
        fields: detail.fields.iter().map(|origin| field(origin, now)).collect(),
    })
}
