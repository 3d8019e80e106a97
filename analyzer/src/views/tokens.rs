//! Energy of each token, and outliers.

use clap::Args;
use serde_json::{Value, json};

use super::{EnergyStatistics, ViewScope};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, energy};
use crate::options::LIMIT_HELP;
use crate::query::{self, Recording, Run, Token};

/// Number of bars of the histogram, and width of their labels.
const BARS: usize = 10;
const LABEL_WIDTH: usize = 26;

/// Note if the rows include the first token of a sequence.
const FIRST: &str = "Token 0 is computed by prefill (sampling only) and not part of statistics.";

/// Options of the list of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct TokensOptions {
    /// Part of the run.
    #[command(flatten)]
    pub scope: ViewScope,
    /// Only list outliers
    #[arg(long)]
    pub outliers: bool,
    /// Maximum number of rows in a table; 0 for all. CSV and JSON contain all.
    #[arg(long, value_name = "N", help = LIMIT_HELP, default_value_t = Self::default().limit)]
    pub limit: usize,
}

impl Default for TokensOptions {
    fn default() -> Self {
        Self {
            scope: ViewScope::default(),
            outliers: false,
            limit: 40,
        }
    }
}

/// Lists the tokens in order, with outliers and statistics of their energies.
///
/// # Errors
/// If the file cannot be read, the run was not attributed, a name of the scope is
/// unknown, or no span has the role token.
pub fn tokens(recording: &Recording, run: &Run, options: &TokensOptions) -> Result<Answer> {
    let scope = &options.scope;
    let ledger = scope.ledger(recording, run)?;
    let all = query::tokens(recording, run, &ledger, scope.rail.as_deref())?;
    if ledger.nodes.is_empty() {
        return Err(run.without_spans());
    }
    if all.is_empty() {
        let next = "see `energy pipeline`";
        return Err(run.missing("no measured span has the role `token`", next));
    }
    let decoded = all.iter().filter(|token| token.is_decoded());
    let energies: Vec<f64> = decoded.filter_map(|token| token.energy_j).collect();
    let statistics = EnergyStatistics::of(&energies);
    let has_first = all.iter().any(|token| !token.is_decoded());
    let unknown = all.iter().filter(|token| token.reason.is_some()).count();
    let of = |token: Token| row(&token, statistics.as_ref());
    let wanted = all.into_iter().filter(|token| scope.wants(token.basis));
    let mut rows: Vec<Value> = wanted.map(of).collect();
    if options.outliers {
        rows.retain(|row| !row["outlier"].is_null());
    }
    let limit = match options.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let what = format!("tokens{}", scope.text());
    let found = rows.len();
    let few = (found > limit).then(|| rows.iter().take(limit).cloned().collect());
    let all = Sheet::of_values("tokens", "", columns(), rows);
    let sheets = match few {
        Some(few) => {
            let display = Sheet::of_values("tokens", "", columns(), few).display_only();
            vec![display, all.data_only()]
        }
        None => vec![all],
    };
    let mut answer = query::run_answer("tokens", &what, recording, run)?.with(
        "statistics",
        json!(statistics.as_ref().map(EnergyStatistics::value)),
    );
    for sheet in sheets {
        answer = answer.sheet(sheet);
    }
    if found > limit {
        answer = answer.note(format!("{limit} of {found} tokens: see --limit."));
    }
    if unknown > 0 {
        answer = answer.note(format!(
            "The energy of {} is unknown: samples cover less than {} of their time.",
            crate::format::counted(unknown, "token"),
            crate::format::percent(Some(query::KNOWN_FROM))
        ));
    }
    if let Some(statistics) = statistics {
        answer = answer
            .chart(|width| histogram(&energies, width))
            .note(statistics.text());
    }
    if has_first {
        answer = answer.note(FIRST);
    }
    Ok(answer.note("Energies are those of all rails during the token, idle power included."))
}

fn columns() -> Vec<Column> {
    vec![
        Column::count("token", "token"),
        Column::text("text", "text"),
        Column::energy("energy_j", "energy"),
        Column::interval("lo_j", "hi_j", "90 %").from_width(90),
        Column::energy("active_j", "active"),
        Column::power("avg_w", "power"),
        Column::time("duration_ns", "time"),
        Column::text("phase", "phase").from_width(100),
        Column::text("outlier", "outlier"),
        Column::text("note", "note"),
        Column::data("start_ns"),
        Column::data("idle_j"),
        Column::data("peak_w"),
        Column::data("energy_delay_js"),
        Column::data("basis"),
        Column::data("extrapolated_j"),
        Column::data("coverage"),
        Column::data("reason"),
    ]
}

fn row(token: &Token, statistics: Option<&EnergyStatistics>) -> Value {
    let mut row = json!(token);
    let sample = token.energy_j.filter(|_| token.is_decoded());
    row["outlier"] = json!(statistics.zip(sample).and_then(|(s, j)| s.outlier(j)));
    row
}

/// Draws a histogram with bins of equal width.
fn histogram(energies: &[f64], width: usize) -> String {
    let longest = width.saturating_sub(LABEL_WIDTH);
    let least = energies.iter().copied().fold(f64::INFINITY, f64::min);
    let highest_j = energies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let step = (highest_j - least) / BARS as f64;
    let mut counts = [0_usize; BARS];
    for joules in energies {
        let at = if step > 0.0 {
            ((joules - least) / step) as usize
        } else {
            0
        };
        counts[at.min(BARS - 1)] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or(0).max(1);
    let used = if step > 0.0 { BARS } else { 1 };
    let lines = counts.iter().take(used).enumerate().map(|(at, count)| {
        let from = energy(Some(least + step * at as f64));
        let bar = "#".repeat((count * longest).div_ceil(highest));
        format!("  from {from:>9} {count:>6} {bar}")
            .trim_end()
            .to_owned()
    });
    format!(
        "Distribution of token energies\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_tokens_are_one_bar() {
        assert_eq!(histogram(&[2.0, 2.0], 80).lines().count(), 2);
    }

    #[test]
    fn bars_count_every_token() {
        let energies: Vec<f64> = (0..101).map(f64::from).collect();
        let text = histogram(&energies, 80);
        let counts = text.lines().skip(1).map(|line| {
            line.split_whitespace()
                .nth(3)
                .unwrap()
                .parse::<usize>()
                .unwrap()
        });
        assert_eq!(counts.sum::<usize>(), 101, "{text}");
    }
}
