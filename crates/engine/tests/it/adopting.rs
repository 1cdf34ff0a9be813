//! Writes in doubt that arrived: what they wrote is ours, with the values of their day, and stands in the books of the run
//! that sent it. What a person changed since is still that person's.

use crate::hub::{Hub, confirmed, small};
use jiff::SignedDuration;
use model::{Action, Bridge, Operation, Outcome, Owner, PlanSummary, RecordKind, Run, SourceId};
use serde_json::{Value, json};
use simulators::directory::{Directory, Fault, Mode};
use simulators::ninjaone::estate::device::Approval;
use std::time::Duration;
use store::{Link, NewIntent};
use testkit::{Engine, TestStore};

/// Until a write of [`Hub::with_directory`] can no longer arrive.
const QUARANTINE: Duration = Duration::from_millis(4600);

struct Story<'a> {
    store: &'a TestStore,
    hub: Hub,
    bridge: Bridge,
    directory: Directory,
}

impl<'a> Story<'a> {
    /// Every field is asked about when a person changed it.
    async fn begin(store: &'a TestStore) -> Self {
        Self::owned_by(store, Owner::Ask).await
    }

    async fn owned_by(store: &'a TestStore, owner: Owner) -> Self {
        let (hub, bridge, directory) = Hub::with_directory(store, small(8)).await;
        let mut settings = bridge.settings.clone();
        for rule in &mut settings.mapping.rules {
            rule.owner = owner;
        }
        let changed = hub.engine.change_bridge(&hub.actor, &bridge, settings).await;
        let story = Self {
            bridge: changed.unwrap(),
            store,
            hub,
            directory,
        };
        story.hub.read(&story.bridge).await;
        story.hub.create_undecided(&story.bridge).await;
        story
    }

    async fn wait(&self) {
        match self.store.engine() {
            Engine::Sqlite => {
                let passed = SignedDuration::try_from(QUARANTINE).unwrap();
                self.store.clock().advance(passed);
            }
            Engine::Postgres => tokio::time::sleep(QUARANTINE).await,
        }
    }

    async fn operations(&self, plan: &PlanSummary) -> Vec<Operation> {
        let hub = &self.hub;
        hub.engine
            .operations(&hub.actor, &plan.id, 0, 10_000)
            .await
            .unwrap()
    }

    /// Applies a plan while the answer to the next request of a route is lost; the run, and the device it was about.
    async fn lose_an_answer(&self, route: &str, plan: &PlanSummary) -> (Run, SourceId) {
        self.apply_with(Fault::once(route, Mode::LostAnswer), plan).await
    }

    async fn apply_with(&self, fault: Fault, plan: &PlanSummary) -> (Run, SourceId) {
        self.directory.faults().add(fault).unwrap();
        let run = self.hub.apply(plan, confirmed()).await.unwrap();
        assert_eq!(run.counts.unknown, 1, "{:?}", run.counts);
        let items = self.store.items_of(&run.id).await.unwrap();
        let (number, _) = items
            .iter()
            .find(|(_, item)| matches!(item.outcome, Outcome::Unknown { .. }))
            .unwrap();
        let operation = &self.operations(plan).await[*number as usize - 1];
        assert_eq!(operation.number, *number);
        (run, operation.subject.source_id.clone())
    }

    async fn rename(&self, device: &SourceId, name: &str) {
        let id = device.as_str().parse().unwrap();
        self.hub.ninja.estate_mut().device_mut(id).unwrap().system_name = name.into();
        self.hub.read(&self.bridge).await;
    }

    /// The device comes no more.
    async fn leaves(&self, device: &SourceId) {
        let id = device.as_str().parse().unwrap();
        self.hub.ninja.estate_mut().device_mut(id).unwrap().approval = Approval::Pending;
        self.hub.read(&self.bridge).await;
    }

    /// What a plan has about a device.
    async fn about(&self, plan: &PlanSummary, device: &SourceId) -> Vec<Action> {
        let all = self.operations(plan).await.into_iter();
        all.filter(|o| o.subject.kind == RecordKind::Asset && o.subject.source_id == *device)
            .map(|o| o.action)
            .collect()
    }

