//! Who may write a field.

use crate::coerce::is_blank;
use model::{ConflictVerdict, Owner};
use serde_json::{Number, Value};

/// What happens to one field of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldDecision {
    /// The source's value is written.
    Write,
    /// What stands there stays.
    Keep,
    /// A person changed what was written before, and the source has something else: a person decides.
    Conflict,
}

/// All that is known of one field. Blank is missing, null or the empty text.
#[derive(Clone, Copy, Debug)]
pub struct FieldState<'a> {
    /// Who may change it.
    pub owner: Owner,
    /// Whether the value is the same for every device.
    pub constant: bool,
    /// Whether an absent source value empties the field.
    pub clear: bool,
    /// What the source has.
    pub source: Option<&'a Value>,
    /// What stands there.
    pub current: Option<&'a Value>,
    /// What was last written there by this bridge.
    pub written: Option<&'a Value>,
    /// What a person decided for these two values.
    pub decided: Option<ConflictVerdict>,
}

/// Decides whether a field is written. Nothing is ever written that stands there already.
pub fn decide(state: &FieldState<'_>) -> FieldDecision {
    use FieldDecision::{Conflict, Keep, Write};
    let source = state.source.filter(|v| !is_blank(v));
    let current = state.current.filter(|v| !is_blank(v));
    if state.owner == Owner::Locked || same_or_both_blank(source, current) {
        return Keep;
    }
    if current.is_none() {
        return Write;
    }
    if state.constant || (source.is_none() && !state.clear) {
        return Keep;
    }
    match state.owner {
        Owner::Source => Write,
        Owner::DestinationIfSet | Owner::Locked => Keep,
        Owner::Ask => {
            let written = state.written.filter(|v| !is_blank(v));
            if same_or_both_blank(written, current) {
                return Write;
            }
            match state.decided {
                Some(ConflictVerdict::Take) => Write,
                Some(ConflictVerdict::Keep) => Keep,
                None => Conflict,
            }
        }
    }
}

/// Whether two values are the same, or both blank.
pub(crate) fn same_or_both_blank_values(a: Option<&Value>, b: Option<&Value>) -> bool {
    same_or_both_blank(a.filter(|v| !is_blank(v)), b.filter(|v| !is_blank(v)))
}

