//! What can be done about a failure without anybody looking, for those who try again by themselves.

use crate::error::Error;
use connect::Kind;
use std::time::Duration;

/// What can be done about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same may succeed later, not before this time has passed when somebody named one.
    Later(Option<Duration>),
    /// Somebody else is at it just now.
    Busy,
    /// A person has to mend this connection, by its name; then it goes on by itself.
    Connection(String),
    /// Writes are switched off, as a whole or for the connection of this name; it goes on once they are not.
    Writes(Option<String>),
    /// A person has to do something; the message says what.
    Person,
    /// It was stopped on request.
    Stopped,
    /// Something newer has taken its place.
    Overtaken,
    /// Nothing known: a fault of the program or of what it stored.
    None,
}

impl Error {
    /// What can be done about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Outside { connection, error } => match &error.kind {
                Kind::Auth | Kind::NotEnabled { .. } => Remedy::Connection(connection.clone()),
                Kind::RateLimited { retry_after } => Remedy::Later(*retry_after),
                Kind::Forbidden | Kind::Invalid | Kind::Configuration => Remedy::Person,
                Kind::NotFound | Kind::Conflict | Kind::Unavailable | Kind::Protocol | Kind::Storage => {
                    Remedy::Later(None)
                }
            },
            Self::NotUsable { connection, .. } => Remedy::Connection(connection.clone()),
            Self::Store(error) => match error {
                store::Error::Busy { .. } => Remedy::Busy,
                store::Error::WritesPaused { .. } => Remedy::Writes(None),
                store::Error::WritesOff { connection, .. } => Remedy::Writes(Some(connection.clone())),
                store::Error::Stored { .. } => Remedy::None,
                store::Error::Missing { .. }
                | store::Error::Taken { .. }
                | store::Error::Vault(_)
                | store::Error::Address(_)
                | store::Error::NewerDatabase { .. } => Remedy::Person,
                _ => Remedy::Later(None),
            },
            Self::StalePlan { .. }
            | Self::Superseded { .. }
            | Self::SelectionChanged { .. }
            | Self::StaleOverview { .. } => Remedy::Overtaken,
            Self::Stopped => Remedy::Stopped,
            Self::TakenOver => Remedy::Busy,
            _ => Remedy::Person,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(kind: Kind) -> Error {
        Error::Outside {
            connection: "ninjaone".to_owned(),
            error: Box::new(connect::Error::new(kind, "reading devices", "503")),
        }
    }

    #[test]
    fn each_sort_of_failure_has_its_remedy() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(outside(Kind::Unavailable).remedy(), Remedy::Later(None));
        let limited = outside(Kind::RateLimited { retry_after: minute });
        assert_eq!(limited.remedy(), Remedy::Later(minute));
        assert_eq!(
            outside(Kind::Auth).remedy(),
            Remedy::Connection("ninjaone".to_owned())
        );
        assert_eq!(outside(Kind::Forbidden).remedy(), Remedy::Person);
        let busy = store::Error::Busy {
            holder: String::new(),
        };
        assert_eq!(Error::from(busy).remedy(), Remedy::Busy);
        assert_eq!(Error::from(store::Error::Locked).remedy(), Remedy::Later(None));
        assert_eq!(Error::Stopped.remedy(), Remedy::Stopped);
        let plan = "p".to_owned();
        assert_eq!(Error::StalePlan { plan }.remedy(), Remedy::Overtaken);
    }
}
