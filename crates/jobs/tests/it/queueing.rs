//! What is stored together, and what is started once.

use crate::world::{bridge, queue, sync, tasks, technician};
use jiff::SignedDuration;
use jobs::{Backlog, Error, JobFilter, JobState};
use model::{Actor, ActorRole};
use std::time::Duration;
use store::JobEnd;
use testkit::TestStore;

#[tokio::test]
async fn a_job_and_its_delivery_are_there_together_or_not_at_all() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        let now = store.clock().advance(SignedDuration::ZERO);
        let mut tx = store.transaction().await.unwrap();
        let enqueued = queue
            .enqueue_in(&mut tx, &technician(), "request:1", &sync(&bridge), now)
            .await
            .unwrap();
        assert!(enqueued.id.is_some());
        drop(tx);
        assert!(queue.jobs(&JobFilter::default(), 10).await.unwrap().is_empty());
        assert_eq!(tasks(&store).await, 0);
        // The same key is free again.
        let enqueued = queue
            .enqueue(&technician(), "request:1", &sync(&bridge))
            .await
            .unwrap();
        let job = queue.job(&enqueued.id.unwrap()).await.unwrap();
        assert_eq!((job.state, job.attempt, job.due), (JobState::Queued, 0, now));
        assert_eq!((job.kind.as_str(), job.bridge), ("sync", Some(bridge.id)));
        assert_eq!(tasks(&store).await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_is_one_job() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(
                queue
                    .enqueue(&technician(), "tick:7", &sync(&bridge))
                    .await
                    .unwrap()
                    .id,
            );
        }
        assert!(
            ids[0].is_some() && ids[1].is_none() && ids[2].is_none(),
            "{ids:?}"
        );
        assert_eq!(queue.jobs(&JobFilter::default(), 10).await.unwrap().len(), 1);
        assert_eq!(tasks(&store).await, 1);
    })
    .await;
}

#[tokio::test]
async fn only_the_newest_delivery_starts_a_job_and_only_once() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        let id = queue
            .enqueue(&technician(), "request:1", &sync(&bridge))
            .await
            .unwrap();
        let id = id.id.unwrap();
        queue.retry(&technician(), &id).await.unwrap();
        assert_eq!(
            store.claim_job(&id, 1, "late").await.unwrap(),
            None,
            "an old word"
        );
        let seen = queue.job(&id).await.unwrap();
        let job = store.claim_job(&id, 2, "first").await.unwrap().unwrap();
        assert_eq!((job.state, job.attempt), (JobState::Running, 1));
        assert_eq!(store.claim_job(&id, 2, "second").await.unwrap(), None, "twice");
        // Whoever was overtaken cannot end what another is at.
        let mut tx = store.transaction().await.unwrap();
        let stolen = store
            .requeue_job(&mut tx, &seen, seen.due, None, 0, false)
            .await
            .unwrap();
        assert_eq!(stolen, None, "it was begun since it was seen");
        assert_eq!(
            store
                .requeue_job(&mut tx, &job, job.due, None, 1, false)
                .await
                .unwrap(),
            Some(3)
        );
        let end = JobEnd::default();
        assert!(
            !store
                .end_job(&mut tx, &id, 2, JobState::Done, &end)
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        assert_eq!(queue.job(&id).await.unwrap().state, JobState::Queued);
    })
    .await;
}

#[tokio::test]
async fn a_job_is_abandoned_when_its_worker_no_longer_says_that_it_lives() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        for (key, holder) in [("request:1", "alive"), ("request:2", "dead")] {
            let id = queue.enqueue(&technician(), key, &sync(&bridge)).await.unwrap();
            store
                .claim_job(&id.id.unwrap(), 1, holder)
                .await
                .unwrap()
                .unwrap();
        }
        let minute = Duration::from_secs(60);
        store.take_lease("process:alive", "alive", minute).await.unwrap();
        let abandoned = store.abandoned_jobs().await.unwrap();
        assert_eq!(abandoned.len(), 1);
        assert_eq!(abandoned[0].holder.as_deref(), Some("dead"));
    })
    .await;
}

