//! The claims the sources make: which test says it proves which requirement.

use anyhow::Result;

use super::ids::{self, Id};
use super::junit::TestResult;
use crate::source::{Source, TestFn};
use crate::workspace::{Crate, Workspace};

/// One test function of the sources and the ids it claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The package it belongs to.
    pub package: String,
    /// Where cargo builds it into.
    pub home: Home,
    /// Its path in that program: modules and name.
    pub path: Vec<String>,
    /// The file, relative to the root.
    pub file: String,
    /// The line the function begins on.
    pub line: usize,
    /// The ids in its name and at the head of its comments.
    pub ids: Vec<Id>,
    /// Ids its comments mention without claiming them, with the line.
    pub mentioned: Vec<(Id, usize)>,
}

/// The test program a file ends up in.
#[derive(Debug, Clone, PartialEq)]
pub enum Home {
    /// `src/`: the library's or a binary's own tests.
    Unit,
    /// `tests/NAME.rs` or `tests/NAME/`.
    Integration(String),
    /// Benches and examples.
    Other,
}

/// Reads every test function of the workspace that names an id.
pub fn read(workspace: &Workspace) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for file in workspace.rust_files()? {
        let Some(member) = owner(&workspace.crates, &file) else {
            continue;
        };
        let source = Source::parse(&workspace.read(&file)?).map_err(|error| error.context(file.clone()))?;
        claims.extend(source.tests().iter().map(|test| claim(member, &file, test)));
    }
    claims.retain(|claim| !claim.ids.is_empty() || !claim.mentioned.is_empty());
    Ok(claims)
}

