//! Values of another type than their column. SQLite stores a text in a column of numbers if a program
//! writes one. Such a value must not hide other runs.

use rusqlite::types::ValueRef;
use rusqlite::{Row, RowIndex};

use crate::error::Error;

/// Returns whether a value of one run caused the error.
pub(super) fn is_bad_value(error: &Error) -> bool {
    matches!(error, Error::Query(error) if energy_store::is_bad_value(error))
}

/// Reads an integer; a value of another type is unknown.
pub(super) fn whole_in(r: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<i64>> {
    Ok(match r.get_ref(column)? {
        ValueRef::Integer(number) => Some(number),
        _ => None,
    })
}

/// Reads a text; a value of another type is unknown.
pub(super) fn text_in(r: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<String>> {
    Ok(match r.get_ref(column)? {
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    })
}
