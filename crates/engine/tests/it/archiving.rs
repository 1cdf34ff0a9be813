//! Archiving by rule, from the source to the destination: whose device is gone for the reads and the days of the rule is
//! archived, and nobody else.

use crate::hub::{Hub, small};
use crate::undoing;
use connect::{AssetScope, Destination, Write};
use engine::applying::ApplyOptions;
use engine::read::ReadReport;
use jiff::{SignedDuration, Timestamp};
use model::{
    Action, Archive, Asset, Bridge, BridgeSettings, Cause, Operation, PlanSummary, RecordId, RecordKind, Run,
    SourceId,
};
use serde_json::{Value, json};
use simulators::directory::{self, Directory};
use simulators::faults::Effect;
use simulators::ninjaone::estate::device::{Approval, Device};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testkit::TestStore;
use tokio::sync::mpsc;
use tokio::time::Instant;

const DEVICES: usize = 12;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Where the assets are.
enum To {
    Registry,
    Directory {
        _running: Directory,
        destination: Arc<dyn Destination>,
    },
}

/// A bridge that archives after two reads and a day, and everything it created.
struct Story {
    hub: Hub,
    bridge: Bridge,
    to: To,
    /// The devices that go away, and their assets.
    gone: BTreeMap<SourceId, RecordId>,
    /// All assets as they were created.
    created: BTreeMap<RecordId, Asset>,
    // Dropped last: the hub is on its database.
    store: TestStore,
}

async fn everywhere(story: impl AsyncFn(Story)) {
    TestStore::on_every_engine(async |store| story(Story::in_registry(store).await).await).await;
    TestStore::on_every_engine(async |store| story(Story::in_directory(store).await).await).await;
}

impl Story {
    async fn in_registry(store: TestStore) -> Self {
        let (hub, bridge) = Hub::connected(&store, small(DEVICES), "default").await;
        Self::begin(store, hub, bridge, To::Registry).await
    }

    async fn in_directory(store: TestStore) -> Self {
        let running = Directory::start(directory::Options::default()).await.unwrap();
        let (hub, bridge) = Hub::to_directory(&store, small(DEVICES), &running).await;
        let destination = testkit::directory::open(&running.base_url(), "directory-demo-key", &Value::Null);
        let to = To::Directory {
            _running: running,
            destination,
        };
        Self::begin(store, hub, bridge, to).await
    }

    async fn begin(store: TestStore, hub: Hub, bridge: Bridge, to: To) -> Self {
        let settings = BridgeSettings {
            archive: Some(Archive {
                after_snapshots: 2,
                after_days: 1,
            }),
            ..bridge.settings.clone()
        };
        let changed = hub.engine.change_bridge(&hub.actor, &bridge, settings).await;
        let bridge = changed.unwrap();
        hub.sync_all(&bridge).await;
        let links = store.links(&bridge.id, RecordKind::Asset).await.unwrap();
        assert_eq!(links.len(), DEVICES);
        let mut story = Self {
            hub,
            bridge,
            to,
            gone: links.into_iter().step_by(3).take(3).collect(),
            created: BTreeMap::new(),
            store,
        };
        story.created = story.assets().await;
        assert_eq!(story.created.len(), DEVICES);
        assert!(story.created.values().all(|asset| asset.archived.is_none()));
        story
    }

    /// All assets the destination holds, but for the moments of archiving.
    async fn assets(&self) -> BTreeMap<RecordId, Asset> {
        let To::Directory { destination, .. } = &self.to else {
            return undoing::assets(&self.store).await;
        };
        let (sender, mut pages) = mpsc::channel::<Vec<Asset>>(4);
        let taken = async {
            let mut all = BTreeMap::new();
            while let Some(page) = pages.recv().await {
                for mut asset in page {
                    asset.archived = asset.archived.map(|_| Timestamp::UNIX_EPOCH);
                    all.insert(asset.id.clone(), asset);
                }
            }
            all
        };
        let (read, all) = tokio::join!(destination.assets(AssetScope::All, sender), taken);
        read.unwrap();
        all
    }

