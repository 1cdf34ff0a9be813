use super::*;
use model::mapping::NewField;
use serde_json::json;

fn targets() -> Vec<TargetField> {
    let of = |key: &str, field_type| TargetField {
        key: key.to_owned(),
        label: format!("{key} label"),
        field_type,
        custom: false,
    };
    vec![
        of("name", FieldType::Text),
        of("serialNumber", FieldType::Text),
        of("storage", FieldType::Integer),
        of("purchaseDate", FieldType::Date),
        of("online", FieldType::Boolean),
    ]
}

fn rule(target: &str, expression: &str) -> FieldRule {
    FieldRule {
        target: target.to_owned(),
        value: RuleValue::Expression(expression.to_owned()),
        transform: None,
        owner: Owner::Source,
        clear: false,
        create: None,
    }
}

fn constant(target: &str, value: Value) -> FieldRule {
    FieldRule {
        value: RuleValue::Constant(value),
        ..rule(target, "")
    }
}

fn compiled(rules: Vec<FieldRule>) -> Result<CompiledMapping, MappingError> {
    CompiledMapping::compile(
        &Mapping {
            fixed_by: None,
            rules,
        },
        &targets(),
    )
}

#[track_caller]
fn check_refused(rules: Vec<FieldRule>, message: &str) {
    assert_eq!(compiled(rules).unwrap_err().to_string(), message);
}

#[test]
fn errors_name_the_rule_and_the_way_out() {
    check_refused(
        vec![rule(" ", "a")],
        "rule 1 (target \" \") has no target field; choose one",
    );
    check_refused(
        vec![rule("name", "a"), rule("serialNumber", "system.[")],
        "rule 2 (target \"serialNumber\"): the expression cannot be used: Parse error: Unexpected nud token -- found Eof \
         (line 0, column 8)\nsystem.[\n        ^",
    );
    check_refused(
        vec![rule("serialnumbr", "a")],
        "rule 1 (target \"serialnumbr\"): the destination has no field \"serialnumbr\"; near ones: serialNumber",
    );
    check_refused(
        vec![rule("zzzzzzzzzzzz", "a")],
        "rule 1 (target \"zzzzzzzzzzzz\"): the destination has no field \"zzzzzzzzzzzz\"",
    );
    check_refused(
        vec![rule("name", "a"), rule("name", "b")],
        "rule 2 (target \"name\"): the field is written by rule 1 (target \"name\") already; remove one of the two rules",
    );
    check_refused(
        vec![FieldRule {
            transform: Some(Transform::Template("no place".into())),
            ..rule("name", "a")
        }],
        "rule 1 (target \"name\"): the template has no {value} in it; put it where the value belongs",
    );
    check_refused(
        vec![constant("storage", json!("much"))],
        "rule 1 (target \"storage\"): the constant does not fit the field: expected a whole number, found text of 4 \
         characters",
    );
}

#[test]
fn a_source_field_is_mapped_once_however_it_is_written() {
    check_refused(
        vec![
            rule("name", "system.name"),
            rule("serialNumber", " system . name "),
        ],
        "rule 2 (target \"serialNumber\"): \" system . name \" is mapped by rule 1 (target \"name\") already; a source \
         field can be mapped once",
    );
    let transformed = FieldRule {
        transform: Some(Transform::Upper),
        ..rule("serialNumber", "(systemName)")
    };
    assert!(matches!(
        compiled(vec![rule("name", "systemName"), transformed]),
        Err(MappingError::SourceTwice { .. })
    ));
    // Another expression that reads the same part is another expression.
    assert!(
        compiled(vec![
            rule("name", "systemName || dnsName"),
            rule("serialNumber", "systemName")
        ])
        .is_ok()
    );
    // Constants say nothing of the source, also those written as expressions.
    assert!(
        compiled(vec![
            constant("name", json!("x")),
            constant("serialNumber", json!("x"))
        ])
        .is_ok()
    );
    assert!(compiled(vec![rule("name", "'x'"), rule("serialNumber", "'x'")]).is_ok());
}

#[test]
fn a_field_to_be_created_has_the_type_the_rule_gives() {
    let create = NewField {
        label: "RAM".to_owned(),
        field_type: FieldType::Integer,
    };
    let mapping = compiled(vec![FieldRule {
        create: Some(create),
        ..rule("ram", "memory.capacity")
    }])
    .unwrap();
    assert_eq!(mapping.rules()[0].field_type, FieldType::Integer);
    let existing = NewField {
        label: "Name".to_owned(),
        field_type: FieldType::Integer,
    };
    let mapping = compiled(vec![FieldRule {
        create: Some(existing),
        ..rule("name", "a")
    }])
    .unwrap();
    assert_eq!(mapping.rules()[0].field_type, FieldType::Text);
}

#[test]
fn the_matching_field_must_be_mapped() {
    let mapping = compiled(vec![
        rule("name", "systemName"),
        constant("serialNumber", json!("x")),
    ])
    .unwrap();
    assert!(mapping.check_match_field(None).is_ok());
    assert!(mapping.check_match_field(Some("name")).is_ok());
    for field in ["serialNumber", "storage"] {
        assert_eq!(
            mapping.check_match_field(Some(field)).unwrap_err().to_string(),
            format!("the matching field \"{field}\" is not mapped; map it, or choose one of: name")
        );
    }
}

