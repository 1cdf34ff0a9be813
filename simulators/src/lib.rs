//! Stand-ins for the vendors rmmbridge talks to, so that all of it can be tried and tested without an account.
//!
//! Each simulator is written from the vendor's published documents and from observed answers, never from our own
//! connectors, and imports nothing of ours: a structure shared with a connector would hide a wrong field name from
//! every test. They listen on loopback, run inside the caller's tokio runtime and keep everything in memory.
//!
//! - [`ninjaone`]: NinjaOne's OAuth server and API v2, with an estate made from a seed.
//! - [`directory`]: a destination of no vendor, whose writes get lost, come late, or are answered wrongly on demand.
//! - [`passportal`]: Passportal's documents API, with clients and the asset documents they have.
//! - [`identity`]: an identity provider people sign in with (OpenID Connect).
//! - [`mailbox`]: a mail server that takes messages and keeps them, or refuses.
//! - [`faults`]: what can be made to go wrong on demand, by handle or over HTTP.
//! - [`quirk`]: how behaviour that a vendor leaves open is switched by name.
//! - [`clock`]: the time a simulator lives in.
//! - [`technician`]: a browser with somebody in front of it who signs in and agrees.
//!
//! A further vendor is a further folder beside `ninjaone`, with its own `Options` and handle. It shares [`clock`],
//! [`quirk`] and [`technician`], and takes its faults from [`faults`] where it is read from, from [`directory`] where it
//! is written to.

pub mod clock;
mod dice;
pub mod directory;
pub mod faults;
pub mod identity;
mod json;
mod listener;
pub mod mailbox;
pub mod ninjaone;
pub mod passportal;
pub mod quirk;
pub mod technician;
