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

/// Sets the field at `path` (`a.b[0].c`) to `value`, or takes it away. A field whose parent is absent stays so.
pub(super) fn put(row: &mut Value, path: &str, value: Option<&Value>) {
    let pointer = format!("/{}", path.replace('[', ".").replace(']', "").replace('.', "/"));
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
    fn absurd_values_reach_nested_rows() {
        let mut row = json!({"id": 5, "created": 1.5, "volumes": [{"capacity": 1}], "offline": true});
        absurd(&mut row);
        assert_eq!(
            row,
            json!({"id": -5, "created": 1e308, "volumes": [{"capacity": 1e300}], "offline": true})
        );
    }
}
