//! The configuration check, point by point, with Passportal's own answers. After a cross the later points are not tried.

use super::client::PART;
use super::destination::PassportalDestination;
use connect::http::Bearer as _;
use connect::{CheckPoint, Destination as _, Error, Kind};

const POINTS: [&str; 5] = [
    "Passportal can be reached",
    "Passportal accepts the keys",
    "Documentation Manager is enabled",
    "May read clients",
    "The template of asset documents is known",
];

/// Checks all points in their order.
pub async fn check(to: &PassportalDestination) -> Vec<CheckPoint> {
    let mut points = Vec::with_capacity(POINTS.len());
    let host = to.client.http.host();
    let token = to.client.access.token().await;
    let failed_at = token.as_ref().err().map(|error| match error.kind {
        Kind::NotEnabled { .. } => 2,
        Kind::Auth | Kind::Forbidden | Kind::Invalid | Kind::RateLimited { .. } => 1,
        _ => 0,
    });
    let good = [
        format!("{host} answers"),
        "The access key ID and the secret belong together".to_owned(),
    ];
    for (at, (point, good)) in POINTS.iter().zip(good).enumerate() {
        match (&token, failed_at) {
            (Err(error), Some(failed)) if failed == at => {
                points.push(failed_point(point, error));
                return rest(points);
            }
            _ => points.push(CheckPoint::passed(*point, good)),
        }
    }
    let glance = match token {
        Err(error) => Err(error),
        Ok(_) => to.client.glance().await,
    };
    match glance {
        Ok(()) => points.push(CheckPoint::passed(POINTS[2], format!("{host} lists documents"))),
        Err(error) => {
            points.push(failed_point(POINTS[2], &error));
            return rest(points);
        }
    }
    match to.clients().await {
        Ok(clients) => {
            let detail = match clients.len() {
                0 => "There is none yet".to_owned(),
                count => format!("Read {count} of them"),
            };
            points.push(CheckPoint::passed(POINTS[3], detail));
        }
        Err(error) => {
            points.push(failed_point(POINTS[3], &error));
            return rest(points);
        }
    }
    points.push(match to.template().await {
        Ok(template) => CheckPoint::passed(POINTS[4], format!("Asset documents are made of {template}")),
        // Everything else works; what is missing is told with each document that cannot be created.
        Err(error) if error.kind == Kind::Configuration => {
            CheckPoint::not_tried(POINTS[4], error.to_string())
        }
        Err(error) => failed_point(POINTS[4], &error),
    });
    points
}

fn failed_point(point: &str, error: &Error) -> CheckPoint {
    match error.kind {
        Kind::NotEnabled { .. } => CheckPoint::lacking(point, PART, error.to_string()),
        Kind::RateLimited { .. } => CheckPoint::not_tried(point, error.to_string()),
        _ => CheckPoint::failed(point, error.to_string()),
    }
}

fn rest(mut points: Vec<CheckPoint>) -> Vec<CheckPoint> {
    for point in &POINTS[points.len()..] {
        points.push(CheckPoint::not_tried(
            *point,
            "An earlier point failed or could not be tried",
        ));
    }
    points
}
