//! Conditions on runs, as SQL.

use clap::Args;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};

use super::run_filter_values::{
    NumberRange, parse_range, parse_since, parse_tag_filter, parse_until,
};
use crate::error::Result;

/// Tag shared by the repeats of one experiment.
pub(super) const GROUP: &str = "group";

/// Conditions that a run must meet; the default keeps all runs.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct RunFilter {
    /// Only runs with this text in the model's name, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub model: Option<String>,
    /// Only runs with this text in the engine's name, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub engine: Option<String>,
    /// Only runs with this tag, and value if given (repeatable; all must match)
    #[arg(long = "tag", value_name = "KEY[=VALUE]", value_parser = parse_tag_filter)]
    pub tags: Vec<(String, Option<String>)>,
    /// Only runs of this experiment
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Only runs of this group of repeats
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Only runs with this status
    #[arg(long, value_name = "STATUS",
          value_parser = ["running", "complete", "cancelled", "crashed"])]
    pub status: Option<String>,
    /// Only runs started at this time or later: 2026-11-01, 2026-11-01T12:30, or an age: 7d, 12h
    #[arg(long = "since", value_name = "DATE|AGE", value_parser = parse_since)]
    pub since_ns: Option<i64>,
    /// Only runs started at this time or earlier
    #[arg(long = "until", value_name = "DATE|AGE", value_parser = parse_until)]
    pub until_ns: Option<i64>,
    /// Only runs with this text in the prompt, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// Only runs in this range of joules per token, ends included: 0.5..2, 0.5.., ..2
    #[arg(long, value_name = "LOW..HIGH", value_parser = parse_range,
          allow_hyphen_values = true)]
    pub j_per_token: Option<NumberRange>,
}

/// SQL expression of the start of run `r`: null if it is no integer.
pub(super) const START: &str =
    "CASE WHEN typeof(r.start_unix_ns) = 'integer' THEN r.start_unix_ns END";

/// SQL expression of the duration of run `r`: null if it is unknown or impossible.
pub(super) const DURATION: &str =
    "CASE WHEN typeof(r.end_ns) = 'integer' AND r.end_ns >= 0 THEN r.end_ns END";

/// An SQL condition on the row `r` of `runs`, with the values of its parameters.
#[derive(Debug, Default)]
pub(super) struct SqlCondition {
    terms: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl SqlCondition {
    /// Adds a condition in which each `?` is the next one of `values`.
    fn add(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.terms.push(format!("({sql})"));
        self.values.extend(values);
    }

    fn add_text(&mut self, sql: &str, text: Option<&String>) {
        if let Some(text) = text {
            self.add(sql, [Value::Text(text.clone())]);
        }
    }

    /// Returns whether it is true for all runs.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns the SQL; true without conditions.
    pub(super) fn sql(&self) -> String {
        match self.terms.is_empty() {
            true => "TRUE".to_owned(),
            false => self.terms.join(" AND "),
        }
    }
}

impl RunFilter {
    /// Returns all conditions but that on the energy per token, which no column holds. Runs
    /// of the numbers `crashed` have that status, whatever their row contains.
    pub(super) fn condition(&self, crashed: &[i64]) -> SqlCondition {
        let mut all = SqlCondition::default();
        all.add_text("contains_text(r.model, ?)", self.model.as_ref());
        all.add_text("contains_text(r.engine, ?)", self.engine.as_ref());
        all.add_text("r.experiment = ?", self.experiment.as_ref());
        let status = format!("{} = ?", status(crashed));
        all.add_text(&status, self.status.as_ref());
        all.add_text(
            "r.prompt IS NOT NULL AND contains_text(r.prompt, ?)",
            self.prompt.as_ref(),
        );
        if let Some(since_ns) = self.since_ns {
            all.add(&format!("{START} >= ?"), [Value::Integer(since_ns)]);
        }
        if let Some(until_ns) = self.until_ns {
            all.add(&format!("{START} <= ?"), [Value::Integer(until_ns)]);
        }
        let group = self.group.iter();
        let group = group.map(|name| (GROUP.to_owned(), Some(name.clone())));
        for (key, value) in self.tags.iter().cloned().chain(group) {
            let tag = "SELECT 1 FROM run_tags t WHERE t.run = r.no AND t.key = ?";
            match value {
                None => all.add(&format!("EXISTS ({tag})"), [Value::Text(key)]),
                Some(value) => all.add(
                    &format!("EXISTS ({tag} AND t.value = ?)"),
                    [Value::Text(key), Value::Text(value)],
                ),
            }
        }
        all
    }
}

/// Returns the SQL expression of a run's status.
pub(super) fn status(crashed: &[i64]) -> String {
    match crashed {
        [] => "r.status".to_owned(),
        _ => format!(
            "CASE WHEN r.no IN ({}) THEN 'crashed' ELSE r.status END",
            numbers(crashed)
        ),
    }
}

/// Returns numbers as a list in SQL.
pub(super) fn numbers(all: &[i64]) -> String {
    let all: Vec<String> = all.iter().map(i64::to_string).collect();
    all.join(",")
}

/// Adds the SQL function `contains_text(text, part)` to the connection: whether a text contains
/// a part, ignoring case. NULL is the empty text. SQLite itself folds the case of ASCII only.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("contains_text", 2, flags, |context| {
        let lowercase = |at: usize| match context.get_raw(at) {
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                String::from_utf8_lossy(text).to_lowercase()
            }
            _ => String::new(),
        };
        Ok(lowercase(0).contains(&lowercase(1)))
    })?;
    Ok(())
}
