//! Verdict of one analysis of a check.

use clap::Args;
use serde::Serialize;

use crate::compare::stats::{Comparison, GateOutcome, gate};
use crate::compare::{ComparedSides, Relative};
use crate::options::{parse_fraction, percent_text};

/// Allowed increases as fractions: 0.05 is 5 %.
#[derive(Debug, Clone, Copy, PartialEq, Args)]
pub struct Limits {
    /// Fail if the energy of a run exceeds the baseline significantly by more than this
    #[arg(long = "fail-above", value_name = "PERCENT", value_parser = parse_fraction,
          default_value = percent_text(Self::default().above))]
    pub above: f64,
    /// Fail if the energy of an operation, relative to the remainder of its run, exceeds the
    /// baseline significantly by more than this
    #[arg(long = "fail-node-above", value_name = "PERCENT", value_parser = parse_fraction,
          default_value = percent_text(Self::default().node_above))]
    pub node_above: f64,
    /// Standard deviation between sessions of a kind's energy relative to the remainder.
    #[arg(skip = Self::default().node_session_sd)]
    pub node_session_sd: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            above: 0.05,
            node_above: 0.05,
            node_session_sd: 0.01,
        }
    }
}

/// Outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// The energy of a run is significantly within the limit.
    Pass,
    /// The energy of a run or of a kind significantly exceeds its limit.
    Regression,
    /// Neither is significant.
    Undecided,
}

impl CheckOutcome {
    /// Returns the text for tables.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Pass => "passed",
            Self::Regression => "REGRESSION",
            Self::Undecided => "undecided",
        }
    }
}

/// Verdict on one kind of spans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindVerdict {
    /// The kind, or several joined by `+` that cannot be distinguished.
    pub kind: String,
    /// Energy in the baseline, per unit.
    pub base_j: Option<f64>,
    /// Energy in the check.
    pub check_j: Option<f64>,
    /// Difference relative to the energy of the whole run.
    pub of_run: Option<f64>,
    /// Ratio of check to baseline, relative to the remainder of the run.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's interval.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// Whether it significantly exceeds the limit.
    pub is_regression: bool,
}

/// Outcome with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckVerdict {
    /// The outcome.
    pub outcome: CheckOutcome,
    /// Comparison of the whole run with the baseline.
    pub total: Comparison,
    /// Kinds of spans, largest increase first.
    pub nodes: Vec<KindVerdict>,
}

impl CheckVerdict {
    /// Compares the second side with the first.
    pub fn of(compared: &ComparedSides, limits: &Limits) -> Option<Self> {
        let total = *compared.totals.first()?;
        let base_j = mean(compared);
        let relative = compared.relative(limits.node_session_sd);
        let mut nodes: Vec<KindVerdict> = relative
            .iter()
            .map(|one| node(one, base_j, limits))
            .collect();
        nodes.sort_by(|a, b| {
            let key =
                |node: &KindVerdict| (node.is_regression, node.lo.or(node.ratio).unwrap_or(0.0));
            let ((a_is, a), (b_is, b)) = (key(a), key(b));
            b_is.cmp(&a_is).then(b.total_cmp(&a))
        });
        let outcome = match gate(&total, limits.above) {
            _ if nodes.iter().any(|node| node.is_regression) => CheckOutcome::Regression,
            GateOutcome::Regression => CheckOutcome::Regression,
            GateOutcome::Pass => CheckOutcome::Pass,
            GateOutcome::Undecided => CheckOutcome::Undecided,
        };
        Some(Self {
            outcome,
            total,
            nodes,
        })
    }

    /// Returns whether more runs cannot change the outcome. A passed check isn't settled
    /// while a kind is above its limit without significance.
    pub fn is_settled(&self, limits: &Limits) -> bool {
        let suspicious =
            |node: &KindVerdict| node.ratio.is_some_and(|r| r > 1.0 + limits.node_above);
        match self.outcome {
            CheckOutcome::Regression => true,
            CheckOutcome::Pass => !self.nodes.iter().any(suspicious),
            CheckOutcome::Undecided => false,
        }
    }
}

/// Returns the mean energy of the baseline's runs, per unit.
fn mean(compared: &ComparedSides) -> Option<f64> {
    let runs = compared.figures.first()?;
    let energies: Option<Vec<f64>> = runs.iter().map(|run| run.energy_j).collect();
    let energies = energies.filter(|energies| !energies.is_empty())?;
    Some(energies.iter().sum::<f64>() / energies.len() as f64)
}

/// A kind is a regression if its energy increased both relative to the remainder of its run
/// and absolutely. The former alone also holds if other kinds need less energy.
fn node(one: &Relative, base_j: Option<f64>, limits: &Limits) -> KindVerdict {
    let (own, rest) = (&one.own, &one.to_others.comparison);
    let is_above = gate(rest, limits.node_above) == GateOutcome::Regression;
    let rose = gate(&own.comparison, 0.0) == GateOutcome::Regression;
    let more = own
        .other_j
        .zip(own.base_j)
        .map(|(now, before)| now - before);
    KindVerdict {
        kind: own.part.clone(),
        base_j: own.base_j,
        check_j: own.other_j,
        of_run: more
            .zip(base_j.filter(|base| *base > 0.0))
            .map(|(more, base)| more / base),
        ratio: rest.ratio,
        lo: rest.lo,
        hi: rest.hi,
        is_regression: is_above && rose,
    }
}