fn same_or_both_blank(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_value(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// Whether two values are the same: numbers by value (1 is 1.0), everything else exactly.
pub fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        _ => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::FieldDecision::{Conflict, Keep, Write};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    struct Case {
        clear: bool,
        constant: bool,
        source: Value,
        current: Value,
        written: Value,
    }

    fn case(source: &Value, current: &Value) -> Case {
        Case {
            clear: false,
            constant: false,
            source: source.clone(),
            current: current.clone(),
            written: Value::Null,
        }
    }

    /// Expected for the owners source, destination if set, locked, ask.
    #[track_caller]
    fn check(case: &Case, expected: [FieldDecision; 4]) {
        let owners = [Owner::Source, Owner::DestinationIfSet, Owner::Locked, Owner::Ask];
        let decided = owners.map(|owner| {
            decide(&FieldState {
                owner,
                constant: case.constant,
                clear: case.clear,
                source: Some(&case.source),
                current: Some(&case.current),
                written: Some(&case.written),
                decided: None,
            })
        });
        assert_eq!(decided, expected);
    }

    #[test]
    fn blanks_are_filled_by_all_but_locked() {
        for blank in [json!(null), json!("")] {
            check(&case(&json!("a"), &blank), [Write, Write, Keep, Write]);
            check(&case(&blank, &blank), [Keep, Keep, Keep, Keep]);
        }
    }

    #[test]
    fn what_stands_there_is_not_written_again() {
        check(&case(&json!("a"), &json!("a")), [Keep; 4]);
        check(&case(&json!(1), &json!(1.0)), [Keep; 4]);
    }

    #[test]
    fn another_value() {
        check(&case(&json!("a"), &json!("A")), [Write, Keep, Keep, Conflict]);
        check(&case(&json!("1"), &json!(1)), [Write, Keep, Keep, Conflict]);
        let written = json!("old");
        check(
            &Case {
                written: written.clone(),
                ..case(&json!("new"), &json!("old"))
            },
            [Write, Keep, Keep, Write],
        );
        check(
            &Case {
                written,
                ..case(&json!("new"), &json!("mine"))
            },
            [Write, Keep, Keep, Conflict],
        );
    }

    #[test]
    fn absent_values_overwrite_only_where_the_rule_clears() {
        check(&case(&json!(null), &json!("a")), [Keep; 4]);
        check(
            &Case {
                clear: true,
                ..case(&json!(""), &json!("a"))
            },
            [Write, Keep, Keep, Conflict],
        );
        let ours = Case {
            clear: true,
            written: json!("a"),
            ..case(&json!(null), &json!("a"))
        };
        check(&ours, [Write, Keep, Keep, Write]);
    }

    #[test]
    fn constants_fill_blanks_and_nothing_else() {
        check(
            &Case {
                constant: true,
                ..case(&json!("a"), &json!(null))
            },
            [Write, Write, Keep, Write],
        );
        check(
            &Case {
                constant: true,
                ..case(&json!("a"), &json!("b"))
            },
            [Keep; 4],
        );
        check(
            &Case {
                constant: true,
                clear: true,
                ..case(&json!(""), &json!("b"))
            },
            [Keep; 4],
        );
    }

    #[test]
    fn what_a_person_decided_ends_a_conflict_and_nothing_else() {
        let (source, current, written) = (json!("new"), json!("mine"), json!("old"));
        let state = |owner, decided| FieldState {
            owner,
            constant: false,
            clear: false,
            source: Some(&source),
            current: Some(&current),
            written: Some(&written),
            decided,
        };
        assert_eq!(decide(&state(Owner::Ask, Some(ConflictVerdict::Take))), Write);
        assert_eq!(decide(&state(Owner::Ask, Some(ConflictVerdict::Keep))), Keep);
        let take = Some(ConflictVerdict::Take);
        assert_eq!(decide(&state(Owner::Locked, take)), Keep);
        assert_eq!(decide(&state(Owner::DestinationIfSet, take)), Keep);
        assert_eq!(decide(&state(Owner::Source, Some(ConflictVerdict::Keep))), Write);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(json!(null)),
            Just(json!("")),
            Just(json!("a")),
            Just(json!("b")),
            Just(json!(1)),
            Just(json!(1.0)),
            Just(json!(true)),
        ]
    }

    proptest! {
        #[test]
        fn owners_that_must_not_write_never_do(
            constant in any::<bool>(), clear in any::<bool>(),
            source in any_value(), current in any_value(), written in any_value(),
        ) {
            let state = |owner| FieldState {
                owner, constant, clear,
                source: Some(&source), current: Some(&current), written: Some(&written),
                decided: None,
            };
            prop_assert_eq!(decide(&state(Owner::Locked)), Keep);
            if !is_blank(&current) {
                prop_assert_eq!(decide(&state(Owner::DestinationIfSet)), Keep);
            }
            prop_assert_ne!(decide(&state(Owner::Source)), Conflict);
        }

        #[test]
        fn writing_once_is_enough(
            clear in any::<bool>(), source in any_value(), current in any_value(), written in any_value(),
        ) {
            for owner in [Owner::Source, Owner::DestinationIfSet, Owner::Ask] {
                let before = FieldState {
                    owner, constant: false, clear,
                    source: Some(&source), current: Some(&current), written: Some(&written),
                    decided: None,
                };
                if decide(&before) == Write {
                    let after = FieldState { current: Some(&source), written: Some(&source), ..before };
                    prop_assert_eq!(decide(&after), Keep);
                }
            }
        }
    }
}
