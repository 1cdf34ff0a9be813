//! The switches by name: `default-page-size=200`, `bare-activities`, `without=os,volumes`.

use super::{CursorName, Part, Quirks, ScriptAnswer};
use crate::quirk::{Quirk, QuirkText, named, quirk};

/// Every switch.
pub const QUIRKS: &[Quirk] = &[
    quirk(
        "default-page-size",
        "5000|N",
        "page size of entity lists when none is asked for",
    ),
    quirk(
        "largest-page-size",
        "none|N",
        "the largest page an entity list gives",
    ),
    quirk("largest-report-page", "none|N", "the largest page a report gives"),
    quirk(
        "used-up-cursor",
        "empty|refused",
        "a report's cursor after its last row: an empty page, or 400",
    ),
    quirk(
        "cursor-name",
        "stays|changes",
        "a report's cursor keeps its name, or gets a new one each page",
    ),
    quirk(
        "cursor-seconds",
        "600|N",
        "how long a cursor lives; an expired one is answered with 400",
    ),
    quirk(
        "health-without-cursor",
        "on|off",
        "device health answers with all rows and no cursor",
    ),
    quirk(
        "bitlocker-paging-bug",
        "on|off",
        "queries/volumes?include=bl loses rows on small pages",
    ),
    quirk(
        "bare-activities",
        "off|on",
        "/activities answers with a bare array",
    ),
    quirk(
        "volume-node-id",
        "on|off",
        "volumes carry nodeId, which the document does not know",
    ),
    quirk(
        "expand-on-device",
        "on|off",
        "expand works on a single device too",
    ),
    quirk(
        "without",
        "PART,PART",
        "parts no device has: os, system, memory, processors, volumes, references",
    ),
    quirk(
        "missing-scope-status",
        "403|401",
        "the answer to a token that lacks the scope",
    ),
    quirk(
        "no-user-status",
        "403|N",
        "the answer to a token without a user where one is needed",
    ),
    quirk(
        "stale-ticket-status",
        "409|N",
        "the answer to an outdated ticket version",
    ),
    quirk(
        "script-answer",
        "no-content|number|job-uid",
        "the answer to a started script",
    ),
    quirk(
        "no-content-type",
        "off|on",
        "Content-Type is left out of successful answers",
    ),
    quirk(
        "missing-paths",
        "PATH,PATH",
        "paths this instance does not have, such as /v2/tag",
    ),
    quirk(
        "v1-error-status",
        "usual|N",
        "the status of API v1's refusals; usual gives each its likely one",
    ),
    quirk(
        "v1-limit-status",
        "429|N",
        "API v1's answer to a key that asked too often",
    ),
    quirk("v1-retry-after", "off|on", "that answer says how long to wait"),
    quirk(
        "v1-dashboard-field",
        "dashboard_url|url|none",
        "what API v1 calls a device's link to the dashboard",
    ),
    quirk(
        "v1-remote-control",
        "off|on",
        "API v1's devices have links for remote control",
    ),
];

impl Quirks {
    /// Sets the switch that `text` names: `name=value`, or `name` alone for `on`.
    ///
    /// # Errors
    /// When there is no such switch, or it takes no such value; nothing is set then.
    pub fn set(&mut self, text: &str) -> Result<(), QuirkText> {
        let (quirk, value) = named(QUIRKS, text)?;
        self.take(quirk.name, value).ok_or_else(|| QuirkText::Value {
            quirk: *quirk,
            value: value.to_owned(),
        })
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "default-page-size" => self.default_page_size = size(value)?,
            "largest-page-size" => self.largest_page_size = limit(value)?,
            "largest-report-page" => self.largest_report_page = limit(value)?,
            "used-up-cursor" => {
                self.used_up_cursor_refused = match value {
                    "empty" => false,
                    "refused" => true,
                    _ => return None,
                };
            }
            "cursor-name" => {
                self.cursor_name = match value {
                    "stays" => CursorName::Stays,
                    "changes" => CursorName::Changes,
                    _ => return None,
                };
            }
            "cursor-seconds" => self.cursor_seconds = value.parse().ok()?,
            "health-without-cursor" => self.health_without_cursor = switch(value)?,
            "bitlocker-paging-bug" => self.bitlocker_paging_bug = switch(value)?,
            "bare-activities" => self.bare_activities = switch(value)?,
            "volume-node-id" => self.volume_node_id = switch(value)?,
            "expand-on-device" => self.expand_on_device = switch(value)?,
            "without" => self.without = value.split(',').map(part).collect::<Option<_>>()?,
            "missing-scope-status" => {
                self.missing_scope_status = refusal(value).filter(|s| [401, 403].contains(s))?
            }
            "no-user-status" => self.no_user_status = refusal(value)?,
            "stale-ticket-status" => self.stale_ticket_status = refusal(value)?,
            "script-answer" => {
                self.script_answer = match value {
                    "no-content" => ScriptAnswer::NoContent,
                    "number" => ScriptAnswer::Number,
                    "job-uid" => ScriptAnswer::JobUid,
                    _ => return None,
                };
            }
            "no-content-type" => self.no_content_type = switch(value)?,
            "missing-paths" => {
                let paths: Vec<String> = value.split(',').map(str::to_owned).collect();
                if !paths.iter().all(|path| path.starts_with("/v2/")) {
                    return None;
                }
                self.missing_paths = paths;
            }
            "v1-error-status" => {
                // Clients are said to read the body alone, so that even 200 is possible.
                self.v1_error_status = match value {
                    "usual" => None,
                    status => Some(status.parse().ok().filter(|s| (200..=599).contains(s))?),
                };
            }
            "v1-limit-status" => {
                self.v1_limit_status = value.parse().ok().filter(|s| (200..=599).contains(s))?;
            }
            "v1-retry-after" => self.v1_retry_after = switch(value)?,
            "v1-dashboard-field" => {
                self.v1_dashboard_field = match value {
                    "none" => None,
                    "dashboard_url" | "url" => Some(value.to_owned()),
                    _ => return None,
                };
            }
            "v1-remote-control" => self.v1_remote_control = switch(value)?,
            _ => return None,
        }
        Some(())
    }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn size(value: &str) -> Option<usize> {
    value.parse().ok().filter(|&size| size > 0)
}

