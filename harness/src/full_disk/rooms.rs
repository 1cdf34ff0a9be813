//! Room for no page, for one, for two and so on.

use crate::working::Tally;
use anyhow::{Context as _, bail, ensure};
use std::cell::RefCell;
use std::ops::AsyncFnMut;
use std::time::Instant;

/// It has got past its last write when so many in a row, each with room for one page more, found room enough.
const UNTOUCHED: u32 = 8;
/// More pages than anything writes at a hub of a few devices.
const MOST_ROOM: u64 = 1500;

/// Lets `trial` do its work with room for no page, for one, for two and so on, until it says that it found room enough.
///
/// # Errors
/// What does not hold, and with how much room; or that it was never kept from its work.
pub(super) async fn page_by_page(
    what: &str,
    tally: &RefCell<Tally>,
    mut trial: impl AsyncFnMut(u64) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let (mut untouched, mut last_met) = (0, None);
    for room in 0..MOST_ROOM {
        tally.borrow_mut().full += 1;
        let fits = trial(room)
            .await
            .with_context(|| format!("{what} with room for {room} pages"))?;
        if fits {
            untouched += 1;
        } else {
            (untouched, last_met) = (0, Some(room));
        }
        if untouched == UNTOUCHED {
            ensure!(last_met.is_some(), "{what} never met the full disk");
            eprintln!(
                "{what}: met a full disk with room for up to {} pages, in {} s",
                last_met.unwrap_or_default(),
                began.elapsed().as_secs()
            );
            return Ok(());
        }
    }
    bail!("{what}: does not fit into {MOST_ROOM} pages")
}
