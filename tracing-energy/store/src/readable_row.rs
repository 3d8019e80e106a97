//! Finds rows of runs with values of a wrong type, without reading them into memory: prompts and
//! responses may be long, and a file may have thousands of runs.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

/// Columns of `runs` that hold a text.
const TEXTS: [&str; 3] = ["uuid", "status", "version"];
/// Columns that hold a text or NULL.
const OPTIONAL_TEXTS: [&str; 15] = [
    "name",
    "parent_run",
    "pid_space",
    "boot_id",
    "host_id",
    "host",
    "os",
    "chip",
    "model",
    "prompt",
    "response",
    "engine",
    "precision",
    "experiment",
    "config",
];
/// Columns that hold an integer.
const INTEGERS: [&str; 3] = ["start_unix_ns", "heartbeat_unix_ns", "pid"];
/// Columns that hold an integer or NULL.
const OPTIONAL_INTEGERS: [&str; 6] = [
    "end_ns",
    "pid_start",
    "last_seen_ns",
    "batch",
    "input_tokens",
    "output_tokens",
];

/// Returns the condition that a row of `runs` may be unreadable: it is true for each row that is, and
/// for few others. The connection needs the function of [`register`].
pub(super) fn may_be_unreadable() -> String {
    // One call for all texts: a file may have thousands of runs.
    let columns = TEXTS.iter().chain(&OPTIONAL_TEXTS).copied();
    let columns: Vec<&str> = columns.collect();
    let texts = format!("NOT are_texts({}, {})", TEXTS.len(), columns.join(", "));
    let integers = INTEGERS
        .iter()
        .map(|name| format!("typeof({name}) <> 'integer'"));
    let optional_integers = OPTIONAL_INTEGERS.iter();
    let optional_integers =
        optional_integers.map(|name| format!("typeof({name}) NOT IN ('integer', 'null')"));
    let pid = format!("pid NOT BETWEEN 0 AND {}", u32::MAX);
    let all = integers.chain(optional_integers);
    let all: Vec<String> = [texts, pid].into_iter().chain(all).collect();
    all.join(" OR ")
}

/// Adds the SQL function `are_texts(count, value, ..)`: whether all values are texts of valid UTF-8;
/// those after the first `count` may be NULL.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("are_texts", -1, flags, |context| {
        let required = usize::try_from(context.get::<i64>(0)?).unwrap_or(0);
        let is_readable = |at: usize| match context.get_raw(at) {
            ValueRef::Null => at > required,
            ValueRef::Text(text) => std::str::from_utf8(text).is_ok(),
            _ => false,
        };
        Ok((1..context.len()).all(is_readable))
    })
}
