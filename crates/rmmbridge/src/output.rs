//! How results are printed: tables for people, JSON for programs.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};

/// Where results go and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// One JSON document on standard output instead of text.
    pub json: bool,
}

impl Output {
    /// Prints a value as JSON, or as `text` makes of it.
    pub fn show<T: Serialize>(self, value: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string_pretty(value)?
        } else {
            text()
        };
        self.line(&text)
    }

    /// Prints lines for people; nothing with `--json`.
    pub fn say(self, text: &str) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { self.line(text) }
    }

    fn line(self, text: &str) -> anyhow::Result<()> {
        match writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n')) {
            // Whoever read us has seen enough, e.g. `head`.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
            other => Ok(other?),
        }
    }
}

/// A table; cells come from people and vendors, so control characters are made visible.
pub fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(heading.iter().map(|h| h.to_uppercase()));
    for row in rows {
        table.add_row(row.into_iter().map(|cell| plan::render::visible(&cell)));
    }
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A time for people, in the machine's own zone.
pub fn time(at: jiff::Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}
