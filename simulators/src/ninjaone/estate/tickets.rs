//! Tickets with their logs.

use serde_json::{Value, json};

use super::Estate;
use super::activity::TICKET_CREATED;
use super::population::{DAY_MS, EPOCH_MS};
use crate::dice::Dice;

/// A status: id, name, shown name, parent.
pub type Status = (u32, &'static str, &'static str, Option<u32>);

/// Every status. 4000 is called differently from tenant to tenant.
pub const STATUSES: [Status; 7] = [
    (1000, "NEW", "New", None),
    (1001, "TRIAGE", "Triage", Some(1000)),
    (2000, "OPEN", "Open", None),
    (3000, "WAITING", "Waiting", None),
    (4000, "PAUSED", "Paused", None),
    (5000, "RESOLVED", "Resolved", None),
    (6000, "CLOSED", "Closed", None),
];

/// The forms: id, name, attributes on it.
pub const FORMS: [(u32, &str, &[u32]); 2] = [(1, "Default", &[1, 2, 3, 4]), (3, "New starter", &[1, 2, 6])];

/// The attributes: id, type, name.
pub const ATTRIBUTES: [(u32, &str, &str); 6] = [
    (1, "TEXT", "Subject"),
    (2, "TEXT_MULTILINE", "Description"),
    (3, "DROPDOWN", "Category"),
    (4, "NODE_DROPDOWN", "Device"),
    (5, "CHECKBOX", "Billable"),
    (6, "DATE", "First day"),
];

/// A ticket.
#[derive(Clone, Debug, Default)]
pub struct Ticket {
    /// `id`
    pub id: u32,
    /// `version`: grows with every change.
    pub version: u32,
    /// `nodeId`
    pub device: Option<u32>,
    /// `clientId`
    pub organization: u32,
    /// `locationId`
    pub location: Option<u32>,
    /// `assignedAppUserId`
    pub assigned: Option<u32>,
    /// `requesterUid`
    pub requester: Option<u128>,
    /// `subject`
    pub subject: String,
    /// `status.statusId`
    pub status: u32,
    /// `type`
    pub kind: Option<String>,
    /// `priority`
    pub priority: String,
    /// `severity`
    pub severity: String,
    /// `ticketFormId`
    pub form: u32,
    /// `source`
    pub source: &'static str,
    /// `tags`
    pub tags: Vec<String>,
    /// `ccList`: uids and addresses.
    pub copies: (Vec<String>, Vec<String>),
    /// `createTime` in milliseconds.
    pub created: i64,
    /// When it was last changed, in milliseconds.
    pub updated: i64,
    /// `attributeValues`: attribute and value.
    pub attributes: Vec<(u32, Value)>,
    /// `additionalAssignedTechnicianIds`
    pub additional: Vec<u32>,
    /// `followupTime` in epoch seconds.
    pub follow_up: Option<f64>,
    /// The alert it was made from: its uid, message and time.
    pub condition: Option<(u128, String, i64)>,
    /// The log, oldest first.
    pub log: Vec<LogEntry>,
}

/// An entry of a ticket's log.
#[derive(Clone, Debug, Default)]
pub struct LogEntry {
    /// `id`
    pub id: u64,
    /// `type`: DESCRIPTION, COMMENT, CONDITION, SAVE, …
    pub kind: &'static str,
    /// `appUserContactId`; `None` for the system.
    pub user: Option<u32>,
    /// `body`
    pub body: String,
    /// `htmlBody`
    pub html: String,
    /// `publicEntry`
    pub public: bool,
    /// `createTime` in milliseconds.
    pub time: i64,
    /// `timeTracked` in seconds.
    pub tracked: Option<u32>,
    /// `changeDiff`
    pub diff: Option<Value>,
    /// Names of attached files with their sizes.
    pub files: Vec<(String, usize)>,
}

const SUBJECTS: [&str; 8] = [
    "Printer does not print",
    "Cannot sign in to the portal",
    "New laptop for a new colleague",
    "Outlook asks for the password again and again",
    "VPN is slow",
    "CPU with problems",
    "Monitor stays dark after the holiday",
    "Drucker im Büro 2 offline",
];

/// The tickets of an estate.
#[derive(Debug, Default)]
pub struct Tickets {
    tickets: Vec<Ticket>,
    next: u32,
    next_entry: u64,
}

