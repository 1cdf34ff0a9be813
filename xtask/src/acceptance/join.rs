//! Joins requirements, claims and results: what is proven, and what is not.

use std::collections::BTreeMap;

use super::claims::Claim;
use super::ids::{self, Id};
use super::junit::{Outcome, TestResult};
use super::list::Requirement;

/// Packages whose tests look at pages.
const PAGE_PACKAGES: [&str; 2] = ["e2e", "web"];
/// The package whose module `browser` drives a real browser against the program.
const BROWSER_PACKAGE: &str = "rmmbridge";

/// Whether one part of a test's or file's path is `browser`.
fn names_browser(path: &str) -> bool {
    path.split([':', '/', '.', ' ', '$'])
        .any(|part| part == "browser")
}

/// What the test run says about one requirement.
#[derive(Debug, PartialEq)]
pub struct Status {
    /// The requirement.
    pub requirement: Requirement,
    /// The tests that name it, each with what it counts for; sorted by name.
    pub tests: Vec<(String, Weight)>,
}

/// What a test that names a requirement counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It passed.
    Proves,
    /// It passed, but the requirement is about a page and the test does not look at one.
    NotAPage,
    /// It failed.
    Failed,
    /// The sources have it, the results do not.
    NotRun,
}

/// The verdict on a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// At least one passed test proves it.
    Proven,
    /// The tests that would prove it failed.
    Failing,
    /// A test names it but cannot prove it: no page test, or it was not run.
    Short,
    /// No test names it.
    Nothing,
}

impl Status {
    /// The verdict over all its tests.
    pub fn verdict(&self) -> Verdict {
        let has = |weight| self.tests.iter().any(|(_, of)| *of == weight);
        if has(Weight::Proves) {
            Verdict::Proven
        } else if has(Weight::Failed) {
            Verdict::Failing
        } else if self.tests.is_empty() {
            Verdict::Nothing
        } else {
            Verdict::Short
        }
    }
}

/// What the run says about every requirement, in the list's order.
pub fn join(list: &[Requirement], claims: &[Claim], results: &[TestResult]) -> Vec<Status> {
    let mut named: BTreeMap<Id, BTreeMap<String, Seen>> = BTreeMap::new();
    let mut note = |id: Id, name: String, seen: Seen| {
        let tests = named.entry(id).or_default();
        let merged = tests.get(&name).map_or(seen, |known| known.and(seen));
        tests.insert(name, merged);
    };
    for result in results {
        // The name counts by itself: a macro may make the function where no source shows it.
        // Not its modules': one name there would speak for every test inside.
        for id in result.path.rsplit("::").take(1).flat_map(ids::in_name) {
            note(id, result.name(), Seen::of(result, None));
        }
    }
    for claim in claims {
        let ran = claim.results(results);
        for id in &claim.ids {
            for result in &ran {
                note(*id, result.name(), Seen::of(result, Some(claim)));
            }
            if ran.is_empty() {
                note(
                    *id,
                    format!("{}:{} {}", claim.file, claim.line, claim.path.join("::")),
                    Seen::NOT_RUN,
                );
            }
        }
    }
    list.iter()
        .map(|requirement| {
            let tests = named.remove(&requirement.id).unwrap_or_default();
            let tests = tests
                .into_iter()
                .map(|(name, seen)| (name, seen.weight(requirement)))
                .collect();
            Status {
                requirement: requirement.clone(),
                tests,
            }
        })
        .collect()
}

/// Ids that claims name and the list does not have, with where.
pub fn unknown(list: &[Requirement], claims: &[Claim]) -> Vec<(Id, String)> {
    let known = |id: &Id| list.iter().any(|requirement| requirement.id == *id);
    let all = claims
        .iter()
        .flat_map(|claim| claim.ids.iter().map(move |id| (*id, claim)));
    all.filter(|(id, _)| !known(id))
        .map(|(id, claim)| (id, format!("{}:{}", claim.file, claim.line)))
        .collect()
}

/// Ids that a test's comment mentions where it does not count, with where.
pub fn talked_about(list: &[Requirement], claims: &[Claim]) -> Vec<(Id, String)> {
    let known = |id: &Id| list.iter().any(|requirement| requirement.id == *id);
    let all = claims
        .iter()
        .flat_map(|claim| claim.mentioned.iter().map(move |found| (found, claim)));
    all.filter(|((id, _), _)| known(id))
        .map(|((id, line), claim)| (*id, format!("{}:{line}", claim.file)))
        .collect()
}

#[derive(Clone, Copy)]
struct Seen {
    outcome: Option<Outcome>,
    page: bool,
}

impl Seen {
    const NOT_RUN: Self = Self {
        outcome: None,
        page: false,
    };

    fn of(result: &TestResult, claim: Option<&Claim>) -> Self {
        let page = PAGE_PACKAGES.contains(&result.package())
            || result.package() == BROWSER_PACKAGE
                && (names_browser(&result.name()) || claim.is_some_and(|claim| names_browser(&claim.file)));
        Self {
            outcome: Some(result.outcome),
            page,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            outcome: other.outcome.or(self.outcome),
            page: self.page || other.page,
        }
    }

