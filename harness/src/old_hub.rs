//! A hub of the first schema, and what stands in it.

/// The statements that fill a database of the first schema: a bridge whose run wrote so many assets.
pub fn first_rows(assets: i64) -> Vec<String> {
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {assets}) SELECT");
    let connection = |id: &str, kind: &str| {
        format!(
            "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
             VALUES ('{id}', '{kind}', 'Old {kind}', '{{\"state\":\"connected\"}}', '{{}}', FALSE, FALSE, 5, 1)"
        )
    };
    vec![
        connection("c1", "ninjaone"),
        connection("c2", "registry"),
        "INSERT INTO bridge (id, name, source_id, destination_id, preset, settings, generation)
         VALUES ('b1', 'old', 'c1', 'c2', 'default', '{}', 3)"
            .to_owned(),
        "INSERT INTO plan (id, bridge_id, snapshot_id, generation, created, counts, warnings, ready)
         VALUES ('p1', 'b1', 's1', 3, 6, '{}', '[]', TRUE)"
            .to_owned(),
        "INSERT INTO run (id, kind, bridge_id, plan_id, state, actor, started, counts)
         VALUES ('r1', 'apply', 'b1', 'p1', '\"finished\"', 'console:old', 7, '{}')"
            .to_owned(),
        format!(
            "INSERT INTO run_item (run_id, plan_id, number, state, detail, updated)
             {numbers} 'r1', 'p1', i, 'done', '{{}}', 8 FROM n"
        ),
        format!(
            "INSERT INTO link (bridge_id, kind, source_id, destination_id, written, updated)
             {numbers} 'b1', 'asset', 'd' || i, 'a' || i, '{{}}', 9 FROM n"
        ),
    ]
}