    /// The name such a plan changes, before and after; refuses anything else.
    async fn renames(&self, plan: &PlanSummary, device: &SourceId) -> (Value, Value) {
        match self.about(plan, device).await.as_slice() {
            [
                Action::UpdateAsset {
                    changes, moved: None, ..
                },
            ] if changes.len() == 1 => {
                assert_eq!(changes[0].field, "name");
                (changes[0].before.clone(), changes[0].after.clone())
            }
            other => panic!("{other:?}"),
        }
    }

    async fn link(&self, device: &SourceId) -> Link {
        let link = self.store.link(&self.bridge.id, RecordKind::Asset, device).await;
        link.unwrap().unwrap()
    }

    async fn counts(&self, run: &Run) -> (u64, u64) {
        let counts = self.hub.engine.find_run(&self.hub.actor, run.id.as_str()).await;
        let counts = counts.unwrap().counts;
        (counts.done, counts.unknown)
    }

    async fn ends_well(&self, device: &SourceId, name: &str) {
        let plan = self.hub.plan().await;
        self.hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!(self.hub.plan().await.counts.writes(), 0);
        let link = self.link(device).await;
        assert_eq!(link.written["name"].value, name);
        let records = self.directory.records();
        let stands = records["assets"].as_array().unwrap();
        let asset = stands
            .iter()
            .find(|a| a["id"] == link.destination.as_str())
            .unwrap();
        assert_eq!(asset["name"], name);
        assert!(self.directory.duplicates().is_empty());
        assert_eq!(self.store.open_writes(&self.bridge.destination).await.unwrap(), 0);
    }
}

