//! Times of tokens, without energies.

use energy_store::span_ids;

use super::tokens::text_and_number;
use super::{Recording, Run, rails};
use crate::error::Result;

/// Time of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTime {
    /// Its number, if its span has it as a key.
    pub token: Option<i64>,
    /// Start, run time.
    pub start_ns: i64,
    /// End; `None` while it is open.
    pub end_ns: Option<i64>,
    /// Id of its span.
    pub span: i64,
}

/// Reads the times of the tokens that [`tokens`](super::tokens) returns, in the same order.
///
/// # Errors
/// If the file cannot be read.
pub fn token_times(recording: &Recording, run: &Run) -> Result<Vec<TokenTime>> {
    let Some(rail) = rails(recording, run, None)?.first().copied() else {
        return Ok(Vec::new());
    };
    // As in `tokens`: spans of nodes with the role token that have a row for the first rail.
    let sql = "SELECT s.token, s.start_ns, s.end_ns, s.id
               FROM span_energy e CROSS JOIN spans s ON s.id = e.span
               WHERE e.span BETWEEN ?1 AND ?2 AND e.attribution = ?3 AND e.rail = ?4
                 AND s.node IN (
                     SELECT n.id FROM nodes n
                     JOIN callsites c ON c.run = n.run AND c.id = n.callsite AND c.role = 'token'
                     WHERE n.run = ?5)
               ORDER BY s.start_ns, s.id";
    let (first, last) = span_ids(run.no);
    let mut statement = recording.connection().prepare_cached(sql)?;
    let times = statement.query_map((first, last, run.attribution, rail, run.no), |r| {
        Ok(TokenTime {
            token: r.get(0)?,
            start_ns: r.get(1)?,
            end_ns: r.get(2)?,
            span: r.get(3)?,
        })
    })?;
    Ok(times.collect::<rusqlite::Result<_>>()?)
}

/// Text of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenText {
    /// Its number, from its span or its fields.
    pub token: Option<i64>,
    /// Its text; `None` if it was not stored.
    pub text: Option<String>,
    /// Start, run time.
    pub start_ns: i64,
}

/// Reads the texts of the tokens in the order of [`token_times`].
///
/// # Errors
/// If the file cannot be read.
pub fn token_texts(recording: &Recording, run: &Run) -> Result<Vec<TokenText>> {
    let mut texts = Vec::new();
    for time in token_times(recording, run)? {
        let (text, number) = text_and_number(recording, time.span)?;
        texts.push(TokenText {
            token: time.token.or(number),
            text,
            start_ns: time.start_ns,
        });
    }
    Ok(texts)
}
