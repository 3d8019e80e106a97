//! Cuts long texts in lists: names, models and tags have no limit of length in a recording.

use serde_json::Value;

/// Largest number of characters of a label in a list.
const LABEL_CHARS: usize = 200;

/// Cuts all texts and keys in `value` to [`LABEL_CHARS`] characters; the last one is then an ellipsis.
/// Returns whether one was cut.
pub(super) fn cut_texts(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match cut(text) {
            Some(short) => {
                *text = short;
                true
            }
            None => false,
        },
        Value::Array(values) => values.iter_mut().fold(false, |is_cut, value| {
            // No short circuit: all values are cut.
            cut_texts(value) | is_cut
        }),
        Value::Object(members) => {
            let long: Vec<String> = members.keys().filter(|key| is_long(key)).cloned().collect();
            for key in &long {
                if let (Some(value), Some(short)) = (members.remove(key), cut(key)) {
                    members.insert(short, value);
                }
            }
            let mut is_cut = !long.is_empty();
            for value in members.values_mut() {
                is_cut |= cut_texts(value);
            }
            is_cut
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_long(text: &str) -> bool {
    // A character has at least one byte.
    text.len() > LABEL_CHARS && text.chars().nth(LABEL_CHARS).is_some()
}

fn cut(text: &str) -> Option<String> {
    is_long(text).then(|| {
        let begin = text.chars().take(LABEL_CHARS - 1);
        begin.chain(['\u{2026}']).collect()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_and_keys_are_cut_everywhere() {
        let long = "\u{e4}".repeat(LABEL_CHARS + 1);
        let short = "\u{e4}".repeat(LABEL_CHARS - 1) + "\u{2026}";
        let mut value = json!({ "a": [long, 1, null], "tags": { long.clone(): "x" } });
        assert!(cut_texts(&mut value));
        assert_eq!(
            value,
            json!({ "a": [short, 1, null], "tags": { short.clone(): "x" } })
        );
        assert!(!cut_texts(&mut value));
        let exact = json!("a".repeat(LABEL_CHARS));
        assert!(!cut_texts(&mut exact.clone()));
    }
}
