//! One page of the list of runs: filtered, sorted and cut in SQL. Only the runs of the page are
//! read completely.
//!
//! Energies of runs are computed from their phases, and no column holds them. An order or a
//! filter by them reads the phases of all matching runs, but nothing else of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rusqlite::params_from_iter;

use super::Recording;
use super::bad_values::whole_in;
use super::run_filter::{DURATION, RunFilter, START, SqlCondition, register};
use super::run_values::{ReadRuns, energies, token_phases};
use super::runs::{RunListEntry, crashed, entries};
use super::totals::{TOKENS, Tokens, per, tokens_per_s};
use crate::error::Result;

/// Sort key of runs: largest first, unknown last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Sort {
    /// Start.
    #[default]
    Date,
    /// Duration of the recording.
    Duration,
    /// Energy of the measured work.
    Energy,
    /// Energy per token.
    JPerToken,
    /// Generated tokens per second of decode.
    TokensPerS,
}

/// Order of a list of runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunOrder {
    /// Sort key. Runs with equal keys are ordered newest first.
    pub sort: Sort,
    /// Whether to reverse the order; unknown values stay last.
    pub reverse: bool,
}

/// A part of the list of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// The runs, in the requested order.
    pub runs: Vec<RunListEntry>,
    /// Number of runs that match the filter.
    pub matching: usize,
    /// Number of runs in the file.
    pub all: usize,
}

/// Reads at most `limit` runs that match the filter, after the first `offset` of them.
///
/// # Errors
/// If the file cannot be read.
pub fn run_page(
    recording: &Recording,
    filter: &RunFilter,
    order: RunOrder,
    (offset, limit): (usize, Option<usize>),
) -> Result<RunPage> {
    let crashed = crashed(recording)?;
    register(recording.connection())?;
    let condition = filter.condition(&crashed);
    let all = count(recording)?;
    let mut numbers = match SortKey::of(order.sort, filter) {
        None => sorted_by_columns(recording, &condition, order)?,
        Some(key) => sorted_by_values(recording, &condition, filter, order, key)?,
    };
    let matching = numbers.len();
    numbers.drain(..offset.min(matching));
    numbers.truncate(limit.unwrap_or(matching));
    let only = (numbers.len() < all).then_some(numbers.as_slice());
    let mut runs = entries(recording, only, &crashed)?;
    let places: std::collections::HashMap<i64, usize> =
        numbers.iter().zip(0..).map(|(no, at)| (*no, at)).collect();
    // All runs may be more by now.
    runs.retain(|run| places.contains_key(&run.no));
    runs.sort_by_key(|run| places.get(&run.no).copied());
    Ok(RunPage {
        runs,
        matching,
        all,
    })
}

