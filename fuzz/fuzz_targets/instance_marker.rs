#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(run) = harness::foreign_bytes::target("instance-marker") {
        run(bytes);
    }
});
