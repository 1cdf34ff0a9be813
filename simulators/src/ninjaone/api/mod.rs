//! API v2: one file per group of endpoints, all of them below `/v2`, `/api/v2` and `/ws/api/v2`.

mod actions;
mod activities;
mod alerts;
mod body;
mod catalog;
mod cursors;
mod device_json;
mod device_kinds;
mod devices;
mod expand;
mod fields;
mod filter;
mod gate;
mod listings;
mod organizations;
mod page;
mod params;
pub(super) mod payload;
mod people;
mod refusal;
mod reports;
mod tags;
mod ticketing;
mod work;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};

use super::tenant::Tenant;
use crate::json::Json;
pub(super) use cursors::Cursors;
use page::Page;
use params::{Params, id};
pub(super) use refusal::Refusal;
pub(super) use work::bring_online;

/// The simulated instance, as handlers get it.
type Site = State<Arc<Tenant>>;

/// What a handler gives.
type Answer = Result<Response, Refusal>;

/// Every route of the API without its prefix. Each asks for a token.
pub(super) fn router(tenant: &Arc<Tenant>) -> Router {
    inventory_routes()
        .merge(device_routes())
        .merge(other_routes())
        .method_not_allowed_fallback(async || Refusal::wrong_method())
        .layer(middleware::from_fn_with_state(Arc::clone(tenant), gate::check))
        .with_state(Arc::clone(tenant))
}

/// Organizations, locations, lists of devices, roles.
fn inventory_routes() -> Router<Arc<Tenant>> {
    Router::new()
        .route("/organizations", get(organizations::list))
        .route("/organizations-detailed", get(organizations::list_detailed))
        .route(
            "/organization/{id}",
            get(organizations::one).patch(organizations::change),
        )
        .route("/organization/{id}/devices", get(devices::of_organization))
        .route("/organization/{id}/locations", get(organizations::locations_of))
        .route(
            "/organization/{id}/locations/backup/usage",
            get(reports::locations_usage),
        )
        .route(
            "/organization/{id}/locations/{location}/backup/usage",
            get(reports::location_usage),
        )
        .route("/organization/{id}/end-users", get(people::of_organization))
        .route(
            "/organization/{id}/custom-fields",
            get(fields::of_organization).patch(fields::write_organization),
        )
        .route(
            "/organization/{id}/location/{location}/custom-fields",
            get(fields::of_location).patch(fields::write_location),
        )
        .route(
            "/organization/{id}/location/{location}/installer/{kind}",
            get(listings::installer),
        )
        .route("/locations", get(organizations::locations))
        .route("/devices", get(devices::list))
        .route("/devices-detailed", get(devices::list_detailed))
        .route("/devices/search", get(devices::search))
        .route("/devices/approval/{mode}", post(actions::approve))
        .route("/roles", get(catalog::roles))
        .route("/noderole/list", get(listings::node_roles))
        .route("/policies", get(catalog::policies))
        .route(
            "/policies/{id}/condition/windows-event",
            get(listings::event_conditions),
        )
        .route(
            "/policies/{id}/condition/windows-event/{condition}",
            get(listings::event_condition_of),
        )
        .route(
            "/policies/{id}/condition/custom-fields",
            get(listings::field_conditions),
        )
        .route(
            "/policies/{id}/condition/custom-fields/{condition}",
            get(listings::field_condition_of),
        )
        .route("/groups", get(catalog::groups))
        .route("/group/{id}/device-ids", get(catalog::group_devices))
        .route("/queries/{report}", get(reports::query))
        .route("/queries/backup/usage", get(reports::backup_usage))
}

