//! What one look at a check decides.

use serde::Serialize;

use crate::compare::stats::{Comparison, Gate, gate};
use crate::compare::{Compared, Relative};

/// What is allowed, as parts: 0.05 is 5 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How much more a run may need.
    pub above: f64,
    /// How much more one kind of spans may need against the rest of its run.
    pub node_above: f64,
    /// How much sessions differ in what a kind needs against the rest (standard
    /// deviation).
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

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A run needs no more than is allowed, for sure.
    Pass,
    /// A run, or a kind of spans, needs more than is allowed, for sure.
    Regression,
    /// It cannot be told from these runs.
    Undecided,
}

impl Outcome {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pass => "passed",
            Self::Regression => "REGRESSION",
            Self::Undecided => "undecided",
        }
    }
}

/// One kind of spans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// The kind, or several with `+` that cannot be told apart.
    pub kind: String,
    /// Its energy on the baseline, per unit.
    pub base_j: Option<f64>,
    /// Its energy now.
    pub check_j: Option<f64>,
    /// How much more or less of the whole run that is, as a part.
    pub of_run: Option<f64>,
    /// Against the rest of its run: what it costs now over what it cost.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's interval.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// Whether it needs more than is allowed, for sure.
    pub is_regression: bool,
}

/// The outcome with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What it comes to.
    pub outcome: Outcome,
    /// The whole run against the baseline.
    pub total: Comparison,
    /// Kinds of spans, those that grew most first.
    pub nodes: Vec<Node>,
}

impl Verdict {
    /// Judges the second side of a comparison by its first.
    pub fn of(compared: &Compared, limits: &Limits) -> Option<Self> {
        let total = *compared.totals.first()?;
        let base_j = mean(compared);
        let relative = compared.relative(limits.node_session_sd);
        let mut nodes: Vec<Node> = relative
            .iter()
            .map(|one| node(one, base_j, limits))
            .collect();
        nodes.sort_by(|a, b| {
            let key = |node: &Node| (node.is_regression, node.lo.or(node.ratio).unwrap_or(0.0));
            let ((a_is, a), (b_is, b)) = (key(a), key(b));
            b_is.cmp(&a_is).then(b.total_cmp(&a))
        });
        let outcome = match gate(&total, limits.above) {
            _ if nodes.iter().any(|node| node.is_regression) => Outcome::Regression,
            Gate::Regression => Outcome::Regression,
            Gate::Pass => Outcome::Pass,
            Gate::Undecided => Outcome::Undecided,
        };
        Some(Self {
            outcome,
            total,
            nodes,
        })
    }

    /// Whether more runs could change it: a kind may be suspicious while the whole
    /// passes.
    pub fn is_settled(&self, limits: &Limits) -> bool {
        let suspicious = |node: &Node| node.ratio.is_some_and(|r| r > 1.0 + limits.node_above);
        match self.outcome {
            Outcome::Regression => true,
            Outcome::Pass => !self.nodes.iter().any(suspicious),
            Outcome::Undecided => false,
        }
    }
}

/// Mean energy of the baseline's runs, per unit.
fn mean(compared: &Compared) -> Option<f64> {
    let runs = compared.figures.first()?;
    let energies: Option<Vec<f64>> = runs.iter().map(|run| run.energy_j).collect();
    let energies = energies.filter(|energies| !energies.is_empty())?;
    Some(energies.iter().sum::<f64>() / energies.len() as f64)
}

/// A kind is a regression if it needs more against the rest of its run, and its own
/// energy rose: where others became cheaper, nothing became dearer.
fn node(one: &Relative, base_j: Option<f64>, limits: &Limits) -> Node {
    let (own, rest) = (&one.own, &one.to_rest.comparison);
    let is_above = gate(rest, limits.node_above) == Gate::Regression;
    let rose = gate(&own.comparison, 0.0) == Gate::Regression;
    let more = own
        .other_j
        .zip(own.base_j)
        .map(|(now, before)| now - before);
    Node {
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
