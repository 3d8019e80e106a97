//! Converts arguments of an event to key values, a token's number and data fields.
//!
//! tracing-chrome writes every value in its `Debug` form: the number 3 is `"3"`, the text `q`
//! is `"\"q\""`. Both are parsed back. Unquoted text that is a number or a boolean becomes one,
//! so a `Display`ed `3` is a number, too; other unquoted text is kept unchanged. Lists and
//! objects of other writers are dropped.

use std::borrow::Cow;

use super::event::{Args, LenientValue};

/// Maximum length of names and values, as in a recording.
const LONGEST_TEXT: usize = 256;

/// Field whose number is stored as that of a token.
const TOKEN: &str = "token";

/// Converted arguments of one event. Reused for each event.
#[derive(Debug, Default)]
pub(super) struct EventFields {
    /// Values of key fields, separated by spaces.
    pub(super) key: String,
    pub(super) token: Option<i64>,
    /// The other fields: a JSON object, or empty.
    pub(super) json: String,
    /// Number of shortened texts.
    pub(super) shortened: usize,
}

impl EventFields {
    /// Converts the arguments; key values are in the order of `key_fields`.
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
            let value = ArgValue::parse(value);
            match value {
                ArgValue::Number(number) if name == TOKEN && number.parse::<i64>().is_ok() => {
                    self.token = number.parse().ok();
                }
                value => self.push_field(name, &value),
            }
        }
        if !self.json.is_empty() {
            self.json.push('}');
        }
    }

    fn push_key(&mut self, value: &LenientValue<'_>) {
        let value = ArgValue::parse(value);
        let text = match &value {
            ArgValue::Nothing => return,
            ArgValue::Bool(true) => "true",
            ArgValue::Bool(false) => "false",
            ArgValue::Number(text) | ArgValue::Text(text) => text,
        };
        if !self.key.is_empty() {
            self.key.push(' ');
        }
        let short = shortened(text);
        self.shortened += usize::from(short.len() < text.len());
        self.key.push_str(short);
    }

    fn push_field(&mut self, name: &str, value: &ArgValue<'_>) {
        if matches!(value, ArgValue::Nothing) {
            return;
        }
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        self.push_text(name);
        self.json.push(':');
        match value {
            ArgValue::Bool(true) => self.json.push_str("true"),
            ArgValue::Bool(false) => self.json.push_str("false"),
            ArgValue::Number(text) => self.json.push_str(text),
            ArgValue::Text(text) => self.push_text(text),
            ArgValue::Nothing => {}
        }
    }

    fn push_text(&mut self, text: &str) {
        let short = shortened(text);
        self.shortened += usize::from(short.len() < text.len());
        self.json
            .push_str(&serde_json::Value::from(short).to_string());
    }
}

/// Returns the start of a text, up to the maximum length.
pub(super) fn shortened(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// An argument's original value.
#[derive(Debug, PartialEq)]
enum ArgValue<'a> {
    Nothing,
    Bool(bool),
    /// A number in JSON syntax.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
}

impl<'a> ArgValue<'a> {
    fn parse(value: &'a LenientValue<'_>) -> Self {
        match value {
            LenientValue::None => Self::Nothing,
            LenientValue::Bool(flag) => Self::Bool(*flag),
            LenientValue::Int(number) => Self::Number(number.to_string().into()),
            LenientValue::Number(number) => {
                Self::Number(serde_json::Value::from(*number).to_string().into())
            }
            LenientValue::Text(text) => Self::parse_debug(text),
        }
    }

    fn parse_debug(text: &'a str) -> Self {
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

/// Returns whether text is a valid, finite JSON number.
fn is_number(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    begins && text.len() < 64 && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

/// Unescapes a `Debug` string without its quotes; `None` if it is not `Debug` output.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['\\', '"']) {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        let char = match next {
            '"' => return None,
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => unicode(&mut chars)?,
                other @ ('\\' | '"' | '\'') => other,
                _ => return None,
            },
            char => char,
        };
        plain.push(char);
    }
    Some(Cow::Owned(plain))
}

/// Parses the remainder of `\u{1f600}`.
fn unicode(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let (digits, after) = chars.as_str().strip_prefix('{')?.split_once('}')?;
    *chars = after.chars();
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::chrome::event::ChromeEvent;

    fn read(args: &str, keys: &[&str]) -> (String, Option<i64>, String) {
        let text = format!("{{\"args\":{args}}}");
        let event = ChromeEvent::read(text.as_bytes()).unwrap();
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        let mut fields = EventFields::default();
        fields.read(&event.args, &keys);
        (fields.key, fields.token, fields.json)
    }

    #[test]
    fn values_are_parsed_back_from_debug_form() {
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
    fn key_values_are_in_the_order_of_key_fields() {
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