/// One device.
fn device_routes() -> Router<Arc<Tenant>> {
    Router::new()
        .route("/device/{id}", get(devices::one).patch(actions::change))
        .route("/device/{id}/{report}", get(reports::of_device))
        .route("/device/{id}/activities", get(activities::of_device))
        .route("/device/{id}/alerts", get(alerts::of_device))
        .route("/device/{id}/jobs", get(alerts::jobs_of))
        .route("/device/{id}/last-logged-on-user", get(reports::last_user))
        .route(
            "/device/{id}/custom-fields",
            get(fields::of_device).patch(fields::write_device),
        )
        .route("/device/{id}/policy/overrides", get(reports::overrides_of))
        .route("/device/{id}/dashboard-url", get(listings::dashboard_url))
        .route("/device/{id}/scripting/options", get(listings::scripting_options))
        .route("/device/{id}/script/run", post(work::run_script))
        .route("/device/{id}/reboot/{mode}", post(work::reboot))
        .route(
            "/device/{id}/maintenance",
            put(actions::maintain).delete(actions::end_maintenance),
        )
        .route(
            "/device/{id}/windows-service/{service}/control",
            post(work::control_service),
        )
        .route(
            "/device/{id}/windows-service/{service}/configure",
            post(work::configure_service),
        )
        .route("/device/{id}/patch/{what}/{step}", post(work::patch))
        .route("/device/{id}/owner/{uid}", post(actions::set_owner))
        .route("/device/{id}/owner", delete(actions::remove_owner))
        .route("/device/{id}/decommission", post(actions::decommission))
}

/// People, what happened, custom fields, tags, tickets, and the rest.
fn other_routes() -> Router<Arc<Tenant>> {
    Router::new()
        .route("/users", get(people::users))
        .route("/user/end-users", get(people::end_users))
        .route("/user/end-user/{id}", get(people::end_user))
        .route(
            "/user/end-user/{id}/custom-fields",
            get(fields::of_end_user).patch(fields::write_end_user),
        )
        .route("/user/technicians", get(people::technicians))
        .route("/user/technician/{id}", get(people::technician))
        .route("/user/roles", get(people::roles))
        .route("/contacts", get(people::contacts))
        .route("/contact/{id}", get(people::contact))
        .route("/activities", get(activities::list))
        .route("/alerts", get(alerts::list))
        .route("/alert/{uid}", delete(alerts::delete))
        .route("/alert/{uid}/reset", post(alerts::reset))
        .route("/jobs", get(alerts::jobs))
        .route("/automation/scripts", get(listings::scripts))
        .route("/tasks", get(listings::tasks))
        .route("/software-products", get(listings::software_products))
        .route("/notification-channels", get(listings::channels))
        .route("/notification-channels/enabled", get(listings::enabled_channels))
        .route("/software-license/licenses", get(listings::licences))
        .route("/software-license/{id}", get(listings::licence))
        .route(
            "/software-license/{id}/assignments",
            get(listings::licence_assignments),
        )
        .route("/device-custom-fields", get(fields::definitions))
        .route("/custom-fields", get(fields::paged_definitions))
        .route("/custom-fields/field-name/{name}", get(fields::one_definition))
        .route(
            "/custom-fields/entity-type/{kind}/{id}/signed-urls",
            get(fields::signed_urls),
        )
        .route("/tag", get(tags::list).post(tags::create))
        .route(
            "/tag/{what}",
            put(tags::update).delete(tags::delete).post(tags::post),
        )
        .route("/tag/{kind}/{id}", put(tags::set))
        .route("/ticketing/ticket", post(ticketing::create))
        .route(
            "/ticketing/ticket/{id}",
            get(ticketing::one).put(ticketing::update),
        )
        .route("/ticketing/ticket/{id}/comment", post(ticketing::comment))
        .route("/ticketing/ticket/{id}/log-entry", get(ticketing::log))
        .route("/ticketing/statuses", get(ticketing::statuses))
        .route("/ticketing/attributes", get(ticketing::attributes))
        .route("/ticketing/ticket-form", get(ticketing::forms))
        .route("/ticketing/ticket-form/{id}", get(ticketing::form))
        .route("/ticketing/contact/contacts", get(ticketing::contacts))
        .route("/ticketing/app-user-contact", get(ticketing::app_user_contacts))
        .route("/ticketing/trigger/boards", get(ticketing::boards))
        .route("/ticketing/trigger/board/{id}/run", post(ticketing::run_board))
        .route("/webhook", put(payload::configure).delete(payload::disable))
}

/// A JSON answer.
fn answer(json: Json) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (kind, json.into_string()).into_response()
}

/// An answer that is an array.
fn array(fill: impl FnOnce(&mut Json)) -> Answer {
    let mut json = Json::default();
    json.array(fill);
    Ok(answer(json))
}

/// An answer that is an object.
fn object(fill: impl FnOnce(&mut Json)) -> Answer {
    let mut json = Json::default();
    json.object(fill);
    Ok(answer(json))
}
