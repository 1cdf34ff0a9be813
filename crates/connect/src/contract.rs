//! The contract tests every destination must pass. The engine relies on each clause; none of them knows a vendor.
//!
//! A connector's tests call [`destination_contract`] with a way to open it:
//!
//! ```no_run
//! # async fn example(make: impl AsyncFn() -> std::sync::Arc<dyn connect::Destination>) {
//! connect::contract::destination_contract(make).await.expect("the contract holds");
//! # }
//! ```

mod assets;
mod bench;
mod limits;
mod records;
mod unreachable;
mod updates;
mod values;

use crate::destination::Destination;
use bench::Bench;
use futures::future::LocalBoxFuture;
use model::Fields;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
pub use unreachable::unreachable_contract;

/// Longest time one clause may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// What a destination needs before it can be put to the test.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// Set apart from earlier runs against the same account; goes into names and markers.
    pub suffix: String,
    /// Keys of two text fields that may hold anything. Without them two of the target fields are taken.
    pub text_fields: Option<[String; 2]>,
    /// Fields the destination wants on every new asset.
    pub required: Fields,
}

/// A clause that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The clause's name.
    pub clause: &'static str,
    /// What was done, what was expected, and what came.
    pub what: String,
}

/// All clauses that do not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaches(pub Vec<Breach>);

impl fmt::Display for Breaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the destination contract does not hold, broken clauses: {}",
            self.0.len()
        )?;
        for breach in &self.0 {
            write!(f, "\n  {}: {}", breach.clause, breach.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for Breaches {}

/// Puts a destination to the test with the usual [`Trial`]. `make` is called once for each clause; it may open the
/// same account every time.
///
/// # Errors
/// Every clause that does not hold.
pub async fn destination_contract(make: impl AsyncFn() -> Arc<dyn Destination>) -> Result<(), Breaches> {
    destination_contract_with(make, &Trial::default()).await
}

/// Puts a destination to the test.
///
/// # Errors
/// Every clause that does not hold.
pub async fn destination_contract_with(
    make: impl AsyncFn() -> Arc<dyn Destination>,
    trial: &Trial,
) -> Result<(), Breaches> {
    let mut breaches = Vec::new();
    for (clause, run) in CLAUSES {
        let destination = make().await;
        let test = async {
            let bench = Bench::new(destination, clause, trial).await?;
            run(&bench).await
        };
        let result = tokio::time::timeout(DEADLINE, test)
            .await
            .unwrap_or_else(|_| Err(format!("it did not end within {} s", DEADLINE.as_secs())));
        if let Err(what) = result {
            breaches.push(Breach { clause, what });
        }
    }
    if breaches.is_empty() {
        Ok(())
    } else {
        Err(Breaches(breaches))
    }
}

type Clause = for<'a> fn(&'a Bench) -> LocalBoxFuture<'a, Result<(), String>>;

/// Every clause with its name.
const CLAUSES: &[(&str, Clause)] = &[
    ("a client is created, listed and found by its mark", |b| {
        Box::pin(records::client(b))
    }),
    ("a client created twice is found as often as it exists", |b| {
        Box::pin(records::client_twice(b))
    }),
    ("a site is created under its client", |b| {
        Box::pin(records::site(b))
    }),
    ("an asset type is created in its group", |b| {
        Box::pin(records::asset_type(b))
    }),
    ("a mark never used finds nothing", |b| {
        Box::pin(records::unknown_mark(b))
    }),
    ("names are kept byte for byte", |b| Box::pin(records::names(b))),
    ("ids and values are the same on every reading", |b| {
        Box::pin(records::stable(b))
    }),
    ("the check passes on a connection that works", |b| {
        Box::pin(records::check(b))
    }),
    ("an asset is created with everything it was given", |b| {
        Box::pin(assets::created(b))
    }),
    ("an asset created twice is found as often as it exists", |b| {
        Box::pin(assets::twice(b))
    }),
    ("assets are read by scope", |b| Box::pin(assets::scopes(b))),
    ("a reader that goes away does not block", |b| {
        Box::pin(assets::reader_gone(b))
    }),
    ("an asset is archived, not deleted", |b| {
        Box::pin(assets::archived(b))
    }),
    ("an archived asset comes back", |b| Box::pin(assets::restored(b))),
    ("what refers to nothing is refused", |b| {
        Box::pin(assets::refused(b))
    }),
    ("one bad write does not stop the others", |b| {
        Box::pin(assets::batch(b))
    }),
    ("a field is changed when it is as the plan saw it", |b| {
        Box::pin(updates::right_before(b))
    }),
    ("nothing is changed when a field is not as the plan saw it", |b| {
        Box::pin(updates::stale_before(b))
    }),
    ("blank, null and absent are the same", |b| {
        Box::pin(updates::blanks(b))
    }),
    ("an asset moves to another client, site and type", |b| {
        Box::pin(updates::moves(b))
    }),
    ("text is kept byte for byte", |b| Box::pin(values::text(b))),
    ("target fields have keys of their own", |b| {
        Box::pin(values::keys(b))
    }),
    ("a field is created once and can be written", |b| {
        Box::pin(values::create_field(b))
    }),
    ("what it says it cannot do is refused", |b| {
        Box::pin(limits::refused(b))
    }),
];
