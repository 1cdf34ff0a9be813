//! Asset tags.

use std::collections::BTreeMap;

use super::Estate;
use super::population::{DAY_MS, EPOCH_MS};

/// A tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// `id`
    pub id: u32,
    /// `name`
    pub name: String,
    /// `description`
    pub description: String,
    /// `createTime` in milliseconds.
    pub created: i64,
    /// `updateTime` in milliseconds.
    pub updated: i64,
    /// Who made it.
    pub user: Option<u32>,
}

/// The tags an estate starts with.
pub(super) fn first_tags() -> BTreeMap<u32, Tag> {
    let names = ["VIP", "Loaner", "To be replaced", "Ausgemustert"];
    let tags = names.into_iter().zip(1..).map(|(name, id)| {
        let created = EPOCH_MS - 300 * DAY_MS;
        let tag = Tag {
            id,
            name: name.to_owned(),
            description: String::new(),
            created,
            updated: created,
            user: None,
        };
        (id, tag)
    });
    tags.collect()
}

impl Estate {
    /// Every tag by id.
    pub fn tags(&self) -> &BTreeMap<u32, Tag> {
        &self.tags
    }

    /// One tag, to be changed.
    pub fn tag_mut(&mut self, id: u32) -> Option<&mut Tag> {
        self.tags.get_mut(&id)
    }

    /// Makes a tag; `None` if there is one of this name.
    pub fn add_tag(
        &mut self,
        name: String,
        description: String,
        user: Option<u32>,
        time: i64,
    ) -> Option<&Tag> {
        if self.tags.values().any(|tag| tag.name == name) {
            return None;
        }
        let id = self.tags.keys().last().map_or(1, |last| last + 1);
        let tag = Tag {
            id,
            name,
            description,
            created: time,
            updated: time,
            user,
        };
        Some(self.tags.entry(id).or_insert(tag))
    }

    /// Removes tags, also from devices, and says how many there were.
    pub fn remove_tags(&mut self, ids: &[u32]) -> usize {
        let before = self.tags.len();
        self.tags.retain(|id, _| !ids.contains(id));
        for device in &mut self.devices {
            device.tags.retain(|tag| !ids.contains(tag));
        }
        before - self.tags.len()
    }

    /// Gives every device with one of `ids` the tag `target` instead.
    pub fn replace_tags(&mut self, ids: &[u32], target: u32) {
        for device in &mut self.devices {
            if device.tags.iter().any(|tag| ids.contains(tag)) {
                device.tags.retain(|tag| !ids.contains(tag) && *tag != target);
                device.tags.push(target);
                device.tags.sort_unstable();
            }
        }
    }
}
