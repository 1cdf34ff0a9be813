//! Removes secrets from text that is going to be shown, stored or logged.

/// What stands in a secret's place.
const REMOVED: &str = "[removed]";

/// Names whose value is secret wherever they stand, without `_`, `-` and case.
const SECRET_NAMES: &[&str] = &[
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "token",
    "secret",
    "clientsecret",
    "clientassertion",
    "password",
    "passwd",
    "codeverifier",
    "apikey",
    "xapikey",
    "privatekey",
    "accesskey",
    "authorization",
    "cookie",
    "setcookie",
];

/// Names whose value is secret in a query or form only: as a JSON key `code` is an error's code.
const SECRET_IN_QUERIES: &[&str] = &["code", "state", "signature", "sig"];

/// `text` with the values of secret names, bearer tokens and passwords in URLs removed. It works on fragments too:
/// the text need not be whole JSON or a whole query.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| is_word(c) || c == ':') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(after) = rest.strip_prefix("://") {
            out.push_str("://");
            rest = without_user_info(after, &mut out);
            continue;
        }
        if rest.starts_with(':') {
            out.push(':');
            rest = &rest[1..];
            continue;
        }
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(word);
        rest = if let Some((kept, value)) = scheme_value(word, after) {
            out.push_str(&after[..kept]);
            out.push_str(REMOVED);
            &after[kept + value..]
        } else if let Some((kept, value)) = secret_value(word, after) {
            out.push_str(&after[..kept]);
            out.push_str(REMOVED);
            &after[kept + value..]
        } else {
            after
        };
    }
    out.push_str(rest);
    out
}

/// `text` with every occurrence of known secrets removed as well. Ones too short to be a secret are left.
pub(crate) fn redact_known(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|s| s.len() >= 6) {
        if text.contains(secret) {
            text = text.replace(secret, REMOVED);
        }
    }
    redact(&text)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Skips `user:password@` after `://`, leaving a mark.
fn without_user_info<'a>(after: &'a str, out: &mut String) -> &'a str {
    let end = after
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<'))
        .unwrap_or(after.len());
    match after[..end].rfind('@') {
        Some(at) => {
            out.push_str(REMOVED);
            &after[at..]
        }
        None => after,
    }
}

/// The lengths of what is kept and of what is removed after `Bearer` or `Basic`.
fn scheme_value(word: &str, after: &str) -> Option<(usize, usize)> {
    if !["bearer", "basic", "nj"]
        .iter()
        .any(|s| word.eq_ignore_ascii_case(s))
    {
        return None;
    }
    let value = after.trim_start_matches(' ');
    let kept = after.len() - value.len();
    let len = value
        .find(|c: char| !(c.is_ascii_alphanumeric() || "._~+/=:-".contains(c)))
        .unwrap_or(value.len());
    let token = &value[..len];
    let looks_secret = len >= 8 && (len >= 20 || token.bytes().any(|b| b.is_ascii_digit()));
    (kept > 0 && looks_secret).then_some((kept, len))
}

/// The lengths of what is kept and of what is removed after a secret name: `"name": "value"`, `name=value`.
fn secret_value(word: &str, after: &str) -> Option<(usize, usize)> {
    let name: String = word
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let in_queries = SECRET_IN_QUERIES.contains(&name.as_str());
    if !in_queries && !SECRET_NAMES.contains(&name.as_str()) {
        return None;
    }
    let mut rest = after;
    for quote in ["\\\"", "\"", "'"] {
        if let Some(stripped) = rest.strip_prefix(quote) {
            rest = stripped;
            break;
        }
    }
    rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
    rest = if let Some(value) = rest.strip_prefix('=').or_else(|| rest.strip_prefix("%3D")) {
        value
    } else if let Some(value) = rest.strip_prefix(':').filter(|_| !in_queries) {
        value.trim_start_matches([' ', '\t', '\n', '\r'])
    } else {
        return None;
    };
    for quote in ["\\\"", "\"", "'"] {
        if let Some(value) = rest.strip_prefix(quote) {
            let len = closing(value, quote);
            return (len > 0).then_some((after.len() - value.len(), len));
        }
    }
    if rest.starts_with(['{', '[']) || rest.starts_with("null") {
        return None;
    }
    let len = rest
        .find(|c: char| {
            c.is_whitespace() || matches!(c, '&' | ',' | ';' | '}' | ']' | ')' | '<' | '>' | '"' | '\'')
        })
        .unwrap_or(rest.len());
    // `Authorization: Bearer …`: the scheme is a value of its own, the token follows it.
    let scheme = ["bearer ", "basic ", "nj "].iter().any(|s| {
        rest.get(..s.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(s))
    });
    (len > 0 && !scheme).then_some((after.len() - rest.len(), len))
}

