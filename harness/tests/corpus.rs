//! The inputs fuzzing starts from and those that once found something, on any toolchain: each as it is, and bent in ways
//! drawn from a seed.
//!
//! `RMMBRIDGE_FUZZ_ROUNDS=100000 cargo nextest run -p harness --test corpus` bends each so often; a test run does it 300
//! times. `fuzz/README.md` says how to look for more.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use harness::chance::Chance;
use harness::foreign_bytes::TARGETS;
use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
fn rounds() -> u64 {
    let asked = std::env::var("RMMBRIDGE_FUZZ_ROUNDS").ok();
    asked.map_or(300, |text| text.parse().unwrap())
}

fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Cuts, doubles, flips, and puts in what parsers stumble over.
fn bend(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    const WORDS: [&[u8]; 14] = [
        b"null",
        b"1e999",
        b"-1",
        b"18446744073709551616",
        b"\\ud800",
        b"\"",
        b"[[[[[[[[",
        b"{\"id\":",
        b"\xff",
        b"\0",
        b"\xe2\x80\xae",
        b"\r\n",
        b"%00",
        b"9999-12-31",
    ];
    for _ in 0..=chance.below(4) {
        let at = usize::try_from(chance.below(bytes.len() as u64 + 1)).unwrap();
        let rest = (bytes.len() - at) as u64;
        let count = usize::try_from(chance.below(rest.min(40) + 1)).unwrap();
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..at + count)),
            2 => {
                let copy = bytes[at..at + count].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            4 => {
                let word = chance.one_of(&WORDS).unwrap();
                bytes.splice(at..at, word.iter().copied());
            }
            _ => {
                let from = usize::try_from(chance.below(other.len() as u64 + 1)).unwrap();
                let until = other.len().min(from + 60);
                bytes.splice(at..at, other[from..until].iter().copied());
            }
        }
    }
}

/// Runs a target; where it panics, the input is told.
fn run(name: &str, target: fn(&[u8]), what: &str, bytes: &[u8]) {
    if std::panic::catch_unwind(|| target(bytes)).is_err() {
        panic!("{name}: {what}: {:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn every_target_has_inputs_and_every_input_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut folders: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut targets: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    folders.sort();
    targets.sort();
    assert_eq!(folders, targets);
    assert!(TARGETS.iter().all(|(name, _)| inputs(name).len() >= 2));
}

#[test]
fn no_input_makes_a_parser_panic_or_break_a_promise() {
    for (place, (name, target)) in TARGETS.iter().enumerate() {
        let inputs = inputs(name);
        for (path, bytes) in &inputs {
            run(name, *target, path, bytes);
        }
        for round in 0..rounds() {
            let mut chance = Chance::new(round << 8 | place as u64);
            let (path, bytes) = chance.one_of(&inputs).unwrap();
            let (_, other) = chance.one_of(&inputs).unwrap();
            let mut bent = bytes.clone();
            bend(&mut bent, other, &mut chance);
            run(name, *target, &format!("{path}, bent in round {round}"), &bent);
        }
    }
}
