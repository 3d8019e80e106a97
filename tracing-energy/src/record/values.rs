//! Field values of one span or event, collected from records for its row.

use super::callsite::{Callsite, FieldUse};
use super::wire::FieldValue;

/// A value that outlives its record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Owned {
    U64(u64),
    I64(i64),
    F64(f64),
    Bool(bool),
    Text(String),
}

impl Owned {
    fn of(value: FieldValue<'_>) -> Self {
        match value {
            FieldValue::U64(number) => Self::U64(number),
            FieldValue::I64(number) => Self::I64(number),
            FieldValue::F64(number) => Self::F64(number),
            FieldValue::Bool(flag) => Self::Bool(flag),
            FieldValue::Text { bytes, .. } => {
                Self::Text(String::from_utf8_lossy(bytes).into_owned())
            }
        }
    }

    fn push_json(&self, json: &mut String) {
        match self {
            Self::U64(number) => json.push_str(itoa::Buffer::new().format(*number)),
            Self::I64(number) => json.push_str(itoa::Buffer::new().format(*number)),
            Self::F64(number) if number.is_finite() => {
                json.push_str(ryu::Buffer::new().format(*number))
            }
            Self::F64(number) => push_json_text(&number.to_string(), json),
            Self::Bool(flag) => json.push_str(if *flag { "true" } else { "false" }),
            Self::Text(text) => push_json_text(text, json),
        }
    }

    fn push_plain(&self, label: &mut String) {
        match self {
            Self::Text(text) => label.push_str(text),
            number => number.push_json(label),
        }
    }
}

fn push_json_text(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

/// The values of one span or event; later values of a field replace earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Values(Vec<(usize, Owned)>);

impl Values {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn set(&mut self, index: usize, value: FieldValue<'_>) {
        let value = Owned::of(value);
        match self.0.iter_mut().find(|(known, _)| *known == index) {
            Some((_, old)) => *old = value,
            None => self.0.push((index, value)),
        }
    }

    /// Returns the fields for which `wanted` holds as a JSON object, or `None` without any.
    pub(crate) fn json(
        &self,
        callsite: &Callsite,
        wanted: impl Fn(FieldUse) -> bool,
    ) -> Option<String> {
        let mut json = String::new();
        for (index, value) in &self.0 {
            if callsite.fields.get(*index).copied().is_some_and(&wanted) {
                json.push(if json.is_empty() { '{' } else { ',' });
                push_json_text(callsite.field_name(*index), &mut json);
                json.push(':');
                value.push_json(&mut json);
            }
        }
        (!json.is_empty()).then(|| json + "}")
    }

    /// Appends the values of the key fields, joined by spaces, in the callsite's order.
    pub(crate) fn key(&self, callsite: &Callsite, key: &mut String) {
        for (index, field_use) in callsite.fields.iter().enumerate() {
            let value = self.0.iter().find(|(known, _)| *known == index);
            if let (FieldUse::Key, Some((_, value))) = (field_use, value) {
                if !key.is_empty() {
                    key.push(' ');
                }
                value.push_plain(key);
            }
        }
    }
}

/// Returns a whole number.
pub(crate) fn integer(value: FieldValue<'_>) -> Option<i64> {
    match value {
        FieldValue::U64(number) => i64::try_from(number).ok(),
        FieldValue::I64(number) => Some(number),
        _ => None,
    }
}