/// Rules applied to a document: the fields as an object, and the faults as text.
#[track_caller]
fn check(rules: Vec<FieldRule>, document: &Value, fields: &Value, faults: &[&str]) {
    let mapping = compiled(rules).unwrap();
    let (found, found_faults) = mapping.apply(document);
    assert_eq!(&Value::Object(found.into_iter().collect()), fields);
    let found_faults: Vec<String> = found_faults
        .iter()
        .map(|f| format!("{} | {}", f.path, f.message))
        .collect();
    assert_eq!(found_faults, faults);
}

#[test]
fn values_come_through_in_the_type_of_their_field() {
    let rules = || {
        vec![
            rule("name", "systemName || dnsName"),
            rule("storage", "volumes[0].capacity"),
            FieldRule {
                transform: Some(Transform::Date),
                ..rule("purchaseDate", "warranty.startDate")
            },
            constant("serialNumber", json!("")),
            rule("online", "!offline"),
        ]
    };
    check(
        rules(),
        &json!({"dnsName": "a.b", "volumes": [{"capacity": 5.0}], "warranty": {"startDate": 0}, "offline": false}),
        &json!({"name": "a.b", "storage": 5, "purchaseDate": "1970-01-01", "serialNumber": "", "online": true}),
        &[],
    );
    check(
        rules(),
        &json!({}),
        &json!({"serialNumber": "", "online": true}),
        &[],
    );
}

#[test]
fn wrong_types_skip_the_field_and_say_so() {
    check(
        vec![
            rule("name", "tags"),
            rule("storage", "volumes[0].capacity"),
            FieldRule {
                transform: Some(Transform::Date),
                ..rule("purchaseDate", "warranty.startDate")
            },
            rule("online", "length(n)"),
            rule("serialNumber", "id"),
        ],
        &json!({
            "id": 7, "n": 5, "tags": [["x"], {}], "volumes": [{"capacity": [[1]]}], "warranty": {"startDate": 1e308},
        }),
        &json!({"serialNumber": "7"}),
        &[
            "tags | name: expected text, found a list of 2; `join(', ', …)` makes text of a list",
            "volumes[0].capacity | storage: expected a whole number, found a list of 1",
            "warranty.startDate | purchaseDate: expected seconds or milliseconds since 1970, found a number beyond the \
             year 9999",
            "length(n) | online: Runtime error: Argument 0 expects type array|object|string, given number",
        ],
    );
    for document in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"volumes": {"0": 1}, "systemName": null}),
    ] {
        check(
            vec![rule("name", "systemName"), rule("storage", "volumes[0].capacity")],
            &document,
            &json!({}),
            &[],
        );
    }
}

#[test]
fn an_unreadable_value_is_not_an_absent_one() {
    let mapping = compiled(vec![
        rule("name", "tags"),
        rule("storage", "volumes[0].capacity"),
        constant("serialNumber", json!("x")),
    ])
    .unwrap();
    let unreadable = |faults: &[FieldFault]| {
        mapping
            .rules()
            .iter()
            .map(|r| r.may_be_unreadable(faults))
            .collect::<Vec<_>>()
    };
    let (_, faults) = mapping.apply(&json!({"tags": []}));
    assert_eq!(unreadable(&faults), [true, false, false]);
    // What was lost when the document was made counts as well.
    for path in ["volumes[0].capacity", "volumes", "references.volumes.x"] {
        let fault = FieldFault {
            path: path.to_owned(),
            message: "expected a number".to_owned(),
        };
        assert_eq!(unreadable(&[fault]), [false, true, false], "{path}");
    }
}

#[test]
fn a_mapping_reads_what_its_rules_read() {
    let mapping = compiled(vec![
        rule("name", "systemName || dnsName"),
        rule("storage", "volumes[0].capacity"),
    ])
    .unwrap();
    assert!(mapping.uses_top_level().reads("volumes") && mapping.uses_top_level().reads("dnsName"));
    assert!(!mapping.uses_top_level().reads("lastContact"));
    let whole = compiled(vec![rule("name", "to_string(@)")]).unwrap();
    assert!(whole.uses_top_level().reads("lastContact"));
}

#[test]
fn compiled_mappings_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<CompiledMapping>();
}

#[test]
fn fixed_mappings_stay_as_the_preset_has_them() {
    let mut mapping = Mapping {
        fixed_by: Some("nobody".to_owned()),
        rules: vec![],
    };
    assert_eq!(
        CompiledMapping::compile(&mapping, &targets())
            .unwrap_err()
            .to_string(),
        "the mapping is fixed by \"nobody\", and there is no such preset (there are: default, humanizeit, passportal)"
    );
    mapping.fixed_by = Some("humanizeit".to_owned());
    assert_eq!(
        CompiledMapping::compile(&mapping, &targets())
            .unwrap_err()
            .to_string(),
        "the mapping is fixed by the preset \"humanizeit\" and was changed; copy it to edit it"
    );
}
