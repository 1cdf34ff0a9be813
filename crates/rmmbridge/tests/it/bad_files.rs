//! Files people hand in: CSV as spreadsheets write it, and worse.

use crate::program::Program;
use crate::tenant::counted;

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let program = Program::new();
    let clients = program.file("clients.csv", "\u{feff}Name\r\nAcme Inc\r\n\"Müller, Söhne\"\r\n");
    assert!(
        program
            .works(&["import", "clients", &clients])
            .contains("2 clients added")
    );
    assert!(
        program
            .works(&["import", "clients", &clients])
            .contains("0 clients added, 2 were there")
    );
    let assets = program.file(
        "assets.csv",
        "\u{feff}client,name,serialNumber\r\nacme inc,PC-1,ABC123\r\n",
    );
    assert!(
        program
            .works(&["import", "assets", &assets])
            .contains("1 assets added")
    );
    assert_eq!(counted(&program), (1, 1));
}

#[test]
fn wrong_columns_are_named_beside_the_right_ones() {
    let program = Program::new();
    let clients = program.file("clients.csv", "company;city\nAcme;Berlin\n");
    program.refuses(
        &["import", "clients", &clients],
        &[&clients, "unknown column `company;city`", "Expected: name"],
    );
    let assets = program.file("assets.csv", "client,serialNumber\nAcme,1\n");
    program.refuses(
        &["import", "assets", &assets],
        &[&assets, "the column `name` is missing", "serialNumber"],
    );
    program.refuses(
        &["import", "clients", "/nowhere.csv"],
        &["/nowhere.csv", "No such file"],
    );
    let empty = program.file("empty.csv", "");
    program.refuses(&["import", "clients", &empty], &[&empty, "`name`"]);
    let directory = program.data_dir().to_str().unwrap().to_owned();
    program.refuses(&["import", "clients", &directory], &[&directory]);
    assert_eq!(counted(&program), (0, 0));
}

#[test]
fn bad_lines_are_listed_with_their_number_and_the_others_come() {
    let program = Program::new();
    let huge = "x".repeat(1 << 20);
    let clients = program.file("clients.csv", format!("name\nAcme\n{huge}\n\"\"\nA,B\nZenith\n"));
    let ran = program.ends(4, &["import", "clients", &clients]);
    assert!(ran.out.contains("2 clients added"), "{ran:#?}");
    for (line, why) in [(3, "1048576 bytes"), (4, "is empty"), (5, "2 cells")] {
        let found = ran
            .out
            .lines()
            .find(|text| text.starts_with(&format!("line {line} left out")));
        assert!(found.is_some_and(|text| text.contains(why)), "{line}: {ran:#?}");
    }
    assert!(ran.out.len() < 2_000, "the cell itself is not printed");
    let assets = program.file(
        "assets.csv",
        b"client,name\nNobody,PC-1\nAcme,PC-2\nAcme,\xff\xfe\n",
    );
    let ran = program.ends(4, &["import", "assets", &assets, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["added"], 1, "{report}");
    let problems: Vec<_> = report["bad_lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| &bad["line"])
        .collect();
    assert_eq!(problems, [2, 4], "{report}");
    assert!(
        report["bad_lines"][0]["problem"]
            .as_str()
            .unwrap()
            .contains("import clients first"),
        "{report}"
    );
}

#[test]
fn contacts_come_from_a_spreadsheet_once_and_are_listed_by_client() {
    let program = Program::new();
    let clients = program.file("clients.csv", "name\nAcme\nZenith\n");
    program.works(&["import", "clients", &clients]);
    let contacts = program.file(
        "contacts.csv",
        "\u{feff}Client,Name,Email,Phone\r\nacme,Ann Lee,ann@acme.example,+49 30 1\r\nZenith,\"Müller, Jo\",,\r\n",
    );
    assert_eq!(
        program.works(&["import", "contacts", &contacts]).trim(),
        "2 contacts added, 0 were there already."
    );
    let again = program.file(
        "contacts.csv",
        "client,name,email\nAcme,Ann L.,ANN@acme.example\nZenith,müller,\nZenith,\"müller,  jo\",\n",
    );
    assert_eq!(
        program.works(&["import", "contacts", &again]).trim(),
        "1 contacts added, 2 were there already."
    );
    let listed = program.works(&["contacts", "--client", "ACME"]);
    assert!(
        ["Acme", "Ann Lee", "ann@acme.example", "+49 30 1"]
            .iter()
            .all(|part| listed.contains(part)),
        "{listed}"
    );
    assert!(!listed.contains("Zenith"), "{listed}");
    let all = program.json(&["contacts"]);
    let names: Vec<_> = all.as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["Ann Lee", "Müller, Jo", "müller"], "{all}");
    assert_eq!(all[0]["client_name"], "Acme");
    assert_eq!(all[1]["email"], serde_json::Value::Null);
    let some = program.works(&["contacts", "--limit", "1"]);
    assert!(some.contains("there are more"), "{some}");
}

#[test]
fn bad_lines_of_contacts_are_listed_and_the_others_come() {
    let program = Program::new();
    let clients = program.file("clients.csv", "name\nAcme\n");
    program.works(&["import", "clients", &clients]);
    let huge = "x".repeat(1 << 20);
    let contacts = program.file(
        "contacts.csv",
        format!(
            "client,name,email\nNobody,Ann,\nAcme,{huge},\nAcme,,a@b.example\nAcme,Ann,+49 30 1\nAcme,Ann\nAcme,Bo,\n"
        ),
    );
    let ran = program.ends(4, &["import", "contacts", &contacts]);
    assert!(ran.out.contains("1 contacts added"), "{ran:#?}");
    for (line, why) in [
        (2, "no client `Nobody`: import clients first"),
        (3, "1048576 bytes"),
        (4, "`name` is empty"),
        (5, "`+49 30 1` is no e-mail address"),
        (6, "2 cells"),
    ] {
        let found = ran
            .out
            .lines()
            .find(|text| text.starts_with(&format!("line {line} left out")));
        assert!(found.is_some_and(|text| text.contains(why)), "{line}: {ran:#?}");
    }
    assert!(ran.out.len() < 2_000, "the cell itself is not printed");
    let wrong = program.file("wrong.csv", "client,name,mail\nAcme,Ann,a@b.example\n");
    program.refuses(
        &["import", "contacts", &wrong],
        &[
            &wrong,
            "unknown column `mail`",
            "Expected: client, name, email, phone",
        ],
    );
    assert_eq!(program.json(&["contacts"]).as_array().unwrap().len(), 1);
}
