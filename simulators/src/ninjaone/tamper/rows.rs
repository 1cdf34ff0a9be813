//! Finds and changes rows and fields of an answer.

use serde_json::{Value, json};

use super::decimals::is_number;

/// Whether an answer is one record and not a list.
pub(super) fn is_single(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        !["results", "activities", "data"]
            .iter()
            .any(|key| object.contains_key(*key))
    })
}

pub(super) fn row_list(value: &mut Value) -> Option<&mut Vec<Value>> {
    match value {
        Value::Array(rows) => Some(rows),
        Value::Object(object) => {
            let key = ["results", "activities", "data"]
                .into_iter()
                .find(|key| object.contains_key(*key))?;
            object.get_mut(key)?.as_array_mut()
        }
        _ => None,
    }
}

pub(super) fn rows(value: &mut Value) -> Vec<&mut Value> {
    match is_single(value) {
        true => vec![value],
        false => row_list(value)
            .map(|rows| rows.iter_mut().collect())
            .unwrap_or_default(),
    }
}

pub(super) fn every_nth(rows: Vec<&mut Value>, every: usize) -> Vec<&mut Value> {
    rows.into_iter().step_by(every.max(1)).collect()
}

pub(super) fn row_id(row: &Value) -> Option<i64> {
    row.get("id").or_else(|| row.get("deviceId"))?.as_i64()
}

/// `a.b[0].c` as a JSON pointer.
fn pointer(path: &str) -> String {
    format!("/{}", path.replace('[', ".").replace(']', "").replace('.', "/"))
}

/// Sets the field at `path` (`a.b[0].c`) to `value`, or takes it away. A field whose parent is absent stays so.
pub(super) fn put(row: &mut Value, path: &str, value: Option<&Value>) {
    let pointer = pointer(path);
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    match (row.pointer_mut(parent), value) {
        (Some(Value::Object(object)), Some(value)) => {
            object.insert(last.to_owned(), value.clone());
        }
        (Some(Value::Object(object)), None) => {
            object.remove(last);
        }
        (Some(Value::Array(items)), Some(value)) => {
            if let Some(item) = last.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                *item = value.clone();
            }
        }
        _ => {}
    }
}

/// Writes the text at `path` in capitals; what is no text stays.
pub(super) fn capitals(row: &mut Value, path: &str) {
    let text = row
        .pointer(&pointer(path))
        .filter(|value| !is_number(value))
        .and_then(Value::as_str)
        .map(str::to_uppercase);
    if let Some(text) = text {
        put(row, path, Some(&json!(text)));
    }
}

/// Gives every two neighbouring rows each other's field at `path`.
pub(super) fn swap(rows: Vec<&mut Value>, path: &str) {
    let pointer = pointer(path);
    let mut rows = rows.into_iter();
    while let (Some(one), Some(other)) = (rows.next(), rows.next()) {
        let (first, second) = (one.pointer(&pointer).cloned(), other.pointer(&pointer).cloned());
        put(one, path, second.as_ref());
        put(other, path, first.as_ref());
    }
}

/// Lets every row of a list come twice.
pub(super) fn double(rows: &mut Vec<Value>) {
    *rows = std::mem::take(rows)
        .into_iter()
        .flat_map(|row| [row.clone(), row])
        .collect();
}

/// Makes every id negative, every time 1e308 and every size larger than any integer.
pub(super) fn absurd(value: &mut Value) {
    const TIMES: [&str; 8] = [
        "created",
        "lastContact",
        "lastUpdate",
        "startDate",
        "endDate",
        "lastBootTime",
        "createTime",
        "activityTime",
    ];
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    time if TIMES.contains(&key.as_str()) && is_number(time) => *time = json!(1e308),
                    Value::Number(number) if key == "id" || key.ends_with("Id") => {
                        *number = number.as_i64().map_or(-1, |id| -id.abs()).into();
                    }
                    Value::Number(_)
                        if ["capacity", "totalPhysicalMemory", "freeSpace"].contains(&key.as_str()) =>
                    {
                        *value = json!(1e300);
                    }
                    nested => absurd(nested),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(absurd),
        _ => {}
    }
}

pub(super) fn rename_cursor(value: &mut Value, name: &str) {
    if let Some(field) = value.pointer_mut("/cursor/name") {
        *field = json!(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_path() {
        let mut row = json!({"system": {"serialNumber": "X"}, "volumes": [{"capacity": 1}, {"capacity": 2}]});
        put(&mut row, "system.serialNumber", Some(&json!(7)));
        put(&mut row, "volumes[1].capacity", None);
        put(&mut row, "volumes[0]", Some(&json!("none")));
        put(&mut row, "absent.thing", Some(&json!(1)));
        assert_eq!(
            row,
            json!({"system": {"serialNumber": 7}, "volumes": ["none", {}]})
        );
    }

    #[test]
    fn neighbours_swap_a_field_and_texts_become_capitals() {
        let mut rows = json!([
            {"id": 1, "name": "a", "at": {"x": 1}}, {"id": 2}, {"id": 3, "name": "c"}, {"id": 4, "name": "d"}, {"id": 5}
        ]);
        swap(super::rows(&mut rows), "name");
        let names: Vec<Value> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].clone())
            .collect();
        assert_eq!(
            names,
            [json!(null), json!("a"), json!("d"), json!("c"), json!(null)]
        );
        let ids: Value = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].clone())
            .collect();
        assert_eq!(ids, json!([1, 2, 3, 4, 5]));

        let mut row = json!({"name": "Straße", "at": "#decimal:1.5e3", "id": 7});
        for path in ["name", "at", "id", "absent"] {
            capitals(&mut row, path);
        }
        assert_eq!(row, json!({"name": "STRASSE", "at": "#decimal:1.5e3", "id": 7}));

        let mut twice = vec![json!(1), json!(2)];
        double(&mut twice);
        assert_eq!(twice, [1, 1, 2, 2]);
    }

    #[test]
    fn absurd_values_reach_nested_rows() {
        let mut row = json!({"id": 5, "created": 1.5, "volumes": [{"capacity": 1}], "offline": true});
        absurd(&mut row);
        assert_eq!(
            row,
            json!({"id": -5, "created": 1e308, "volumes": [{"capacity": 1e300}], "offline": true})
        );
    }
}
