//! What goes wrong in a use case, in words that name the thing, the cause and the next step.

use connect::SettingProblem;
use model::{ActorRole, KeyScope};

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What goes wrong in a use case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The actor may not do this.
    #[error("{actor} may not {doing}: that takes the role {role:?}")]
    Forbidden {
        /// Who asked.
        actor: String,
        /// What they asked for.
        doing: String,
        /// The role it takes.
        role: ActorRole,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An outside system failed.
    #[error("{connection}: {error}")]
    Outside {
        /// The connection's name.
        connection: String,
        /// What failed there.
        #[source]
        error: Box<connect::Error>,
    },
    /// Settings cannot be used.
    #[error("{}", settings_message(.kind, .problems))]
    Settings {
        /// The connector's name.
        kind: String,
        /// Every problem, at its setting.
        problems: Vec<SettingProblem>,
    },
    /// What a person typed cannot be used.
    #[error("{}", .problems.iter().map(|p| format!("{}: {}", p.key, p.message)).collect::<Vec<_>>().join("; "))]
    Input {
        /// Every problem, at its field.
        problems: Vec<SettingProblem>,
    },
    /// Name and password do not fit.
    #[error("name or password is wrong")]
    SignIn,
    /// Signing in failed too often.
    #[error("signing in failed too often. Try again in {seconds} s")]
    TooManyFailures {
        /// How long to wait.
        seconds: i64,
    },
    /// A link that works once was used, or is too old.
    #[error("this link was used already, or it is too old")]
    TokenUsed,
    /// An API key that does not work: which of the reasons is nobody's business who shows one.
    #[error("this API key is not known, has expired or was revoked. Make one under Settings, API keys")]
    KeyRefused,
    /// An API key is not good for this.
    #[error(
        "the API key `{key}` is not good for the scope `{scope}`. Make one that is under Settings, API keys"
    )]
    OutOfScope {
        /// The key's name.
        key: String,
        /// The scope that is needed.
        scope: KeyScope,
    },
    /// Something only a person may do.
    #[error("{actor} is no person who signed in: only one may {doing}")]
    NotAPerson {
        /// Who asked.
        actor: String,
        /// What they asked for.
        doing: &'static str,
    },
    /// The code of a second factor is wrong.
    #[error("this is not the code the app shows now. Codes change every 30 seconds, and each is taken once")]
    WrongCode,
    /// The first half of a sign-in is too long ago.
    #[error("the first half of this sign-in is too long ago. Sign in again")]
    SignInOver,
    /// Signing in through the identity provider ends here.
    #[error(transparent)]
    Provider(#[from] crate::provider_sign_in::Refusal),
    /// Somebody wants to change their own rights.
    #[error("this is your own account: another Owner has to {doing}, or the console")]
    OwnAccount {
        /// What was asked for.
        doing: &'static str,
    },
    /// A person who may not sign in.
    #[error("{name} is switched off. Switch the account on first")]
    SwitchedOff {
        /// Their name.
        name: String,
    },
    /// A password could not be hashed.
    #[error("checking a password: {0}")]
    Password(String),
    /// The queue failed.
    #[error("the queue: {0}")]
    Queue(String),
    /// A consent came back that this browser did not begin, or that was finished already.
    #[error(
        "this consent was not begun in this browser, or it was finished already; nothing was stored. Start again from \
         the connection's page"
    )]
    Stranger,
    /// The mapping of a bridge cannot be used.
    #[error("mapping of bridge `{bridge}`: {error}")]
    Mapping {
        /// The bridge's name.
        bridge: String,
        /// Which rule and why.
        #[source]
        error: plan::MappingError,
    },
    /// A name that nothing has.
    #[error("there is no {what} `{name}`{}", next_step(.what, .known.as_deref()))]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// Names there are, if a few.
        known: Option<String>,
    },
    /// Nothing of the kind was made yet.
    #[error("there is no {what} yet. Make one with: rmmbridge {command}")]
    NoneYet {
        /// What was looked for.
        what: &'static str,
        /// The command that makes one.
        command: &'static str,
    },
    /// There are several, and none was named.
    #[error("there are several {what}: {known}. Say which one you mean")]
    NotNamed {
        /// What was looked for, in the plural.
        what: &'static str,
        /// Their names.
        known: String,
    },
    /// A name that several have.
    #[error("{count} {what} are named `{name}`. Give the id instead")]
    Ambiguous {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
    },
    /// Nothing was read from the source yet.
    #[error("nothing was read from `{connection}` yet. Run: rmmbridge sync, or rmmbridge plan --read")]
    NothingRead {
        /// The connection's name.
        connection: String,
    },
    /// The plan is older than the settings or decisions it was made from.
    #[error(
        "plan {plan} was made before the bridge's settings or decisions changed. Make a new one: rmmbridge plan"
    )]
    StalePlan {
        /// The plan.
        plan: String,
    },
    /// Somebody took operations out of the plan, or put some back, after it was looked at.
    #[error(
        "what is taken out of plan {plan} changed after you looked at it; nothing was written. Look at it again, then apply it"
    )]
    SelectionChanged {
        /// The plan.
        plan: String,
    },
    /// Somebody decided or changed something after the overview was made that a person wants to finish.
    #[error(
        "the matches or settings of bridge `{bridge}` changed after this overview was made. Look at it again, then finish"
    )]
    StaleOverview {
        /// The bridge's name.
        bridge: String,
    },
    /// Somebody decided about an organization after it was shown to whoever decides now.
    #[error(
        "somebody decided about `{organization}` while this page was open, so nothing was changed. Look at it again, then \
         decide"
    )]
    DecidedMeanwhile {
        /// The organization's name.
        organization: String,
    },
    /// The brakes want a person to look.
    #[error("plan {plan} stops for a person: {}. Look through it, then apply it and confirm that you did", .warnings.join("; "))]
    NeedsConfirmation {
        /// The plan.
        plan: String,
        /// Why.
        warnings: Vec<String>,
    },
    /// The connection cannot be used as it stands.
    #[error("connection `{connection}`: {state}. {}", what_now(.state, .connection))]
    NotUsable {
        /// The connection's name.
        connection: String,
        /// Where it stands.
        state: model::ConnectionState,
    },
    /// A newer plan or read came since this plan was made.
    #[error(
        "plan {plan} is not the newest word any more: {newer}. Look at the new one, or make one: rmmbridge plan"
    )]
    Superseded {
        /// The plan.
        plan: String,
        /// What came since.
        newer: String,
    },
    /// A run that cannot be undone.
    #[error("run {run} cannot be undone: {why}")]
    NotUndoable {
        /// The run.
        run: String,
        /// Why, and what to do instead.
        why: String,
    },
    /// The bridge's schedule is paused.
    #[error(
        "the schedule of bridge `{bridge}` is paused: {reason}. A person may go on by hand, or let it go on: rmmbridge \
         bridge resume"
    )]
    Paused {
        /// The bridge's name.
        bridge: String,
        /// Why.
        reason: String,
    },
    /// The new grant belongs to another tenant.
    #[error(
        "the account that was just authorized is not the one `{connection}` belongs to: {evidence}. Its small ids would collide with the old tenant's, so the new grant was not stored. Sign in to the right account, or make a new connection"
    )]
    OtherTenant {
        /// The connection's name.
        connection: String,
        /// What differs.
        evidence: String,
    },
    /// A reason is asked for, and none was given.
    #[error("{doing} takes a reason, for whoever looks at it later")]
    NoReason {
        /// What was being done.
        doing: &'static str,
    },
    /// A write of this record got no answer, and may still be carried out.
    #[error("an earlier write of {record} got no answer and may still arrive. Try again in {seconds} s")]
    MayStillArrive {
        /// The record.
        record: String,
        /// When that is over.
        seconds: u64,
    },
    /// Rows would be kept for too short a time.
    #[error(
        "rows of plans and runs are kept for {least} days at least: an undo of what was written lately has to be possible"
    )]
    TooShort {
        /// The least number of days.
        least: u32,
    },
    /// A file cannot be used.
    #[error("{file}: {problem}")]
    File {
        /// Which file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// This process was away for so long that another one took over.
    #[error("another process took this over while this one did not answer; what was finished before stands")]
    TakenOver,
    /// A person stopped it.
    #[error("stopped; what was finished before stands, and the next run goes on from there")]
    Stopped,
}

