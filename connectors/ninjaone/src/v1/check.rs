//! The configuration check of API v1: every point with NinjaRMM's own answer. After a cross the later points are not
//! tried.

use super::client::Client;
use super::source::NinjaRmmSource;
use connect::{CheckPoint, Error, Kind, Source as _};

const POINTS: [&str; 5] = [
    "NinjaRMM can be reached",
    "This machine's clock is right",
    "NinjaRMM accepts the keys",
    "May read customers",
    "May read devices",
];

/// Checks all points in their order. It takes one of the ten requests for lists that ten minutes have for each of the
/// last two.
pub async fn check(client: &Client, source: &NinjaRmmSource) -> Vec<CheckPoint> {
    let mut points = Vec::with_capacity(POINTS.len());
    let signed = client.get("authenticating", "/v1/ping").await;
    let failed_at = signed.as_ref().err().map(|error| match error.kind {
        Kind::Configuration if error.what.contains("skewed_time") => 1,
        Kind::Auth | Kind::Forbidden | Kind::RateLimited { .. } => 2,
        _ => 0,
    });
    let answers = [
        format!("{} answers", client.http.host()),
        "It is within the 15 minutes NinjaRMM accepts".to_owned(),
        "The access key id and the secret key belong together".to_owned(),
    ];
    for (at, (point, good)) in POINTS.iter().zip(answers).enumerate() {
        match (&signed, failed_at) {
            (Err(error), Some(failed)) if failed == at => {
                points.push(failed_point(point, error));
                return rest(points);
            }
            _ => points.push(CheckPoint::passed(*point, good)),
        }
    }
    let customers = source.organizations().await.map(|list| list.len());
    if !add(&mut points, POINTS[3], customers) {
        return rest(points);
    }
    let devices = source.count().await;
    add(&mut points, POINTS[4], devices);
    rest(points)
}

fn add(points: &mut Vec<CheckPoint>, point: &str, counted: Result<usize, Error>) -> bool {
    match counted {
        Ok(0) => points.push(CheckPoint::passed(point, "There is none yet")),
        Ok(count) => points.push(CheckPoint::passed(point, format!("Read {count} of them"))),
        Err(error) => {
            points.push(failed_point(point, &error));
            return false;
        }
    }
    true
}

/// A limit that is reached says nothing against the connection.
fn failed_point(point: &str, error: &Error) -> CheckPoint {
    match error.kind {
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