fn name_of(action: &Action) -> Value {
    let Action::CreateAsset(draft) = action else {
        panic!("{action:?}")
    };
    draft.fields["name"].clone()
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_the_runs_that_sent_it_with_what_it_sent() {
    TestStore::on_every_engine(async |store| {
        let story = Story::begin(&store).await;
        let plan = story.hub.plan().await;
        let (run, device) = story.lose_an_answer("POST /assets", &plan).await;
        let old = name_of(&story.about(&plan, &device).await[0]);
        let before = story.counts(&run).await;
        story.rename(&device, "RENAMED").await;
        story.wait().await;
        let next = story.hub.plan().await;
        assert_eq!(
            story.renames(&next, &device).await,
            (old.clone(), json!("RENAMED"))
        );
        let written = &story.link(&device).await.written["name"];
        assert_eq!((&written.value, &written.run), (&old, &run.id));
        assert_eq!(story.counts(&run).await, (before.0 + 1, 0), "it is in its books");
        story.ends_well(&device, "RENAMED").await;
    })
    .await;
}

#[tokio::test]
async fn a_creation_that_is_found_while_a_newer_plan_is_applied_has_the_values_of_its_day() {
    TestStore::on_every_engine(async |store| {
        let story = Story::begin(&store).await;
        let plan = story.hub.plan().await;
        let late = Mode::LateCommit {
            commit_ms: 4000,
            spread_ms: 0,
            close_ms: Some(20),
        };
        let (run, device) = story.apply_with(Fault::once("POST /assets", late), &plan).await;
        let old = name_of(&story.about(&plan, &device).await[0]);
        story.rename(&device, "RENAMED").await;
        // It has not arrived yet, and is planned as if it never would.
        let blind = story.hub.plan().await;
        assert_eq!(name_of(&story.about(&blind, &device).await[0]), "RENAMED");
        assert!(story.directory.settled(Duration::from_secs(20)).await);
        story.wait().await;
        let adopting = story.hub.apply(&blind, confirmed()).await.unwrap();
        assert_eq!((adopting.counts.done, adopting.counts.unknown), (1, 0));
        let written = &story.link(&device).await.written["name"];
        assert_eq!((&written.value, &written.run), (&old, &run.id));
        assert_eq!(story.counts(&run).await.1, 1, "its books are closed");
        let next = story.hub.plan().await;
        assert_eq!(story.renames(&next, &device).await, (old, json!("RENAMED")));
        story.ends_well(&device, "RENAMED").await;
    })
    .await;
}

#[tokio::test]
async fn a_creation_that_is_seen_before_it_is_found_out_is_linked_as_ours() {
    TestStore::on_every_engine(async |store| {
        let story = Story::begin(&store).await;
        let plan = story.hub.plan().await;
        let (run, device) = story.lose_an_answer("POST /assets", &plan).await;
        let old = name_of(&story.about(&plan, &device).await[0]);
        story.rename(&device, "RENAMED").await;
        // The record says whose it is, and nobody may touch it yet.
        let early = story.hub.plan().await;
        let about = story.about(&early, &device).await;
        assert!(matches!(about[0], Action::Link { .. }), "{about:?}");
        story.wait().await;
        story.hub.apply(&early, confirmed()).await.unwrap();
        let written = &story.link(&device).await.written["name"];
        assert_eq!((&written.value, &written.run), (&old, &run.id));
        let next = story.hub.plan().await;
        assert_eq!(story.renames(&next, &device).await, (old, json!("RENAMED")));
        story.ends_well(&device, "RENAMED").await;
    })
    .await;
}

#[tokio::test]
async fn of_several_attempts_the_one_whose_values_stand_is_the_one_that_arrived() {
    TestStore::on_every_engine(async |store| {
        let story = Story::begin(&store).await;
        let plan = story.hub.plan().await;
        let (run, device) = story.lose_an_answer("POST /assets", &plan).await;
        let old = name_of(&story.about(&plan, &device).await[0]);
        story.rename(&device, "RENAMED").await;
        let blind = story.hub.plan().await;
        story.wait().await;
        // A process takes it over and dies before it has looked.
        let kind = model::RunKind::Apply {
            bridge: story.bridge.id.clone(),
            plan: blind.id.clone(),
        };
        let dead = store
            .begin_run(kind, "a process that dies", "a holder")
            .await
            .unwrap();
        let marker = connect::Marker::new(&story.bridge.source, RecordKind::Asset, &device).0;
        let destination = &story.bridge.destination;
        let claims = store
            .claims(destination, std::slice::from_ref(&marker))
            .await
            .unwrap();
        let number = story.operations(&blind).await;
        let number = number
            .iter()
            .find(|o| o.subject.source_id == device && o.action.writes());
        let intent = NewIntent {
            number: number.unwrap().number,
            version: claims[&marker].version,
            name: None,
            marker,
        };
        let turn = store
            .intend(&dead.id, &blind.id, destination, &[intent], Duration::ZERO, false)
            .await
            .unwrap();
        assert_eq!(turn.ours.len(), 1);
        let next = story.hub.plan().await;
        assert_eq!(
            story.renames(&next, &device).await,
            (old.clone(), json!("RENAMED"))
        );
        let written = &story.link(&device).await.written["name"];
        assert_eq!((&written.value, &written.run), (&old, &run.id));
        story.ends_well(&device, "RENAMED").await;
    })
    .await;
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_ours_when_the_source_has_moved_on() {
    TestStore::on_every_engine(async |store| {
        let story = Story::begin(&store).await;
        let plan = story.hub.plan().await;
        story.hub.apply(&plan, confirmed()).await.unwrap();
        let device = story.operations(&plan).await;
        let device = device.iter().find(|o| matches!(o.action, Action::CreateAsset(_)));
        let device = device.unwrap().subject.source_id.clone();
        story.rename(&device, "SECOND").await;
        let plan = story.hub.plan().await;
        let (run, of) = story.lose_an_answer("PATCH /assets/{id}", &plan).await;
        assert_eq!(of, device);
        story.rename(&device, "THIRD").await;
        story.wait().await;
        let next = story.hub.plan().await;
        let renames = story.renames(&next, &device).await;
        assert_eq!(renames, (json!("SECOND"), json!("THIRD")));
        let written = &story.link(&device).await.written["name"];
        assert_eq!((&written.value, &written.run), (&json!("SECOND"), &run.id));
        assert_eq!(story.counts(&run).await, (1, 0));
        story.ends_well(&device, "THIRD").await;
    })
    .await;
}

#[tokio::test]
async fn what_a_person_changed_before_it_was_found_out_is_asked_about() {
    let store = TestStore::sqlite().await;
    let story = Story::begin(&store).await;
    let plan = story.hub.plan().await;
    let (_, device) = story.lose_an_answer("POST /assets", &plan).await;
    let records = story.directory.records();
    let stands = records["assets"].as_array().unwrap();
    let asset = stands.iter().find(|a| a["source_id"] == device.as_str()).unwrap();
    let by_hand = json!({ "name": "by hand" });
    story
        .directory
        .edit_asset(asset["id"].as_str().unwrap(), &by_hand)
        .unwrap();
    story.rename(&device, "RENAMED").await;
    story.wait().await;
    let next = story.hub.plan().await;
    let about = story.about(&next, &device).await;
    assert!(matches!(about.as_slice(), [Action::Review { .. }]), "{about:?}");
    story.hub.apply(&next, confirmed()).await.unwrap();
    let records = story.directory.records();
    let stands = records["assets"].as_array().unwrap();
    assert!(stands.iter().any(|asset| asset["name"] == "by hand"));
}

#[tokio::test]
async fn a_run_is_taken_back_with_what_it_wrote_without_an_answer() {
    let store = TestStore::sqlite().await;
    let story = Story::begin(&store).await;
    let plan = story.hub.plan().await;
    let (run, device) = story.lose_an_answer("POST /assets", &plan).await;
    story.wait().await;
    let undo = crate::undoing::undo(&story.hub, &run).await;
    assert_eq!((undo.counts.failed, undo.counts.unknown), (0, 0));
    let records = story.directory.records();
    let stands = records["assets"].as_array().unwrap();
    assert!(!stands.is_empty());
    let left: Vec<&Value> = stands
        .iter()
        .filter(|asset| asset["archived_at"].is_null())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let link = store.link(&story.bridge.id, RecordKind::Asset, &device).await;
    assert!(link.unwrap().is_none());
}

#[tokio::test]
async fn an_asset_that_left_the_archive_without_an_answer_is_linked_although_a_later_attempt_failed() {
    left_the_archive_and_then(500).await;
}

#[tokio::test]
async fn an_asset_that_left_the_archive_without_an_answer_is_linked_although_a_later_attempt_was_refused() {
    left_the_archive_and_then(422).await;
}

/// A restore whose answer is lost, an adoption that is answered with `status`, and then the device comes no more, so that no
/// later plan would come back to it.
async fn left_the_archive_and_then(status: u16) {
    TestStore::on_every_engine(async |store| {
        let story = Story::owned_by(&store, Owner::Source).await;
        let plan = story.hub.plan().await;
        let written = story.hub.apply(&plan, confirmed()).await.unwrap();
        crate::undoing::undo(&story.hub, &written).await;
        let bridge = story.hub.bridge().await;
        let released = story
            .hub
            .engine
            .release_undone(&story.hub.actor, &bridge, None)
            .await;
        assert!(released.unwrap() > 0);
        let plan = story.hub.plan().await;
        let (_, device) = story.lose_an_answer("POST /assets/{id}/restore", &plan).await;
        // It is seen in use and another name is to be written into it, before anybody may know whose it is.
        story.rename(&device, "RENAMED").await;
        let early = story.hub.plan().await;
        let about = story.about(&early, &device).await;
        assert!(
            matches!(&about[..], [Action::Link { changes, .. }] if !changes.is_empty()),
            "{about:?}"
        );
        story.wait().await;
        let failing = Fault::once("PATCH /assets/{id}", Mode::ErrorBefore { status });
        story.directory.faults().add(failing).unwrap();
        let ended = story.hub.apply(&early, confirmed()).await.unwrap();
        assert_eq!(
            ended.counts.unknown + ended.counts.failed,
            1,
            "{:?}",
            ended.counts
        );
        story.leaves(&device).await;
        story.wait().await;
        assert_eq!(story.hub.plan().await.counts.writes(), 0);
        let record = story.link(&device).await.destination;
        let records = story.directory.records();
        let stands = records["assets"].as_array().unwrap();
        let asset = stands
            .iter()
            .find(|asset| asset["id"] == record.as_str())
            .unwrap();
        assert!(asset["archived_at"].is_null() && asset["source_id"] == device.as_str());
        assert_eq!(store.open_writes(&story.bridge.destination).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_refused_leaves_open_what_an_earlier_attempt_created() {
    TestStore::on_every_engine(async |store| {
        let story = Story::owned_by(&store, Owner::Source).await;
        let plan = story.hub.plan().await;
        let (run, device) = story.lose_an_answer("POST /assets", &plan).await;
        story.rename(&device, "RENAMED").await;
        let early = story.hub.plan().await;
        story.wait().await;
        let refusing = Fault::once("PATCH /assets/{id}", Mode::ErrorBefore { status: 422 });
        story.directory.faults().add(refusing).unwrap();
        let refused = story.hub.apply(&early, confirmed()).await.unwrap();
        assert_eq!(refused.counts.failed, 1, "{:?}", refused.counts);
        // The device comes no more, so no later plan would come back to it.
        story.leaves(&device).await;
        story.wait().await;
        assert_eq!(story.hub.plan().await.counts.writes(), 0);
        assert!(story.link(&device).await.written["name"].run == run.id);
        assert_eq!(store.open_writes(&story.bridge.destination).await.unwrap(), 0);
    })
    .await;
}

/// An adoption of an asset whose link somebody took away: it gets no answer, and another one is refused.
async fn adopted_and_refused(store: &TestStore, first: Mode) -> (Story<'_>, SourceId, Run) {
    let story = Story::owned_by(store, Owner::Source).await;
    let plan = story.hub.plan().await;
    story.hub.apply(&plan, confirmed()).await.unwrap();
    let assets = store.links(&story.bridge.id, RecordKind::Asset).await.unwrap();
    let (device, asset) = assets.first_key_value().unwrap();
    let (engine, actor) = (&story.hub.engine, &story.hub.actor);
    engine.unlink_asset(actor, asset, "a mistake").await.unwrap();
    let records = [(RecordKind::Asset, device.clone())];
    let comes = engine.unignore_records(actor, &story.bridge, &records);
    comes.await.unwrap();
    story.rename(device, "RENAMED").await;
    let plan = story.hub.plan().await;
    assert!(matches!(
        story.about(&plan, device).await[..],
        [Action::Link { .. }]
    ));
    let (run, _) = story
        .apply_with(Fault::once("PATCH /assets/{id}", first), &plan)
        .await;
    story.rename(device, "RENAMED AGAIN").await;
    let early = story.hub.plan().await;
    story.wait().await;
    let refusing = Fault::once("PATCH /assets/{id}", Mode::ErrorBefore { status: 422 });
    story.directory.faults().add(refusing).unwrap();
    let refused = story.hub.apply(&early, confirmed()).await.unwrap();
    assert_eq!(refused.counts.failed, 1, "{:?}", refused.counts);
    (story, device.clone(), run)
}

#[tokio::test]
async fn a_link_that_is_refused_is_over_where_nothing_arrived_before_it() {
    TestStore::on_every_engine(async |store| {
        let never = Mode::ErrorBefore { status: 500 };
        let (story, ..) = adopted_and_refused(&store, never).await;
        assert_eq!(store.open_writes(&story.bridge.destination).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_refused_leaves_open_an_earlier_one_that_arrived() {
    TestStore::on_every_engine(async |store| {
        let (story, device, run) = adopted_and_refused(&store, Mode::LostAnswer).await;
        story.leaves(&device).await;
        story.wait().await;
        assert_eq!(story.hub.plan().await.counts.writes(), 0);
        assert!(story.link(&device).await.written["name"].run == run.id);
        assert_eq!(store.open_writes(&story.bridge.destination).await.unwrap(), 0);
    })
    .await;
}
