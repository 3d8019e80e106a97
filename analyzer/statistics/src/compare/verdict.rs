//! Verdicts of comparisons.

use serde::Serialize;

/// Verdict on the other side, compared with base. Less energy is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SideVerdict {
    /// The interval is below one, and the difference exceeds the minimum effect.
    Better,
    /// The interval is above one, and the difference exceeds the minimum effect.
    Worse,
    /// The whole interval is within the minimum effect.
    Same,
    /// Neither a relevant difference nor its absence is shown.
    NoDifference,
    /// These runs allow no decision.
    Inconclusive,
    /// No verdict: the energies of the two sides are not comparable.
    Undecided,
}

/// Reason why there is no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A side has no run.
    NoRun,
    /// A side has one run, so its spread is unknown.
    OneRun,
    /// A side has two runs, so its spread is poorly known.
    TwoRuns,
    /// A value is zero, negative or unknown in some run, so there is no ratio.
    NotPositive,
    /// Samples cover too little of the time of a side, or the coverage of the sides differs.
    Coverage,
}

impl SideVerdict {
    /// Returns it as text.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::NoDifference => "no difference shown",
            Self::Inconclusive => "inconclusive",
            Self::Undecided => "undecided",
        }
    }
}

impl Reason {
    /// Returns it as text.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoRun => "no run",
            Self::OneRun => "one run",
            Self::TwoRuns => "two runs",
            Self::NotPositive => "not above zero in each run",
            Self::Coverage => "coverage",
        }
    }
}
