//! The tests: many seeds of the right protocol, and of each wrong one until it is caught.

use crate::run::{Options, Outcome, run};
use crate::verdict::{Breach, Seen};
use crate::wrong::Wrong;
use std::time::Instant;

/// How many seeds CI runs.
const SEEDS: u64 = 100_000;

#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str) -> Option<u64> {
    setting(name).map(|value| value.parse().expect(name))
}

/// Runs seeds, and says of the first that breaks a promise how to see it.
fn all_clean(seeds: u64, options: Options) -> Seen {
    let mut seen = Seen::default();
    for seed in 0..seeds {
        let Outcome {
            breaches, seen: more, ..
        } = run(seed, options);
        assert!(
            breaches.is_empty(),
            "seed {seed}: {breaches:?}; RMMBRIDGE_MODEL_SEED={seed} cargo test -p engine --test model replay -- --nocapture"
        );
        seen.add(&more);
    }
    seen
}

#[test]
fn the_protocol_neither_doubles_nor_loses_a_record() {
    let seen = all_clean(SEEDS, Options::default());
    assert!(seen.everything(), "some mishap never happened: {seen:?}");
}

#[test]
#[ignore = "for a release build; RMMBRIDGE_MODEL_SEEDS says how many"]
fn a_million_seeds() {
    let seeds = number("RMMBRIDGE_MODEL_SEEDS").unwrap_or(1_000_000);
    let begun = Instant::now();
    let seen = all_clean(seeds, Options::default());
    let took = begun.elapsed();
    println!(
        "{seeds} seeds in {took:.1?}, {:.0} a second: {seen:#?}",
        seeds as f64 / took.as_secs_f64()
    );
}

/// A limit (see `main.rs`): when this fails, the writer keeps its deadline by another clock, and the limit can go.
#[test]
fn a_machine_that_sleeps_is_a_danger_as_long_as_only_its_own_clock_is_asked() {
    let options = Options {
        sleeps: true,
        ..Options::default()
    };
    let first = (0..SEEDS).find(|seed| run(*seed, options).breaches.contains(&Breach::Duplicate));
    println!(
        "first at seed {}",
        first.expect("a sleeping machine doubles a record")
    );
}

#[test]
fn a_machine_that_sleeps_is_none_where_the_store_is_asked_before_sending() {
    let options = Options {
        sleeps: true,
        asks_the_store: true,
        ..Options::default()
    };
    all_clean(SEEDS / 4, options);
}

#[test]
fn a_seed_repeats_itself() {
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..1_000 {
        let hash = run(seed, Options::default()).hash;
        assert_eq!(hash, run(seed, Options::default()).hash, "seed {seed}");
        hashes.insert(hash);
    }
    assert_eq!(hashes.len(), 1_000, "no two seeds are the same");
}

/// Replays `RMMBRIDGE_MODEL_SEED`, or seed 0, and prints what happened.
#[test]
fn replay() {
    let wrong = setting("RMMBRIDGE_MODEL_WRONG").map(|name| {
        let known = WRONG.iter().find(|wrong| format!("{wrong:?}") == name);
        *known.unwrap_or_else(|| panic!("RMMBRIDGE_MODEL_WRONG={name} is none of {WRONG:?}"))
    });
    let seed = number("RMMBRIDGE_MODEL_SEED").unwrap_or(0);
    let options = Options {
        wrong,
        sleeps: setting("RMMBRIDGE_MODEL_SLEEPS").is_some(),
        asks_the_store: setting("RMMBRIDGE_MODEL_ASKS").is_some(),
        print: true,
    };
    let outcome = run(seed, options);
    println!("seed {seed}: {:?}, trace {:016x}", outcome.breaches, outcome.hash);
    if wrong.is_none() && (options.asks_the_store || !options.sleeps) {
        assert_eq!(outcome.breaches, [], "seed {seed}");
    }
}

/// The seeds a wrong version takes until it shows.
fn caught(wrong: Wrong) {
    let options = Options {
        wrong: Some(wrong),
        ..Options::default()
    };
    let expected = wrong.leads_to();
    let first = (0..SEEDS).find(|seed| run(*seed, options).breaches.contains(&expected));
    match first {
        Some(seed) => println!("{wrong:?}: {expected:?} at seed {seed}"),
        None => panic!("{wrong:?} passed {SEEDS} seeds without {expected:?}"),
    }
}

macro_rules! wrong_versions {
    ($($test:ident: $wrong:ident,)*) => {
        const WRONG: &[Wrong] = &[$(Wrong::$wrong),*];

        mod caught {
            use super::*;

            $(#[test]
            fn $test() {
                caught(Wrong::$wrong);
            })*
        }
    };
}

wrong_versions! {
    taking_the_claim_without_compare_and_set: TakesTheClaimUnseen,
    comparing_and_setting_in_two_steps: ComparesThenSets,
    a_quarantine_a_tenth_too_short: WaitsATenthTooShort,
    no_quarantine: WaitsNotAtAll,
    a_quarantine_by_the_time_of_day: WaitsByTheTimeOfDay,
    a_quarantine_by_the_time_of_day_after_a_restart: WaitsByTheTimeOfDayAfterARestart,
    a_quarantine_by_the_workers_own_time_of_day: WaitsByItsOwnTimeOfDay,
    a_quarantine_from_the_first_attempt: WaitsFromTheFirstAttempt,
    the_intent_after_sending: IntendsAfterSending,
    no_intent: IntendsNothing,
    no_look_up: LooksUpNothing,
    the_look_up_before_the_claim_is_read: LooksUpBeforeTheClaim,
    a_failed_look_up_for_an_empty_one: TakesAFailedLookUpForNone,
    the_links_read_before_the_claims: ReadsLinksBeforeClaims,
    no_deadline: SendsTooLate,
    a_deadline_counted_from_the_look_up: CountsItsDeadlineFromTheLookUp,
    settling_whoever_holds_the_claim: SettlesWhatOthersHold,
    settling_a_write_without_an_outcome: SettlesTheUnknown,
    deleting_the_claim_with_the_outcome: ForgetsTheVersion,
    settling_without_moving_the_version_on: SettlesWithoutMovingOn,
    releasing_claims_at_a_restart: ReleasesAtRestart,
    recording_before_sending: RecordsBeforeSending,
    adopting_the_first_of_several: AdoptsTheFirstOfSeveral,
    a_failure_for_a_refusal: TakesAFailureForARefusal,
    one_refusal_for_all_of_a_call: TakesOneRefusalForAll,
}
