//! Rows scored on many traces.

use std::sync::Arc;

use rayon::prelude::*;

use super::{
    AccuracyError, AccuracyRow, Attributor, MethodOptions, ProportionalMethod, RailScore,
    SampleMeaning, score,
};
use crate::simulate::{CalibrationErrors, SensorModel, SimulatedTrace, TrueCalibration, simulate};

/// One trace scored with the method and with `proportional`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccuracyTrial {
    /// The trace's seed.
    pub seed: u64,
    /// The method's score.
    pub ours: RailScore,
    /// That of `proportional`.
    pub proportional: RailScore,
}

/// All trials of one row, in the order of seeds, or the first failure.
#[derive(Debug)]
pub struct RowResult {
    /// The row.
    pub row: AccuracyRow,
    /// Its trials.
    pub trials: Result<Vec<AccuracyTrial>, Arc<AccuracyError>>,
}

/// Scores `method` on traces of all `seeds`. Rows about the same traces share them.
#[must_use]
pub fn run(method: &dyn Attributor, rows: &[AccuracyRow], seeds: &[u64]) -> Vec<RowResult> {
    let mut results: Vec<RowResult> = Vec::with_capacity(rows.len());
    let mut left = rows.to_vec();
    while let Some(&first) = left.first() {
        let (case, others) = left.into_iter().partition(|row| row.same_case(&first));
        results.extend(run_case(method, case, seeds));
        left = others;
    }
    results.sort_by_key(|result| rows.iter().position(|row| *row == result.row));
    results
}

fn run_case(method: &dyn Attributor, case: Vec<AccuracyRow>, seeds: &[u64]) -> Vec<RowResult> {
    let tried = seeds.par_iter().map(|&seed| try_seed(method, &case, seed));
    let tried: Result<Vec<Vec<AccuracyTrial>>, AccuracyError> = tried.collect();
    match tried {
        Ok(tried) => {
            let trials = |place: usize| tried.iter().map(|trials| trials[place]).collect();
            let rows = case.iter().enumerate();
            rows.map(|(place, &row)| RowResult {
                row,
                trials: Ok(trials(place)),
            })
            .collect()
        }
        Err(error) => {
            let error = Arc::new(error);
            let failed = case.into_iter().map(|row| RowResult {
                row,
                trials: Err(error.clone()),
            });
            failed.collect()
        }
    }
}

/// Runs one trial for each row of a case, which has at least one.
fn try_seed(
    method: &dyn Attributor,
    case: &[AccuracyRow],
    seed: u64,
) -> Result<Vec<AccuracyTrial>, AccuracyError> {
    let first = case[0];
    let trace = simulate(first.scenario, seed, &first.settings()?)?;
    let options = options(&trace, first);
    let ours = method.attribute(&trace, &options)?;
    let proportional = ProportionalMethod.attribute(&trace, &options)?;
    let trial = |row: &AccuracyRow| {
        let missing = || AccuracyError::Result {
            what: format!("rail {} is missing", row.rail),
        };
        let ours = ours.get(&row.rail).ok_or_else(missing)?;
        let proportional = proportional.get(&row.rail).ok_or_else(missing)?;
        Ok(AccuracyTrial {
            seed,
            ours: score(&trace, row.rail, ours)?,
            proportional: score(&trace, row.rail, proportional)?,
        })
    };
    case.iter().map(trial).collect()
}

/// Returns the inputs that a user would give: kernels of sensors, and a calibration.
fn options(trace: &SimulatedTrace, row: AccuracyRow) -> MethodOptions {
    let mut options = MethodOptions::default();
    let window_ms = trace.settings.trailing_window_ms;
    for (&rail, truth) in &trace.truth.rails {
        if truth.sensor == SensorModel::Nvml {
            options
                .kernels
                .insert(rail, SampleMeaning::Trailing { window_ms });
        }
        if let Some(mismatch) = row.mismatch {
            let errors = CalibrationErrors::with_mismatch(mismatch);
            options
                .calibrations
                .insert(rail, TrueCalibration::draw(trace, rail, errors));
        }
    }
    options
}
