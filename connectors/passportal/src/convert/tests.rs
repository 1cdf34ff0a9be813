use super::*;

fn fixture(text: &str) -> Map<String, Value> {
    let body: Value = serde_json::from_str(text).unwrap();
    body["details"].as_object().unwrap().clone()
}

fn by_position() -> Map<String, Value> {
    fixture(include_str!("../../fixtures/document-by-position.json"))
}

fn row() -> Document {
    let row = json!({ "id": 7, "label": "desk &amp; chair", "client_id": "3", "type": "asset" });
    serde_json::from_value(row).unwrap()
}

#[test]
fn a_document_is_read_by_position_and_by_name() {
    let by_name = fixture(include_str!("../../fixtures/document-by-name.json"));
    assert!(goes_by_names(&by_name) && !goes_by_names(&by_position()));
    for details in [by_position(), by_name] {
        let asset = asset(&row(), &details);
        assert_eq!((asset.id.as_str(), asset.client.as_str()), ("7", "3"));
        for (key, text) in [
            ("name", "RECEPTION-01"),
            ("serialNumber", "5CG1234XYZ"),
            ("manufacturer", "HP"),
            ("macAddress", "00-1B-44-11-3A-B7"),
        ] {
            assert_eq!(asset.fields.get(key), Some(&json!(text)), "{key}");
        }
        assert_eq!(asset.source_id.as_deref(), Some("4711"));
        assert_eq!(mark(&details), None, "Passportal's own integration wrote it");
        assert_eq!(stranger(&details), None);
    }
}

#[test]
fn another_systems_id_is_not_taken_for_ninjaone_s() {
    let mut details = by_position();
    details["32"]["value"]["text"] = json!("Automate");
    assert_eq!(asset(&row(), &details).source_id, None);
}

#[test]
fn a_template_with_another_field_there_is_noticed() {
    let mut details = by_position();
    details["8"]["name"] = json!("Colour");
    assert!(
        stranger(&details)
            .unwrap()
            .contains("field 8 is called \"Colour\"")
    );
    assert_eq!(
        asset(&row(), &details).fields.get("serialNumber"),
        None,
        "it is not read as one either"
    );
}

#[test]
fn p37_a_new_document_has_the_id_pair_and_our_mark() {
    let marker = Marker("c-1/asset/7".to_owned());
    let new = NewAsset {
        client: RecordId::from("3"),
        site: None,
        asset_type: None,
        source_id: "7".to_owned(),
        fields: Fields::from([
            ("serialNumber".to_owned(), json!("S1")),
            ("os".to_owned(), json!("")),
        ]),
    };
    let body = new_document("tpl-59", Id(3), &fingerprint(&marker), &new);
    assert_eq!(
        body["title"], "Device 7",
        "a title is required, and there is no name"
    );
    assert_eq!(body["31"]["value"]["text"], "7");
    let made = body.as_object().unwrap();
    assert_eq!(mark(made), Some(fingerprint(&marker)));
    assert_eq!(asset(&row(), made).source_id.as_deref(), Some("7"));
    assert!(!made.contains_key("24"), "a blank field is left out");
    assert_ne!(
        fingerprint(&marker),
        fingerprint(&Marker("c-2/asset/7".to_owned())),
        "the same number in another tenant"
    );
}

#[test]
fn replacing_keeps_what_it_does_not_change_as_it_came() {
    let details = by_position();
    let change = |field: &str, after: Value| Change {
        field: field.to_owned(),
        before: Value::Null,
        after,
    };
    let changes = [
        change("os", json!("Windows 11")),
        change("serialNumber", Value::Null),
        change("name", json!("DESK-2")),
    ];
    let body = replaced(&details, &changes, Some(Some("7"))).unwrap();
    assert_eq!(body["24"]["value"]["text"], "Windows 11");
    assert!(!body.contains_key("8"));
    assert_eq!(
        (&body["0"]["value"]["text"], &body["name"]),
        (&json!("DESK-2"), &json!("DESK-2"))
    );
    assert_eq!((&body["10"], &body["tags"]), (&details["10"], &details["tags"]));
    assert_eq!(
        (&body["31"]["value"]["text"], &body["32"]["value"]["text"]),
        (&json!("7"), &details["32"]["value"]["text"]),
        "what Passportal's own integration calls NinjaOne stays called so"
    );
    assert!(body.values().all(|entry| !entry.is_null()));
    assert!(replaced(&details, &[change("manufacturer", json!("Dell"))], None).is_err());
}

/// The id and the system of a document, before and after it is adopted, and after that is undone.
#[test]
fn an_adoption_takes_no_other_systems_id_and_its_undo_leaves_what_was_there() {
    let mark = system(&fingerprint(&Marker("c-1/asset/7".to_owned())));
    for (was, adopted, undone) in [
        ((None, None), (Some("7"), Some(OURS)), (None, None)),
        (
            (Some("A-9"), Some("ConnectWise")),
            (Some("A-9"), Some("ConnectWise")),
            (Some("A-9"), Some("ConnectWise")),
        ),
        ((Some("A-9"), None), (Some("A-9"), None), (Some("A-9"), None)),
        (
            (None, Some("ConnectWise")),
            (None, Some("ConnectWise")),
            (None, Some("ConnectWise")),
        ),
        ((Some("4"), Some(OURS)), (Some("7"), Some(OURS)), (None, None)),
        (
            (None, Some("NinjaRMM")),
            (Some("7"), Some("NinjaRMM")),
            (None, Some("NinjaRMM")),
        ),
        (
            (Some("4"), Some(mark.as_str())),
            (Some("7"), Some(mark.as_str())),
            (None, Some(mark.as_str())),
        ),
    ] {
        let mut details = by_position();
        for (field, text) in [(ID, was.0), (SYSTEM, was.1)] {
            let key = field.position.to_string();
            match text {
                Some(text) => drop(details.insert(key, property(field, text))),
                None => drop(details.remove(&key)),
            }
        }
        let pair = |details: &Map<String, Value>| {
            let text = |field| text_at(details, field).map(str::to_owned);
            (text(ID), text(SYSTEM))
        };
        let owned =
            |(id, system): (Option<&str>, Option<&str>)| (id.map(str::to_owned), system.map(str::to_owned));
        let details = replaced(&details, &[], Some(Some("7"))).unwrap();
        assert_eq!(pair(&details), owned(adopted), "{was:?} adopted");
        let details = replaced(&details, &[], Some(None)).unwrap();
        assert_eq!(pair(&details), owned(undone), "{was:?} let go");
    }
}
