//! Telling a hub lies, one after the other, and after each the truth again.
//!
//! Under each lie: read, plan, apply, as a schedule would, with the archive rule as sharp as it can be set. Whatever comes of
//! that, nothing may be there twice, no more may be archived than the brakes let through, no error may show a secret, and the
//! audit log is whole. Then the truth again: every device has one asset, and a further plan writes nothing.

use crate::hub::{Hub, confirmed};
use crate::undoing::assets;
use engine::applying::ApplyOptions;
use engine::{Quiet, Work};
use model::{Archive, Bridge, BridgeSettings, ConnectionState, RecordKind, SiteRule};
use secrecy::ExposeSecret;
use serde_json::json;
use simulators::faults::Effect;
use simulators::ninjaone::Options;
use simulators::ninjaone::estate::device::Approval;
use simulators::ninjaone::lies::Told;
use std::collections::BTreeMap;
use std::time::Duration;
use store::Verified;
use testkit::{Engine, TestStore};
use tokio_util::sync::CancellationToken;

/// Where a token is refreshed.
pub const TOKEN: &str = "/ws/oauth/token";
/// The most a plan archives that nobody confirmed: below ten records the brakes' shares do not bind, and five percent of
/// these estates are fewer.
const LET_THROUGH: usize = 9;

/// How many seeds are tried on each database.
#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
pub fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("RMMBRIDGE_LIAR_SEEDS").ok();
    0..asked.map_or(1, |text| text.parse().unwrap())
}

/// One lie.
#[derive(Clone)]
pub struct Lie {
    /// Which requests it meets.
    pub path: &'static str,
    /// What happens to them.
    pub effect: Effect,
    pub told: Told,
    /// How many such requests a sync makes at least: one of them is met by a lie that is told once.
    pub requests: u64,
}

/// A small estate.
pub fn estate(seed: u64) -> Options {
    Options {
        devices: 34,
        organizations: Some(4),
        seed,
        ..Options::default()
    }
}

/// Small pages, so that a list has several, and an archive rule that waits for nothing.
async fn set_up(store: &TestStore, options: Options, sites: SiteRule) -> (Hub, Bridge) {
    let seed = options.seed;
    let (hub, bridge) = Hub::connected(store, options, "default").await;
    let mut request = hub.request("ninjaone");
    request.settings["page_size"] = json!(10);
    request.settings["readers"] = json!(1 + seed % 2);
    request.settings["max_devices"] = json!(500);
    hub.engine.save_connection(&hub.actor, request).await.unwrap();
    let settings = BridgeSettings {
        archive: Some(Archive {
            after_snapshots: 1,
            after_days: 0,
        }),
        sites,
        ..bridge.settings.clone()
    };
    let bridge = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings)
        .await
        .unwrap();
    hub.sync_all(&bridge).await;
    (hub, bridge)
}

/// Reads, plans and applies as a schedule would; what it met in words.
async fn sync_unattended(hub: &Hub, bridge: &Bridge) -> Result<(), String> {
    let stop = CancellationToken::new();
    let work = Work {
        progress: &Quiet,
        stop: &stop,
    };
    let words = |error: engine::Error| error.to_string();
    let (engine, actor) = (&hub.engine, &hub.actor);
    let runner = engine.become_runner(actor).await.map_err(words)?;
    // What hangs is stopped by whoever waits for it.
    let patience = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        stop.cancel();
        std::future::pending::<()>().await;
    };
    let sync = async {
        engine
            .read(actor, &runner, &bridge.source, None, work)
            .await
            .map_err(words)?;
        let plan = engine
            .make_plan(actor, &runner, bridge, None, work)
            .await
            .map_err(words)?;
        let writes = u64::from(plan.counts.writes());
        let run = engine.apply(actor, &runner, &plan.id, ApplyOptions::default(), work);
        let counts = run.await.map_err(words)?.counts;
        let outcomes = counts.done + counts.failed + counts.skipped + counts.unknown;
        // I2: each operation has one outcome.
        if outcomes == writes {
            Ok(())
        } else {
            panic!("{writes} operations have {outcomes} outcomes: {counts:?}")
        }
    };
    tokio::select! {
        ended = sync => ended,
        () = patience => unreachable!("it waits for ever"),
    }
}

/// I1 and I11, whatever was told: no source record has two living assets, and few were archived.
async fn nothing_is_there_twice(store: &TestStore, lie: &str, archived_before: usize) {
    let all = assets(store).await;
    let mut living: BTreeMap<&str, usize> = BTreeMap::new();
    for asset in all.values().filter(|asset| asset.archived.is_none()) {
        if let Some(id) = &asset.source_id {
            *living.entry(id).or_default() += 1;
        }
    }
    assert!(living.values().all(|count| *count == 1), "{lie}: {living:?}");
    let archived = all.values().filter(|asset| asset.archived.is_some()).count();
    assert!(
        archived <= archived_before + LET_THROUGH,
        "{lie}: {archived} archived, {archived_before} before"
    );
}

