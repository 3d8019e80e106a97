//! A streamed answer: its parts as JSON, and what they add up to.
//!
//! Three forms are understood. `choices` is OpenAI's form of completions and chats; `content` at the
//! top level is that of llama.cpp's `/completion`.

use serde_json::{Map, Value};

/// Data of the event that ends an OpenAI-compatible stream.
const DONE: &str = "[DONE]";
/// Most characters of a server's message that are reported.
const LONGEST_MESSAGE: usize = 300;

/// One event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum StreamItem {
    /// A part of the answer.
    Part(AnswerPart),
    /// The end of the stream.
    Done,
}

/// A part of the answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct AnswerPart {
    /// Text; empty in parts that only report something.
    pub(super) text: String,
    /// Number of tokens in it, if the server states it.
    pub(super) tokens: Option<usize>,
    /// Reason for the end of the answer: `stop`, `length`, ...
    pub(super) finish: Option<String>,
    /// Counts of the server.
    pub(super) usage: ServerCounts,
    /// Times that the server measured, as llama.cpp states them.
    pub(super) timings: Option<Map<String, Value>>,
    /// Name of the model.
    pub(super) model: Option<String>,
    /// Version of the server, if it states one.
    pub(super) fingerprint: Option<String>,
}

/// Numbers of tokens that a server counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ServerCounts {
    /// Tokens of the prompt.
    pub(super) input: Option<u64>,
    /// Generated tokens.
    pub(super) output: Option<u64>,
    /// Tokens of the prompt that were in the server's cache, so that it did not process them.
    pub(super) cached: Option<u64>,
}

/// Parses the data of an event.
///
/// # Errors
/// Describes the problem: an error that the server reports, or data of another form.
pub(super) fn parse(data: &str) -> Result<StreamItem, String> {
    if data.trim() == DONE {
        return Ok(StreamItem::Done);
    }
    let value: Value = serde_json::from_str(data)
        .map_err(|error| format!("an event is not JSON ({error}): {}", short(data)))?;
    if let Some(message) = error_message(&value) {
        return Err(format!("the server reports an error: {message}"));
    }
    match (value.get("choices"), value.get("content")) {
        (Some(Value::Array(choices)), _) => Ok(StreamItem::Part(of_choices(&value, choices))),
        (None, Some(Value::String(text))) => Ok(StreamItem::Part(of_content(&value, text))),
        _ => Err(format!(
            "an event has neither `choices` nor `content`: {}",
            short(data)
        )),
    }
}

/// Returns the message of an error in one of the usual forms.
pub(super) fn error_message(value: &Value) -> Option<String> {
    let error = match value.get("error") {
        Some(Value::Null) | None if value["object"] == "error" => value,
        Some(Value::Null) | None => return None,
        Some(error) => error,
    };
    let message = error["message"].as_str().or_else(|| error.as_str());
    Some(short(
        message
            .map_or_else(|| error.to_string(), str::to_owned)
            .as_str(),
    ))
}

/// Shortens text of a server for a message.
pub(super) fn short(text: &str) -> String {
    crate::format::escape(&crate::format::shorten(text.trim(), LONGEST_MESSAGE))
}

fn text_of(value: &Value) -> Option<String> {
    Some(value.as_str()?.to_owned()).filter(|text| !text.is_empty())
}

fn common(value: &Value) -> AnswerPart {
    AnswerPart {
        timings: value["timings"].as_object().cloned(),
        model: text_of(&value["model"]),
        fingerprint: text_of(&value["system_fingerprint"]),
        ..AnswerPart::default()
    }
}

fn of_choices(value: &Value, choices: &[Value]) -> AnswerPart {
    let usage = &value["usage"];
    let mut part = AnswerPart {
        usage: ServerCounts {
            input: usage["prompt_tokens"].as_u64(),
            output: usage["completion_tokens"].as_u64(),
            cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64(),
        },
        ..common(value)
    };
    // One answer is requested, so there is at most one choice.
    if let Some(choice) = choices.first() {
        let delta = &choice["delta"];
        let texts = [
            &choice["text"],
            &delta["reasoning_content"],
            &delta["reasoning"],
            &delta["content"],
        ];
        part.text = texts.into_iter().filter_map(Value::as_str).collect();
        part.finish = text_of(&choice["finish_reason"]);
    }
    part
}

fn of_content(value: &Value, text: &str) -> AnswerPart {
    let mut part = AnswerPart {
        text: text.to_owned(),
        tokens: value["tokens"].as_array().map(Vec::len),
        ..common(value)
    };
    if value["stop"] == true {
        // Parts before the last have counts so far.
        part.usage = ServerCounts {
            input: value["tokens_evaluated"].as_u64(),
            output: value["tokens_predicted"].as_u64(),
            cached: None,
        };
        part.finish = Some(match value["stop_type"].as_str() {
            Some("eos") => "stop".to_owned(),
            Some("limit") => "length".to_owned(),
            Some(other) => other.to_owned(),
            None => "unknown".to_owned(),
        });
    }
    part
}