    fn weight(self, requirement: &Requirement) -> Weight {
        match self.outcome {
            Some(Outcome::Passed) if requirement.needs_page && !self.page => Weight::NotAPage,
            Some(Outcome::Passed) => Weight::Proves,
            Some(Outcome::Failed) => Weight::Failed,
            Some(Outcome::Skipped) | None => Weight::NotRun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::Home;
    use super::*;

    fn requirement(id: &str, needs_page: bool) -> Requirement {
        let id = Id::parse(id).unwrap();
        Requirement {
            id,
            system: "A".to_owned(),
            text: "It works".to_owned(),
            needs_page,
        }
    }

    fn ran(binary: &str, path: &str, outcome: Outcome) -> TestResult {
        TestResult {
            binary: binary.to_owned(),
            path: path.to_owned(),
            outcome,
        }
    }

    fn claim(package: &str, file: &str, path: &str, ids: &[&str]) -> Claim {
        Claim {
            package: package.to_owned(),
            home: Home::Unit,
            path: path.split("::").map(str::to_owned).collect(),
            file: file.to_owned(),
            line: 7,
            ids: ids.iter().map(|id| Id::parse(id).unwrap()).collect(),
            mentioned: Vec::new(),
        }
    }

    fn verdict(requirement: &Requirement, claims: &[Claim], results: &[TestResult]) -> Verdict {
        join(std::slice::from_ref(requirement), claims, results)[0].verdict()
    }

    #[test]
    fn a_passed_test_proves_and_a_failed_one_does_not() {
        let h35 = requirement("H35", false);
        let named = |outcome| [ran("plan", "tests::h35_four", outcome)];
        assert_eq!(verdict(&h35, &[], &named(Outcome::Passed)), Verdict::Proven);
        assert_eq!(verdict(&h35, &[], &named(Outcome::Failed)), Verdict::Failing);
        assert_eq!(verdict(&h35, &[], &named(Outcome::Skipped)), Verdict::Short);
        for other in ["tests::h36_x", "h35_rules::some_other"] {
            assert_eq!(
                verdict(&h35, &[], &[ran("plan", other, Outcome::Passed)]),
                Verdict::Nothing
            );
        }
    }

    #[test]
    fn a_comment_counts_through_the_result_of_its_test() {
        let h35 = requirement("H35", false);
        let claims = [claim("plan", "crates/plan/src/a.rs", "a::table", &["H35"])];
        assert_eq!(
            verdict(&h35, &claims, &[ran("plan", "a::table", Outcome::Passed)]),
            Verdict::Proven
        );
        assert_eq!(
            verdict(&h35, &claims, &[ran("plan", "a::table", Outcome::Failed)]),
            Verdict::Failing
        );
        let other = [ran("plan", "a::other", Outcome::Passed)];
        assert_eq!(
            verdict(&h35, &claims, &other),
            Verdict::Short,
            "the source alone proves nothing"
        );
        let status = join(&[h35], &claims, &other);
        assert_eq!(
            status[0].tests,
            [("crates/plan/src/a.rs:7 a::table".to_owned(), Weight::NotRun)]
        );
    }

    #[test]
    fn one_passed_test_is_enough_and_the_failed_one_stays_visible() {
        let h35 = requirement("H35", false);
        let results = [
            ran("plan", "h35_a", Outcome::Failed),
            ran("plan", "h35_b", Outcome::Passed),
        ];
        let status = join(&[h35], &[], &results);
        assert_eq!(status[0].verdict(), Verdict::Proven);
        assert_eq!(
            status[0].tests,
            [
                ("plan h35_a".to_owned(), Weight::Failed),
                ("plan h35_b".to_owned(), Weight::Proves)
            ]
        );
    }

    #[test]
    fn a_page_needs_a_test_that_looks_at_one() {
        let h21 = requirement("H21", true);
        let passed = |binary: &str, path: &str| [ran(binary, path, Outcome::Passed)];
        assert_eq!(verdict(&h21, &[], &passed("engine", "h21_tab")), Verdict::Short);
        assert_eq!(verdict(&h21, &[], &passed("webhooks", "h21_tab")), Verdict::Short);
        assert_eq!(
            verdict(&h21, &[], &passed("engine::it", "browser::h21_tab")),
            Verdict::Short
        );
        assert_eq!(
            verdict(&h21, &[], &passed("rmmbridge::it", "before_a_browser_h21")),
            Verdict::Short
        );
        for (binary, path) in [
            ("e2e::it", "h21_tab"),
            ("web", "pages::h21_tab"),
            ("rmmbridge::browser", "h21_tab"),
            ("rmmbridge::it", "browser::h21_tab"),
        ] {
            assert_eq!(
                verdict(&h21, &[], &passed(binary, path)),
                Verdict::Proven,
                "{binary} {path}"
            );
        }
        let claims = [claim(
            "rmmbridge",
            "crates/rmmbridge/src/browser.rs",
            "x",
            &["H21"],
        )];
        assert_eq!(verdict(&h21, &claims, &passed("rmmbridge", "x")), Verdict::Proven);
    }

    #[test]
    fn ids_nobody_knows_are_said() {
        let claims = [claim("plan", "crates/plan/src/a.rs", "x", &["H35", "H99"])];
        let found = unknown(&[requirement("H35", false)], &claims);
        assert_eq!(
            found,
            [(Id::parse("H99").unwrap(), "crates/plan/src/a.rs:7".to_owned())]
        );
    }
}