    /// All assets as they were created, but for those of these devices, which are archived.
    fn created_but_archived(&self, devices: &BTreeMap<SourceId, RecordId>) -> BTreeMap<RecordId, Asset> {
        let mut assets = self.created.clone();
        for asset in devices.values() {
            assets.get_mut(asset).unwrap().archived = Some(Timestamp::UNIX_EPOCH);
        }
        assets
    }

    /// A person takes an asset out of the archive, in the destination.
    async fn take_out(&self, asset: &RecordId) {
        match &self.to {
            To::Registry => {
                let update = store::registry::AssetUpdate {
                    archived: Some(false),
                    ..store::registry::AssetUpdate::default()
                };
                let updates = [(asset.clone(), update)];
                let mut answers = self.store.update_registry_assets(&updates).await.unwrap();
                answers.remove(0).unwrap();
            }
            To::Directory { destination, .. } => {
                let restore = Write::RestoreAsset { id: asset.clone() };
                let by = Instant::now() + Duration::from_secs(30);
                destination.write(&[restore], by).await.remove(0).unwrap();
            }
        }
    }

    fn change(&self, device: &SourceId, change: impl FnOnce(&mut Device)) {
        let id = device.as_str().parse().unwrap();
        change(self.hub.ninja.estate_mut().device_mut(id).unwrap());
    }

    fn leaves(&self, device: &SourceId) {
        self.change(device, |device| device.approval = Approval::Pending);
    }

    fn comes_back(&self, device: &SourceId) {
        self.change(device, |device| device.approval = Approval::Approved);
    }

    fn all_leave(&self) {
        for device in self.gone.keys() {
            self.leaves(device);
        }
    }

    fn organization(&self, device: &SourceId) -> SourceId {
        let id = device.as_str().parse().unwrap();
        let organization = self.hub.ninja.estate().device(id).unwrap().organization;
        SourceId(organization.to_string())
    }

    async fn read(&self) {
        self.hub.read(&self.bridge).await;
    }

    async fn try_to_read(&self, organization: Option<SourceId>) -> engine::Result<ReadReport> {
        let (hub, runner) = (&self.hub, self.hub.runner().await);
        hub.engine
            .read(&hub.actor, &runner, &self.bridge.source, organization, hub.work())
            .await
    }

    /// What a plan has to say, by device.
    async fn about(&self, plan: &PlanSummary) -> BTreeMap<SourceId, Operation> {
        let hub = &self.hub;
        let operations = hub.engine.operations(&hub.actor, &plan.id, 0, 10_000).await;
        let operations = operations.unwrap();
        let said = operations.len();
        let about: BTreeMap<SourceId, Operation> = operations
            .into_iter()
            .map(|operation| (operation.subject.source_id.clone(), operation))
            .collect();
        assert_eq!(about.len(), said, "one of each device: {about:#?}");
        about
    }

    /// Applies a plan that leaves every asset as it stands.
    async fn changes_nothing(&self, plan: &PlanSummary) {
        assert_eq!(plan.counts.writes(), 0, "{:?}", plan.counts);
        let before = self.assets().await;
        let run = self.hub.apply(plan, ApplyOptions::default()).await.unwrap();
        assert_eq!(run.counts.done, 0);
        assert_eq!(self.assets().await, before);
    }

    /// A plan names the devices that are gone and how long they are, and archives nothing.
    async fn waits(&self, how_long: &str) {
        let plan = self.hub.plan().await;
        let about = self.about(&plan).await;
        assert!(about.keys().eq(self.gone.keys()), "{about:#?}");
        for operation in about.values() {
            assert_eq!(operation.action, Action::Skip);
            assert_eq!(operation.cause, Some(Cause::Absent));
            assert_eq!(operation.reason, how_long);
        }
        self.changes_nothing(&plan).await;
        assert_eq!(self.assets().await, self.created);
    }

