//! One page of the device list → devices as the port delivers them. Pure.

use crate::complete::{Completion, PARTS, Part};
use crate::convert::epoch_seconds;
use crate::digest::Stable;
use crate::tree::Node;
use crate::wire::{elements, identity, identity_alone};
use connect::Unreadable;
use model::{RawDevice, SourceId};
use sha2::{Digest, Sha256};

/// One record of the device list.
#[derive(Debug)]
pub struct Row {
    /// Its id, where readable: it carries the paging.
    pub id: Option<u64>,
    /// The device, or why there is none.
    pub device: Result<RawDevice, BadDevice>,
}

/// A record that is a device but cannot be filed.
#[derive(Debug)]
pub struct BadDevice {
    /// What is said about it.
    pub unreadable: Unreadable,
    /// Digest of its text: tells it from others when it has no id.
    pub text: [u8; 32],
}

/// Reads the records of one page.
///
/// # Errors
/// What is wrong with the page as a whole.
pub fn rows(body: &[u8], completion: &Completion<'_>, stable: &Stable) -> Result<Vec<Row>, String> {
    let mut buffer = Vec::with_capacity(8 << 10);
    Ok(elements(body)?
        .into_iter()
        .map(|record| row(record.get(), completion, stable, &mut buffer))
        .collect())
}

fn row(text: &str, completion: &Completion<'_>, stable: &Stable, buffer: &mut Vec<u8>) -> Row {
    let bad = |id: Option<u64>, message: String| Row {
        id,
        device: Err(BadDevice {
            unreadable: Unreadable {
                id: id.map(|id| SourceId(id.to_string())),
                message,
            },
            text: Sha256::digest(text.as_bytes()).into(),
        }),
    };
    let device = match Node::parse(text) {
        Ok(device @ Node::Object(_)) => device,
        Ok(_) => return bad(None, "the record is no JSON object".to_owned()),
        Err(error) => {
            return bad(
                identity_alone(text),
                format!("the record cannot be read: {error}"),
            );
        }
    };
    let id = match identity(device.get("id")) {
        Ok(id) => id,
        Err(problem) => return bad(None, format!("id {problem}")),
    };
    let organization = match identity(device.get("organizationId")) {
        Ok(organization) => organization,
        Err(problem) => return bad(Some(id), format!("organizationId {problem}")),
    };
    let completed = completion.complete(id, text, &device);
    let digest = match completed.as_deref().map(Node::parse) {
        Some(Ok(completed)) => stable.digest(&completed, buffer),
        Some(Err(error)) => return bad(Some(id), format!("the completed record cannot be read: {error}")),
        None => stable.digest(&device, buffer),
    };
    Row {
        id: Some(id),
        device: Ok(RawDevice {
            id: SourceId(id.to_string()),
            uid: device
                .get("uid")
                .and_then(Node::text)
                .filter(|uid| !uid.is_empty())
                .map(str::to_owned),
            organization: SourceId(organization.to_string()),
            last_contact: device
                .get("lastContact")
                .and_then(Node::number)
                .and_then(epoch_seconds),
            digest,
            raw: completed.map_or_else(|| text.into(), String::into_boxed_str),
        }),
    }
}

/// What a page shows of the parts a tenant leaves out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Devices on it.
    pub devices: usize,
    /// Devices with an agent: they have details.
    pub agents: usize,
    /// Details none of its agents has.
    pub missing: Vec<Part>,
    /// References by how many devices have them: organization, location, role, warranty.
    pub references: [usize; 4],
}

/// The references [`Sample`] counts.
pub const REFERENCES: [&str; 4] = ["organization", "location", "role", "warranty"];

/// Classes whose devices run NinjaOne's agent, for tenants that leave `deviceType` out.
const AGENT_CLASSES: &[&str] = &[
    "WINDOWS_SERVER",
    "WINDOWS_WORKSTATION",
    "LINUX_SERVER",
    "LINUX_WORKSTATION",
    "MAC",
    "MAC_SERVER",
];

