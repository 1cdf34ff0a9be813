//! The report on the terminal and as Markdown.

use std::fmt::Write as _;

use super::ids::{self, Id};
use super::join::{Status, Verdict, Weight};

/// The report people read: per system what is proven by which test, and what is not.
pub fn text(statuses: &[Status], results: usize) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "acceptance: {results} test results");
    for system in statuses.chunk_by(|a, b| a.requirement.system == b.requirement.system) {
        let name = system
            .first()
            .map_or("", |status| status.requirement.system.as_str());
        let _ = writeln!(out, "\n{name}: {}", counts(system));
        for status in system {
            let word = match status.verdict() {
                Verdict::Nothing => continue,
                Verdict::Proven => "proven",
                Verdict::Failing => "FAILING",
                Verdict::Short => "short",
            };
            let _ = writeln!(
                out,
                "  {} {word:8} {}",
                status.requirement.id,
                tests(status, "").join("; ")
            );
        }
        let none: Vec<Id> = system
            .iter()
            .filter(|status| status.verdict() == Verdict::Nothing)
            .map(|status| status.requirement.id)
            .collect();
        if !none.is_empty() {
            let _ = writeln!(out, "  no test names: {}", ids::condensed(&none));
        }
    }
    let _ = writeln!(out, "\nacceptance: {}", counts(statuses));
    out
}

/// The same as a table with one line per requirement.
pub fn markdown(statuses: &[Status]) -> String {
    let mut out = String::from(
        "# Acceptance\n\nWritten by `cargo xtask acceptance --write`; the requirements are those of \
         [acceptance.tsv](acceptance.tsv).\n\nAll: ",
    );
    let _ = writeln!(out, "{}.", counts(statuses));
    for system in statuses.chunk_by(|a, b| a.requirement.system == b.requirement.system) {
        let name = system
            .first()
            .map_or("", |status| status.requirement.system.as_str());
        let _ = writeln!(out, "\n## {name}\n\n{}.\n", counts(system));
        out.push_str("| id | status | requirement | tests |\n|---|---|---|---|\n");
        for status in system {
            let word = match status.verdict() {
                Verdict::Proven => "proven",
                Verdict::Failing => "**failing**",
                Verdict::Short => "short",
                Verdict::Nothing => "–",
            };
            let page = if status.requirement.needs_page {
                " (page)"
            } else {
                ""
            };
            let text = status.requirement.text.replace('|', "\\|");
            let tests = tests(status, "`").join("<br>");
            let _ = writeln!(
                out,
                "| {} | {word}{page} | {text} | {tests} |",
                status.requirement.id
            );
        }
    }
    out
}

fn counts(statuses: &[Status]) -> String {
    let of = |verdict| {
        statuses
            .iter()
            .filter(|status| status.verdict() == verdict)
            .count()
    };
    let mut text = format!("{} of {} proven", of(Verdict::Proven), statuses.len());
    for (count, word) in [
        (of(Verdict::Failing), "failing"),
        (of(Verdict::Short), "short of proof"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

fn tests(status: &Status, quote: &str) -> Vec<String> {
    let note = |weight| match weight {
        Weight::Proves => "",
        Weight::NotAPage => " (needs a page or browser test)",
        Weight::Failed => " (failed)",
        Weight::NotRun => " (not in the results)",
    };
    status
        .tests
        .iter()
        .map(|(name, weight)| format!("{quote}{name}{quote}{}", note(*weight)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::list::Requirement;
    use super::*;

    fn status(id: &str, system: &str, tests: &[(&str, Weight)]) -> Status {
        let requirement = Requirement {
            id: Id::parse(id).unwrap(),
            system: system.to_owned(),
            text: "a | b".to_owned(),
            needs_page: id == "H03",
        };
        Status {
            requirement,
            tests: tests
                .iter()
                .map(|(name, weight)| ((*name).to_owned(), *weight))
                .collect(),
        }
    }

    fn some() -> Vec<Status> {
        vec![
            status(
                "H01",
                "A",
                &[("plan x", Weight::Proves), ("plan y", Weight::Failed)],
            ),
            status("H02", "A", &[("plan y", Weight::Failed)]),
            status("H03", "A", &[("plan x", Weight::NotAPage)]),
            status("H04", "A", &[]),
            status("H05", "A", &[]),
            status("H06", "A", &[]),
            status("C01", "B", &[("plan z", Weight::NotRun)]),
        ]
    }

    #[test]
    fn the_text_says_per_system_what_is_proven_by_what() {
        let expected = "\
acceptance: 4 test results

A: 1 of 6 proven, 1 failing, 1 short of proof
  H01 proven   plan x; plan y (failed)
  H02 FAILING  plan y (failed)
  H03 short    plan x (needs a page or browser test)
  no test names: H04-H06

B: 0 of 1 proven, 1 short of proof
  C01 short    plan z (not in the results)

acceptance: 1 of 7 proven, 1 failing, 2 short of proof
";
        assert_eq!(text(&some(), 4), expected);
    }

    #[test]
    fn the_table_has_a_line_per_requirement() {
        let table = markdown(&some());
        assert!(
            table.contains("| H01 | proven | a \\| b | `plan x`<br>`plan y` (failed) |"),
            "{table}"
        );
        assert!(table.contains("| H03 | short (page) |"), "{table}");
        assert_eq!(
            table
                .lines()
                .filter(|line| line.starts_with("| H") || line.starts_with("| C"))
                .count(),
            7
        );
    }
}
