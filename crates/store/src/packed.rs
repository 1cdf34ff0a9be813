//! Many rows as one: a JSON list that the statement puts together itself.
//!
//! A row costs far more on its way out of the driver (SQLite's hands each from its own thread to the caller's, every
//! column a copy) than in the database. Planning reads some hundred thousand of them, so what it reads of a thousand
//! rows arrives as one text. Such a statement has the rows in an inner SELECT with a LIMIT, so that the text stays
//! small, and outside it `string_agg`, `||` and `replace`, which both engines have. The limit stands in the text: SQLite
//! would plan the statement anew at each run to see whether a bound one is small.

use crate::error::Result;
use crate::json::parse;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// The SQL expression of a text column as JSON, `null` where there is none. Control characters stay as they are:
/// [`unpack`] deals with them.
pub(crate) fn quoted(column: &str) -> String {
    format!(r#"COALESCE('"' || replace(replace({column}, '\', '\\'), '"', '\"') || '"', 'null')"#)
}

/// The same for a column of our own ids, in which nothing has to be escaped.
pub(crate) fn quoted_id(column: &str) -> String {
    format!(r#"COALESCE('"' || {column} || '"', 'null')"#)
}

/// The SQL expression of a numeric column as JSON, `null` where there is none.
pub(crate) fn number(column: &str) -> String {
    format!("COALESCE(CAST({column} AS TEXT), 'null')")
}

/// The SQL expression of all rows as one JSON list, each a list of these expressions, the longest last since each `||`
/// copies what is before it. NULL when there are no rows.
pub(crate) fn list(expressions: &[&str]) -> String {
    format!(
        "'[' || string_agg('[' || {} || ']', ',') || ']'",
        expressions.join(" || ',' || ")
    )
}

/// How many owners are asked about in one statement.
pub(crate) const OWNERS: usize = 32;

/// The end of an inner SELECT for what one owner or several have, with the owners as its parameters from `$first` on:
/// one owner's records by id, those above the parameter that follows; several owners' in no order, since they are
/// taken when they fit into one page and asked for one owner at a time when they do not.
pub(crate) fn owned_by(owner: &str, id: &str, first: usize, owners: usize, page: usize) -> String {
    if owners == 1 {
        let after = first + 1;
        return format!("{owner} = ${first} AND {id} > ${after} ORDER BY {id} LIMIT {page}");
    }
    let all: Vec<String> = (first..first + owners).map(|n| format!("${n}")).collect();
    format!("{owner} IN ({}) LIMIT {page}", all.join(", "))
}

/// The rows of a list.
pub(crate) fn unpack<T: DeserializeOwned>(what: &'static str, list: Option<&str>) -> Result<Vec<T>> {
    match list {
        Some(list) => parse(what, &escaped(list)),
        None => Ok(Vec::new()),
    }
}

/// JSON has no bare control characters, and none stands in what we store as JSON: one that is here came with
/// [`quoted`].
fn escaped(list: &str) -> Cow<'_, str> {
    // Without a branch for each byte: there is nearly never one, and the lists of an estate are some hundred megabytes.
    if !list.bytes().fold(false, |found, byte| found | (byte < b' ')) {
        return Cow::Borrowed(list);
    }
    let mut escaped = String::with_capacity(list.len() + 16);
    for c in list.chars() {
        if c < ' ' {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_has_pages_and_several_have_one() {
        assert_eq!(
            owned_by("a.client_id", "a.id", 1, 1, 9),
            "a.client_id = $1 AND a.id > $2 ORDER BY a.id LIMIT 9"
        );
        assert_eq!(
            owned_by("a.client_id", "a.id", 4, 3, 9),
            "a.client_id IN ($4, $5, $6) LIMIT 9"
        );
    }

    #[test]
    fn no_rows_are_an_empty_list() {
        assert_eq!(unpack::<(String,)>("rows", None).unwrap(), []);
    }

    #[test]
    fn control_characters_survive() {
        let rows: Vec<(String, i64)> = unpack("rows", Some("[[\"a\tb\nc\",1],[\"\u{7f}é\",2]]")).unwrap();
        assert_eq!(rows, [("a\tb\nc".to_owned(), 1), ("\u{7f}é".to_owned(), 2)]);
    }

    #[test]
    fn what_is_no_list_names_what_it_should_be() {
        let error = unpack::<(String,)>("rows", Some("[1]")).unwrap_err();
        assert!(error.to_string().contains("rows"), "{error}");
    }
}
