//! Attributes of signals.

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use serde_json::Value;

/// Maximum length of a text in bytes; longer ones are cut.
const MAX_TEXT: usize = 1_024;
/// Maximum number of fields of a span that become attributes.
const MAX_FIELDS: usize = 64;

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    pair(key, AnyKind::StringValue(value.into()))
}

pub(super) fn integer(key: &str, value: i64) -> KeyValue {
    pair(key, AnyKind::IntValue(value))
}

pub(super) fn double(key: &str, value: f64) -> KeyValue {
    pair(key, AnyKind::DoubleValue(value))
}

fn pair(key: &str, value: AnyKind) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Appends the data fields of a span, a JSON object. Returns the number of fields that are left
/// out.
pub(super) fn add_fields(json: &str, attributes: &mut Vec<KeyValue>) -> u32 {
    let Ok(Value::Object(fields)) = serde_json::from_str(json) else {
        return 1;
    };
    let dropped = fields.len().saturating_sub(MAX_FIELDS);
    for (key, value) in fields.into_iter().take(MAX_FIELDS) {
        attributes.push(KeyValue {
            key,
            value: any(value),
            ..KeyValue::default()
        });
    }
    u32::try_from(dropped).unwrap_or(u32::MAX)
}

fn any(value: Value) -> Option<AnyValue> {
    let value = match value {
        Value::Null => return None,
        Value::Bool(flag) => AnyKind::BoolValue(flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => AnyKind::IntValue(integer),
            None => AnyKind::DoubleValue(number.as_f64()?),
        },
        Value::String(text) => AnyKind::StringValue(cut(text)),
        Value::Array(values) => AnyKind::ArrayValue(ArrayValue {
            values: values.into_iter().filter_map(any).collect(),
        }),
        Value::Object(_) => AnyKind::StringValue(cut(value.to_string())),
    };
    Some(AnyValue { value: Some(value) })
}

/// Cuts a text at a boundary of characters.
fn cut(mut text: String) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_types_and_long_ones_are_cut() {
        let mut attributes = Vec::new();
        let long = "é".repeat(2_000);
        let json = format!(
            r#"{{"a":1,"b":0.5,"c":"x","d":true,"e":[1,"y"],"f":{{"g":1}},"h":"{long}","i":null}}"#
        );
        assert_eq!(add_fields(&json, &mut attributes), 0);
        let value = |key: &str| {
            let found = attributes.iter().find(|pair| pair.key == key).unwrap();
            found.value.clone().and_then(|value| value.value)
        };
        assert_eq!(value("a"), Some(AnyKind::IntValue(1)));
        assert_eq!(value("b"), Some(AnyKind::DoubleValue(0.5)));
        assert_eq!(value("d"), Some(AnyKind::BoolValue(true)));
        assert_eq!(
            value("f"),
            Some(AnyKind::StringValue(r#"{"g":1}"#.to_owned()))
        );
        assert_eq!(value("i"), None);
        match value("h") {
            Some(AnyKind::StringValue(text)) => assert_eq!(text.len(), MAX_TEXT),
            other => panic!("{other:?}"),
        }
        assert_eq!(add_fields("no JSON", &mut attributes), 1);
    }

    #[test]
    fn a_span_has_a_limited_number_of_fields() {
        let fields: serde_json::Map<String, Value> =
            (0..100).map(|at| (at.to_string(), at.into())).collect();
        let mut attributes = Vec::new();
        let dropped = add_fields(&Value::Object(fields).to_string(), &mut attributes);
        assert_eq!((attributes.len(), dropped), (MAX_FIELDS, 36));
    }
}
