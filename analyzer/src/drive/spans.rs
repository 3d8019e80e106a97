//! Spans of a request: those of `energy run`, as far as a client sees them.
//!
//! ```text
//! sent          first token   second      last       finish   end of the stream
//!  |-- prefill ------|-- decode ----------------------|            |
//!  |                 ||- token 1 -|- ... -|- token n -|            |
//!  |                 token 0                                       |
//!  |-- inference --------------------------------------------------|
//! ```
//!
//! The prompt's pass computes the first token, so that `token 0` has no length of its own.

use tracing::span::EnteredSpan;

/// Target of the spans.
pub(super) const TARGET: &str = "energy_analyzer::drive";

/// Names and roles of the spans.
pub(super) const ROLES: &[(&str, &str)] = &[
    ("model_loading", "section"),
    ("warm_up", "section"),
    ("inference", "run"),
    ("prefill", "phase"),
    ("decode", "phase"),
    ("token", "token"),
];

/// Receives the tokens of an answer when they arrive.
pub(super) trait TokenSink {
    /// Receives a part of the answer: its text, the number of its tokens, which is not 0, and whether
    /// the answer ends with it.
    fn tokens(&mut self, text: &str, count: usize, is_last: bool);

    /// Receives the end of the answer; the stream goes on to its own end.
    fn finished(&mut self);
}

/// Spans of one request. Dropping it ends them.
#[derive(Debug)]
pub(super) struct RequestSpans {
    /// The token that is awaited.
    token: Option<EnteredSpan>,
    phase: Option<EnteredSpan>,
    inference: EnteredSpan,
    received: usize,
    limit: usize,
}

impl RequestSpans {
    /// Begins the spans of a request for at most `limit` tokens.
    pub(super) fn begin(limit: usize) -> Self {
        let none = tracing::field::Empty;
        let inference = tracing::info_span!(
            target: TARGET,
            "inference",
            input_tokens = none,
            output_tokens = none
        )
        .entered();
        let prefill = tracing::info_span!(target: TARGET, "prefill").entered();
        Self {
            token: None,
            phase: Some(prefill),
            inference,
            received: 0,
            limit,
        }
    }

    /// Records the counts that the server reported.
    pub(super) fn record_counts(&self, input: Option<i64>, output: Option<i64>) {
        if let Some(input) = input {
            self.inference.record("input_tokens", input);
        }
        if let Some(output) = output {
            self.inference.record("output_tokens", output);
        }
    }

    fn begin_token(&self) -> EnteredSpan {
        tracing::info_span!(
            target: TARGET,
            "token",
            token = self.received,
            text = tracing::field::Empty
        )
        .entered()
    }
}

impl TokenSink for RequestSpans {
    fn tokens(&mut self, text: &str, count: usize, is_last: bool) {
        if self.received == 0 {
            self.phase = None;
            self.phase = Some(tracing::info_span!(target: TARGET, "decode").entered());
        }
        let token = self.token.take().unwrap_or_else(|| self.begin_token());
        if !text.is_empty() {
            token.record("text", text);
        }
        drop(token);
        self.received += count;
        // The span of a token begins when the one before has arrived. After the last one there is
        // none to wait for.
        if !is_last && self.received < self.limit {
            self.token = Some(self.begin_token());
        }
    }

    fn finished(&mut self) {
        self.token = None;
        self.phase = None;
    }
}

/// Ignores tokens: those of warm-up requests.
#[derive(Debug)]
pub(super) struct NoSpans;

impl TokenSink for NoSpans {
    fn tokens(&mut self, _text: &str, _count: usize, _is_last: bool) {}

    fn finished(&mut self) {}
}
