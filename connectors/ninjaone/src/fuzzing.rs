//! Parsers of NinjaOne's bytes, for fuzzing (`fuzz/`) alone.

use crate::complete::Completion;
use crate::digest::Stable;
use crate::paging::{Next, advance, disorder};
use crate::{convert, rows, v1, wire};
use std::collections::BTreeSet;

/// Lists of organizations, locations and roles, and a page of a report with its cursor.
pub fn lists(bytes: &[u8]) {
    let _ = wire::report(bytes);
    let Ok(records) = wire::listed(bytes) else {
        return;
    };
    for record in records {
        let _ = wire::organization(&record.text);
        let _ = wire::location(&record.text);
        let _ = wire::role(&record.text);
        let _ = wire::identity_alone(&record.text);
    }
}

/// A page of devices, filed and made into documents.
pub fn device(bytes: &[u8]) {
    let _ = rows::sample(bytes);
    let stable = Stable::without(&BTreeSet::new());
    for row in rows::rows(bytes, &Completion::default(), &stable).unwrap_or_default() {
        if let Ok(device) = row.device {
            let converted = convert::document(&device.raw);
            assert!(
                converted.is_ok(),
                "a device that was filed has a document: {}",
                device.raw
            );
        }
    }
}

/// API v1's devices, filed and made into documents, with their roles.
pub fn v1_devices(bytes: &[u8]) {
    for in_use in [
        BTreeSet::new(),
        BTreeSet::from(["raw".to_owned(), "remoteControlUrl".to_owned()]),
    ] {
        let Ok(devices) = v1::convert::devices(bytes, &in_use) else {
            return;
        };
        let _ = v1::convert::roles(&devices);
        for device in devices.iter().flatten() {
            let converted = v1::convert::document(&device.raw);
            assert!(
                converted.is_ok(),
                "a device that was filed has a document: {}",
                device.raw
            );
        }
    }
}

/// The ids of a page, eight bytes each: whatever they are, a list goes on or ends.
pub fn pages(bytes: &[u8]) {
    let (chunks, _) = bytes.as_chunks::<8>();
    let numbers: Vec<u64> = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
    let [after, upper, asked, ids @ ..] = numbers.as_slice() else {
        return;
    };
    let ids: Vec<Option<u64>> = ids.iter().map(|id| (*id != 0).then_some(*id)).collect();
    let asked = usize::try_from(*asked % 5_000).unwrap_or(1);
    let _ = disorder(*after, &ids);
    if let Ok(page) = advance(*after, *upper, asked, &ids) {
        assert!(page.keep.iter().all(|place| *place < ids.len()));
        if let Next::After(next) = page.next {
            assert!(next > *after, "a list goes forward: {next} after {after}");
        }
    }
}