fn count(recording: &Recording) -> Result<usize> {
    let sql = "SELECT count(*) FROM runs";
    let count: i64 = recording.connection().query_row(sql, [], |r| r.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Returns the numbers of all matching runs, sorted by a column. Their number is that of matching runs:
/// counting them would read all rows again.
fn sorted_by_columns(
    recording: &Recording,
    condition: &SqlCondition,
    order: RunOrder,
) -> Result<Vec<i64>> {
    let newest_first = format!("{START} IS NULL, {START} DESC, r.no DESC");
    let order = match (order.sort, order.reverse) {
        (Sort::Duration, false) => format!("{DURATION} IS NULL, {DURATION} DESC, {newest_first}"),
        (Sort::Duration, true) => format!("{DURATION} IS NULL, {DURATION}, {newest_first}"),
        (_, true) => format!("{START} IS NULL, {START}, r.no"),
        (_, false) => newest_first,
    };
    let sql = format!(
        "SELECT r.no FROM runs r WHERE {} ORDER BY {order}",
        condition.sql()
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let numbers = statement.query_map(params_from_iter(condition.values.iter()), |r| r.get(0))?;
    Ok(numbers.collect::<rusqlite::Result<Vec<i64>>>()?)
}

/// A value that is computed from the phases of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortKey {
    Date,
    Duration,
    Energy,
    JPerToken,
    TokensPerS,
}

impl SortKey {
    fn needs_energy(self) -> bool {
        matches!(self, Self::Energy | Self::JPerToken)
    }

    /// Returns the key of an order, or `None` if columns suffice for order and filter.
    fn of(sort: Sort, filter: &RunFilter) -> Option<Self> {
        match sort {
            Sort::Energy => Some(Self::Energy),
            Sort::JPerToken => Some(Self::JPerToken),
            Sort::TokensPerS => Some(Self::TokensPerS),
            Sort::Date => filter.j_per_token.map(|_| Self::Date),
            Sort::Duration => filter.j_per_token.map(|_| Self::Duration),
        }
    }
}

/// A matching run, without what only its page shows.
struct RunCandidate {
    no: i64,
    start_unix_ns: Option<i64>,
    end_ns: Option<i64>,
    tokens: Tokens,
}

/// Returns the numbers of all matching runs, sorted by a value that is computed from phases.
fn sorted_by_values(
    recording: &Recording,
    condition: &SqlCondition,
    filter: &RunFilter,
    order: RunOrder,
    key: SortKey,
) -> Result<Vec<i64>> {
    let candidates = candidates(recording, condition)?;
    let numbers: Vec<i64> = candidates.iter().map(|run| run.no).collect();
    let runs = ReadRuns {
        numbers: &numbers,
        are_all: condition.is_empty(),
    };
    let energies = match key.needs_energy() || filter.j_per_token.is_some() {
        true => energies(recording, runs)?,
        false => BTreeMap::new(),
    };
    let phases = match key {
        SortKey::TokensPerS => token_phases(recording, runs)?,
        _ => BTreeMap::new(),
    };
    let mut keyed: Vec<(RunCandidate, Option<f64>)> = Vec::with_capacity(candidates.len());
    for run in candidates {
        let energy_j = energies.get(&run.no).copied();
        let j_per_token = per(energy_j, run.tokens.all());
        let is_in_range = filter
            .j_per_token
            .is_none_or(|range| j_per_token.is_some_and(|j| range.contains(j)));
        if !is_in_range {
            continue;
        }
        let value = match key {
            SortKey::Date => run.start_unix_ns.map(|ns| ns as f64),
            SortKey::Duration => run.end_ns.map(|ns| ns as f64),
            SortKey::Energy => energy_j,
            SortKey::JPerToken => j_per_token,
            SortKey::TokensPerS => {
                let phases = phases.get(&run.no).map_or(&[][..], Vec::as_slice);
                tokens_per_s(&run.tokens, phases)
            }
        };
        keyed.push((run, value));
    }
    keyed.sort_by(|a, b| compare(a, b, key, order.reverse));
    Ok(keyed.into_iter().map(|(run, _)| run.no).collect())
}

fn candidates(recording: &Recording, condition: &SqlCondition) -> Result<Vec<RunCandidate>> {
    let sql = format!(
        "SELECT r.no, r.start_unix_ns, r.end_ns, {TOKENS}
         FROM runs r WHERE {}",
        condition.sql()
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let candidate = |r: &rusqlite::Row<'_>| {
        Ok(RunCandidate {
            no: r.get(0)?,
            start_unix_ns: whole_in(r, 1)?,
            end_ns: whole_in(r, 2)?.filter(|ns| *ns >= 0),
            tokens: Tokens::read(r, 3)?,
        })
    };
    let found = statement.query_map(params_from_iter(condition.values.iter()), candidate)?;
    Ok(found.collect::<rusqlite::Result<Vec<RunCandidate>>>()?)
}

/// Compares two runs. Unknown values are last in both directions; equal runs are ordered
/// newest first.
fn compare(
    (a, of_a): &(RunCandidate, Option<f64>),
    (b, of_b): &(RunCandidate, Option<f64>),
    key: SortKey,
    reverse: bool,
) -> Ordering {
    let by_date = || (b.start_unix_ns, b.no).cmp(&(a.start_unix_ns, a.no));
    if key == SortKey::Date {
        let known_first = a.start_unix_ns.is_none().cmp(&b.start_unix_ns.is_none());
        return known_first.then(match reverse {
            true => by_date().reverse(),
            false => by_date(),
        });
    }
    let largest_first = match (of_a, of_b) {
        (Some(a), Some(b)) if reverse => a.total_cmp(b),
        (Some(a), Some(b)) => b.total_cmp(a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    largest_first.then_with(by_date)
}
