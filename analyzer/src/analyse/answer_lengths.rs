//! Answers of different lengths within a comparison.

use super::series::FactorSeries;

/// Ratio of lengths up to which energies per token are comparable.
const COMPARABLE: f64 = 1.05;

/// Returns a sentence if the answers of a series' levels differ in length: decode needs more energy
/// per token than prefill, so that J/token depends on it. Empty if they do not, or are unknown.
pub(super) fn different_lengths(series: &FactorSeries<'_>) -> String {
    let runs = series.levels.iter().flat_map(|level| level.runs());
    let length = |tokens: i64, sequences: i64| tokens as f64 / sequences.max(1) as f64;
    let lengths: Vec<f64> = runs
        .filter_map(|run| Some(length(run.output_tokens?, run.sequences?)))
        .filter(|length| *length > 0.0)
        .collect();
    let least = lengths.iter().copied().fold(f64::INFINITY, f64::min);
    let most = lengths.iter().copied().fold(0.0, f64::max);
    match most > least * COMPARABLE {
        false => String::new(),
        true => format!(
            " Answers have different lengths ({least:.0} to {most:.0} tokens), on which J/token \
             depends: repeat with --ignore-eos."
        ),
    }
}