/// The crate with the longest folder that holds the file.
fn owner<'a>(crates: &'a [Crate], file: &str) -> Option<&'a Crate> {
    let holds = |member: &&Crate| {
        file.strip_prefix(&member.folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    crates
        .iter()
        .filter(holds)
        .max_by_key(|member| member.folder.len())
}

fn claim(member: &Crate, file: &str, test: &TestFn) -> Claim {
    let within = file
        .strip_prefix(&member.folder)
        .unwrap_or(file)
        .trim_start_matches('/');
    let (home, mut path) = place(within);
    path.extend(test.modules.iter().cloned());
    path.push(test.name.clone());
    let mut claimed = ids::in_name(&test.name);
    let mut mentioned = Vec::new();
    for comment in &test.comments {
        for (offset, line) in comment.text.lines().enumerate() {
            let head = ids::at_head(line.trim_start());
            let others = ids::mentioned(line).into_iter().filter(|id| !head.contains(id));
            mentioned.extend(others.map(|id| (id, comment.line + offset)));
            claimed.extend(head);
        }
    }
    claimed.sort();
    claimed.dedup();
    mentioned.retain(|(id, _)| !claimed.contains(id));
    Claim {
        package: member.name.clone(),
        home,
        path,
        file: file.to_owned(),
        line: test.line,
        ids: claimed,
        mentioned,
    }
}

/// The test program and the module a file of a crate belongs to, by cargo's conventions.
fn place(within: &str) -> (Home, Vec<String>) {
    let parts: Vec<&str> = within.trim_end_matches(".rs").split('/').collect();
    let (home, modules) = match parts.as_slice() {
        ["src", "bin", _, rest @ ..] | ["src", rest @ ..] => (Home::Unit, rest),
        ["tests", program, rest @ ..] => (Home::Integration((*program).to_owned()), rest),
        _ => (Home::Other, &[][..]),
    };
    let mut modules: Vec<String> = modules.iter().map(|part| (*part).to_owned()).collect();
    let is_root = modules.len() == 1 && modules.iter().any(|name| name == "lib" || name == "main");
    if is_root || modules.last().is_some_and(|name| name == "mod") {
        modules.pop();
    }
    (home, modules)
}

impl Claim {
    /// The results of this test function: one, or several when a macro makes cases of it.
    ///
    /// A file may be pulled in from elsewhere (`#[path]`), so where the path does not fit, the
    /// package's only test of that name counts.
    pub fn results<'a>(&self, all: &'a [TestResult]) -> Vec<&'a TestResult> {
        let name = self.path.last().map(String::as_str).unwrap_or_default();
        let exact = |result: &&TestResult| {
            let path: Vec<&str> = result.path.split("::").collect();
            self.is_home(result)
                && path.starts_with(&self.path.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let found: Vec<_> = all.iter().filter(exact).collect();
        if !found.is_empty() {
            return found;
        }
        let same_name = |result: &&TestResult| {
            result.package() == self.package && result.path.split("::").last() == Some(name)
        };
        let found: Vec<_> = all.iter().filter(same_name).collect();
        if found.len() == 1 { found } else { Vec::new() }
    }

    fn is_home(&self, result: &TestResult) -> bool {
        let program = result.binary.strip_prefix(&self.package);
        match &self.home {
            Home::Unit => program.is_some_and(|rest| rest.is_empty() || rest.starts_with("::bin/")),
            Home::Integration(name) => program == Some(&format!("::{name}")),
            Home::Other => {
                program.is_some_and(|rest| rest.starts_with("::bench/") || rest.starts_with("::example/"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::junit::Outcome;
    use super::*;

    fn member(name: &str, folder: &str) -> Crate {
        Crate {
            name: name.to_owned(),
            folder: folder.to_owned(),
            dependencies: Vec::new(),
            roots: Vec::new(),
        }
    }

    fn claims(file: &str, text: &str) -> Vec<Claim> {
        let source = Source::parse(text).unwrap();
        source
            .tests()
            .iter()
            .map(|test| claim(&member("plan", "crates/plan"), file, test))
            .collect()
    }

    fn ran(binary: &str, path: &str) -> TestResult {
        TestResult {
            binary: binary.to_owned(),
            path: path.to_owned(),
            outcome: Outcome::Passed,
        }
    }

    #[test]
    fn a_file_has_the_program_and_module_cargo_gives_it() {
        let cases = [
            ("src/lib.rs", Home::Unit, ""),
            ("src/main.rs", Home::Unit, ""),
            ("src/matching.rs", Home::Unit, "matching"),
            ("src/matching/mod.rs", Home::Unit, "matching"),
            ("src/matching/names.rs", Home::Unit, "matching::names"),
            ("src/bin/tool.rs", Home::Unit, ""),
            ("tests/it.rs", Home::Integration("it".to_owned()), ""),
            ("tests/it/main.rs", Home::Integration("it".to_owned()), ""),
            ("tests/it/story.rs", Home::Integration("it".to_owned()), "story"),
            ("benches/read.rs", Home::Other, ""),
        ];
        for (file, home, module) in cases {
            let (found, path) = place(file);
            assert_eq!((found, path.join("::")), (home, module.to_owned()), "{file}");
        }
    }

    #[test]
    fn names_and_comments_claim_and_talk_does_not() {
        let found = claims(
            "crates/plan/src/a.rs",
            "// H01\nfn helper() { /* H02 */ }\n\n// H34\n#[test]\nfn h35_h36_x() {\n  // H42-H44\n  check(1); // H50: last\n  // unlike H51 and H35\n  let s = \"// H52\";\n}\n",
        );
        assert_eq!(ids::condensed(&found[0].ids), "H34-H36, H42-H44, H50");
        let mentioned: Vec<_> = found[0]
            .mentioned
            .iter()
            .map(|(id, line)| (id.to_string(), *line))
            .collect();
        assert_eq!(mentioned, [("H51".to_owned(), 9)]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_claim_finds_its_own_result_and_not_a_namesake() {
        let all = [
            ran("plan", "a::tests::x"),
            ran("plan", "b::tests::x"),
            ran("plan::it", "a::tests::x"),
            ran("plan2", "a::tests::x"),
        ];
        let unit = claims("crates/plan/src/a.rs", "mod tests { #[test] fn x() {} }");
        assert_eq!(unit[0].results(&all), [&all[0]]);
        let it = claims("crates/plan/tests/it/a.rs", "mod tests { #[test] fn x() {} }");
        assert_eq!(it[0].results(&all), [&all[2]]);
        let elsewhere = claims("crates/plan/src/c.rs", "mod tests { #[test] fn x() {} }");
        assert!(elsewhere[0].results(&all).is_empty(), "three namesakes: no guess");
    }

    #[test]
    fn cases_of_a_macro_and_moved_files_are_found() {
        let all = [
            ran("plan", "a::x::case_1"),
            ran("plan", "a::x::case_2"),
            ran("plan::it", "deep::moved"),
        ];
        let table = claims("crates/plan/src/a.rs", "#[test] fn x() {}");
        assert_eq!(table[0].results(&all).len(), 2);
        let moved = claims("crates/plan/tests/other/file.rs", "#[test] fn moved() {}");
        assert_eq!(moved[0].results(&all), [&all[2]]);
    }

    #[test]
    fn a_file_belongs_to_the_innermost_crate() {
        let crates = [member("outer", "crates"), member("plan", "crates/plan")];
        assert_eq!(
            owner(&crates, "crates/plan/src/lib.rs").map(|c| c.name.as_str()),
            Some("plan")
        );
        assert_eq!(
            owner(&crates, "crates/planner/src/lib.rs").map(|c| c.name.as_str()),
            Some("outer")
        );
        assert_eq!(owner(&crates, "other/src/lib.rs"), None);
    }
}
