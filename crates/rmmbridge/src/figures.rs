//! What the program counts, as text for Prometheus: counters from all over the program, and what is looked up when somebody
//! fetches it: the queue, how old the data of each bridge is, the memory of this process.

use anyhow::Context as _;
use engine::Engine;
use jobs::Queue;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use model::Actor;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use web::Figures;

/// Upper bounds of the histogram of how long requests take, in seconds.
const SECONDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// How often what came in is sorted into the histogram.
const UPKEEP: Duration = Duration::from_secs(5);

/// Begins to count.
///
/// # Errors
/// When somebody else counts already.
pub fn begin(engine: Engine, queue: Queue, stop: CancellationToken) -> anyhow::Result<Figures> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(web::SECONDS.to_owned()), &SECONDS)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).context("counting for Prometheus")?;
    describe();
    tokio::spawn(upkeep(handle.clone(), stop));
    Ok(Arc::new(move || {
        let (engine, queue, handle) = (engine.clone(), queue.clone(), handle.clone());
        Box::pin(async move {
            if let Err(error) = look(&engine, &queue).await {
                tracing::warn!(error = %error, "Not every figure could be looked up.");
            }
            handle.render()
        })
    }))
}

async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = interval(UPKEEP);
    while !stop.is_cancelled() {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("rmmbridge_http_requests_total", "Requests that were answered");
    describe_histogram!(web::SECONDS, "How long answering took");
    describe_counter!(
        "rmmbridge_vendor_requests_total",
        "Requests to vendors by status; `none` where no answer came"
    );
    describe_counter!(
        "rmmbridge_token_refreshes_total",
        "Refreshed grants; `dead` takes a person"
    );
    describe_counter!("rmmbridge_runs_total", "Runs that ended");
    describe_counter!("rmmbridge_writes_total", "Written records by outcome");
    describe_gauge!("rmmbridge_jobs_due", "Jobs that are due and not begun");
    describe_gauge!(
        "rmmbridge_jobs_oldest_due_seconds",
        "For how long the oldest of them has been due"
    );
    describe_gauge!("rmmbridge_workers", "Workers that are at work on this database");
    describe_gauge!("rmmbridge_bridge_data_age_seconds", "Age of a bridge's data");
    describe_gauge!("rmmbridge_bridge_state", "1 for the state a bridge is in");
    describe_gauge!(
        "rmmbridge_bridge_open_questions",
        "Questions of a bridge that are open"
    );
    describe_gauge!(
        "rmmbridge_bridge_in_doubt",
        "Writes of a bridge whose outcome is not known"
    );
    describe_gauge!("rmmbridge_writes_paused", "1 while all writes are paused");
    describe_gauge!(
        "rmmbridge_audit_log_broken",
        "1 while the audit log is found broken: nothing is written then"
    );
    describe_gauge!("process_resident_memory_bytes", "Resident memory of this process");
}

/// Looks up what nobody counts.
async fn look(engine: &Engine, queue: &Queue) -> anyhow::Result<()> {
    if let Some(bytes) = resident() {
        gauge!("process_resident_memory_bytes").set(bytes);
    }
    let backlog = queue.backlog().await?;
    gauge!("rmmbridge_jobs_due").set(backlog.due as f64);
    gauge!("rmmbridge_jobs_oldest_due_seconds").set(backlog.oldest.unwrap_or_default().as_secs_f64());
    let actor = Actor::Schedule {
        name: "figures".to_owned(),
    };
    let status = engine.status(&actor, &queue.calendar().await?).await?;
    gauge!("rmmbridge_workers").set(status.workers.len() as f64);
    gauge!("rmmbridge_writes_paused").set(f64::from(u8::from(status.write_pause.is_some())));
    gauge!("rmmbridge_audit_log_broken").set(f64::from(u8::from(status.broken_audit_log.is_some())));
    for bridge in status.bridges {
        let name = bridge.name;
        if let Some(age) = bridge.age_seconds {
            gauge!("rmmbridge_bridge_data_age_seconds", "bridge" => name.clone()).set(age as f64);
        }
        for state in ["fresh", "late", "stale", "failing", "waiting"] {
            let is = f64::from(u8::from(state == bridge.state.as_str()));
            gauge!("rmmbridge_bridge_state", "bridge" => name.clone(), "state" => state).set(is);
        }
        gauge!("rmmbridge_bridge_open_questions", "bridge" => name.clone()).set(bridge.open_questions as f64);
        gauge!("rmmbridge_bridge_in_doubt", "bridge" => name).set(bridge.in_doubt as f64);
    }
    Ok(())
}

/// Resident memory of this process in bytes; Linux only.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}
