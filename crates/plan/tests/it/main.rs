//! Whole plans: what they look like, what always holds for them, and how long they take.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

mod figures;
mod properties;
mod snapshot;
mod undoing;
mod world;
