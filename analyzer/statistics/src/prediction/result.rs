//! The result of a prediction.

use serde::Serialize;

use crate::estimate::IntervalEstimate;
use crate::not_estimable::NotEstimable;

/// A predicted energy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Energy of the whole batch in joules, as the mean of runs. Ends of the interval are `None` if
    /// `no_interval` has a reason.
    pub energy_j: IntervalEstimate,
    /// Whether each input is within its measured range. Otherwise it is within twice the range.
    pub is_within_range: bool,
    /// Reason why there is no interval.
    pub no_interval: Option<NotEstimable>,
    /// Number of configurations, or of models, behind the prediction.
    pub samples: usize,
}
