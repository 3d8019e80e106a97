//! Comma-separated values (RFC 4180).

use std::borrow::Cow;
use std::io::{self, Write};

use super::name::is_unsafe;

/// Writes one record. Fields with separators, quotes or line ends are quoted. Terminal
/// control characters other than line ends and tabs are escaped.
///
/// # Errors
/// If `out` cannot be written.
pub fn record<T: AsRef<str>>(out: &mut dyn Write, fields: &[T]) -> io::Result<()> {
    let quoted: Vec<Cow<'_, str>> = fields.iter().map(|field| quote(field.as_ref())).collect();
    writeln!(out, "{}", quoted.join(","))
}

/// Quotes and escapes a field.
pub fn quote(field: &str) -> Cow<'_, str> {
    let acts = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t');
    let safe = match field.contains(acts) {
        true => Cow::Owned(escape_matching(field, acts)),
        false => Cow::Borrowed(field),
    };
    match safe.contains(['"', ',', '\n', '\r']) {
        true => Cow::Owned(format!("\"{}\"", safe.replace('"', "\"\""))),
        false => safe,
    }
}

fn escape_matching(field: &str, acts: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(field.len());
    for c in field.chars() {
        match acts(c) {
            true => text.extend(c.escape_unicode()),
            false => text.push(c),
        }
    }
    text
}

/// Converts a JSON value to a field: null is empty, text is unquoted, lists and objects are
/// JSON.
pub fn field(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes objects with the same keys as a table with a header.
///
/// # Errors
/// If `out` cannot be written.
pub fn objects(out: &mut dyn Write, keys: &[&str], rows: &[serde_json::Value]) -> io::Result<()> {
    record(out, keys)?;
    for row in rows {
        let fields: Vec<String> = keys.iter().map(|key| field(&row[*key])).collect();
        record(out, &fields)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_quotes_are_quoted() {
        let mut out = Vec::new();
        record(&mut out, &["a", "b,c", "quote \"x\"", "two\nlines"]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "a,\"b,c\",\"quote \"\"x\"\"\",\"two\nlines\"\n");
    }

    #[test]
    fn null_is_empty() {
        assert_eq!(field(&serde_json::Value::Null), "");
        assert_eq!(field(&serde_json::json!(1.5)), "1.5");
    }
}
