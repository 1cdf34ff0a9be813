//! Where the vendor's behaviour is uncertain or differs from tenant to tenant. Each default is the likelier one.

mod written;

pub use crate::quirk::{Quirk, QuirkText};
pub use written::QUIRKS;

use std::collections::BTreeSet;

/// How the name of a report's cursor behaves from page to page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorName {
    /// It stays the same while the server moves the position; seen on a live tenant.
    Stays,
    /// Every page brings a new one.
    Changes,
}

/// How a started script is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptAnswer {
    /// 204 without a body.
    NoContent,
    /// 200 with a bare number.
    Number,
    /// 200 with `{"jobUid": …}`.
    JobUid,
}

/// A part of an agent's detailed document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `os`
    Os,
    /// `system`
    System,
    /// `memory`
    Memory,
    /// `processors`
    Processors,
    /// `volumes`
    Volumes,
    /// `references`, even with `expand`
    References,
}

/// The switches.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// The page size of entity lists when none is asked for (more than 1000).
    pub default_page_size: usize,
    /// The largest page an entity list gives; the vendor documents none.
    pub largest_page_size: Option<usize>,
    /// The largest page a report gives; the vendor documents none for most of them.
    pub largest_report_page: Option<usize>,
    /// A report's cursor is refused with 400 once all rows have come; otherwise it brings an empty page.
    pub used_up_cursor_refused: bool,
    /// The behaviour of cursor names.
    pub cursor_name: CursorName,
    /// How long a cursor lives, in seconds; an expired one is answered with 400.
    pub cursor_seconds: u32,
    /// Device health answers without a cursor and with all rows (seen missing).
    pub health_without_cursor: bool,
    /// `queries/volumes?include=bl` loses rows with a BitLocker status when pages are small.
    pub bitlocker_paging_bug: bool,
    /// `/activities` answers with a bare array instead of an envelope.
    pub bare_activities: bool,
    /// Volumes carry `nodeId`, which the document does not know but live answers show.
    pub volume_node_id: bool,
    /// `expand` works on a single device too.
    pub expand_on_device: bool,
    /// The parts no agent's detailed document has on this tenant.
    pub without: BTreeSet<Part>,
    /// The status of an answer to a token that lacks the scope: 403 or 401.
    pub missing_scope_status: u16,
    /// The status of an answer to a token without a user where one is needed.
    pub no_user_status: u16,
    /// The status of an answer to an outdated ticket version.
    pub stale_ticket_status: u16,
    /// The answer to a started script.
    pub script_answer: ScriptAnswer,
    /// `Content-Type` is left out of successful answers.
    pub no_content_type: bool,
    /// Paths this instance does not have yet, such as `/v2/tag`; with everything below.
    pub missing_paths: Vec<String>,
    /// The status of API v1's refusals; `None` gives each its likely one.
    pub v1_error_status: Option<u16>,
    /// The status of API v1's answer to a key that asked too often.
    pub v1_limit_status: u16,
    /// That answer says how long to wait.
    pub v1_retry_after: bool,
    /// What API v1 calls a device's link to the dashboard; `None` leaves it out.
    pub v1_dashboard_field: Option<String>,
    /// API v1's devices have links for remote control.
    pub v1_remote_control: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            default_page_size: 5000,
            largest_page_size: None,
            largest_report_page: None,
            used_up_cursor_refused: false,
            cursor_name: CursorName::Stays,
            cursor_seconds: 600,
            health_without_cursor: true,
            bitlocker_paging_bug: true,
            bare_activities: false,
            volume_node_id: true,
            expand_on_device: true,
            without: BTreeSet::new(),
            missing_scope_status: 403,
            no_user_status: 403,
            stale_ticket_status: 409,
            script_answer: ScriptAnswer::NoContent,
            no_content_type: false,
            missing_paths: Vec::new(),
            v1_error_status: None,
            v1_limit_status: 429,
            v1_retry_after: false,
            v1_dashboard_field: Some("dashboard_url".to_owned()),
            v1_remote_control: false,
        }
    }
}