/// The truth is told again: every device has its asset, and there is nothing left to write (I3, I4, I7).
async fn the_truth(store: &TestStore, hub: &Hub, bridge: &Bridge, lie: &str) {
    let connection = store.connection(&bridge.source).await.unwrap();
    if matches!(connection.state, ConnectionState::NeedsAttention { .. }) {
        hub.consent("ninjaone", true).await.unwrap();
    }
    hub.read(bridge).await;
    hub.create_undecided(bridge).await;
    let plan = hub.plan().await;
    let counts = hub.apply(&plan, confirmed()).await.unwrap().counts;
    assert_eq!((counts.failed, counts.unknown), (0, 0), "{lie}: {counts:?}");
    let again = hub.plan().await;
    assert_eq!(again.counts.writes(), 0, "{lie}: {:?}", again.counts);

    let links = store.links(&bridge.id, RecordKind::Asset).await.unwrap();
    let all = assets(store).await;
    let approved: Vec<String> = {
        let estate = hub.ninja.estate();
        let devices = estate.devices().iter();
        let approved = devices.filter(|device| device.approval == Approval::Approved);
        approved.map(|device| device.id.to_string()).collect()
    };
    for id in &approved {
        let record = links.get(&id.as_str().into());
        let asset = record.and_then(|record| all.get(record));
        assert!(
            asset.is_some_and(|asset| asset.archived.is_none()),
            "{lie}: device {id} has no asset: {record:?}"
        );
    }
    for (id, asset) in all.iter().filter(|(_, asset)| asset.archived.is_none()) {
        assert!(
            links.values().any(|record| record == id),
            "{lie}: {asset:?} is nobody's"
        );
    }
    let audit = store.verify_audit(None).await.unwrap();
    assert!(matches!(audit, Verified::Whole { .. }), "{lie}: {audit:?}");
}

/// The tokens of the connection as they are stored.
async fn tokens(store: &TestStore, bridge: &Bridge) -> Vec<String> {
    let grant = store.grants(&bridge.source).load().await.unwrap().unwrap();
    let both = grant.refresh_token.into_iter().chain([grant.access_token]);
    both.map(|token| token.expose_secret().to_owned()).collect()
}

/// After a lie about tokens, whoever uses the connection next goes on, or it says that a person has to reconnect. One
/// does in either case: the next lie is to meet a grant that lives.
async fn reconnect(store: &TestStore, hub: &Hub, bridge: &Bridge, lie: &str) {
    let (actor, source) = (&hub.actor, &bridge.source);
    let kept = hub.engine.keep_alive(actor, source, hub.work()).await;
    let state = store.connection(source).await.unwrap().state;
    let asks = matches!(state, ConnectionState::NeedsAttention { .. });
    assert!(kept.is_ok() || asks, "{lie}: {kept:?}, {state:?}");
    hub.consent("ninjaone", true).await.unwrap();
}

/// Tells one lie after the other to one hub.
pub async fn tell(engine: Engine, options: Options, sites: SiteRule, lies: &[Lie]) {
    let store = TestStore::new(engine).await;
    let seed = options.seed;
    let (hub, bridge) = set_up(&store, options, sites).await;
    for Lie {
        path,
        effect,
        told,
        requests,
    } in lies
    {
        let lie = format!("{engine:?}, seed {seed}, {path}: {}", short(effect));
        let archived = assets(&store)
            .await
            .values()
            .filter(|a| a.archived.is_some())
            .count();
        let mut secrets = vec!["demo-web-secret".to_owned()];
        secrets.extend(tokens(&store, &bridge).await);
        hub.ninja.let_a_day_pass(0.2);
        let skip = u32::try_from(seed % requests).unwrap();
        let faults = hub.ninja.faults();
        match told {
            Told::Always => faults.always(path, effect.clone()),
            Told::Once => faults.once_after(path, skip, effect.clone()),
        };
        if *path == TOKEN {
            // While the token works, nobody asks for another.
            faults.next("/v2/organizations", 1, Effect::ExpireTokens);
        }
        let met = sync_unattended(&hub, &bridge).await;
        let struck = faults.standing()[0].struck;
        assert!(struck > 0, "{lie}: it was never told; {met:?}");
        faults.clear();
        secrets.extend(tokens(&store, &bridge).await);
        if let Err(words) = &met {
            let shown = secrets.iter().any(|secret| words.contains(secret));
            assert!(!shown, "{lie}: an error shows a secret");
        }
        nothing_is_there_twice(&store, &lie, archived).await;
        forget_the_pause(&store).await;
        if *path == TOKEN {
            reconnect(&store, &hub, &bridge, &lie).await;
        }
        the_truth(&store, &hub, &bridge, &lie).await;
    }
    hub.ninja.shutdown().await;
}

fn short(effect: &Effect) -> String {
    format!("{effect:?}").chars().take(120).collect()
}

/// The pause a vendor asked for would be kept for minutes.
async fn forget_the_pause(store: &TestStore) {
    store.sql("DELETE FROM request_budget").await;
}
