//! What goes wrong with the queue, in words that name the thing, the cause and the next step.

/// The result of a call of the queue.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What goes wrong with the queue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A use case failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The queue's own tables could not be made or used.
    #[error(
        "the queue's tables: {0}. On PostgreSQL the user needs the right to create a schema and the extension hstore"
    )]
    Queue(String),
    /// A job's arguments cannot be stored or read.
    #[error("arguments of a job: {0}")]
    Arguments(#[from] serde_json::Error),
    /// The actor may not do this.
    #[error("{actor} may not {doing}: that takes the role Technician")]
    Forbidden {
        /// Who asked.
        actor: String,
        /// What they asked for.
        doing: &'static str,
    },
    /// A schedule makes no sense.
    #[error("{0}")]
    Schedule(String),
    /// A time zone that nobody knows.
    #[error("{0}")]
    Zone(String),
    /// The job is not where this can be done with it.
    #[error("job {id} is {state}: {advice}")]
    NotNow {
        /// The job.
        id: String,
        /// How it stands.
        state: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
}
