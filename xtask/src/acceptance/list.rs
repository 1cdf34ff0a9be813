//! The acceptance list and the ids that need a page, as committed under `docs/`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};

use super::ids::Id;

/// The list, relative to the root.
pub const LIST: &str = "docs/acceptance.tsv";
/// The ids whose requirement is about something on a page, relative to the root.
pub const PAGES: &str = "docs/acceptance-pages.tsv";

const HEADER: &str = "id\tsystem\tarea\trequirement\tkind";

/// One line of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// Its id.
    pub id: Id,
    /// The product whose integration asks for it.
    pub system: String,
    /// What it asks for, in one sentence.
    pub text: String,
    /// Only a test that looks at a page can prove it.
    pub needs_page: bool,
}

/// Reads both files' texts.
pub fn parse(list: &str, pages: &str) -> Result<Vec<Requirement>> {
    let mut lines = list.lines();
    ensure!(
        lines.next() == Some(HEADER),
        "{LIST}:1: the header is not `{}`",
        HEADER.replace('\t', " ")
    );
    let mut found: Vec<Requirement> = Vec::new();
    for (at, line) in lines.enumerate() {
        let at = at + 2;
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, system, _area, text, _kind] = cells[..] else {
            bail!("{LIST}:{at}: {} columns instead of 5", cells.len());
        };
        let id = Id::parse(id).with_context(|| format!("{LIST}:{at}: `{id}` is no id such as H35"))?;
        ensure!(
            found.iter().all(|other| other.id != id),
            "{LIST}:{at}: {id} is there twice"
        );
        found.push(Requirement {
            id,
            system: system.to_owned(),
            text: text.to_owned(),
            needs_page: false,
        });
    }
    let mut seen = BTreeSet::new();
    for (at, line) in pages.lines().enumerate() {
        let at = at + 1;
        let id = line.split('\t').next().unwrap_or_default().trim();
        if id.is_empty() || id.starts_with('#') || id == "id" {
            continue;
        }
        let id = Id::parse(id).with_context(|| format!("{PAGES}:{at}: `{id}` is no id such as H35"))?;
        ensure!(seen.insert(id), "{PAGES}:{at}: {id} is there twice");
        let requirement = found.iter_mut().find(|requirement| requirement.id == id);
        requirement
            .with_context(|| format!("{PAGES}:{at}: {id} is not in {LIST}"))?
            .needs_page = true;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    const SMALL: &str =
        "id\tsystem\tarea\trequirement\tkind\nH01\tA\tx\tIt reads\tstated\nH02\tA\tx\tIt shows\tstated\n";

    #[test]
    fn lines_become_requirements_and_pages_are_marked() {
        let found = parse(SMALL, "id\n# pages\nH02\ta tab\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].text.as_str(), found[0].needs_page), ("It reads", false));
        assert!(found[1].needs_page);
    }

    #[test]
    fn mistakes_are_said_with_their_line() {
        let cases = [
            (
                format!("{SMALL}H01\tA\tx\tAgain\tstated\n"),
                "",
                "acceptance.tsv:4: H01 is there twice",
            ),
            (format!("{SMALL}H03\tA\n"), "", "acceptance.tsv:4: 2 columns"),
            (
                format!("{SMALL}X\tA\tx\tt\tk\n"),
                "",
                "acceptance.tsv:4: `X` is no id",
            ),
            ("nothing\n".to_owned(), "", "acceptance.tsv:1: the header"),
            (SMALL.to_owned(), "H09\n", "acceptance-pages.tsv:1: H09 is not in"),
            (
                SMALL.to_owned(),
                "H01\nH01\n",
                "acceptance-pages.tsv:2: H01 is there twice",
            ),
        ];
        for (list, pages, message) in cases {
            let error = parse(&list, pages).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn the_committed_list_has_every_requirement_of_the_five_systems() {
        let workspace = Workspace::here().unwrap();
        let found = parse(&workspace.read(LIST).unwrap(), &workspace.read(PAGES).unwrap()).unwrap();
        let mut systems: Vec<(&str, usize)> = Vec::new();
        for requirement in &found {
            match systems.last_mut() {
                Some((system, count)) if *system == requirement.system => *count += 1,
                _ => systems.push((&requirement.system, 1)),
            }
        }
        assert_eq!(
            systems,
            [
                ("HumanizeIT", 56),
                ("Passportal", 38),
                ("HaloPSA (Ninja API V1)", 82),
                ("Rallied.ai", 69),
                ("ConnectWise Manage", 42)
            ]
        );
    }
}
