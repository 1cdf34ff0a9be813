//! NinjaOne's JSON as it comes: splitting an answer into records and reading what files them. Tolerant: one bad
//! record never spoils the page it is on.

use crate::paging::MAX_ID;
use crate::tree::Node;
use model::{Location, Organization, Role, SourceId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Longest name of an organization, a location or a role, in characters. More of one is cut off: names are searched and
/// sorted by, and no database takes one of a megabyte for that.
const LONGEST_NAME: usize = 500;

/// The elements of an answer that is a bare array, each as its own text.
///
/// # Errors
/// What is wrong with the answer as a whole.
pub fn elements(body: &[u8]) -> Result<Vec<&RawValue>, String> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match body.trim_ascii_start().first() {
        None => return Err("the answer is empty where a list belongs".to_owned()),
        Some(b'[') => {}
        Some(_) => return Err("the answer is no list".to_owned()),
    }
    serde_json::from_slice(body).map_err(|error| match error.is_eof() {
        true => format!("the answer breaks off after {} bytes", body.len()),
        false => format!("the answer is no valid JSON: {error}"),
    })
}

/// An id: a whole number from 1 to [`MAX_ID`], perhaps with a fraction of zero or as a text of digits.
///
/// # Errors
/// What stands there instead.
pub fn identity(node: Option<&Node<'_>>) -> Result<u64, String> {
    let number = match node {
        None => return Err("is missing".to_owned()),
        Some(Node::Integer(number)) => *number,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "out of range saturates, and is refused below"
        )]
        Some(Node::Decimal(number)) if number.fract() == 0.0 => *number as i128,
        Some(Node::Text(text)) => text.parse().map_err(|_| "is a text and no number".to_owned())?,
        Some(_) => return Err("is no whole number".to_owned()),
    };
    match u64::try_from(number) {
        Ok(id) if (1..=MAX_ID).contains(&id) => Ok(id),
        _ => Err(format!("is {number}, not a number from 1 to {MAX_ID}")),
    }
}

/// The id of a record whose other parts cannot even be parsed.
pub fn identity_alone(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    let head: Head<'_> = serde_json::from_str(text).ok()?;
    identity(Some(&Node::parse(head.id.get()).ok()?)).ok()
}

/// One record of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id, where readable.
    pub id: Option<u64>,
    /// Its JSON text.
    pub text: Box<str>,
}

/// The records of a list.
///
/// # Errors
/// What is wrong with the answer as a whole.
pub fn listed(body: &[u8]) -> Result<Vec<Listed>, String> {
    let records = elements(body)?;
    Ok(records
        .into_iter()
        .map(|record| Listed {
            id: Node::parse(record.get())
                .ok()
                .and_then(|node| identity(node.get("id")).ok()),
            text: record.get().into(),
        })
        .collect())
}

/// An organization.
///
/// # Errors
/// Which part is missing.
pub fn organization(text: &str) -> Result<Organization, String> {
    let node = parse(text)?;
    Ok(Organization {
        id: id(&node, "id")?,
        name: name(&node)?,
        description: node.get("description").and_then(Node::text).map(str::to_owned),
    })
}

/// A location.
///
/// # Errors
/// Which part is missing.
pub fn location(text: &str) -> Result<Location, String> {
    let node = parse(text)?;
    Ok(Location {
        id: id(&node, "id")?,
        organization: id(&node, "organizationId")?,
        name: name(&node)?,
    })
}

/// A device role.
///
/// # Errors
/// Which part is missing.
pub fn role(text: &str) -> Result<Role, String> {
    let node = parse(text)?;
    Ok(Role {
        id: id(&node, "id")?,
        name: name(&node)?,
    })
}

fn parse(text: &str) -> Result<Node<'_>, String> {
    Node::parse(text).map_err(|error| format!("cannot be read: {error}"))
}

fn id(node: &Node<'_>, key: &str) -> Result<SourceId, String> {
    identity(node.get(key))
        .map(|id| SourceId(id.to_string()))
        .map_err(|problem| format!("{key} {problem}"))
}

fn name(node: &Node<'_>) -> Result<String, String> {
    match node.get("name") {
        Some(Node::Text(name)) => Ok(name.chars().take(LONGEST_NAME).collect()),
        Some(_) => Err("name is no text".to_owned()),
        None => Err("name is missing".to_owned()),
    }
}

/// One page of a `queries` report.
#[derive(Debug)]
pub struct ReportPage {
    /// Rows that name their device.
    pub rows: Vec<(u64, Map<String, Value>)>,
    /// How many rows came, readable or not.
    pub count: usize,
    /// Where to go on; none at the end.
    pub cursor: Option<String>,
    /// The rows' text, to tell a page from the one before.
    pub text: Box<str>,
}

