//! What an analysis found.

use energy_statistics::{IntervalEstimate, NotEstimable};
use serde::Serialize;

/// How certain a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingVerdict {
    /// The data answer the question.
    Found,
    /// The data leave it open.
    Undecided,
    /// The data show that there is no such effect, or none was found.
    None,
    /// The data cannot answer the question; see the reason.
    #[default]
    NotEstimable,
}

/// A number with its interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NamedEstimate {
    /// Name.
    pub name: String,
    /// The estimate.
    pub value: f64,
    /// Lower end; `None` if unbounded or unknown.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// Confidence of the interval; `None` without one.
    pub confidence: Option<f64>,
    /// Unit; empty for a number.
    pub unit: String,
}

impl NamedEstimate {
    /// Names an estimate.
    pub(super) fn of(name: &str, estimate: &IntervalEstimate, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: estimate.value,
            lo: estimate.lo,
            hi: estimate.hi,
            confidence: Some(estimate.confidence),
            unit: unit.to_owned(),
        }
    }

    /// Names a number without an interval.
    pub(super) fn number(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            ..Self::default()
        }
    }
}

/// A level of the factor, a model or a configuration. Values that an analysis does not use are
/// `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FindingRow {
    /// Name.
    pub level: String,
    /// The level as a number.
    pub number: Option<f64>,
    /// Number of configurations.
    pub configurations: usize,
    /// Number of runs; of levels and models, those with a known energy per token.
    pub runs: usize,
    /// Mean energy per token in joules.
    pub value: Option<f64>,
    /// Lower end of the mean's interval.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// Ratio to the best level, or to the reference.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's interval.
    pub ratio_lo: Option<f64>,
    /// Upper end.
    pub ratio_hi: Option<f64>,
    /// Probability of such a ratio if there is no difference.
    pub p: Option<f64>,
    /// Verdict in words.
    pub verdict: String,
    /// Whether it is best, cannot be distinguished from the best, or is on the front.
    pub is_selected: bool,
    /// Mean energy before decode per prompt token.
    pub j_per_input_token: Option<f64>,
    /// Mean energy of decode per generated token.
    pub j_per_output_token: Option<f64>,
    /// Mean speed of decode.
    pub tokens_per_s: Option<f64>,
    /// Mean time until the first token, in ns.
    pub ttft_ns: Option<f64>,
    /// Mean time per token after the first, in ns.
    pub tpot_ns: Option<f64>,
    /// Perplexity on the reference text, if it was computed.
    pub perplexity: Option<f64>,
    /// Perplexity of the model in f32 on the same text.
    pub reference_perplexity: Option<f64>,
    /// Share of positions at which the most likely token is that of f32.
    pub top1_agreement: Option<f64>,
}

/// What was found for one series.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Finding {
    /// What the compared configurations have in common.
    pub series: String,
    /// How certain it is.
    pub verdict: FindingVerdict,
    /// The answer in one or two sentences.
    pub answer: String,
    /// Why there is no estimate.
    pub reason: Option<NotEstimable>,
    /// Its numbers.
    pub estimates: Vec<NamedEstimate>,
    /// What it is based on.
    pub rows: Vec<FindingRow>,
}

impl Finding {
    /// Returns a finding that cannot be estimated.
    pub(super) fn not_estimable(series: &str, reason: NotEstimable, rows: Vec<FindingRow>) -> Self {
        Self {
            series: series.to_owned(),
            verdict: FindingVerdict::NotEstimable,
            answer: format!("not estimable: {reason}."),
            reason: Some(reason),
            rows,
            ..Self::default()
        }
    }

    /// Returns the number of runs.
    pub fn runs(&self) -> usize {
        self.rows.iter().map(|row| row.runs).sum()
    }
}
