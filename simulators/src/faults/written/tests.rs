use super::*;

fn effect(text: &str) -> Effect {
    format!("*: {text}").parse::<Fault>().unwrap().effect
}

fn refusal(text: &str) -> String {
    text.parse::<Fault>().unwrap_err().to_string()
}

#[test]
fn a_line_says_whom_it_meets_what_happens_and_how_often() {
    let fault: Fault = "get /v2/devices-detailed*: 429 retry-after=2 after=1 x3"
        .parse()
        .unwrap();
    assert_eq!(
        fault,
        Fault {
            path: "/v2/devices-detailed*".to_owned(),
            method: Some("GET".to_owned()),
            skip: 1,
            times: Some(3),
            effect: Effect::TooManyRequests {
                retry_after: Some("2".to_owned())
            },
        }
    );
    let fault: Fault = "*:503".parse().unwrap();
    assert_eq!((fault.method, fault.skip, fault.times), (None, 0, None));
    assert_eq!(fault.effect, Effect::Status { status: 503 });
}

#[test]
fn every_effect_can_be_written_and_is_listed() {
    let effects = [
        effect("latency=500"),
        effect("429"),
        effect("500"),
        effect("throttle-page status=503"),
        effect("login-page"),
        effect("reset at=mid-body"),
        effect("error-object"),
        effect("gzip-lie"),
        effect("endless-body"),
        effect("slow-body ms=50"),
        effect("truncated-json"),
        effect("invalid-json"),
        effect("wrong-type field=system.serialNumber value=7 every=3"),
        effect("lone-surrogate field=systemName"),
        effect("drop-field field=volumes[0].capacity"),
        effect("absurd-values every=2"),
        effect("repeat-page"),
        effect("stuck-cursor"),
        effect("endless-pages"),
        effect("cursor-loop length=7"),
        effect("duplicate-ids"),
        effect("changed-duplicates field=organizationId value=2"),
        effect("missing-records ids=3,7 short-page"),
        effect("empty-tenant"),
        effect("expire-tokens"),
        effect("revoke-grants"),
        effect("proxy-page"),
        effect("empty-body status=204"),
        effect("content-type value=\"text/html; charset=utf-8\""),
        effect("capitals field=systemName every=2"),
        effect("swapped-rows field=systemName"),
        effect("doubled-rows"),
        effect("reversed-rows"),
    ];
    assert_eq!(effects.len(), EFFECTS.len());
    // A new effect does not compile here until it has a place in the list above.
    let place = |effect: &Effect| match effect {
        Effect::Latency { ms: 500 } => 0,
        Effect::TooManyRequests { retry_after: None } => 1,
        Effect::Status { status: 500 } => 2,
        Effect::ThrottlePage { status: 503 } => 3,
        Effect::LoginPage => 4,
        Effect::Reset { at: Moment::MidBody } => 5,
        Effect::ErrorObject => 6,
        Effect::GzipLie => 7,
        Effect::EndlessBody => 8,
        Effect::SlowBody { ms: 50 } => 9,
        Effect::TruncatedJson => 10,
        Effect::InvalidJson => 11,
        Effect::WrongType { every: 3, .. } => 12,
        Effect::LoneSurrogate { every: 1, .. } => 13,
        Effect::DropField { every: 1, .. } => 14,
        Effect::AbsurdValues { every: 2 } => 15,
        Effect::RepeatPage => 16,
        Effect::StuckCursor => 17,
        Effect::EndlessPages => 18,
        Effect::CursorLoop { length: 7 } => 19,
        Effect::DuplicateIds => 20,
        Effect::ChangedDuplicates { .. } => 21,
        Effect::MissingRecords { short_page: true, .. } => 22,
        Effect::EmptyTenant => 23,
        Effect::ExpireTokens => 24,
        Effect::RevokeGrants => 25,
        Effect::ProxyPage { status: 502 } => 26,
        Effect::EmptyBody { status: 204 } => 27,
        Effect::ContentType { value } if value == "text/html; charset=utf-8" => 28,
        Effect::Capitals { every: 2, .. } => 29,
        Effect::SwappedRows { .. } => 30,
        Effect::DoubledRows => 31,
        Effect::ReversedRows => 32,
        Effect::Latency { .. }
        | Effect::SlowBody { .. }
        | Effect::LoneSurrogate { .. }
        | Effect::CursorLoop { .. }
        | Effect::TooManyRequests { .. }
        | Effect::Status { .. }
        | Effect::ThrottlePage { .. }
        | Effect::Reset { .. }
        | Effect::WrongType { .. }
        | Effect::DropField { .. }
        | Effect::AbsurdValues { .. }
        | Effect::ProxyPage { .. }
        | Effect::EmptyBody { .. }
        | Effect::ContentType { .. }
        | Effect::Capitals { .. }
        | Effect::MissingRecords { .. } => usize::MAX,
    };
    let places: Vec<usize> = effects.iter().map(place).collect();
    assert_eq!(places, (0..EFFECTS.len()).collect::<Vec<_>>());
}

#[test]
fn values_are_json_where_they_are_and_text_where_not() {
    let value = |text: &str| match effect(&format!("wrong-type field=a value={text}")) {
        Effect::WrongType { value, .. } => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(value("7"), 7);
    assert_eq!(value("[1,2]"), serde_json::json!([1, 2]));
    assert_eq!(value("seven"), "seven");
    assert_eq!(value("\"7 of 9\""), "7 of 9");
    assert_eq!(
        effect("429 retry-after=\"Wed, 21 Oct 2026 07:28:00 GMT\""),
        Effect::TooManyRequests {
            retry_after: Some("Wed, 21 Oct 2026 07:28:00 GMT".to_owned())
        }
    );
}

#[test]
fn an_unknown_effect_is_told_the_known_ones() {
    let told = refusal("*: nonsense");
    assert!(told.contains("no effect is called `nonsense`"), "{told}");
    for (usage, _) in EFFECTS.iter().filter(|(usage, _)| !usage.starts_with("500")) {
        assert!(told.contains(name_of(usage)), "{usage}: {told}");
    }
    assert!(told.contains("any status from 400 to 599"), "{told}");
    assert!(refusal("*: 200").contains("no effect is called `200`"));
}

#[test]
fn what_could_never_strike_is_refused() {
    for (text, words) in [
        ("/v2/devices 429", "GET /v2/devices*: 429 x3"),
        ("/v2/devices:", "METHOD PATH: EFFECT"),
        ("FETCH /v2/devices: 429", "`FETCH`; known: GET"),
        ("v2/devices: 429", "begins with /"),
        ("/v2/devices?df=x: 429", "no query"),
        ("/api/v2/devices: 429", "written as /v2"),
        ("*: 429 retry=2", "429 takes no `retry=2`"),
        ("*: 500 retry-after=2", "500 takes no `retry-after=2`"),
        ("*: wrong-type value=7", "wrong-type needs `field=PATH`"),
        ("*: missing-records ids=a", "such as ids=3,7"),
        ("*: reset at=noon", "at=mid-body"),
        ("*: absurd-values every=0", "above 0"),
        ("*: latency=soon", "such as latency=500"),
        ("*: throttle-page status=99", "such as status=503"),
        ("*: empty-body status=404", "from 200 to 299"),
        ("*: content-type", "content-type needs `value=TEXT`"),
        ("*: swapped-rows", "swapped-rows needs `field=PATH`"),
        ("*: 429 after=x", "such as after=2"),
        ("*: 429 x99999999999", "such as x3"),
    ] {
        assert!(refusal(text).contains(words), "{text}: {}", refusal(text));
    }
}
