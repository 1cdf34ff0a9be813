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
