//! A full read against the floor, and what latency adds.

use crate::hub::Hub;
use crate::simulator::Simulator;
use crate::{Setup, floor, line, median};
use std::time::{Duration, Instant};

const LATENCY: Duration = Duration::from_millis(200);

/// Times of one way of reading: the first read and a later one.
struct Times {
    first: Duration,
    later: Duration,
}

/// Prints the table.
pub async fn table(setup: Setup) -> anyhow::Result<()> {
    println!("Full read into SQLite");
    let near = Simulator::start(setup.devices, Duration::ZERO).await?;
    let floor = floor_times(&near.url, setup).await?;
    let product = product_times(&near.url, 8, setup).await?;
    let one = product_times(&near.url, 1, setup).await?;
    let share = product.first.as_secs_f64() / floor.first.as_secs_f64();
    line("floor, first read, 0 ms", &seconds(floor.first), "");
    line(
        "product, first read, 0 ms",
        &seconds(product.first),
        &format!("{share:.2} x the floor (at most 2.5)"),
    );
    line("floor, later read", &seconds(floor.later), "");
    line("product, later read", &seconds(product.later), "");
    drop(near);

    let far = Simulator::start(setup.devices, LATENCY).await?;
    let single = Setup { rounds: 1, ..setup };
    let one_far = product_times(&far.url, 1, single).await?;
    let many_far = product_times(&far.url, 8, single).await?;
    println!("\nWhat 200 ms a request add (one round)");
    let rows = [
        (
            "first read",
            one_far.first,
            one.first,
            many_far.first,
            product.first,
            4.0,
        ),
        (
            "later read",
            one_far.later,
            one.later,
            many_far.later,
            product.later,
            5.0,
        ),
    ];
    for (what, one_far, one_near, many_far, many_near, most) in rows {
        let (one, many) = (
            one_far.saturating_sub(one_near),
            many_far.saturating_sub(many_near),
        );
        let factor = one.as_secs_f64() / many.as_secs_f64();
        line(&format!("{what}, one reader"), &seconds(one), "");
        line(
            &format!("{what}, product"),
            &seconds(many),
            &format!("1/{factor:.1} (at most 1/{most:.0})"),
        );
    }
    println!();
    Ok(())
}

async fn floor_times(url: &str, setup: Setup) -> anyhow::Result<Times> {
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        let directory = tempfile::tempdir()?;
        for times in [&mut first, &mut later] {
            let start = Instant::now();
            let count = floor::read(url, directory.path()).await?;
            times.push(start.elapsed());
            anyhow::ensure!(count == setup.devices, "the floor read {count} devices");
        }
    }
    Ok(Times {
        first: median(first),
        later: median(later),
    })
}

async fn product_times(url: &str, readers: usize, setup: Setup) -> anyhow::Result<Times> {
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        let directory = tempfile::tempdir()?;
        let hub = Hub::open(directory.path(), url, readers).await?;
        for times in [&mut first, &mut later] {
            let start = Instant::now();
            let snapshot = hub.read().await?;
            times.push(start.elapsed());
            anyhow::ensure!(
                snapshot.devices == setup.devices as u64,
                "read {} devices",
                snapshot.devices
            );
        }
    }
    Ok(Times {
        first: median(first),
        later: median(later),
    })
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
