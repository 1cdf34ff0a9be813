//! 50,000 names against 50,000 at distance 3.

use crate::{Setup, line, machine, median};
use plan::names::NameIndex;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use std::time::Instant;

const NAMES: usize = 50_000;

/// Prints the table.
pub fn table(setup: Setup) -> anyhow::Result<()> {
    println!("Similar names, {NAMES} against {NAMES}, at most 3 apart");
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let clients: Vec<String> = (0..NAMES).map(|_| name(&mut random)).collect();
    // Half of the organizations are clients with up to three letters changed, half are strangers.
    let organizations: Vec<String> = (0..NAMES)
        .map(|i| {
            if i % 2 == 0 {
                misspelt(&clients[i], &mut random)
            } else {
                name(&mut random)
            }
        })
        .collect();
    let before = machine::peak_memory().unwrap_or(0);
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..setup.rounds {
        let start = Instant::now();
        let index = NameIndex::new(clients.iter().cloned(), 3);
        found = organizations
            .iter()
            .filter(|name| !index.similar(name).is_empty())
            .count();
        times.push(start.elapsed());
    }
    anyhow::ensure!(found >= NAMES / 2, "only {found} were found again");
    let added = machine::peak_memory().unwrap_or(0).saturating_sub(before);
    line(
        "index and all look-ups, wall",
        &format!("{:.2} s", median(times).as_secs_f64()),
        "at most 2 s",
    );
    line("memory added", &format!("{added} MiB"), "at most 150 MB");
    println!();
    Ok(())
}

fn name(random: &mut rand::rngs::StdRng) -> String {
    const SYLLABLES: [&str; 20] = [
        "bri", "ght", "wa", "ter", "har", "bour", "mer", "idi", "an", "nor", "th", "sto", "ne", "val", "ley",
        "cre", "st", "pin", "oak", "ridge",
    ];
    const KINDS: [&str; 8] = [
        "legal",
        "dental",
        "logistics",
        "group",
        "ltd",
        "inc",
        "partners",
        "clinic",
    ];
    let mut text = String::new();
    for _ in 0..random.random_range(2..7) {
        text.push_str(SYLLABLES[random.random_range(0..SYLLABLES.len())]);
    }
    text.push(' ');
    text.push_str(KINDS[random.random_range(0..KINDS.len())]);
    text
}

fn misspelt(name: &str, random: &mut rand::rngs::StdRng) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    for _ in 0..random.random_range(0..=3) {
        let at = random.random_range(0..letters.len());
        letters[at] = char::from(b'a' + u8::try_from(random.next_u32() % 26).unwrap_or(0));
    }
    letters.into_iter().collect()
}
