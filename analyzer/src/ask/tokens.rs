//! What did each token cost, and which ones stand out?

use serde_json::{Value, json};

use super::{Scope, Spread};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, energy};
use crate::query::{self, Recording, Run, Token};

/// Rows that people see unless they ask for more.
const SHOWN: usize = 40;
/// Bars of the histogram, and the columns that are no bar's.
const BARS: usize = 10;
const BESIDE_BARS: usize = 26;

/// Said where the first token of a sequence is among the rows.
const FIRST: &str = "Token 0 comes out of prefill (sampling only): it is in no statistics.";

/// What to list of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokensOptions {
    /// The part of the run.
    pub scope: Scope,
    /// Only those that stand out.
    pub outliers: bool,
    /// Rows that people see; none: 40, 0: all. Programs get all.
    pub limit: Option<usize>,
}

/// All tokens in order, how their energies are spread, and outliers.
///
/// # Errors
/// When the file cannot be read, the run was not attributed, a name of the scope is
/// unknown, or no span has the role token.
pub fn tokens(recording: &Recording, run: &Run, options: &TokensOptions) -> Result<Answer> {
    let scope = &options.scope;
    let ledger = scope.ledger(recording, run)?;
    let all = query::tokens(recording, run, &ledger, scope.rail.as_deref())?;
    if all.is_empty() {
        let next = "tokens are spans with the role token: see `energy pipeline`";
        return Err(run.missing("none of its spans is a token that was measured", next));
    }
    let decoded = all.iter().filter(|token| token.is_decoded());
    let energies: Vec<f64> = decoded.filter_map(|token| token.energy_j).collect();
    let spread = Spread::of(&energies);
    let has_first = all.iter().any(|token| !token.is_decoded());
    let unknown = all.iter().filter(|token| token.reason.is_some()).count();
    let of = |token: Token| row(&token, spread.as_ref());
    let mut rows: Vec<Value> = all.into_iter().map(of).collect();
    rows.retain(|row| scope.wants(row["basis"].as_str()));
    if options.outliers {
        rows.retain(|row| !row["outlier"].is_null());
    }
    let limit = match options.limit.unwrap_or(SHOWN) {
        0 => usize::MAX,
        limit => limit,
    };
    let what = format!("tokens{}", scope.words());
    let (found, few) = (rows.len(), rows.iter().take(limit).cloned().collect());
    let people = Sheet::of_values("tokens", "", columns(), few).for_people();
    let programs = Sheet::of_values("tokens", "", columns(), rows).for_programs();
    let mut answer = Answer::of_run("tokens", &what, recording, run)?
        .with("statistics", json!(spread.as_ref().map(Spread::value)))
        .sheet(people)
        .sheet(programs);
    if found > limit {
        answer = answer.note(format!("{limit} of {found} tokens: see --limit."));
    }
    if unknown > 0 {
        answer = answer.note(format!(
            "The energy of {} is not known: samples cover less than {} of their time.",
            crate::format::counted(unknown, "token"),
            crate::format::percent(Some(query::KNOWN_FROM))
        ));
    }
    if let Some(spread) = spread {
        answer = answer
            .chart(|width| histogram(&energies, width))
            .note(spread.words());
    }
    if has_first {
        answer = answer.note(FIRST);
    }
    Ok(answer.note("Energies are all that was used in a token's time, idle power included."))
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
        Column::text("outlier", "stands out"),
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

fn row(token: &Token, spread: Option<&Spread>) -> Value {
    let mut row = json!(token);
    let sample = token.energy_j.filter(|_| token.is_decoded());
    row["outlier"] = json!(spread.zip(sample).and_then(|(s, j)| s.outlier(j)));
    row
}

/// Bars of equal width in energy, with their counts.
fn histogram(energies: &[f64], width: usize) -> String {
    let longest = width.saturating_sub(BESIDE_BARS);
    let least = energies.iter().copied().fold(f64::INFINITY, f64::min);
    let most = energies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let step = (most - least) / BARS as f64;
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
        "Energies of tokens\n{}",
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
