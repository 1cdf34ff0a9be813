//! The outside world: a simulated NinjaOne or two, and the reference directory they are written to.

use crate::chance::Chance;
use crate::rota::{ROUTES, Rota, TOKEN};
use simulators::directory::{self, Behaviour, Directory, Fault, Mode};
use simulators::faults::{Effect, Fault as SourceFault, Moment};
use simulators::ninjaone::{self as simulated, NinjaOne};
use std::time::Duration;

/// How long a request to the directory may take, in milliseconds.
pub const DEADLINE_MS: u64 = 120;
/// How long after that it may still arrive or not be found yet: the latest ghost and the lag of the index together.
pub const SETTLE_MS: u64 = 230;
/// A write that arrives late does so after so many milliseconds at most; what is left of [`SETTLE_MS`] and the deadline
/// is for the index and for a machine that is busy.
const GHOST_MS: u64 = 140;

/// Secrets in words that stand nowhere else: whoever finds one of them in what a process said or stored has found a leak.
pub const SECRETS: [&str; 2] = ["demo-machine-secret", "directory-demo-key"];

/// The outside world, which no kill touches.
pub struct World {
    /// Where devices are read: one tenant for each bridge.
    pub ninjas: Vec<NinjaOne>,
    /// Where they are written.
    pub directory: Directory,
}

impl World {
    /// So many new estates of so many devices each, and an empty directory.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(estates: u64, devices: usize, seed: u64) -> anyhow::Result<Self> {
        let mut ninjas = Vec::new();
        for estate in 0..estates {
            let options = simulated::Options {
                devices,
                organizations: Some(4),
                seed: seed.wrapping_add(estate),
                ..simulated::Options::default()
            };
            ninjas.push(NinjaOne::start_on_loopback(options).await?);
        }
        let directory = Directory::start(directory::Options {
            seed,
            behaviour: Behaviour {
                latency_ms: 2,
                index_lag_ms: 40,
                // In one of four rounds the directory wants to be asked slowly.
                requests_per_second: seed.is_multiple_of(4).then_some(150),
                ..Behaviour::default()
            },
            ..directory::Options::default()
        })
        .await?;
        Ok(Self { ninjas, directory })
    }

    /// Lets things go wrong: each kind now and then, and on each route once an answer that is lost and a write that
    /// arrives late.
    ///
    /// # Errors
    /// Never: the routes are the directory's own.
    pub fn make_trouble(&self, chance: &mut Chance) -> anyhow::Result<()> {
        let late = Mode::LateCommit {
            commit_ms: 60,
            spread_ms: GHOST_MS - 60,
            close_ms: None,
        };
        let slow = Mode::Latency {
            ms: 20,
            spread_ms: 40,
        };
        let mut faults = Vec::new();
        for route in ROUTES.into_iter().filter(|route| *route != TOKEN) {
            for mode in [Mode::LostAnswer, late.clone()] {
                let skip = u32::try_from(chance.below(3)).unwrap_or(0);
                faults.push(Fault {
                    skip,
                    ..Fault::once(route, mode)
                });
            }
        }
        for (per_mille, mode) in [
            (30, Mode::LostAnswer),
            (30, late),
            (20, Mode::ErrorBefore { status: 500 }),
            (20, Mode::ErrorAfter { status: 502 }),
            (20, Mode::ErrorHalf { status: 500 }),
            (10, Mode::HalfBody),
            (40, slow),
        ] {
            if chance.percent(80) {
                faults.push(Fault::at_rate("writes", per_mille, mode));
            }
        }
        for fault in faults {
            self.directory
                .faults()
                .add(fault)
                .map_err(|error| anyhow::anyhow!("{error}"))?;
        }
        for ninja in &self.ninjas {
            ninja.faults().add(SourceFault {
                path: "/ws/oauth/token".to_owned(),
                method: Some("POST".to_owned()),
                skip: 0,
                times: Some(1),
                effect: Effect::Reset { at: Moment::MidBody },
            });
            ninja.grants().expire_access_tokens();
        }
        Ok(())
    }

    /// Stops the trouble, and waits for what was still to arrive.
    ///
    /// # Errors
    /// When it does not arrive.
    pub async fn calm_down(&self) -> anyhow::Result<()> {
        self.directory.faults().clear();
        for ninja in &self.ninjas {
            ninja.faults().clear();
        }
        let settled = self.directory.settled(Duration::from_secs(10)).await;
        anyhow::ensure!(settled, "the directory still has writes to carry out");
        tokio::time::sleep(quarantine()).await;
        Ok(())
    }

    /// Counts the answers that were lost and the requests that were carried out late since the trouble was made.
    pub fn count_trouble(&self, rota: &mut Rota) {
        for standing in self.directory.faults().standing() {
            match standing.fault.mode {
                Mode::LostAnswer => rota.lost(&standing.fault.on, standing.struck),
                Mode::LateCommit { .. } => rota.late(&standing.fault.on, standing.struck),
                _ => {}
            }
        }
        for ninja in &self.ninjas {
            rota.lost(TOKEN, ninja.faults().standing().iter().map(|s| s.struck).sum());
        }
    }
}

/// How long after its intent a write can still arrive or not be found yet.
pub fn quarantine() -> Duration {
    Duration::from_millis(DEADLINE_MS + SETTLE_MS + crate::SEND_WITHIN_MS)
}
