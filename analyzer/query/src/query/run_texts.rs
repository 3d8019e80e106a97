//! Prompts, responses and depths of runs, which the list of runs does not read.

use std::collections::BTreeMap;

use energy_data::rows::RunMetadata;

use super::bad_values::text_in;
use super::run_filter::numbers;
use super::{Recording, StoredConfig};
use crate::error::Result;

/// Texts of a run, if they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunTexts {
    /// Prompt.
    pub prompt: Option<String>,
    /// Response.
    pub response: Option<String>,
    /// Whether prompt or response is longer than requested.
    pub is_cut: bool,
    /// Depth of spans.
    pub depth: Option<String>,
}

/// Reads the texts of the runs with these numbers, at most `most_chars` characters of each text.
///
/// # Errors
/// If the file cannot be read.
pub fn run_texts(
    recording: &Recording,
    runs: &[i64],
    most_chars: i64,
) -> Result<BTreeMap<i64, RunTexts>> {
    let sql = format!(
        "SELECT no, substr(prompt, 1, ?1), substr(response, 1, ?1), config,
                coalesce(length(prompt) > ?1, FALSE) OR coalesce(length(response) > ?1, FALSE)
         FROM runs WHERE no IN ({})",
        numbers(runs)
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let rows = statement.query_map([most_chars], |r| {
        let metadata = RunMetadata {
            config: text_in(r, 3)?,
            ..RunMetadata::default()
        };
        let texts = RunTexts {
            prompt: text_in(r, 1)?,
            response: text_in(r, 2)?,
            is_cut: r.get(4)?,
            depth: StoredConfig::of(&metadata).depth,
        };
        Ok((r.get(0)?, texts))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
