//! Which operations of a plan are listed. All of it is in the address.

use crate::ui::table::{Ask, Chip};
use engine::reviewing::OperationFilter;
use model::{Action, PlanSummary};

/// What the address calls a kind, what people call it, and its actions.
const KINDS: [(&str, &str, &[&str]); 8] = [
    (
        "create",
        "Create",
        &[
            "create_client",
            "create_site",
            "create_asset_type",
            "create_asset",
        ],
    ),
    ("link", "Link", &["link"]),
    ("update", "Update", &["update_asset"]),
    ("archive", "Archive", &["archive_asset"]),
    ("restore", "Restore", &["restore_asset"]),
    ("unlink", "Take link away", &["unlink"]),
    ("questions", "Questions", &["review"]),
    ("skipped", "Left alone", &["skip"]),
];

/// The filters of one plan.
pub struct Kinds<'a>(&'a str);

impl<'a> Kinds<'a> {
    /// Those of the plan whose page is at `path`.
    pub fn new(path: &'a str) -> Self {
        Self(path)
    }

    /// The list narrowed to a kind.
    pub fn address(&self, kind: &str) -> String {
        format!("{}?f={kind}#list", self.0)
    }
}

/// The list narrowed to a client.
pub fn of_client(path: &str, client: &str) -> String {
    let ask = Ask {
        client: client.to_owned(),
        ..Ask::parse(path, "")
    };
    ask.address()
}

/// The filter that was asked for: everything that writes or asks unless another was chosen.
pub fn of(ask: &Ask) -> OperationFilter {
    let known = KINDS.iter().find(|(kind, _, _)| *kind == ask.filter);
    let actions: Vec<String> = match known {
        Some((_, _, actions)) => actions.iter().map(|a| (*a).to_owned()).collect(),
        None if ask.filter == "all" => Vec::new(),
        None => Action::NAMES
            .iter()
            .filter(|a| **a != "skip")
            .map(|a| (*a).to_owned())
            .collect(),
    };
    OperationFilter {
        actions,
        client: (!ask.client.is_empty()).then(|| ask.client.clone()),
        search: ask.search.clone(),
    }
}

/// The filters there is something behind.
pub fn chips(plan: &PlanSummary) -> Vec<Chip> {
    let c = &plan.counts;
    let chip = |value: &str, label: &str, count: u32| Chip {
        value: value.to_owned(),
        label: label.to_owned(),
        count: Some(u64::from(count)),
    };
    let mut chips = vec![chip("", "Changes", c.writes() + c.reviews)];
    for (kind, label, _) in KINDS {
        let count = match kind {
            "create" => c.create_clients + c.create_sites + c.create_asset_types + c.create_assets,
            "link" => c.links,
            "update" => c.updates,
            "archive" => c.archives,
            "restore" => c.restores,
            "unlink" => c.unlinks,
            "questions" => c.reviews,
            _ => c.skips,
        };
        if count > 0 {
            let label = if kind == "skipped" && plan.undoes.is_some() {
                "Stays"
            } else {
                label
            };
            chips.push(chip(kind, label, count));
        }
    }
    chips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_in_one_kind_and_what_is_unknown_shows_the_changes() {
        let mut named: Vec<&str> = KINDS
            .iter()
            .flat_map(|(_, _, actions)| actions.iter().copied())
            .collect();
        named.sort_unstable();
        let mut all = Action::NAMES.to_vec();
        all.sort_unstable();
        assert_eq!(named, all);
        let filter = of(&Ask::parse("/plans/1", "f=nonsense&client=Acme"));
        assert!(!filter.actions.contains(&"skip".to_owned()) && filter.actions.len() == 10);
        assert_eq!(filter.client.as_deref(), Some("Acme"));
    }
}
