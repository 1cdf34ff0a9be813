//! A NinjaOne that lies at everything a read asks for: what it ends with is an error or the truth, never a part of it.
//!
//! `RMMBRIDGE_LIAR_SEEDS=200 cargo test -p ninjaone --test it liar` tells each lie many times at every place; a test run has
//! one seed, which tells each lie at one place. What becomes of a hub under such lies, the engine's tests of this name show.

use crate::tenant::{Tenant, options, read_all};
use connect::{Error, GrantStore, Source};
use futures::StreamExt;
use secrecy::ExposeSecret;
use serde_json::json;
use simulators::faults::Effect;
use simulators::ninjaone::lies::{self, Told};
use simulators::ninjaone::{CursorName, Options, Part, Quirks};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many seeds are tried.
#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
pub fn seeds() -> std::ops::Range<usize> {
    let asked = std::env::var("RMMBRIDGE_LIAR_SEEDS").ok();
    0..asked.map_or(1, |text| text.parse().unwrap())
}

/// Where a lie is told.
#[derive(Clone, Copy, Debug)]
enum Place {
    Organizations,
    Locations,
    Roles,
    Devices,
    Reports,
}

const PLACES: [Place; 5] = [
    Place::Organizations,
    Place::Locations,
    Place::Roles,
    Place::Devices,
    Place::Reports,
];

impl Place {
    fn path(self) -> &'static str {
        match self {
            Self::Organizations => "/v2/organizations",
            Self::Locations => "/v2/locations",
            Self::Roles => "/v2/roles",
            Self::Devices => "/v2/devices-detailed",
            Self::Reports => "/v2/queries/*",
        }
    }

    /// How many requests a read makes there at least.
    fn requests(self) -> usize {
        match self {
            Self::Roles => 1,
            Self::Organizations | Self::Locations | Self::Devices | Self::Reports => 2,
        }
    }

    /// What a read brings there, by id. No id may come twice.
    async fn read(self, source: &Arc<dyn Source>) -> Result<BTreeMap<String, String>, Error> {
        let list: Vec<(String, String)> = match self {
            Self::Organizations => {
                let list = source.organizations().await?;
                list.iter()
                    .map(|one| (one.id.to_string(), format!("{one:?}")))
                    .collect()
            }
            Self::Locations => {
                let list = source.locations().await?;
                list.iter()
                    .map(|one| (one.id.to_string(), format!("{one:?}")))
                    .collect()
            }
            Self::Roles => {
                let list = source.roles().await?;
                list.iter()
                    .map(|one| (one.id.to_string(), format!("{one:?}")))
                    .collect()
            }
            Self::Devices | Self::Reports => {
                let read = read_all(source).await?;
                let devices = read.devices.iter();
                let devices = devices.map(|one| (one.id.to_string(), format!("{:?}", one.digest)));
                let unreadable = read.unreadable.iter();
                let unreadable = unreadable.map(|one| (format!("{:?}", one.id), one.message.clone()));
                devices.chain(unreadable).collect()
            }
        };
        let count = list.len();
        let by_id: BTreeMap<String, String> = list.into_iter().collect();
        assert_eq!(by_id.len(), count, "an id came twice");
        Ok(by_id)
    }
}

/// Whether a lie makes sense at a place: of roles with made-up ids nobody can know that they are none.
fn fits(effect: &Effect, place: Place) -> bool {
    !matches!((effect, place), (Effect::EndlessPages, Place::Roles))
}

/// Whether a read that ends well under this lie has brought the truth. Otherwise it may lack what was kept from it.
fn shows_the_truth(effect: &Effect, told: Told, place: Place) -> bool {
    match effect {
        // Whoever leaves records out everywhere cannot be found out.
        Effect::MissingRecords { .. } | Effect::EmptyTenant => false,
        // A report's rows have no ids: of processors, one that comes twice may be two.
        Effect::DuplicateIds | Effect::ChangedDuplicates { .. } | Effect::DoubledRows => {
            !matches!(place, Place::Reports)
        }
        // An instance that has no such report does not have it the second time either.
        Effect::Status { status: 404 } => !matches!(place, Place::Reports) || told == Told::Once,
        _ => true,
    }
}

/// A small estate whose lists have several pages; its device list leaves out what reports have, where those are asked for.
fn estate(place: Place, seed: usize) -> Options {
    let parts = [Part::System, Part::Os, Part::Volumes, Part::Processors];
    let without = match place {
        Place::Reports => parts.into(),
        Place::Organizations | Place::Locations | Place::Roles | Place::Devices => [].into(),
    };
    let cursor_name = match seed.is_multiple_of(2) {
        true => CursorName::Stays,
        false => CursorName::Changes,
    };
    Options {
        organizations: Some(9),
        seed: seed as u64,
        quirks: Quirks {
            without,
            cursor_name,
            largest_page_size: Some(4),
            largest_report_page: Some(10),
            used_up_cursor_refused: seed % 3 == 1,
            ..Quirks::default()
        },
        ..options(24)
    }
}

/// Tells one lie, and holds what comes of it against the truth.
async fn tell(place: Place, effect: Effect, told: Told, seed: usize) {
    let lie = format!("seed {seed}, {place:?}, {told:?}: {effect:?}");
    let settings = json!({"page_size": 20, "max_devices": 40, "readers": 1});
    let tenant = Tenant::start(estate(place, seed), settings).await;
    let source = tenant.source();
    let truth = place.read(&source).await.unwrap();
    let skip = u32::try_from(seed % place.requests()).unwrap();
    let faults = tenant.sim.faults();
    match told {
        Told::Always => faults.always(place.path(), effect.clone()),
        Told::Once => faults.once_after(place.path(), skip, effect.clone()),
    };
    let read = tokio::time::timeout(Duration::from_secs(30), place.read(&source)).await;
    let read = read.unwrap_or_else(|_| panic!("{lie}: it does not end"));
    assert!(faults.standing()[0].struck > 0, "{lie}: it was never told");
    match read {
        Ok(read) if shows_the_truth(&effect, told, place) => assert_eq!(read, truth, "{lie}"),
        Ok(read) => assert!(read.keys().all(|id| truth.contains_key(id)), "{lie}: {read:?}"),
        Err(error) => {
            let grant = tenant.grants.load().await.unwrap().unwrap();
            let words = format!("{error} {error:?}");
            for secret in ["demo-web-secret", grant.pair.access_token.expose_secret()] {
                assert!(!words.contains(secret), "{lie}: {words}");
            }
            assert!(!error.doing.is_empty() && !error.what.is_empty(), "{lie}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_ends_in_an_error_or_in_the_truth() {
    for seed in seeds() {
        let lies = lies::answers().into_iter().chain(lies::pages());
        let told = lies
            .enumerate()
            .map(|(at, (effect, told))| (PLACES[(at + seed) % PLACES.len()], effect, told));
        let told = told.filter(|(place, effect, _)| fits(effect, *place));
        let told = told.map(|(place, effect, told)| tell(place, effect, told, seed));
        // Most of the time is spent waiting before something is tried again.
        futures::stream::iter(told)
            .for_each_concurrent(12, |telling| telling)
            .await;
    }
}
