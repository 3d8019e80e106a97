//! Errors of predictions of left-out configurations.

use serde::Serialize;

use super::result::Prediction;
use super::workload::Workload;
use crate::estimate::IntervalEstimate;
use crate::moments::quantile;
use crate::not_estimable::NotEstimable;

/// A left-out configuration and its prediction from the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictedCell {
    /// The configuration.
    pub workload: Workload,
    /// Geometric mean of its measured energies in joules.
    pub observed_j: f64,
    /// The prediction from the others; `None` if it is refused.
    pub predicted_j: Option<IntervalEstimate>,
    /// Reason of the refusal, or of the missing interval.
    pub reason: Option<NotEstimable>,
    /// Relative error of the prediction: 0.1 is 10 % too high.
    pub relative_error: Option<f64>,
    /// Whether the interval contains the measured energy; `None` without an interval.
    pub is_covered: Option<bool>,
}

/// Errors of the predictions of all configurations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeaveOneOut {
    /// Each configuration.
    pub cells: Vec<PredictedCell>,
    /// Number of configurations with a prediction.
    pub predicted: usize,
    /// Number of configurations with an interval.
    pub with_interval: usize,
    /// Number of these with an interval that contains the measured energy.
    pub covered: usize,
    /// Median size of the relative error; `None` without a prediction.
    pub median_relative_error: Option<f64>,
}

impl LeaveOneOut {
    /// Compares predictions with measured energies in joules.
    pub(super) fn of(
        cells: impl Iterator<Item = (Workload, f64, Result<Prediction, NotEstimable>)>,
    ) -> Self {
        let cells: Vec<_> = cells.map(PredictedCell::of).collect();
        let errors: Vec<f64> = cells
            .iter()
            .filter_map(|cell| cell.relative_error)
            .collect();
        let sizes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
        Self {
            predicted: errors.len(),
            with_interval: cells.iter().filter_map(|cell| cell.is_covered).count(),
            covered: cells
                .iter()
                .filter(|cell| cell.is_covered == Some(true))
                .count(),
            median_relative_error: quantile(&sizes, 0.5),
            cells,
        }
    }
}

impl PredictedCell {
    fn of(
        (workload, observed_j, predicted): (Workload, f64, Result<Prediction, NotEstimable>),
    ) -> Self {
        let refused = Self {
            workload,
            observed_j,
            predicted_j: None,
            reason: None,
            relative_error: None,
            is_covered: None,
        };
        match predicted {
            Ok(prediction) => Self {
                predicted_j: Some(prediction.energy_j),
                relative_error: Some(prediction.energy_j.value / observed_j - 1.0),
                is_covered: prediction
                    .no_interval
                    .is_none()
                    .then(|| prediction.energy_j.contains(observed_j)),
                reason: prediction.no_interval,
                ..refused
            },
            Err(reason) => Self {
                reason: Some(reason),
                ..refused
            },
        }
    }
}
