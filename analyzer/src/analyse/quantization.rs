//! Energy per token by the number format of the weights, next to the quality of answers.

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::finding::{Finding, FindingRow};
use super::levels::best_levels;
use super::series::{SeriesFactor, series};
use super::series_name::precision_name;
use super::words::relative;
use crate::format::{number, percent};

/// How much energy does quantization save, and what does it cost in quality?
pub(super) const QUANTIZATION: Analysis = Analysis {
    name: "quantization",
    question: "How much energy does quantization save, and what does it cost in quality?",
    varied: "number formats of one model",
    remedy: "energy sweep --requantize f32,q8_0,none --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        let all = series(configurations, &FACTOR);
        let mut result: AnalysisResult = best_levels(&all, per, "precision");
        for finding in &mut result.findings {
            add_quality(finding);
        }
        result
    },
};

const FACTOR: SeriesFactor = SeriesFactor {
    clear: |key| {
        key.precision = None;
        key.requantize = None;
    },
    level: |one| {
        let precision = one.key.precision.as_deref()?;
        Some((precision_name(precision), None))
    },
};

/// Adds the saving against the level with the most energy, and the quality: a saving never stands
/// alone.
fn add_quality(finding: &mut Finding) {
    let known = || finding.rows.iter().filter(|row| row.value.is_some());
    let by_energy = |a: &&FindingRow, b: &&FindingRow| a.value.partial_cmp(&b.value);
    let order =
        |a: &&FindingRow, b: &&FindingRow| by_energy(a, b).unwrap_or(std::cmp::Ordering::Equal);
    let (Some(least), Some(most)) = (known().min_by(order), known().max_by(order)) else {
        return;
    };
    if least.level == most.level || finding.reason.is_some() {
        return;
    }
    let ratio = least
        .value
        .zip(most.value)
        .map(|(least, most)| least / most);
    let saving = match (most.is_selected, ratio) {
        // It cannot be distinguished from the best.
        (true, _) | (_, None) => "not shown".to_owned(),
        (false, Some(ratio)) => format!(
            "{} needs {} than {}",
            least.level,
            relative(ratio),
            most.level
        ),
    };
    let qualities = [quality(least), quality(most)].join("; ");
    let saving = format!(" Saving: {saving}. Quality: {qualities}.");
    finding.answer += &saving;
}

fn quality(row: &FindingRow) -> String {
    let level = &row.level;
    match (row.perplexity, row.reference_perplexity, row.top1_agreement) {
        (Some(perplexity), Some(reference), Some(top1)) => format!(
            "{level}: perplexity {} (f32: {}), the most likely token is that of f32 at {}",
            number(Some(perplexity)),
            number(Some(reference)),
            percent(Some(top1)),
        ),
        _ => format!("{level}: unknown, compute it with `energy quality`"),
    }
}