impl Tickets {
    /// The tickets an estate starts with: one for about twenty devices.
    pub(super) fn of(seed: u64, estate: &Estate) -> Self {
        let mut tickets = Self {
            tickets: Vec::new(),
            next: 1000,
            next_entry: 5000,
        };
        let mut dice = Dice::new(seed, 0x7469_636b);
        let count = (estate.devices().len() / 20).clamp(3, 5000);
        for place in 0..count {
            let device = &estate.devices()[dice.below(estate.devices().len() as u64) as usize];
            let created = EPOCH_MS - 60 * DAY_MS + (place as i64 * 59 * DAY_MS) / count as i64;
            let requester = estate.organization(device.organization).map(|one| {
                let id = one.first_user + dice.below(u64::from(one.users)) as u32;
                super::people::end_user(one, id).map_or(0, |person| person.uid)
            });
            let ticket = Ticket {
                device: dice.chance(700).then_some(device.id),
                organization: device.organization,
                location: Some(device.location),
                assigned: dice.chance(600).then(|| 1 + 3 * dice.below(4) as u32),
                requester,
                subject: (*dice.pick(&SUBJECTS)).to_owned(),
                status: dice.pick(&STATUSES).0,
                kind: Some((*dice.pick(&["PROBLEM", "INCIDENT", "QUESTION", "TASK"])).to_owned()),
                priority: (*dice.pick(&["NONE", "LOW", "MEDIUM", "HIGH"])).to_owned(),
                severity: (*dice.pick(&["NONE", "MINOR", "MODERATE", "MAJOR"])).to_owned(),
                form: 1,
                source: dice.word(&["TECHNICIAN", "EMAIL", "END_USER"]),
                created,
                ..Ticket::default()
            };
            let id = tickets.open(ticket, "It began this morning.", "", created);
            if dice.chance(500) {
                let entry = LogEntry {
                    kind: "COMMENT",
                    user: Some(1),
                    body: "We are looking into it.".to_owned(),
                    public: true,
                    tracked: Some(300),
                    ..LogEntry::default()
                };
                tickets.note(id, entry, created + 3_600_000);
            }
        }
        // Some are about conditions.
        for alert in estate.alerts().iter().take(count / 5) {
            let Some(device) = estate.device(alert.device) else {
                continue;
            };
            let condition = estate.condition(alert.condition);
            let ticket = Ticket {
                device: Some(device.id),
                organization: device.organization,
                location: Some(device.location),
                subject: condition.message.chars().take(200).collect(),
                status: 1000,
                priority: condition.priority.to_owned(),
                severity: condition.severity.to_owned(),
                form: 1,
                source: "CONDITION",
                condition: Some((alert.uid, condition.message.to_owned(), alert.created)),
                ..Ticket::default()
            };
            tickets.open(ticket, condition.message, "", alert.created);
        }
        tickets
    }

    /// Adds a ticket with its description and returns its id.
    pub fn open(&mut self, ticket: Ticket, body: &str, html: &str, time: i64) -> u32 {
        self.next += 1;
        let id = self.next;
        let user = (ticket.source == "TECHNICIAN").then_some(1);
        self.tickets.push(Ticket {
            id,
            version: 1,
            created: time,
            updated: time,
            ..ticket
        });
        let entry = LogEntry {
            kind: "DESCRIPTION",
            user,
            body: body.to_owned(),
            html: html.to_owned(),
            public: true,
            ..LogEntry::default()
        };
        self.note(id, entry, time);
        id
    }

    /// Adds an entry to a ticket's log.
    pub fn note(&mut self, ticket: u32, entry: LogEntry, time: i64) {
        self.next_entry += 1;
        let id = self.next_entry;
        if let Some(ticket) = self.get_mut(ticket) {
            ticket.updated = ticket.updated.max(time);
            ticket.log.push(LogEntry { id, time, ..entry });
        }
    }

    /// Every ticket, ascending by id.
    pub fn all(&self) -> &[Ticket] {
        &self.tickets
    }

    /// One ticket.
    pub fn get(&self, id: u32) -> Option<&Ticket> {
        self.tickets
            .binary_search_by_key(&id, |one| one.id)
            .ok()
            .map(|at| &self.tickets[at])
    }

    /// One ticket, to be changed.
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Ticket> {
        let at = self.tickets.binary_search_by_key(&id, |one| one.id).ok()?;
        self.tickets.get_mut(at)
    }
}

impl Estate {
    /// The tickets.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// The tickets, to be changed.
    pub fn tickets_mut(&mut self) -> &mut Tickets {
        &mut self.tickets
    }

    /// Opens a ticket and writes it into the activity log.
    pub fn open_ticket(
        &mut self,
        ticket: Ticket,
        body: &str,
        html: &str,
        user: Option<u32>,
        time: i64,
    ) -> u32 {
        let device = ticket.device;
        let subject = ticket.subject.clone();
        let id = self.tickets.open(ticket, body, html, time);
        let entry = self.log.push(
            time,
            device,
            TICKET_CREATED,
            format!("Ticket #{id} '{subject}' was created").into(),
        );
        entry.user = user;
        entry.data = Some(Box::new(
            json!({ "message": { "code": "ticket_created", "params": { "ticketId": id } } }),
        ));
        id
    }
}
