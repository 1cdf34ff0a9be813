//! What the tests prove: the acceptance list joined with the results of a test run.

mod claims;
mod ids;
mod join;
mod junit;
mod list;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::workspace::Workspace;
use join::Verdict;

/// Where nextest puts the results of its profile `ci`, relative to the root (.config/nextest.toml).
const JUNIT: &str = "target/nextest/ci/junit.xml";

/// How a test names a requirement, as `cargo xtask acceptance --help` says it.
pub const NAMING_HELP: &str = "\
How a test names what it proves:
  * in the function's name, as words between underscores:
        fn h35_distance_four_does_not_match()   fn h42_h43_serial_and_name()   fn h42_to_h54_each_field()
  * in a comment inside the test function or directly above it that begins with the ids:
        // H35      // H34, H36: both sides      // H42-H54
A comment outside a test function, or one that only mentions an id, does not count.
The test has to be in the results and to have passed. Requirements about something a person sees on a
page (docs/acceptance-pages.tsv) count only when the test is in the package e2e or web, or in a
module or folder `browser` of the package rmmbridge.";

/// Reads everything, prints the report and writes the table; true when all required ids are proven.
pub fn run(
    workspace: &Workspace,
    junit: &[PathBuf],
    write: Option<&Path>,
    require: &[String],
) -> Result<bool> {
    let required = ids::parse_list(require).context("--require")?;
    let list = list::parse(&workspace.read(list::LIST)?, &workspace.read(list::PAGES)?)?;
    if let Some(id) = required
        .iter()
        .find(|id| list.iter().all(|known| known.id != **id))
    {
        bail!("--require: {id} is not in {}", list::LIST);
    }
    let default = [workspace.root.join(JUNIT)];
    let mut results = Vec::new();
    for file in if junit.is_empty() { &default[..] } else { junit } {
        let xml = std::fs::read_to_string(file).with_context(|| {
            format!(
                "reading {} (run `cargo nextest run --workspace --profile ci` first)",
                file.display()
            )
        })?;
        results.extend(junit::parse(&xml).with_context(|| format!("reading {}", file.display()))?);
    }
    let claims = claims::read(workspace)?;
    let statuses = join::join(&list, &claims, &results);
    say(report::text(&statuses, results.len()).trim_end());
    for (id, place) in join::unknown(&list, &claims) {
        say(format_args!("warning: {place}: {id} is not in {}", list::LIST));
    }
    for (id, place) in join::talked_about(&list, &claims) {
        say(format_args!(
            "note: {place}: {id} is mentioned but not claimed; a comment has to begin with it"
        ));
    }
    if let Some(file) = write {
        std::fs::write(file, report::markdown(&statuses))
            .with_context(|| format!("writing {}", file.display()))?;
        say(format_args!("wrote {}", file.display()));
    }
    let missing: Vec<_> = statuses
        .iter()
        .filter(|status| status.verdict() != Verdict::Proven && required.contains(&status.requirement.id))
        .map(|status| status.requirement.id)
        .collect();
    if !required.is_empty() {
        match missing.len() {
            0 => say(format_args!("required: all {} proven", required.len())),
            n => say(format_args!(
                "required: {n} of {} NOT proven: {}",
                required.len(),
                ids::condensed(&missing)
            )),
        }
    }
    Ok(missing.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace on disk with one crate, one source file and one JUnit file.
    fn workspace(result: &str) -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for sub in ["docs", "crates/plan/src", "target/nextest/ci"] {
            std::fs::create_dir_all(root.join(sub)).unwrap();
        }
        let list =
            "id\tsystem\tarea\trequirement\tkind\nH01\tA\tx\tIt reads\tstated\nH02\tA\tx\tIt shows\tstated\n";
        std::fs::write(root.join(list::LIST), list).unwrap();
        std::fs::write(root.join(list::PAGES), "id\nH02\n").unwrap();
        std::fs::write(
            root.join("crates/plan/src/lib.rs"),
            "#[test]\nfn works() {\n  // H01, H02\n}\n",
        )
        .unwrap();
        let xml = format!(
            "<testsuites><testsuite name='plan'><testcase classname='plan' name='works'>{result}</testcase></testsuite></testsuites>"
        );
        std::fs::write(root.join(JUNIT), xml).unwrap();
        let plan = crate::workspace::Crate {
            name: "plan".to_owned(),
            folder: "crates/plan".to_owned(),
            dependencies: Vec::new(),
            roots: Vec::new(),
        };
        let workspace = Workspace {
            root: root.to_owned(),
            target: root.join("target"),
            crates: vec![plan],
        };
        (folder, workspace)
    }

    fn required(workspace: &Workspace, ids: &str) -> Result<bool> {
        run(workspace, &[], None, &[ids.to_owned()])
    }

    #[test]
    fn required_ids_decide_the_exit() {
        let (_folder, passed) = workspace("");
        assert!(required(&passed, "H01").unwrap());
        assert!(
            !required(&passed, "H02").unwrap(),
            "about a page, and the test is none"
        );
        let (_folder, failed) = workspace("<failure/>");
        assert!(!required(&failed, "H01").unwrap());
        assert!(
            run(&failed, &[], None, &[]).unwrap(),
            "nothing required, nothing missing"
        );
    }

    #[test]
    fn unknown_required_ids_and_missing_results_are_errors() {
        let (_folder, passed) = workspace("");
        assert!(required(&passed, "H77").unwrap_err().to_string().contains("H77"));
        let missing = run(&passed, &["nowhere.xml".into()], None, &[]).unwrap_err();
        assert!(missing.to_string().contains("nowhere.xml"), "{missing}");
    }

    #[test]
    fn the_table_is_written_where_asked() {
        let (folder, passed) = workspace("");
        let file = folder.path().join("status.md");
        run(&passed, &[], Some(&file), &[]).unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(
            text.contains("| H01 | proven | It reads | `plan works` |"),
            "{text}"
        );
    }
}
