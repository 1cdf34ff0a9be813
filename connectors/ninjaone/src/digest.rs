//! The digest of a device: equal digests mean that nothing worth storing changed.
//!
//! It is SHA-256 over a canonical form of the device: members sorted by name, so that their order in the text does
//! not matter, numbers by value, every part with its kind and length. [`VOLATILE`] parts are left out unless a mapping
//! uses them.

use crate::complete::REFERENCES;
use crate::tree::Node;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Parts that change on nearly every contact, or by what happens elsewhere, without anything having happened to the
/// device. A plain name is a top-level name of the document; `a.b` is the member `b` of the object `a`, or of every
/// object in the list `a`.
///
/// `raw` is the whole original: a mapping that uses it uses every part. `organization` is the reference with the organization's name: a renamed organization would otherwise change all
/// its devices. The device's own `organizationId` counts. `publicIP`, `ipAddresses` and `os.needsReboot` are not here: they change seldom, and people map them.
pub const VOLATILE: &[&str] = &[
    "lastContact",
    "lastUpdate",
    "offline",
    "lastLoggedInUser",
    "lastBootTime",
    "os.lastBootTime",
    "volumes.freeSpace",
    "processors.clockSpeed",
    "organization",
    "backupUsage",
    "raw",
];

/// Names of [`VOLATILE`] that stand under `references` in NinjaOne's text.
const REFERENCED: &[&str] = &["organization", "backupUsage"];

/// Which parts one read leaves out of its digests.
#[derive(Clone, Debug)]
pub struct Stable {
    top: Vec<&'static str>,
    nested: Vec<(&'static str, &'static str)>,
}

impl Stable {
    /// Everything in [`VOLATILE`] that is not in use. `lastContact` takes one name back into the digest, `os` or
    /// `os.lastBootTime` a nested one.
    pub fn without(in_use: &BTreeSet<String>) -> Self {
        let mut stable = Self {
            top: vec![],
            nested: vec![],
        };
        if in_use.contains("raw") {
            return stable;
        }
        for name in VOLATILE.iter().filter(|name| !in_use.contains(**name)) {
            match name.split_once('.') {
                None if REFERENCED.contains(name) => {
                    stable.nested.push(("references", name));
                    stable.nested.push((REFERENCES, name));
                }
                None => stable.top.push(name),
                Some((outer, inner)) if !in_use.contains(outer) => stable.nested.push((outer, inner)),
                Some(_) => {}
            }
        }
        stable
    }

    /// The digest of a device. `buffer` is scratch space, kept between calls for its allocation.
    pub fn digest(&self, device: &Node<'_>, buffer: &mut Vec<u8>) -> [u8; 32] {
        buffer.clear();
        match device {
            Node::Object(members) => {
                let kept = members
                    .iter()
                    .filter(|(key, _)| !self.top.contains(&key.as_ref()));
                object(buffer, kept, |buffer, key, value| {
                    match self.nested.iter().any(|(outer, _)| *outer == key) {
                        true => self.write_stable(buffer, key, value),
                        false => write(buffer, value),
                    }
                });
            }
            other => write(buffer, other),
        }
        Sha256::digest(buffer.as_slice()).into()
    }

    /// Writes the part `outer` without its volatile members; in a list, without those of its items.
    fn write_stable(&self, buffer: &mut Vec<u8>, outer: &str, node: &Node<'_>) {
        match node {
            Node::Object(members) => {
                let kept = members
                    .iter()
                    .filter(|(key, _)| !self.nested.iter().any(|part| *part == (outer, key)));
                object(buffer, kept, |buffer, _, value| write(buffer, value));
            }
            Node::List(items) => {
                length(buffer, b'l', items.len());
                for item in items {
                    self.write_stable(buffer, outer, item);
                }
            }
            other => write(buffer, other),
        }
    }
}

