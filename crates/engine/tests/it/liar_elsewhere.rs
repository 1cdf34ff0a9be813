//! A NinjaOne that lies at whatever else a sync asks for: the lists of locations and roles, the reports that fill in what the
//! device list leaves out, the endpoint tokens come from, and more at the list of organizations.
//!
//! There are hundreds of such lies, so each seed tells every thirty-seventh; two hundred seeds tell all of them several
//! times. The connector's tests of this name tell most of them without a database.

use crate::liar_telling::{Lie, TOKEN, estate, seeds, tell};
use model::SiteRule;
use simulators::ninjaone::lies::{self, Told};
use simulators::ninjaone::oauth::{OauthOptions, Rotation};
use simulators::ninjaone::{CursorName, Options, Part, Quirks};
use std::collections::BTreeSet;
use testkit::Engine;

/// How many lies stand between two that one seed tells.
const STRIDE: usize = 37;

/// What is there to ask, and how often a sync does at least.
const PLACES: [(&str, u64); 6] = [
    ("/v2/organizations", 2),
    ("/v2/locations", 2),
    ("/v2/roles", 1),
    ("/v2/queries/computer-systems", 2),
    ("/v2/queries/volumes", 2),
    (TOKEN, 1),
];

/// Every lie, place by place.
fn every_lie() -> Vec<Lie> {
    let mut lies = Vec::new();
    for (path, requests) in PLACES {
        let mut here = lies::answers();
        // A wait of five minutes: what hangs is stopped here.
        here.push((lies::after("1e9"), Told::Once));
        match path {
            TOKEN => here.extend(lies::tokens()),
            _ => here.extend(lies::pages().into_iter().chain(lies::records(path))),
        }
        lies.extend(here.into_iter().map(|(effect, told)| Lie {
            path,
            effect,
            told,
            requests,
        }));
    }
    lies
}

/// Pages of few records, whatever is asked for; a device list that leaves out what has to be asked for elsewhere; and each
/// seed with another of the ways the vendor leaves open.
fn leaving_out(seed: u64) -> Options {
    let mut without = BTreeSet::from([Part::System, Part::Os, Part::Volumes, Part::Processors]);
    if seed % 2 == 1 {
        without.insert(Part::References);
    }
    let cursor_name = match seed % 4 {
        0 | 1 => CursorName::Stays,
        _ => CursorName::Changes,
    };
    let rotation = match seed % 3 {
        0 => Rotation::Invalidate,
        1 => Rotation::Grace(60),
        _ => Rotation::Static,
    };
    Options {
        quirks: Quirks {
            without,
            cursor_name,
            largest_page_size: Some(4),
            largest_report_page: Some(10),
            used_up_cursor_refused: seed % 5 == 1,
            ..Quirks::default()
        },
        oauth: OauthOptions {
            rotation,
            ..OauthOptions::default()
        },
        ..estate(seed)
    }
}

/// Lies to two hubs at once: most of the time is spent waiting before something is tried again.
async fn lie_on(engine: Engine) {
    // The two databases begin apart, so that they tell different lies.
    let apart = match engine {
        Engine::Sqlite => 0,
        Engine::Postgres => STRIDE / 2,
    };
    for seed in seeds() {
        let begin = (usize::try_from(seed).unwrap() + apart) % STRIDE;
        let lies: Vec<Lie> = every_lie().into_iter().skip(begin).step_by(STRIDE).collect();
        let some = lies.chunks(lies.len().div_ceil(2));
        let some = some.map(|some| tell(engine, leaving_out(seed), SiteRule::SameName, some));
        futures::future::join_all(some).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_told_anywhere_costs_no_record_on_sqlite() {
    lie_on(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_told_anywhere_costs_no_record_on_postgres() {
    if Engine::available().contains(&Engine::Postgres) {
        lie_on(Engine::Postgres).await;
    }
}