/// A size, or `none`.
fn limit(value: &str) -> Option<Option<usize>> {
    match value {
        "none" => Some(None),
        value => size(value).map(Some),
    }
}

/// A status that refuses.
fn refusal(value: &str) -> Option<u16> {
    value.parse().ok().filter(|status| (400..=599).contains(status))
}

fn part(name: &str) -> Option<Part> {
    Some(match name {
        "os" => Part::Os,
        "system" => Part::System,
        "memory" => Part::Memory,
        "processors" => Part::Processors,
        "volumes" => Part::Volumes,
        "references" => Part::References,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> Quirks {
        let mut quirks = Quirks::default();
        for text in texts {
            quirks.set(text).unwrap();
        }
        quirks
    }

    #[test]
    fn every_switch_has_a_name() {
        // A new field does not compile here until it is set below.
        let Quirks {
            default_page_size,
            largest_page_size,
            largest_report_page,
            used_up_cursor_refused,
            cursor_name,
            cursor_seconds,
            health_without_cursor,
            bitlocker_paging_bug,
            bare_activities,
            volume_node_id,
            expand_on_device,
            without,
            missing_scope_status,
            no_user_status,
            stale_ticket_status,
            script_answer,
            no_content_type,
            missing_paths,
            v1_error_status,
            v1_limit_status,
            v1_retry_after,
            v1_dashboard_field,
            v1_remote_control,
        } = set(&[
            "default-page-size=200",
            "largest-page-size=500",
            "largest-report-page=200",
            "used-up-cursor=refused",
            "cursor-name=changes",
            "cursor-seconds=1",
            "health-without-cursor=off",
            "bitlocker-paging-bug=off",
            "bare-activities",
            "volume-node-id=off",
            "expand-on-device=off",
            "without=os,volumes",
            "missing-scope-status=401",
            "no-user-status=400",
            "stale-ticket-status=412",
            "script-answer=job-uid",
            "no-content-type",
            "missing-paths=/v2/tag,/v2/users",
            "v1-error-status=200",
            "v1-limit-status=403",
            "v1-retry-after",
            "v1-dashboard-field=url",
            "v1-remote-control",
        ]);
        assert_eq!((v1_error_status, v1_limit_status), (Some(200), 403));
        assert_eq!(v1_dashboard_field.as_deref(), Some("url"));
        assert!(v1_retry_after && v1_remote_control);
        assert_eq!((default_page_size, largest_page_size), (200, Some(500)));
        assert_eq!((largest_report_page, used_up_cursor_refused), (Some(200), true));
        assert_eq!((cursor_name, cursor_seconds), (CursorName::Changes, 1));
        assert!(!health_without_cursor && !bitlocker_paging_bug && !volume_node_id && !expand_on_device);
        assert!(bare_activities && no_content_type);
        assert_eq!(without, [Part::Os, Part::Volumes].into());
        assert_eq!(
            (missing_scope_status, no_user_status, stale_ticket_status),
            (401, 400, 412)
        );
        assert_eq!(script_answer, ScriptAnswer::JobUid);
        assert_eq!(missing_paths, ["/v2/tag", "/v2/users"]);
        assert_eq!(QUIRKS.len(), 23);
    }

    #[test]
    fn the_listed_default_is_the_default_and_every_listed_value_is_taken() {
        let default = format!("{:?}", Quirks::default());
        for quirk in QUIRKS {
            let mut values = quirk.values.split('|');
            let first = values.next().unwrap();
            if !first.contains("PA") {
                assert_eq!(
                    format!("{:?}", set(&[&format!("{}={first}", quirk.name)])),
                    default,
                    "{quirk:?}"
                );
            }
            for value in values {
                let value = if value == "N" { "404" } else { value };
                let changed = set(&[&format!("{}={value}", quirk.name)]);
                assert_ne!(format!("{changed:?}"), default, "{quirk:?}");
            }
        }
    }

    #[test]
    fn an_unknown_switch_is_told_the_known_ones() {
        let told = Quirks::default().set("nonsense=1").unwrap_err().to_string();
        assert!(
            told.starts_with("no quirk is called `nonsense`; known: "),
            "{told}"
        );
        assert!(QUIRKS.iter().all(|quirk| told.contains(quirk.name)), "{told}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_told_the_right_ones() {
        for (text, words) in [
            ("default-page-size=0", "default-page-size takes 5000|N, not `0`"),
            ("cursor-name", "takes stays|changes, not `on`"),
            ("without=os,everything", "PART,PART, not `os,everything`"),
            ("missing-scope-status=200", "403|401, not `200`"),
            ("bare-activities=perhaps", "off|on, not `perhaps`"),
            ("missing-paths=tag", "PATH,PATH, not `tag`"),
        ] {
            let mut quirks = Quirks::default();
            let told = quirks.set(text).unwrap_err().to_string();
            assert!(told.contains(words), "{text}: {told}");
            assert_eq!(format!("{quirks:?}"), format!("{:?}", Quirks::default()));
        }
    }
}
