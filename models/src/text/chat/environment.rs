//! The environment of templates: what Hugging Face's library adds to Jinja2.

use std::fmt::Write as _;

use chrono::{DateTime, Local};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value, escape_formatter};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::python_json::tojson;
use super::values;

/// Steps of a rendering, and 64 bytes of text count as one, too: a thousand times what real
/// templates need. Steps differ in their time: another limit bounds that.
const FUEL: u64 = 5_000_000;
/// Deepest calls; one of a macro counts as four.
const DEEPEST_CALLS: usize = 200;
/// Longest text that `strftime_now` formats.
const LONGEST_FORMAT: usize = 1000;

/// Returns an environment. `now_s` is the time of `strftime_now`.
pub(super) fn environment<'t>(now_s: Option<i64>) -> Result<Environment<'t>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(whitespace()?);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST_CALLS);
    environment.set_unknown_method_callback(method);
    environment.set_formatter(|output, state, value| {
        values::charge(state, value)?;
        escape_formatter(output, state, value)
    });
    environment.add_test("iterable", is_iterable);
    environment.add_test("sequence", is_sequence);
    environment.add_filter("tojson", tojson);
    environment.add_filter("pprint", pprint);
    // Jinja2 has no such function.
    environment.remove_global("debug");
    values::add_to(&mut environment);
    environment.add_function("raise_exception", refuse);
    environment.add_function("strftime_now", move |format: String| {
        strftime(now_s, &format)
    });
    Ok(environment)
}

/// Returns a value on lines, once it is known to end.
fn pprint(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    values::charge(state, value)?;
    Ok(format!("{value:#?}"))
}

/// Calls a method of Python's texts, dictionaries and lists.
fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    match (method, value.as_str(), arguments) {
        ("title", Some(text), []) => Ok(Value::from(title(text))),
        _ => unknown_method_callback(state, value, method, arguments),
    }
}

/// Returns a text with capitals at the beginning of each run of letters, as Python does.
fn title(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut follows_letter = false;
    for character in text.chars() {
        match follows_letter {
            true => result.extend(character.to_lowercase()),
            false => result.extend(character.to_uppercase()),
        }
        follows_letter = character.is_alphabetic();
    }
    result
}

/// Whether Python iterates over a value: over texts, too, but not over none.
fn is_iterable(value: &Value) -> bool {
    use ValueKind::{Iterable, Map, Seq, String, Undefined};
    matches!(value.kind(), Iterable | Map | Seq | String | Undefined)
}

/// Whether a value has a length and items: texts and dictionaries, too.
fn is_sequence(value: &Value) -> bool {
    use ValueKind::{Map, Seq, String, Undefined};
    matches!(value.kind(), Map | Seq | String | Undefined)
}

/// Templates are written for a renderer that drops the line of a block.
fn whitespace() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
}

/// Called by templates for turns that they do not accept.
fn refuse(reason: String) -> Result<String, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, reason))
}

/// Formats a local time.
fn strftime(now_s: Option<i64>, format: &str) -> Result<String, Error> {
    let time = match now_s {
        Some(seconds) => {
            DateTime::from_timestamp(seconds, 0).map(|time| time.with_timezone(&Local))
        }
        None => Some(Local::now()),
    };
    let refuse = || {
        let text = format!("strftime_now: `{format}` cannot be formatted");
        Error::new(ErrorKind::InvalidOperation, text)
    };
    let time = time
        .filter(|_| format.len() <= LONGEST_FORMAT)
        .ok_or_else(refuse)?;
    let mut text = String::new();
    write!(text, "{}", time.format(format)).map_err(|_| refuse())?;
    Ok(text)
}
