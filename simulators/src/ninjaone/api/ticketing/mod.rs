//! Ticketing.

mod boards;
mod forms;
mod tickets;

pub(super) use boards::{list as boards, run as run_board};
pub(super) use forms::{app_user_contacts, attributes, contacts, form, forms, statuses};
pub(super) use tickets::{comment, create, log, one, update};
