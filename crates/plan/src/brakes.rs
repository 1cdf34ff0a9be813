//! What makes a plan stop and ask a person.

use model::Brakes;

/// How much of what is linked a plan would touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Devices that are linked to an asset, whether or not anything happens to them.
    pub linked: u32,
    /// Assets to be archived.
    pub archives: u32,
    /// Linked assets to be changed.
    pub changes: u32,
}

/// What the brakes say. A share binds only where at least `at_least` records are touched: one machine of ten that
/// went out of service is everyday life.
pub(crate) fn warnings(load: Load, brakes: &Brakes) -> Vec<String> {
    let warn = |touched: u32, share: f64, what: &str| {
        let limit = share * f64::from(load.linked);
        let brakes = touched > 0 && touched >= brakes.at_least && f64::from(touched) > limit;
        brakes.then(|| {
            format!(
                "{touched} of {} linked assets ({}) would be {what}, more than the {} this bridge allows; look at the \
                 plan before applying it",
                load.linked,
                percent(f64::from(touched) / f64::from(load.linked.max(1))),
                percent(share),
            )
        })
    };
    let archived = warn(load.archives, brakes.archive_share, "archived");
    let changed = warn(load.changes, brakes.change_share, "changed");
    archived.into_iter().chain(changed).collect()
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.fract().abs() < 0.05 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(linked: u32, archives: u32, changes: u32, expected: &[&str]) {
        let load = Load {
            linked,
            archives,
            changes,
        };
        let said = warnings(load, &Brakes::default());
        assert_eq!(said.len(), expected.len(), "{said:?}");
        for (said, part) in said.iter().zip(expected) {
            assert!(said.starts_with(part), "{said:?}");
        }
    }

    #[test]
    fn shares_bind_from_ten_records_on() {
        check(0, 0, 0, &[]);
        check(1_000, 50, 500, &[]);
        check(
            1_000,
            51,
            0,
            &["51 of 1000 linked assets (5.1 %) would be archived, more than the 5 %"],
        );
        check(
            1_000,
            0,
            501,
            &["501 of 1000 linked assets (50.1 %) would be changed, more than the 50 %"],
        );
        check(20, 9, 9, &[]);
        check(
            15,
            10,
            10,
            &["10 of 15 linked assets (66.7 %) would be archived", "10 of 15"],
        );
    }
}