/// What to do about a name that nothing has.
fn next_step(what: &str, known: Option<&str>) -> String {
    match (known, what) {
        (Some(known), _) => format!(". There are: {known}"),
        (None, "notification channel") => ". Make one with: rmmbridge notify add".to_owned(),
        (None, "run") => ". rmmbridge runs lists them".to_owned(),
        (None, "plan") => ". rmmbridge plan makes one".to_owned(),
        (None, "device") => " in what was read last. rmmbridge sync reads again".to_owned(),
        (None, _) => String::new(),
    }
}

fn settings_message(kind: &str, problems: &[SettingProblem]) -> String {
    let list: Vec<String> = problems
        .iter()
        .map(|p| {
            if p.key.is_empty() {
                p.message.clone()
            } else {
                format!("{}: {}", p.key, p.message)
            }
        })
        .collect();
    format!("settings of the {kind} connection: {}", list.join("; "))
}

fn what_now(state: &model::ConnectionState, connection: &str) -> String {
    match state {
        model::ConnectionState::Paused => {
            format!("A person paused it; to let it go on: rmmbridge connection resume {connection}")
        }
        model::ConnectionState::NotEnabled { reason, .. } => reason.clone(),
        _ => format!("Authorize it: rmmbridge connect --name {connection}"),
    }
}

impl Error {
    /// Wraps an outside error with the connection it came from.
    pub(crate) fn outside(connection: &str) -> impl Fn(connect::Error) -> Self + '_ {
        move |error| Self::Outside {
            connection: connection.to_owned(),
            error: Box::new(error),
        }
    }
}
