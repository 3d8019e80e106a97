//! Paths of token counts in JSON: `usage`, `output=timings.predicted_n`, `results[-1]["n.out"]`.

use std::str::FromStr;

use serde_json::Value;

use super::found_counts::{FoundCounts, TokenKind};

/// Usual names of the number of prompt tokens, without that of an object around it.
const INPUT_NAMES: &[&str] = &[
    "prompt_tokens",
    "input_tokens",
    "prompt_n",
    "tokens_evaluated",
    "prompt_eval_count",
    "n_prompt_tokens",
];
/// Usual names of the number of generated tokens.
const OUTPUT_NAMES: &[&str] = &[
    "completion_tokens",
    "output_tokens",
    "predicted_n",
    "tokens_predicted",
    "eval_count",
    "generated_tokens",
];

/// Path of one count, or of an object with both under usual names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CountPath {
    /// The kind of the count; `None` for an object.
    kind: Option<TokenKind>,
    steps: Vec<PathStep>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PathStep {
    Key(String),
    /// From 0, or from -1 at the end.
    Index(i64),
}

impl FromStr for CountPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = match text.split_once('=') {
            Some(("input", path)) => (Some(TokenKind::Input), path),
            Some(("output", path)) => (Some(TokenKind::Output), path),
            _ => (None, text),
        };
        let path = path.strip_prefix('$').unwrap_or(path);
        let steps = steps(path).ok_or_else(|| {
            format!("`{text}` is no path; write usage, or output=results[0].usage.output_tokens")
        })?;
        Ok(Self { kind, steps })
    }
}

/// Splits a path; `None` if it is malformed.
fn steps(path: &str) -> Option<Vec<PathStep>> {
    let (mut steps, mut unread) = (Vec::new(), path);
    while !unread.is_empty() {
        if let Some(after) = unread.strip_prefix('[') {
            let (inner, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted
                    .split_once("\"]")
                    .map(|(key, after)| (Err(key), after))?,
                None => after
                    .split_once(']')
                    .map(|(index, after)| (Ok(index), after))?,
            };
            steps.push(match inner {
                Ok(index) => PathStep::Index(index.trim().parse().ok()?),
                Err(key) => PathStep::Key(key.to_owned()),
            });
            unread = after;
            continue;
        }
        let after = unread.strip_prefix('.').unwrap_or(unread);
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let (key, after) = after.split_at(end);
        if key.is_empty() {
            return None;
        }
        steps.push(PathStep::Key(key.to_owned()));
        unread = after;
    }
    Some(steps)
}

impl CountPath {
    /// Returns the counts in one JSON value.
    pub(super) fn counts(&self, value: &Value) -> FoundCounts {
        let Some(found) = self.find(value) else {
            return FoundCounts::default();
        };
        let named = |names: &[&str]| {
            let values = names.iter().filter_map(|name| found.get(*name));
            values.filter_map(count).next()
        };
        match self.kind {
            Some(TokenKind::Input) => FoundCounts::input(count(found)),
            Some(TokenKind::Output) => FoundCounts::output(count(found)),
            None => FoundCounts {
                input: named(INPUT_NAMES),
                output: named(OUTPUT_NAMES),
            },
        }
    }

    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |value, step| match step {
            PathStep::Key(key) => value.get(key),
            PathStep::Index(index) => {
                let list = value.as_array()?;
                let at = match usize::try_from(*index) {
                    Ok(at) => at,
                    Err(_) => list
                        .len()
                        .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
                };
                list.get(at)
            }
        })
    }
}

/// Returns a whole number of at least 0, which may be a text.
fn count(value: &Value) -> Option<i64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
            (float.abs() < 9e15).then_some(float as i64)
        }),
        _ => None,
    };
    number.filter(|number| *number >= 0)
}

/// Calls `on_value` for each JSON object or list in a text: those that begin at the begin of a line.
pub(super) fn json_values(text: &str, mut on_value: impl FnMut(&Value)) {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let indent = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let start = &rest[indent..];
        if start.starts_with(['{', '[']) {
            let mut values = serde_json::Deserializer::from_str(start).into_iter::<Value>();
            if let Some(Ok(value)) = values.next() {
                on_value(&value);
                at += indent + values.byte_offset();
            }
        }
        // The remainder of the line begins no value.
        at += match text.get(at..).and_then(|rest| rest.find('\n')) {
            Some(line) => line + 1,
            None => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counts(path: &str, value: Value) -> (Option<i64>, Option<i64>) {
        let found = path.parse::<CountPath>().unwrap().counts(&value);
        (found.input, found.output)
    }

    #[test]
    fn paths_find_counts() {
        let usage = json!({"usage": {"prompt_tokens": 5, "completion_tokens": 7}});
        assert_eq!(counts("usage", usage.clone()), (Some(5), Some(7)));
        assert_eq!(counts("$.usage", usage.clone()), (Some(5), Some(7)));
        assert_eq!(
            counts("output=usage.completion_tokens", usage.clone()),
            (None, Some(7))
        );
        assert_eq!(
            counts("input=usage.prompt_tokens", usage.clone()),
            (Some(5), None)
        );
        assert_eq!(counts("", usage["usage"].clone()), (Some(5), Some(7)));
        assert_eq!(counts("output=usage.none", usage), (None, None));
        let list = json!([{"n.out": "12"}, {"n.out": 13.0}]);
        assert_eq!(
            counts("output=[0][\"n.out\"]", list.clone()),
            (None, Some(12))
        );
        assert_eq!(
            counts("output=[-1][\"n.out\"]", list.clone()),
            (None, Some(13))
        );
        assert_eq!(counts("output=[-3]", list), (None, None));
        for odd in [
            json!(-1),
            json!(1.5),
            json!("x"),
            json!(null),
            json!(1e300),
            json!([3]),
        ] {
            assert_eq!(
                counts("output=a", json!({ "a": odd })),
                (None, None),
                "{odd}"
            );
        }
    }

    #[test]
    fn malformed_paths_are_refused() {
        for text in ["a..b", "a.", "[", "[x]", "[\"a]", "output=.", "a[1"] {
            assert!(text.parse::<CountPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_found_between_other_lines() {
        let text = "loading {x}\n{\"a\": 1}\n  [2,\n 3] {\"b\": 0}\n{broken\n{\n \"c\":\n4}\nend {\"d\":5}";
        let mut found = Vec::new();
        json_values(text, |value| found.push(value.to_string()));
        assert_eq!(found, ["{\"a\":1}", "[2,3]", "{\"c\":4}"]);
        json_values("", |_| panic!("no value"));
        json_values("é\n{", |_| panic!("no value"));
    }
}
