//! Browser sessions of the sign-in and consent pages.

use jiff::Timestamp;

use super::grants::{Grants, later};

/// How long a browser stays signed in, in seconds.
const SESSION_SECONDS: i64 = 8 * 60 * 60;

/// One browser.
#[derive(Clone)]
pub(super) struct Session {
    /// The technician who signed in, if one did.
    pub user: Option<String>,
    /// What every form of this browser must send along.
    pub form_token: String,
    expires: Timestamp,
}

impl Grants {
    /// The live session with this id.
    pub(super) fn session(&self, id: &str) -> Option<Session> {
        let now = self.clock.now();
        self.books()
            .sessions
            .get(id)
            .filter(|session| session.expires > now)
            .cloned()
    }

    /// Opens a session for a browser and returns its id and content. Sessions that ended are forgotten here.
    pub(super) fn open_session(&self, user: Option<&str>) -> (String, Session) {
        let now = self.clock.now();
        let mut books = self.books();
        books.sessions.retain(|_, session| session.expires > now);
        let session = Session {
            user: user.map(str::to_owned),
            form_token: books.random(24),
            expires: later(now, SESSION_SECONDS),
        };
        let id = books.random(32);
        books.sessions.insert(id.clone(), session.clone());
        (id, session)
    }

    /// Ends a session.
    pub(super) fn close_session(&self, id: &str) {
        self.books().sessions.remove(id);
    }

    /// The e-mail address of the technician with these credentials, as the administrator wrote it.
    pub(super) fn sign_in(&self, email: &str, password: &str) -> Option<String> {
        let email = email.trim();
        if self
            .books()
            .removed_technicians
            .contains(&email.to_ascii_lowercase())
        {
            return None;
        }
        self.options
            .technicians
            .iter()
            .find(|technician| {
                technician.email.eq_ignore_ascii_case(email) && technician.password == password
            })
            .map(|technician| technician.email.clone())
    }
}