/// An answer, as far as it was received.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ServerAnswer {
    /// The text.
    pub(super) text: String,
    /// Tokens counted from the stream: one for each part with text, or the number that the part
    /// states, and the end token.
    pub(super) streamed: usize,
    /// Reason for its end; `None` until it has ended.
    pub(super) finish: Option<String>,
    /// Whether the stream was ended in order.
    pub(super) is_done: bool,
    /// Counts of the server.
    pub(super) usage: ServerCounts,
    /// Times that the server measured.
    pub(super) timings: Option<Map<String, Value>>,
    /// Name of the model.
    pub(super) model: Option<String>,
    /// Version of the server.
    pub(super) fingerprint: Option<String>,
}

impl ServerAnswer {
    /// Adds a part of an answer of at most `limit` tokens, and returns the number of tokens in it.
    pub(super) fn add(&mut self, part: AnswerPart, limit: usize) -> usize {
        let ends = part.finish.is_some() && self.finish.is_none();
        let stated = part
            .tokens
            .filter(|count| *count > 0 || part.text.is_empty());
        let mut tokens = stated.unwrap_or(usize::from(!part.text.is_empty()));
        // The token that ends an answer has no text.
        let is_end_token = ends && tokens == 0 && part.finish.as_deref() == Some("stop");
        if is_end_token && self.streamed < limit {
            tokens = 1;
        }
        self.streamed += tokens;
        self.text += &part.text;
        let counts = &mut self.usage;
        counts.input = part.usage.input.or(counts.input);
        counts.output = part.usage.output.or(counts.output);
        counts.cached = part.usage.cached.or(counts.cached);
        self.finish = self.finish.take().or(part.finish);
        self.timings = part.timings.or(self.timings.take());
        self.model = self.model.take().or(part.model);
        self.fingerprint = self.fingerprint.take().or(part.fingerprint);
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(events: &[&str], limit: usize) -> ServerAnswer {
        let mut answer = ServerAnswer::default();
        for event in events {
            match parse(event).unwrap() {
                StreamItem::Part(part) => {
                    answer.add(part, limit);
                }
                StreamItem::Done => answer.is_done = true,
            }
        }
        answer
    }

    #[test]
    fn completions_with_usage_are_read() {
        let answer = added(
            &[
                r#"{"choices":[{"text":" Paris","finish_reason":null}],"model":"m"}"#,
                r#"{"choices":[{"text":".","finish_reason":null}],"system_fingerprint":"b7"}"#,
                r#"{"choices":[{"text":"","finish_reason":"length"}],"usage":{"completion_tokens":2,
                    "prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":3}},
                    "timings":{"predicted_n":2}}"#,
                "[DONE]",
            ],
            2,
        );
        assert_eq!((answer.text.as_str(), answer.streamed), (" Paris.", 2));
        assert_eq!(answer.finish.as_deref(), Some("length"));
        let counts = ServerCounts {
            input: Some(5),
            output: Some(2),
            cached: Some(3),
        };
        assert_eq!(answer.usage, counts);
        assert_eq!(answer.model.as_deref(), Some("m"));
        assert_eq!(answer.fingerprint.as_deref(), Some("b7"));
        assert!(answer.is_done && answer.timings.is_some());
    }

    #[test]
    fn the_role_is_no_token_and_the_end_is_one() {
        let answer = added(
            &[
                r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#,
                r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
                r#"{"choices":[{"delta":{"content":"Hi"}}]}"#,
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                r#"{"choices":[],"usage":{"completion_tokens":3,"prompt_tokens":9}}"#,
            ],
            9,
        );
        assert_eq!((answer.text.as_str(), answer.streamed), ("hmHi", 3));
        assert_eq!(answer.usage.output, Some(3));
        let capped = [
            r#"{"choices":[{"text":"a"}]}"#,
            r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#,
        ];
        assert_eq!(added(&capped, 1).streamed, 1);
        assert_eq!(added(&capped, 2).streamed, 2);
    }

    #[test]
    fn parts_of_llama_cpp_state_their_tokens() {
        let answer = added(
            &[
                r#"{"content":"é","tokens":[1,2],"stop":false,"tokens_predicted":2}"#,
                r#"{"content":"!","tokens":[3],"stop":false,"tokens_predicted":3}"#,
                r#"{"content":"","tokens":[],"stop":true,"stop_type":"eos","tokens_predicted":4,
                    "tokens_evaluated":7}"#,
            ],
            9,
        );
        assert_eq!((answer.text.as_str(), answer.streamed), ("é!", 4));
        assert_eq!(answer.usage.output, Some(4));
        assert_eq!(answer.usage.input, Some(7));
        assert_eq!(answer.finish.as_deref(), Some("stop"));
        // Some servers leave the list empty although there is text.
        let empty = [r#"{"content":"a","tokens":[],"stop":false}"#];
        assert_eq!(added(&empty, 9).streamed, 1);
    }

    #[test]
    fn errors_and_other_forms_are_described() {
        let cases = [
            (r#"{"error":{"message":"too long"}}"#, "error: too long"),
            (r#"{"error":"too long"}"#, "error: too long"),
            (r#"{"object":"error","message":"no"}"#, "error: no"),
            (r#"{"error":{"code":5}}"#, r#"{"code":5}"#),
            ("{", "not JSON"),
            ("[]", "neither"),
            (r#"{"choices":5}"#, "neither"),
        ];
        for (event, expected) in cases {
            let message = parse(event).unwrap_err();
            assert!(message.contains(expected), "{event}: {message}");
        }
        let null = r#"{"error":null,"choices":[]}"#;
        assert!(parse(null).is_ok());
    }
}
