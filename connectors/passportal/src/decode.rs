//! Names in lists come encoded, as HTML or as in a URL: which of the two is not published, so the list itself tells.

use url::form_urlencoded;

/// The names of one list as people wrote them.
pub fn names(list: Vec<String>) -> Vec<String> {
    let urls = is_url_encoded(&list);
    list.into_iter()
        .map(|name| match urls {
            // A key of a form without a value.
            true => form_urlencoded::parse(name.as_bytes())
                .next()
                .map_or_else(String::new, |(name, _)| name.into_owned()),
            false => html(&name),
        })
        .collect()
}

/// Whether a list is written as in a URL: nothing in it that would have been escaped, and something that was.
fn is_url_encoded(list: &[String]) -> bool {
    let is_plain = |name: &String| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"*-._+%".contains(&byte))
    };
    list.iter().all(is_plain) && list.iter().any(|name| escapes(name))
}

fn escapes(name: &str) -> bool {
    name.contains('+')
        || name.match_indices('%').any(|(at, _)| {
            let code = name.as_bytes().get(at + 1..at + 3);
            code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
        })
}

/// A text without the escapes of HTML; what is no escape stays.
pub fn html(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((c, end)) => {
                plain.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let code = name.strip_prefix('#')?;
            let number = match code.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => code.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(list: &[&str]) -> Vec<String> {
        names(list.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_list_written_as_html_is_read_as_html() {
        assert_eq!(
            decoded(&[
                "M&uuml;ller &amp; S&#246;hne",
                "O&#039;Brien &lt;Ltd&gt;",
                "50% &x &amp;amp;"
            ]),
            ["M&uuml;ller & Söhne", "O'Brien <Ltd>", "50% &x &amp;"]
        );
    }

    #[test]
    fn a_list_written_as_in_a_url_is_read_so_and_no_other() {
        assert_eq!(
            decoded(&["M%C3%BCller+%26+S%C3%B6hne", "Contoso"]),
            ["Müller & Söhne", "Contoso"]
        );
        // Plain names with a plus or a percent sign stay as they are.
        assert_eq!(
            decoded(&["A+B Tools", "100%25 Pure"]),
            ["A+B Tools", "100%25 Pure"]
        );
        assert_eq!(decoded(&["C++ Müller"]), ["C++ Müller"]);
        assert_eq!(decoded(&["Contoso", "100%"]), ["Contoso", "100%"]);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "&",
            "a & b",
            "&;",
            "&#;",
            "&#xd800;",
            "&unknown;",
            "&#99999999;",
            "& é;",
        ] {
            assert_eq!(html(text), text);
        }
    }
}
