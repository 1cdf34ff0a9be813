//! What fuzzing calls: every parser of our own for bytes of a vendor, a file or an earlier version, each as a function that
//! must neither panic nor break what it promises. Forms and API bodies are read by libraries into types of texts and
//! numbers. `fuzz/` runs them under libFuzzer; `tests/corpus.rs` replays the stored inputs on any toolchain.

use engine::portable::{Configuration, PortableDecision};
use jiff::Timestamp;
use model::{
    BridgeSettings, FieldRule, FieldType, Mapping, Operation, Owner, PlanSummary, RuleValue, TargetField,
};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;

/// A target: its name, which is its folder under `fuzz/corpus`, and what it does with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("ninjaone-lists", ninjaone::fuzzing::lists),
    ("ninjaone-device", ninjaone::fuzzing::device),
    ("ninjaone-pages", ninjaone::fuzzing::pages),
    ("ninjarmm-v1-devices", ninjaone::fuzzing::v1_devices),
    ("passportal-answers", passportal::fuzzing::answers),
    ("passportal-names", passportal::fuzzing::names),
    ("token-answer", connect::fuzzing::token_answer),
    ("callback-query", connect::fuzzing::callback_query),
    ("url", connect::fuzzing::url),
    ("retry-after", connect::fuzzing::retry_after),
    ("redact", redact),
    ("request-budget", request_budget),
    ("csv", engine::import::fuzz_lines),
    ("configuration", configuration),
    ("expression", expression),
    ("backup", store::fuzzing::backup),
    ("master-key", master_key),
    ("stored-rows", stored_rows),
    ("audit-mark", store::fuzzing::audit_mark),
    ("instance-marker", store::fuzzing::instance_marker),
    ("schedule", schedule),
    ("directory-answers", testkit::directory::fuzzing::answers),
];

/// The target of that name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, run)| *run)
}

/// A secret written in a usual way does not survive, wherever it stands.
fn redact(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = connect::http::redact(&text);
    let secret = "c4n4ry-c4n4ry-c4n4ry";
    // Where it stands as any other word, nobody knows that it is one.
    if text.contains("c4n4ry") {
        return;
    }
    for around in [
        format!("{text} Authorization: Bearer {secret}"),
        format!("{text}\n{{\"access_token\": \"{secret}\"}}"),
    ] {
        assert!(!connect::http::redact(&around).contains(secret), "{around:?}");
    }
}

/// A stored budget that somebody damaged neither panics nor gives more than was asked for.
fn request_budget(bytes: &[u8]) {
    use connect::budget::{BudgetBook, Quota};
    let (now, body) = bytes
        .split_first_chunk::<8>()
        .map_or((0, bytes), |(now, body)| (i64::from_le_bytes(*now), body));
    let mut book: BudgetBook = serde_json::from_slice(body).unwrap_or_default();
    let quota = Quota {
        requests: 7,
        per: std::time::Duration::from_secs(10),
    };
    for wanted in [0, 1, 100] {
        let given = book.take(now, Some(quota), wanted);
        assert!(
            given.requests <= wanted && given.requests <= quota.requests,
            "{given:?}"
        );
    }
    book.pause(now, std::time::Duration::from_secs(5));
    let _ = book.take(now, None, 1);
}

/// An export somebody edited.
fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(read) = serde_saphyr::from_str::<Configuration>(text) {
        let written = serde_saphyr::to_string(&read);
        assert!(written.is_ok(), "what was read can be written");
    }
    let _ = serde_saphyr::from_str::<BTreeMap<String, PortableDecision>>(text);
}

/// An expression a person typed, up to the first line's end, over a document.
fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (text, document) = text.split_once('\n').unwrap_or((text, "{}"));
    let mapping = Mapping {
        fixed_by: None,
        rules: vec![FieldRule {
            target: "name".to_owned(),
            value: RuleValue::Expression(text.to_owned()),
            transform: None,
            owner: Owner::Source,
            clear: false,
            create: None,
        }],
    };
    let name = TargetField {
        key: "name".to_owned(),
        label: "Name".to_owned(),
        field_type: FieldType::Text,
        custom: false,
    };
    let Ok(compiled) = plan::CompiledMapping::compile(&mapping, &[name]) else {
        return;
    };
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let once = compiled.apply(&document);
    assert_eq!(once, compiled.apply(&document), "the same twice");
}

/// A key as a file or the environment holds it.
fn master_key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let _ = store::vault::MasterKey::from_hex(&SecretString::from(text), "a file");
}

/// What earlier versions wrote into rows as JSON.
fn stored_rows(bytes: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<Operation>(bytes) {
        let written = serde_json::to_vec(&read).unwrap_or_default();
        let again: Result<Operation, _> = serde_json::from_slice(&written);
        assert_eq!(again.ok(), Some(read), "it is read as it was written");
    }
    let _ = serde_json::from_slice::<BridgeSettings>(bytes);
    let _ = serde_json::from_slice::<PlanSummary>(bytes);
}

/// A schedule as a person typed it: the expression up to the first line's end, then the zone. Ticks go forward, also where
/// the clocks change, and what makes no sense is named.
fn schedule(bytes: &[u8]) {
    // Half an hour before the zones of the European Union change their clocks, in March and in October 2026.
    const BEFORE: [Timestamp; 2] = [
        Timestamp::constant(1_774_744_200, 0),
        Timestamp::constant(1_792_888_200, 0),
    ];
    let text = String::from_utf8_lossy(bytes);
    let (cron, zone) = text.split_once('\n').unwrap_or((&text, "UTC"));
    let zone = zone.trim_end();
    for before in BEFORE {
        let mut at = before;
        for _ in 0..3 {
            match jobs::next_tick(cron, zone, at) {
                Ok(Some(next)) => {
                    assert!(next > at, "{next} comes after {at}");
                    at = next;
                }
                // It never comes, or never again.
                Ok(None) => return,
                Err(error) => {
                    let said = error.to_string();
                    let named = [cron, zone].map(|typed| said.contains(&format!("`{typed}`")));
                    assert!(named.contains(&true), "{said}");
                    return;
                }
            }
        }
    }
}
