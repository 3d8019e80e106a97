//! JSON as Python's `json.dumps` writes it, the filter `tojson` of chat templates. The spaces
//! after separators, the escapes and the form of numbers are part of the prompt.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::values;

/// Deepest nesting.
const DEEPEST: usize = 128;

/// Options of the filter.
struct Style {
    is_ascii: bool,
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    sorts_keys: bool,
}

impl Style {
    fn from_arguments(arguments: &Kwargs, ensure_ascii: Option<bool>) -> Result<Self, Error> {
        let indent = match arguments.get::<Option<Value>>("indent")? {
            Some(value) if value.kind() == ValueKind::String => Some(value.to_string()),
            Some(value) if !value.is_none() && !value.is_undefined() => {
                Some(" ".repeat(u8::try_from(value)?.into()))
            }
            _ => None,
        };
        let separators: Option<Vec<String>> = arguments.get("separators")?;
        let of_item = if indent.is_some() { "," } else { ", " };
        let [item_separator, key_separator] = match separators {
            None => [of_item, ": "].map(str::to_owned),
            Some(pair) => <[String; 2]>::try_from(pair)
                .map_err(|_| invalid("tojson: separators are not a pair of texts"))?,
        };
        let style = Self {
            is_ascii: match ensure_ascii {
                Some(is_ascii) => is_ascii,
                None => arguments
                    .get::<Option<bool>>("ensure_ascii")?
                    .unwrap_or(false),
            },
            indent,
            item_separator,
            key_separator,
            sorts_keys: arguments.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
        };
        arguments.assert_all_used()?;
        Ok(style)
    }
}

/// Returns a value as JSON.
///
/// # Errors
/// For values without a form in JSON, and for unknown options.
pub(super) fn tojson(
    state: &mut State<'_, '_>,
    value: &Value,
    ensure_ascii: Option<bool>,
    arguments: Kwargs,
) -> Result<String, Error> {
    let style = Style::from_arguments(&arguments, ensure_ascii)?;
    values::charge(state, value)?;
    let mut text = String::new();
    write(value, &style, 0, &mut text)?;
    Ok(text)
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

fn write(value: &Value, style: &Style, depth: usize, to: &mut String) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(invalid("tojson: the value is nested too deeply"));
    }
    match value.kind() {
        ValueKind::None => to.push_str("null"),
        ValueKind::Bool => to.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => to.push_str(&number(value)),
        ValueKind::String => quote(value.as_str().unwrap_or_default(), style, to),
        ValueKind::Map => {
            let mut keys: Vec<Value> = value.try_iter()?.collect();
            if style.sorts_keys {
                keys.sort();
            }
            let member = |key: &Value, to: &mut String| {
                quote(&key_text(key)?, style, to);
                to.push_str(&style.key_separator);
                write(&value.get_item(key)?, style, depth + 1, to)
            };
            list(&keys, ['{', '}'], style, depth, to, member)?;
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            let item = |item: &Value, to: &mut String| write(item, style, depth + 1, to);
            list(&items, ['[', ']'], style, depth, to, item)?;
        }
        kind => return Err(invalid(format!("tojson: {kind} has no form in JSON"))),
    }
    Ok(())
}

/// Writes members between brackets, on lines of their own if there is an indent.
fn list(
    members: &[Value],
    [open, close]: [char; 2],
    style: &Style,
    depth: usize,
    to: &mut String,
    write: impl Fn(&Value, &mut String) -> Result<(), Error>,
) -> Result<(), Error> {
    let line = |depth: usize, to: &mut String| {
        if let Some(indent) = style.indent.as_deref().filter(|_| !members.is_empty()) {
            to.push('\n');
            to.push_str(&indent.repeat(depth));
        }
    };
    to.push(open);
    for (at, member) in members.iter().enumerate() {
        if at > 0 {
            to.push_str(&style.item_separator);
        }
        line(depth + 1, to);
        write(member, to)?;
    }
    line(depth, to);
    to.push(close);
    Ok(())
}

/// Returns the text of a key: Python writes keys of other kinds as text.
fn key_text(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(key.is_true().to_string()),
        ValueKind::Number => Ok(number(key)),
        kind => Err(invalid(format!("tojson: {kind} is no key in JSON"))),
    }
}

/// Returns a number as Python writes it: the shortest digits, with an exponent below 1e-4 and
/// from 1e16 on.
fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    let Ok(number) = f64::try_from(value.clone()) else {
        return value.to_string();
    };
    match number {
        _ if number.is_nan() => "NaN".to_owned(),
        _ if number.is_infinite() => if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned(),
        _ if number == 0.0 || (1e-4..1e16).contains(&number.abs()) => format!("{number:?}"),
        _ => {
            let text = format!("{number:e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
    }
}

fn quote(text: &str, style: &Style, to: &mut String) {
    to.push('"');
    for character in text.chars() {
        match character {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            '\0'..='\u{1f}' => escape(character, to),
            '\u{7f}'.. if style.is_ascii && character != '\u{7f}' => escape(character, to),
            _ => to.push(character),
        }
    }
    to.push('"');
}

/// Writes the UTF-16 code units of a character.
fn escape(character: char, to: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        to.push_str(&format!("\\u{unit:04x}"));
    }
}
