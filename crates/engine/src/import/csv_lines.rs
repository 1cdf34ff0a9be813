//! A CSV file as people hand it in: its good lines, and what is wrong with the others.

use super::ImportReport;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::io::Read;

/// The largest cell that is taken: far above any name, far below what would be a file pasted into a cell.
const MAX_CELL: usize = 10_000;

/// One good line: its number and its cells by column.
pub(super) type Line = (u64, BTreeMap<String, String>);

/// Reads a CSV file whose heading names `allowed` columns, `needed` among them. A byte order mark is skipped.
pub(super) fn read_lines(
    name: &str,
    mut file: impl Read,
    allowed: &[&str],
    needed: &[&str],
) -> Result<(Vec<Line>, ImportReport)> {
    let bad = |problem: String| Error::File {
        file: name.to_owned(),
        problem,
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| bad(error.to_string()))?;
    let content = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(content);
    let heading = reader
        .headers()
        .map_err(|error| bad(format!("the first line is no heading: {error}")))?
        .clone();
    let expected = || format!("Expected: {}", allowed.join(", "));
    let columns: Vec<&str> = heading
        .iter()
        .map(|column| {
            let found = allowed.iter().find(|a| a.eq_ignore_ascii_case(column));
            found
                .copied()
                .ok_or_else(|| bad(format!("unknown column `{}`. {}", shorten(column), expected())))
        })
        .collect::<Result<_>>()?;
    if let Some(twice) = columns
        .iter()
        .enumerate()
        .find(|(i, c)| columns[..*i].contains(c))
        .map(|(_, c)| c)
    {
        return Err(bad(format!("the column `{twice}` stands there twice")));
    }
    if let Some(missing) = needed.iter().find(|n| !columns.contains(n)) {
        return Err(bad(format!("the column `{missing}` is missing. {}", expected())));
    }
    let mut lines = Vec::new();
    let mut report = ImportReport::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                report
                    .bad_lines
                    .push((line, "it is not valid UTF-8 or not valid CSV".to_owned()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let problem = if record.len() != columns.len() {
            Some(format!(
                "it has {} cells, the heading {}",
                record.len(),
                columns.len()
            ))
        } else if let Some((column, cell)) = columns
            .iter()
            .zip(&record)
            .find(|(_, cell)| cell.len() > MAX_CELL)
        {
            Some(format!(
                "the cell `{column}` holds {} bytes; {MAX_CELL} are the most",
                cell.len()
            ))
        } else {
            let blank = needed.iter().find(|n| {
                columns
                    .iter()
                    .zip(&record)
                    .any(|(c, cell)| c == *n && cell.is_empty())
            });
            blank.map(|column| format!("the cell `{column}` is empty"))
        };
        match problem {
            Some(problem) => report.bad_lines.push((line, problem)),
            None => {
                let cells = columns
                    .iter()
                    .zip(&record)
                    .map(|(c, cell)| ((*c).to_owned(), cell.to_owned()))
                    .collect();
                lines.push((line, cells));
            }
        }
    }
    Ok((lines, report))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Result<(Vec<Line>, ImportReport)> {
        read_lines("clients.csv", text, &["name", "client"], &["name"])
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_heading() {
        let (lines, report) = lines(b"\xef\xbb\xbfName\r\nAcme\r\n").unwrap();
        assert_eq!(lines[0].1["name"], "Acme");
        assert!(report.bad_lines.is_empty());
    }

    #[test]
    fn wrong_columns_are_named_with_the_right_ones() {
        let error = lines(b"company\nAcme\n").unwrap_err().to_string();
        assert!(
            error.contains("unknown column `company`") && error.contains("Expected: name, client"),
            "{error}"
        );
        let error = lines(b"name,Name\nAcme,Zenith\n").unwrap_err().to_string();
        assert!(error.contains("`name` stands there twice"), "{error}");
        let error = lines(b"client\nAcme\n").unwrap_err().to_string();
        assert!(error.contains("`name` is missing"), "{error}");
    }

    #[test]
    fn bad_lines_are_reported_by_number_and_the_others_stay() {
        let huge = "x".repeat(1 << 20);
        let text = format!("name\nAcme\n{huge}\n\"\"\nA,B\nZenith\n");
        let (lines, report) = lines(text.as_bytes()).unwrap();
        assert_eq!(
            lines.iter().map(|(_, c)| c["name"].as_str()).collect::<Vec<_>>(),
            ["Acme", "Zenith"]
        );
        assert_eq!(
            report.bad_lines.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            [3, 4, 5]
        );
        assert!(
            report.bad_lines[0].1.contains("1048576 bytes"),
            "{:?}",
            report.bad_lines
        );
    }

    #[test]
    fn a_line_that_is_no_text_is_a_bad_line() {
        let (lines, report) = lines(b"name\nAc\xff\xfeme\nZenith\n").unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(report.bad_lines[0].0, 2);
    }
}