/// A page of a report: `{"cursor": {"name": …}, "results": […]}`.
///
/// # Errors
/// What is wrong with the answer as a whole.
pub fn report(body: &[u8]) -> Result<ReportPage, String> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(default)]
        cursor: Value,
        #[serde(borrow)]
        results: &'a RawValue,
    }
    let page: Page<'_> =
        serde_json::from_slice(body).map_err(|error| format!("the answer is no report: {error}"))?;
    let results = elements(page.results.get().as_bytes())?;
    let rows = results
        .iter()
        .filter_map(|row| {
            let row: Map<String, Value> = serde_json::from_str(row.get()).ok()?;
            let device = owner(row.get("deviceId")?)?;
            Some((device, row))
        })
        .collect();
    Ok(ReportPage {
        rows,
        count: results.len(),
        cursor: page.cursor.get("name").and_then(Value::as_str).map(str::to_owned),
        text: page.results.get().into(),
    })
}

/// The device a report's row belongs to, in the forms an id may have in a list.
fn owner(id: &Value) -> Option<u64> {
    let node = match id {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Node::Integer(whole.into()),
            None => Node::Decimal(number.as_f64()?),
        },
        Value::String(text) => Node::Text(text.as_str().into()),
        _ => return None,
    };
    identity(Some(&node)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_is_split_without_looking_into_its_records() {
        let page = elements(br#" [{"id":1,"x":1e999},{"id":2}, 7]"#).unwrap();
        assert_eq!(page.len(), 3);
        assert_eq!(page[0].get(), r#"{"id":1,"x":1e999}"#);
        assert!(elements(b"[]").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_page_is_named() {
        for (body, word) in [
            (&b""[..], "empty"),
            (b"  ", "empty"),
            (b"{\"resultCode\":\"FAILURE\"}", "no list"),
            (b"<html>", "no list"),
            (b"[{\"id\":1},{\"id\"", "breaks off"),
            (b"[{\"id\":1},}", "no valid JSON"),
            (b"[\"\xFF\"]", "no valid JSON"),
        ] {
            let problem = elements(body).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
    }

    #[test]
    fn ids_are_positive_whole_numbers() {
        let id = |text: &str| identity(Some(&Node::parse(text).unwrap()));
        assert_eq!(id("17"), Ok(17));
        assert_eq!(id("17.0"), Ok(17));
        assert_eq!(id("\"17\""), Ok(17));
        for wrong in ["0", "-5", "1.5", "1e308", "3000000000", "\"x\"", "[]", "true"] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
        assert!(identity(None).is_err());
        assert_eq!(identity_alone(r#"{"x":1e999,"id":4}"#), Some(4));
        assert_eq!(identity_alone(r#"{"x":1}"#), None);
    }

    #[test]
    fn organizations_locations_and_roles_are_read() {
        let text = r#"{"id":7,"name":"Harbor Dental","description":null,"nodeApprovalMode":"AUTOMATIC"}"#;
        let read = organization(text).unwrap();
        assert_eq!(
            (read.id.as_str(), read.name.as_str(), read.description),
            ("7", "Harbor Dental", None)
        );
        assert_eq!(
            location(r#"{"id":12,"name":"HQ","organizationId":7}"#)
                .unwrap()
                .organization
                .as_str(),
            "7"
        );
        assert_eq!(role(r#"{"id":1002,"name":"Kiosk"}"#).unwrap().name, "Kiosk");
        assert_eq!(organization(r#"{"id":7}"#).unwrap_err(), "name is missing");
        assert_eq!(
            organization(r#"{"id":7,"name":4}"#).unwrap_err(),
            "name is no text"
        );
        assert!(
            location(r#"{"id":12,"name":"HQ"}"#)
                .unwrap_err()
                .contains("organizationId")
        );
        assert!(role(r#"{"id":-1,"name":"x"}"#).is_err());
        let long = json!({"id": 7, "name": "ä".repeat(5000)}).to_string();
        assert_eq!(organization(&long).unwrap().name, "ä".repeat(LONGEST_NAME));
    }

    #[test]
    fn a_report_page_has_rows_and_perhaps_a_cursor() {
        let page = report(
            br#"{"cursor":{"name":"c1","offset":0,"count":2,"expires":1.5},"results":[{"deviceId":4,"name":"C:"},{"name":"?"}]}"#,
        )
        .unwrap();
        assert_eq!(
            (page.count, page.rows.len(), page.cursor.as_deref()),
            (2, 1, Some("c1"))
        );
        assert_eq!(report(br#"{"results":[]}"#).unwrap().cursor, None);
        let page = report(
            br#"{"results":[{"deviceId":"4"},{"deviceId":5.0},{"deviceId":1e20},{"deviceId":-6},{"deviceId":null},{"deviceId":[7]}]}"#,
        )
        .unwrap();
        let devices: Vec<_> = page.rows.iter().map(|(device, _)| *device).collect();
        assert_eq!((page.count, devices.as_slice()), (6, &[4, 5][..]));
        assert!(report(b"[]").is_err());
    }
}
