//! What a comparison amounts to.

use serde::Serialize;

/// What is said of the other side, compared with base. Less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval lies below one, and the difference is larger than the least that
    /// matters.
    Better,
    /// The interval lies above one, and the difference is larger than the least that
    /// matters.
    Worse,
    /// The whole interval lies within the least difference that matters.
    Same,
    /// Neither a difference that matters nor its absence is shown.
    NoDifference,
    /// Nothing can be decided from these runs.
    Inconclusive,
    /// No verdict: the figures of the two sides are not of like kind.
    Undecided,
}

/// Why nothing can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A side has no run.
    NoRun,
    /// A side has one run: no repeat says how runs spread.
    OneRun,
    /// A side has two runs: how they spread is hardly known.
    TwoRuns,
    /// A figure is zero, below it or unknown in some run: there is no ratio.
    NotPositive,
    /// Samples cover too little of the time of a side, or more of one side than of the
    /// other.
    Coverage,
}

impl Verdict {
    /// In words.
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
    /// In words.
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
