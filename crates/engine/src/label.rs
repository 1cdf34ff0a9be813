//! Names people give to things: one line of text that reads as it is stored.

use connect::SettingProblem;

/// Most characters of a name.
pub(crate) const LONGEST: usize = 80;

/// The name without the white space around it, or what is wrong with it, at the field `key`.
pub(crate) fn judge(key: &str, text: &str, missing: &str) -> Result<String, SettingProblem> {
    let text = text.trim();
    let message = if text.is_empty() {
        missing.to_owned()
    } else if text.chars().count() > LONGEST {
        format!("At most {LONGEST} characters; this has {}", text.chars().count())
    } else if plan::render::visible(text) != text {
        "It holds characters that do not show or that turn the direction of text: type it anew".to_owned()
    } else {
        return Ok(text.to_owned());
    };
    Err(SettingProblem {
        key: key.to_owned(),
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_reads_as_it_is_stored() {
        let said = |text: &str| judge("name", text, "Give it a name").map_err(|problem| problem.message);
        assert_eq!(
            said("  Backup <b> & Überwachung "),
            Ok("Backup <b> & Überwachung".to_owned())
        );
        assert_eq!(said(" \t"), Err("Give it a name".to_owned()));
        for unseen in ["a\u{202e}b", "a\u{200f}", "a\nb", "\u{feff}a", "a\0"] {
            assert!(
                said(unseen).is_err_and(|m| m.contains("do not show")),
                "{unseen:?}"
            );
        }
        assert!(said(&"ä".repeat(80)).is_ok());
        assert!(said(&"ä".repeat(81)).is_err_and(|m| m.contains("this has 81")));
    }
}
