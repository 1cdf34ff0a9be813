//! The few pages the listener shows: plain, without script, everything that came from outside escaped.

use super::Ending;

/// The pages' only style. Its digest stands in [`POLICY`], and a test holds the two together.
const STYLE: &str = "
:root { color-scheme: light dark; --page: #eef1f4; --card: #fff; --text: #1b2530; }
@media (prefers-color-scheme: dark) { :root { --page: #12181f; --card: #1c252f; --text: #e8edf2; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; min-height: 100vh; display: flex; align-items: center; justify-content: center;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { width: 100%; max-width: 32rem; padding: 1.75rem; background: var(--card); border-radius: 0.75rem;
  box-shadow: 0 1px 4px rgb(0 0 0 / 25%); }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.3; }
p { margin: 0 0 1rem; }
p:last-child { margin-bottom: 0; }
";

/// What a page may load: its own style, and nothing else.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'sha256-7gtGDTvSgP5OvAk+OPcF6yXmNEwGe88PL0bH/KWfuu0='; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

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
                &["rmmbridge was not connected.", &sentence(what), &sentence(next)],
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
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} - rmmbridge</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<h1>{title}</h1>\n{lines}</main>\n</body>\n</html>\n"
        );
        Self { status, html }
    }
}

/// Words of an error, which is a part of a longer line elsewhere, as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
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
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn the_style_on_the_page_is_the_one_the_policy_allows() {
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        assert!(
            POLICY.contains(&format!("style-src 'sha256-{digest}'")),
            "{digest}"
        );
        assert!(
            Page::of(&Ending::Complete)
                .html
                .contains(&format!("<style>{STYLE}</style>"))
        );
    }

    #[test]
    fn words_of_an_error_become_sentences() {
        assert_eq!(sentence("the consent was refused"), "The consent was refused.");
        assert_eq!(sentence("Connect again."), "Connect again.");
        assert_eq!(sentence(""), "");
    }

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
