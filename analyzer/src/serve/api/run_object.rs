//! A run as a JSON object: the keys of `energy runs` and those that scripts of other profilers
//! expect.

use serde_json::{Value, json};

use super::cut::cut_texts;
use crate::error::Result;
use crate::format::rfc3339;
use crate::query::{self, Recording, RunListEntry, RunTexts};

/// Largest number of characters of a text in a list of runs.
const LISTED_CHARS: i64 = 2000;
/// More characters than a text has.
const ALL_CHARS: i64 = 1 << 40;

/// Keys of a run that scripts of other profilers expect.
pub(super) const RUN_KEYS: &[&str] = &[
    "run_id",
    "timestamp",
    "model_name",
    "prompt",
    "response",
    "experiment_name",
    "tags",
    "profiling_depth",
    "status",
    "total_duration_ms",
    "total_energy_mj",
    "input_tokens",
    "output_tokens",
];

/// Returns the objects of listed runs, with the beginnings of their texts.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn run_objects(recording: &Recording, runs: &[RunListEntry]) -> Result<Vec<Value>> {
    objects(recording, runs, TextLength::Cut)
}

/// Returns the object of one run with its complete texts.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn run_object(recording: &Recording, run: &query::Run) -> Result<Value> {
    let listed = query::listed_run(recording, run)?;
    let objects = objects(recording, &[listed], TextLength::Whole)?;
    Ok(objects.into_iter().next().unwrap_or(Value::Null))
}

/// How long texts may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextLength {
    Cut,
    Whole,
}

fn objects(recording: &Recording, runs: &[RunListEntry], length: TextLength) -> Result<Vec<Value>> {
    let numbers: Vec<i64> = runs.iter().map(|run| run.no).collect();
    let most_chars = match length {
        TextLength::Cut => LISTED_CHARS,
        TextLength::Whole => ALL_CHARS,
    };
    let mut texts = query::run_texts(recording, &numbers, most_chars)?;
    let object = |run: &RunListEntry| {
        let texts = texts.remove(&run.no).unwrap_or_default();
        object(run, texts, length)
    };
    Ok(runs.iter().map(object).collect())
}

fn object(run: &RunListEntry, texts: RunTexts, length: TextLength) -> Value {
    let mut value = json!(run);
    let labels_are_cut = length == TextLength::Cut && cut_texts(&mut value);
    let copy = |key: &str| value.get(key).cloned();
    let more = json!({
        "run_id": copy("id"),
        "timestamp": run.start_unix_ns.map(rfc3339),
        "model_name": copy("model"),
        "prompt": texts.prompt,
        "response": texts.response,
        "texts_are_cut": texts.is_cut || labels_are_cut,
        "experiment_name": copy("experiment"),
        "profiling_depth": texts.depth,
        "total_duration_ms": run.work_ns.map(ms),
        "recorded_duration_ms": run.duration_ns.map(ms),
        "total_energy_mj": run.energy_j.map(mj),
        "tokens_per_second": run.tokens_per_s,
    });
    extend(&mut value, more);
    value
}

/// Adds the members of one object to another.
pub(super) fn extend(value: &mut Value, more: Value) {
    if let (Some(known), Value::Object(more)) = (value.as_object_mut(), more) {
        known.extend(more);
    }
}

/// Converts joules to millijoules, and watts to milliwatts.
pub(super) fn mj(joules: f64) -> f64 {
    joules * 1e3
}

/// Converts nanoseconds to milliseconds.
pub(super) fn ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}
