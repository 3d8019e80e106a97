//! Arguments of an event become key values, a token's number and data fields.
//!
//! tracing-chrome writes every value in its `Debug` form: the number 3 is `"3"`, the
//! text `q` is `"\"q\""`. Both are read back. A bare word that is a number or a truth
//! value becomes one, so that a `Display`ed `3` is a number, too; other bare text
//! stays as it is. Lists and objects of other writers are left out.

use std::borrow::Cow;

use super::LONGEST_TEXT;
use super::event::{Args, Loose};

/// The field whose number is kept as that of a token.
const TOKEN: &str = "token";

/// What the arguments of one event come to. Reused from event to event.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Values of key fields, with blanks between.
    pub(super) key: String,
    pub(super) token: Option<i64>,
    /// The others, a JSON object, or nothing.
    pub(super) json: String,
    /// Texts that were too long.
    pub(super) cut: usize,
}

impl Fields {
    /// Reads the arguments; key fields stand in the order of `key_fields`.
    pub(super) fn read(&mut self, args: &Args<'_>, key_fields: &[String]) {
        self.key.clear();
        self.json.clear();
        self.token = None;
        for field in key_fields {
            let value = args.0.iter().find(|(name, _)| name == field);
            if let Some((_, value)) = value {
                self.push_key(value);
            }
        }
        for (name, value) in &args.0 {
            if key_fields.iter().any(|field| name == field) {
                continue;
            }
            let value = Value::of(value);
            match value {
                Value::Number(number) if name == TOKEN && number.parse::<i64>().is_ok() => {
                    self.token = number.parse().ok();
                }
                value => self.push_field(name, &value),
            }
        }
        if !self.json.is_empty() {
            self.json.push('}');
        }
    }

    fn push_key(&mut self, value: &Loose<'_>) {
        let value = Value::of(value);
        let text = match &value {
            Value::Nothing => return,
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Number(text) | Value::Text(text) => text,
        };
        if !self.key.is_empty() {
            self.key.push(' ');
        }
        let short = shortened(text);
        self.cut += usize::from(short.len() < text.len());
        self.key.push_str(short);
    }

    fn push_field(&mut self, name: &str, value: &Value<'_>) {
        if matches!(value, Value::Nothing) {
            return;
        }
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        self.push_text(name);
        self.json.push(':');
        match value {
            Value::Bool(true) => self.json.push_str("true"),
            Value::Bool(false) => self.json.push_str("false"),
            Value::Number(text) => self.json.push_str(text),
            Value::Text(text) => self.push_text(text),
            Value::Nothing => {}
        }
    }

    fn push_text(&mut self, text: &str) {
        let short = shortened(text);
        self.cut += usize::from(short.len() < text.len());
        self.json
            .push_str(&serde_json::Value::from(short).to_string());
    }
}

/// The beginning of a text, as long as texts may be.
pub(super) fn shortened(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A value as the program had it.
#[derive(Debug, PartialEq)]
enum Value<'a> {
    Nothing,
    Bool(bool),
    /// A number as JSON writes it.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
}

impl<'a> Value<'a> {
    fn of(value: &'a Loose<'_>) -> Self {
        match value {
            Loose::None => Self::Nothing,
            Loose::Bool(flag) => Self::Bool(*flag),
            Loose::Int(number) => Self::Number(number.to_string().into()),
            Loose::Number(number) => {
                Self::Number(serde_json::Value::from(*number).to_string().into())
            }
            Loose::Text(text) => Self::of_debug(text),
        }
    }

    fn of_debug(text: &'a str) -> Self {
        let quoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        if let Some(text) = quoted.and_then(unescaped) {
            return Self::Text(text);
        }
        match text {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ if is_number(text) => Self::Number(text.into()),
            _ => Self::Text(text.into()),
        }
    }
}

/// Whether it stands in JSON as it is, and is finite.
fn is_number(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    begins && text.len() < 64 && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

/// What `Debug` wrote between quotes; none where it cannot have been `Debug`.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['\\', '"']) {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        let char = match next {
            '"' => return None,
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => unicode(&mut rest)?,
                other @ ('\\' | '"' | '\'') => other,
                _ => return None,
            },
            char => char,
        };
        plain.push(char);
    }
    Some(Cow::Owned(plain))
}

/// The rest of `\u{1f600}`.
fn unicode(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let (digits, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
    *rest = after.chars();
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::chrome::event::Event;

    fn read(args: &str, keys: &[&str]) -> (String, Option<i64>, String) {
        let text = format!("{{\"args\":{args}}}");
        let event = Event::read(text.as_bytes()).unwrap();
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        let mut fields = Fields::default();
        fields.read(&event.args, &keys);
        (fields.key, fields.token, fields.json)
    }

    #[test]
    fn values_are_what_the_program_had() {
        let args = r#"{"a":"3","b":"-1.5","c":"\"3\"","d":"\"q\\n\\u{1f600}\"","e":"Some(3)",
                       "f":"true","g":"007","h":"inf","i":4,"j":[1],"k":"1e999","l":""}"#;
        let (key, token, json) = read(args, &[]);
        assert_eq!((key.as_str(), token), ("", None));
        let expected = serde_json::json!({
            "a": 3, "b": -1.5, "c": "3", "d": "q\n\u{1f600}", "e": "Some(3)", "f": true,
            "g": "007", "h": "inf", "i": 4, "k": "1e999", "l": ""
        });
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn key_fields_stand_in_their_own_order() {
        let args = r#"{"layer":"3","name":"\"q proj\"","rest":"1","token":"17"}"#;
        let (key, token, json) = read(args, &["name", "layer", "expert"]);
        assert_eq!(key, "q proj 3");
        assert_eq!((token, json.as_str()), (Some(17), r#"{"rest":1}"#));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "\u{e4}".repeat(200);
        assert_eq!(shortened(&long).len(), LONGEST_TEXT);
        assert_eq!(shortened(&long[..255 - 1]).len(), 254);
        let odd = format!("x{long}");
        assert_eq!(shortened(&odd).len(), LONGEST_TEXT - 1);
    }
}