/// Where a quoted value ends: at the first `quote` that is not escaped, or at the end of a cut text.
fn closing(value: &str, quote: &str) -> usize {
    let mut from = 0;
    while let Some(found) = value[from..].find(quote) {
        let at = from + found;
        let slashes = value[..at].bytes().rev().take_while(|b| *b == b'\\').count();
        if quote.starts_with('\\') || slashes % 2 == 0 {
            return at;
        }
        from = at + quote.len();
    }
    value.len()
}

/// The readable words of an HTML page, secrets removed.
pub(super) fn excerpt_of_html(page: &str) -> String {
    let mut words = String::with_capacity(page.len() / 2);
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        words.push_str(&rest[..open]);
        words.push(' ');
        rest = &rest[open..];
        let skipped = ["script", "style"].iter().find(|name| {
            rest.get(1..=name.len())
                .is_some_and(|tag| tag.eq_ignore_ascii_case(name))
        });
        let end = match skipped {
            Some(name) => rest
                .to_ascii_lowercase()
                .find(&format!("</{name}"))
                .unwrap_or(rest.len()),
            None if rest.starts_with("<!--") => rest.find("-->").map_or(rest.len(), |at| at + 2),
            None => 0,
        };
        rest = &rest[end..];
        rest = rest.find('>').map_or("", |close| &rest[close + 1..]);
    }
    words.push_str(rest);
    let words = words
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    redact(&words)
}

/// `text` on one line, at most `max` characters, without control characters.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    let clean = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    for (n, word) in clean.enumerate() {
        for c in (n > 0).then_some(' ').into_iter().chain(word.chars()) {
            if count == max {
                out.push('…');
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (text, want) in [
            (
                r#"{"access_token":"abc.def","expires_in":3600}"#,
                r#"{"access_token":"[removed]","expires_in":3600}"#,
            ),
            (
                r#"{"refreshToken" : "a\"b"}"#,
                r#"{"refreshToken" : "[removed]"}"#,
            ),
            (
                r#"{"body":"{\"client_secret\":\"s3\"}"}"#,
                r#"{"body":"{\"client_secret\":\"[removed]\"}"}"#,
            ),
            (
                r#"{"access_token":"cut in the mid"#,
                r#"{"access_token":"[removed]"#,
            ),
            (
                "/cb?code=c1&state=s1&x=1",
                "/cb?code=[removed]&state=[removed]&x=1",
            ),
            (
                r#"{"error":{"code":"not_found"}}"#,
                r#"{"error":{"code":"not_found"}}"#,
            ),
            (
                r#"{"error_code":10,"token":null}"#,
                r#"{"error_code":10,"token":null}"#,
            ),
            (
                "Authorization: Bearer abcdef123456",
                "Authorization: Bearer [removed]",
            ),
            ("Bearer token rejected", "Bearer token rejected"),
            ("http://u:p@proxy:3128/x", "http://[removed]@proxy:3128/x"),
            ("ünïcode password=ö&x", "ünïcode password=[removed]&x"),
            (
                "redirect_uri=http://a/&client_secret=x%20y",
                "redirect_uri=http://a/&client_secret=[removed]",
            ),
            ("", ""),
            ("::://", "::://"),
        ] {
            assert_eq!(redact(text), want, "{text}");
        }
    }

    #[test]
    fn known_secrets_go_wherever_they_stand() {
        assert_eq!(
            redact_known("unknown key hunter22 refused", &["hunter22"]),
            "unknown key [removed] refused"
        );
        assert_eq!(redact_known("a b", &["a"]), "a b");
    }

    #[test]
    fn a_page_becomes_its_words() {
        let page = "<!DOCTYPE html><html><head><title>Sign in</title><style>p{}</style></head>\
                    <body><!-- x > y --><script>var t='<b>';</script><p>Please&nbsp;<b>log in</b> &amp; wait</p>";
        assert_eq!(
            shorten(&excerpt_of_html(page), 100),
            "Sign in Please log in & wait"
        );
    }

    #[test]
    fn a_long_text_is_cut_at_characters_and_controls_go() {
        assert_eq!(shorten("ää\n\u{7}ä  ä", 4), "ää ä…");
        assert_eq!(shorten("ab", 2), "ab");
    }
}
