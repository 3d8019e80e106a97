//! The body of an answer: a stream of events, or the text of an error.

use serde_json::Value;

use super::answer;
use super::sse::SseParser;

/// Most bytes of the body of an error that are read.
const LARGEST_ERROR: usize = 64 << 10;

/// The body of an answer: a stream of events, or the text of an error.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Status and media type of an answer that is no stream.
    other: Option<(u16, String)>,
    text: Vec<u8>,
    events: SseParser,
}

impl Body {
    /// Begins the body of an answer with this head.
    pub(super) fn begin(&mut self, status: u16, media_type: String) {
        let is_stream = status == 200 && !media_type.starts_with("application/json");
        self.other = (!is_stream).then_some((status, media_type));
    }

    /// Adds bytes and returns the data of events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut events = Vec::new();
        if self.other.is_some() {
            let free = LARGEST_ERROR.saturating_sub(self.text.len());
            self.text.extend_from_slice(&bytes[..bytes.len().min(free)]);
            return Ok(events);
        }
        let pushed = self.events.push(bytes, |event| events.push(event));
        pushed.map_err(|error| error.to_string())?;
        Ok(events)
    }

    /// Returns the data of a last event, or describes an answer that is no stream.
    pub(super) fn finish(self) -> Result<Vec<String>, String> {
        let mut events = Vec::new();
        let Some((status, _)) = self.other else {
            self.events.finish(|event| events.push(event));
            return Ok(events);
        };
        let text = String::from_utf8_lossy(&self.text);
        let value: Option<Value> = serde_json::from_str(&text).ok();
        let message = value.as_ref().and_then(answer::error_message);
        Err(match (status, message) {
            (_, Some(message)) => format!("the server refuses the request ({status}): {message}"),
            (200, None) => {
                "the answer is not a stream, so the time of its tokens is unknown; use a \
                 server that supports `stream`, or another --api"
                    .to_owned()
            }
            (404, None) => {
                "the server has no such interface (404); choose another --api".to_owned()
            }
            (300..400, None) => format!(
                "the server redirects the request ({status}), which is not followed; give the final \
                 address with --endpoint"
            ),
            (status, None) => {
                let text = answer::short(&text);
                format!("the server refuses the request ({status}): {text}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, media_type: &str, text: &str) -> String {
        let mut body = Body::default();
        body.begin(status, media_type.to_owned());
        assert_eq!(body.push(text.as_bytes()), Ok(Vec::new()));
        body.finish().unwrap_err()
    }

    #[test]
    fn answers_that_are_no_stream_are_described() {
        let json = "application/json; charset=utf-8";
        let error = refused(400, json, r#"{"error":{"message":"too long"}}"#);
        assert!(error.contains("(400): too long"), "{error}");
        assert!(refused(200, json, r#"{"choices":[]}"#).contains("not a stream"));
        assert!(refused(404, "text/html", "<h1>").contains("another --api"));
        assert!(refused(500, "text/plain", "oops").contains("(500): oops"));
        let long = "x".repeat(LARGEST_ERROR * 2);
        assert!(refused(500, "text/plain", &long).len() < 1000);
    }

    #[test]
    fn streams_are_split_into_events() {
        let mut body = Body::default();
        body.begin(200, "text/event-stream".to_owned());
        assert_eq!(body.push(b"data: a\n\nda"), Ok(vec!["a".to_owned()]));
        assert_eq!(body.push(b"ta: b"), Ok(Vec::new()));
        assert_eq!(body.finish(), Ok(vec!["b".to_owned()]));
    }
}