    /// A plan archives the assets of these devices and writes nothing else, and nobody need confirm it.
    async fn archives(&self, expected: &BTreeMap<SourceId, RecordId>) -> Run {
        let plan = self.hub.plan().await;
        assert_eq!(plan.warnings, Vec::<String>::new());
        let about = self.about(&plan).await;
        let archived: BTreeMap<SourceId, RecordId> = about
            .into_iter()
            .filter_map(|(device, operation)| match operation.action {
                Action::ArchiveAsset { asset } => Some((device, asset)),
                _ => None,
            })
            .collect();
        assert_eq!(&archived, expected);
        assert_eq!(plan.counts.writes() as usize, expected.len(), "{:?}", plan.counts);
        let run = self.hub.apply(&plan, ApplyOptions::default()).await.unwrap();
        assert_eq!(run.counts.done as usize, expected.len(), "{:?}", run.counts);
        assert_eq!(self.assets().await, self.created_but_archived(expected));
        run
    }

    /// All of them leave and are archived.
    async fn archived(&self) -> Run {
        self.all_leave();
        self.read().await;
        self.read().await;
        self.store.clock().advance(DAY);
        self.archives(&self.gone).await
    }

    /// A plan has nothing to say: every asset is as it should be.
    async fn is_settled(&self) {
        let plan = self.hub.plan().await;
        let about = self.about(&plan).await;
        assert!(about.is_empty(), "{about:#?}");
        assert_eq!(plan.counts.unchanged as usize, DEVICES, "{:?}", plan.counts);
    }
}

