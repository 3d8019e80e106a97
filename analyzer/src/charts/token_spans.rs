//! Times of tokens in order.

use crate::error::Result;
use crate::query::{self, Recording, Run};

/// Time of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSpan {
    /// Number as recorded.
    pub number: Option<i64>,
    /// Start, run time.
    pub start_ns: i64,
    /// End; the highest number while it is open.
    pub end_ns: i64,
}

impl TokenSpan {
    /// Returns the time from the first start to the last end; `None` without tokens.
    pub fn range(tokens: &[Self]) -> Option<(i64, i64)> {
        let start_ns = tokens.first()?.start_ns;
        let end_ns = tokens.iter().map(|token| token.end_ns).max()?;
        Some((start_ns, end_ns))
    }
}

/// Reads the times of tokens in order, as [`query::tokens`] lists them. An open one has
/// no end.
///
/// # Errors
/// If the file cannot be read, or the run has no tokens or is not attributed.
pub fn token_spans(recording: &Recording, run: &Run) -> Result<Vec<TokenSpan>> {
    if run.attribution.is_none() {
        return Err(run.not_attributed());
    }
    let times = query::token_times(recording, run)?;
    if times.is_empty() {
        let next = "see `energy pipeline`";
        return Err(run.missing("no measured span has the role `token`", next));
    }
    let span = |time: query::TokenTime| TokenSpan {
        number: time.token,
        start_ns: time.start_ns,
        end_ns: time.end_ns.unwrap_or(i64::MAX),
    };
    Ok(times.into_iter().map(span).collect())
}
