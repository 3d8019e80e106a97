//! Reasons why data do not answer a question.

use serde::Serialize;

/// Reason why there is no estimate, with the next step in its text.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotEstimable {
    /// A value has no logarithm.
    #[error("value {value} is not a positive number: leave out its run, or measure it again")]
    NotPositive {
        /// The value.
        value: f64,
    },
    /// A configuration has no run.
    #[error("a configuration has no run: leave it out, or run it")]
    NoRun,
    /// There are fewer samples than the method needs.
    #[error("{} of at least {needed} {of}: measure more", few(*found))]
    TooFew {
        /// The samples, in plural: "configurations", "models".
        of: &'static str,
        /// Their number.
        found: usize,
        /// The number that is required.
        needed: usize,
    },
    /// A regressor has the same value everywhere.
    #[error("{of} is the same in all samples: vary it")]
    NoVariance {
        /// The regressor.
        of: String,
    },
    /// Regressors go together, so that their effects cannot be separated.
    #[error(
        "{} cannot be distinguished: they vary together (condition number {condition:.0}, at most \
         {limit:.0} is accepted); measure configurations in which only one of them varies",
        of.join(", ")
    )]
    Inseparable {
        /// The regressors.
        of: Vec<String>,
        /// Condition number of their standardised logarithms.
        condition: f64,
        /// Largest condition number that is accepted.
        limit: f64,
    },
    /// The measured configurations do not determine the requested one.
    #[error(
        "the measured configurations do not determine this one: an input that it changes was never \
         varied, or only together with others; measure configurations in which only one input varies"
    )]
    NotIdentified,
    /// Models have no workload in common.
    #[error("no workload was measured for all models: run one with each of them")]
    NoCommonWorkload,
    /// The requested configuration is too far from the measured ones.
    #[error(
        "{of} {value} is beyond twice the measured range ({lo} to {hi}): measure a configuration \
         nearer to it"
    )]
    OutOfRange {
        /// The input.
        of: &'static str,
        /// Its requested value.
        value: f64,
        /// Smallest measured value.
        lo: f64,
        /// Largest measured value.
        hi: f64,
    },
    /// A requested input is not a number in its range.
    #[error("{of} {value} is invalid: give a finite number that is not negative")]
    InvalidInput {
        /// The input.
        of: &'static str,
        /// Its value.
        value: f64,
    },
    /// The confidence level is not between zero and one.
    #[error("confidence {confidence} is not between 0 and 1: give for example 0.95")]
    InvalidConfidence {
        /// The level.
        confidence: f64,
    },
    /// A result exceeds the range of floating point numbers.
    #[error("a result is not finite: the values are too large, too small or too far apart")]
    NotFinite,
}

/// Returns a small number as it stands before "of".
fn few(found: usize) -> String {
    match found {
        0 => "none".to_owned(),
        some => format!("only {some}"),
    }
}

impl NotEstimable {
    /// Checks that at least `needed` samples were found.
    pub(crate) fn at_least(
        needed: usize,
        found: usize,
        of: &'static str,
    ) -> Result<(), NotEstimable> {
        match found >= needed {
            true => Ok(()),
            false => Err(Self::TooFew { of, found, needed }),
        }
    }

    /// Checks a confidence level.
    pub(crate) fn check_confidence(confidence: f64) -> Result<(), NotEstimable> {
        match confidence > 0.0 && confidence < 1.0 {
            true => Ok(()),
            false => Err(Self::InvalidConfidence { confidence }),
        }
    }
}
