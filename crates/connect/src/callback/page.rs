//! The few pages the listener shows: plain, without script, everything that came from outside escaped.

use super::Ending;

/// A page with its status.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) html: String,
}

impl Page {
    pub(super) fn of(ending: &Ending) -> Self {
        match ending {
            Ending::Complete => Self::new(
                200,
                "Connected",
                &["rmmbridge is connected.", "You can close this window."],
            ),
            Ending::Failed { what, next } => Self::new(
                200,
                "Not connected",
                &["rmmbridge was not connected.", what, next],
            ),
        }
    }

    pub(super) fn stranger() -> Self {
        Self::new(
            400,
            "Not this sign-in",
            &[
                "This page was not opened by the sign-in under way.",
                "Start again, and finish in the browser window that opens.",
            ],
        )
    }

    pub(super) fn already() -> Self {
        Self::new(
            409,
            "Already received",
            &[
                "This sign-in is being finished.",
                "See the window where it was started.",
            ],
        )
    }

    pub(super) fn cut_short() -> Self {
        Self::new(
            500,
            "Not connected",
            &["rmmbridge was not connected: the program ended before it was finished."],
        )
    }

    pub(super) fn plain(status: u16, title: &str) -> Self {
        Self::new(status, title, &[])
    }

    fn new(status: u16, title: &str, lines: &[&str]) -> Self {
        let lines: String = lines
            .iter()
            .filter(|line| !line.is_empty())
            .map(|line| format!("<p>{}</p>\n", escape(line)))
            .collect();
        let title = escape(title);
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} - rmmbridge</title>\n</head>\n\
             <body>\n<main>\n<h1>{title}</h1>\n{lines}</main>\n</body>\n</html>\n"
        );
        Self { status, html }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_outside_is_escaped() {
        let ending = Ending::Failed {
            what: "<script>alert('x')</script> & \"y\"".to_owned(),
            next: String::new(),
        };
        let page = Page::of(&ending).html;
        assert!(!page.contains("<script>"), "{page}");
        assert!(
            page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"),
            "{page}"
        );
        assert!(!page.contains("<p></p>"), "{page}");
    }
}
