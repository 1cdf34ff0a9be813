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
    /// Assets to be created.
    pub creations: u32,
}

/// What the brakes say. A share binds only where at least `at_least` records are touched: one machine of ten that
/// went out of service is everyday life. A number binds always.
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
    let most = |touched: u32, most: Option<u32>, what: &str| {
        let most = most.filter(|most| touched > *most)?;
        Some(format!(
            "{touched} assets would be {what}, more than the {most} this bridge allows in one plan; look at the plan \
             before applying it"
        ))
    };
    let archived = warn(load.archives, brakes.archive_share, "archived")
        .or_else(|| most(load.archives, brakes.archive_most, "archived"));
    let changed = warn(load.changes, brakes.change_share, "changed")
        .or_else(|| most(load.changes, brakes.change_most, "changed"));
    let created = most(load.creations, brakes.create_most, "created");
    archived.into_iter().chain(changed).chain(created).collect()
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
            creations: 0,
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

    #[test]
    fn numbers_bind_where_a_share_is_many() {
        check(20_000, 100, 5_000, &[]);
        check(
            20_000,
            101,
            0,
            &["101 assets would be archived, more than the 100 this bridge allows in one plan"],
        );
        check(
            20_000,
            0,
            5_001,
            &["5001 assets would be changed, more than the 5000"],
        );
        let load = Load {
            creations: 51,
            ..Load::default()
        };
        let mut brakes = Brakes::default();
        assert!(
            warnings(load, &brakes).is_empty(),
            "a first plan creates everything"
        );
        brakes.create_most = Some(50);
        assert!(warnings(load, &brakes)[0].starts_with("51 assets would be created, more than the 50"));
        (brakes.create_most, brakes.archive_most) = (None, None);
        let load = Load {
            linked: 20_000,
            archives: 900,
            ..Load::default()
        };
        assert!(
            warnings(load, &brakes).is_empty(),
            "no number, and a share of 4.5 %"
        );
    }

    #[test]
    fn settings_from_before_there_were_numbers_get_the_usual_ones() {
        let stored = r#"{"archive_share":0.1,"change_share":0.4,"at_least":5}"#;
        let brakes: Brakes = serde_json::from_str(stored).unwrap();
        assert_eq!(
            (brakes.archive_most, brakes.change_most, brakes.create_most),
            (Some(100), Some(5_000), None)
        );
        let stored = r#"{"archive_share":0.1,"change_share":0.4,"at_least":5,"archive_most":null}"#;
        let brakes: Brakes = serde_json::from_str(stored).unwrap();
        assert_eq!(brakes.archive_most, None, "somebody took the limit away");
    }
}
