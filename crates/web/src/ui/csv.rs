//! Lists as CSV files for spreadsheets. A cell that a spreadsheet would take for a formula is made text, and marks that turn
//! the direction of writing are left out: a name with one reads as another, and takes its neighbours along.

use super::words::is_direction;
use crate::problem::Result;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use std::io;

/// One line of the file. Texts that begin as a formula does get an apostrophe before them; marks of direction go.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        let cell: String = cell.chars().filter(|c| !is_direction(*c)).collect();
        let harmless = cell
            .chars()
            .find(|c| !c.is_whitespace() || matches!(c, '\t' | '\r' | '\n'))
            .is_none_or(|first| !is_formula(first) || is_number(&cell));
        let plain = harmless && !cell.contains([',', '"', '\n', '\r']);
        if plain {
            line.push_str(&cell);
            continue;
        }
        line.push('"');
        if !harmless {
            line.push('\'');
        }
        line.push_str(&cell.replace('"', "\"\""));
        line.push('"');
    }
    line.push_str("\r\n");
    line
}

fn is_formula(first: char) -> bool {
    // The wide forms are taken for the plain ones by some.
    matches!(
        first,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

/// A negative number is no formula.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// A file of that name, sent as it is made. The mark at its beginning tells spreadsheets that it is UTF-8.
pub fn file(
    name: &str,
    head: &[&str],
    lines: impl Stream<Item = Result<String>> + Send + 'static,
) -> Response {
    let first = format!("\u{feff}{}", line(head.iter().copied()));
    let first = futures::stream::iter([Ok(Bytes::from(first))]);
    // Once it is on its way a failure can only cut it short, which browsers report.
    let rest = lines.map(|part| {
        part.map(Bytes::from)
            .map_err(|problem| io::Error::other(problem.what))
    });
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    (
        [
            (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            (CACHE_CONTROL, "no-store".to_owned()),
        ],
        Body::from_stream(first.chain(rest)),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_where_needed_and_formulas_are_text() {
        assert_eq!(
            line(["PC-1", "", "a,b", "say \"hi\"", "two\nlines"]),
            "PC-1,,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\r\n"
        );
        for formula in [
            "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\n=1",
        ] {
            let written = line([formula]);
            assert!(written.starts_with("\"'"), "{formula:?} became {written:?}");
        }
        // A mark before it makes it no less of one, and a name keeps its letters alone.
        assert_eq!(
            line(["\u{202e}=1+1", "a\u{202e}fdp.exe\u{2069}"]),
            "\"'=1+1\",afdp.exe\r\n"
        );
        assert_eq!(line(["-12.5", "12", "2026-01-15"]), "-12.5,12,2026-01-15\r\n");
    }
}