/// Looks through a page.
///
/// # Errors
/// What is wrong with the page as a whole.
pub fn sample(body: &[u8]) -> Result<Sample, String> {
    let mut sample = Sample::default();
    let mut seen = [false; PARTS.len()];
    for record in elements(body)? {
        let Ok(device) = Node::parse(record.get()) else {
            continue;
        };
        if identity(device.get("id")).is_err() {
            continue;
        }
        sample.devices += 1;
        for (count, name) in sample.references.iter_mut().zip(REFERENCES) {
            *count += usize::from(device.get("references").and_then(|r| r.get(name)).is_some());
        }
        if is_agent(&device) {
            sample.agents += 1;
            for (seen, part) in seen.iter_mut().zip(PARTS) {
                *seen |= device.get(part.name).is_some();
            }
        }
    }
    if sample.agents > 0 {
        sample.missing = PARTS
            .into_iter()
            .zip(seen)
            .filter(|(_, seen)| !seen)
            .map(|(part, _)| part)
            .collect();
    }
    Ok(sample)
}

fn is_agent(device: &Node<'_>) -> bool {
    match device.get("deviceType").and_then(Node::text) {
        Some(kind) => kind == "AgentDevice",
        None => device
            .get("nodeClass")
            .and_then(Node::text)
            .is_some_and(|class| AGENT_CLASSES.contains(&class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn read(body: &str) -> Vec<Row> {
        rows(
            body.as_bytes(),
            &Completion::default(),
            &Stable::without(&BTreeSet::new()),
        )
        .unwrap()
    }

    #[test]
    fn a_device_is_filed_with_its_text_unchanged() {
        let text = include_str!("../fixtures/agent.json").trim();
        let rows = read(&format!("[{text}]"));
        let device = rows[0].device.as_ref().unwrap();
        assert_eq!(rows[0].id, Some(1042));
        assert_eq!(device.id.as_str(), "1042");
        assert_eq!(device.organization.as_str(), "7");
        assert_eq!(
            device.uid.as_deref(),
            Some("0b8f2c1e-6f0e-4f7e-9d57-3f6f0a4f1c22")
        );
        assert_eq!(
            device.last_contact.unwrap().to_string(),
            "2025-09-29T09:06:15.901Z"
        );
        assert_eq!(&*device.raw, text);
    }

    #[test]
    fn a_bad_record_is_unreadable_and_its_neighbours_are_not() {
        let rows = read(
            r#"[{"id":1,"organizationId":2},{"id":-2,"organizationId":2},{"id":3},{"id":4,"organizationId":2,"x":1e999},
                17,{"id":5,"organizationId":2,"lastContact":1e308,"uid":9}]"#,
        );
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        assert_eq!(ids, [Some(1), None, Some(3), Some(4), None, Some(5)]);
        let good: Vec<_> = rows.iter().map(|row| row.device.is_ok()).collect();
        assert_eq!(good, [true, false, false, false, false, true]);
        let said = &rows[2].device.as_ref().unwrap_err().unreadable;
        assert_eq!(said.message, "organizationId is missing");
        let last = rows[5].device.as_ref().unwrap();
        assert_eq!((last.last_contact, last.uid.as_deref()), (None, None));
    }

    #[test]
    fn a_sample_tells_what_a_tenant_leaves_out() {
        let full = sample(format!("[{}]", include_str!("../fixtures/agent.json")).as_bytes()).unwrap();
        assert_eq!((full.devices, full.agents, full.missing.len()), (1, 1, 0));
        assert_eq!(full.references, [1, 1, 1, 1]);
        let bare =
            br#"[{"id":1,"nodeClass":"WINDOWS_SERVER","os":{}},{"id":2,"nodeClass":"NMS_SWITCH"},{"id":-1}]"#;
        let bare = sample(bare).unwrap();
        assert_eq!((bare.devices, bare.agents, bare.references), (2, 1, [0, 0, 0, 0]));
        let missing: Vec<_> = bare.missing.iter().map(|part| part.name).collect();
        assert_eq!(missing, ["system", "volumes", "processors"]);
        assert!(
            sample(br#"[{"id":2,"nodeClass":"NMS_SWITCH"}]"#)
                .unwrap()
                .missing
                .is_empty()
        );
    }
}