fn write(buffer: &mut Vec<u8>, node: &Node<'_>) {
    match node {
        Node::Null => buffer.push(b'n'),
        Node::Boolean(true) => buffer.push(b't'),
        Node::Boolean(false) => buffer.push(b'f'),
        Node::Integer(number) => {
            buffer.push(b'i');
            buffer.extend_from_slice(&number.to_le_bytes());
        }
        Node::Decimal(number) => {
            buffer.push(b'd');
            buffer.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Node::Text(value) => text(buffer, value),
        Node::List(items) => {
            length(buffer, b'l', items.len());
            for item in items {
                write(buffer, item);
            }
        }
        Node::Object(members) => object(buffer, members.iter(), |buffer, _, value| write(buffer, value)),
    }
}

fn object<'m, 'a: 'm>(
    buffer: &mut Vec<u8>,
    members: impl Iterator<Item = &'m (Cow<'a, str>, Node<'a>)>,
    mut value: impl FnMut(&mut Vec<u8>, &str, &Node<'a>),
) {
    let mut sorted: Vec<_> = members.collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    length(buffer, b'o', sorted.len());
    for (key, node) in sorted {
        text(buffer, key);
        value(buffer, key, node);
    }
}

fn text(buffer: &mut Vec<u8>, text: &str) {
    length(buffer, b's', text.len());
    buffer.extend_from_slice(text.as_bytes());
}

fn length(buffer: &mut Vec<u8>, kind: u8, length: usize) {
    buffer.push(kind);
    buffer.extend_from_slice(&(length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str, in_use: &[&str]) -> [u8; 32] {
        let in_use = in_use.iter().map(|name| (*name).to_owned()).collect();
        Stable::without(&in_use).digest(&Node::parse(text).unwrap(), &mut Vec::new())
    }

    fn same(a: &str, b: &str, in_use: &[&str]) -> bool {
        digest(a, in_use) == digest(b, in_use)
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        let a = r#"{"id":1,"os":{"name":"A","build":"1"},"tags":["x","y"]}"#;
        let b = r#" {"tags": ["x","y"], "os":{"build":"1","name":"A"},"id":1}"#;
        assert!(same(a, b, &[]));
        assert!(!same(
            a,
            r#"{"id":1,"os":{"name":"A","build":"1"},"tags":["y","x"]}"#,
            &[]
        ));
    }

    #[test]
    fn volatile_parts_do_not_count_unless_a_mapping_uses_them() {
        let a = r#"{"id":1,"lastContact":1.5,"offline":true,"volumes":[{"name":"C:","freeSpace":1}],"os":{"lastBootTime":1}}"#;
        let b = r#"{"id":1,"lastContact":2.5,"volumes":[{"name":"C:","freeSpace":2}],"os":{}}"#;
        assert!(same(a, b, &[]));
        assert!(!same(a, b, &["lastContact"]));
        assert!(!same(a, b, &["raw"]));
        assert!(!same(a, b, &["volumes"]));
        assert!(!same(a, b, &["volumes.freeSpace"]));
        assert!(!same(a, b, &["os.lastBootTime"]));
    }

    #[test]
    fn a_renamed_organization_does_not_change_its_devices_and_a_moved_device_does() {
        let a = r#"{"id":1,"organizationId":7,"references":{"organization":{"id":7,"name":"A"},"role":{"name":"R"}}}"#;
        assert!(same(a, &a.replace("\"A\"", "\"B\""), &[]));
        assert!(!same(a, &a.replace("\"A\"", "\"B\""), &["organization"]));
        assert!(!same(a, &a.replace("\"R\"", "\"S\""), &[]));
        assert!(!same(
            a,
            &a.replace("\"organizationId\":7", "\"organizationId\":8"),
            &[]
        ));
    }

    #[test]
    fn everything_else_counts() {
        let a = r#"{"id":1,"publicIP":"192.0.2.1","volumes":[{"name":"C:","capacity":1}],"references":{"location":{"name":"HQ"}}}"#;
        for other in [
            a.replace("192.0.2.1", "192.0.2.2"),
            a.replace("\"capacity\":1", "\"capacity\":2"),
            a.replace("HQ", "Depot"),
            a.replace("\"id\":1", "\"id\":1,\"displayName\":\"x\""),
            a.replace("\"capacity\":1", "\"capacity\":\"1\""),
        ] {
            assert!(!same(a, &other, &[]), "{other}");
        }
    }

    #[test]
    fn parts_cannot_be_shifted_into_one_another() {
        assert!(!same(r#"{"a":["xy"]}"#, r#"{"a":["x","y"]}"#, &[]));
        assert!(!same(r#"{"a":"","b":"x"}"#, r#"{"a":"x","b":""}"#, &[]));
        assert!(!same(r#"{"a":{"b":{}}}"#, r#"{"a":{},"b":{}}"#, &[]));
    }
}
