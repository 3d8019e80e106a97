//! Compares a method's result with the truth.

use std::collections::HashMap;

use super::{AccuracyError, MethodEstimate, RailAttribution};
use crate::simulate::{SimulatedRail, SimulatedTrace};

/// Coverage counts kinds and groups with at least this part of the energy.
const SMALLEST_SHARE: f64 = 0.01;

/// Score of intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalScore {
    /// Part of the intervals that hold the truth.
    pub coverage: f64,
    /// Mean half width relative to the truth.
    pub half_width: f64,
}

/// Score of groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupScore {
    /// Number of groups.
    pub count: usize,
    /// Sum of absolute errors relative to all energy of spans.
    pub wmae: f64,
    /// `None` if no group has an interval.
    pub intervals: Option<IntervalScore>,
}

/// One rail of one trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RailScore {
    /// Sum of kinds' absolute errors relative to all energy of spans.
    pub wmae: f64,
    /// `None` if no kind has an interval.
    pub intervals: Option<IntervalScore>,
    /// `None` if the method makes no groups.
    pub groups: Option<GroupScore>,
    /// Share of the result that is the method's own.
    pub gate_weight: Option<f64>,
    /// Error of the method's accounts, relative to the measured energy.
    pub imbalance: f64,
}

/// Compares a result with the truth of one rail.
///
/// # Errors
/// A kind that is not in the trace, or in two groups.
pub fn score(
    trace: &SimulatedTrace,
    rail: SimulatedRail,
    result: &RailAttribution,
) -> Result<RailScore, AccuracyError> {
    let truth = ScoredTruth::new(trace, rail);
    let kinds = result
        .kinds
        .iter()
        .map(|(name, estimate)| (std::slice::from_ref(name), estimate));
    let kinds = truth.compare(kinds)?;
    let groups = result
        .groups
        .iter()
        .map(|group| (group.kinds.as_slice(), &group.estimate));
    let groups = truth.compare(groups)?;
    let count = result.groups.len();
    Ok(RailScore {
        wmae: kinds.wmae,
        intervals: kinds.intervals,
        groups: (count > 0).then_some(GroupScore {
            count,
            wmae: groups.wmae,
            intervals: groups.intervals,
        }),
        gate_weight: result.gate_weight,
        imbalance: result.accounts.imbalance(),
    })
}

struct ScoredTruth<'a> {
    energy_mj: HashMap<&'a str, f64>,
    total_mj: f64,
}

struct ScoredPair {
    wmae: f64,
    intervals: Option<IntervalScore>,
}

impl<'a> ScoredTruth<'a> {
    fn new(trace: &'a SimulatedTrace, rail: SimulatedRail) -> Self {
        let energy = trace.true_energy_mj(rail);
        let total_mj = energy.iter().sum();
        let names = trace.kinds.iter().map(String::as_str);
        Self {
            energy_mj: names.zip(energy).collect(),
            total_mj,
        }
    }

    /// Compares sets of kinds; the energy of kinds that are in none counts as error.
    fn compare<'b>(
        &self,
        sets: impl Iterator<Item = (&'b [String], &'b MethodEstimate)>,
    ) -> Result<ScoredPair, AccuracyError> {
        let mut left = self.energy_mj.clone();
        let mut error_mj = 0.0;
        let mut inside = 0_u32;
        let mut half_widths = Vec::new();
        for (kinds, estimate) in sets {
            let mut true_mj = 0.0;
            for kind in kinds {
                true_mj += left
                    .remove(kind.as_str())
                    .ok_or_else(|| AccuracyError::Result {
                        what: format!(
                            "{kind:?} is not a kind of the trace, or the result has it twice"
                        ),
                    })?;
            }
            error_mj += (estimate.energy_mj - true_mj).abs();
            let large = true_mj > 0.0 && true_mj >= SMALLEST_SHARE * self.total_mj;
            if let Some(range) = estimate.interval.filter(|_| large) {
                inside += u32::from((range.lo_mj..=range.hi_mj).contains(&true_mj));
                half_widths.push((range.hi_mj - range.lo_mj) / 2.0 / true_mj);
            }
        }
        error_mj += left.values().sum::<f64>();
        let count = half_widths.len() as f64;
        let intervals = (count > 0.0).then(|| IntervalScore {
            coverage: f64::from(inside) / count,
            half_width: half_widths.iter().sum::<f64>() / count,
        });
        Ok(ScoredPair {
            wmae: error_mj / self.total_mj,
            intervals,
        })
    }
}