#[tokio::test]
async fn assets_of_devices_gone_for_the_reads_and_the_days_of_the_rule_are_archived_and_no_others() {
    everywhere(async |story| {
        story.all_leave();
        story.read().await;
        story.waits("absent in 1 of 2 reads, 0 of 1 days").await;
        story.read().await;
        story.waits("absent in 2 of 2 reads, 0 of 1 days").await;
        // A second is left of the day.
        story.store.clock().advance(DAY - SignedDuration::from_secs(1));
        story.read().await;
        story.waits("absent in 3 of 2 reads, 0 of 1 days").await;
        story.store.clock().advance(SignedDuration::from_secs(1));
        story.read().await;
        story.archives(&story.gone).await;
        story.read().await;
        story.is_settled().await;
        let links = story.store.links(&story.bridge.id, RecordKind::Asset).await;
        let links = links.unwrap();
        assert!(
            story
                .gone
                .iter()
                .all(|(device, asset)| links.get(device) == Some(asset)),
            "archived, and still theirs: {links:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_read_that_fails_and_a_read_of_one_organization_count_nobody_absent() {
    everywhere(async |story| {
        let faults = || story.hub.ninja.faults();
        let incomplete_reads = async || {
            // It meets every device that is there, and then comes to no end.
            faults().always("/v2/devices-detailed", Effect::RepeatPage);
            let failed = story.try_to_read(None).await.unwrap_err().to_string();
            assert!(failed.contains("round in circles"), "{failed}");
            faults().clear();
            for device in story.gone.keys() {
                let organization = Some(story.organization(device));
                let read = story.try_to_read(organization.clone()).await.unwrap();
                assert_eq!(read.snapshot.organization, organization);
            }
        };
        story.all_leave();
        incomplete_reads().await;
        story.is_settled().await;
        story.read().await;
        incomplete_reads().await;
        story.waits("absent in 1 of 2 reads, 0 of 1 days").await;
        story.store.clock().advance(DAY);
        incomplete_reads().await;
        story.waits("absent in 1 of 2 reads, 1 of 1 days").await;
        story.read().await;
        story.archives(&story.gone).await;
    })
    .await;
}

#[tokio::test]
async fn an_undo_takes_assets_out_of_the_archive_and_they_stay_in_use_until_a_release() {
    everywhere(async |story| {
        let links = async || {
            story
                .store
                .links(&story.bridge.id, RecordKind::Asset)
                .await
                .unwrap()
        };
        let linked = links().await;
        let run = story.archived().await;
        let undone = undoing::undo(&story.hub, &run).await;
        assert_eq!(undone.counts.done as usize, story.gone.len());
        assert_eq!(story.assets().await, story.created);
        assert_eq!(links().await, linked);

        // They are gone as before, and nobody archives them again by themselves.
        story.read().await;
        let held = story.hub.plan().await;
        let about = story.about(&held).await;
        assert!(about.keys().eq(story.gone.keys()), "{about:#?}");
        for operation in about.values() {
            assert_eq!(operation.cause, Some(Cause::Undone));
            let reason = &operation.reason;
            assert!(
                reason.contains("then it is archived: absent for 3 reads"),
                "{reason}"
            );
        }
        story.changes_nothing(&held).await;

        // Released, they are archived again, but for one that is back by now.
        let mut others = story.gone.clone();
        let (back, _) = others.pop_first().unwrap();
        story.comes_back(&back);
        story.read().await;
        let bridge = story.hub.bridge().await;
        let engine = &story.hub.engine;
        let released = engine.release_undone(&story.hub.actor, &bridge, None).await;
        assert_eq!(released.unwrap(), story.gone.len() as u64);
        story.archives(&others).await;
        story.is_settled().await;
    })
    .await;
}

#[tokio::test]
async fn a_device_that_is_back_is_a_question_until_a_person_takes_its_asset_out_of_the_archive() {
    everywhere(async |story| {
        story.archived().await;
        let mut others = story.gone.clone();
        let (back, asset) = others.pop_first().unwrap();
        story.comes_back(&back);
        story.read().await;
        let plan = story.hub.plan().await;
        let about = story.about(&plan).await;
        assert!(about.keys().eq([&back]), "{about:#?}");
        let question = &about[&back];
        assert_eq!(question.action, Action::Review { changes: vec![] });
        assert_eq!(question.cause, Some(Cause::Archived));
        let reason = &question.reason;
        assert!(
            reason.starts_with("the device is back, and its asset was archived on "),
            "{reason}"
        );
        story.changes_nothing(&plan).await;
        assert_eq!(story.assets().await, story.created_but_archived(&story.gone));

        story.take_out(&asset).await;
        story.is_settled().await;
        assert_eq!(story.assets().await, story.created_but_archived(&others));
        // It is looked after as before.
        story.change(&back, |device| device.system_name = "RENAMED".into());
        story.read().await;
        let plan = story.hub.plan().await;
        assert_eq!((plan.counts.updates, plan.counts.writes()), (1, 1));
        story.hub.apply(&plan, ApplyOptions::default()).await.unwrap();
        let mut expected = story.created_but_archived(&others);
        let renamed = expected.get_mut(&asset).unwrap();
        renamed.fields.insert("name".to_owned(), json!("RENAMED"));
        assert_eq!(story.assets().await, expected);
    })
    .await;
}

#[tokio::test]
async fn a_device_that_comes_back_in_time_begins_its_absence_anew() {
    everywhere(async |story| {
        story.all_leave();
        story.read().await;
        story.read().await;
        let mut others = story.gone.clone();
        let (back, _) = others.pop_first().unwrap();
        story.comes_back(&back);
        story.read().await;
        let plan = story.hub.plan().await;
        assert!(story.about(&plan).await.keys().eq(others.keys()));
        story.leaves(&back);
        story.store.clock().advance(DAY);
        story.read().await;
        story.archives(&others).await;
        let plan = story.hub.plan().await;
        let about = story.about(&plan).await;
        assert!(about.keys().eq([&back]), "{about:#?}");
        assert_eq!(about[&back].cause, Some(Cause::Absent));
        assert_eq!(about[&back].reason, "absent in 1 of 2 reads, 0 of 1 days");
    })
    .await;
}
