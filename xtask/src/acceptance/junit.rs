//! The results of a test run, as nextest's JUnit file tells them.

use anyhow::{Context, Result};

/// One test that was run.
#[derive(Debug, Clone, PartialEq)]
pub struct TestResult {
    /// nextest's name for the test program: `plan`, `plan::it`, `rmmbridge::bin/rmmbridge`.
    pub binary: String,
    /// The test's path in it: `matching::tests::h35_distance_four`.
    pub path: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It passed (at the latest try).
    Passed,
    /// It failed, timed out or crashed.
    Failed,
    /// It was not run.
    Skipped,
}

impl TestResult {
    /// The package the test belongs to.
    pub fn package(&self) -> &str {
        self.binary.split("::").next().unwrap_or_default()
    }

    /// The name people look a test up by: `plan::it matching::h35_distance_four`.
    pub fn name(&self) -> String {
        format!("{} {}", self.binary, self.path)
    }
}

/// Reads the text of one file.
pub fn parse(xml: &str) -> Result<Vec<TestResult>> {
    let document = roxmltree::Document::parse(xml).context("not well-formed XML")?;
    let mut results = Vec::new();
    for case in document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
    {
        let suite = || case.parent().and_then(|suite| suite.attribute("name"));
        let binary = case
            .attribute("classname")
            .or_else(suite)
            .context("a testcase without classname")?;
        let path = case.attribute("name").context("a testcase without name")?;
        let has = |tag: &str| case.children().any(|child| child.has_tag_name(tag));
        let outcome = if has("failure") || has("error") {
            Outcome::Failed
        } else if has("skipped") {
            Outcome::Skipped
        } else {
            Outcome::Passed
        };
        results.push(TestResult {
            binary: binary.to_owned(),
            path: path.to_owned(),
            outcome,
        });
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_from_what_a_testcase_holds() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="nextest-run" tests="4" failures="1" errors="0">
              <testsuite name="plan::it" tests="4">
                <testcase name="a::passes" classname="plan::it" time="0.1"/>
                <testcase name="fails" classname="plan::it"><failure type="test failure">no</failure></testcase>
                <testcase name="slow" classname="plan::it"><error type="test timeout"/></testcase>
                <testcase name="flaky" classname="plan::it"><flakyFailure type="test failure"/></testcase>
                <testcase name="off" classname="plan"><skipped/></testcase>
              </testsuite>
            </testsuites>"#;
        let results = parse(xml).unwrap();
        let outcomes: Vec<_> = results.iter().map(|r| (r.path.as_str(), r.outcome)).collect();
        assert_eq!(
            outcomes,
            [
                ("a::passes", Outcome::Passed),
                ("fails", Outcome::Failed),
                ("slow", Outcome::Failed),
                ("flaky", Outcome::Passed),
                ("off", Outcome::Skipped)
            ]
        );
        assert_eq!(results[0].package(), "plan");
        assert_eq!(results[0].name(), "plan::it a::passes");
    }

    #[test]
    fn a_broken_file_is_an_error() {
        assert!(parse("<testsuites><testcase").is_err());
        assert!(parse("<testsuites><testcase name='a'/></testsuites>").is_err());
    }
}