#[tokio::test]
async fn the_backlog_tells_for_how_long_nobody_came() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        assert_eq!(queue.backlog().await.unwrap(), Backlog::default());
        queue
            .enqueue(&technician(), "request:1", &sync(&bridge))
            .await
            .unwrap();
        store.clock().advance(SignedDuration::from_secs(90));
        queue
            .enqueue(&technician(), "request:2", &sync(&bridge))
            .await
            .unwrap();
        let expected = Backlog {
            due: 2,
            oldest: Some(Duration::from_secs(90)),
        };
        assert_eq!(queue.backlog().await.unwrap(), expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_over_is_forgotten_after_its_time() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        let id = queue
            .enqueue(&technician(), "request:1", &sync(&bridge))
            .await
            .unwrap();
        let id = id.id.unwrap();
        store.claim_job(&id, 1, "a worker").await.unwrap().unwrap();
        let mut tx = store.transaction().await.unwrap();
        let end = JobEnd::default();
        assert!(
            store
                .end_job(&mut tx, &id, 1, JobState::Done, &end)
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        let ended = store.clock().advance(SignedDuration::ZERO);
        assert_eq!(store.forget_jobs(ended).await.unwrap(), 0);
        let later = store.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(store.forget_jobs(later).await.unwrap(), 1);
        assert!(matches!(
            queue.job(&id).await,
            Err(Error::Store(store::Error::Missing { .. }))
        ));
    })
    .await;
}

#[tokio::test]
async fn a_viewer_may_not_and_what_is_done_is_not_retried() {
    let store = TestStore::sqlite().await;
    let (queue, bridge) = (queue(&store).await, bridge(&store).await);
    let viewer = Actor::Person {
        name: "v".to_owned(),
        role: ActorRole::Viewer,
    };
    let refused = queue
        .enqueue(&viewer, "request:1", &sync(&bridge))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("person:v may not"), "{refused}");
    let missing = queue.retry(&technician(), "no-such-job").await.unwrap_err();
    assert!(missing.to_string().contains("no-such-job"), "{missing}");
    let id = queue
        .enqueue(&technician(), "request:1", &sync(&bridge))
        .await
        .unwrap();
    let id = id.id.unwrap();
    store.claim_job(&id, 1, "a worker").await.unwrap().unwrap();
    let refused = queue.retry(&technician(), &id).await.unwrap_err();
    assert!(refused.to_string().contains("under way"), "{refused}");
}

#[tokio::test]
async fn a_job_that_its_workers_do_not_outlive_is_given_up() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        let id = queue
            .enqueue(&technician(), "request:1", &sync(&bridge))
            .await
            .unwrap();
        let id = id.id.unwrap();
        let mut delivery = 1;
        for lost in 1..=10 {
            let job = store.claim_job(&id, delivery, "nobody").await.unwrap().unwrap();
            assert_eq!(
                (job.lost, job.attempt),
                (lost - 1, 1),
                "a lost worker is no attempt of the job"
            );
            queue.take_up_abandoned().await.unwrap();
            let after = queue.job(&id).await.unwrap();
            if lost < 10 {
                assert_eq!((after.state, after.lost), (JobState::Queued, lost));
                delivery = after.delivery;
                continue;
            }
            let reason = after.reason.unwrap_or_default();
            assert_eq!(after.state, JobState::Failed, "{reason}");
            assert!(
                reason.contains("10 times in a row") && reason.contains("jobs retry"),
                "{reason}"
            );
        }
        // A person may try it again, and an attempt that ends in order begins the count anew.
        queue.retry(&technician(), &id).await.unwrap();
        assert_eq!(queue.job(&id).await.unwrap().lost, 0);
    })
    .await;
}
