//! What a person does with assets: leave their devices alone, take a link away, take the list along, keep a view of it.

use super::list::{name, query, text};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::table::Ask;
use crate::ui::{Tone, csv};
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::Error;
use engine::assets::{AssetQuery, RegistryAsset};
use futures::stream;
use model::RecordId;
use serde::Deserialize;

/// Assets of one part of the file.
const AT_ONCE: u64 = 1000;
/// The list that views are kept of.
pub const LIST: &str = "assets";
/// Fields of an asset that stand in the file, after its name, client and id.
const FIELDS: [&str; 12] = [
    "serialNumber",
    "manufacturer",
    "modelNumber",
    "os",
    "TypeId",
    "locationName",
    "processorModel",
    "storage",
    "purchaseDate",
    "warrantyExpire",
    "replaceDate",
    "details",
];

/// What the list is narrowed to, as a file.
pub async fn file(State(web): State<Web>, signed_in: SignedIn, ask: Ask) -> Result<Response> {
    let mut head = vec!["name", "client", "id", "archived", "device id"];
    head.extend(FIELDS);
    let asked = AssetQuery {
        limit: AT_ONCE,
        ..query(&ask, None)
    };
    let lines = stream::try_unfold(Some(0), move |offset| {
        let (web, actor, asked) = (web.clone(), signed_in.actor.clone(), asked.clone());
        async move {
            let Some(offset) = offset else { return Ok(None) };
            let (assets, _) = web
                .engine
                .asset_list(&actor, &AssetQuery { offset, ..asked })
                .await?;
            // A part that is not full need not be the last: an asset may have been archived while it was read.
            let next = (!assets.is_empty()).then_some(offset + AT_ONCE);
            let text: String = assets.iter().map(written).collect();
            Ok::<_, Problem>(Some((text, next)))
        }
    });
    Ok(csv::file("rmmbridge-assets.csv", &head, lines))
}

fn written(asset: &RegistryAsset) -> String {
    let archived = asset.asset.archived.map(|at| at.strftime("%Y-%m-%d").to_string());
    let mut cells = vec![
        name(asset),
        asset.client_name.clone(),
        asset.asset.id.to_string(),
        archived.unwrap_or_default(),
        asset.asset.source_id.clone().unwrap_or_default(),
    ];
    cells.extend(FIELDS.iter().map(|key| text(asset, key)));
    csv::line(cells.iter().map(String::as_str))
}

/// What the buttons of one asset send.
#[derive(Debug, Deserialize)]
pub struct Pressed {
    #[serde(default)]
    reason: String,
}

const NO_REASON: &str = "Say why, for whoever looks at it later. Nothing was changed.";

/// Leaves the device of one asset alone.
pub async fn exclude(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let asset = RecordId(id);
    let done = web
        .engine
        .exclude_assets(&signed_in.actor, std::slice::from_ref(&asset), &pressed.reason)
        .await;
    let (tone, said) = match done {
        Ok(0) => (
            Tone::Warn,
            "No device is linked to this asset: there is nothing to exclude.",
        ),
        Ok(_) => (
            Tone::Good,
            "Its device is left alone from now on: the asset stays as it is, whatever changes there.",
        ),
        Err(Error::NoReason { .. }) => (Tone::Bad, NO_REASON),
        Err(error) => return Err(error.into()),
    };
    signed_in.flash(tone, said).await?;
    Ok(Redirect::to(&format!("/assets/{asset}")).into_response())
}

/// Lets the device of one asset come again.
pub async fn include(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response> {
    let asset = RecordId(id);
    web.engine.include_asset(&signed_in.actor, &asset).await?;
    signed_in
        .flash(Tone::Good, "Its device comes again with the next sync.")
        .await?;
    Ok(Redirect::to(&format!("/assets/{asset}")).into_response())
}

/// Takes the link of one asset away.
pub async fn unlink(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let asset = RecordId(id);
    let done = web
        .engine
        .unlink_asset(&signed_in.actor, &asset, &pressed.reason)
        .await;
    let (tone, said) = match done {
        Ok(()) => (
            Tone::Good,
            "The link is gone, and the device is left alone so that no plan makes it again. The asset stays as it is.",
        ),
        Err(Error::NoReason { .. }) => (Tone::Bad, NO_REASON),
        Err(error) => return Err(error.into()),
    };
    signed_in.flash(tone, said).await?;
    Ok(Redirect::to(&format!("/assets/{asset}")).into_response())
}

fn sent<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    let found = form.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value.as_str())
}

/// What is done with the list: devices of the ticked assets excluded, a view kept or forgotten.
pub async fn list(
    State(web): State<Web>,
    signed_in: SignedIn,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let (actor, person) = (&signed_in.actor, &signed_in.person);
    let back = Ask::parse("/assets", sent(&form, "ask"));
    let (tone, said) = match sent(&form, "do") {
        "keep" => match web
            .engine
            .save_view(actor, person, LIST, sent(&form, "name"), &back.query())
            .await
        {
            Ok(()) => (Tone::Good, "This view is kept.".to_owned()),
            Err(Error::Input { problems }) => {
                let said = problems.into_iter().map(|p| p.message).collect::<Vec<_>>();
                (Tone::Bad, format!("{}.", said.join("; ")))
            }
            Err(error) => return Err(error.into()),
        },
        "forget" => {
            web.engine.forget_view(person, LIST, sent(&form, "view")).await?;
            (Tone::Good, "This view is forgotten.".to_owned())
        }
        _ => {
            let ticked = form.iter().filter(|(key, _)| key == "asset");
            let ticked: Vec<RecordId> = ticked.map(|(_, id)| RecordId(id.clone())).collect();
            match web
                .engine
                .exclude_assets(actor, &ticked, sent(&form, "reason"))
                .await
            {
                Ok(_) if ticked.is_empty() => (Tone::Warn, "Nothing was ticked.".to_owned()),
                Ok(0) => (
                    Tone::Warn,
                    "None of these assets is linked to a device.".to_owned(),
                ),
                Ok(1) => (Tone::Good, "1 device is left alone from now on.".to_owned()),
                Ok(n) => (Tone::Good, format!("{n} devices are left alone from now on.")),
                Err(Error::NoReason { .. }) => (Tone::Bad, NO_REASON.to_owned()),
                Err(error) => return Err(error.into()),
            }
        }
    };
    signed_in.flash(tone, said).await?;
    Ok(Redirect::to(&back.address()).into_response())
}
