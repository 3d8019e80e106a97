//! Limits of the values in a request.

use std::time::Duration;

use crate::run::options::parse_batch;
use crate::run::{RunOptions, SpanDepth};
use crate::serve::problem::Problem;

/// Longest name, experiment or tag in bytes.
const LONGEST_LABEL: usize = 1000;
/// Largest number of tags.
const MOST_TAGS: usize = 100;
/// Largest number of stop texts, and of variables of the chat template.
const MOST_TEXTS: usize = 16;
/// Longest system turn, stop text, or value of a variable in bytes.
const LONGEST_TEXT: usize = 100_000;
/// Largest number of tokens.
const MOST_TOKENS: usize = 1_000_000;

/// Checks values that would fail in the process of the run.
pub(super) fn check(options: &RunOptions) -> Result<(), Problem> {
    let recording = &options.recording;
    let is_between = |value: f32, least: f32| (least..=100.0).contains(&value);
    let rules = [
        (!options.prompt.trim().is_empty(), "prompt: it is blank"),
        (
            (1..=MOST_TOKENS).contains(&options.max_tokens),
            "max_tokens: it is not within 1 and 1000000",
        ),
        (
            is_between(options.temperature, 0.0),
            "temperature: it is not within 0 and 100",
        ),
        (options.top_k != Some(0), "top_k: it is 0; omit it for all"),
        (
            options.top_p.is_none_or(|p| p > 0.0 && p <= 1.0),
            "top_p: it is not within 0 (exclusive) and 1",
        ),
        (
            options.min_p.is_none_or(|p| (0.0..=1.0).contains(&p)),
            "min_p: it is not within 0 and 1",
        ),
        (
            !options.raw || (options.system.is_none() && options.chat.is_empty()),
            "system and chat: they are of the chat template, which raw omits",
        ),
        (
            is_between(options.repeat_penalty, 1.0),
            "repeat_penalty: it is not within 1 and 100",
        ),
        (
            !options.stats.is_enabled() || options.depth >= SpanDepth::Module,
            "stats: they need depth module or deep",
        ),
        (
            recording.tags.len() <= MOST_TAGS,
            "tags: there are more than 100",
        ),
    ];
    require(&rules)?;
    let labels = [
        ("name", &recording.name),
        ("experiment", &recording.experiment),
    ];
    let labels = labels
        .into_iter()
        .filter_map(|(key, label)| Some((key, label.as_ref()?)));
    let tags = recording.tags.iter().flat_map(|(key, value)| {
        let value = Some(("tags", value)).filter(|(_, value)| !value.is_empty());
        [Some(("tags", key)), value].into_iter().flatten()
    });
    labels
        .chain(tags)
        .try_for_each(|(key, label)| check_label(key, label))?;
    check_texts(options)
}

/// Checks texts that become arguments of the process and part of the prompt.
fn check_texts(options: &RunOptions) -> Result<(), Problem> {
    let is_text = |text: &str| text.len() <= LONGEST_TEXT && !text.contains('\0');
    let is_key = |key: &str| is_text(key) && !key.trim().is_empty() && !key.contains('=');
    let mut stop = options.stop.iter();
    let mut chat = options.chat.iter();
    let rules = [
        (
            options.system.as_deref().is_none_or(is_text),
            "system: it is longer than 100000 bytes or contains a NUL character",
        ),
        (
            options.stop.len() <= MOST_TEXTS && stop.all(|text| !text.is_empty() && is_text(text)),
            "stop: there are more than 16 texts, or one is empty, longer than 100000 bytes or \
             contains a NUL character",
        ),
        (
            options.chat.len() <= MOST_TEXTS
                && chat.all(|(key, value)| is_key(key) && is_text(value)),
            "chat: there are more than 16 variables, or a name is blank or contains `=`, or a \
             value is longer than 100000 bytes or contains a NUL character",
        ),
    ];
    require(&rules)
}

/// Refuses values that break a rule. The text of a rule is the problem.
fn require(rules: &[(bool, &str)]) -> Result<(), Problem> {
    match rules.iter().find(|(is_met, _)| !is_met) {
        Some((_, text)) => Err(Problem::invalid(*text)),
        None => Ok(()),
    }
}

/// Checks a text that becomes an argument of the process.
fn check_label(key: &str, label: &str) -> Result<(), Problem> {
    let what = match label {
        _ if label.trim().is_empty() => "it is blank".to_owned(),
        _ if label.len() > LONGEST_LABEL => format!("it is longer than {LONGEST_LABEL} bytes"),
        _ if label.contains('\0') => "it contains a NUL character".to_owned(),
        _ => return Ok(()),
    };
    Err(Problem::invalid(format!("{key}: {what}")))
}

/// Returns the number of sequences at once.
pub(super) fn batch_size(batch: Option<u64>) -> Result<usize, Problem> {
    let parsed = batch.map(|batch| parse_batch(&batch.to_string()));
    let parsed = parsed.transpose();
    let parsed = parsed.map_err(|text| Problem::invalid(format!("batch: {text}")))?;
    Ok(parsed.unwrap_or(1))
}

/// Returns a duration of `least` to 60,000 ms.
pub(super) fn within(key: &str, ms: u64, least: u64) -> Result<Duration, Problem> {
    match (least..=60_000).contains(&ms) {
        true => Ok(Duration::from_millis(ms)),
        false => Err(Problem::invalid(format!(
            "{key}: {ms} is not within {least} and 60000"
        ))),
    }
}
